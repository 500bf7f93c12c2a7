"""The aFRR channel against published numbers of a step of 10 MW, and against plain loops."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.markets.performance.afrr_channel import accepted

STEP_S, ALL_S = 800, 1200


def step() -> np.ndarray:
    """10 MW for 800 s, and nothing after."""
    return np.where(np.arange(ALL_S) < STEP_S, 10.0, 0.0)


def late(seconds: int) -> np.ndarray:
    return np.concatenate([np.zeros(seconds), step()[: ALL_S - seconds]])


def slowest() -> np.ndarray:
    """As late and as slow as allowed, both ways."""
    return accepted(step(), step()).lower_mw


@pytest.mark.parametrize(
    ("second", "limit"),
    [(30, 0.0), (31, 0.037), (60, 1.110), (135, 3.885), (300, 9.990), (360, 10.0)],
)
def test_the_lower_limit_rises_as_published(second: int, limit: float) -> None:
    assert accepted(step(), step()).lower_mw[second] == pytest.approx(limit, abs=1e-9)


@pytest.mark.parametrize(
    ("measured", "paid", "under", "allocable", "over"),
    [
        (step(), 2.22222, 0, 0, 0),
        (late(10), 2.22222, 0, 0, 0),
        (late(60), 2.21775, 0.00425, 0.00308, 0.00447),
        (0.95 * step(), 2.11111, 0, 0, 0),
        (0.94 * step(), 2.08889, 0.01390, 0.01353, 0),
        (0.90 * step(), 2.00000, 0.07032, 0.06917, 0),
        (0.00 * step(), 0, 1.67401, 1.67284, 0),
        (1.10 * step(), 2.22222, 0, 0, 0.22222),
    ],
    ids=["instant", "10 s late", "60 s late", "95 %", "94 %", "90 %", "zero", "110 %"],
)
def test_energies_are_those_published(
    measured: np.ndarray, paid: float, under: float, allocable: float, over: float
) -> None:
    found = accepted(step(), measured)
    told = (found.accepted_mwh, found.under_mwh, found.allocable_mwh, found.over_mwh)
    assert told == pytest.approx((paid, under, allocable, over), abs=6e-6)


def test_the_slowest_ramp_that_is_allowed_is_never_under() -> None:
    assert accepted(step(), slowest()).under_mwh == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_limits_are_those_of_plain_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    asked = np.repeat(rng.uniform(0, 20, 15).round(1), 80)
    found = accepted(asked, asked)
    low = high = 0.0
    for t in range(len(asked)):
        now = [asked[i] if i >= 0 else 0.0 for i in range(t - 31, t + 1)]
        before = [asked[i] if i >= 0 else 0.0 for i in range(t - 301, t - 31 + 1)]
        low = min(min(now), low + round(max(1.0, abs(min(before) - min(now))) / 270, 3))
        high = max(max(now), high - round(max(1.0, abs(max(before) - max(now))) / 270, 3))
        assert (found.lower_mw[t], found.upper_mw[t]) == pytest.approx((low, high), abs=1e-9)


def test_a_hole_of_a_second_is_held_and_told_and_a_long_one_is_refused() -> None:
    measured = step()
    measured[400] = np.nan
    found = accepted(step(), measured)
    assert (found.held, found.under_mwh) == (1, 0.0)
    measured[400:411] = np.nan
    with pytest.raises(InputError, match="no gap of more than 10 s, got 11 s"):
        accepted(step(), measured)


@pytest.mark.parametrize(
    ("asked", "measured", "said"),
    [
        (-step(), step(), "one direction at a time"),
        (np.full(ALL_S, np.nan), step(), "set_point_mw must be at least 0"),
        (step(), step()[:-1], "for each second"),
    ],
)
def test_what_is_no_delivery_is_refused(asked: np.ndarray, measured: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        accepted(asked, measured)

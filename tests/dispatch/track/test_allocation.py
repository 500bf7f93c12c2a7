"""The chosen chargers and powers against every choice there is, and against published losses."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from evergrid.battery.converter import LossCurve
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.fleet_state import FleetState
from evergrid.dispatch.track.tick import tick
from tests.dispatch.track.cases import NOTTON, WORSE, fleet

Kinds = tuple[ChargerType, ChargerType]


def fine(power_kw: float, curve: LossCurve) -> ChargerType:
    """A charger whose powers are almost continuous."""
    return ChargerType(power_kw, power_kw, curve, curve, least_kw=0.1, step_kw=0.005)


def loss_kw(state: FleetState) -> float:
    """Lost at the powers that were told."""
    middle = state.types.powers_kw.shape[1] // 2
    return float(state.types.powers_kw[state.cars["kind"], middle + state.steps, 1].sum())


def least_loss_kw(kinds: Kinds, per_kind: int, target_kw: float) -> float:
    """The same by trying how many of each type run, with the best split between two types."""
    best = np.inf
    for numbers in product(range(per_kind + 1), repeat=len(kinds)):
        if sum(n * k.max_discharge_kw for n, k in zip(numbers, kinds, strict=True)) < target_kw:
            continue
        best = min(best, split_loss_kw(kinds, numbers, target_kw))
    return best


def split_loss_kw(kinds: Kinds, numbers: tuple[int, ...], target_kw: float) -> float:
    (one, n), (two, m) = zip(kinds, numbers, strict=True)

    def lost(first_kw: float) -> float:
        total = 0.0
        for kind, number, power in ((one, n, first_kw), (two, m, target_kw - first_kw)):
            if number:
                share = np.array([power / number / kind.rating_kva])
                total += number * kind.rating_kva * float(kind.discharge.of(share)[0])
        return total

    low = max(n * one.least_kw, target_kw - m * two.max_discharge_kw)
    high = min(n * one.max_discharge_kw, target_kw - m * two.least_kw)
    if low > high + 1e-9:
        return np.inf
    if not n or not m:
        return lost(target_kw if n else 0.0)
    found: Any = minimize_scalar(lost, bounds=(low, max(low, high)), method="bounded")
    return float(found.fun)


@settings(max_examples=60)
@given(share=st.floats(0.05, 0.99), second=st.floats(3.0, 11.0))
def test_no_choice_of_running_chargers_loses_notably_less(share: float, second: float) -> None:
    kinds = (
        fine(7.0, NOTTON),
        fine(round(second, 2), WORSE),
    )
    target_kw = share * 4 * (7.0 + round(second, 2))
    state = fleet(4, *kinds)
    tick(state, target_kw, 2.0)
    assert state.fleet_power_kw == pytest.approx(target_kw, abs=0.02)
    assert loss_kw(state) <= least_loss_kw(kinds, 4, target_kw) * 1.02 + 0.002


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_whole_amperes_and_floors_cost_at_most_half_a_percent_of_the_loss(share: float) -> None:
    count, kind = 200, ChargerType(7.36, 7.36, NOTTON, NOTTON)
    state, target_kw = fleet(count, kind), share * count * 7.36
    tick(state, target_kw, 2.0)
    number = np.arange(1, count + 1)
    each = target_kw / number
    able = (each <= 7.36) & (each >= 1.38)
    bound = (number * 7.36 * NOTTON.of(each / 7.36))[able].min()
    assert bound - 1e-9 <= loss_kw(state) <= 1.005 * bound


def test_as_many_run_as_have_their_best_loading() -> None:
    state = fleet(100)
    tick(state, 100.0, 2.0)
    best_kw = 7.36 * np.sqrt(0.0072 / 0.0345)
    assert np.count_nonzero(state.steps) == int(np.ceil(100.0 / best_kw))


@pytest.mark.data
@pytest.mark.parametrize(
    ("curve", "share", "published"),
    [
        (NOTTON, 0.3, (5.68, 4.05, 3.15)),
        (LossCurve(0.0058, 0.0121, 0.0190), 0.3, (5.61, 3.63, 3.31)),
        (NOTTON, 0.9, (3.81, 4.05, 3.47)),
    ],
)
def test_losses_on_the_real_signal_are_those_of_the_reference(
    curve: LossCurve, share: float, published: tuple[float, ...], data_folder: Path
) -> None:
    """Equal split, full power and best loading; the last by the tick itself, in fine steps."""
    days = (data_folder / f"regulation/pjm_regd_2s_2020-07-{day}.parquet" for day in (16, 17))
    power = (
        np.concatenate([np.abs(pl.read_parquet(day)["regd"].to_numpy()) for day in days]) * share
    )
    served = power.sum()
    equal, full = curve.of(power).sum(), power.sum() * curve.of(np.ones(1))[0]
    # Here a fleet without end, there one of some size: the two differ where chargers are whole.
    assert 100 * equal / served == pytest.approx(published[0], rel=0.08)
    assert 100 * full / served == pytest.approx(published[1], rel=0.04)
    count, lost = 200, []
    state = fleet(count, fine(10.0, curve))
    sample = np.sort(power)[:: len(power) // 200]
    for target in sample:
        tick(state, float(target) * count * 10.0, 0.01)
        lost.append(loss_kw(state))
    ours = 100 * sum(lost) / (sample.sum() * count * 10.0)
    assert ours <= 100 * min(equal, full) / served
    assert ours == pytest.approx(published[2], rel=0.03)

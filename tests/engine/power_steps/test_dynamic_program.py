"""The cheapest run of one store against every run there is."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from evergrid.engine.power_steps.dynamic_program import StoreCase, cheapest
from tests.everyday import first

LEVEL = np.array([-3, -2, 0, 2, 3])


def a_case(seed: int, *, feeds: bool = False, **given: Any) -> StoreCase:
    rng = np.random.default_rng(seed)
    level = LEVEL if feeds else LEVEL[2:]
    price = rng.uniform(0.1, 1.0, 6)
    cost = price[:, None] * level
    cost[rng.random(cost.shape) < 0.1] = np.inf
    cost[:, level == 0] = 0.0
    drained = np.where(level > 0, level, 1.25 * level)
    case = {
        "cost": cost,
        "change_kwh": np.broadcast_to(drained, cost.shape).copy(),
        "level": level,
        "floor_kwh": np.full(6, 2.0),
        "high_kwh": 14.0,
        "start_kwh": 4.0,
        "reserve_kwh": -np.inf,
        "owed_kwh": 4.0 + float(rng.integers(2, 9)),
        "short_price_per_kwh": 50.0,
        "end_value_per_kwh": 0.0,
        "worth_per_kwh": 0.4,
        "start_price": 0.3,
        "bin_kwh": 0.25,
        "low_kwh": 0.0,
        "bins": 60,
        "least_on": int(rng.integers(1, 4)),
        "least_off": int(rng.integers(1, 3)),
        "most_starts": int(rng.integers(-1, 3)),
        "on_before": 0,
        "off_before": int(rng.integers(1, 4)),
    }
    if rng.random() < 0.4:
        case |= {"on_before": int(rng.integers(1, 4)), "off_before": 0}
    return StoreCase(**(case | given))


def price_of(case: StoreCase, run: Any) -> float:
    """What a run costs by its words; infinite where it breaks a rule."""
    held, paid, starts = case.start_kwh, 0.0, 0
    was, length = case.on_before > 0, max(case.on_before, case.off_before)
    for t, n in enumerate(run):
        now = n != 0
        if now != was:
            if length < (case.least_on if was else case.least_off):
                return np.inf
            starts += now
            paid += case.start_price * now
            was, length = now, 0
        length += 1
        at = int(np.nonzero(case.level == n)[0][0])
        held += case.change_kwh[t, at]
        paid += case.cost[t, at]
        if held > case.high_kwh + 1e-9 or held < case.floor_kwh[t] - 1e-9:
            return np.inf
        if n < 0 and held < case.reserve_kwh:
            return np.inf
    if 0 <= case.most_starts < starts:
        return np.inf
    paid += case.short_price_per_kwh * max(case.owed_kwh - held, 0.0)
    return paid - case.end_value_per_kwh * held


@pytest.mark.parametrize("feeds", [False, True])
@pytest.mark.parametrize("seed", first(5, range(25)))
def test_no_run_is_cheaper(seed: int, feeds: bool) -> None:
    case = a_case(seed, feeds=feeds)
    best = min(price_of(case, run) for run in product(case.level.tolist(), repeat=6))
    made = cheapest(case)
    assert made.cost == pytest.approx(best, abs=1e-7)
    if np.isfinite(best):
        assert price_of(case, made.steps.tolist()) == pytest.approx(best, abs=1e-7)


def test_what_is_worth_something_later_is_stored() -> None:
    case = a_case(3, end_value_per_kwh=5.0, most_starts=-1, on_before=0, off_before=9)
    made = cheapest(case)
    held = case.start_kwh + made.steps.sum()
    assert held > case.high_kwh - 2.0


def test_nothing_is_fed_below_the_reserve() -> None:
    rich = {"most_starts": -1, "on_before": 0, "off_before": 9, "owed_kwh": 4.0, "least_on": 1}
    cost = np.where(LEVEL < 0, -9.0, 0.0) * np.ones((6, 1))
    free = cheapest(a_case(5, feeds=True, cost=cost, **rich))
    kept = cheapest(a_case(5, feeds=True, cost=cost, reserve_kwh=6.0, **rich))

    def held_when_fed(steps: Any) -> Any:
        held = 4.0 + np.cumsum(np.where(steps > 0, steps, 1.25 * steps))
        return held[steps < 0]

    assert held_when_fed(free.steps).min() < 6.0
    assert held_when_fed(kept.steps).min() >= 6.0 - 1e-9
    assert kept.cost > free.cost


def test_shares_of_slots_lose_nothing_of_what_is_owed() -> None:
    level = np.arange(0, 9) * (np.arange(0, 9) >= 3)
    share = np.array([0.37, 1.0, 1.0, 0.61])
    change = share[:, None] * np.arange(9) * 0.16
    cost = np.where(level[None, :] == np.arange(9), np.array([4.0, 1.0, 2.0, 3.0])[:, None], np.inf)
    case = a_case(
        1, cost=cost * change, change_kwh=change, level=np.arange(9), floor_kwh=np.zeros(4),
        owed_kwh=4.0 + 2.0, bin_kwh=0.04, low_kwh=3.9, bins=200, least_on=1, least_off=1,
        most_starts=-1, on_before=0, off_before=9, start_price=0.0,
    )  # fmt: skip
    held = 4.0 + float(change[np.arange(4), cheapest(case).steps].sum())
    assert 6.0 - 1e-9 <= held < 6.0 + 0.16

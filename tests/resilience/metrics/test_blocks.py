"""Blocks: the identity of M_D, interruptions, customers, and what is refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.metrics.blocks import BlockTimelines
from evergrid.resilience.metrics.degradation import degradation


def timelines(seed: int = 0, scenarios: int = 20, blocks: int = 5) -> BlockTimelines:
    rng = np.random.default_rng(seed)
    steps = rng.exponential(1.0, (scenarios, 7))
    steps[rng.random(steps.shape) < 0.2] = 0.0  # two changes at one time
    steps[:, 0] = 0.0
    time_h = np.cumsum(steps, axis=1)
    return BlockTimelines(
        time_h,
        rng.random((scenarios, 7, blocks)) < 0.5,
        time_h[:, -1] + rng.random(scenarios),
        rng.uniform(10, 100, blocks),
        np.array(["critical", "comfort", "critical", "life_safety", "comfort"], dtype=object),
        rng.uniform(0.5, 10, blocks),
        rng.integers(1, 500, blocks),
    )


def test_degradation_is_the_sum_of_powers_times_off_times() -> None:
    blocks = timelines()
    expected = (blocks.power_kw * blocks.off_h).sum(axis=1)
    assert degradation(blocks.performance()).energy_kwh == pytest.approx(expected, rel=1e-12)
    assert blocks.unserved_by_tier_kwh.sum(axis=1) == pytest.approx(expected, rel=1e-12)


def test_tiers_come_in_the_order_of_the_blocks() -> None:
    blocks = timelines()
    assert blocks.tiers == ("critical", "comfort", "life_safety")
    unserved = blocks.unserved_kwh
    assert blocks.unserved_by_tier_kwh[:, 1] == pytest.approx(unserved[:, 1] + unserved[:, 4])
    assert blocks.unserved_by_tier_kwh[:, 2] == pytest.approx(unserved[:, 3])


def test_a_tier_survives_where_all_its_blocks_do() -> None:
    blocks = timelines()
    supplied = blocks.supplied.copy()
    supplied[:5, :, [0, 2]] = True  # the critical ones, of which in the sixth one is off
    supplied[5, :, 0] = True
    supplied[5, :, 2] = False
    survived = replace(blocks, supplied=supplied).survived_by_tier
    assert survived[:6, 0].tolist() == [True] * 5 + [False]
    assert not survived[0, 1]


def simple(supplied: list[int], time_h: list[float], horizon_h: float) -> BlockTimelines:
    return BlockTimelines(
        np.array([time_h]),
        np.array(supplied, dtype=bool)[None, :, None],
        np.array([horizon_h]),
        np.array([10.0]),
        np.array(["critical"], dtype=object),
        np.array([2.0]),
        np.array([7]),
    )


def test_each_switching_off_is_an_interruption_and_the_event_is_one() -> None:
    assert simple([0, 1, 0, 1], [0.0, 1.0, 2.0, 3.0], 4.0).interruptions[0, 0] == 2
    assert simple([1, 1], [0.0, 1.0], 4.0).interruptions[0, 0] == 0
    assert simple([1, 0], [0.0, 4.0], 4.0).interruptions[0, 0] == 1  # at the horizon itself


def test_a_state_without_length_is_none() -> None:
    brief = simple([1, 0, 1], [0.0, 1.0, 1.0], 4.0)
    assert (brief.interruptions[0, 0], brief.off_h[0, 0]) == (0, 0.0)


def test_off_time_by_customer_weighs_each_block_by_its_customers() -> None:
    blocks = replace(timelines(), customers=np.array([1, 0, 0, 0, 3]))
    expected = (blocks.off_h[:, 0] + 3 * blocks.off_h[:, 4]) / 4
    assert blocks.mean_off_h == pytest.approx(expected)


def test_nobody_has_no_mean_off_time() -> None:
    blocks = replace(timelines(), customers=np.zeros(5, dtype=np.int64))
    with pytest.raises(InputError, match="customers must not all be 0"):
        _ = blocks.mean_off_h


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"power_kw": [-1.0]}, "power_kw"),
        ({"power_kw": [float("nan")]}, "power_kw"),
        ({"weight": [-1.0]}, "weight"),
        ({"customers": [-1]}, "customers"),
        ({"time_h": [[1.0, 0.0]]}, "time_h"),
        ({"time_h": [[0.0, float("nan")]]}, "time_h"),
        ({"horizon_h": [0.5]}, "time_h"),
    ],
)
def test_blocks_that_cannot_be_are_refused(change: dict[str, Any], field: str) -> None:
    arrays = {name: np.array(values) for name, values in change.items()}
    with pytest.raises(InputError) as caught:
        replace(simple([0, 1], [0.0, 1.0], 4.0), **arrays)
    assert caught.value.field == field


def test_no_scenario_is_refused() -> None:
    none = simple([0, 1], [0.0, 1.0], 4.0)
    with pytest.raises(InputError, match="supplied must not be empty"):
        replace(
            none, time_h=none.time_h[:0], supplied=none.supplied[:0], horizon_h=none.horizon_h[:0]
        )

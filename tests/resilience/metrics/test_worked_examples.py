"""Six curves whose metrics are known by hand, and waits for vehicles whose laws are known."""

import numpy as np
import pytest

from evergrid.resilience.metrics.blocks import BlockTimelines
from evergrid.resilience.metrics.degradation import degradation
from evergrid.resilience.metrics.kaplan_meier import kaplan_meier
from evergrid.resilience.metrics.performance import PerformanceCurves, curve
from evergrid.resilience.metrics.recovery import recovery
from evergrid.resilience.metrics.trapezoid import trapezoid
from tests.resilience.metrics.cases import of, second_collapse

DRAWS = 200_000


def test_a_straight_restoration() -> None:
    line = of([0, 4], [0, 100], horizon_h=4.0, interpolation="linear")
    lost = degradation(line)
    assert lost.energy_kwh[0] == pytest.approx(200.0, rel=1e-14)
    assert lost.resilience[0] == pytest.approx(0.5, rel=1e-14)
    assert recovery(line, [0.8, 1.0]).time_h[0] == pytest.approx([3.2, 4.0], rel=1e-14)


def test_blocks_that_are_picked_up_one_by_one() -> None:
    blocks = BlockTimelines(
        time_h=np.array([[0.0, 0.5, 1.0, 2.0, 4.0]]),
        supplied=np.tri(5, 4, -1, dtype=bool)[None],
        horizon_h=np.array([6.0]),
        power_kw=np.array([100.0, 150.0, 150.0, 100.0]),
        tier=np.array(["life_safety", "critical", "equipment", "comfort"], dtype=object),
        weight=np.array([10.0, 3.0, 1.0, 0.5]),
        customers=np.array([1, 1, 1, 1]),
    )
    assert blocks.unserved_kwh[0] == pytest.approx([50.0, 150.0, 300.0, 400.0])
    assert blocks.weighted_kwh[0] == pytest.approx(500.0 + 450.0 + 300.0 + 200.0)
    curves = blocks.performance()
    assert degradation(curves).energy_kwh[0] == pytest.approx(900.0)
    assert recovery(curves, [0.8, 0.95]).time_h[0] == pytest.approx([2.0, 4.0])


def test_an_exponential_restoration() -> None:
    """Straight lines between 100,000 knots; to infinity means for 40 time constants."""
    time_h = np.linspace(0.0, 80.0, 100_001)
    served = 100.0 * (1 - np.exp(-time_h / 2.0))
    smooth = curve(time_h, served, 100.0, horizon_h=80.0, interpolation="linear")
    found = recovery(smooth, [0.9])
    assert found.time_h[0, 0] == pytest.approx(2 * np.log(10.0), abs=1e-6)
    to_recovery = degradation(smooth, after_h=found.time_h[:, 0])
    assert to_recovery.energy_kwh[0] == pytest.approx(180.0, abs=1e-4)
    assert degradation(smooth).energy_kwh[0] == pytest.approx(200.0, abs=1e-4)


@pytest.mark.parametrize(("hold_h", "expected_h"), [(0.0, 1.0), (0.5, 1.0), (np.inf, 3.0)])
def test_a_second_collapse(hold_h: float, expected_h: float) -> None:
    found = recovery(second_collapse(), [0.9], hold_h=hold_h)
    assert found.time_h[0, 0] == expected_h
    assert degradation(second_collapse()).energy_kwh[0] == 160.0


def test_cold_loads_are_clipped() -> None:
    lost = degradation(of([0, 1, 2], [0, 200, 100], horizon_h=3.0))
    assert lost.energy_kwh[0] == 100.0
    assert lost.unclipped_kwh[0] == 0.0


def test_the_trapezoid() -> None:
    shape = of([0, 2, 10, 18], [100, 40, 40, 100], horizon_h=20.0, interpolation="linear")
    found = trapezoid(shape)
    assert 100 * found.degradation_per_h[0] == pytest.approx(-30.0)
    assert 100 * found.lost_share[0] == pytest.approx(60.0)
    assert found.degraded_h[0] == pytest.approx(8.0)
    assert 100 * found.restoration_per_h[0] == pytest.approx(7.5)
    assert 100 * found.area_h[0] == pytest.approx(60.0 * (1 + 8 + 4))
    assert found.restored[0]


def waits(time_h: np.ndarray) -> np.ndarray:
    """T_r of scenarios in which the whole demand comes back at these times."""
    count = len(time_h)
    knots = np.column_stack([np.zeros(count), time_h])
    served = np.tile([0.0, 100.0], (count, 1))
    ends = np.full(count, 100.0)
    curves = PerformanceCurves(knots, served, np.full((count, 2), 100.0), 0 * ends, ends)
    found = recovery(curves, [0.95])
    assert found.reached.all()
    return found.time_h[:, 0]


def test_the_wait_for_the_third_of_a_poisson_stream_is_erlang() -> None:
    rng = np.random.default_rng(1)
    found = waits(rng.exponential(1 / 4, (DRAWS, 3)).sum(axis=1))
    known = kaplan_meier(found, np.ones(DRAWS, dtype=bool), confidence=0.9973)
    within = 1 - 13 * np.exp(-4.0)
    assert within == pytest.approx(0.7618967, abs=1e-7)
    assert found.mean() == pytest.approx(0.75, abs=3 * np.sqrt(3) / 4 / np.sqrt(DRAWS))
    sigma = np.sqrt(within * (1 - within) / DRAWS)
    assert known.recovered_within(1.0) == pytest.approx(within, abs=3 * sigma)
    p90 = known.quantile(0.9)
    assert p90.low.time_h < 1.3305801 < p90.high.time_h
    assert p90.estimate.time_h == pytest.approx(1.3305801, abs=0.01)


def test_the_wait_for_the_sixth_of_twelve_is_an_order_statistic() -> None:
    rng = np.random.default_rng(2)
    found = waits(np.sort(rng.exponential(0.75, (DRAWS, 12)), axis=1)[:, 5])
    mean_h = 0.75 * sum(1 / k for k in range(7, 13))
    assert mean_h == pytest.approx(0.4899080, abs=1e-7)
    sigma = 0.75 * np.sqrt(sum(1 / k**2 for k in range(7, 13)) / DRAWS)
    assert found.mean() == pytest.approx(mean_h, abs=3 * sigma)

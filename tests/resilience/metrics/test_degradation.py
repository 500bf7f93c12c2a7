"""M_D: laws of the integral, and the worth of what is lost."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.resilience.metrics.degradation import (
    degradation,
    interruption_cost,
    robustness,
)
from evergrid.resilience.metrics.recovery import recovery
from tests.resilience.metrics.cases import Hours, hourly, hours, of, second_collapse


def test_the_share_is_of_the_energy_demanded() -> None:
    lost = degradation(second_collapse())
    assert lost.demand_kwh[0] == 500.0
    assert lost.share[0] == pytest.approx(160 / 500)
    assert lost.resilience[0] == pytest.approx(340 / 500)


def test_where_nothing_is_demanded_nothing_is_lost() -> None:
    lost = degradation(of([0], [5], 0.0, horizon_h=2.0))
    assert (lost.share[0], lost.resilience[0], lost.unclipped_kwh[0]) == (0.0, 1.0, -10.0)


def test_to_recovery_less_is_lost_than_to_the_horizon() -> None:
    first = recovery(second_collapse(), [0.9], hold_h=0.0).time_h[:, 0]
    assert degradation(second_collapse(), after_h=first).energy_kwh[0] == 100.0


def test_a_line_that_crosses_the_demand_loses_its_triangle() -> None:
    crossing = of([0, 4], [50, 150], horizon_h=4.0, interpolation="linear")
    lost = degradation(crossing)
    assert lost.energy_kwh[0] == pytest.approx(50 * 2 / 2)
    assert lost.unclipped_kwh[0] == pytest.approx(0.0)


def test_a_demand_that_changes_is_followed() -> None:
    demand = np.array([100.0, 200.0, 50.0])
    assert degradation(of([0, 1, 3], [60] * 3, demand, horizon_h=4.0)).energy_kwh[0] == 40 + 280


@given(hours())
def test_clipping_never_loses_less_and_no_more_than_the_demand(scenarios: list[Hours]) -> None:
    curves = hourly(scenarios)
    lost = degradation(curves)
    assert (lost.energy_kwh >= lost.unclipped_kwh).all()
    assert (lost.energy_kwh <= lost.demand_kwh).all()


@given(hours(), st.floats(0.01, 0.99))
def test_knots_that_change_nothing_change_nothing(scenarios: list[Hours], part: float) -> None:
    curves = hourly(scenarios)

    def doubled(values: np.ndarray) -> np.ndarray:
        return np.repeat(values, 2, axis=1)

    shift = np.tile([0.0, part], curves.time_h.shape[1])
    finer = replace(
        curves,
        time_h=doubled(curves.time_h) + shift,
        served_kw=doubled(curves.served_kw),
        demand_kw=doubled(curves.demand_kw),
    )
    expected, found = degradation(curves), degradation(finer)
    assert found.energy_kwh == pytest.approx(expected.energy_kwh)
    assert np.array_equal(recovery(finer).time_h, recovery(curves).time_h)


@given(hours())
def test_lines_are_integrated_as_fine_sums_are(scenarios: list[Hours]) -> None:
    curves = hourly(scenarios)
    lines = replace(curves, interpolation="linear")
    cells = 4000
    for row in range(len(curves.event_h)):
        width = curves.followed_h[row] / cells
        middle = curves.event_h[row] + (np.arange(cells) + 0.5) * width
        served = np.interp(middle, curves.time_h[row], curves.served_kw[row])
        expected = np.maximum(4.0 - served, 0.0).sum() * width
        assert degradation(lines).energy_kwh[row] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("after_h", [-1.0, float("nan")])
def test_an_end_before_the_event_is_refused(after_h: float) -> None:
    with pytest.raises(InputError, match="after_h must be at least 0"):
        degradation(second_collapse(), after_h=np.array([after_h]))


def test_robustness_is_the_lowest_share_after_the_event() -> None:
    dip = of([0, 1, 2, 3], [10, 100, 35, 200], horizon_h=4.0, event_h=1.5)
    assert robustness(dip)[0] == pytest.approx(0.35)
    assert robustness(of([0], [200], horizon_h=1.0))[0] == 1.0
    line = of([0, 4], [0, 100], horizon_h=4.0, event_h=1.0, interpolation="linear")
    assert robustness(line)[0] == pytest.approx(0.25)


def test_the_cost_is_that_of_each_tier() -> None:
    energy_kwh = np.array([[1000.0, 500.0], [0.0, 250.0]])
    assert interruption_cost(energy_kwh, np.array([50_000.0, 4_000.0])).tolist() == [52_000, 1_000]


@pytest.mark.parametrize(
    ("energy", "voll", "field"),
    [(1.0, -1.0, "voll_per_mwh"), (1.0, np.inf, "voll_per_mwh"), (np.nan, 1.0, "energy_kwh")],
)
def test_a_worth_that_cannot_be_is_refused(energy: float, voll: float, field: str) -> None:
    with pytest.raises(InputError) as caught:
        interruption_cost(np.array([[energy]]), np.array([voll]))
    assert caught.value.field == field

"""Losses of chargers by their power: by hand, and against what a plan counts with."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.battery.converter import Converter, LossCurve
from evergrid.core.errors import InputError
from evergrid.dispatch import plan
from evergrid.dispatch.equipment import part_load
from evergrid.dispatch.equipment.part_load import ChargerLosses, LossAssessment
from evergrid.model.schedule import Schedule
from tests.dispatch.cases import Stay, a_portfolio, by_hand

CURVE = LossCurve(0.01, 0.02, 0.03)
CONVERTER = Converter(1.0, CURVE, LossCurve(0.02, 0.01, 0.05))
LOSSES = ChargerLosses(CONVERTER, standby_kw=0.02, cell_efficiency=0.99)


def assessed(power_kw: list[float], *, owed_kwh: float = 0.0) -> LossAssessment:
    """A charger of 10 kW that does so for an hour each, of a car with 50 kWh."""
    stays = [Stay(0, len(power_kw), owed_kwh, feeds=True, held_kwh=50.0)]
    portfolio = by_hand(stays, [100.0] * len(power_kw))
    power = np.array([power_kw])
    held = 50.0 - np.cumsum(power, axis=1)  # without losses
    planned = Schedule(portfolio.grid, power, held, np.ones(power.shape, bool), None)
    return LossAssessment(portfolio, planned, LOSSES)


def test_losses_are_those_of_each_step_at_its_power() -> None:
    found = assessed([-10.0, -1.0, 0.0, 5.0])
    into = (10.0 - 10 * (0.01 + 0.02 + 0.03)) * 0.99 + (1.0 - 10 * (0.01 + 0.002 + 0.0003)) * 0.99
    out = (5.0 + 10 * (0.02 + 0.005 + 0.0125)) / 0.99
    assert found.by_model_kwh == pytest.approx(11.0 - into + out - 5.0)
    assert found.by_plan_kwh == 0.0
    assert found.standby_kwh == pytest.approx(0.02)
    charge, discharge = found.efficiencies()
    assert charge == pytest.approx([into / 11.0])
    assert discharge == pytest.approx([5.0 / out])


def test_a_charger_that_takes_less_than_it_needs_to_run_stores_nothing() -> None:
    assert LOSSES.into_cells(np.array([0.005, 0.0])).tolist() == [0.0, 0.0]
    assert LOSSES.out_of_cells(np.array([0.0])).tolist() == [0.0]


def test_what_is_owed_and_not_there_is_missing_up_to_what_the_plan_gave() -> None:
    found = assessed([-10.0, -10.0], owed_kwh=69.0)
    into = 2 * (10.0 - 0.6) * 0.99
    assert found.missing_kwh == pytest.approx([69.0 - 50.0 - into])
    assert assessed([-10.0, -10.0], owed_kwh=60.0).missing_kwh.tolist() == [0.0]
    # The plan itself leaves it 5 kWh short, which is not the model's doing.
    short = assessed([-10.0, -10.0], owed_kwh=75.0)
    assert short.missing_kwh == pytest.approx([70.0 - 50.0 - into])


def test_the_round_trip_at_the_rating_has_the_losses_of_both_ways_and_of_the_cells() -> None:
    into, out = (1.0 - 0.06) * 0.99, (1.0 + 0.08) / 0.99
    assert LOSSES.round_trip_at_rating == pytest.approx(into / out)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("cell_efficiency", 99.0), ("cell_efficiency", 0.0), ("standby_kw", -1.0)],
)
def test_numbers_out_of_range_are_refused(field: str, wrong: float) -> None:
    with pytest.raises(InputError, match=field):
        replace(LOSSES, **{field: wrong})


@pytest.mark.parametrize("seed", range(3))
def test_plans_with_the_efficiencies_of_the_last_one_agree_in_the_end(seed: int) -> None:
    portfolio, apart = part_load.expected(a_portfolio(seed), LOSSES), []
    for _ in range(6):
        made = plan.v2g(portfolio, plan.Options(plan.end_value_per_kwh(portfolio)))
        found = LossAssessment(portfolio, made.schedule, LOSSES)
        apart.append(abs(found.by_plan_kwh / found.by_model_kwh - 1.0))
        portfolio = part_load.with_efficiencies(found)
    assert max(apart[-2:]) <= part_load.AGREED


def test_expected_efficiencies_are_those_at_the_ratings() -> None:
    portfolio = by_hand([Stay(0, 2, 0.0, feeds=True), Stay(0, 2, 0.0)], [50.0, 50.0])
    sessions = part_load.expected(portfolio, LOSSES).sessions
    assert sessions.efficiency_charge == pytest.approx([0.94 * 0.99] * 2)
    # the second may not feed: what its efficiency would be says nothing
    assert sessions.efficiency_discharge == pytest.approx([0.99 / (1.0 + 0.08), 1.0])

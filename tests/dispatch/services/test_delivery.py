"""A plan with regulation carried out: chargers as sessions say, and energies as planned."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.dispatch import plan as energy_plan
from evergrid.dispatch.options import Options
from evergrid.dispatch.services import delivery
from evergrid.dispatch.services import plan as service_plan
from evergrid.dispatch.services.delivery import ChargerRules
from evergrid.dispatch.services.service import Service
from evergrid.dispatch.track.fleet_state import FleetState
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.site import Sites, no_load
from evergrid.model.time_series.signal import Signal
from tests.dispatch.cases import Stay, by_hand

EXPORT_KW = np.array([5.0, np.inf])
RULES = ChargerRules(message_loss=0.0, latency_s=0.0)


@pytest.mark.parametrize("efficiency", [1.0, 0.98, 0.93, 0.85])
def test_a_charger_loses_at_its_rating_what_its_session_says(efficiency: float) -> None:
    portfolio = by_hand([Stay(0, 4, 50.0, feeds=True, held_kwh=50.0)], [100.0] * 4)
    own = {name: np.array([efficiency]) for name in ("efficiency_charge", "efficiency_discharge")}
    sessions = replace(portfolio.sessions, **own)
    ((charger,), _) = delivery.charger_types(replace(portfolio, sessions=sessions), RULES)
    full = np.array([1.0])
    assert 1.0 - charger.charge.of(full)[0] == pytest.approx(efficiency, abs=2e-6)
    assert 1.0 / (1.0 + charger.discharge.of(full)[0]) == pytest.approx(efficiency, abs=2e-6)


@pytest.mark.parametrize(("rating_kw", "least_kw"), [(1.0, 0.92), (0.9, 0.69), (0.23, 0.23)])
def test_a_charger_below_the_least_current_gives_whole_steps_of_what_it_can(
    rating_kw: float, least_kw: float
):
    made = delivery.charger_type(rating_kw, rating_kw, 0.9, 0.9, rules=RULES)
    assert made.least_kw == pytest.approx(least_kw)


def test_a_battery_of_less_than_a_step_is_refused_by_name():
    portfolio = by_hand([Stay(0, 2, 0), Stay(0, 2, 0)], [50.0, 50.0])
    sessions = replace(portfolio.sessions, max_charge_kw=np.array([10.0, 0.001]))
    with pytest.raises(InputError, match=r"max_charge_kw must be at least 0\.23 kW .*session-1"):
        delivery.charger_types(replace(portfolio, sessions=sessions), RULES)


def followed(portfolio: Portfolio, award_kw: float) -> np.ndarray:
    """Planned and delivered power of the fleet, for a signal that asks for nothing."""
    service = Service("regulation", np.zeros(4), block_steps=1, hold_h=0.0)
    how = Options(energy_plan.end_value_per_kwh(portfolio))
    made = service_plan.plan(portfolio, [service], how, alone=energy_plan.v2g(portfolio, how))
    still = Signal(2.0, np.zeros(4 * 1800))
    award = np.full(4, award_kw)
    record = delivery.follow(portfolio, made, award, still, RULES, service=service, block_h=1.0)
    by_hour = (record.base_kw + record.response_kw).reshape(4, -1).mean(axis=1)
    return np.stack([made.schedule.power_kw.sum(axis=0), by_hour])


def test_a_signal_that_asks_for_nothing_leaves_a_fleet_at_its_plan() -> None:
    # It sells all it holds in the dear hours, stands empty for one, and buys back in the last.
    stays = [Stay(0, 4, 6.9, feeds=True, held_kwh=13.8)]
    portfolio = by_hand(stays, [300.0, 300.0, 200.0, 100.0])
    rating = {name: np.array([6.9]) for name in ("max_charge_kw", "max_discharge_kw")}
    planned, done = followed(
        replace(portfolio, sessions=replace(portfolio.sessions, **rating)), 0.0
    )
    assert planned == pytest.approx([6.9, 6.9, 0.0, -6.9])
    assert done == pytest.approx(planned, abs=0.25)  # a step of 1 A


def test_following_keeps_the_limit_of_each_site(monkeypatch: pytest.MonkeyPatch) -> None:
    one = by_hand([Stay(0, 4, 50.0, feeds=True, held_kwh=50.0)] * 2, [100.0] * 4)
    streets = np.array(["east", "west"], dtype=object)
    roots, free = np.array(["", ""], dtype=object), np.full(2, np.inf)
    sites = Sites(streets, roots, free, EXPORT_KW, np.zeros(2), np.zeros(2, bool))
    sessions = replace(one.sessions, site_id=streets)
    portfolio = assemble(one.grid, sessions, sites, no_load(), one.prices)
    told = list[np.ndarray]()
    advance = delivery.site_limits.follow

    def watched(state: FleetState, *given: Any) -> np.ndarray:
        left = advance(state, *given)
        told.append(given[2].sums(state.power_kw))
        return left

    monkeypatch.setattr(delivery.site_limits, "follow", watched)
    service = Service("regulation", np.full(4, 1.0), block_steps=1, hold_h=0.5)
    how = Options(energy_plan.end_value_per_kwh(portfolio))
    made = service_plan.plan(portfolio, [service], how, alone=energy_plan.v2g(portfolio, how))
    assert made.award_kw[0].min() >= 15.0
    asked = Signal(2.0, np.tile([1.0, -1.0], 2 * 1800)[: 4 * 1800])
    record = delivery.follow(
        portfolio, made, made.award_kw[0], asked, RULES, service=service, block_h=1.0
    )
    assert record.award_kw[0] > 10.0
    assert (np.array(told)[:, 0] <= 5.0 + 1e-9).all()
    assert np.array(told)[:, 1].max() > 8.0
    assert record.beyond_kw.max() == 0.0

"""Plans: limits kept, no policy better than the bound, hand-checked cases."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.inputs.microgrid import MicrogridEntry
from evergrid.model.microgrid import DieselSet
from evergrid.resilience.restoration import rolling
from evergrid.resilience.restoration.limits import violations
from evergrid.resilience.restoration.plan import plan
from evergrid.resilience.restoration.policy import follow
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.schedule import cost_kwh, gap
from tests.resilience.restoration.cases import block, bus, random_site, site

RULE = RestorationRule(pickup_share=1.0)


@pytest.mark.parametrize("seed", [0, 2, 3, 4, 6, 7, 8, 10])
def test_no_policy_costs_less_than_the_bound(seed: int):
    given = random_site(np.random.default_rng(100 + seed))
    rule = RestorationRule(pickup_share=0.6, reserve_for_largest=seed % 3 == 0, expected_h=1.5)
    best = plan(given, rule, 2.0, 0.25, time_limit_s=20.0)
    fast = follow(given, rule, 2.0, 0.25)
    assert violations(given, best) == ()
    assert best.status.good
    assert best.bound_kwh <= cost_kwh(given, best) + 1e-6
    assert cost_kwh(given, best) <= cost_kwh(given, fast) + 1e-6
    for policy_cost in (fast, rolling.follow(given, rule, 2.0, 0.25)):
        assert violations(given, policy_cost) == ()
        assert cost_kwh(given, policy_cost) >= best.bound_kwh - 1e-6
    if best.status is Status.OPTIMAL:
        assert gap(given, best) <= 1e-3


def test_energy_goes_where_it_is_worth_most():
    blocks = (block("care", 40.0, weight=10.0), block("ward", 40.0, weight=1.0))
    given = site(*blocks, batteries=(bus("a", 100.0), bus("b", 100.0)))
    found = plan(given, RULE, 4.0, 0.25, gap=1e-6)
    assert found.closed.sum(axis=1).tolist() == [16, 4]  # 160 kWh, and the 40 kWh that are left
    assert found.status is Status.OPTIMAL
    assert cost_kwh(given, found) == pytest.approx(120.0)


def test_a_plan_without_trips_never_opens_and_closes_later_instead():
    given = site(block("ward", 40.0), batteries=(bus("a", 100.0),))
    rule = RestorationRule(pickup_share=1.0, planned_trips=False)
    found = plan(given, rule, 4.0, 0.25, gap=1e-6)
    assert found.openings.sum() == 0
    assert found.closed[0].tolist() == [False] * 6 + [True] * 10


def test_power_of_single_vehicles_is_kept_though_they_are_planned_as_a_fleet():
    # Together 120 kWh, but 100 of them behind 30 kW: 60 kW last for 20 kWh over 30 kW, 40 minutes.
    units = (bus("slow", 100.0, 30.0), bus("quick", 20.0, 60.0))
    given = site(block("large", 60.0, weight=1.0), batteries=units)
    found = plan(given, RULE, 2.0, 0.25, gap=1e-6)
    assert violations(given, found) == ()
    assert found.closed.sum() == 2
    assert found.status is Status.OPTIMAL


def test_a_vehicle_that_leaves_takes_its_energy_with_it():
    units = (bus("leaves", 100.0, departure_h=1.0), bus("stays", 20.0))
    given = site(block("ward", 40.0), batteries=units)
    found = plan(given, RULE, 2.0, 0.25, gap=1e-6)
    assert violations(given, found) == ()
    assert found.closed.sum() == 4 + 2  # 40 kWh from the one, 20 kWh from the other
    assert found.battery_kw[0, :4].tolist() == [40.0] * 4


def test_the_sun_fills_the_site_battery_for_the_night():
    sun = np.array([80.0] * 4 + [0.0] * 4)
    unit = bus("store", 0.0, stationary=True, efficiency_charge=0.5)
    given = site(block("ward", 20.0), batteries=(unit,), solar_kw=sun, solar_step_h=0.5)
    found = plan(given, RULE, 4.0, 0.5, gap=1e-6)
    assert violations(given, found) == ()
    # 60 kW at half are 30 kWh an hour; a battery that is empty at first forms no grid
    assert not found.closed.any()
    begun = site(
        block("ward", 20.0),
        batteries=(bus("store", 2.0, stationary=True, efficiency_charge=0.5),),
        solar_kw=sun,
        solar_step_h=0.5,
    )
    lit = plan(begun, RULE, 4.0, 0.5, gap=1e-6)
    assert violations(begun, lit) == ()
    assert lit.closed.all()


def test_a_diesel_set_idles_as_little_as_it_can():
    sets = (DieselSet("diesel", 100.0, 50.0, idle_share=0.5, least_load_share=0.3),)
    given = site(block("ward", 60.0), batteries=(bus("a", 30.0),), diesel_sets=sets)
    found = plan(given, RULE, 2.0, 0.25, gap=1e-6)
    assert violations(given, found) == ()
    assert found.status is Status.OPTIMAL
    assert found.closed.sum() >= 4


def test_a_site_that_nothing_can_start_stays_dark():
    given = site(block(), batteries=(bus(grid_forming=False, black_start=False),))
    found = plan(given, RULE, 2.0, 0.25)
    assert not found.closed.any()
    assert found.status is Status.OPTIMAL
    assert gap(given, found) == pytest.approx(0.0)


def test_a_plan_knows_who_comes_and_a_rolling_one_learns_it():
    late = bus("late", 100.0, arrival_h=1.0)
    given = site(block("ward", 40.0), batteries=(bus("there", 20.0), late))
    rule = RestorationRule(pickup_share=1.0, expected_h=2.0, interruption_h=1.0)
    best = plan(given, rule, 3.0, 0.25, gap=1e-6)
    assert best.openings.sum() == 0
    found = rolling.follow(given, rule, 3.0, 0.25)
    assert violations(given, found) == ()
    assert cost_kwh(given, found) >= best.bound_kwh
    assert found.method == "rolling"


def test_a_rolling_plan_goes_on_with_what_is_closed_and_cold():
    of = block("ward", 40.0, cold_load_factor=2.0, cold_load_decay_h=0.5, cold_load_delay_h=0.3)
    units = (bus("a", 120.0, 90.0), bus("b", 120.0, 90.0, arrival_h=0.5))
    given = site(of, batteries=units)
    rule = RestorationRule(pickup_share=1.0, expected_h=4.0)
    found = rolling.follow(given, rule, 4.0, 0.25, expected_wait_h=0.5, gap=1e-6)
    assert violations(given, found) == ()
    assert found.closed.all()


def test_a_plan_for_unknown_lengths_beats_one_that_knows_them_wrongly_in_the_mean():
    given = MicrogridEntry().record(np.random.default_rng(3))
    lasting = np.exp(-np.arange(24) / 6.0)
    mean = plan(given, RULE, 6.0, 0.25, lasting=lasting)
    wrong = plan(given, RULE, 6.0, 0.25)
    assert violations(given, mean) == ()
    assert (
        mean.bound_kwh <= cost_kwh(given, mean, lasting) <= cost_kwh(given, wrong, lasting) + 1e-6
    )
    assert gap(given, mean, lasting) <= 1e-3
    assert cost_kwh(given, mean) >= wrong.bound_kwh


def test_probabilities_of_another_number_of_steps_are_refused():
    with pytest.raises(InputError, match="one probability for each step, 8"):
        plan(site(block(), batteries=(bus(),)), RULE, 2.0, 0.25, lasting=np.ones(7))

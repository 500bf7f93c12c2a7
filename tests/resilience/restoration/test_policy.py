"""The fast policy: limits kept in anything drawn, hand-checked cases, one outage as in a batch."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.inputs.microgrid import MicrogridEntry
from evergrid.model.microgrid import DieselSet
from evergrid.resilience.restoration.limits import violations
from evergrid.resilience.restoration.policy import follow, follow_many
from evergrid.resilience.restoration.rule import RestorationRule, SourceFailures, none_fail
from evergrid.resilience.restoration.schedule import cost_kwh, not_served_kwh
from tests.everyday import first
from tests.resilience.restoration.cases import block, bus, random_site, site

RULE = RestorationRule(pickup_share=1.0, hold_h=0.0, expected_h=1e-3)  # serve now, save nothing


@pytest.mark.parametrize("seed", first(8, range(40)))
def test_no_limit_is_broken_in_anything_drawn(seed: int):
    random = np.random.default_rng(seed)
    given = random_site(random, blocks=5, vehicles=5)
    rule = RestorationRule(
        pickup_share=float(random.uniform(0.3, 1.0)),
        reserve_for_largest=bool(random.random() < 0.3),
        closings_per_step=int(random.integers(1, 4)),
        planned_trips=bool(random.random() < 0.5),
        expected_h=float(random.choice([0.1, 4.0])),
    )
    failures = SourceFailures(
        random.choice([np.inf, 2.1], len(given.batteries)),
        random.choice([np.inf, 0.0, 3.0], len(given.diesel_sets)),
    )
    found = follow(given, rule, 6.0, 0.25, failures=failures)
    assert violations(given, found) == ()
    assert found.status is Status.FEASIBLE


def test_many_outages_are_each_as_alone():
    sites = [MicrogridEntry().record(np.random.default_rng(seed)) for seed in range(4)]
    rule = RestorationRule()
    fails = [none_fail(12, 0), SourceFailures(np.arange(12.0), np.zeros(0))] * 2
    many = follow_many(sites, rule, 8.0, 0.25, failures=fails)
    for place, (one, failing) in enumerate(zip(sites, fails, strict=True)):
        alone = follow(one, rule, 8.0, 0.25, failures=failing)
        np.testing.assert_array_equal(many.closed[place], alone.closed)
        np.testing.assert_array_equal(many.battery_kw[place], alone.battery_kw)
        assert many.cost_kwh[place] == pytest.approx(cost_kwh(one, alone))
        assert many.openings[place].tolist() == alone.openings.sum(axis=1).tolist()


def test_one_bus_holds_a_block_for_as_long_as_its_energy_lasts():
    given = site(block("ward", 40.0), batteries=(bus("one", 90.0),))
    found = follow(given, RULE, 4.0, 0.25)
    assert found.closed[0].tolist() == [True] * 9 + [False] * 7  # 90 kWh are 9 steps of 10 kWh
    assert found.battery_energy_kwh[0, -1] == 0.0
    assert found.openings.sum() == 1
    assert not_served_kwh(given, found)[0] == pytest.approx(70.0)
    assert cost_kwh(given, found) == pytest.approx(70.0 + 0.25 * 40.0)


def test_losses_auxiliaries_and_the_way_back_are_taken_off():
    unit = bus(
        "one", 100.0, 50.0, efficiency_discharge=0.8, auxiliary_kw=5.0, energy_reserve_kwh=30.0
    )
    found = follow(site(block("ward", 40.0), batteries=(unit,)), RULE, 3.0, 0.25)
    drawn = 40.0 * (1 / 0.8 + 5.0 / 50.0) * 0.25  # kWh of the cells in each step
    assert found.closed.sum() == int(70.0 / drawn)
    assert found.battery_energy_kwh[0, 0] == pytest.approx(100.0 - drawn)


def test_batteries_with_more_time_to_go_feed_first():
    given = site(block("ward", 60.0), batteries=(bus("much", 100.0), bus("little", 40.0)))
    found = follow(given, RULE, 2.0, 0.25)
    assert found.battery_kw[:, 0].tolist() == [60.0, 0.0]
    assert found.closed.sum() == 8  # 140 kWh hold 60 kW for 2 h, as both end together
    assert found.battery_energy_kwh[:, -1] == pytest.approx([10.0, 10.0])


def test_energy_is_saved_for_what_is_worth_more_if_the_outage_may_last():
    blocks = (block("care", 40.0, weight=10.0), block("ward", 40.0, weight=1.0))
    given = site(*blocks, batteries=(bus("a", 80.0), bus("b", 80.0)))
    long = follow(given, RestorationRule(pickup_share=1.0, expected_h=8.0), 4.0, 0.25)
    short = follow(given, RestorationRule(pickup_share=1.0, expected_h=0.5), 4.0, 0.25)
    assert long.closed.sum(axis=1).tolist() == [16, 0]
    assert short.closed[1, 0]
    assert short.closed[0].sum() < 16


def test_no_block_is_closed_where_no_unit_that_forms_the_grid_ever_comes():
    units = tuple(bus(f"{i}", grid_forming=False, black_start=False) for i in range(3))
    found = follow(site(block(), batteries=units), RULE, 2.0, 0.25)
    assert not found.closed.any()
    assert not found.master.any()
    assert (found.battery_kw == 0).all()


def test_a_block_beyond_the_pick_up_share_stays_open():
    given = site(block("large", 50.0, cold_load_factor=1.5), batteries=(bus("a", 150.0, 90.0),))
    assert not follow(given, RestorationRule(pickup_share=0.8, hold_h=0.0), 1.0, 0.25).closed.any()
    assert follow(given, RestorationRule(pickup_share=0.85, hold_h=0.0), 1.0, 0.25).closed.all()


def test_a_diesel_set_feeds_what_its_fuel_yields():
    sets = (DieselSet("diesel", 100.0, 100.0, idle_share=0.2, start_s=600.0),)
    given = site(block("ward", 50.0), batteries=(bus("empty", 0.0),), diesel_sets=sets)
    found = follow(given, RULE, 3.0, 0.25)
    burnt = (0.2 * 100.0 + 0.8 * 50.0) * 0.25
    steps = int(100.0 / burnt)
    assert found.closed[0].tolist() == [False] + [True] * steps + [False] * (11 - steps)
    assert found.master[1].tolist() == found.closed[0].tolist()
    assert found.fuel_kwh[0, -1] == pytest.approx(100.0 - steps * burnt)
    failed = follow(
        given, RULE, 3.0, 0.25, failures=SourceFailures(np.array([np.inf]), np.array([0.0]))
    )
    assert not failed.closed.any()


def test_the_sun_that_is_left_charges_and_the_rest_is_curtailed():
    sun = np.full(8, 100.0)
    unit = bus("a", 145.0, max_charge_kw=30.0)
    given = site(block("ward", 40.0), batteries=(unit,), solar_kw=sun, solar_step_h=0.25)
    found = follow(given, RULE, 1.0, 0.25)
    assert found.battery_kw[0].tolist() == [-30.0, -10.0, 0.0, 0.0]  # 10 kWh of room
    assert found.solar_used_kw.tolist() == [70.0, 50.0, 40.0, 40.0]


def test_what_the_policy_does_before_an_arrival_does_not_depend_on_it():
    entry, rule = MicrogridEntry(), RestorationRule()
    given = entry.record(np.random.default_rng(5))
    later = tuple(unit for unit in given.batteries if unit.arrival_h <= 1.0)
    other = site(*given.load_blocks, batteries=later)
    full = follow(given, rule, 4.0, 0.25)
    part = follow(other, rule, 4.0, 0.25)
    np.testing.assert_array_equal(full.closed[:, :5], part.closed[:, :5])


def test_bad_calls_are_refused():
    given = site(block(), batteries=(bus(),))
    with pytest.raises(InputError, match="microgrids must hold at least one"):
        follow_many([], RULE, 1.0, 0.25)
    with pytest.raises(InputError, match="have the same load blocks"):
        follow_many([given, site(block("other"), batteries=(bus(),))], RULE, 1.0, 0.25)
    with pytest.raises(InputError, match="be one for each microgrid, 1 in all"):
        follow_many([given], RULE, 1.0, 0.25, failures=[])
    with pytest.raises(InputError, match="pickup_share must have one value for each step, 4"):
        follow(given, RULE, 1.0, 0.25, pickup_share=np.ones(3))

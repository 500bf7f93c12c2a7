"""Each limit is found broken when it is, by hand, and no limit is found broken when it is not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.microgrid import DieselSet
from evergrid.resilience.restoration.limits import violations
from evergrid.resilience.restoration.policy import follow
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.schedule import RestorationSchedule, life_safety
from tests.resilience.restoration.cases import block, bus, site

RULE = RestorationRule(pickup_share=1.0, expected_h=1.0)
GIVEN = site(
    block("care", 40.0, tier="life_safety", weight=10.0, cold_load_factor=1.5),
    block("ward", 20.0, parent="care"),
    batteries=(bus("a", 100.0, 90.0), bus("b")),
    diesel_sets=(DieselSet("diesel", 50.0, 60.0, start_s=600.0),),
    solar_kw=np.array([0.0, 10.0, 20.0, 0.0]),
)


def schedule(rule: RestorationRule = RULE) -> RestorationSchedule:
    return follow(GIVEN, rule, 4.0, 0.25)


def broken(changed: RestorationSchedule) -> set[str]:
    return {one.limit for one in violations(GIVEN, changed)}


def changed(field: str, place: tuple[int | slice, ...], value: Any) -> RestorationSchedule:
    found = schedule()
    values = getattr(found, field).copy()
    values[place] = value
    return replace(found, **{field: values})


def test_a_schedule_of_the_policy_breaks_no_limit():
    assert violations(GIVEN, schedule()) == ()


@pytest.mark.parametrize(
    ("field", "place", "value", "limit"),
    [
        ("load_kw", (0, 0), 40.0, "cold_load"),
        ("battery_kw", (0, 5), 91.0, "discharge_power"),
        ("battery_kw", (1, 5), -61.0, "charge_power"),
        ("battery_kw", (1, 5), 3.0, "balance"),
        ("battery_energy_kwh", (0, 3), 99.0, "energy_balance"),
        ("battery_energy_kwh", (0, 3), -1.0, "return_reserve"),
        ("battery_energy_kwh", (0, 3), 156.0, "capacity"),
        ("diesel_on", (0, 0), True, "diesel_presence"),
        ("diesel_on", (0, 0), True, "diesel_least_load"),
        ("diesel_kw", (0, 8), 51.0, "diesel_power"),
        ("fuel_kwh", (0, 8), -1.0, "fuel"),
        ("fuel_kwh", (0, 8), 70.0, "fuel_balance"),
        ("solar_used_kw", (5,), 11.0, "solar"),
        ("solar_used_kw", (5,), -1.0, "solar"),
        ("closed", (0, slice(4, None)), False, "parent"),
        ("master", (slice(None), 3), False, "one_master"),
        ("master", (slice(None), 3), True, "one_master"),
        ("pickup_share", (0,), 0.1, "pickup"),
        ("pickup_share", (0,), 1.2, "pickup_share"),
    ],
)
def test_a_broken_limit_is_found(field: str, place: tuple[int, ...], value: Any, limit: str):
    assert limit in broken(changed(field, place, value))


def test_two_masters_in_one_island_are_found_with_their_number():
    found = changed("master", (slice(0, 2), 3), True)
    (one,) = [each for each in violations(GIVEN, found) if each.limit == "one_master"]
    assert (one.amount, one.step, one.steps) == (1.0, 3, 1)


def test_a_unit_that_follows_the_grid_is_no_master():
    units = (bus("follows", grid_forming=False, black_start=False), bus("forms"))
    given = site(block(), batteries=units)
    found = follow(given, RULE, 1.0, 0.25)
    assert found.master[1].all()
    swapped = replace(found, master=found.master[::-1].copy())
    assert {one.limit for one in violations(given, swapped)} == {"master_able"}


def test_a_dead_island_needs_a_master_with_black_start():
    units = (bus("forms", black_start=False),)
    given = site(block(), batteries=units)
    assert not follow(given, RULE, 1.0, 0.25).closed.any()
    able = follow(site(block(), batteries=(bus("forms"),)), RULE, 1.0, 0.25)
    (one,) = violations(given, able)
    assert (one.limit, one.step, one.steps) == ("master_able", 0, 1)


def test_power_before_the_arrival_is_found():
    given = site(block(), batteries=(bus("late", arrival_h=0.5), bus("there")))
    early = site(block(), batteries=(bus("late"), bus("there")))
    found = follow(early, RULE, 1.0, 0.25)
    limits = {one.limit: one for one in violations(given, found)}
    assert limits["presence"].steps == 2


def test_charging_that_no_sun_or_diesel_set_feeds_is_found():
    given = site(block(), batteries=(bus("a", 100.0), bus("b", 100.0)))
    found = follow(given, RULE, 1.0, 0.25)
    power = found.battery_kw.copy()
    power[:, 1] = 50.0, -10.0
    energy = np.array([[100.0], [100.0]]) - np.cumsum(power, axis=1) * 0.25
    charged = replace(found, battery_kw=power, battery_energy_kwh=energy)
    assert {one.limit for one in violations(given, charged)} == {"charging_source"}


def test_the_largest_source_is_kept_in_reserve_where_the_rule_says_so():
    given = site(block("a", 50.0), block("b", 50.0), batteries=(bus("1", 150.0), bus("2", 150.0)))
    free = follow(given, RULE, 1.0, 0.25)
    rule = replace(RULE, reserve_for_largest=True)
    assert free.closed.all()
    assert {one.limit for one in violations(given, replace(free, rule=rule))} == {
        "reserve_for_largest"
    }
    kept = follow(given, rule, 1.0, 0.25)
    assert violations(given, kept) == ()
    assert kept.closed.sum(axis=0).tolist() == [1, 1, 1, 1]


def test_an_opening_is_needless_where_the_sources_could_have_carried_the_block():
    rule = replace(RULE, planned_trips=False)
    given = site(block("a", 40.0), batteries=(bus("1", 100.0),))
    wanted = np.ones((1, 8), bool)
    wanted[0, 4:6] = False
    opened = follow(given, rule, 2.0, 0.25, wanted=wanted)
    assert {one.limit for one in violations(given, opened)} == {"needless_opening"}
    emptied = follow(site(block("a", 40.0), batteries=(bus("1", 45.0),)), rule, 2.0, 0.25)
    assert emptied.openings.sum() == 1
    assert violations(site(block("a", 40.0), batteries=(bus("1", 45.0),)), emptied) == ()


def test_a_schedule_of_another_site_is_refused():
    with pytest.raises(InputError, match=r"closed must have the shape \(1, 16\)"):
        violations(site(block(), batteries=(bus(),)), schedule())


def test_a_vehicle_that_drives_in_cannot_meet_ten_seconds_and_a_bridge_can():
    care = {"tier": "life_safety", "power_kw": 30.0}
    late = (bus("late", arrival_h=0.4),)
    given = site(block("bare", **care), block("bridged", bridge_h=0.5, **care), batteries=late)
    bare, bridged = life_safety(given, follow(given, RULE, 1.0, 0.25))
    assert (bare.fed_s, bare.within_ten_seconds, bare.dark_h) == (1800.0, False, 0.5)
    assert (bridged.within_ten_seconds, bridged.bridged, bridged.dark_h) == (True, True, 0.0)
    armed = site(block("bare", **care), batteries=(bus("there"),))
    (one,) = life_safety(armed, follow(armed, RULE, 1.0, 0.25))
    assert (one.fed_s, one.within_ten_seconds) == (0.0, True)

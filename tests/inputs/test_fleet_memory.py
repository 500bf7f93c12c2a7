"""A fleet that cannot fit into memory is refused before a session of it is made."""

from datetime import UTC, datetime

import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.data import memory
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.group import FleetGroup, Place
from evergrid.fleet.synthetic.site_levels import SiteLevel, SiteTree
from evergrid.inputs import fleet_memory

WEEK = TimeGrid(datetime(2024, 1, 8, tzinfo=UTC), 0.25, 7 * 96)


def group(place: Place, vehicles: int):
    return FleetGroup(place=place, vehicles=vehicles, sites=("a",), time_zone="UTC")


@pytest.mark.parametrize("place", fleet_memory.SESSIONS_PER_DAY)
def test_the_sessions_expected_are_about_those_that_are_made(place: Place):
    fleet = (group(place, 2000),)
    made = len(mobility.sessions(WEEK, fleet, seed=0))
    assert 0.8 * made < fleet_memory.expected_sessions(fleet, WEEK) < 1.2 * made


def test_a_history_is_refused_by_its_sessions(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: 1e9)
    fleet_memory.must_hold_sessions((group("depot", 200_000),), WEEK)
    with pytest.raises(InputError, match=r"fleet.vehicles must fit .* about 2,940,000 sessions"):
        fleet_memory.must_hold_sessions((group("depot", 300_000),), WEEK)


def test_a_plan_is_refused_by_its_steps_and_sites(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: 1e9)
    tree = SiteTree(name="city", level=(SiteLevel(name="street", count=10_000),))
    fleet_memory.must_hold_plan(5_000, [tree], WEEK)
    for sessions, trees in ((25_000, []), (5_000, [tree, tree])):
        with pytest.raises(InputError, match="fewer days or longer steps"):
            fleet_memory.must_hold_plan(sessions, trees, WEEK)

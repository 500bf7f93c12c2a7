"""How much of each step a session is plugged in adds up to its stay within the grid."""

from datetime import UTC, datetime
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.timegrid import TimeGrid
from evergrid.model.schedule import Schedule, plugged_share
from tests.model.cases import DAY, make_sessions

STAYS = st.lists(st.tuples(st.integers(-600, 2000), st.integers(1, 3000)), min_size=1, max_size=6)
GRID = TimeGrid(datetime(2024, 1, 10, tzinfo=UTC), 0.25, 96)


def stays(minutes: list[tuple[int, int]]):
    arrival = np.datetime64("2024-01-10", "us") + np.array([m for m, _ in minutes]).astype("m8[m]")
    length = np.array([m for _, m in minutes]).astype("m8[m]")
    return make_sessions(len(minutes), arrival_utc=arrival, departure_utc=arrival + length)


@given(STAYS)
def test_the_shares_add_up_to_the_stay_inside_the_grid(minutes: list[tuple[int, int]]):
    share = plugged_share(stays(minutes), GRID)
    assert ((share >= 0) & (share <= 1)).all()
    inside = [max(0, min(a + n, 24 * 60) - max(a, 0)) for a, n in minutes]
    assert share.sum(axis=1) * 15 == pytest.approx(inside, abs=1e-6)


@given(STAYS)
def test_a_session_has_a_share_in_exactly_the_steps_of_its_window(minutes: list[tuple[int, int]]):
    sessions = stays(minutes)
    first, stop = GRID.window(sessions.arrival_utc, sessions.departure_utc)
    step = np.arange(GRID.steps)
    window = (step >= first[:, None]) & (step < stop[:, None])
    assert ((plugged_share(sessions, GRID) > 0) == window).all()


def test_the_schedule_of_nobody_is_one():
    nothing = np.zeros((0, GRID.steps))
    assert len(Schedule(GRID, nothing, nothing, nothing > 0).power_kw) == 0


def test_a_stay_of_a_moment_has_a_share_above_zero():
    arrival = np.array(["2024-01-10T05:05"], "datetime64[us]")
    sessions = make_sessions(1, arrival_utc=arrival, departure_utc=arrival + 1)
    share = plugged_share(sessions, DAY)
    assert share.sum() == share[0, 5] == 1e-9


@given(STAYS, st.randoms(use_true_random=False))
def test_the_share_of_a_session_does_not_depend_on_the_others(
    minutes: list[tuple[int, int]], random: Random
):
    shuffled = random.sample(minutes, len(minutes))
    rows = dict(zip(shuffled, _shares(shuffled), strict=True))
    for stay, row in zip(minutes, _shares(minutes), strict=True):
        assert row.tolist() == rows[stay].tolist()


def _shares(minutes: list[tuple[int, int]]):
    return plugged_share(stays(minutes), GRID)

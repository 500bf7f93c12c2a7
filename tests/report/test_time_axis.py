from datetime import UTC, datetime

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.report.time_axis import TimeAxis, held, runs


def test_stamps_are_shown_on_the_local_clock_and_the_title_says_so():
    axis = TimeAxis(TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 1.0, 24), "Europe/Oslo")
    assert str(axis.edges[0]) == "2022-07-04T02:00:00"
    assert str(axis.edges[-1]) == "2022-07-05T02:00:00"
    assert axis.title == "Local time in 2022 (Europe/Oslo, UTC+02:00)"


def test_west_of_greenwich_and_half_hours():
    grid = TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 1.0, 4)
    assert TimeAxis(grid, "America/St_Johns").title.endswith("UTC-02:30)")


@pytest.mark.parametrize(
    "start", [datetime(2022, 3, 26, tzinfo=UTC), datetime(2022, 10, 29, tzinfo=UTC)]
)
def test_time_never_jumps_nor_runs_twice_when_clocks_change(start: datetime):
    axis = TimeAxis(TimeGrid(start, 0.25, 192), "Europe/Oslo")
    assert set(np.diff(axis.edges).astype(int)) == {900}
    assert axis.title.endswith("throughout; clocks change)")


def test_an_unknown_zone_is_refused():
    with pytest.raises(InputError, match="IANA zone"):
        _ = TimeAxis(TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 1.0, 4), "Mars/Base").edges


def test_short_grids_are_shown_step_by_step():
    axis = TimeAxis(TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 0.25, 672))
    values = np.arange(672.0)
    assert axis.note == ""
    for thin in (axis.mean, axis.lowest, axis.extreme, axis.last):
        np.testing.assert_array_equal(thin(values), values)


def test_long_grids_are_thinned_and_the_note_says_how():
    axis = TimeAxis(TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 0.25, 10), most=4)
    values = np.array([1.0, -5, 2, 3, 3, 3, 0, 0, 9, 7])
    assert axis.note == "One point stands for 3 steps (45 min)"
    np.testing.assert_allclose(axis.mean(values), [-2 / 3, 3, 3, 7])
    np.testing.assert_array_equal(axis.extreme(values), [-5, 3, 9, 7])
    np.testing.assert_array_equal(axis.lowest(values), [-5, 3, 0, 7])
    np.testing.assert_array_equal(axis.last(values), [2, 3, 9, 7])
    assert len(axis.edges) == 5


def test_values_of_another_length_are_refused():
    axis = TimeAxis(TimeGrid(datetime(2022, 7, 4, tzinfo=UTC), 1.0, 24))
    with pytest.raises(InputError, match="24 steps, got 23"):
        axis.mean(np.zeros(23))


def test_the_last_value_is_held_to_the_end():
    np.testing.assert_array_equal(held(np.array([1.0, 2.0])), [1, 2, 2])


def test_runs_of_true_values():
    assert runs([True, False, True, True]) == [(0, 1), (2, 4)]
    assert runs([False]) == []

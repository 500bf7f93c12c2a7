from datetime import UTC, datetime

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.model.time_series.system_load import SystemLoad, year_grid

GRID = TimeGrid(datetime(2020, 1, 1, tzinfo=UTC), 1.0, 2)
NAMES = np.array(["wind", "solar"], object)


def test_the_net_load_is_what_is_left_and_may_be_below_zero():
    load = SystemLoad(GRID, np.array([10.0, 20.0]), NAMES, np.array([[8.0, 1.0], [4.0, 2.0]]))
    assert load.net_load_mw.tolist() == [-2, 17]


def test_what_is_available_is_not_negative():
    with pytest.raises(InputError, match=r"wind must be finite and at least 0, got -1 \(row 1\)"):
        SystemLoad(GRID, np.ones(2), NAMES, np.array([[-1.0, 1.0], [4.0, 2.0]]))


def test_a_series_of_another_length_than_the_grid_is_refused():
    with pytest.raises(InputError, match="value for every step, 2 in all"):
        SystemLoad(GRID, np.ones(3), NAMES, np.ones((2, 3)))


def test_a_leap_year_has_8784_hours():
    assert year_grid(2020, 8784, field="load_mw").steps == 8784
    assert year_grid(2021, 8760, field="load_mw").steps == 8760
    with pytest.raises(InputError, match=r"8,784 hours of 2020, a leap year, got 8,760 values"):
        year_grid(2020, 8760, field="load_mw")
    with pytest.raises(InputError, match="8,760 hours of 2100, got 8,784"):
        year_grid(2100, 8784, field="load_mw")

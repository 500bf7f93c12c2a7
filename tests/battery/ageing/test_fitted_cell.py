"""A cell of a user's tests ages as its tests did, and lies outside them where it is flagged."""

from pathlib import Path

import numpy as np
import pytest

from evergrid.battery.ageing.fitted_cell import FittedCell
from evergrid.battery.ageing.life import lived
from evergrid.battery.ageing.profile import Profile
from evergrid.core.errors import InputError
from evergrid.data.tables import read_cell_tests

pytestmark = pytest.mark.data


def mj1(folder: Path, *kinds: str) -> FittedCell:
    files = [folder / "ageing" / f"lg_mj1_{kind}.csv" for kind in kinds]
    return FittedCell("mj1", [read_cell_tests(file) for file in files])


def test_storage_is_that_of_the_tests(data_folder: Path):
    cell = mj1(data_folder, "calendar_capacity_loss", "cycling_capacity", "cycling_resistance")
    points = (1, 24 * 337 + 1)
    *_, last = lived(cell, Profile(1.0, np.full(points, 0.7), np.full(points, 25.0)))
    measured = (0.11872552, 0.09627391)  # of both cells at 25 C and 70 %, after 337 days
    assert min(measured) < last.calendar[0] < max(measured)
    assert last.cycle[0] == last.resistance_cycle[0] == 0


def test_cycles_are_those_of_the_tests(data_folder: Path):
    cell = mj1(data_folder, "cycling_capacity")
    cycles = 300
    turn = np.tile([0.0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25], cycles)
    soc = np.append(turn, 0.0)[None]
    law = cell.laws["cycle"]
    expected = law.rate(np.array([25.0]), {}) * cycles**law.power
    # As the capacity that is left shrinks, so does what a whole cycle moves.
    *_, last = lived(cell, Profile(3.0, soc, np.full(soc.shape, 25.0)))
    assert 0.85 * expected[0] < last.cycle[0] < expected[0]
    assert last.calendar[0] == 0


def test_the_range_is_that_of_all_tests_together(data_folder: Path):
    assert mj1(data_folder, "cycling_capacity").tested.temperature_c == pytest.approx((0, 25))
    both = mj1(data_folder, "calendar_capacity_loss", "cycling_capacity")
    assert both.tested.temperature_c == pytest.approx((25, 25))
    assert both.tested.soc == (0.1, 0.9)
    full = Profile(1.0, np.array([[0.5, 0.95], [0.5, 0.6]]), np.full((2, 2), 25.0))
    assert both.tested.beyond(full)["state"].tolist() == [True, False]


def test_tests_that_make_no_cell_are_refused(data_folder: Path):
    with pytest.raises(InputError, match="be of different kinds"):
        mj1(data_folder, "cycling_capacity", "cycling_capacity")
    with pytest.raises(InputError, match="one of them of capacity"):
        mj1(data_folder, "cycling_resistance")


def test_use_beyond_the_longest_test_is_told(data_folder: Path):
    cell = mj1(data_folder, "calendar_capacity_loss", "cycling_capacity")
    found = cell.beyond_tests(330.0, np.array([300.0, 400.0]))
    assert found == [(), ("cycles",)]
    assert cell.beyond_tests(400.0, np.array([300.0])) == [("days",)]
    assert mj1(data_folder, "cycling_capacity").beyond_tests(4000.0, np.array([1.0])) == [()]


def test_a_battery_that_has_lost_everything_stays_at_nothing(data_folder: Path):
    cell = mj1(data_folder, "cycling_capacity")
    hour = np.arange(24 * 600 + 1)
    soc = (0.5 + 0.5 * np.sin(2 * np.pi * hour / 6))[None]
    *_, last = lived(cell, Profile(1.0, soc, np.zeros(soc.shape)))
    assert last.capacity[0] < 0.05
    assert np.isfinite(last.cycle[0])

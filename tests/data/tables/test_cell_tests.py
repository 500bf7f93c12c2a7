"""Tables of cell tests are read in every form that laboratories write, and strictly."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.data.check import check
from evergrid.data.tables import read_cell_tests

FILES = {  # cells, rows, measure, over
    "lg_mj1_calendar_capacity_loss": (12, 480, "capacity", "days"),
    "lg_mj1_cycling_capacity": (9, 399, "capacity", "cycles"),
    "lg_mj1_cycling_resistance": (9, 225, "resistance", "cycles"),
    "lto_nmc_calendar_capacity": (3, 33, "capacity", "days"),
    "lto_nmc_cycling_capacity": (2, 61, "capacity", "cycles"),
}


def table(**changed: Sequence[object]) -> pl.DataFrame:
    columns: dict[str, Sequence[object]] = {
        "cell": ["a"] * 3 + ["b"] * 3,
        "temperature_c": [25.0] * 3 + [45.0] * 3,
        "efc": [0.0, 100.0, 200.0] * 2,
        "soh_pct": [100.0, 98.0, 97.0, 100.0, 96.0, 94.0],
    }
    return pl.DataFrame({k: v for k, v in (columns | changed).items() if v})


@pytest.mark.data
@pytest.mark.parametrize("name", FILES)
def test_a_published_file_is_read(name: str, data_folder: Path):
    cells, rows, measure, over = FILES[name]
    tests = read_cell_tests(data_folder / "ageing" / f"{name}.csv")
    assert (len(tests.cells), len(tests.cell)) == (cells, rows)
    assert (tests.measure, tests.over) == (measure, over)
    assert tests.change.min() >= -0.04
    assert 0.04 < tests.change.max() < 0.21


def test_units_are_told_by_the_names_of_columns(saved: Callable[..., Path]):
    plain = read_cell_tests(saved(table(), "a.csv"))
    assert plain.change.tolist() == pytest.approx([0.0, 0.02, 0.03, 0.0, 0.04, 0.06])
    lost = [0.0, 2.0, 3.0, 0.0, 4.0, 6.0]
    kelvin: Sequence[object] = [298.15] * 3 + [318.15] * 3
    other = table(soh_pct=[], capacity_loss_pct=lost, temperature_c=[], temperature_k=kelvin)
    same = read_cell_tests(saved(other, "b.csv"))
    np.testing.assert_allclose(same.change, plain.change, atol=1e-15)
    np.testing.assert_allclose(same.conditions()["temperature_c"], [25.0, 45.0], atol=1e-12)
    gained = read_cell_tests(saved(table(soh_pct=[], resistance_pct=[100.0, 104.0, 110.0] * 2)))
    assert gained.measure == "resistance"
    assert gained.change.tolist() == pytest.approx([0.0, 0.04, 0.10] * 2)


def test_cycles_count_with_their_depth_and_it_is_told(saved: Callable[..., Path]):
    told: list[str] = []
    cycles: Sequence[object] = [0.0, 100.0, 200.0] * 2
    shallow = table(efc=[], cycles=cycles, depth=[0.5] * 6)
    tests = read_cell_tests(saved(shallow), tell=told.append)
    assert tests.amount.tolist() == [0.0, 50.0, 100.0] * 2
    assert "multiplied by their depth" in told[0]
    read_cell_tests(saved(table(efc=[], cycles=cycles)), tell=told.append)
    assert "taken as full cycles" in told[2]


def test_a_check_says_what_the_tests_hold(saved: Callable[..., Path]):
    head, held = check(saved(table()), "ageing").lines()
    assert "good as ageing (6 rows)" in head
    assert "2 cells, capacity over cycles; temperature_c 25, 45; up to 200 cycles and 6.0" in held


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"soh_pct": [1.0, 0.98, 0.97] * 2}, "percent of the new cell.*multiply them by 100"),
        ({"soh_pct": [100.0, 900.0, 97.0] * 2}, r"capacity must be a change.*row 2"),
        ({"soc": [50.0] * 6}, r"soc must lie in \[0, 1\].*row 1.*not a percentage"),
        ({"temperature_c": [298.15] * 6}, r"temperature_c must lie in \[-30, 60\].*temperature_k"),
        ({"temperature_c": [77.0] * 6}, r"temperature_c must lie in \[-30, 60\], got 77"),
        ({"efc": [0.0, 0.2, 0.4] * 2}, "cycles must reach 1 at least, got 0.4"),
        (
            {"soh_pct": [], "capacity_loss_pct": [0.0, 0.02, 0.05] * 2},
            "capacity_loss_pct must be percent of the new cell.*multiply them by 100",
        ),
        ({"temperature_k": [298.15] * 6}, "not both be columns"),
        ({"temperature_c": [25.0, 26.0, 25.0] * 2}, "temperature_c must be the same"),
        ({"efc": [0.0, 200.0, 100.0] * 2}, r"cycles must not fall within a cell.*row 3"),
        ({"efc": [0.0, -1.0, 100.0] * 2}, "cycles must be 0 or more"),
        ({"efc": [0.0, float("nan"), 100.0] * 2}, r"efc must be a number.*row 2"),
        ({"efc": []}, "days, efc, cycles must be columns of the table, exactly one"),
        ({"days": [0.0, 1.0, 2.0] * 2}, "Keep one of days, efc"),
        ({"cell": ["a", "a", "b", "b", "a", "b"]}, "rows one after the other"),
        ({"cell": ["a", "a", "b", "b", "c", "c"]}, "have 3 rows at least"),
        ({"mood": [1.0] * 6}, "mood must be a known column"),
    ],
)
def test_what_is_no_cell_test_is_refused(
    changed: dict[str, Sequence[object]], told: str, saved: Callable[..., Path]
):
    with pytest.raises(InputError, match=f"(?s){told}"):
        read_cell_tests(saved(table(**changed)))

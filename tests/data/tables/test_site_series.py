"""Which sites a table of series names, and what of a table without a place is told."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.data import tables
from tests.data.conftest import DAY
from tests.model.cases import make_sites

SITES = make_sites({"fleet": "", "depot": "fleet", "roof": "fleet"})
GRID = TimeGrid(DAY, 1.0, 2)


def test_only_sites_that_generate_at_some_time_are_in_the_table_of_generation():
    power = np.array([[0.0, 0.0], [0.0, 7.0], [3.0, 0.0]])
    frame = tables.site_generation_frame(GRID, SITES, power)
    assert frame["site_id"].to_list() == ["depot", "depot", "roof", "roof"]
    assert frame["generation_kw"].to_list() == [0.0, 7.0, 3.0, 0.0]
    assert frame["time_utc"].to_list() == [DAY, DAY + timedelta(hours=1)] * 2


def test_every_site_is_in_the_table_of_load():
    frame = tables.site_load_frame(GRID, SITES, np.array([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]]))
    assert frame["site_id"].to_list() == ["fleet"] * 2 + ["depot"] * 2 + ["roof"] * 2
    assert frame["load_kw"].to_list() == [0.0, 0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("column", ["site_id", "time_utc"])
def test_of_a_row_without_a_place_only_that_is_told(
    saved: Callable[..., Path], load_table: pl.DataFrame, column: str
):
    cells = load_table[column].to_list()
    cells[2] = None
    dirty = load_table.with_columns(pl.Series(column, cells, dtype=load_table[column].dtype))
    with pytest.raises(InputError) as caught:
        tables.read_site_load(saved(dirty))
    assert [(fault.field, fault.rows) for fault in caught.value.faults] == [(column, (3,))]


def test_a_cell_that_is_missing_at_one_site_is_named_with_its_time(
    saved: Callable[..., Path], load_table: pl.DataFrame
):
    with pytest.raises(InputError) as caught:
        tables.read_site_load(saved(load_table[[0, 1, 3]]))
    (fault,) = caught.value.faults
    assert (fault.rule, fault.ids) == ("be given for every site", ("feeder",))
    assert fault.got == (np.datetime64("2022-07-04T00:00", "us"),)
    with pytest.raises(InputError) as caught:
        tables.read_site_load(saved(load_table.vstack(load_table[[3]])))
    (fault,) = caught.value.faults
    assert (fault.rule, fault.ids) == ("be given once for each site", ("feeder",))
    assert fault.got == (np.datetime64("2022-07-04T01:00", "us"),)


def test_a_bad_value_of_generation_is_told_with_its_row(
    saved: Callable[..., Path], generation_table: pl.DataFrame
):
    dirty = generation_table.with_columns(generation_kw=pl.Series(["0", "sun"]))
    with pytest.raises(InputError) as caught:
        tables.read_site_generation(saved(dirty))
    assert [(fault.field, fault.rows) for fault in caught.value.faults] == [("generation_kw", (2,))]

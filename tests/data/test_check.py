"""A check collects: it tells good from bad and never raises on dirty data."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from evergrid.core.errors import InputError, MissingFileError
from evergrid.data.check import KINDS, check


def test_a_good_table_has_no_faults(saved: Callable[..., Path], sessions_table: pl.DataFrame):
    checked = check(saved(sessions_table), "sessions")
    assert checked.faults == ()
    assert checked.rows == 3
    assert "good as sessions (3 rows)" in checked.lines()[0]


def test_every_fault_of_a_dirty_table_has_a_line(
    saved: Callable[..., Path], sessions_table: pl.DataFrame
):
    dirty = sessions_table.with_columns(capacity_kwh=-1.0, max_charge_kw=-2.0)
    checked = check(saved(dirty), "sessions")
    assert len(checked.lines()) == len(checked.faults) + 1 > 3
    assert any("max_charge_kw" in line for line in checked.lines())


def test_prices_need_no_currency_to_be_checked(
    saved: Callable[..., Path], prices_table: pl.DataFrame
):
    assert check(saved(prices_table), "prices").faults == ()


def test_limits_over_time_are_checked_as_a_table_of_their_own(
    saved: Callable[..., Path], limits_table: pl.DataFrame
):
    assert check(saved(limits_table), "site_limits").faults == ()
    dirty = limits_table.with_columns(export_limit_kw=-50.0)
    (fault,) = check(saved(dirty), "site_limits").faults
    assert fault.ids == ("depot", "feeder")


def test_generation_is_checked_as_a_table_of_its_own(
    saved: Callable[..., Path], generation_table: pl.DataFrame
):
    assert check(saved(generation_table), "site_generation").faults == ()
    dirty = generation_table.with_columns(generation_kw=-1.0)
    (fault,) = check(saved(dirty), "site_generation").faults
    assert (fault.ids, fault.got, fault.rows) == (("depot",) * 2, (-1.0,) * 2, (1, 2))


def test_what_is_done_to_stamps_is_told_of_a_good_table(
    saved: Callable[..., Path], prices_table: pl.DataFrame
):
    late = prices_table.with_columns(pl.col("time_utc") + pl.duration(seconds=1))
    head, note = check(saved(late), "prices").lines()
    assert "good as prices (4 rows)" in head
    assert "4 time stamps of prices lie up to two seconds beside a minute" in note
    assert len(check(saved(prices_table), "prices").lines()) == 1


def test_a_public_format_shows_its_account(saved: Callable[..., Path]):
    frame = pl.DataFrame(
        {"time_utc": ["2022-07-04T00:00Z", "2022-07-04T01:00Z"], "price_eur_mwh": ["1", "2"]}
    )
    checked = check(saved(frame, "nl.csv"), "nl_dayahead")
    assert checked.quality is not None
    assert any("2 rows read, 2 kept" in line for line in checked.lines())


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_never_raises(saved: Callable[..., Path], kind: str):
    checked = check(saved(pl.DataFrame({"x": [1.0]})), kind)
    assert checked.faults
    assert checked.lines()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unreadable_file_is_a_fault(tmp_path: Path, kind: str):
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1 but not really")
    assert check(path, kind).faults[0].field == "file"


def test_an_unknown_kind_names_the_nearest(tmp_path: Path):
    with pytest.raises(InputError, match="Did you mean sessions"):
        check(tmp_path / "a.csv", "session")


def test_a_missing_file_is_wrong_use(tmp_path: Path):
    with pytest.raises(MissingFileError):
        check(tmp_path / "a.csv", "sessions")

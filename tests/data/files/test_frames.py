"""Files are read cell by cell, and hostile ones end in an error of ours."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError, MissingFileError, UnreadableFileError
from evergrid.data.files import frames
from evergrid.data.files.frames import Kind, column, load, source_columns


def test_a_missing_file_says_so(tmp_path: Path):
    with pytest.raises(MissingFileError, match=r"nothing\.csv"):
        load(tmp_path / "nothing.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("empty.parquet", b""),
        ("text.parquet", b"time_utc,price\n"),
        ("binary.csv", bytes(range(128, 256)) * 20),
        ("zeros.csv", b"a,b\n1,\x002\n"),
        ("ragged.csv", b"a,b\n1,2\n1,2,3,4\n"),
        ("table.xlsx", b"PK"),
    ],
)
def test_a_file_that_is_no_table_is_unreadable(tmp_path: Path, name: str, content: bytes):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=name.split(".")[0]):
        load(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_parquet_file_is_unreadable(
    saved: Callable[..., Path], prices_table: pl.DataFrame, share: float
):
    path = saved(prices_table)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableFileError):
        load(path)


def test_a_damaged_parquet_file_never_shows_a_foreign_error(
    saved: Callable[..., Path], prices_table: pl.DataFrame
):
    path = saved(prices_table)
    whole = path.read_bytes()
    for at in range(4, len(whole) - 8, 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        with contextlib.suppress(UnreadableFileError):  # some bytes do no harm
            load(path)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2022-07-04T00:00:00+00:00", "2022-07-04T00:00"),
        ("2022-07-04 02:00:00+02:00", "2022-07-04T00:00"),
        ("2022-07-04T00:00Z", "2022-07-04T00:00"),
        ("2022-07-04T00:00:00.5-0100", "2022-07-04T01:00:00.5"),
    ],
)
def test_time_stamps_with_an_offset_become_utc(cell: str, value: Any):
    read = column(pl.Series([cell]), Kind.INSTANT)
    assert read.values[0] == np.datetime64(value)
    assert read.values.dtype == np.dtype("datetime64[us]")


@pytest.mark.parametrize("cell", ["2022-07-04T00:00:00", "2022-07-04", "noon", "1656892800"])
def test_time_stamps_without_an_offset_are_unreadable(cell: str):
    read = column(pl.Series([cell]), Kind.INSTANT)
    assert read.unreadable[0]
    assert not read.missing[0]
    assert np.isnat(read.values[0])


def test_a_naive_parquet_stamp_is_unreadable_and_an_aware_one_is_no_wall_clock():
    naive = pl.Series([datetime(2022, 7, 4)])
    aware = pl.Series([datetime(2022, 7, 4, tzinfo=UTC)])
    assert column(naive, Kind.INSTANT).unreadable[0]
    assert column(aware, Kind.CLOCK).unreadable[0]
    assert not column(naive, Kind.CLOCK).unreadable[0]


def test_numbers_keep_their_value_and_nan_is_never_one():
    read = column(pl.Series([" 1.5 ", "-2e3", "nan", "1,5", "", None]), Kind.NUMBER)
    assert read.values[:2].tolist() == [1.5, -2000.0]
    assert read.unreadable.tolist() == [False, False, True, True, False, False]
    assert read.missing.tolist() == [False, False, False, False, True, True]


def test_a_text_column_of_numbers_is_no_number_and_floats_are_no_names():
    assert column(pl.Series([True]), Kind.NUMBER).unreadable[0]
    assert column(pl.Series([1.5]), Kind.TEXT).unreadable[0]
    assert column(pl.Series([17]), Kind.TEXT).values.tolist() == ["17"]


def test_flags_are_true_or_false():
    read = column(pl.Series(["true", "False", "yes"]), Kind.FLAG)
    assert read.values[:2].tolist() == [True, False]
    assert read.unreadable.tolist() == [False, False, True]


def test_categories_read_as_text():
    assert column(pl.Series(["a"], dtype=pl.Categorical), Kind.TEXT).values.tolist() == ["a"]


def test_a_source_without_a_column_names_the_nearest(saved: Callable[..., Path]):
    path = saved(pl.DataFrame({"energy_kw": [1.0]}))
    with pytest.raises(InputError, match="Rename energy_kw"):
        source_columns(path, {"energy_kwh": Kind.NUMBER}, source="test")


def test_a_source_column_of_another_kind_throughout_is_refused(saved: Callable[..., Path]):
    path = saved(pl.DataFrame({"start_utc": ["2022-07-04 00:00"] * 3}), "t.csv")
    with pytest.raises(InputError, match="time zone") as caught:
        source_columns(path, {"start_utc": Kind.INSTANT}, source="test")
    assert caught.value.field == "start_utc"


def test_a_source_without_rows_is_refused(saved: Callable[..., Path]):
    path = saved(pl.DataFrame({"x": []}, schema={"x": pl.Float64}))
    with pytest.raises(InputError, match="at least one row"):
        source_columns(path, {"x": Kind.NUMBER}, source="test")


def test_a_name_of_thousands_of_letters_is_no_name():
    read = frames.column(pl.Series("a", ["x" * 1000, "x" * 1001, None, "y" * 10**7]), Kind.TEXT)
    assert read.unreadable.tolist() == [False, True, False, True]
    assert read.missing.tolist() == [False, False, True, False]
    (fault,) = frames.cell_faults("a", Kind.TEXT, read, required=False)
    assert "be text of at most 1,000 characters" in str(fault)
    assert len(str(fault)) < 600


def test_thousands_of_strange_columns_are_counted_and_not_searched():
    frame = pl.DataFrame({f"column_{i}": [1] for i in range(9_000)})
    faults = frames.name_faults(frame, ["site_id"], ["site_id", "load_kw"])
    assert len(faults) == 52
    assert faults[-1].count == 8_950
    assert max(len(str(fault)) for fault in faults) < 1_000


def test_two_columns_of_one_name_are_refused(tmp_path: Path):
    path = tmp_path / "table.csv"
    path.write_text("\n a ,b,,b,\r\n1,2,3,4,5\r\n")
    with pytest.raises(UnreadableFileError, match=r"two columns 'b'\. Leave one of them"):
        frames.load(path)


def test_of_a_large_file_the_names_are_looked_at_before_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "table.csv"
    path.write_bytes(b"time,power\n" + b"1,2\n" * 10 + b"\xff\n")
    with pytest.raises(UnreadableFileError, match="line 12 is no text"):
        frames.load(path, ["time_utc"], source="prices")
    monkeypatch.setattr(frames, "LARGE_BYTES", 40)
    with pytest.raises(InputError, match=r"time_utc must be a column .*Rename time\?"):
        frames.load(path, ["time_utc"], source="prices")

"""What a Parquet file becomes is told by its footer, however it is written or damaged."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.data.files import parquet_size
from evergrid.data.files.frames import load

TABLE = pl.DataFrame(
    {
        "name": ["a", "b", None],
        "kw": [1.0, 2.0, None],
        "on": [True, False, None],
        "at": pl.Series([0, 1, None]).cast(pl.Datetime("us", "UTC")),
        "kind": pl.Series(["x", "y", "x"], dtype=pl.Categorical),
    }
)


@pytest.fixture
def path(tmp_path: Path):
    return tmp_path / "a.parquet"


@pytest.mark.parametrize("rows", [0, 1, 3, 3000])
@pytest.mark.parametrize("group", [1, 100, 10_000])
def test_rows_and_columns_are_those_of_the_table(path: Path, rows: int, group: int):
    if rows > 100 * group:
        group *= 100
    table = pl.concat([TABLE] * 1000)[:rows]
    table.write_parquet(path, row_group_size=group, metadata={"note": "x" * 1000})
    size = parquet_size.read(path)
    assert (size.rows, size.columns) == (rows, 5)
    assert size.table_bytes >= 8 * 5 * rows


def test_a_long_text_counts_with_its_length(path: Path):
    pl.DataFrame({"a": ["x" * 10_000_000]}).write_parquet(path)
    assert path.stat().st_size < 100_000
    assert parquet_size.read(path).table_bytes > 10_000_000


def test_a_column_of_lists_is_one_column(path: Path):
    pl.DataFrame({"a": [[1, 2], [3]], "b": [{"c": 1, "d": 2}] * 2}).write_parquet(path)
    assert parquet_size.read(path).columns == 3


@pytest.mark.parametrize("kept", range(0, 1400, 37))
def test_a_truncated_file_has_no_size(path: Path, kept: int):
    TABLE.write_parquet(path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"Parquet|footer"):
        parquet_size.read(path)


@given(footer=st.binary(min_size=1, max_size=200))
def test_any_bytes_in_the_place_of_a_footer_end_in_one_kind_of_error(
    tmp_path_factory: pytest.TempPathFactory, footer: bytes
):
    path = tmp_path_factory.getbasetemp() / "any.parquet"
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="footer"):
        parquet_size.read(path)


def test_a_list_of_more_items_than_bytes_is_not_begun(path: Path):
    """Field 1 is a list of 10 million numbers of eight bytes, of which none is there."""
    many = bytes([0x19, 0xF7, 0x80 | 0, 0x80 | 45, 0x80 | 98, 0x04])
    path.write_bytes(b"PAR1" + many + len(many).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="its footer is damaged") as caught:
        parquet_size.read(path)
    assert caught.value.__context__ is None  # not found out at the end of the bytes


def test_a_table_that_expands_a_thousandfold_is_refused(path: Path):
    rows = 20_000_000
    columns = {"time_utc": pl.repeat(0, rows, eager=True), "kw": pl.repeat(1.0, rows, eager=True)}
    pl.DataFrame(columns).write_parquet(path)
    with pytest.raises(ValueError, match=r"file must expand at most 500-fold.* 20,000,000 rows"):
        load(path)


def test_a_measured_table_is_far_from_that(data_folder: Path):
    for path in data_folder.rglob("*.parquet"):
        assert parquet_size.read(path).table_bytes < 20 * path.stat().st_size

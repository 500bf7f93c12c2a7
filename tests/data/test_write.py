"""A file is whole or not there."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from evergrid.data.write import write_parquet, write_text


def test_a_table_and_a_text_read_back(tmp_path: Path):
    frame = pl.DataFrame({"a": [1, 2]})
    write_parquet(frame, tmp_path / "new" / "a.parquet")
    write_text("kWh für", tmp_path / "new" / "a.txt")
    assert_frame_equal(pl.read_parquet(tmp_path / "new" / "a.parquet"), frame)
    assert (tmp_path / "new" / "a.txt").read_text(encoding="utf-8") == "kWh für"


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path):
    path = tmp_path / "a.parquet"
    write_parquet(pl.DataFrame({"a": [1]}), path)
    unwritable = pl.DataFrame({"a": [object()]}, schema={"a": pl.Object})
    with pytest.raises((pl.exceptions.PolarsError, TypeError)):
        write_parquet(unwritable, path)
    assert pl.read_parquet(path).height == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.parquet"]

"""What a reader says of sessions is what the file holds: sites, days, licence."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from evergrid.data.sessions import FORMATS as SESSIONS


@pytest.mark.parametrize("name", ["acn", "norway", "dundee", "boulder", "sap", "epfl"])
def test_title_and_period_follow_the_rows(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame], name: str
):
    frame = tables(name)
    stamps = [key for key, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
    later = frame.with_columns(pl.col(stamps) + timedelta(weeks=300))
    for rows, day in ((frame, "2022-07-04"), (later, "2028-04-03")):
        _, told = SESSIONS[name](saved(rows, "mine.parquet"))
        assert told.period == day
        assert told.title.endswith(f" in the format {name}, {day}, from mine.parquet")


def test_a_title_names_the_sites_of_the_rows_or_counts_them(
    saved: Callable[..., Path], tables: Callable[[str], pl.DataFrame]
):
    frame = tables("acn").with_columns(site=pl.Series(["here", "there", "here"]))
    assert "at here and there in the" in SESSIONS["acn"](saved(frame))[1].title
    many = pl.concat(
        frame.with_columns(
            site=pl.lit(f"site-{i}"), station_id=pl.format("{}-{}", "station_id", pl.lit(i))
        ).with_columns(session_id=pl.format("{}-{}", "session_id", pl.lit(i)))
        for i in range(1000)
    )
    assert "at 1,000 sites in the" in SESSIONS["acn"](saved(many))[1].title


def test_a_licence_in_the_file_takes_the_place_of_the_one_of_the_published_set(
    tmp_path: Path, tables: Callable[[str], pl.DataFrame]
):
    path = tmp_path / "a.parquet"
    tables("acn").write_parquet(path)
    licence = SESSIONS["acn"](path)[1].licence
    assert licence.startswith("A (CC BY 4.0) for the set as published")
    assert licence.endswith("The file read states none.")
    tables("acn").write_parquet(path, metadata={"License": "CC0\x1b[2J"})
    assert SESSIONS["acn"](path)[1].licence == r"stated in the file: CC0\x1b[2J"

"""A summary is strict JSON, and its hashes tell different inputs apart and equal ones not."""

import json
from pathlib import Path

import polars as pl
import pytest

from evergrid.studies import summary


def test_a_number_that_is_not_finite_never_reaches_a_summary():
    with pytest.raises(ValueError, match="not JSON compliant"):
        summary.to_json({"gap": float("nan")})


def test_a_summary_survives_the_round_trip():
    told = {"objective": -1.25, "shortfalls": [], "title": "Straße", "rolling": {"perfect": 1e-12}}
    assert json.loads(summary.to_json(told)) == told


def test_a_hash_follows_the_values_and_not_the_file(tmp_path: Path):
    frame = pl.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert summary.table_hash(pl.read_parquet(tmp_path / "a.parquet")) == summary.table_hash(frame)
    for other in (frame.reverse(), frame.rename({"a": "c"}), frame.with_columns(a=pl.col("a") + 1)):
        assert summary.table_hash(other) != summary.table_hash(frame)


def test_the_hash_of_a_text_is_the_published_one():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert summary.text_hash("") == empty  # FIPS 180-4, SHA-256 of nothing
    assert summary.text_hash("a") != empty


def test_the_versions_name_what_computed_the_result():
    assert set(summary.versions()) == {"python", *summary.PACKAGES}
    assert all(summary.versions().values())

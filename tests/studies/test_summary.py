"""A summary is strict JSON, and its hashes tell different inputs apart and equal ones not."""

import json
import re
import subprocess
import sys
from importlib import metadata
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


def test_what_a_terminal_would_obey_is_escaped():
    told = {"name": "\x1b[2J\x7f\u202e\n"}
    assert summary.to_json(told).replace("\n", "").isprintable()
    assert json.loads(summary.to_json(told)) == told


CALL = """
import json, sys
from evergrid.studies import summary
for name in sys.argv[1:]:
    __import__(name)
print(json.dumps(summary.versions()))
"""


@pytest.mark.parametrize(
    ("loaded", "more"),
    [
        ([], set[str]()),
        (["highspy"], {"highspy"}),
        (["jax"], {"jax", "jaxlib"}),
        (["evergrid.grid.feeder.opendss"], set[str]()),
        (["tests.studies.a_feeder"], {"dss-python", "dss-python-backend", "opendss"}),
        (["evergrid.engine.interior_point.store_kernels"], {"numba"}),
    ],
)
def test_the_versions_name_what_was_loaded_and_nothing_else(loaded: list[str], more: set[str]):
    call = [sys.executable, "-c", CALL, *loaded]
    told = json.loads(subprocess.run(call, capture_output=True, check=True).stdout)
    perhaps = {"numpy", "scipy", "numba"}  # which others load
    assert set(told) - perhaps == {"python", "evergrid", "polars"} | (more - perhaps)
    assert more <= set(told)
    for name in set(told) - {"python", "opendss"}:
        assert told[name] == metadata.version(name)
    assert "opendss" not in told or re.fullmatch(r"[\d.]+, OpenDSS SVN \d+", told["opendss"])

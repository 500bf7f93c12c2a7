import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from benchmarks.plan import __main__ as command
from benchmarks.plan import case, memory
from benchmarks.plan.case import FAILED, Row
from benchmarks.plan.solvers.registry import OURS, SOLVERS
from tests.benchmarks.plan.rows import CASE

REPOSITORY = Path(__file__).parents[3]
SMALL = replace(CASE, family="mixed_tree", sessions=100, limit_s=30.0)


SOME = ("simplex", *OURS)
EVERY = pytest.param(command.FULL.solvers, marks=[pytest.mark.slow, pytest.mark.exhaustive])


@pytest.fixture(scope="module", params=[SOME, EVERY], ids=["some", "every"])
def rows(request: pytest.FixtureRequest) -> dict[str, Row]:
    """One small case by each of these solvers, each in a process of its own."""
    here = [name for name in request.param if not SOLVERS[name].missing()]
    return {name: case.in_own_process(replace(SMALL, solver=name)) for name in here}


def test_every_solver_fills_every_field(rows: dict[str, Row]):
    for row in rows.values():
        empty = [field.name for field in fields(Row) if getattr(row, field.name) is None]
        assert empty == [], row
        assert row.status in ("optimal", "feasible")
        assert 0 < (row.seconds or 0) < 30
        assert (row.peak_mb or 0) > 20


def test_all_solvers_agree_within_their_gaps(rows: dict[str, Row]):
    best = rows["simplex"].objective
    for name, row in rows.items():
        gap = SOLVERS[name].gap or 1e-5
        assert (row.gap or 0) <= gap
        assert (row.violation or 0) < 1e-4
        assert row.objective == pytest.approx(best, rel=2 * gap, abs=1e-6)


def test_site_by_site_solves_a_forest_to_the_same_cost():
    forest = replace(SMALL, family="home")
    whole, apart = (
        case.in_own_process(replace(forest, solver=name)) for name in ("simplex", "site_by_site")
    )
    assert apart.objective == pytest.approx(whole.objective, rel=1e-9)
    assert apart.gap == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["simplex", "site_by_site"])
def test_a_case_without_time_is_over_its_limit(name: str):
    hurried = replace(SMALL, family="home", sessions=2000, solver=name, limit_s=0.01)
    row = case.in_own_process(hurried)
    assert row.over_limit
    assert row.status == "time_limit"


def test_a_process_that_dies_is_reported(capfd: pytest.CaptureFixture[str]):
    row = case.in_own_process(replace(SMALL, family="no such family"))
    assert row.status == FAILED
    assert "KeyError" in capfd.readouterr().err


def test_the_peak_of_memory_can_be_counted_anew():
    memory.reset_peak()
    before = memory.peak_mb()
    block = bytearray(64 << 20)
    block[::4096] = b"x" * len(block[::4096])
    grown = memory.peak_mb() - before
    del block
    memory.reset_peak()
    assert grown > 50
    assert memory.peak_mb() < before + 50


def test_the_command_prints_rows_or_tables():
    words = ["--sizes", "25", "--families", "depot", "--solvers", "simplex", "--limit", "20"]
    call = [sys.executable, "-m", "benchmarks.plan", *words]
    shown = subprocess.run(
        [*call, "--json"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    taken = json.loads(shown.stdout)
    assert [row["sessions"] for row in taken["rows"]] == [25]
    assert "depot 25 simplex" in shown.stderr
    told = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert told.stdout.startswith("| family")


def test_quick_prints_one_document_whose_rows_name_what_was_measured():
    words = ["--quick", "--json", "--families", "depot", "--solvers", "evergrid_1e-3"]
    call = [sys.executable, "-m", "benchmarks.plan", *words]
    shown = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    rows = json.loads(shown.stdout)["rows"]
    wanted = ("family", "sessions", "steps", "solver", "seconds", "peak_mb", "gap", "objective")
    assert [row["sessions"] for row in rows] == [100, 1000]
    assert all(row[key] is not None for row in rows for key in wanted)


def test_what_is_missing_or_not_covered_is_a_row_in_a_word(monkeypatch: pytest.MonkeyPatch):
    refuses = replace(SOLVERS["evergrid_1e-3"], covers=lambda program: False)
    monkeypatch.setitem(SOLVERS, "evergrid_1e-3", refuses)
    metered = replace(SMALL, family="metered", sessions=30)
    refused = [case.run(replace(metered, solver=name)) for name in ("evergrid_1e-3", "cupdlpx")]
    assert [row.status for row in refused] == ["not_covered", "not_installed"]
    assert not any(row.over_limit for row in refused)


def test_an_unknown_name_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit, match="2"):
        command.main(["--families", "nowhere"])
    assert "all_congested" in capsys.readouterr().err

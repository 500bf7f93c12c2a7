"""Where results go: nothing of the user's is lost, and a reader never sees half a result."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.cli.cases import Case, Command


def contents(folder: Path):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_holds_something_else_is_left_alone(case: Case, evergrid: Command):
    out = case.folder / "thesis"
    out.mkdir()
    (out / "chapter-1.txt").write_text("It was a dark and stormy night.")
    before = contents(case.folder)
    message = evergrid("run", case.plan, "--out", out).refused(2)
    assert "Name another folder" in message
    assert contents(case.folder) == before


@pytest.mark.parametrize("inside", ["", "deeper", "deeper/still"])
def test_a_file_in_the_place_of_the_folder_is_left_alone(
    case: Case, evergrid: Command, inside: str
):
    file = case.folder / "notes.txt"
    file.write_text("mine")
    before = case.files()
    assert "notes.txt" in evergrid("run", case.plan, "--out", file / inside).refused(2)
    assert case.files() == before
    assert file.read_text() == "mine"


@pytest.mark.parametrize("name", ["thesis.tex", "results-of-somebody-else.parquet"])
def test_a_result_among_other_files_is_left_alone(case: Case, evergrid: Command, name: str):
    out = case.folder / "out"
    evergrid("run", case.plan, "--out", out)
    (out / name).write_text("mine")
    before = contents(case.folder)
    assert name in evergrid("run", case.plan, "--out", out).refused(2)
    assert contents(case.folder) == before


def test_an_older_result_survives_a_rename_that_fails(
    case: Case, evergrid: Command, monkeypatch: pytest.MonkeyPatch
):
    out = case.folder / "out"
    evergrid("run", case.plan, "--out", out)
    before = contents(case.folder)
    rename = Path.rename

    def fails_for_the_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_for_the_new)
    evergrid("run", case.plan, "--out", out).refused(2)
    assert contents(case.folder) == before


def test_the_folder_of_the_configuration_is_no_place_for_results(
    case: Case, evergrid: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(case.folder)
    before = contents(case.folder)
    evergrid("run", "plan.toml", "--out", ".").refused(2)
    assert contents(case.folder) == before


def test_an_empty_folder_and_a_path_of_new_folders_are_good_places(case: Case, evergrid: Command):
    (case.folder / "empty").mkdir()
    for out in (case.folder / "empty", case.folder / "new" / "deep" / "out"):
        assert evergrid("run", case.plan, "--out", out).code == 0
        assert (out / "summary.json").is_file()


def test_a_newer_result_replaces_an_older_one_whole(case: Case, evergrid: Command):
    out = case.folder / "out"
    evergrid("run", case.plan, "--out", out)
    case.change("plan.toml", "= 15", "= 30")
    before = case.files()
    assert evergrid("run", case.plan, "--out", out).code == 0
    assert case.files() == before
    limits = pl.read_parquet(out / "sites.parquet")["import_limit_kw"]
    assert limits.unique().to_list() == [30]


@pytest.mark.parametrize("older", [False, True])
def test_a_disk_that_fills_up_leaves_no_half_result(
    case: Case, evergrid: Command, monkeypatch: pytest.MonkeyPatch, older: bool
):
    out = case.folder / "out"
    if older:
        evergrid("run", case.plan, "--out", out)
    before = contents(case.folder)

    def full(frame: Any, path: Path, **_: Any):
        Path(path).write_bytes(b"PAR1")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    assert "No space left" in evergrid("run", case.plan, "--out", out).refused(2)
    assert contents(case.folder) == before
    assert out.exists() == older


def test_a_solve_that_fails_leaves_the_older_result(case: Case, evergrid: Command):
    out = case.folder / "out"
    evergrid("run", case.plan, "--out", out)
    before = contents(out)
    case.change("plan.toml", "= 15", "= 1")
    case.change("plan.toml", "[horizon]", '[solve]\non_shortfall = "error"\n[horizon]')
    assert "must be reachable" in evergrid("run", case.plan, "--out", out).refused(1)
    assert contents(out) == before
    assert json.loads((out / "summary.json").read_text())["status"] == "optimal"

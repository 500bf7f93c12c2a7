"""A folder of results is written whole or not at all, and nothing of others is ever lost."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from evergrid.core.errors import OutputError
from evergrid.data import output, scratch
from evergrid.data.output import check_writable, write_folder

OLD = {"summary.json": "old", "inputs/a.parquet": pl.DataFrame({"x": [1]}), "gone.txt": "x"}
NEW = {"summary.json": "new", "inputs/a.parquet": pl.DataFrame({"x": [2]})}
NAMES = (*OLD, *NEW)
KILLED = """
import os, sys
from pathlib import Path
from evergrid.data.output import write_folder

stage, out = sys.argv[1:]
rename = Path.rename

def die(*_, **__):
    os._exit(9)  # as if it were killed: nothing is cleared away

if stage == "writing":
    Path.write_text = die
else:
    last = {"first rename": "out", "second rename": "new"}[stage]
    Path.rename = lambda self, target: die() if self.name == last else rename(self, target)
write_folder(Path(out), {"summary.json": "new"}, replaces=["gone.txt", "inputs/a.parquet"])
"""


@pytest.fixture
def out(tmp_path: Path):
    """A folder with an older result."""
    folder = tmp_path / "home" / "out"
    write_folder(folder, OLD)
    return folder


def names(folder: Path):
    return sorted(path.name for path in folder.iterdir())


def contents(folder: Path):
    """Everything below, hidden or not; links by where they lead."""
    return {
        path.relative_to(folder): path.readlink()
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in folder.rglob("*")
    }


def test_the_first_three_of_many_foreign_files_are_named_and_the_others_counted(out: Path):
    for name in "edcba":
        (out / name).write_text("mine")
    with pytest.raises(OutputError, match="out holds a, b, c and 2 more, which is no result"):
        check_writable(out, NAMES)
    for name in "ed":
        (out / name).unlink()
    with pytest.raises(OutputError, match="out holds a, b, c, which is no result"):
        check_writable(out, NAMES)


def test_room_that_cannot_be_taken_away_spoils_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    with scratch.beside(tmp_path / "out") as room:
        monkeypatch.setattr("os.rmdir", refuse)
    assert room.folder.is_dir()


def test_a_result_replaces_an_older_one_and_leaves_nothing_else(out: Path):
    write_folder(out, NEW, replaces=OLD)
    assert set(contents(out.parent)) == {
        Path(name) for name in ("out", "out/summary.json", "out/inputs", "out/inputs/a.parquet")
    }
    assert (out / "summary.json").read_text() == "new"


@pytest.mark.parametrize(
    "name", ["inputs/mine.txt", "inputs/deep/a.parquet", "mine.txt", "inputs/b", ".hidden", "new"]
)
def test_a_foreign_file_at_any_depth_is_named_and_left(out: Path, name: str):
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("mine")
    before = contents(out.parent)
    for refuse in (lambda: check_writable(out, NAMES), lambda: write_folder(out, NEW)):
        with pytest.raises(OutputError, match=r"which is no result of ours\. Name another"):
            refuse()
    assert contents(out.parent) == before


@pytest.mark.parametrize("name", ["inputs/a.parquet", "gone.txt", "mine"])
def test_a_link_among_the_results_is_followed_by_nobody(out: Path, tmp_path: Path, name: str):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "diary.txt").write_text("mine")
    (out / name).unlink(missing_ok=True)
    (out / name).symlink_to(kept)
    before = contents(kept)
    if name == "mine":
        with pytest.raises(OutputError, match="holds mine"):
            write_folder(out, NEW, replaces=OLD)
    else:
        write_folder(out, NEW, replaces=OLD)
    assert contents(kept) == before


def test_an_empty_foreign_folder_is_left(out: Path):
    (out / "inputs" / "plans").mkdir()
    with pytest.raises(OutputError, match="inputs/plans"):
        check_writable(out, NAMES)


def test_a_link_to_a_folder_stays_and_the_folder_is_replaced(out: Path, tmp_path: Path):
    link = tmp_path / "link"
    link.symlink_to(out)
    write_folder(link, NEW, replaces=OLD)
    assert link.readlink() == out
    assert (out / "summary.json").read_text() == "new"
    assert names(tmp_path) == ["home", "link"]


@pytest.mark.parametrize("target", ["nowhere", "link", "notes.txt"])
def test_a_link_that_leads_to_no_folder_is_refused(tmp_path: Path, target: str):
    (tmp_path / "notes.txt").write_text("mine")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / target)
    before = contents(tmp_path)
    for write in (lambda: check_writable(link, NAMES), lambda: write_folder(link, NEW)):
        with pytest.raises(OutputError, match=r"link|notes\.txt"):
            write()
    assert contents(tmp_path) == before


@pytest.mark.parametrize("place", ["/proc/out", "/proc/self/deep/out", "/dev/null/out"])
def test_a_place_where_nothing_can_be_written_is_refused_before_the_work(place: str):
    with pytest.raises(OutputError, match=r"Name a(nother)? folder"):
        check_writable(Path(place), NAMES)


def test_a_folder_whose_parent_is_read_only_is_refused_before_the_work(
    out: Path, monkeypatch: pytest.MonkeyPatch
):
    def refused(prefix: str, dir: Path):
        raise PermissionError(13, f"Permission denied: {prefix}{dir}")

    monkeypatch.setattr(output.tempfile, "mkdtemp", refused)
    with pytest.raises(OutputError, match="cannot be written: Permission denied"):
        check_writable(out, NAMES)


def test_a_folder_that_may_not_be_written_is_refused_before_the_work(
    out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(output.os, "access", lambda path, _: Path(path) != out)
    with pytest.raises(OutputError, match="may not be written"):
        check_writable(out, NAMES)


def test_a_mount_point_is_refused_before_the_work(out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(output.os.path, "ismount", lambda path: Path(path) == out)
    with pytest.raises(OutputError, match=r"is a mount point\. Name a folder in it"):
        check_writable(out, NAMES)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a\0b", "\x1b[31m\n"])
def test_a_name_that_no_folder_can_have_is_refused_and_shown_short(tmp_path: Path, name: str):
    (tmp_path / "\x1b[31m\n").write_text("mine")
    with pytest.raises(OutputError) as caught:
        check_writable(tmp_path / name, NAMES)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_asking_leaves_no_trace(tmp_path: Path):
    check_writable(tmp_path / "deep" / "out", NAMES)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("stage", "older"),
    [
        ("writing", False),
        ("writing", True),
        ("first rename", True),
        ("second rename", False),
        ("second rename", True),
    ],
)
def test_a_run_that_is_killed_leaves_nothing_that_the_next_does_not_mend(
    tmp_path: Path, stage: str, older: bool
):
    out = tmp_path / "out"
    if older:
        write_folder(out, OLD)
    before = contents(tmp_path)
    call = [sys.executable, "-c", KILLED, stage, str(out)]
    assert subprocess.run(call, check=False).returncode == 9
    assert any(name.startswith(scratch.PREFIX) for name in names(tmp_path))
    check_writable(out, NAMES)
    assert contents(tmp_path) == before
    write_folder(out, NEW, replaces=OLD)
    assert names(tmp_path) == ["out"]


def test_the_room_of_a_run_that_is_alive_stays(tmp_path: Path):
    out = tmp_path / "out"
    with scratch.beside(out) as room:
        check_writable(out, NAMES)
        check_writable(tmp_path / "other", NAMES)
        room.new.mkdir()
        room.swap()
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("held", [{"notes.txt"}, {"target", "notes.txt"}, set[str](), {"new"}])
def test_a_hidden_folder_of_somebody_else_stays(tmp_path: Path, held: set[str]):
    folder = tmp_path / f"{scratch.PREFIX}mine"
    folder.mkdir()
    for name in held:
        (folder / name).write_text("out")
    before = contents(tmp_path)
    check_writable(tmp_path / "out", NAMES)
    assert contents(tmp_path) == before


def test_an_older_result_that_cannot_be_put_back_is_not_taken_away(
    out: Path, monkeypatch: pytest.MonkeyPatch
):
    before = contents(out)
    rename = Path.rename

    def only_aside(self: Path, target: Path) -> Path:
        if target == out:
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", only_aside)
    with pytest.raises(OutputError, match="Input/output error"):
        write_folder(out, NEW, replaces=OLD)
    monkeypatch.undo()
    assert not out.exists()
    check_writable(out, NAMES)
    assert contents(out) == before

"""Paths in a configuration: variables, defaults, folders."""

from pathlib import Path
from typing import Any

import pytest

from evergrid.core.errors import EvergridError, InputError
from evergrid.data.files import column, frames
from evergrid.data.files.frames import Kind
from evergrid.data.files.locate import locate

FOLDER = Path("study")


def test_a_relative_path_starts_at_the_folder_of_the_configuration():
    assert locate("data/a.csv", FOLDER) == FOLDER / "data" / "a.csv"


def test_an_absolute_path_stays(tmp_path: Path):
    assert locate(str(tmp_path / "a.csv"), FOLDER) == tmp_path / "a.csv"


def test_a_variable_is_expanded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EVERGRID_TEST", "here")
    assert locate("${EVERGRID_TEST}/a.csv", FOLDER) == FOLDER / "here" / "a.csv"
    assert locate("${EVERGRID_TEST:-there}/a.csv", FOLDER) == FOLDER / "here" / "a.csv"


@pytest.mark.parametrize("value", [None, ""])
def test_a_default_stands_in_for_an_unset_or_empty_variable(
    monkeypatch: pytest.MonkeyPatch, value: Any
):
    monkeypatch.delenv("EVERGRID_TEST", raising=False)
    if value is not None:
        monkeypatch.setenv("EVERGRID_TEST", value)
    assert locate("${EVERGRID_TEST:-../x}/a.csv", FOLDER) == FOLDER / "../x" / "a.csv"
    assert locate("${EVERGRID_TEST:-}a.csv", FOLDER) == FOLDER / "a.csv"


def test_a_variable_without_value_or_default_names_the_way_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("EVERGRID_TEST", raising=False)
    with pytest.raises(InputError, match="Set the environment variable EVERGRID_TEST"):
        locate("${EVERGRID_TEST}/a.csv", FOLDER)


@pytest.mark.parametrize("text", ["${EVERGRID", "${}/a", "${1x}/a", "", "  "])
def test_a_malformed_path_is_refused(text: str):
    with pytest.raises(InputError):
        locate(text, FOLDER)


def test_a_message_shows_the_name_of_a_variable_and_never_its_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "hunter2").mkdir()
    monkeypatch.setenv("EVERGRID_TEST", str(tmp_path / "hunter2"))
    path = locate("${EVERGRID_TEST}/a.csv", FOLDER)
    assert f"{path}" == "${EVERGRID_TEST}/a.csv"
    for content in (None, b"", b"\xff", b"a,b\n", b"hunter2,a\n1\n1,2,3\n", b'hunter2\n"1\n'):
        if content is not None:
            path.write_bytes(content)
        for read in (a_source, a_column):
            with pytest.raises((EvergridError, OSError)) as caught:
                read(path)
            assert "hunter2/" not in str(caught.value)
            assert str(tmp_path) not in str(caught.value)


def a_source(path: Path) -> None:
    frames.source_columns(path, {"x": Kind.TEXT}, source="x")


def a_column(path: Path) -> None:
    column.read(path, "x", 3)


def test_a_path_made_from_one_with_a_variable_does_not_show_its_value(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("EVERGRID_TEST", "hunter2")
    path = locate("${EVERGRID_TEST}/a.csv", FOLDER)
    for derived in (path.with_name("b.csv"), path.parent, path / "c", path.resolve()):
        assert "hunter2" not in f"{derived}"
        assert "hunter2" in str(derived)

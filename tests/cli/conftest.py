"""The command in this process, and a folder with a small case."""

import sys
from pathlib import Path
from typing import Any

import pytest

from evergrid.cli.main import main
from tests.cli.cases import PLAN, PRICES, SESSIONS, Case, Ended


@pytest.fixture
def case(tmp_path: Path):
    folder = tmp_path / "case"
    folder.mkdir()
    for name, text in {"sessions.csv": SESSIONS, "prices.csv": PRICES, "plan.toml": PLAN}.items():
        (folder / name).write_text(text)
    return Case(folder)


@pytest.fixture
def evergrid(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Calls the command with arguments, through the same door as the shell does."""

    def call(*arguments: Any):
        monkeypatch.setattr(sys, "argv", ["evergrid", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Ended(int(ended.value.code or 0), out, err)

    return call

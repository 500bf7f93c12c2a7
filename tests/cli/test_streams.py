"""stdout holds results and nothing else, whatever libraries print and which streams are closed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

# A study in the place of the real one, which prints from Python and from C as libraries do.
NOISY = """
import ctypes, os, sys
from evergrid.cli import main as cli
from evergrid.studies import registry
from types import SimpleNamespace
from evergrid.core.config import Config

class Quiet(Config):
    study: str

class Result:
    def final_summary(self): return {"study": "noisy"}
    def write(self, out): pass
    def console_lines(self): return ["a line", chr(27) + "[2J"]

def run(settings, **_):
    print("printed by Python")
    ctypes.CDLL(None).printf(b"printed by C\\n")  # held back until the process ends
    os.write(1, b"written to descriptor 1\\n")
    os.system("echo echoed by a child")
    return Result()

registry.of_tables = lambda *_, **__: SimpleNamespace(
    config=Quiet, check_writable=lambda out: None, run=run
)
sys.argv = ["evergrid", "run", *sys.argv[1:]]
cli.main()
"""
TALK = ("printed by Python", "printed by C", "written to descriptor 1", "echoed by a child")


@pytest.fixture
def call(tmp_path: Path):
    (tmp_path / "plan.toml").write_text('study = "noisy"\n')
    return [sys.executable, "-c", NOISY, str(tmp_path / "plan.toml"), "--out", str(tmp_path / "o")]


def test_json_stands_alone_on_stdout_and_talk_goes_to_stderr(call: list[str]):
    ended = subprocess.run([*call, "--json"], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == {"study": "noisy"}
    for words in TALK:
        assert words in ended.stderr


def test_lines_stand_alone_on_stdout_and_clear_no_screen(call: list[str], tmp_path: Path):
    ended = subprocess.run(call, capture_output=True, text=True, check=True)
    report = f"{'report':<10}{tmp_path / 'o' / 'report.html'}"
    assert ended.stdout.splitlines() == ["a line", r"\x1b[2J", report]


@pytest.mark.parametrize("closed", ["1", "2", "0", "012"])
def test_a_closed_stream_is_nobody_elses_file(call: list[str], tmp_path: Path, closed: str):
    redirected = "".join(f" {number}>&-" for number in closed if number != "0")
    redirected += " <&-" if "0" in closed else ""
    line = subprocess.list2cmdline([*call[:1], str(tmp_path / "noisy.py"), *call[3:], "--json"])
    (tmp_path / "noisy.py").write_text(NOISY)
    shell = ["sh", "-c", line + redirected]
    ended = subprocess.run(shell, capture_output=True, text=True, check=True)
    if "1" not in closed:
        assert json.loads(ended.stdout) == {"study": "noisy"}
    assert "Traceback" not in ended.stderr

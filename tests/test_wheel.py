"""The wheel, with the newest of all it needs, does its work in a folder of its own.

What is tested elsewhere runs from the checkout with locked versions; users have neither.
"""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.cases import PLAN, PRICES, SESSIONS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]

REPOSITORY = Path(__file__).parents[1]
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
Run = Callable[..., subprocess.CompletedProcess[str]]


def environment() -> dict[str, str]:
    """Without what would lead Python to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory):
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--wheel-dir", str(folder))
    subprocess.run([sys.executable, *PIP, "wheel", *options, str(REPOSITORY)], check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def evergrid(wheel: Path, tmp_path_factory: pytest.TempPathFactory):
    """Calls the command as installed in a fresh environment, from a folder outside the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    probe = [
        sys.executable,
        *PIP,
        "download",
        "--no-deps",
        "--dest",
        str(folder / "probe"),
        "typer",
    ]
    if subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("no package index can be reached, so the newest versions cannot be had")
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    python = venv / "bin" / "python"
    subprocess.run(
        [sys.executable, *PIP, "--python", str(python), "install", str(wheel)], check=True
    )

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [str(python.with_name("evergrid")), *map(str, arguments)]
        return subprocess.run(
            command, cwd=folder, env=environment(), capture_output=True, text=True, check=True
        )

    return folder, call


def test_the_wheel_holds_what_the_demo_and_reports_need_and_no_tests(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in (
        "studies/demo/plan.toml",
        "grid/feeder/built_in/ieee13.dss",
        "report/assets/page.js",
    ):
        assert f"evergrid/{name}" in names
    assert {Path(name).parts[0].split("-")[0] for name in names} == {"evergrid"}


def test_the_demo_prints_json_alone_and_writes_its_report(evergrid: tuple[Path, Run]):
    folder, call = evergrid
    ended = call("demo", "--json")
    told = json.loads(ended.stdout)
    out = folder / "results" / "demo"
    assert told == json.loads((out / "summary.json").read_text())
    assert (told["study"], told["status"]) == ("plan", "optimal")
    assert (out / "report.html").is_file()
    assert str(REPOSITORY) not in ended.stderr


def test_a_plan_of_the_user_prints_json_alone(evergrid: tuple[Path, Run]):
    folder, call = evergrid
    for name, text in {"sessions.csv": SESSIONS, "prices.csv": PRICES, "plan.toml": PLAN}.items():
        (folder / name).write_text(text)
    told = json.loads(call("run", "plan.toml", "--json").stdout)
    assert (told["status"], told["sessions"]) == ("optimal", 3)
    assert call("check", "prices.csv", "--as", "prices").stdout.startswith("prices.csv: good")

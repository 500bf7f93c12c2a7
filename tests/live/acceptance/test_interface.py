"""Test 20 of the live service: schemathesis, which others wrote, finds nothing wrong with the API.

It is a package of PyPI (MIT), installed into an environment of its own: what it needs would hold
back what the service needs.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.fake_service import FakeService
from tests.live.serving import Served, serving

PACKAGE = "schemathesis==4.32.5"
# What takes away the right to go on from whoever asks.
ENDING = "logout|me/password|people/(disable|password)"
LONG_S = 300  # for each person
PATIENCE_S = 600.0

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def schemathesis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("schemathesis") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=120)
    call = [folder / "bin" / "pip", "install", "--quiet", PACKAGE]
    subprocess.run(call, check=True, timeout=300)
    return folder / "bin" / "st"


@pytest.fixture
def served() -> Iterator[Served]:
    with serving(FakeService(12)) as found:
        yield found


@pytest.mark.parametrize("person", ["olga", "dora"])
def test_20_a_checker_of_others_finds_nothing_wrong_with_the_interface(
    person: str, schemathesis: Path, served: Served, tmp_path: Path
):
    report = tmp_path / "report.json"
    with served.as_(person) as client:
        token = client.headers["Authorization"]
    call = [schemathesis, "run", f"{served.url}/api/v1/openapi.json", "--max-time", str(LONG_S)]
    call += ["-H", f"Authorization:{token}", "--report-json-path", report, "--continue-on-failure"]
    call += ["--exclude-path-regex", ENDING]
    ended = subprocess.run(
        call, capture_output=True, text=True, check=False, timeout=LONG_S + PATIENCE_S
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert json.loads(report.read_text())

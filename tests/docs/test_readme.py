"""Does the README still tell the truth: its Python, its output, its commands, its links?"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("evergrid")
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d[\d,.]*(?:e[+-]?\d+)?")


def shape(printed: str) -> str:
    """The text with numbers and the widths they cause left out."""
    return re.sub(r"[\s─]+", " ", NUMBER.sub("#", printed)).strip()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[list[str]]:
    """Calls of `evergrid` in the README, without comments and redirections."""
    lines = [line for block in blocks("console") for line in block.splitlines()]
    calls = [re.split(r"\s[#>]", line.removeprefix("$ "))[0].split() for line in lines]
    return [call[1:] for call in calls if call and call[0] == "evergrid"]


def finished(call: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def printed() -> str:
    """What the Python block of the README prints today."""
    (code,) = blocks("python")
    run = finished([sys.executable, "-c", code])
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_the_python_block_is_fifteen_lines_at_most() -> None:
    (code,) = blocks("python")
    assert len([line for line in code.splitlines() if line]) <= 15


def test_the_python_block_prints_what_the_readme_shows(printed: str) -> None:
    (shown,) = blocks("text")
    assert shape(printed) == shape(shown)


def test_the_costs_shown_are_those_of_today(printed: str) -> None:
    (shown,) = blocks("text")
    costs = [line for line in shown.splitlines() if line.endswith("EUR")]
    assert len(costs) == 3
    assert costs == [line for line in printed.splitlines() if line.endswith("EUR")]


def test_the_demo_runs_and_ends_in_a_report(tmp_path: Path) -> None:
    run = finished([COMMAND, "demo", "--out", tmp_path / "demo"])
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "demo" / "report.html").is_file()


@pytest.mark.parametrize("call", commands(), ids=" ".join)
def test_every_command_shown_runs(call: list[str], tmp_path: Path) -> None:
    """The file to check is the reader's own; a price table of ours stands in for it."""
    given = {"prices.csv": "src/evergrid/studies/demo/prices.csv"}
    words: list[str | Path] = [given.get(word, word) for word in call]
    out = ["--out", tmp_path / "out"] if call[0] == "run" else []
    run = finished([COMMAND, *words, *out])
    assert run.returncode == 0, run.stderr


def test_every_make_target_shown_exists() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    shown = re.findall(
        r"\bmake ([a-z-]+)", " ".join(re.findall(r"`make [a-z-]+`|\$ make .*", README))
    )
    assert {"demo", "test"} <= set(shown)
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in shown)


def test_every_link_and_figure_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r'(?:src|srcset)="([^"]+)"', README)
    assert links
    assert [link for link in links if not (REPOSITORY / link).is_file()] == []


def test_the_version_in_readme_and_changelog_is_that_of_the_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version {project['version']}" in README
    assert f"## {project['version']} " in changelog

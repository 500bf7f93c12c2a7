"""A finished study is never lost to a picture: every study writes all else and says what failed."""

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evergrid.cli.main import app
from evergrid.core.config import parse
from evergrid.report.drawing import FigureWarning
from evergrid.studies import (
    battery_life,
    black_start,
    console_summary,
    emissions,
    firm_capacity,
    frequency_response,
    grid_strength,
    hosting_capacity,
    regulation,
    resilience,
    rule_books,
    value_stacking,
    volt_var,
    welfare,
)
from evergrid.studies.grid_strength import report as strength_report
from evergrid.studies.registry import STUDIES
from tests.grid.cases import street
from tests.studies import (
    emissions_cases,
    feeder_cases,
    regulation_cases,
    rule_books_cases,
    stacking_cases,
    welfare_cases,
)
from tests.studies.black_start import cases as black_start_cases
from tests.studies.cases import Planned
from tests.studies.frequency_response import cases as frequency_cases
from tests.studies.resilience import cases as resilience_cases

FEW = {"vehicle_counts": 4, "draws": 12, "vehicle_days": 20, "step_min": 60}
VARIANTS = ("plan on a feeder", "frequency of a record")
HISTORY = {
    "confidence": [0.5],
    "coming_days": 1,
    "generated": {"start": "2023-01-02", "days": 60},
    "fleet": [{"place": "home", "vehicles": 5, "sites": ["street"], "time_zone": "UTC"}],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, planned: Planned) -> dict[str, Any]:
    """A small result of every study; that of a plan with a feeder beside it."""
    folder = tmp_path_factory.mktemp("studies")
    feeder = {"file": str(street(folder))}
    return {
        "plan": planned(1)[0],
        "plan on a feeder": feeder_cases.planned(folder),
        "firm_capacity": firm_capacity.run(parse(firm_capacity.Config, HISTORY)),
        "grid_strength": grid_strength.run(parse(grid_strength.Config, {"feeder": feeder})),
        "hosting_capacity": hosting_capacity.run(
            parse(hosting_capacity.Config, {"feeder": feeder, "sampling": FEW})
        ),
        "volt_var": volt_var.run(parse(volt_var.Config, {"feeder": feeder, "hours": 1.0})),
        "battery_life": battery_life.run(parse(battery_life.Config, {"years": 1})),
        "regulation": _regulation(folder),
        "value_stacking": _stacking(folder),
        "rule_books": _rule_books(folder),
        "frequency_response": _frequency(folder),
        "emissions": _emissions(folder),
        "resilience": resilience.run(parse(resilience.Config, resilience_cases.configuration())),
        "welfare": welfare.run(parse(welfare.Config, welfare_cases.configuration())),
        "black_start": black_start.run(
            parse(black_start.Config, black_start_cases.configuration())
        ),
        "frequency of a record": _frequency(folder, record=frequency_cases.record(folder)),
    }


def _regulation(folder: Path) -> Any:
    regulation_cases.files(folder)
    given = parse(regulation.Config, regulation_cases.configuration())
    return regulation.run(given, folder=folder, seed=1)


def _stacking(folder: Path) -> Any:
    stacking_cases.files(folder)
    curve = {"service": "reserve", "prices_per_mw": [1.0, 10.0]}
    given = parse(value_stacking.Config, stacking_cases.configuration(bid_curve=curve))
    return value_stacking.run(given, folder=folder, seed=1)


def _rule_books(folder: Path) -> Any:
    rule_books_cases.files(folder)
    given = parse(rule_books.Config, rule_books_cases.configuration(prequalify=False))
    return rule_books.run(given, folder=folder, seed=1)


def _emissions(folder: Path) -> Any:
    emissions_cases.files(folder)
    given = parse(emissions.Config, emissions_cases.configuration())
    return emissions.run(given, folder=folder, seed=1)


def _frequency(folder: Path, **changed: Any) -> Any:
    given = parse(frequency_response.Config, frequency_cases.configuration(**changed))
    return frequency_response.run(given, folder=folder, seed=1)


def failing(name: str) -> Callable[[], Any]:
    def draw() -> Any:
        raise ZeroDivisionError(f"planted in {name}")

    return draw


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any, str], Any]]:
    """Lets one figure of a result raise, or all; the rest are drawn as they are."""

    def plant(result: Any, which: str) -> Any:
        report = result.study.report
        own = report.figures(result)
        left = {name: (lambda made=made: made) for name, made in result.figures().items()}
        broken = {name: failing(name) for name in own if which in (name, "all")}
        monkeypatch.setattr(report, "figures", lambda result: left | broken)
        return replace(result)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FigureWarning)
        yield plant


def test_every_study_is_here(results: dict[str, Any]):
    assert set(STUDIES) <= set(results)


@pytest.mark.parametrize("study", [*STUDIES, *VARIANTS])
def test_any_one_figure_may_fail_and_all_else_is_written(
    study: str, results: dict[str, Any], planted: Callable[[Any, str], Any], tmp_path: Path
):
    result = results[study]
    whole = set(result.figures())
    assert len(whole) > 2
    for name in sorted(whole):
        told = planted(result, name)
        assert set(told.figures()) == whole - {name}
        page = told.report()
        assert f"The figure {name} could not be drawn: ZeroDivisionError: planted in" in page
        assert page.count('class="plot"') == len(whole) - 1
    told = planted(result, "all")
    told.write(tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    for name in whole:
        assert any(f"figure {name} could not be drawn" in note for note in summary["notes"])
    for name in result.tables:
        assert (tmp_path / "out" / f"{name}.parquet").is_file()
    assert {key: told for key, told in summary.items() if key != "notes"} == json.loads(
        json.dumps({key: value for key, value in result.summary.items() if key != "notes"})
    )


@pytest.mark.parametrize("study", [*STUDIES, *VARIANTS])
def test_the_summary_and_the_place_of_the_report_are_ten_lines(study: str, results: dict[str, Any]):
    assert 3 <= len(results[study].console_lines()) <= console_summary.MOST_ROWS == 9


def test_the_command_says_on_stderr_which_figure_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    street(tmp_path)
    text = 'study = "grid_strength"\n[feeder]\nfile = "street.dss"\n'
    (tmp_path / "study.toml").write_text(text)
    own = strength_report.figures

    def figures(result: Any) -> Any:
        return own(result) | {"loop_gains": failing("loop_gains")}

    monkeypatch.setattr(strength_report, "figures", figures)
    call = ["run", str(tmp_path / "study.toml"), "--out", str(tmp_path / "out")]
    with warnings.catch_warnings():
        warnings.simplefilter("default", FigureWarning)
        ended = CliRunner().invoke(app, call)
    assert ended.exit_code == 0
    assert "warning: The figure loop_gains could not be drawn" in ended.stderr
    assert len(ended.stdout.splitlines()) <= 10
    assert (tmp_path / "out" / "report.html").is_file()

"""The verbs of the command: what they print where, and how they exit."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import evergrid as package
from evergrid.data import check as checks
from evergrid.grid.feeder.isolation import process
from evergrid.studies import registry
from evergrid.studies.study import Study
from tests.cli.cases import Case, Command

FILES = {
    "config.toml",
    "report.html",
    "schedule.parquet",
    "sites.parquet",
    "strategies.parquet",
    "strategy_schedules.parquet",
    "summary.json",
    "inputs/prices.parquet",
    "inputs/sessions.parquet",
    "inputs/site_load.parquet",
    "inputs/sites.parquet",
}


def written(folder: Path):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_run_writes_every_file_and_prints_ten_lines(case: Case, evergrid: Command):
    out = case.folder / "out"
    ended = evergrid("run", case.plan, "--out", out)
    assert (ended.code, ended.err) == (0, "")
    assert written(out) == FILES
    assert len(ended.out.splitlines()) == 10
    assert ended.out.splitlines()[-1].endswith(str(out / "report.html"))


def test_run_with_json_prints_the_summary_and_nothing_else_on_stdout(case: Case, evergrid: Command):
    out = case.folder / "out"
    ended = evergrid("run", case.plan, "--out", out, "--json")
    assert ended.out == (out / "summary.json").read_text()
    assert json.loads(ended.out)["status"] == "optimal"


def test_run_writes_to_results_by_default(
    case: Case, evergrid: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(case.folder)
    assert evergrid("run", "plan.toml").code == 0
    assert written(case.folder / "results" / "plan") == FILES


def test_the_configuration_of_a_result_is_complete_and_valid(case: Case, evergrid: Command):
    out = case.folder / "out"
    evergrid("run", case.plan, "--out", out)
    resolved = tomllib.loads((out / "config.toml").read_text())
    assert resolved["solve"]["on_shortfall"] == "serve"
    assert evergrid("run", out / "config.toml", "--dry-run").code == 0


def test_a_result_can_be_planned_again_from_its_own_inputs(case: Case, evergrid: Command):
    first = case.folder / "first"
    evergrid("run", case.plan, "--out", first)
    for name in ("sessions", "prices"):
        case.change("plan.toml", f"{name}.csv", f"first/inputs/{name}.parquet")
    second = case.folder / "second"
    assert evergrid("run", case.plan, "--out", second).code == 0
    one, two = (json.loads((out / "summary.json").read_text()) for out in (first, second))
    assert one["objective"] == two["objective"]
    assert one["input_sha256"] == two["input_sha256"]


def test_a_dry_run_checks_and_writes_nothing(case: Case, evergrid: Command):
    before = case.files()
    ended = evergrid("run", case.plan, "--out", case.folder / "out", "--dry-run")
    assert (ended.code, ended.out) == (0, "")
    assert "valid configuration" in ended.err
    assert case.files() == before


def test_a_dry_run_of_a_bad_configuration_fails(case: Case, evergrid: Command):
    case.change("plan.toml", "step_min = 60", 'step_min = 60\ntime_zone = "Europe/Olso"')
    assert "horizon.time_zone" in evergrid("run", case.plan, "--dry-run").refused(2)


def test_a_run_with_a_feeder_starts_its_reader_before_the_study_is_loaded(
    tmp_path: Path, evergrid: Command, monkeypatch: pytest.MonkeyPatch
):
    came: list[str] = []
    monkeypatch.setattr(process, "start", lambda: came.append("started"))
    config = tmp_path / "plan.toml"
    for text, starts in (('study = "none"\n[feeder]\n', 1), ('study = "none"\n', 0)):
        came.clear()
        config.write_text(text)
        assert "be a known study" in evergrid("run", config).refused(2)
        assert len(came) == starts
    config.write_text('study = "plan"\n[feeder]\n')
    evergrid("run", config, "--dry-run")
    assert came == []


def test_version_is_that_of_the_package(evergrid: Command):
    assert evergrid("--version").out == f"evergrid {package.__version__}\n"


def test_studies_lists_every_study_with_its_question(evergrid: Command):
    lines = evergrid("studies").out.splitlines()
    assert [line.split()[0] for line in lines] == list(registry.STUDIES)
    for line, name in zip(lines, registry.STUDIES, strict=True):
        assert line.endswith(registry.named(name).question)


LACKING = {  # others lack their sessions
    "grid_strength": None,
    "battery_life": None,
    "resilience": None,
    "black_start": None,
    "volt_var": "there is no file",
    "welfare": "Add [[plants]] and [[days]]",
}


SMALLER = {  # what a run of a template repeats more often than its test needs
    "battery_life": {"years = 10": "years = 2"},
    "resilience": {
        "scenarios = 1000": "scenarios = 40",
        "checked_outages = 5": "checked_outages = 1",
    },
}


@pytest.mark.parametrize("name", registry.STUDIES)
def test_new_prints_a_configuration_that_only_lacks_its_files(
    case: Case, evergrid: Command, name: str
):
    path = case.folder / "new.toml"
    text = evergrid("new", name).out
    for many, few in SMALLER.get(name, {}).items():
        assert text.count(f"\n{many}\n") == 1
        text = text.replace(f"\n{many}\n", f"\n{few}\n")
    path.write_text(text)
    assert evergrid("run", path, "--dry-run").code == 0
    told = LACKING.get(name, f"there is no file {case.folder / 'sessions.parquet'}")
    if told is not None:
        path.write_text(path.read_text().replace("# [sessions]\n", "[sessions]\n"))
        path.write_text(path.read_text().replace("# file = ", "file = ", 1))
    ended = evergrid("run", path, "--out", case.folder / "out")
    if told is None:
        assert ended.code == 0
    else:
        assert told in ended.refused(2)


def test_check_says_that_a_good_file_is_good(case: Case, evergrid: Command):
    ended = evergrid("check", case.folder / "sessions.csv", "--as", "sessions")
    assert (ended.code, ended.err) == (0, "")
    assert "good as sessions (3 rows)" in ended.out


def test_check_reads_limits_over_time_and_names_what_no_power_can_keep(
    case: Case, evergrid: Command
):
    path = case.folder / "limits.csv"
    path.write_text(
        "site_id,time_utc,import_limit_kw,export_limit_kw\n"
        "depot,2024-01-10T00:00:00Z,5,\ndepot,2024-01-10T01:00:00Z,,5\n"
    )
    ended = evergrid("check", path, "--as", "site_limits")
    assert (ended.code, ended.err) == (0, "")
    assert "good as site_limits (2 rows)" in ended.out
    case.change("limits.csv", ",5,\n", ",-5,2\n")
    ended = evergrid("check", path, "--as", "site_limits")
    assert ended.code == 1
    assert "add up to at least 0, got -3" in ended.out
    assert "for depot" in ended.out


def test_check_lists_every_fault_and_fails(case: Case, evergrid: Command):
    case.change("sessions.csv", "0.90", "90")
    case.change("sessions.csv", "s2,", "s1,")
    ended = evergrid("check", case.folder / "sessions.csv", "--as", "sessions")
    assert (ended.code, ended.err) == (1, "")
    assert "2 faults found as sessions" in ended.out
    assert "efficiency_charge must be in (0, 1], got 90" in ended.out


def test_check_of_a_damaged_file_fails(case: Case, evergrid: Command):
    path = case.folder / "sessions.parquet"
    pl.read_csv(case.folder / "sessions.csv").write_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    ended = evergrid("check", path, "--as", "sessions")
    assert ended.code == 1
    assert "readable" in ended.out


def test_check_of_no_file_is_wrong_use(case: Case, evergrid: Command):
    message = evergrid("check", case.folder / "gone.csv", "--as", "prices").refused(2)
    assert "gone.csv" in message


def test_check_of_an_unknown_kind_names_the_nearest(case: Case, evergrid: Command):
    ended = evergrid("check", case.folder / "prices.csv", "--as", "price")
    assert ended.code != 0
    assert "Did you mean prices?" in ended.err
    assert set(checks.TABLES) <= set(checks.KINDS)


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["fly"], ["run", "--seed", "-1", "x"], ["run", "--sed", "1", "x"], ["check", "x"]],
)
def test_wrong_arguments_are_wrong_use(evergrid: Command, arguments: Any):
    ended = evergrid(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Traceback" not in ended.err


def test_the_same_seed_gives_the_same_result_and_another_seed_other_sessions(
    case: Case, evergrid: Command
):
    fleet = (
        '[[fleet]]\nplace = "home"\nvehicles = 6\nsites = ["depot"]\ntime_zone = "Europe/Oslo"\n'
    )
    case.plan.write_text(case.plan.read_text() + fleet)
    summaries = []
    for number, seed in enumerate((7, 7, 8)):
        ended = evergrid(
            "run", case.plan, "--out", case.folder / str(number), "--seed", seed, "--json"
        )
        summary = json.loads(ended.out)
        assert summary.pop("seed") == seed
        del summary["solve_s"]
        summaries.append(summary)
    assert summaries[0] == summaries[1]
    assert summaries[0]["input_sha256"]["sessions"] != summaries[2]["input_sha256"]["sessions"]
    assert summaries[0]["input_sha256"]["prices"] == summaries[2]["input_sha256"]["prices"]


def test_the_installed_command_fails_without_a_traceback(case: Case):
    call = [sys.executable, "-c", "from evergrid.cli.main import main; main()", "run", "gone.toml"]
    ended = subprocess.run(call, cwd=case.folder, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: there is no configuration file gone.toml")
    assert "Traceback" not in ended.stderr


def test_loading_a_study_is_not_interrupted_to_look_for_garbage(case: Case):
    program = """
import atexit, gc
from evergrid.cli.main import main

def looked():
    return sum(generation["collections"] for generation in gc.get_stats())

before = looked()
atexit.register(lambda: print(looked() - before))
main()
"""
    call = [sys.executable, "-c", program, "run", str(case.plan), "--dry-run"]
    ended = subprocess.run(call, cwd=case.folder, capture_output=True, text=True, check=True)
    assert int(ended.stdout) < 10


def test_a_plan_loads_nothing_that_only_generated_fleets_need():
    program = "import sys; import evergrid.studies.plan; print('scipy.special' in sys.modules)"
    call = [sys.executable, "-c", program]
    ended = subprocess.run(call, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"


def test_the_demo_runs_and_ends_at_its_report(evergrid: Command, tmp_path: Path):
    ended = evergrid("demo", "--out", tmp_path / "demo")
    assert ended.code == 0
    assert written(tmp_path / "demo") == FILES


def test_a_memory_that_fills_up_is_an_error_and_no_traceback(
    case: Case, evergrid: Command, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: Any, **__: Any):
        raise MemoryError

    monkeypatch.setattr(Study, "run", full)
    message = evergrid("run", case.plan, "--out", case.folder / "out").refused(1)
    assert "the memory is full. Plan fewer vehicles" in message
    assert not (case.folder / "out").exists()


def test_the_package_runs_as_the_command(capfd: pytest.CaptureFixture[str]):
    ended = subprocess.run([sys.executable, "-m", "evergrid", "--version"], check=False)
    assert ended.returncode == 0
    assert capfd.readouterr().out == f"evergrid {package.__version__}\n"

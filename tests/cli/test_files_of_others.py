"""Whatever a file of others holds, the answer comes at once, is short, and harms no terminal."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from tests.cli.cases import PLAN, PRICES, Case, Command

SECONDS = 2.0  # of processor time, the start of Python and all imports included
MEMORY_KB = 1_000_000
EVIL = "\x1b[31m\x1b]0;owned\x07\u202e\x9b2J\r"  # colours, a title, other direction, clear

# In a process of its own, as its greatest memory is wanted.
CALL = """
import pathlib, resource, sys
from evergrid.cli.main import main
sys.argv[0] = "evergrid"
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)  # its maxrss is that of the parent, if larger
    status = pathlib.Path("/proc/self/status").read_text()
    peak_kb = status.split("VmHWM:")[1].split()[0]
    print("\\n", used.ru_utime + used.ru_stime, peak_kb, file=sys.stderr)
"""


@dataclass(frozen=True)
class ControlReading:
    """How a call in a process of its own ended, and what it took."""

    code: int
    out: str
    err: str
    cpu_s: float
    memory_kb: int


def measured(*arguments: object, **environment: str) -> ControlReading:
    """The call with its processor time, which other work on the machine does not lengthen."""
    call = [sys.executable, "-c", CALL, *map(str, arguments)]
    ended = subprocess.run(
        call, capture_output=True, check=False, timeout=120, env={**os.environ, **environment}
    )
    *err, last = ended.stderr.decode().rstrip("\n").split("\n")
    cpu_s, memory_kb = last.split()
    return ControlReading(
        ended.returncode, ended.stdout.decode(), "\n".join(err), float(cpu_s), int(memory_kb)
    )


@pytest.fixture(scope="module")
def plan_start_s(tmp_path_factory: pytest.TempPathFactory):
    """Processor time in which a plan's modules are loaded, more than those of other commands."""
    path = tmp_path_factory.mktemp("good") / "plan.toml"
    path.write_text(PLAN)
    return min(measured("run", path, "--dry-run").cpu_s for _ in range(2))


def assert_refused_at_once(ended: ControlReading, *parts: str, start_s: float = 0.0) -> None:
    assert ended.code in (1, 2), ended
    assert "Traceback" not in ended.err
    message = ended.out + ended.err
    for part in parts:
        assert part in message
    assert len(message) < 5_000
    assert ended.cpu_s < start_s + SECONDS
    assert ended.memory_kb < MEMORY_KB


def million_columns(path: Path) -> None:
    path.write_text(",".join(f"c{i}" for i in range(1_000_000)) + "\n")


def one_giant_cell(path: Path) -> None:
    path.write_text("time_utc,import_price_per_mwh\n2024-01-10T00:00:00Z," + "9" * 300_000_000)


def one_giant_name(path: Path) -> None:
    path.write_text(PRICES + '"' + "x\n" * 5_000_000 + '",1,1\n')


def sparse_zeros(path: Path) -> None:
    path.touch()
    os.truncate(path, 500 * 10**9)


def packed(path: Path) -> None:
    path.write_bytes(b"\x1f\x8b\x08" + bytes(1000))


def workbook(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(1000))


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def a_loop(path: Path) -> None:
    path.symlink_to(path)


def a_folder(path: Path) -> None:
    path.mkdir()


TABLES: list[tuple[Callable[[Path], None], str]] = [
    (million_columns, "and more columns; 10,000 is the most"),
    (one_giant_cell, "line 2 is longer than 1,000,000 bytes"),
    (one_giant_name, "time_utc must be an ISO 8601 time stamp"),
    (sparse_zeros, "line 1 holds zero bytes"),
    (packed, "it is packed by gzip. Unpack it first"),
    (workbook, "it is a workbook or a ZIP archive. Export the table as CSV"),
    (a_pipe, "it is a pipe"),
    (a_device, "it is a device"),
    (a_loop, "there is no file"),
    (a_folder, "it is a folder"),
]


@pytest.mark.parametrize(("make", "said"), TABLES)
def test_a_table_that_is_none_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None], said: str
):
    make(tmp_path / "prices.csv")
    assert_refused_at_once(measured("check", tmp_path / "prices.csv", "--as", "prices"), said)


def test_a_parquet_file_that_expands_a_thousandfold_is_refused_at_once(tmp_path: Path):
    path = tmp_path / "prices.parquet"
    columns = ("time_utc", "import_price_per_mwh", "export_price_per_mwh")
    rows = 20_000_000
    pl.DataFrame({name: pl.repeat(0, rows, eager=True) for name in columns}).write_parquet(path)
    assert rows * 24 > 1000 * path.stat().st_size
    ended = measured("check", path, "--as", "prices")
    assert_refused_at_once(ended, "file must expand at most 500-fold", "20,000,000 rows")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 900_000, "nest tables and lists at most 20 deep"),
        (".".join("a" * 400_000) + " = 1", "nest tables and lists at most 20 deep"),
        ("".join(f"k{i} = 1\n" for i in range(1_000_000)), "must be at most 1 MB, got 11.9 MB"),
        ('study = "plan"\n' + "".join(f"k{i}=1\n" for i in range(29_000)), "and 28,952 more"),
        (f"{PLAN}\ndemand_charge_per_kw = {'9' * 100_000}", "got 100,000 in line 13"),
        (f"{PLAN}\ndemand_charge_per_kw = 0x{'f' * 100_000}", "got 100,002 in line 13"),
        (PLAN.replace('"depot"', f'"{"x" * 900_000}"'), "site_id must be text of at most 10,000"),
        (PLAN.replace('"plan"', f'"{"plan" * 2000}"'), "study must be a known study"),
    ],
    ids=range(8),
)
def test_a_configuration_that_is_too_large_or_deep_is_refused_at_once(
    case: Case, plan_start_s: float, text: str, said: str
):
    case.plan.write_text(text)
    before = case.files()
    ended = measured("run", case.plan, "--out", case.folder / "out")
    assert_refused_at_once(ended, said, start_s=plan_start_s)
    assert case.files() == before


GROUP = """
[[fleet]]
place = "depot"
vehicles = 10_000_000
sites = ["depot"]
time_zone = "UTC"
name = "bus-{}"
"""


def test_a_fleet_that_cannot_fit_is_refused_before_it_is_made(case: Case, plan_start_s: float):
    case.change("plan.toml", "step_min = 60", "step_min = 1\ndays = 366")
    case.plan.write_text(case.plan.read_text() + "".join(GROUP.format(i) for i in range(9)))
    before = case.files()
    ended = measured("run", case.plan, "--out", case.folder / "out")
    parts = ("horizon must fit into memory", "Plan fewer vehicles")
    assert_refused_at_once(ended, *parts, start_s=plan_start_s)
    assert case.files() == before


@pytest.mark.parametrize("name", ["sessions.csv", "prices.csv", "plan.toml"])
def test_no_escape_sequence_of_a_file_reaches_the_terminal(
    case: Case, evergrid: Command, name: str
):
    known = {"sessions.csv": "s1", "prices.csv": "120.00", "plan.toml": "depot"}[name]
    evil = EVIL.replace("\r", "") if name != "plan.toml" else json.dumps(EVIL)[1:-1]
    case.change(name, known, known + evil)
    for call in (
        ("run", case.plan, "--out", case.folder / "out"),
        ("check", case.folder / "sessions.csv", "--as", "sessions"),
        ("check", case.folder / "prices.csv", "--as", "prices"),
    ):
        ended = evergrid(*call)
        assert not set("\x1b\x07\u202e\x9b\r") & set(ended.out + ended.err)
    report = case.folder / "out" / "report.html"
    if report.is_file():
        text = report.read_text(encoding="utf-8")
        assert not set("\x1b\x07\u202e\x9b") & set(text)


def test_a_path_with_an_escape_sequence_or_no_text_is_told_harmlessly(evergrid: Command):
    message = evergrid("run", EVIL + "\udcff.toml").refused(2)
    assert r"\x1b[31m" in message
    assert not set("\x1b\x07\u202e\x9b\r") & set(message)


def test_neither_values_of_the_environment_nor_lines_of_files_are_told(
    case: Case, evergrid: Command, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EVERGRID_TEST", str(case.folder / "hunter2"))
    case.change("plan.toml", '"prices.csv"', '"${EVERGRID_TEST}/prices.csv"')
    gone = evergrid("run", case.plan, "--out", case.folder / "out").refused(2)
    (case.folder / "hunter2").mkdir()
    prices = case.folder / "hunter2" / "prices.csv"
    prices.write_text(PRICES + 'password,"hunter2\n')
    damaged = evergrid("run", case.plan, "--out", case.folder / "out").refused(1)
    prices.write_text(PRICES + "1,2,3,hunter2\n")
    longer = evergrid("run", case.plan, "--out", case.folder / "out").refused(1)
    case.plan.write_text("password: hunter2\n")
    no_toml = evergrid("run", case.plan).refused(2)
    for message in (gone, damaged, longer, no_toml):
        assert "hunter2" not in message
    assert "there is no file ${EVERGRID_TEST}/prices.csv" in gone
    assert "it is damaged or cut short" in damaged
    assert "a line has more cells than the header" in longer
    assert "none at line 1, column 9" in no_toml

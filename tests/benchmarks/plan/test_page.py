import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.plan import results
from benchmarks.plan.case import FAILED
from benchmarks.plan.pages import page, table
from benchmarks.plan.results import Results
from tests.benchmarks.plan.rows import REPLAN, over, solved

ROWS = [
    solved("simplex", 3.0),
    solved("evergrid_1e-4", 0.5),
    over("simplex", sessions=10_000),
    solved("evergrid_1e-4", 5.0, sessions=10_000),
]

PLACE = ("2 cores, a processor", "highspy 1")


def cells(markdown: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in markdown.split("\n")
    ]


def test_the_table_of_times_says_what_was_not_run():
    assert cells(table.times(ROWS))[2:] == [
        ["home", "1,000", "3.00", "0.500"],
        ["home", "10,000", "> 60.0", "5.00"],
    ]


def test_the_table_of_ratios_says_what_is_only_a_bound():
    shown = cells(table.ratios(ROWS))
    assert [row[2] for row in shown[2:]] == ["6.00", "> 12.0"]


def test_growth_is_shown_per_family():
    assert cells(table.growth(ROWS))[2] == ["home", "1.00"]


def test_a_cell_is_never_empty():
    missed = solved("evergrid_1e-4", 1.0, gap=0.02)
    failed = replace(over("simplex"), status=FAILED)
    inexact = replace(failed, status="numerical")
    broken = replace(solved("pdlp", 1.0), violation=0.2)
    words = [table.time_cell(row) for row in (None, missed, failed, inexact, broken)]
    assert words == [
        "not asked for",
        "stopped at gap 2e-02",
        "failed",
        "numerical",
        "limits broken by 2e-01",
    ]


def test_a_plan_from_the_last_one_is_a_line_with_its_ratio():
    assert cells(table.replans([REPLAN]))[2] == [
        "home",
        "10,000",
        "horizon moves on, 2 % new",
        "2.00",
        "0.500",
        "4.0",
        "25",
        "9",
        "2.0e-04",
    ]


def test_results_survive_a_file(tmp_path: Path):
    taken = results.taken_here(ROWS, [REPLAN])
    (tmp_path / "bench.json").write_text(results.text(taken))
    assert results.read(tmp_path / "bench.json") == taken


@pytest.fixture
def written(tmp_path: Path) -> Path:
    files = {"bench": Results(*PLACE, rows=tuple(ROWS)), "replan": Results(*PLACE, (), (REPLAN,))}
    sources = [tmp_path / f"{name}.json" for name in files]
    for source, run in zip(sources, files.values(), strict=True):
        source.write_text(results.text(run))
    page.main(sources, tmp_path)
    return tmp_path


def test_the_page_names_the_machine_and_holds_every_case(written: Path):
    told = (written / "benchmark_plan.md").read_text()
    assert "cores" in told
    assert "highspy 1" in told
    assert told.count("HiGHS simplex") >= 2
    assert "60 s allowed" in told


def test_the_page_shows_replans_and_says_that_gpus_are_open(written: Path):
    told = (written / "benchmark_plan.md").read_text()
    assert "horizon moves on" in told
    assert page.OPEN in told


def test_times_on_a_gpu_have_a_section_of_their_own():
    row = replace(solved("device_1e-3", 2.5), sessions=1_000_000)
    on_gpu = Results("16 cores", "jax 1", rows=(row,), gpus=("a large GPU",))
    told = page.tables(Results(*PLACE, rows=tuple(ROWS)), on_gpu)
    section = told[told.index("## On a GPU") : told.index("## Every case")]
    assert "a large GPU" in section
    assert "1,000,000" in section
    assert page.OPEN not in told


def test_a_page_needs_cases_without_a_gpu(tmp_path: Path):
    (tmp_path / "replan.json").write_text(results.text(Results(*PLACE, (), (REPLAN,))))
    with pytest.raises(ValueError, match="no cases"):
        page.main([tmp_path / "replan.json"], tmp_path)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_figure_is_an_svg_with_a_triangle_at_the_limit(written: Path, scheme: str):
    drawn = (written / f"benchmark_plan-{scheme}.svg").read_text()
    root = ET.fromstring(drawn)
    assert root.tag.endswith("svg")
    assert drawn.count("<circle") == 3
    assert drawn.count("h10 l-5 -9 Z") == 1

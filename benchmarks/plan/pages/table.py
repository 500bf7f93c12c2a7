"""Results as Markdown tables, for the terminal and for the documentation."""

from collections.abc import Callable, Sequence

from benchmarks.plan.case import Row
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.pages.ratios import (
    MOST_VIOLATION,
    Bound,
    Comparison,
    comparisons,
    exponent,
    three_digits,
    time_of,
)
from benchmarks.plan.replan import CHANGES, Replan
from benchmarks.plan.solvers.registry import OURS, SOLVERS

NOTHING = "-"


def times(rows: Sequence[Row]) -> str:
    """Seconds of every solver on every instance."""
    names = [name for name in SOLVERS if any(row.solver == name for row in rows)]
    head = ["family", "sessions", *(f"{SOLVERS[name].label}, s" for name in names)]
    lines = [
        [*_instance(item), *(time_cell(item.rows.get(name)) for name in names)]
        for item in comparisons(rows)
    ]
    return markdown(head, lines)


def ratios(rows: Sequence[Row]) -> str:
    """How many times longer HiGHS takes than we do, on every instance."""
    names = _ours(rows)
    head = ["family", "sessions"]
    for name in names:
        label = SOLVERS[name].label
        head += [f"fastest HiGHS / {label}", f"site by site / {label}"]
    lines = []
    for item in comparisons(rows):
        cells = _instance(item)
        for name in names:
            against = (item.against_monolithic, item.against_site_by_site)
            cells += [_ratio_cell(ratio.get(name)) for ratio in against]
        lines.append(cells)
    return markdown(head, lines)


def growth(rows: Sequence[Row]) -> str:
    """How our time grows with the number of sessions, from 1,000 to 100,000."""
    names = _ours(rows)
    families = [name for name in FAMILIES if any(row.family == name for row in rows)]
    head = ["family", *(f"{SOLVERS[name].label}, exponent" for name in names)]
    lines = [
        [_words(family), *(_number(exponent(rows, n, family), "{:.2f}".format) for n in names)]
        for family in families
    ]
    return markdown(head, lines)


def replans(rows: Sequence[Replan]) -> str:
    """How long a plan takes from nothing and from the last plan."""
    head = ["family", "sessions", "what has changed", "cold, s", "warm, s", "ratio"]
    head += ["cold iterations", "warm iterations", "certified gap"]
    lines = [
        [
            _words(row.family),
            f"{row.sessions:,}",
            CHANGES[row.change].label,
            three_digits(row.cold_s),
            three_digits(row.warm_s),
            f"{row.ratio:.1f}",
            str(row.cold_iterations),
            str(row.warm_iterations),
            f"{row.gap:.1e}",
        ]
        for row in rows
    ]
    return markdown(head, lines)


def details(rows: Sequence[Row]) -> str:
    """Gap, violation, memory, iterations and compile time of every case."""
    head = ["family", "sessions", "solver", "time, s", "certified gap", "violation, kW or kWh"]
    head += ["peak memory, MB", "iterations", "first call, s", "status"]
    lines = [
        [
            _words(row.family),
            f"{row.sessions:,}",
            SOLVERS[row.solver].label,
            time_cell(row),
            _number(row.gap, "{:.1e}".format),
            _number(row.violation, "{:.1e}".format),
            _number(row.peak_mb, "{:,.0f}".format),
            str(row.iterations or NOTHING),
            _number(row.compile_s, three_digits),
            _words(row.status),
        ]
        for row in rows
    ]
    return markdown(head, lines)


def time_cell(row: Row | None) -> str:
    """The time of a case, or in words why there is none."""
    if row is None:
        return "not asked for"
    time = time_of(row)
    if time is not None:
        return str(time)
    if row.gap is None or row.violation is None:
        return _words(row.status)
    if row.violation > MOST_VIOLATION:
        return f"limits broken by {row.violation:.0e}"
    return f"stopped at gap {row.gap:.0e}"


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up."""
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    ruler = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in [head, ruler, *lines]
    )


def _ours(rows: Sequence[Row]) -> list[str]:
    return [name for name in OURS if any(row.solver == name for row in rows)]


def _instance(item: Comparison) -> list[str]:
    return [_words(item.family), f"{item.sessions:,}"]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _ratio_cell(value: Bound | None) -> str:
    return NOTHING if value is None else str(value)


def _number(value: float | None, shown: Callable[[float], str]) -> str:
    return NOTHING if value is None else shown(value)

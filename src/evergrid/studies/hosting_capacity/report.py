"""How hosting capacity is labels to a reader: the summary in text, the figures, the HTML report."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.feeder_places import FeederPlaces, Shade, with_distance
from evergrid.studies.hosting_capacity import tables
from evergrid.studies.hosting_capacity.compute import HostingResults
from evergrid.studies.hosting_capacity.config import Config
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, HostingResults]
CASE_NAMES = {
    "charge": "Charging on arrival",
    "charge_evenly": "Charging evenly over the stay",
    "feed": "Feeding when called",
}
MAPS = {
    "export_map": "Where a place may feed how much",
    "import_map": "Where a place may draw how much",
}
HEADINGS = {
    "violation_curve": "How likely a limit is violated",
    "stopper_bars": "What stops more vehicles",
    "headroom_over_day": "How much everybody may feed or draw, by time of day",
    **with_distance(MAPS, heading=True),
}
NAME_WIDTH = 17
MOST_CASES = 6  # with a line of their own in the summary
CONTROL_NAMES = {
    "unity": "",
    "category_a": ", volt-var category A",
    "category_b": ", volt-var category B",
    "volt_watt": ", volt-watt",
    "category_b_watt": ", volt-var B and volt-watt",
    "compensation": ", own R/X compensation",
}
READING = {
    "violation_curve": "Each point is the share of random deployments that violate at least one "
    "limit at some time of the day. Limits that are violated without any vehicle must hardly get "
    "worse.",
    "stopper_bars": "The limit and the element that the next vehicles would violate, and in what "
    "share of the draws it is the first.",
    **with_distance(
        {
            "export_map": "What a single place may feed before a limit is violated, others idle.",
            "import_map": "What a single place may draw beside its load, others idle.",
        }
    ),
    "headroom_over_day": "The greatest power that every vehicle may feed or draw at the same time: "
    "the operating envelope of each step.",
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    rows = [
        (
            "feeder",
            f"{s['feeder']}: {s['buses']:,} buses, {s['loads']:,} loads with "
            f"{s['peak_load_kw']:,.0f} kW at their peak, {_without(s)}",
        )
    ]
    scarce = sorted(s["cases"], key=lambda case: (case["vehicles_5"], case["vehicles_50"]))
    named = scarce if len(scarce) <= MOST_CASES else scarce[: MOST_CASES - 1]
    rows += [(case["case"], _fits(case, s["vehicles_everybody"])) for case in named]
    if len(named) < len(scarce):
        more = len(scarce) - len(named)
        rows.append(("and", f"{more} more cases in which no fewer fit; the report shows all"))
    unjudged = f"; {_unrated(s)}" if s["lines_unrated"] else ""
    rows += [
        (
            "one place alone",
            f"feeds {_span(s['place_export_kw'], s['most_kw'])}, draws "
            f"{_span(s['place_import_kw'], s['most_kw'])} more{unjudged}",
        ),
        (
            "all at once",
            f"each vehicle feeds {_power(s['envelope_export_kw'], s['most_kw'], 2)}, draws "
            f"{_power(s['envelope_import_kw'], s['most_kw'], 2)} at any time{unjudged}",
        ),
    ]
    return console_summary.lines(rows, width=max(NAME_WIDTH, *(len(name) + 2 for name, _ in rows)))


def _without(s: Mapping[str, Any]) -> str:
    """What the feeder does without vehicles."""
    if not s["base_violations"]:
        return "no limit violated without vehicles"
    return f"{s['base_violations']:,} limits violated without vehicles"


def _fits(case: Mapping[str, Any], everybody: int) -> str:
    """How many vehicles fit in most draws, in half, and what stops more."""
    most, half, few = (case[f"vehicles_{share}"] for share in (5, 50, 95))
    if most >= everybody:
        return f"at least {most:,.0f} vehicles fit in 95 % of draws: all that were tried"
    stopped = ""
    if case["limit"]:
        share = f"{100 * case['limit_share']:.0f} % of draws"
        stopped = f"; stopped first by {case['limit']} at {case['element']} in {share}"
    return (
        f"at least {most:,.0f} vehicles fit in 95 % of draws, {_at_least(half, everybody)} in "
        f"50 %, {_at_least(few, everybody)} in 5 % (of {everybody:,} tried){stopped}"
    )


def _unrated(s: Mapping[str, Any]) -> str:
    """The lines whose current nothing judges, for beside a number."""
    return f"current of {s['lines_unrated']:,} of {s['lines']:,} lines not judged: no rating"


def _power(value: float, most_kw: float, decimals: int = 1) -> str:
    """A power that fits; where more was not tried, at least that."""
    least = "at least " if value >= most_kw else ""
    return f"{least}{value:,.{decimals}f} kW"


def _span(ends: Sequence[float], most_kw: float) -> str:
    low, high = (_power(value, most_kw) for value in ends)
    return low if low == high else f"{low} to {high}"


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    found = result.findings
    made: FigureMakers = {
        "violation_curve": partial(_violation_curve, found),
        "stopper_bars": partial(_stopper_bars, found),
    }
    for way in ("export", "import"):
        title = f"Headroom of each place: {'feeding' if way == 'export' else 'drawing'}"
        shade = Shade(title, "Headroom", "kW")
        value = partial(tables.of_buses, found, way)
        made |= _places(result).drawings(f"{way}_map", value, shade)
    return made | {"headroom_over_day": partial(_headroom_over_day, found)}


def _places(result: StudyResult) -> FeederPlaces:
    """The buses of the feeder that have loads."""
    return FeederPlaces.with_branches(result.findings.limits.case.feeder)


def _violation_curve(found: HostingResults) -> Figure:
    labels = _case_labels(found)
    curves = {labels[name]: case.curve for name, case in found.cases.items()}
    return draw.violation_curve(
        found.deployments.vehicles.astype(float),
        {name: curve.probability for name, curve in curves.items()},
        {name: curve.low for name, curve in curves.items()},
        {name: curve.high for name, curve in curves.items()},
    )


def _stopper_bars(found: HostingResults) -> Figure:
    labels = _case_labels(found)
    rows = tables.stopper_rows(found)
    return draw.stopper_bars(
        [(labels[row["case"]], row["limit"], row["element"], row["share"]) for row in rows]
    )


def _headroom_over_day(found: HostingResults) -> Figure:
    steps = found.limits.case.base_kw.shape[1]
    return draw.headroom_over_day(
        np.arange(steps) * found.step_h,
        found.envelope["import"].power_kw,
        found.envelope["export"].power_kw,
    )


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    return Page(
        cards=_headline(result),
        sections=[*drawn.sections(READING, HEADINGS), *_tables(result)],
    )


def _headline(result: StudyResult) -> list[Headline]:
    s, labels = result.summary, _case_labels(result.findings)
    everybody, most_kw = s["vehicles_everybody"], s["most_kw"]
    unjudged = f"; {_unrated(s)}" if s["lines_unrated"] else ""
    cards = [
        Headline(
            labels[case["case"]],
            f"at least {case['vehicles_5']:,.0f}",
            "vehicles",
            f"fit in 95 % of draws; in half of them {_at_least(case['vehicles_50'], everybody)} "
            f"of the {everybody:,} that were tried{unjudged}",
        )
        for case in s["cases"]
    ]
    weakest = _power(s["place_export_kw"][0], most_kw).removesuffix(" kW")
    cards.append(Headline("Weakest place", weakest, "kW", f"may feed alone{unjudged}"))
    for words, key in (("feeds", "envelope_export_kw"), ("draws", "envelope_import_kw")):
        value = _power(s[key], most_kw, 2).removesuffix(" kW")
        cards.append(Headline(f"Everybody {words}", value, "kW", f"each, at any time{unjudged}"))
    return cards


def _at_least(vehicles: float, everybody: int) -> str:
    """A number of vehicles; where all that were tried fit, more might as well."""
    return f"at least {vehicles:,.0f}" if vehicles >= everybody else f"{vehicles:,.0f}"


def _case_labels(found: HostingResults) -> dict[str, str]:
    """What each case is called in figures and tables."""
    return {
        name: CASE_NAMES[case.behaviour] + CONTROL_NAMES[case.control]
        for name, case in found.cases.items()
    }


def _tables(result: StudyResult) -> list[Section]:
    labels = _case_labels(result.findings)
    everybody = result.summary["vehicles_everybody"]
    rows = [
        (
            labels[row["case"]],
            f"{100 * (1 - row['quantile']):.0f} %",
            _at_least(row["vehicles"], everybody),
            f"{row['low']:,.0f} to {_at_least(row['high'], everybody)}",
            f"{100 * row['share']:.0f} %",
        )
        for row in tables.capacity_rows(result.findings)
    ]
    columns = ("case", "in so many draws", "vehicles that fit", "95 % band", "of those tried")
    sections = _places(result).table(
        {
            "may feed alone, kW": tables.of_buses(result.findings, "export"),
            "may draw alone, kW": tables.of_buses(result.findings, "import"),
        },
        worst_first=tables.of_buses(result.findings, "export"),
        elsewhere="places.parquet",
    )
    sections.append(
        Section(
            "Vehicles that fit",
            "In 95 % of the draws at least the first number fits, in half of them at least the "
            "second, in 5 % at least the third. The band is what the number of draws leaves open. "
            f"No more than {everybody:,} were tried: where all of them fit, more might as well.",
            Table(columns, rows),
        )
    )
    violated = tables.base_rows(result.findings)
    if violated:
        rows = [
            (row["limit"], row["element"], f"{row['value']:.4g}", f"{row['allowed']:.4g}")
            for row in violated[:20]
        ]
        text = "Violated before any vehicle comes; here vehicles must hardly make it worse."
        columns = ("limit", "element", "value", "allowed")
        sections.append(Section("Limits violated without vehicles", text, Table(columns, rows)))
    return sections

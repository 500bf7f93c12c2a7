"""How hosting capacity is told to a reader: the summary in text, the figures, the HTML report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.report import figures as draw
from evergrid.report.page import Headline, Section, Table
from evergrid.report.page import page as html_page
from evergrid.studies import hosting_capacity_tables as tables
from evergrid.studies.around import around
from evergrid.studies.hosting_capacity_find import Found

QUESTION = "How many vehicles can this feeder take in either direction, where, and what stops it?"
CASE_NAMES = {
    "charge": "Charging on arrival",
    "charge_evenly": "Charging evenly over the stay",
    "feed": "Feeding when called",
}
HEADINGS = {
    "violation_curve": "How likely a limit is passed",
    "stopper_bars": "What stops more vehicles",
    "export_map": "Where a place may feed how much",
    "import_map": "Where a place may draw how much",
    "room_over_day": "How much everybody may feed or draw, by time of day",
}
CONTROL_NAMES = {
    "unity": "",
    "category_a": ", volt-var category A",
    "category_b": ", volt-var category B",
    "volt_watt": ", volt-watt",
    "category_b_watt": ", volt-var B and volt-watt",
    "compensation": ", own R/X compensation",
}
READING = {
    "violation_curve": "Each point is the share of random deployments that pass at least one limit "
    "at some time of the day. Limits that are passed without any vehicle must hardly get worse.",
    "stopper_bars": "The limit and the element that the next vehicles would pass, and in what "
    "share of the draws it is the first.",
    "export_map": "What a single place may feed before a limit is passed, all others idle.",
    "import_map": "What a single place may draw beside its load, all others idle.",
    "room_over_day": "The greatest power that every vehicle may feed or draw at the same time: "
    "the operating envelope of each step.",
}


@dataclass(frozen=True)
class Shown:
    """What a report is made of.

    Attributes:
        title: Heading.
        found: What was found.
        summary: Headline numbers.
    """

    title: str
    found: Found
    summary: Mapping[str, Any]


def lines(shown: Shown) -> list[str]:
    """The summary in about ten lines of text."""
    s = shown.summary
    rows = [
        (
            "feeder",
            f"{s['feeder']}: {s['buses']:,} buses, {s['loads']:,} loads, room for "
            f"{s['vehicles_everybody']:,} vehicles",
        ),
        ("load", f"{s['peak_load_kw']:,.0f} kW at its peak"),
    ]
    for case in s["cases"]:
        stopped = f", then {case['limit']} at {case['element']}" if case["limit"] else ""
        rows.append(
            (
                case["case"],
                f"{case['vehicles_5']:,.0f} / {case['vehicles_50']:,.0f} / "
                f"{case['vehicles_95']:,.0f} vehicles fit in 5 / 50 / 95 % of draws{stopped}",
            )
        )
    low, high = s["place_export_kw"]
    rows.append(("feeding", f"a single place may feed {low:,.1f} to {high:,.1f} kW"))
    low, high = s["place_import_kw"]
    rows.append(("drawing", f"a single place may draw {low:,.1f} to {high:,.1f} kW more"))
    rows.append(
        (
            "envelope",
            f"every vehicle at once: feed {s['envelope_export_kw']:,.2f}, draw "
            f"{s['envelope_import_kw']:,.2f} kW at any time",
        )
    )
    rows.append(("without", f"{s['base_violations']:,} limits are passed without any vehicle"))
    return [f"{name:<21}{text}" for name, text in rows]


def figures(shown: Shown) -> dict[str, Figure]:
    """Every figure of the report by name, in reading order."""
    found = shown.found
    feeder = found.judge.case.feeder
    told = _told(found)
    curves = {told[name]: case.curve for name, case in found.cases.items()}
    made = {
        "violation_curve": draw.violation_curve(
            found.deployments.counts.astype(float),
            {name: curve.probability for name, curve in curves.items()},
            {name: curve.low for name, curve in curves.items()},
            {name: curve.high for name, curve in curves.items()},
        ),
        "stopper_bars": draw.stopper_bars(
            [
                (told[row["case"]], row["limit"], row["element"], row["share"])
                for row in tables.stopper_rows(found)
            ]
        ),
    }
    for way in ("export", "import"):
        made[f"{way}_map"] = draw.feeder_map(
            feeder.buses.x,
            feeder.buses.y,
            feeder.connected_buses,
            tables.of_buses(found, way),
            feeder.buses.name,
            title=f"Room at each place: {'feeding' if way == 'export' else 'drawing'}",
            unit="kW",
            source=int(feeder.nodes.bus[feeder.source_nodes[0]]),
        )
    steps = found.judge.case.base_kw.shape[1]
    made["room_over_day"] = draw.room_over_day(
        np.arange(steps) * found.step_h,
        found.envelope["import"].power_kw,
        found.envelope["export"].power_kw,
    )
    return made


def page(shown: Shown, settings: str) -> str:
    """The report as one HTML page.

    Args:
        shown: What to show.
        settings: The resolved configuration as text.
    """
    sections = [
        Section(HEADINGS[name], READING[name], figure) for name, figure in figures(shown).items()
    ]
    return html_page(
        shown.title,
        headline=_headline(shown),
        notes=list(shown.summary["notes"]),
        sections=[*sections, *_tables(shown)],
        about=around(QUESTION, settings, shown.summary),
    )


def _headline(shown: Shown) -> list[Headline]:
    s, told = shown.summary, _told(shown.found)
    cards = [
        Headline(
            told[case["case"]],
            f"{case['vehicles_5']:,.0f}",
            "vehicles",
            f"fit in 95 % of draws; half: {case['vehicles_50']:,.0f} of "
            f"{s['vehicles_everybody']:,}",
        )
        for case in s["cases"]
    ]
    cards.append(
        Headline("Weakest place", f"{s['place_export_kw'][0]:,.1f}", "kW", "may feed alone")
    )
    cards.append(
        Headline("Everybody feeds", f"{s['envelope_export_kw']:,.2f}", "kW", "each, at any time")
    )
    cards.append(
        Headline("Everybody draws", f"{s['envelope_import_kw']:,.2f}", "kW", "each, at any time")
    )
    return cards


def _told(found: Found) -> dict[str, str]:
    """What each case is called in figures and tables."""
    return {
        name: CASE_NAMES[case.behaviour] + CONTROL_NAMES[case.control]
        for name, case in found.cases.items()
    }


def _tables(shown: Shown) -> list[Section]:
    told = _told(shown.found)
    rows = [
        (
            told[row["case"]],
            f"{100 * row['quantile']:.0f} %",
            f"{row['vehicles']:,.0f}",
            f"{row['low']:,.0f} to {row['high']:,.0f}",
            f"{100 * row['share']:.0f} %",
        )
        for row in tables.capacity_rows(shown.found)
    ]
    columns = ("case", "draws at or below", "vehicles", "95 % band", "share of everybody")
    sections = [
        Section(
            "Vehicles that fit",
            "In 5 % of the draws no more than the first number fits, in half no more than the "
            "second. The band is what the number of draws leaves open.",
            Table(columns, rows),
        )
    ]
    passed = tables.base_rows(shown.found)
    if passed:
        rows = [
            (row["limit"], row["element"], f"{row['value']:.4g}", f"{row['allowed']:.4g}")
            for row in passed[:20]
        ]
        text = "Passed before any vehicle comes; here vehicles only must hardly make it worse."
        columns = ("limit", "element", "value", "allowed")
        sections.append(Section("Limits passed without vehicles", text, Table(columns, rows)))
    return sections

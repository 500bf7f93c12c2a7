"""A fleet that was planned a week at a time, as people read it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from plotly.graph_objects import Figure

from evergrid.core.units import KG_PER_TONNE
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.emissions.config import Config
from evergrid.studies.emissions.streamed import CARBON, StreamedResults
from evergrid.studies.study import Page, Result

StreamedResult = Result[Config, StreamedResults]
READING = {
    "carbon_bars": "What V2G led by marginal factors emits more than the same vehicles without "
    "control, over the whole horizon."
}
HEADINGS = {"carbon_bars": "How sure is it"}


def answer(s: Mapping[str, Any]) -> str:
    """What the fleet could save, as a sentence."""
    saved, emitted = -s["tonnes"][CARBON], s["emitted_tonnes"][s["baseline"]]
    low, high = -s["tonnes_high"][CARBON], -s["tonnes_low"][CARBON]
    share = f", {saved / emitted:.0%} of what they emit without control" if emitted > 0 else ""
    cost = s["net_cost"][CARBON] - s["net_cost"][s["baseline"]]
    word = "more" if cost > 0 else "less"
    return (
        f"Led by marginal factors, {s['assets']:,} vehicles emit {saved:,.1f} t less "
        f"({low:,.1f} to {high:,.1f} t){share}; no plan saves more than "
        f"{emitted - s['bound_tonnes']:,.1f} t. Their energy costs {abs(cost):,.0f} "
        f"{s['currency']} {word}."
    )


def console_lines(result: StreamedResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    rows = [
        ("answer", answer(s)),
        ("fleet", f"{s['sessions']:,} sessions of {s['assets']:,} assets, {s['slots']:,} slots"),
        ("sure", f"less than no control with {s['reduction_probability'][CARBON]:.0%}"),
        ("energy", f"{s['fed_mwh'][CARBON]:,.1f} MWh fed"),
        ("proof", f"{s['status']}, gap {s['gap']:.1e}"),
    ]
    return console_summary.lines(rows)


def figures(result: StreamedResult) -> FigureMakers:
    """What draws each figure of the report, by name."""
    return {"carbon_bars": partial(_bars, result)}


def _bars(result: StreamedResult) -> Figure:
    s, found = result.summary, result.findings.band
    bar = draw.CarbonBar(
        "V2G by marginal factors",
        s["tonnes"][CARBON],
        found.low_kg / KG_PER_TONNE,
        found.high_kg / KG_PER_TONNE,
    )
    level = result.config.uncertainty.level
    return draw.carbon_bars([bar], baseline="no control", level=level)


def page(result: StreamedResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    s = result.summary
    cards = [
        Headline("V2G by carbon", f"{s['tonnes'][CARBON]:+,.1f}", "t", "against no control"),
        Headline("Sure", f"{s['reduction_probability'][CARBON]:.0%}", "", "that it emits less"),
        Headline("Energy fed", f"{s['fed_mwh'][CARBON]:,.0f}", "MWh", "into the grid"),
        Headline("Proven gap", f"{s['gap']:.1e}", "", "to the least there could be"),
    ]
    sections = drawn.sections(READING, HEADINGS)
    return Page(cards=cards, sections=[*sections, _months(result)], answer=answer(s))


def _months(result: StreamedResult) -> Section:
    columns = ("month", "no control, t", "by carbon, t", "saved, t", "drawn, MWh", "fed, MWh")
    rows = [
        (
            row["month"],
            f"{row['uncontrolled_tonnes']:,.1f}",
            f"{row['tonnes']:,.1f}",
            f"{row['uncontrolled_tonnes'] - row['tonnes']:,.1f}",
            f"{row['drawn_mwh']:,.1f}",
            f"{row['fed_mwh']:,.1f}",
        )
        for row in result.findings.months.to_dicts()
    ]
    text = "Months of the local clock. Powers of the whole fleet are in fleet.parquet."
    return Section("Month by month", text, Table(columns, rows))

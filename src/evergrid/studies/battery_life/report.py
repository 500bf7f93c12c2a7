"""How battery life is reported: the summary in text, the figures, the HTML report."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.battery_life.config import Config
from evergrid.studies.battery_life.findings import LifeResults
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, LifeResults]
READING = {
    "capacity_left": "A line for each strategy: the middle of the models. The band reaches from "
    "the model that loses most to the one that loses least: published models are that far apart.",
    "capacity_lost": "What is lost at the end, by time and by use, by model and strategy.",
    "day_of_strategy": "State of charge over a day, like every other day.",
}
HEADINGS = {
    "capacity_left": "What is left over the years",
    "capacity_lost": "What ages the cells",
    "day_of_strategy": "What vehicles do",
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    rows = [
        ("answer", answer(s)),
        ("lost", f"{_percent(s['lost'])} of the capacity after {s['years']} years, over all cases"),
        (
            "cases",
            f"{len(s['models'])} models x {len(s['climates'])} climates x "
            f"{len(s['strategies'])} strategies",
        ),
        ("worn out", _worn_out(s)),
    ]
    return console_summary.lines(rows)


def answer(s: Mapping[str, Any]) -> str:
    """What V2G costs, as a sentence."""
    more = s["more_lost_by_feeding"]
    if more is None:
        return "No strategy feeds more than the one it is held against"
    low, high = (100 * value for value in more)
    wear = s["wear_per_kwh"]
    price = f"{wear[0]:.3f} to {wear[1]:.3f} {s['currency']} per kWh fed"
    span = f"{low:.1f} to {high:.1f} points of capacity in {s['years']} years"
    if low >= 0:
        return f"V2G costs {span}, by model and climate: {price}"
    if high <= 0:
        return f"V2G spares capacity in every case: {span}"
    return f"V2G costs {span}, by model and climate; below 0 it spares some: {price}"


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    found, config = result.findings, result.config
    climates = [climate.name for climate in config.climate]
    strategies = [strategy.name for strategy in config.strategy]
    return {
        "capacity_left": partial(
            draw.capacity_left,
            found.capacity,
            climates=climates,
            strategies=strategies,
            end_of_life=config.pack.end_of_life,
        ),
        "capacity_lost": partial(
            draw.capacity_lost,
            found.calendar[..., -1],
            found.lost - found.calendar[..., -1],
            climates=climates,
            models=list(config.models),
            strategies=strategies,
        ),
        "day_of_strategy": partial(
            draw.day_of_strategy, found.hour, found.state_of_charge, strategies=strategies
        ),
    }


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    s = result.summary
    sections = drawn.sections(READING, HEADINGS)
    first = Section("Answer", f"{answer(s)}.")
    return Page(cards=_cards(s), sections=[first, *sections, _table(result)])


def _cards(s: Mapping[str, Any]) -> list[Headline]:
    cards = [
        Headline("Lost", _percent(s["lost"]), "", f"after {s['years']} years, over all cases"),
    ]
    if s["more_lost_by_feeding"] is not None:
        low, high = (100 * value for value in s["more_lost_by_feeding"])
        wear = s["wear_per_kwh"]
        cards += [
            Headline("V2G costs", f"{low:.1f} to {high:.1f}", "points", "of capacity"),
            Headline("Wear", f"{wear[0]:.3f} to {wear[1]:.3f}", s["currency"], "per kWh fed"),
        ]
    return [*cards, Headline("Worn out", f"{s['worn_out']} of {s['cases']}", "", "cases")]


def _table(result: StudyResult) -> Section:
    """Every case at the end."""
    frame = result.tables["strategies"]
    columns = ("climate", "model", "strategy", "left", "by time", "by use", "wear", "life")
    rows = [
        (
            row["climate"],
            row["model"],
            row["strategy"],
            f"{100 * row['capacity']:.1f} %",
            f"{100 * row['lost_by_time']:.1f} %",
            f"{100 * row['lost_by_use']:.1f} %",
            "" if row["wear_per_kwh"] is None else f"{row['wear_per_kwh']:.4f}",
            _life(row["life_years"], result.config.years),
        )
        for row in frame.iter_rows(named=True)
    ]
    text = (
        "Wear is the price of what is lost beyond the strategy that each is held against, "
        f"{result.config.currency} per kWh fed. Life ends where the capacity reaches the end of "
        "life."
    )
    return Section("Every case", text, Table(columns, rows))


def _life(years: float | None, followed: int) -> str:
    return f"over {followed} years" if years is None else f"{years:.1f} years"


def _worn_out(s: Mapping[str, Any]) -> str:
    return (
        f"{s['worn_out']} of {s['cases']} cases reach {100 * s['end_of_life']:g} % within "
        f"{s['years']} years"
    )


def _percent(ends: list[float]) -> str:
    low, high = (100 * value for value in ends)
    return f"{low:.1f} %" if np.isclose(low, high) else f"{low:.1f} to {high:.1f} %"

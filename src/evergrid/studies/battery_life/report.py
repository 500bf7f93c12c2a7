"""How battery life is reported: the summary in text, the figures, the HTML report."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from evergrid.battery.duty import DEEP, SHALLOW
from evergrid.core.arrays import Array, Float
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.figures import CellCurve
from evergrid.report.page import Headline, Section, Table
from evergrid.studies import console_summary
from evergrid.studies.battery_life.config import Config
from evergrid.studies.battery_life.findings import LifeResults
from evergrid.studies.study import Page, Result

StudyResult = Result[Config, LifeResults]
READING = {
    "capacity_left": "A line for each strategy: the middle of all models and batteries. The band "
    "holds nine of ten: published models are that far apart, and batteries of one make differ.",
    "capacity_lost": "What is lost at the end, by time and by use, by model and strategy. Hatched "
    "bars leave the experiments of their model.",
    "stress_map": "Time spent at each state of charge and temperature, times how fast cells age "
    "there: the mean of all models. Where colour is full, time is worth avoiding.",
    "cell_tests": "Each cell that was tested, and what the law expects at its conditions. Where "
    "points bend away from the line, the cells do not age by a power law.",
    "energy_lost": "Heat in the cells, loss of the charger both ways, and preheating.",
    "day_of_strategy": "State of charge over a mild day. In cold and heat driving takes more.",
}
HEADINGS = {
    "capacity_left": "What is left over the years",
    "capacity_lost": "What ages the cells",
    "stress_map": "In which states they age",
    "cell_tests": "How well your cells are met",
    "energy_lost": "Where energy is lost",
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
        ("spread", f"{_percent(s['lost_with_spread'])} for nine of ten batteries"),
        ("worn out", _worn_out(s)),
        *_energy_line(s),
        *_fit_lines(s),
        *_beyond_line(s),
    ]
    return console_summary.lines(rows)


def _energy_line(s: Mapping[str, Any]) -> list[tuple[str, str]]:
    if s["round_trip"] is None:
        return []
    return [("returns", f"{_percent(s['round_trip'])} of what is drawn to feed comes back")]


def _beyond_line(s: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which models are asked outside their experiments."""
    told = [f"{name} ({', '.join(words)})" for name, words in s["extrapolated"].items()]
    return [("beyond", f"outside their experiments: {'; '.join(told)}")] if told else []


def _fit_lines(s: Mapping[str, Any]) -> list[tuple[str, str]]:
    """How well the user's cells are predicted, in one line."""
    told = [
        f"{one['name']} {one['part'].replace('_', ' ')} {100 * one['held_out_error']:.1f}"
        for one in s["cell_tests"]
        if one["held_out_error"] is not None
    ]
    return [("own cells", f"{', '.join(told)} points off for cells left out")] if told else []


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
            found.band,
            climates=climates,
            strategies=strategies,
            end_of_life=config.pack.end_of_life,
        ),
        "capacity_lost": partial(
            draw.capacity_lost,
            found.calendar[..., -1],
            found.lost - found.calendar[..., -1],
            np.array(found.extrapolated) != "",
            climates=climates,
            models=list(config.model_names),
            strategies=strategies,
        ),
        **_stress_figure(found, climates, strategies),
        "energy_lost": partial(
            draw.energy_lost, _losses(found), climates=climates, strategies=strategies
        ),
        **_fit_figure(found),
        "day_of_strategy": partial(
            draw.day_of_strategy, found.hour, found.state_of_charge, strategies=strategies
        ),
    }


def _stress_figure(found: LifeResults, climates: list[str], strategies: list[str]) -> FigureMakers:
    """Where calendar ageing happens, if any model has it."""
    stress = found.stress
    if not stress.share.any():
        return {}
    drawn = partial(
        draw.stress_map,
        stress.share,
        stress.hours,
        state_ends=stress.state,
        celsius_ends=stress.celsius,
        climates=climates,
        strategies=strategies,
    )
    return {"stress_map": drawn}


def _fit_figure(found: LifeResults) -> FigureMakers:
    """The user's cells beside the laws that were fitted to them, if there are any."""
    parts = {
        f"{one.cell}, {one.part.replace('_', ' ')}: {one.law.tests.over}": [
            CellCurve(*curve) for curve in one.curves()
        ]
        for one in found.fitted
    }
    return {"cell_tests": partial(draw.cell_tests, parts)} if parts else {}


def _losses(found: LifeResults) -> dict[str, Float[Array, "climate strategy"]]:
    """Energy of a year that each part takes."""
    energy = [year.energy for year in found.years]
    parts = {
        "charger": np.array([one.lost_in_charger_kwh for one in energy]),
        "cells": np.array([one.lost_in_cells_kwh for one in energy]),
        "preheating": np.array([one.preheating_kwh for one in energy]),
    }
    return {name: lost_kwh for name, lost_kwh in parts.items() if lost_kwh.any()}


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    s = result.summary
    sections = drawn.sections(READING, HEADINGS)
    sections += [_table(result), _energy(result)]
    return Page(cards=_cards(s), sections=sections, answer=f"{answer(s)}.")


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
    columns = (
        *("model", "climate", "strategy", "left, %", "by time, %", "by use, %"),
        *("resistance, %", "wear", "life", "extrapolated in"),
    )
    rows = [
        (
            row["model"],
            row["climate"],
            row["strategy"],
            f"{100 * row['capacity']:.1f}",
            f"{100 * row['lost_by_time']:.1f}",
            f"{100 * row['lost_by_use']:.1f}",
            "" if row["resistance"] is None else f"{100 * row['resistance']:.0f}",
            "" if row["wear_per_kwh"] is None else f"{row['wear_per_kwh']:.4f}",
            _life(row["life_years"], row["life_ends_by"], result.config.years),
            row["extrapolated_in"] or "",
        )
        for row in frame.iter_rows(named=True)
    ]
    text = (
        "Wear is the price of what is lost beyond the strategy that each is held against, "
        f"{result.config.currency} per kWh fed. Life ends where the capacity, or the "
        "resistance, reaches its end of life first; models without resistance leave it empty."
    )
    return Section("Every case", text, Table(columns, rows))


def _energy(result: StudyResult) -> Section:
    """Where the energy of a year goes, and how deep cycles are."""
    columns = (
        *("climate", "strategy", "drawn, kWh", "driven, kWh", "fed, kWh", "lost, kWh"),
        *("preheating, kWh", "cells, C", "cycles a day", "deep", "shallow"),
    )
    rows = [
        (
            row["climate"],
            row["strategy"],
            f"{row['drawn_kwh']:,.0f}",
            f"{row['driving_kwh']:,.0f}",
            f"{row['fed_kwh']:,.0f}",
            f"{row['lost_in_cells_kwh'] + row['lost_in_charger_kwh']:,.0f}",
            f"{row['preheating_kwh']:,.0f}",
            f"{row['lowest_cell_c']:.0f} to {row['highest_cell_c']:.0f}",
            f"{row['cycles_per_day']:.3f}",
            f"{row['deep_cycles_per_day']:.3f}",
            f"{row['shallow_cycles_per_day']:.3f}",
        )
        for row in result.tables["energy"].iter_rows(named=True)
    ]
    text = (
        "Energies of a year of new batteries. Cycles are equivalent full ones: by throughput, and "
        f"by rainflow those deeper than {100 * DEEP:g} % and shallower than {100 * SHALLOW:g} %."
    )
    return Section("Energy and cycles", text, Table(columns, rows))


def _life(years: float | None, ends_by: str | None, followed: int) -> str:
    return f"over {followed} years" if years is None else f"{years:.1f} years, {ends_by}"


def _worn_out(s: Mapping[str, Any]) -> str:
    return (
        f"{s['worn_out']} of {s['cases']} cases reach an end of life within {s['years']} years, "
        f"{s['ended_by_resistance']} by resistance"
    )


def _percent(ends: list[float]) -> str:
    low, high = (100 * value for value in ends)
    return f"{low:.1f} %" if np.isclose(low, high) else f"{low:.1f} to {high:.1f} %"

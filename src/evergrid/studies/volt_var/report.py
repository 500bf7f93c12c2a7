"""How volt/VAR is reported: the summary in text, the figures, the HTML report."""

from functools import partial

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array, Float
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers, Figures
from evergrid.report.page import Section, Table
from evergrid.studies import console_summary
from evergrid.studies.feeder_places import Shade, with_distance
from evergrid.studies.study import Page, Result
from evergrid.studies.volt_var import answer
from evergrid.studies.volt_var.config import Config
from evergrid.studies.volt_var.results import VoltVarResults
from evergrid.studies.volt_var.tables import of_bus

StudyResult = Result[Config, VoltVarResults]
HEADINGS = {
    "operations_bars": "Wear",
    "tap_timelines": "Tap timelines",
    "voltage_day": "Voltages",
    **with_distance({"feeder_map": "Highest voltage of each place"}, heading=True),
    "losses_bars": "Losses",
}
READING = {
    "operations_bars": "Every tap that a regulator moves by is one operation, and so is every "
    "switching of a bank. They wear out by the number.",
    "tap_timelines": "Where the busiest tap changers stood without V2G, with it, and under the way "
    "of control that moves them the least. A line that shivers is wear.",
    "voltage_day": "The same ways of control. Volt-var acts only where the voltage leaves its dead "
    "band.",
    **with_distance({"feeder_map": "The highest voltage that each place with load saw."}),
    "losses_bars": "Reactive power is not free: it flows through the same lines.",
}


def console_lines(result: StudyResult) -> list[str]:
    """The summary in at most ten lines of text."""
    s = result.summary
    feeder = (
        "feeder",
        f"{s['feeder']}: {s['load_kw']:,.0f} kW load, {s['regulators']} tap changers, "
        f"{s['banks']} capacitor banks; {s['fleet_kw']:,.0f} kW of vehicles at {s['places']} "
        f"places, {s['steps']:,} steps of {s['step_min']:g} min",
    )
    answers = [("answer" if n == 0 else "", text) for n, text in enumerate(answer.sentences(s))]
    described = {"none", "unity", s["best_mode"]}
    others = [
        f"{answer.LABELS[row['mode']]} {answer.count(row, row['tap_operations'])}"
        for row in s["modes"]
        if row["mode"] not in described
    ]
    losses = [
        f"{answer.LABELS[row['mode']]} {_amount(row['loss_kwh'], ',.0f')}" for row in s["modes"]
    ]
    rows = [*answers, feeder]
    if others and s["regulators"]:
        rows.append(("others", f"taps moved: {', '.join(others)}"))
    rows.append(("losses", f"{', '.join(losses)} kWh"))
    return console_summary.lines(rows)


def _amount(value: float | None, form: str) -> str:
    return "unknown" if value is None else format(value, form)


def _labels(result: StudyResult) -> list[str]:
    """What the ways of control are called."""
    return [answer.LABELS[mode] for mode in result.config.modes]


def _hour(result: StudyResult) -> Float[Array, " step"]:
    """End of each step, hours from midnight."""
    return np.arange(1, result.config.steps + 1) * result.config.step_min / 60


def figures(result: StudyResult) -> FigureMakers:
    """What draws each figure of the report, by name in reading order."""
    row = _mapped(result)
    shade = Shade(f"Highest voltage: {_labels(result)[row]}", "Highest voltage", "pu")
    return {
        "operations_bars": partial(_operations_bars, result),
        "tap_timelines": partial(_tap_timelines, result),
        "voltage_day": partial(_voltage_day, result),
        **result.findings.places.drawings("feeder_map", partial(_highest_pu, result, row), shade),
        "losses_bars": partial(_losses_bars, result),
    }


def _operations_bars(result: StudyResult) -> Figure:
    series = result.findings.series
    taps, banks = series.tap_operations.sum(axis=1), series.bank_operations.sum(axis=1)
    return draw.operations_bars(_labels(result), taps, banks)


def _tap_timelines(result: StudyResult) -> Figure:
    names, few = [regulator.name for regulator in result.findings.feeder.regulators], _few(result)
    some = [_labels(result)[m] for m in few]
    return draw.tap_timelines(_hour(result), result.findings.series.tap[few], names, some)


def _voltage_day(result: StudyResult) -> Figure:
    series, few = result.findings.series, _few(result)
    some = [_labels(result)[m] for m in few]
    low, high = series.low_pu[few], series.high_pu[few]
    limits_pu = (result.config.low_pu, result.config.high_pu)
    return draw.voltage_day(_hour(result), low, high, some, limits_pu=limits_pu)


def _losses_bars(result: StudyResult) -> Figure:
    loss = [
        np.nan if row["loss_kwh"] is None else row["loss_kwh"] for row in result.summary["modes"]
    ]
    return draw.losses_bars(_labels(result), np.array(loss, float))


def _few(result: StudyResult) -> list[int]:
    """Ways of control that can be told apart in one figure: without and with V2G, and the best."""
    wanted = ("none", "unity", result.summary["best_mode"])
    found = [m for m, mode in enumerate(result.config.modes) if mode in wanted]
    return found or list(range(min(3, len(result.config.modes))))


def _mapped(result: StudyResult) -> int:
    """The first way of control with vehicles, or the only one: it colours the map."""
    return next((i for i, mode in enumerate(result.config.modes) if mode != "none"), 0)


def _highest_pu(result: StudyResult, row: int) -> Float[Array, " bus"]:
    return of_bus(result.findings.feeder, result.findings.series.highest_pu[row], True)


def _lowest_pu(result: StudyResult, row: int) -> Float[Array, " bus"]:
    return of_bus(result.findings.feeder, result.findings.series.lowest_pu[row], False)


def page(result: StudyResult, drawn: Figures) -> Page:
    """The content of the HTML report."""
    return Page(
        cards=answer.cards(result.summary),
        sections=[
            _table(result),
            *drawn.sections(READING, HEADINGS),
            *_places(result),
        ],
        answer=f"{'. '.join(answer.sentences(result.summary))}.",
    )


def _places(result: StudyResult) -> list[Section]:
    """Voltages of the places that are on no map."""
    row = _mapped(result)
    high, low = _highest_pu(result, row), _lowest_pu(result, row)
    words = _labels(result)[row]
    columns = {f"highest, pu ({words})": high, f"lowest, pu ({words})": low}
    return result.findings.places.table(columns, worst_first=-high, elsewhere="feeder.geojson")


def _table(result: StudyResult) -> Section:
    columns = (
        "way of control",
        "taps moved",
        "busiest",
        "banks switched",
        "voltages",
        "steps outside",
        "losses",
        "reactive energy",
        "curtailed",
    )
    rows = [
        (
            answer.LABELS[row["mode"]],
            answer.count(row, row["tap_operations"]),
            f"{row['busiest']}: {row['busiest_operations']:,}" if row["busiest"] else "",
            answer.count(row, row["bank_operations"]),
            answer.voltage_range(row),
            "" if row["outside_share"] is None else f"{100 * row['outside_share']:.1f} %",
            f"{_amount(row['loss_kwh'], ',.0f')} kWh",
            f"{row['fleet_kvarh']:,.0f} kvarh",
            f"{row['curtailed_kwh']:,.0f} kWh",
        )
        for row in result.summary["modes"]
    ]
    low, high = (result.config.low_pu, result.config.high_pu)
    text = f"Steps outside had a voltage not within {low:g} to {high:g} pu."
    return Section("Side by side", text, Table(columns, rows))

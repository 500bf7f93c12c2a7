"""How volt/VAR is told to a reader: the summary in text, the figures, the HTML report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array, Float
from evergrid.grid.devices.time_series import Series
from evergrid.grid.feeder.feeder import Feeder
from evergrid.report import figures as draw
from evergrid.report.drawing import Drawings, Drawn
from evergrid.report.page import Section, Table
from evergrid.report.page import page as html_page
from evergrid.studies import ten_lines
from evergrid.studies.feeder_places import FeederPlaces, Shade, with_distance
from evergrid.studies.provenance_page import around
from evergrid.studies.volt_var import answer
from evergrid.studies.volt_var.tables import of_bus

QUESTION = "Does V2G spare the feeder's tap changers and capacitor banks, or wear them out?"
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
    "losses_bars": "Reactive power is not free: it flows through the same wires.",
}


@dataclass(frozen=True)
class Shown:
    """What a report is made of.

    Attributes:
        title: Heading.
        modes: Ways of control that were compared.
        step_h: Length of a step.
        limits_pu: Between which voltages are fine.
        feeder: As read.
        series: What it did, a scenario for each mode.
        summary: Headline numbers.
    """

    title: str
    modes: Sequence[str]
    step_h: float
    limits_pu: tuple[float, float]
    feeder: Feeder
    series: Series
    summary: Mapping[str, Any]

    @property
    def labels(self) -> list[str]:
        """What the ways of control are called."""
        return [answer.LABELS[mode] for mode in self.modes]

    @property
    def hour(self) -> Float[Array, " step"]:
        """End of each step, hours from midnight."""
        return np.arange(1, self.series.low_pu.shape[1] + 1) * self.step_h

    @cached_property
    def places(self) -> FeederPlaces:
        """The buses of the feeder that have loads."""
        return FeederPlaces.with_branches(self.feeder)


def lines(shown: Shown) -> list[str]:
    """The summary in at most ten lines of text."""
    s = shown.summary
    feeder = (
        "feeder",
        f"{s['feeder']}: {s['load_kw']:,.0f} kW load, {s['regulators']} tap changers, "
        f"{s['banks']} capacitor banks; {s['fleet_kw']:,.0f} kW of vehicles at {s['places']} "
        f"places, {s['steps']:,} steps of {s['step_min']:g} min",
    )
    answers = [("answer" if n == 0 else "", text) for n, text in enumerate(answer.sentences(s))]
    told = {"none", "unity", s["best_mode"]}
    others = [
        f"{answer.LABELS[row['mode']]} {answer.count(row, row['tap_operations'])}"
        for row in s["modes"]
        if row["mode"] not in told
    ]
    losses = [
        f"{answer.LABELS[row['mode']]} {_amount(row['loss_kwh'], ',.0f')}" for row in s["modes"]
    ]
    rows = [*answers, feeder]
    if others and s["regulators"]:
        rows.append(("others", f"taps moved: {', '.join(others)}"))
    rows.append(("losses", f"{', '.join(losses)} kWh"))
    return ten_lines.written(rows)


def _amount(value: float | None, form: str) -> str:
    return "unknown" if value is None else format(value, form)


def drawings(shown: Shown) -> Drawings:
    """What draws each figure of the report, by name in reading order."""
    row = _mapped(shown)
    shade = Shade(f"Highest voltage: {shown.labels[row]}", "Highest voltage", "pu")
    return {
        "operations_bars": partial(_operations_bars, shown),
        "tap_timelines": partial(_tap_timelines, shown),
        "voltage_day": partial(_voltage_day, shown),
        **shown.places.drawings("feeder_map", partial(_highest_pu, shown, row), shade),
        "losses_bars": partial(_losses_bars, shown),
    }


def _operations_bars(shown: Shown) -> Figure:
    series = shown.series
    taps, banks = series.tap_operations.sum(axis=1), series.bank_operations.sum(axis=1)
    return draw.operations_bars(shown.labels, taps, banks)


def _tap_timelines(shown: Shown) -> Figure:
    names, few = [regulator.name for regulator in shown.feeder.regulators], _few(shown)
    some = [shown.labels[m] for m in few]
    return draw.tap_timelines(shown.hour, shown.series.tap[few], names, some)


def _voltage_day(shown: Shown) -> Figure:
    series, few = shown.series, _few(shown)
    some = [shown.labels[m] for m in few]
    low, high = series.low_pu[few], series.high_pu[few]
    return draw.voltage_day(shown.hour, low, high, some, limits_pu=shown.limits_pu)


def _losses_bars(shown: Shown) -> Figure:
    loss = [
        np.nan if row["loss_kwh"] is None else row["loss_kwh"] for row in shown.summary["modes"]
    ]
    return draw.losses_bars(shown.labels, np.array(loss, float))


def _few(shown: Shown) -> list[int]:
    """Ways of control that can be told apart in one figure: without and with V2G, and the best."""
    wanted = ("none", "unity", shown.summary["best_mode"])
    found = [m for m, mode in enumerate(shown.modes) if mode in wanted]
    return found or list(range(min(3, len(shown.modes))))


def _mapped(shown: Shown) -> int:
    """The first way of control with vehicles, or the only one: it colours the map."""
    return next((i for i, mode in enumerate(shown.modes) if mode != "none"), 0)


def _highest_pu(shown: Shown, row: int) -> Float[Array, " bus"]:
    return of_bus(shown.feeder, shown.series.highest_pu[row], True)


def _lowest_pu(shown: Shown, row: int) -> Float[Array, " bus"]:
    return of_bus(shown.feeder, shown.series.lowest_pu[row], False)


def page(shown: Shown, settings: str, drawn: Drawn) -> str:
    """The report as one HTML page.

    Args:
        shown: What to show.
        settings: The resolved configuration as text.
        drawn: Its figures.
    """
    return html_page(
        shown.title,
        headline=answer.cards(shown.summary),
        notes=[*shown.summary["notes"], *drawn.notes],
        sections=[
            Section("The answer", f"{'. '.join(answer.sentences(shown.summary))}."),
            _table(shown),
            *drawn.sections(READING, HEADINGS),
            *_places(shown),
        ],
        about=around(QUESTION, settings, shown.summary),
    )


def _places(shown: Shown) -> list[Section]:
    """Voltages of the places that are on no map."""
    row = _mapped(shown)
    high, low = _highest_pu(shown, row), _lowest_pu(shown, row)
    words = shown.labels[row]
    columns = {f"highest, pu ({words})": high, f"lowest, pu ({words})": low}
    return shown.places.table(columns, worst_first=-high, elsewhere="feeder.geojson")


def _table(shown: Shown) -> Section:
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
        for row in shown.summary["modes"]
    ]
    low, high = shown.limits_pu
    text = f"Steps outside had a voltage not within {low:g} to {high:g} pu."
    return Section("Side by side", text, Table(columns, rows))

"""How volt/VAR is told to a reader: the summary in text, the figures, the HTML report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.grid.feeder import Feeder
from evergrid.grid.time_series import Series
from evergrid.report import figures as draw
from evergrid.report.page import Headline, Section, Table
from evergrid.report.page import page as html_page
from evergrid.studies.around import around
from evergrid.studies.volt_var_tables import of_bus

QUESTION = "Does V2G spare the feeder's tap changers and capacitor banks, or wear them out?"
LABELS = {
    "none": "No V2G",
    "unity": "Unity power factor",
    "category_a": "Category A",
    "category_b": "Category B",
    "compensation": "Own R/X compensation",
    "compensation_b": "Compensation and category B",
    "watt_var": "Watt-var",
    "custom": "Custom curve",
}
HEADINGS = {
    "operations_bars": "Wear",
    "tap_timelines": "Tap timelines",
    "voltage_day": "Voltages",
    "feeder_map": "Map",
    "losses_bars": "Losses",
}
READING = {
    "operations_bars": "Every tap that a regulator moves by is one operation, and so is every "
    "switching of a bank. They wear out by the number.",
    "tap_timelines": "Where the busiest tap changers stood without V2G, with it, and under the way "
    "of control that moves them the least. A line that shivers is wear.",
    "voltage_day": "The same ways of control. Volt-var acts only where the voltage leaves its dead "
    "band.",
    "feeder_map": "The highest voltage that each place with load saw.",
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
        return [LABELS[mode] for mode in self.modes]


def lines(shown: Shown) -> list[str]:
    """The summary in about ten lines of text."""
    s = shown.summary
    rows = [
        (
            "feeder",
            f"{s['feeder']}: {s['load_kw']:,.0f} kW load, {s['regulators']} tap changers, "
            f"{s['banks']} capacitor banks",
        ),
        (
            "fleet",
            f"{s['fleet_kw']:,.0f} kW at {s['places']} places, {s['steps']:,} steps of "
            f"{s['step_min']:g} min",
        ),
    ]
    for row in s["modes"]:
        voltages = _range(row["low_pu"], row["high_pu"])
        rows.append(
            (
                row["mode"],
                f"{row['tap_operations']:,} taps moved, {row['bank_operations']:,} banks "
                f"switched, {voltages}, losses {_amount(row['loss_kwh'], ',.0f')} kWh",
            )
        )
    rows.append(("verdict", _verdict(s)))
    return [f"{name:<15}{text}" for name, text in rows]


def _verdict(s: Mapping[str, Any]) -> str:
    """What the numbers say, in one sentence."""
    if s["spared_share"] is None:
        return "nothing to compare: no tap moved at unity power factor, or modes are missing"
    best, share = LABELS[s["best_mode"]], s["spared_share"]
    if share <= 0:
        return f"no way of control spares the tap changers; the nearest is {best}"
    return f"{best} moves taps {100 * share:.0f} % less than unity power factor"


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "no voltages found"
    return f"{low:.3f} to {high:.3f} pu"


def _amount(value: float | None, form: str) -> str:
    return "unknown" if value is None else format(value, form)


def figures(shown: Shown) -> dict[str, Figure]:
    """Every figure of the report by name, in reading order."""
    series, labels = shown.series, shown.labels
    hour = np.arange(1, series.low_pu.shape[1] + 1) * shown.step_h
    loss = [
        np.nan if row["loss_kwh"] is None else row["loss_kwh"] for row in shown.summary["modes"]
    ]
    names = [regulator.name for regulator in shown.feeder.regulators]
    few = _few(shown)
    some = [labels[m] for m in few]
    return {
        "operations_bars": draw.operations_bars(
            labels, series.tap_operations.sum(axis=1), series.bank_operations.sum(axis=1)
        ),
        "tap_timelines": draw.tap_timelines(hour, series.tap[few], names, some),
        "voltage_day": draw.voltage_day(
            hour, series.low_pu[few], series.high_pu[few], some, limits_pu=shown.limits_pu
        ),
        "feeder_map": _map(shown),
        "losses_bars": draw.losses_bars(labels, np.array(loss, float)),
    }


def _few(shown: Shown) -> list[int]:
    """Ways of control that can be told apart in one figure: without and with V2G, and the best."""
    wanted = ("none", "unity", shown.summary["best_mode"])
    found = [m for m, mode in enumerate(shown.modes) if mode in wanted]
    return found or list(range(min(3, len(shown.modes))))


def _map(shown: Shown) -> Figure:
    """The first way of control with vehicles on the map, or the only one."""
    feeder = shown.feeder
    row = next((i for i, mode in enumerate(shown.modes) if mode != "none"), 0)
    buses = feeder.buses
    return draw.feeder_map(
        buses.x,
        buses.y,
        feeder.connected_buses,
        of_bus(feeder, shown.series.highest_pu[row], True),
        buses.name,
        title=f"Highest voltage: {shown.labels[row]}",
        unit="pu",
        source=int(feeder.nodes.bus[feeder.source_nodes[0]]),
    )


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
        sections=[_table(shown), *sections],
        about=around(QUESTION, settings, shown.summary),
    )


def _headline(shown: Shown) -> list[Headline]:
    s = shown.summary
    by_mode = {row["mode"]: row for row in s["modes"]}
    cards = [
        Headline(LABELS[mode], f"{row['tap_operations']:,}", "taps moved", _hint(row))
        for mode, row in by_mode.items()
    ]
    if s["spared_share"] is not None:
        label = LABELS[s["best_mode"]]
        cards.insert(
            0, Headline("Taps spared", f"{100 * s['spared_share']:.0f}", "%", f"by {label}")
        )
    return cards


def _hint(row: Mapping[str, Any]) -> str:
    return _range(row["low_pu"], row["high_pu"])


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
            LABELS[row["mode"]],
            f"{row['tap_operations']:,}",
            f"{row['busiest']}: {row['busiest_operations']:,}" if row["busiest"] else "",
            f"{row['bank_operations']:,}",
            _range(row["low_pu"], row["high_pu"]),
            "" if row["outside_share"] is None else f"{100 * row['outside_share']:.1f} %",
            f"{_amount(row['loss_kwh'], ',.0f')} kWh",
            f"{row['fleet_kvarh']:,.0f} kvarh",
            f"{row['curtailed_kwh']:,.0f} kWh",
        )
        for row in shown.summary["modes"]
    ]
    low, high = shown.limits_pu
    outside = f"Steps outside had a voltage not within {low:g} to {high:g} pu."
    text = f"{_verdict(shown.summary)}. {outside}"
    return Section("Side by side", text, Table(columns, rows))

"""How a plan's report tells of the feeder: a line, notes, figures and a table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch.feeder_check import Checked
from evergrid.grid.feeder_limits import KINDS
from evergrid.report import figures as draw
from evergrid.report.page import Section, Table
from evergrid.studies.plan_feeder import LOW, FeederFound, highest, lowest_pu

NAMES = {"v2g": "V2G", "v2g without the wires": "V2G without the wires"}
PANELS = (
    ("low voltage", "Lowest voltage (pu)", "pu", 1.0),
    ("high voltage", "Highest voltage (pu)", "pu", 1.0),
    ("line", "Line (% of rating)", "%", 100.0),
    ("transformer", "Transformer (%)", "%", 100.0),
    ("unbalance", "Unbalance (%)", "%", 100.0),
)
READING = {
    "feeder_strain": "What each strategy does to the feeder: the most strained load, line or "
    "transformer of each step. The plan without the wires knows only prices and vehicles; the "
    "plan with V2G is made anew until nothing passes a limit in a full power flow.",
    "feeder_map": "The lowest voltage of the horizon at every place with load, under the plan.",
    "feeder_map_without_wires": "The same if the plan knew nothing of the feeder.",
}


def line(s: Mapping[str, Any], currency: str) -> str:
    """The feeder in one line."""
    made = s["feeder"]
    if not made["rounds"]:
        return f"{made['name']} carries the plan as it is; no limit is passed"
    held = "holds" if made["holds"] else "does NOT hold"
    passed = made["steps_passed"]["v2g without the wires"]
    return (
        f"{made['name']} {held} after {made['rounds']} rounds; without it {passed} of "
        f"{s['steps']} steps pass a limit; costs {made['cost_of_wires']:,.2f} {currency}"
    )


def notes(s: Mapping[str, Any], feeder_notes: tuple[str, ...]) -> list[str]:
    """What the reader must know of the feeder."""
    made, told = s["feeder"], list(feeder_notes)
    for name, held in (("plan with V2G", made["holds"]), ("smart plan", made["holds_smart"])):
        if not held:
            told.append(
                f"The {name} still passes limits of the feeder after all rounds: raise "
                "feeder.rounds, or look into feeder_check.parquet for where."
            )
    if made["steps_passed_without_vehicles"]:
        told.append(
            f"Without any vehicle the feeder passes its limits in "
            f"{made['steps_passed_without_vehicles']} steps; there vehicles may hardly make it "
            "worse (limits.worsening)."
        )
    return told


def figures(found: FeederFound, grid: TimeGrid, time_zone: str) -> dict[str, Figure]:
    """The feeder's figures by name."""
    made = {"feeder_strain": draw.feeder_strain(grid, _panels(found), time_zone=time_zone)}
    plan, without = found.held["v2g"].checked, found.held["v2g"].first_checked
    lows = lowest_pu(found, plan), lowest_pu(found, without)
    both = np.concatenate(lows)
    both = both[np.isfinite(both)]
    if both.size == 0:
        return made
    scale = (float(both.min()), float(both.max()))
    made["feeder_map"] = _map(found, lows[0], "Lowest voltage under the plan", scale)
    if found.held["v2g"].rounds[0].steps:
        title = "Lowest voltage without the wires in the plan"
        made["feeder_map_without_wires"] = _map(found, lows[1], title, scale)
    return made


def section(found: FeederFound) -> Section:
    """What every strategy does to the feeder, as a table."""
    rows = [_row(name, checked) for name, checked in found.checked.items()]
    columns = ("strategy", "steps beyond a limit", "lowest voltage, pu", "highest voltage, pu")
    columns += ("line, % of rating", "transformer phase, %", "whole transformer, %")
    text = "Each strategy in full power flows of every step, with taps where they settle under it. "
    text += "Lines by conductor; transformers by the fullest phase of a winding, and as a whole."
    return Section("The feeder under every strategy", text, Table(columns, rows))


def _row(name: str, checked: Checked) -> tuple[str, ...]:
    def extreme(kind: str, form: str, scale: float = 1.0) -> str:
        value = _worst(checked, kind)
        value = value[np.isfinite(value)]
        if value.size == 0:
            return "not judged"
        return form.format(scale * (value.min() if kind == "low voltage" else value.max()))

    return (
        NAMES.get(name, name.replace("_", " ")),
        f"{int(checked.passed.any(axis=1).sum()):,}",
        extreme("low voltage", "{:.4f}"),
        extreme("high voltage", "{:.4f}"),
        extreme("line", "{:.1f}", 100.0),
        _percent(highest(checked.transformers.phase)),
        _percent(highest(checked.transformers.total)),
    )


def _percent(share: float | None) -> str:
    return "not judged" if share is None else f"{100.0 * share:.1f}"


def _panels(found: FeederFound) -> list[draw.StrainPanel]:
    """The kinds that any plan passes or comes near to, with voltage always."""
    made = []
    for kind, title, unit, scale in PANELS:
        values = {
            NAMES.get(name, name): scale * _worst(checked, kind)
            for name, checked in found.checked.items()
            if not name.startswith("rolling")
        }
        plan = found.held["v2g"].checked
        rows = plan.rows.kind == KINDS.index(kind)
        if not rows.any():
            continue
        bound = plan.judge.bound[:, rows]
        limit = scale * (-bound.max(axis=1) if kind == "low voltage" else bound.min(axis=1))
        nearest = max(float(np.nanmax(value / limit)) for value in values.values())
        if kind == "low voltage" or nearest > 1.0:
            made.append(draw.StrainPanel(title, unit, values, limit, kind == "low voltage"))
    return made


def _worst(checked: Checked, kind: str) -> Float[Array, " step"]:
    """The most extreme value of a kind in each step; NaN where there is none."""
    number = KINDS.index(kind)
    value = checked.strain.value[:, checked.rows.kind == number].max(axis=1, initial=-np.inf)
    value = np.where(np.isfinite(value), value, np.nan)
    return -value if number == LOW else value


def _map(
    found: FeederFound, value: Float[Array, " bus"], title: str, scale: tuple[float, float]
) -> Figure:
    feeder = found.street.feeder
    return draw.feeder_map(
        feeder.buses.x,
        feeder.buses.y,
        feeder.connected_buses,
        value,
        feeder.buses.name,
        title=title,
        unit="pu",
        scale=scale,
        source=int(feeder.nodes.bus[feeder.source_nodes[0]]),
    )

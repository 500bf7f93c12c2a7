"""How a plan's report tells of the feeder: a line, notes, figures and a table."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch.network.feeder_check import Checked
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.limits.feeder_limits import KINDS
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers
from evergrid.report.page import Section, Table
from evergrid.studies.feeder_places import FeederPlaces, Shade, with_distance
from evergrid.studies.plan.feeder import LOW, FeederFound, highest, lowest_pu

NAMES = {"v2g": "V2G", "v2g without the wires": "V2G without the wires"}
PANELS = (
    ("low voltage", "Lowest voltage (pu)", "pu", 1.0),
    ("high voltage", "Highest voltage (pu)", "pu", 1.0),
    ("line", "Line (% of rating)", "%", 100.0),
    ("transformer", "Transformer (%)", "%", 100.0),
    ("unbalance", "Unbalance (%)", "%", 100.0),
)
WITHOUT_WIRES = "feeder_map_without_wires"
READING = {
    "feeder_strain": "What each strategy does to the feeder: the most strained load, line or "
    "transformer of each step. The plan without the wires knows only prices and vehicles; the "
    "plan with V2G is made anew until nothing passes a limit in a full power flow.",
    **with_distance(
        {
            "feeder_map": "The lowest voltage of the horizon at every place with load, under the "
            "plan.",
            WITHOUT_WIRES: "The lowest voltage of the horizon at every place with load, if the "
            "plan knew nothing of the feeder.",
        }
    ),
}
HEADINGS = with_distance(
    {
        "feeder_map": "Lowest voltage of each place",
        WITHOUT_WIRES: "Lowest voltage of each place without the wires in the plan",
    },
    heading=True,
)


def line(s: Mapping[str, Any], currency: str) -> str:
    """The feeder in one line."""
    made = s["feeder"]
    unjudged = _unrated(made)
    if not made["rounds"]:
        return f"{made['name']} carries the plan as it is; no limit is passed{unjudged}"
    held = f"holds{unjudged}" if made["holds"] else f"does NOT hold{unjudged}"
    passed = made["steps_passed"]["v2g without the wires"]
    return (
        f"{made['name']} {held} after {made['rounds']} rounds; without it {passed} of "
        f"{s['steps']} steps pass a limit; costs {made['cost_of_wires']:,.2f} {currency}"
    )


def _unrated(made: Mapping[str, Any]) -> str:
    """The lines whose current nothing judges, for beside a claim; empty where all are judged."""
    if not made["lines_unrated"]:
        return ""
    return (
        f" (current of {made['lines_unrated']:,} of {made['lines']:,} lines not judged: no rating)"
    )


def notes(s: Mapping[str, Any], feeder: Feeder) -> list[str]:
    """What the reader must know of the feeder."""
    made, told = s["feeder"], list(feeder.notes)
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
    missing = FeederPlaces.with_branches(feeder).note
    return [*told, missing] if missing else told


def drawings(found: FeederFound, grid: TimeGrid, time_zone: str) -> FigureMakers:
    """What draws the feeder's figures, by name in reading order."""
    places = FeederPlaces.with_branches(found.street.feeder)
    made: FigureMakers = {"feeder_strain": partial(_strain, found, grid, time_zone)}
    plan, without = found.held["v2g"].checked, found.held["v2g"].first_checked
    shown = {"feeder_map": (plan, "Lowest voltage under the plan")}
    if found.held["v2g"].rounds[0].steps:
        shown[WITHOUT_WIRES] = (without, "Lowest voltage without the wires in the plan")
    scale = _range(lowest_pu(found, plan), lowest_pu(found, without))
    for name, (checked, title) in shown.items():
        shade = Shade(title, "Lowest voltage", "pu", scale=scale)
        made |= places.drawings(name, partial(lowest_pu, found, checked), shade)
    return made


def _range(*values: Float[Array, " bus"]) -> tuple[float, float] | None:
    """Least and greatest of what is known."""
    both = np.concatenate(values)
    both = both[np.isfinite(both)]
    return (float(both.min()), float(both.max())) if both.size else None


def _strain(found: FeederFound, grid: TimeGrid, time_zone: str) -> Figure:
    return draw.feeder_strain(grid, _panels(found), time_zone=time_zone)


def places(found: FeederFound) -> list[Section]:
    """Voltages of the places that are on no map."""
    plan, without = (
        lowest_pu(found, checked)
        for checked in (found.held["v2g"].checked, found.held["v2g"].first_checked)
    )
    columns = {"lowest under the plan, pu": plan, "lowest without the wires, pu": without}
    shown = FeederPlaces.with_branches(found.street.feeder)
    return shown.table(columns, worst_first=plan, elsewhere="feeder.geojson")


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

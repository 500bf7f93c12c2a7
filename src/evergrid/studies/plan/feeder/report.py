"""How a plan's report tells of the feeder: a line, notes, figures and a table."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch.network.feeder_check import FeederCheck, Violation
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.limits.kinds import Kind
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers
from evergrid.report.page import Section, Table
from evergrid.studies.feeder_places import FeederPlaces, Shade, with_distance
from evergrid.studies.plan.feeder.feeder import WITHOUT_NETWORK, FeederResults, highest, lowest_pu
from evergrid.studies.plan.service import amount, counted

NAMES = {"v2g": "V2G", WITHOUT_NETWORK: "V2G without network limits"}
PANELS = (
    (Kind.LOW_VOLTAGE, "Lowest voltage (pu)", "pu", 1.0),
    (Kind.HIGH_VOLTAGE, "Highest voltage (pu)", "pu", 1.0),
    (Kind.LINE, "Line (% of rating)", "%", 100.0),
    (Kind.TRANSFORMER, "Transformer (%)", "%", 100.0),
    (Kind.UNBALANCE, "Unbalance (%)", "%", 100.0),
)
MAP_WITHOUT_NETWORK = "feeder_map_without_network"
READING = {
    "feeder_loading": "What each strategy does to the feeder: the lowest voltage and the most "
    "loaded line or transformer of each step. The plan without network limits knows only prices "
    "and vehicles; the plan with V2G is made anew until a full power flow finds no violation.",
    **with_distance(
        {
            "feeder_map": "The lowest voltage of the horizon at every place with load, under the "
            "plan.",
            MAP_WITHOUT_NETWORK: "The lowest voltage of the horizon at every place with load, if "
            "the plan knew nothing of the feeder.",
        }
    ),
}
HEADINGS = with_distance(
    {
        "feeder_map": "Lowest voltage of each place",
        MAP_WITHOUT_NETWORK: "Lowest voltage of each place without network limits",
    },
    heading=True,
)


def line(s: Mapping[str, Any], currency: str) -> str:
    """The feeder in one line."""
    made = s["feeder"]
    unjudged, before = _unrated(made), made["steps_violated_without_vehicles"]
    kept = "no limit is violated"
    if before:
        kept = (
            f"vehicles make no limit worse, but in {before} of {s['steps']} steps the feeder "
            "violates limits without any vehicle"
        )
    if not made["rounds"]:
        return f"{made['name']} carries the plan as it is; {kept}{unjudged}"
    held = f"holds{unjudged}" if made["holds"] else f"does NOT hold{unjudged}"
    held += f" ({kept})" if before and made["holds"] else ""
    violated = made["steps_violated"][WITHOUT_NETWORK]
    return (
        f"{made['name']} {held} after {counted(made['rounds'], 'round')}; without it {violated} of "
        f"{s['steps']} steps violate a limit; costs {made['network_cost']:,.2f} {currency}"
    )


def _unrated(made: Mapping[str, Any]) -> str:
    """The lines whose current has no limit, for beside a claim; empty where all have one."""
    if not made["lines_unrated"]:
        return ""
    return (
        f" (current of {made['lines_unrated']:,} of {made['lines']:,} lines not judged: no rating)"
    )


def notes(s: Mapping[str, Any]) -> list[str]:
    """What the reader must know of limits of the feeder."""
    made, told = s["feeder"], list[str]()
    for name, strategy in (("plan with V2G", "v2g"), ("smart plan", "smart")):
        left = [Violation(**each) for each in made["limits_violated"][strategy]]
        if left:
            furthest = "; ".join(f"{each.limit} limit of {each.place} {each}" for each in left[:3])
            more = f"; and {len(left) - 3:,} more" if len(left) > 3 else ""
            told.append(
                f"The {name} violates limits of the feeder, as none that keeps them was found in "
                f"feeder.rounds and solve.time_limit_s: {furthest}{more} (feeder_check.parquet). "
                "Raise these, relax feeder.limits, lower feeder.load.share, or plan fewer vehicles."
            )
            if strategy == "v2g" and made["holds_smart"]:
                told.append(
                    "The smart plan keeps all limits of the feeder, at a net cost of "
                    f"{amount(s['cost']['smart'])} {s['currency']} (strategy_schedules.parquet)."
                )
    if made["steps_violated_without_vehicles"]:
        told.append(
            f"Without any vehicle the feeder violates its limits in "
            f"{counted(made['steps_violated_without_vehicles'], 'step')}; there vehicles may "
            "hardly make it worse (limits.base_violation_tolerance)."
        )
    return told


def of_feeder(feeder: Feeder) -> list[str]:
    """What the reader must know of the feeder itself."""
    missing = FeederPlaces.with_branches(feeder).note
    return [*feeder.notes, missing] if missing else list(feeder.notes)


def drawings(found: FeederResults, grid: TimeGrid, time_zone: str) -> FigureMakers:
    """What draws the feeder's figures, by name in reading order."""
    places = FeederPlaces.with_branches(found.feeder_sites.feeder)
    made: FigureMakers = {"feeder_loading": partial(_loading, found, grid, time_zone)}
    plan, without = found.plans["v2g"].check, found.plans["v2g"].first_check
    shown = {"feeder_map": (plan, "Lowest voltage under the plan")}
    if found.plans["v2g"].rounds[0].steps:
        shown[MAP_WITHOUT_NETWORK] = (without, "Lowest voltage without network limits")
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


def _loading(found: FeederResults, grid: TimeGrid, time_zone: str) -> Figure:
    return draw.feeder_loading(grid, _panels(found), time_zone=time_zone)


def places(found: FeederResults) -> list[Section]:
    """Voltages of the places that are on no map."""
    plan, without = (
        lowest_pu(found, checked)
        for checked in (found.plans["v2g"].check, found.plans["v2g"].first_check)
    )
    columns = {"lowest under the plan, pu": plan, "lowest without network limits, pu": without}
    shown = FeederPlaces.with_branches(found.feeder_sites.feeder)
    return shown.table(columns, worst_first=plan, elsewhere="feeder.geojson")


def section(found: FeederResults) -> Section:
    """What every strategy does to the feeder, as a table."""
    rows = [_row(name, checked) for name, checked in found.checks.items()]
    columns = ("strategy", "steps beyond a limit", "lowest voltage, pu", "highest voltage, pu")
    columns += ("line, % of rating", "transformer phase, %", "whole transformer, %")
    text = "Each strategy in full power flows of every step, with taps where they settle under it. "
    text += "Lines by conductor; transformers by the fullest phase of a winding, and as a whole."
    return Section("The feeder under every strategy", text, Table(columns, rows))


def _row(name: str, checked: FeederCheck) -> tuple[str, ...]:
    def extreme(kind: Kind, form: str, scale: float = 1.0) -> str:
        value = _worst(checked, kind)
        value = value[np.isfinite(value)]
        if value.size == 0:
            return "not judged"
        return form.format(scale * (value.min() if kind == Kind.LOW_VOLTAGE else value.max()))

    return (
        NAMES.get(name, name.replace("_", " ")),
        f"{int(checked.violated.any(axis=1).sum()):,}",
        extreme(Kind.LOW_VOLTAGE, "{:.4f}"),
        extreme(Kind.HIGH_VOLTAGE, "{:.4f}"),
        extreme(Kind.LINE, "{:.1f}", 100.0),
        _percent(highest(checked.transformers.phase)),
        _percent(highest(checked.transformers.total)),
    )


def _percent(share: float | None) -> str:
    return "not judged" if share is None else f"{100.0 * share:.1f}"


def _panels(found: FeederResults) -> list[draw.LoadingPanel]:
    """The kinds that any plan violates or comes near to, with voltage always."""
    made = []
    for kind, title, unit, scale in PANELS:
        values = {
            NAMES.get(name, name): scale * _worst(checked, kind)
            for name, checked in found.checks.items()
            if not name.startswith("rolling")
        }
        plan = found.plans["v2g"].check
        rows = plan.rows.of(kind)
        if rows.start == rows.stop:
            continue
        bound = plan.limits.bound[:, rows]
        limit = scale * (-bound.max(axis=1) if kind == Kind.LOW_VOLTAGE else bound.min(axis=1))
        nearest = max(float(np.nanmax(value / limit)) for value in values.values())
        if kind == Kind.LOW_VOLTAGE or nearest > 1.0:
            made.append(draw.LoadingPanel(title, unit, values, limit, kind == Kind.LOW_VOLTAGE))
    return made


def _worst(checked: FeederCheck, kind: Kind) -> Float[Array, " step"]:
    """The most extreme value of a kind in each step; NaN where there is none."""
    value = checked.values.value[:, checked.rows.of(kind)].max(axis=1, initial=-np.inf)
    value = np.where(np.isfinite(value), value, np.nan)
    return -value if kind == Kind.LOW_VOLTAGE else value

"""What a plan asks of chargers: starts, currents and phases, in summary, tables and report."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array, Shaped
from evergrid.data import tables
from evergrid.dispatch.equipment import phases
from evergrid.dispatch.equipment.chargers import ChargerUse
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.rolling import RollingResult
from evergrid.model.charging.chargers import PHASES
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers
from evergrid.report.page import Section, Table

READING = {
    "charger_currents": "When each charger is on, and at what current. Each block that begins is a "
    "start; a few long blocks spare contactors.",
    "phase_currents": "What each phase of the site carries that comes nearest to its limit, and "
    "how far the phases are apart. Load and generation are spread evenly over the phases.",
}
NOTE = (
    "Uncontrolled charging is not bound to whole amperes: it is what plugs do by themselves, as a "
    "mean over each step."
)
Runs = Mapping[str, Schedule]


def schedules(plans: Mapping[str, Plan], rolled: Mapping[str, RollingResult]) -> Runs:
    """What each strategy does, by name."""
    made = {name: plan.schedule for name, plan in plans.items()}
    return made | {f"rolling_{name}": run.schedule for name, run in rolled.items()}


def summary(portfolio: Portfolio, best: Plan, runs: Runs) -> dict[str, Any]:
    """The headline of the chargers."""
    use = ChargerUse(portfolio, best.schedule)
    any_power = best.any_power_cost
    names = portfolio.sessions.charger_id[use.used]
    return {
        "chargers": len(set(names.tolist())),
        **_strategy(use),
        "any_power_cost": any_power,
        "whole_ampere_cost": None if any_power is None else best.costs.net - any_power,
        "phase_excess_a": best.assessment.phase_excess_a,
        "phase_limit_used": _phase_limit_used(portfolio, best.schedule),
        "strategies": {name: _strategy(ChargerUse(portfolio, done)) for name, done in runs.items()},
    }


def _phase_limit_used(portfolio: Portfolio, done: Schedule) -> float | None:
    """Largest share of a limit of phases that is used; None where there is none."""
    if not len(phases.limited(portfolio)):
        return None
    return phases.used_share(portfolio, phases.site_phase_a(portfolio, done))


def _strategy(use: ChargerUse) -> dict[str, Any]:
    starts = use.starts[use.used]
    return {
        "starts_mean": float(starts.mean()) if len(starts) else 0.0,
        "starts_most": int(starts.max(initial=0)),
        "below_least_slots": use.below_least,
        "off_step_a": use.off_step_a,
    }


def results(portfolio: Portfolio, best: Plan) -> dict[str, pl.DataFrame]:
    """The tables of the chargers by name."""
    use = ChargerUse(portfolio, best.schedule)
    made = {"charger_currents": currents(use), "charger_starts": starts(use)}
    if len(phases.limited(portfolio)):
        made["site_phases"] = site_phases(portfolio, best.schedule)
    return made


def inputs(portfolio: Portfolio) -> dict[str, pl.DataFrame]:
    """The chargers actually used."""
    assert portfolio.chargers is not None
    return {"chargers": tables.chargers_frame(portfolio.chargers)}


def currents(use: ChargerUse) -> pl.DataFrame:
    """Current of each phase of each charger in the steps in which it is on.

    ``current_a`` is what flows while the car is there, positive into the grid.
    """
    portfolio = use.portfolio
    session, phase, step = np.nonzero(use.phase_a * use.on[:, None, :])
    return pl.DataFrame(
        {
            "charger_id": _text(portfolio.sessions.charger_id[session]),
            "session_id": _text(portfolio.sessions.session_id[session]),
            "phase": _text(np.array(PHASES, dtype=object)[phase]),
            "time_utc": _utc(portfolio.grid.times[step]),
            "current_a": use.phase_a[session, phase, step],
        }
    )


def starts(use: ChargerUse) -> pl.DataFrame:
    """How often each session's charger starts, and for how long it is on."""
    rows, portfolio = use.used, use.portfolio
    return pl.DataFrame(
        {
            "charger_id": _text(portfolio.sessions.charger_id[rows]),
            "session_id": _text(portfolio.sessions.session_id[rows]),
            "starts": use.starts[rows],
            "on_h": portfolio.grid.step_h * use.on[rows].sum(axis=1),
        }
    )


def site_phases(portfolio: Portfolio, done: Schedule) -> pl.DataFrame:
    """Current of each phase of the sites that limit them, positive into the grid."""
    rows, steps = phases.limited(portfolio), portfolio.grid.steps
    current, each = phases.site_phase_a(portfolio, done), len(PHASES) * steps
    limit = np.where(
        np.isfinite(portfolio.sites.phase_limit_a), portfolio.sites.phase_limit_a, np.nan
    )
    return pl.DataFrame(
        {
            "site_id": _text(np.repeat(portfolio.sites.site_id[rows], each)),
            "phase": _text(np.tile(np.repeat(np.array(PHASES, dtype=object), steps), len(rows))),
            "time_utc": _utc(np.tile(portfolio.grid.times, len(rows) * len(PHASES))),
            "current_a": current.ravel(),
            "phase_limit_a": np.repeat(limit[rows], each),
        }
    ).with_columns(pl.col("phase_limit_a").fill_nan(None))


def line(summary: Mapping[str, Any]) -> str:
    """What chargers are asked for, in one line."""
    s, money = summary["chargers"], summary["currency"]
    text = (
        f"{s['starts_mean']:.1f} starts a stay in the mean, {s['starts_most']} at most; "
        f"{s['below_least_slots']} slots below the least current"
    )
    if s["phase_limit_used"] is not None:
        text += f"; phases use up to {100 * s['phase_limit_used']:.0f} % of their limits"
    if s["whole_ampere_cost"] is None:
        return text
    return f"{text}; whole amperes cost {s['whole_ampere_cost']:z.2f} {money}"


def notes(portfolio: Portfolio) -> list[str]:
    """What the reader of the report must know."""
    even = "Load and generation are taken as spread evenly over the three phases of a site."
    return [NOTE, even] if len(phases.limited(portfolio)) else [NOTE]


def drawings(portfolio: Portfolio, best: Plan, time_zone: str) -> FigureMakers:
    """What draws each figure of the chargers."""
    made: FigureMakers = {"charger_currents": partial(_currents, portfolio, best, time_zone)}
    if len(phases.limited(portfolio)):
        made["phase_currents"] = partial(_phases, portfolio, best, time_zone)
    return made


def _currents(portfolio: Portfolio, best: Plan, time_zone: str) -> Figure:
    use = ChargerUse(portfolio, best.schedule)
    names = list(dict.fromkeys(portfolio.sessions.charger_id[use.used].tolist()))
    row = {name: i for i, name in enumerate(names)}
    current = np.full((len(names), portfolio.grid.steps), np.nan)
    for session in use.used:
        there = best.schedule.plugged[session]
        at = row[portfolio.sessions.charger_id[session]]
        current[at, there] = use.current_a[session, there]
    shown = [name.removeprefix("charger of ") for name in names]
    return draw.charger_currents(portfolio.grid, shown, current, time_zone=time_zone)


def _phases(portfolio: Portfolio, best: Plan, time_zone: str) -> Figure:
    """The site whose phases come nearest to their limit."""
    rows, current = phases.limited(portfolio), phases.site_phase_a(portfolio, best.schedule)
    limit = portfolio.sites.phase_limit_a[rows]
    worst = int((np.abs(current).max(axis=(1, 2)) / limit).argmax())
    name = str(portfolio.sites.site_id[rows[worst]])
    run = draw.PhaseRun(name, current[worst], float(limit[worst]))
    return draw.phase_currents(portfolio.grid, run, time_zone=time_zone)


def section(summary: Mapping[str, Any], names: Mapping[str, str]) -> Section:
    """What each strategy asks of the chargers, as a table."""
    columns = ("strategy", "starts a stay, mean", "starts a stay, most", "slots below least")
    columns += ("off whole steps, A",)
    rows = [
        (
            names[name],
            f"{made['starts_mean']:.2f}",
            f"{made['starts_most']:,}",
            f"{made['below_least_slots']:,}",
            f"{made['off_step_a']:.2g}",
        )
        for name, made in summary["chargers"]["strategies"].items()
    ]
    text = f"What each strategy asks of {summary['chargers']['chargers']:,} chargers. {NOTE}"
    return Section("Starts and currents of chargers", text, Table(columns, rows))


def _text(names: Shaped[Array, " row"]) -> pl.Series:
    return pl.Series(names.tolist(), dtype=pl.String)


def _utc(times: Shaped[Array, " row"]) -> pl.Series:
    return pl.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")

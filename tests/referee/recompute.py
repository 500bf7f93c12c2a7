"""What the folder of a result says is recomputed from its files; every difference is a sentence.

The product's words are taken only as claims: limits, energies, money, what was told and the status
follow from ``inputs``, ``config.toml`` and the powers of ``schedule.parquet`` and
``curtailment.parquet``. The other strategies are recomputed where their schedules are at hand.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from tests.referee.accounts import Schedule
from tests.referee.result import Result, step_of

CLOSE = 1e-6  # kW, kWh or money to which everything is told
UNTOLD_KWH = 1e-3  # shortfalls below it are not told
ITEMS = ("wear", "demand_charge", "energy_left")


def faults(made: Result) -> list[str]:
    """Everything in which a result differs from what its files come to."""
    found = [*_rows(made), *_limits(made.schedule), *_sites(made), *_fleet(made)]
    found += [*_told(made.schedule, made.summary), *_shortfalls(made.schedule, made.summary)]
    found += [
        *_money(made),
        *_violations(made.schedule, made.summary["max_violation"]),
        *_curtailment(made),
        *_status(made),
    ]
    for name, told in made.summary["strategies"].items():
        found += [f"{name} {each}" for each in _strategy(made, name, told)]
    return found


def _rows(made: Result) -> Iterator[str]:
    """One row for each step in which a session is plugged in, with its energy."""
    book, table = made.book, made.tables["schedule"]
    unit = {each.session_id: i for i, each in enumerate(book.units)}
    rows = [(unit[r["session_id"]], step_of(book, r)) for r in table.rows(named=True)]
    wanted = {(i, int(step)) for i, each in enumerate(book.units) for step in each.slots}
    if len(set(rows)) < len(rows) or set(rows) != wanted:
        yield f"schedule has other rows than plugged steps: {set(rows) ^ wanted}"
        return
    energy = np.array([made.schedule.energy_kwh[row] for row in rows])
    worst = np.abs(energy - table["energy_kwh"].to_numpy()).max(initial=0.0)
    if worst > CLOSE:
        yield f"energies are {worst:.2e} kWh off their balance"


def _limits(schedule: Schedule) -> Iterator[str]:
    """Limits that nothing excuses, and limits that only load alone may exceed, by no more."""
    book = schedule.book
    firm = {
        "power beyond a charger": schedule.power_error_kw(),
        "energy beyond its limits": schedule.energy_error_kwh(),
        "curtailed beyond generation": schedule.curtailment_error_kw(),
        "import beyond load alone": _most(schedule.import_excess_kw - book.alone_import_kw),
        "export beyond generation alone": _most(schedule.export_excess_kw - book.alone_export_kw),
        "budget beyond load alone": _most(schedule.budget_excess_kwh - book.alone_budget_kwh),
    }
    return (f"{name}: {worst:.3e}" for name, worst in firm.items() if worst > CLOSE)


def _most(values: np.ndarray) -> float:
    return float(values.max(initial=0.0))


def _sites(made: Result) -> Iterator[str]:
    """The table of sites: power, and limits as they were given."""
    book, schedule = made.book, made.schedule
    site = {name: i for i, name in enumerate(book.site_id)}
    rows = made.tables["sites"].rows(named=True)
    at = [(site[row["site_id"]], step_of(book, row)) for row in rows]
    wanted = {
        "power_kw": -schedule.drawn_kw,
        "import_limit_kw": book.import_limit_kw,
        "export_limit_kw": book.export_limit_kw,
    }
    for name, values in wanted.items():
        told = np.array([row[name] for row in rows], float)
        if not np.allclose(told, [values[each] for each in at], rtol=1e-9, atol=CLOSE):
            yield f"{name} of sites.parquet differs"


def _fleet(made: Result) -> Iterator[str]:
    """Power of the whole fleet by strategy, and the peak that follows from it."""
    fleet = made.schedule.power_kw.sum(axis=0)
    told = _fleet_power(made, "v2g")
    if np.abs(told - fleet).max() > CLOSE:
        yield "strategies.parquet has another power of the v2g fleet"
    for key, values in (("fed", fleet * 0), ("drawn", fleet * 0)):
        sign = 1 if key == "fed" else -1
        values = made.book.step_h * np.maximum(sign * made.schedule.power_kw, 0.0).sum()
        if abs(made.summary[f"energy_{key}_kwh"] - values) > CLOSE:
            yield f"energy_{key}_kwh is {made.summary[f'energy_{key}_kwh']}, not {values}"


def _fleet_power(made: Result, strategy: str) -> np.ndarray:
    rows = made.tables["strategies"].filter(pl.col("strategy") == strategy)
    return rows.sort("time_utc")["power_kw"].to_numpy()


def _told(schedule: Schedule, told: dict[str, Any]) -> Iterator[str]:
    """Overloads and overdrafts as told, against what the schedule comes to."""
    book, hour = schedule.book, schedule.book.step_h
    beyond = {"import": schedule.import_excess_kw, "export": schedule.export_excess_kw}
    claims = {(each["site_id"], each["limit"]): each for each in told["overloads"]}
    if len(claims) < len(told["overloads"]):
        yield "tells an overload twice"
    for limit, excess in beyond.items():
        for site, name in enumerate(book.site_id):
            claim = claims.get((name, limit), {"steps": 0, "worst_kw": 0.0, "excess_kwh": 0.0})
            worst, total = _most(excess[site]), hour * float(excess[site].sum())
            steps = int((excess[site] > CLOSE).sum())
            if abs(claim["worst_kw"] - worst) > CLOSE or abs(claim["excess_kwh"] - total) > CLOSE:
                yield f"{limit} limit of {name} is passed by {worst} kW, {total} kWh, told {claim}"
            elif claim["steps"] != steps:
                yield f"{limit} limit of {name} is passed in {steps} steps, told {claim['steps']}"
    drafts = {each["site_id"]: each["excess_kwh"] for each in told["overdrafts"]}
    for site, name in enumerate(book.site_id):
        excess = float(schedule.budget_excess_kwh[site])
        if abs(drafts.get(name, 0.0) - excess) > CLOSE:
            yield f"budget of {name} is passed by {excess} kWh, told {drafts.get(name, 0.0)}"


def _shortfalls(schedule: Schedule, told: dict[str, Any]) -> Iterator[str]:
    claims: dict[str, float] = {}
    for each in told["shortfalls"]:
        if each["session_id"] in claims:
            yield f"tells the shortfall of {each['session_id']} twice"
        claims[each["session_id"]] = each["shortfall_kwh"]
    for unit, short in zip(schedule.book.units, schedule.shortfall_kwh, strict=True):
        claim = claims.get(unit.session_id)
        if claim is not None and abs(claim - short) > CLOSE:
            yield f"{unit.session_id} is {short} kWh short, told {claim}"
        if claim is None and short > UNTOLD_KWH + CLOSE:
            yield f"{unit.session_id} is {short} kWh short, told nothing"
        if claim is not None and claim < UNTOLD_KWH:
            yield f"tells a shortfall of {claim} kWh"
    if abs(told["shortfall_kwh"] - sum(claims.values())) > CLOSE:
        yield f"shortfall_kwh is {told['shortfall_kwh']}, not {sum(claims.values())}"


def _money(made: Result) -> Iterator[str]:
    """Costs item by item; the sums of all strategies; energy and carbon together."""
    told, costs = made.summary, made.schedule.costs()
    items = told["cost_items"]["v2g"]
    pairs = [("net cost", told["objective"], costs.net)]
    pairs += [(name, items[name], getattr(costs, name)) for name in ITEMS]
    pairs += [("energy", items["energy"] + items["carbon"], costs.energy + costs.carbon)]
    pairs += [
        (f"sum of {n}", told["cost"][n], sum(told["cost_items"][n].values())) for n in told["cost"]
    ]
    pairs += [("baseline", told["baseline_cost"], told["cost"]["uncontrolled"])]
    for name, claim, right in pairs:
        if abs(claim - right) > CLOSE * max(1.0, abs(right)):
            yield f"{name} is {claim}, not {right}"


def _violations(schedule: Schedule, told: dict[str, float]) -> Iterator[str]:
    """The largest violations as told, against the limits as they were given."""
    sites = max(_most(schedule.import_excess_kw), _most(schedule.export_excess_kw))
    right = {
        "power_kw": max(schedule.power_error_kw(), schedule.curtailment_error_kw(), 0.0),
        "energy_kwh": max(schedule.energy_error_kwh(), _most(schedule.budget_excess_kwh), 0.0),
        "site_kw": sites,
    }
    for name, worst in right.items():
        if abs(told[name] - worst) > CLOSE:
            yield f"max_violation.{name} is {told[name]}, not {worst}"


def _curtailment(made: Result) -> Iterator[str]:
    """Curtailed energy in all and by site, with the generation it is of."""
    book, schedule = made.book, made.schedule
    curtailed = book.step_h * schedule.curtailed_kw.sum(axis=1)
    generated = book.step_h * book.generation_kw.sum(axis=1)
    if abs(made.summary["curtailed_kwh"] - curtailed.sum()) > CLOSE:
        yield f"curtailed_kwh is {made.summary['curtailed_kwh']}, not {curtailed.sum()}"
    claims = {each["site_id"]: each for each in made.summary["curtailment"]}
    for site, name in enumerate(book.site_id):
        claim = claims.get(name, {"generation_kwh": 0.0, "curtailed_kwh": 0.0})
        pairs = (
            (claim["generation_kwh"], generated[site]),
            (claim["curtailed_kwh"], curtailed[site]),
        )
        if any(abs(told - right) > CLOSE for told, right in pairs):
            yield f"curtailment of {name} is told as {claim}, not {curtailed[site]} kWh"


def _status(made: Result) -> Iterator[str]:
    """Gap and bound as arithmetic, and a status that follows from them and from what is broken."""
    told, schedule = made.summary, made.schedule
    objective, bound, gap = told["objective"], told["bound"], told["gap"]
    size = max(abs(objective), abs(bound), 1e-9)
    if abs(max(0.0, objective - bound) / size - gap) > 1e-7:
        yield f"gap is {gap}, not {max(0.0, objective - bound) / size}"
    if objective < bound - CLOSE * max(1.0, abs(bound)):
        yield f"objective {objective} below the bound {bound}"
    broken = max(_most(schedule.import_excess_kw), _most(schedule.export_excess_kw))
    broken = max(broken, _most(schedule.budget_excess_kwh))
    right = "optimal" if gap <= 1e-6 else "feasible"
    right = "limits_exceeded" if broken > CLOSE else right
    if told["status"] != right:
        yield f"status is {told['status']}, not {right} (gap {gap:.1e}, {broken:.1e} over limits)"


def _strategy(made: Result, name: str, told: dict[str, Any]) -> Iterator[str]:
    """One strategy: what it says of itself, against its own schedule."""
    schedule = made.told_schedule(name)
    if schedule is None:
        yield "has no schedule in strategy_schedules.parquet"
        return
    if np.abs(_fleet_power(made, name) - schedule.power_kw.sum(axis=0)).max() > CLOSE:
        yield "has another power of the fleet in strategies.parquet"
    if name != "v2g":
        yield from _limits(schedule)
    yield from _told(schedule, told)
    short = schedule.shortfall_kwh[schedule.shortfall_kwh > UNTOLD_KWH]
    roots = [i for i, above in enumerate(made.book.parent) if above < 0]
    peak = max(0.0, float(schedule.drawn_kw[roots].sum(axis=0).max()))
    costs = schedule.costs()
    pairs = {
        "cost": costs.net,
        "wear": costs.wear,
        "energy_left": costs.energy_left,
        "cash": costs.energy + costs.carbon + costs.demand_charge,
        "shortfall_kwh": float(short.sum()),
        "sessions_short": len(short),
        "curtailed_kwh": made.book.step_h * float(schedule.curtailed_kw.sum()),
        "peak_import_kw": peak,
        "served_share": _served_share(schedule),
    }
    for key, right in pairs.items():
        if abs(told[key] - right) > CLOSE * max(1.0, abs(right)):
            yield f"{key} is {told[key]}, not {right}"
    yield from _violations(schedule, told["max_violation"])
    yield from _same_service(made, schedule, told)
    if name == "uncontrolled" and (schedule.power_kw > CLOSE).any():
        yield "feeds"


def _served_share(schedule: Schedule) -> float:
    """Energy delivered of what is owed above arrival, to units that leave within the horizon."""
    owed = delivered = 0.0
    for unit, energy in zip(schedule.book.units, schedule.energy_kwh, strict=True):
        if not unit.outlasts:
            asked = max(unit.wanted_kwh - unit.start_kwh, 0.0)
            owed += asked
            delivered += min(max(float(energy[-1]) - unit.start_kwh, 0.0), asked)
    return delivered / owed if owed > 0 else 1.0


def _same_service(made: Result, schedule: Schedule, told: dict[str, Any]) -> Iterator[str]:
    """A strategy compares with V2G where it leaves no more unserved and exceeds limits no more."""
    best = made.schedule
    short = float(schedule.shortfall_kwh.sum() - best.shortfall_kwh.sum())
    less = [short, schedule.excess_kwh - best.excess_kwh]
    if told["same_service"] and max(less) > 0.01:
        yield f"is told to give the same service, though {short} kWh more are short"
    if not told["same_service"] and max(less) < CLOSE:
        yield "is told to give another service, though it gives the same"

"""The summary and the tables of a study of emissions."""

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array
from evergrid.core.units import H_PER_DAY, KG_PER_TONNE
from evergrid.data import tables
from evergrid.impact.emissions.consequence import reduces
from evergrid.inputs.emissions import EstimatedFactors
from evergrid.studies.emissions.config import Config
from evergrid.studies.emissions.results import (
    BASELINE,
    EmissionsResults,
    StrategyCarbon,
    dollars_per_tonne,
)

FILES = (
    "inputs/sessions.parquet",
    "inputs/prices.parquet",
    "inputs/factors.parquet",
    "ledgers.parquet",
    "frontier.parquet",
    "stored_carbon.parquet",
    "days.parquet",
    "groups.parquet",
    "sensitivity.parquet",
    "schedule.parquet",
    "fleet.parquet",
    "months.parquet",
)

MAY_BE_EMPTY = ("location_tonnes", "market_tonnes", "embodied_tonnes", "driving_tonnes")


def headline(config: Config, found: EmissionsResults) -> dict[str, Any]:
    """What is computed, by its key in ``summary.json``."""
    portfolio = found.inputs.portfolio
    best, price = found.strategies["carbon"], found.strategies["price"]
    knee, cap = found.knee, found.capped
    return {
        "status": found.status,
        "currency": portfolio.prices.currency,
        "baseline": BASELINE,
        "tonnes": {name: one.tonnes for name, one in found.strategies.items()},
        "tonnes_low": {name: one.band.low_kg / KG_PER_TONNE for name, one in _others(found)},
        "tonnes_high": {name: one.band.high_kg / KG_PER_TONNE for name, one in _others(found)},
        "reduction_probability": {
            name: one.band.reduction_probability for name, one in _others(found)
        },
        "net_cost": {name: one.net_cost for name, one in found.strategies.items()},
        "location_tonnes": _ledger(found, "location"),
        "market_tonnes": _ledger(found, "market"),
        "fed_mwh": {name: one.fed_mwh for name, one in found.strategies.items()},
        "gap": best.gap,
        "foresight_share": found.foresight_share,
        "regret_tonnes": found.regret_tonnes,
        "knee_price_per_tonne": None if knee is None else knee.price_per_tonne,
        "cap_tonnes": config.cap_tonnes,
        "cap_price_per_tonne": None if cap is None else cap.price_per_tonne,
        "cap_net_cost": None if cap is None else cap.net_cost,
        "cap_bound": None if cap is None else cap.bound,
        "cap_cleaner_share": None if cap is None else cap.cleaner_share,
        "cap_status": {name: str(one.plan.status) for name, one in found.of_cap.items()} or None,
        "embodied_tonnes": None if price.embodied_kg is None else price.embodied_kg / KG_PER_TONNE,
        "driving_tonnes": None if price.driving_kg is None else price.driving_kg / KG_PER_TONNE,
        "stored_imbalance_kg": None if price.stored is None else price.stored.imbalance_kg,
        "violation_kw": max(one.limits_kw for _, one in found.every_plan()),
        "overloads": [
            {"plan": name, **vars(item), "cause": item.cause}
            for name, one in found.every_plan()
            for item in one.overloads
        ],
        "overdrafts": [
            {"plan": name, **vars(item)}
            for name, one in found.every_plan()
            for item in one.overdrafts
        ],
        "shortfall_kwh": max(one.shortfall_total_kwh for _, one in found.every_plan()),
        "assets": portfolio.assets,
        "sessions": len(portfolio.sessions),
        "start_utc": portfolio.grid.start_utc.isoformat(),
        "end_utc": portfolio.grid.end_utc.isoformat(),
    }


def _others(found: EmissionsResults) -> list[tuple[str, StrategyCarbon]]:
    return [(name, one) for name, one in found.strategies.items() if name != BASELINE]


def _ledger(found: EmissionsResults, name: str) -> dict[str, float] | None:
    """A ledger of every strategy; None where there are no factors for it."""
    entries = {key: getattr(one, name) for key, one in found.strategies.items()}
    if any(entry is None for entry in entries.values()):
        return None
    return {key: entry.tonnes for key, entry in entries.items()}


def inputs(found: EmissionsResults) -> dict[str, pl.DataFrame]:
    """The canonical tables that were used, by name."""
    portfolio = found.inputs.portfolio
    return {
        "sessions": tables.sessions_frame(portfolio.sessions),
        "prices": tables.prices_frame(portfolio.prices),
        "factors": found.factors.frame(portfolio.grid),
    }


def results(found: EmissionsResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    made = {"ledgers": _ledgers(found), "days": _days(found), "schedule": _schedule(found)}
    if found.frontier:
        made["frontier"] = _frontier(found)
    if found.sensitivity:
        made["sensitivity"] = _sensitivity(found)
    if found.factors.estimated is not None:
        made["groups"] = _groups(found.factors.estimated)
    if found.factors.average is not None:
        made["stored_carbon"] = _stored(found)
    return made


def _ledgers(found: EmissionsResults) -> pl.DataFrame:
    """Each strategy on each ledger, side by side and never added."""
    rows = list(found.strategies.values())
    return pl.DataFrame(
        {
            "strategy": [one.name for one in rows],
            "status": [one.status for one in rows],
            "net_cost": [one.net_cost for one in rows],
            "consequential_tonnes": [one.tonnes for one in rows],
            "low_tonnes": [one.band.low_kg / KG_PER_TONNE for one in rows],
            "high_tonnes": [one.band.high_kg / KG_PER_TONNE for one in rows],
            "reduction_probability": [one.band.reduction_probability for one in rows],
            "location_tonnes": _column([one.location for one in rows]),
            "market_tonnes": _column([one.market for one in rows]),
            "fed_mwh": [one.fed_mwh for one in rows],
            "embodied_tonnes": _tonnes([one.embodied_kg for one in rows]),
            "driving_tonnes": _tonnes([one.driving_kg for one in rows]),
            "violation_kw": [one.assessment.limits_kw for one in rows],
        },
        schema_overrides=dict.fromkeys(MAY_BE_EMPTY, pl.Float64),
    )


def _column(entries: list[Any]) -> list[float | None]:
    return [None if entry is None else entry.tonnes for entry in entries]


def _tonnes(values_kg: list[float | None]) -> list[float | None]:
    return [None if kg is None else kg / KG_PER_TONNE for kg in values_kg]


def _frontier(found: EmissionsResults) -> pl.DataFrame:
    points = found.frontier
    steps = [float("nan")] + [dollars_per_tonne(a, b) for a, b in pairwise(points)]
    return pl.DataFrame(
        {
            "price_per_tonne": [one.price_per_tonne for one in points],
            "tonnes": [one.tonnes for one in points],
            "net_cost": [one.net_cost for one in points],
            "cost_per_tonne_saved": steps,
            "bound": [one.bound for one in points],
            "status": [str(one.plan.status) for one in points],
            "violation_kw": [one.plan.assessment.limits_kw for one in points],
        }
    )


def _sensitivity(found: EmissionsResults) -> pl.DataFrame:
    """Tonnes of every strategy by factors in which one fuel emits more or less."""
    rows = [
        (one.fuel, one.change, one.marginal_kg_per_mwh, name, tonnes)
        for one in found.sensitivity
        for name, tonnes in one.tonnes.items()
        if name != BASELINE
    ]
    names = ("fuel", "change", "marginal_kg_per_mwh", "strategy", "consequential_tonnes")
    return pl.DataFrame(dict(zip(names, zip(*rows, strict=True), strict=True)))


def _groups(estimated: EstimatedFactors) -> pl.DataFrame:
    """The marginal factor of every group of hours, with how sure it is."""
    groups = estimated.groups
    return pl.DataFrame(
        {
            "group": list(groups.names),
            "marginal_kg_per_mwh": [one.kg_per_mwh for one in groups.factors],
            "standard_error_kg_per_mwh": [one.standard_error for one in groups.factors],
            "changes": [one.changes for one in groups.factors],
            "r_squared": [one.r_squared for one in groups.factors],
        }
    )


def _stored(found: EmissionsResults) -> pl.DataFrame:
    """Carbon of stored energy over time, of the plan by price."""
    one = found.strategies["price"]
    stored, grid = one.stored, found.inputs.portfolio.grid
    assert stored is not None
    held = one.assessment.schedule.energy_kwh * (stored.intensity_kg_per_mwh > 0)
    kwh = held.sum(axis=0)
    carried = (held * stored.intensity_kg_per_mwh).sum(axis=0)
    return pl.DataFrame(
        {
            "time_utc": _utc(grid.times),
            "charged_kg": stored.charged_kg.sum(axis=0),
            "fed_kg": stored.fed_kg.sum(axis=0),
            "stored_kg_per_mwh": np.where(kwh > 0, carried / np.where(kwh > 0, kwh, 1.0), 0.0),
            "average_kg_per_mwh": found.factors.average,
        }
    )


def _days(found: EmissionsResults) -> pl.DataFrame:
    """For each day, the factors at which the plan by price charges and feeds, and who wins."""
    one, grid = found.strategies["price"], found.inputs.portfolio.grid
    drawn, fed = (kwh.sum(axis=0) for kwh in (one.carbon.drawn_kwh, one.carbon.fed_kwh))
    each = max(1, round(H_PER_DAY / grid.step_h))
    rows = [slice(k, k + each) for k in range(0, grid.steps, each)]
    factor = found.factors.marginal
    charge = np.array([_mean(factor[row], drawn[row]) for row in rows])
    discharge = np.array([_mean(factor[row], fed[row]) for row in rows])
    sessions = found.inputs.portfolio.sessions
    both = sessions.efficiency_charge * sessions.efficiency_discharge
    round_trip = float(both.mean())
    lower = reduces(charge, discharge, round_trip)
    known = ~np.isnan(charge) & ~np.isnan(discharge)
    return pl.DataFrame(
        {
            "begin_utc": _utc(grid.times[[row.start for row in rows]]),
            "drawn_mwh": [drawn[row].sum() / 1000.0 for row in rows],
            "fed_mwh": [fed[row].sum() / 1000.0 for row in rows],
            "charge_kg_per_mwh": charge,
            "discharge_kg_per_mwh": discharge,
            "break_even_charge_kg_per_mwh": round_trip * discharge,
            "reduces": [bool(x) if ok else None for x, ok in zip(lower, known, strict=True)],
        },
        schema_overrides={"reduces": pl.Boolean},
    )


def _mean(values: Array, weights: Array) -> float:
    total = float(weights.sum())
    return float(values @ weights) / total if total > 1e-9 else float("nan")


def _schedule(found: EmissionsResults) -> pl.DataFrame:
    portfolio = found.inputs.portfolio
    names = pl.Series(portfolio.sessions.session_id.tolist(), dtype=pl.String)
    frames = []
    made = {name: one.assessment.schedule for name, one in found.strategies.items()}
    made |= {name: point.plan.schedule for name, point in found.of_cap.items()}
    for name, schedule in made.items():
        session, step = np.nonzero(schedule.plugged)
        frames.append(
            pl.DataFrame(
                {
                    "strategy": pl.Series([name] * len(session), dtype=pl.String),
                    "session_id": names.gather(session),
                    "time_utc": _utc(portfolio.grid.times[step]),
                    "power_kw": schedule.power_kw[session, step],
                    "energy_kwh": schedule.energy_kwh[session, step],
                }
            )
        )
    return pl.concat(frames)


def _utc(times: Array) -> pl.Series:
    return pl.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")

"""The summary and the tables of a study of value stacking."""

from typing import Any

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float
from evergrid.core.units import KW_PER_MW
from evergrid.data import tables
from evergrid.dispatch.services.plan import ServicePlan
from evergrid.studies.value_stacking.config import Config
from evergrid.studies.value_stacking.results import StackingResults, Tranches


def headline(config: Config, found: StackingResults) -> dict[str, Any]:
    """What is computed, by its key in ``summary.json``."""
    portfolio, plan, realised = found.inputs.portfolio, found.plan, found.realised
    return {
        "status": str(plan.status),
        "currency": portfolio.prices.currency,
        "services": [one.name for one in plan.services],
        "net_cost": plan.net,
        "net_cost_energy": found.alone.costs.net,
        "value_added": found.alone.costs.net - plan.net,
        "value_added_by_service": found.added,
        "credit": plan.expected_credit,
        "call_cost": float(plan.call_costs.sum()),
        "gap": plan.certificate.gap,
        "award_mean_kw": [
            float(kw.mean()) for kw in (award_by_step(plan, i) for i in range(len(plan.services)))
        ],
        "shortfall_kwh": found.shortfall_kwh,
        "overloads": found.overloads,
        "information": config.information.prices,
        "net_cost_realised": None if realised is None else realised.net,
        "net_cost_energy_realised": None if realised is None else realised.alone,
        "net_cost_foresight": None if realised is None else realised.foresight,
        "net_cost_energy_foresight": None if realised is None else realised.foresight_alone,
        "regret": None if realised is None else realised.regret,
        "assets": portfolio.assets,
        "sessions": len(portfolio.sessions),
        "start_utc": portfolio.grid.start_utc.isoformat(),
        "end_utc": portfolio.grid.end_utc.isoformat(),
        "solve_s": sum(one.solve_s for one in found.stack),
    }


def award_by_step(plan: ServicePlan, service: int) -> Float[Array, " step"]:
    """Award of a service in each step."""
    return plan.services[service].by_step(plan.award_kw[service], plan.schedule.power_kw.shape[1])


def inputs(found: StackingResults) -> dict[str, pl.DataFrame]:
    """The canonical tables that were used, by name."""
    portfolio = found.inputs.portfolio
    capacity = {"time_utc": portfolio.grid.times} | {
        service.name: price
        for service, price in zip(found.plan.services, found.price_per_mw, strict=True)
    }
    return {
        "sessions": tables.sessions_frame(portfolio.sessions),
        "prices": tables.prices_frame(portfolio.prices),
        "capacity_prices": pl.DataFrame(capacity),
    }


def results(found: StackingResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    made = {"stack": _stack(found), "awards": _awards(found), "schedule": _schedule(found)}
    if found.bid_curve is not None:
        made["bid_curve"] = _bid_curve(found)
        if found.bid_curve.tranches is not None:
            made["bids"] = _bids(found, found.bid_curve.tranches)
    return made


def _stack(found: StackingResults) -> pl.DataFrame:
    alone = found.alone
    plans = found.stack
    return pl.DataFrame(
        {
            "services": list(range(len(plans) + 1)),
            "added": ["energy", *(one.services[-1].name for one in plans)],
            "net_cost": [alone.costs.net, *(one.net for one in plans)],
            "value_added": [0.0, *found.added],
            "credit": [0.0, *(one.expected_credit for one in plans)],
            "call_cost": [0.0, *(float(one.call_costs.sum()) for one in plans)],
            "bound": [alone.certificate.bound, *(one.certificate.bound for one in plans)],
            "gap": [alone.certificate.gap, *(one.certificate.gap for one in plans)],
            "status": [str(alone.status), *(str(one.status) for one in plans)],
        }
    )


def _awards(found: StackingResults) -> pl.DataFrame:
    grid, plan = found.inputs.portfolio.grid, found.plan
    frames = []
    for number, service in enumerate(plan.services):
        award_kw = award_by_step(plan, number)
        frames.append(
            pl.DataFrame(
                {
                    "service": pl.Series([service.name] * grid.steps, dtype=pl.String),
                    "time_utc": _utc(grid.times),
                    "award_mw": award_kw / KW_PER_MW,
                    "price_per_mw": found.price_per_mw[number],
                    "credit": grid.step_h * service.credit_per_kw * award_kw,
                }
            )
        )
    return pl.concat(frames)


def _schedule(found: StackingResults) -> pl.DataFrame:
    portfolio, plan = found.inputs.portfolio, found.plan
    session, step = np.nonzero(plan.schedule.plugged)
    held = {
        side: sum(
            (kw for one, kw in zip(plan.services, plan.held_kw, strict=True) if getattr(one, side)),
            start=np.zeros(plan.schedule.power_kw.shape),
        )
        for side in ("up", "down")
    }
    names = pl.Series(portfolio.sessions.session_id.tolist(), dtype=pl.String)
    return pl.DataFrame(
        {
            "session_id": names.gather(session),
            "time_utc": _utc(portfolio.grid.times[step]),
            "power_kw": plan.schedule.power_kw[session, step],
            "energy_kwh": plan.schedule.energy_kwh[session, step],
            "held_up_kw": held["up"][session, step],
            "held_down_kw": held["down"][session, step],
        }
    )


def _bid_curve(found: StackingResults) -> pl.DataFrame:
    curve = found.bid_curve
    assert curve is not None
    service, grid = found.plan.services[curve.service], found.inputs.portfolio.grid
    prices, blocks = curve.award_kw.shape
    begins = grid.times[:: service.block_steps]
    return pl.DataFrame(
        {
            "service": pl.Series([service.name] * prices * blocks, dtype=pl.String),
            "time_utc": _utc(np.tile(begins, prices)),
            "price_per_mw": np.repeat(curve.price_per_mw, blocks),
            "award_mw": curve.award_kw.ravel() / KW_PER_MW,
        }
    )


def _bids(found: StackingResults, parts: Tranches) -> pl.DataFrame:
    assert found.bid_curve is not None
    service, grid = found.plan.services[found.bid_curve.service], found.inputs.portfolio.grid
    begins = grid.times[:: service.block_steps]
    return pl.DataFrame(
        {
            "service": pl.Series([service.name] * len(parts.block), dtype=pl.String),
            "time_utc": _utc(begins[parts.block]),
            "award_mw": parts.added_kw / KW_PER_MW,
            "cost_per_mw": parts.cost_per_mw,
            "bid_price_per_mw": parts.bids.price,
            "acceptance": parts.bids.acceptance,
            "expected_margin": service.block_steps * grid.step_h * parts.margin,
        }
    ).sort("time_utc", "bid_price_per_mw")


def _utc(times: Array) -> pl.Series:
    return pl.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")

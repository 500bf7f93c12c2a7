"""The headline of a plan: what it costs, what it proves, and what each strategy leaves undone."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from evergrid.dispatch.accounts import KINDS, Costs
from evergrid.dispatch.assessment import LEAST_KWH, Assessment
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.rolling import RollingResult
from evergrid.model.portfolio import Portfolio
from evergrid.studies.plan import tables


def headline(
    portfolio: Portfolio,
    plans: Mapping[str, Plan],
    rolled: Mapping[str, RollingResult],
    *,
    end_value_per_kwh: float,
) -> dict[str, Any]:
    """What is computed from the plans alone, by its key in ``summary.json``."""
    best = plans["v2g"]
    proof = best.certificate
    power_kw, step_h = best.schedule.power_kw, portfolio.grid.step_h
    return {
        "status": str(best.status),
        "currency": portfolio.prices.currency,
        "objective": best.costs.net,
        "bound": proof.bound,
        "gap": proof.gap,
        "max_violation": _violations(best.assessment),
        "baseline_cost": plans["uncontrolled"].costs.net,
        "cost": {name: made.costs.net for name, made in plans.items()},
        "cost_items": {name: dict(made.costs.amounts) for name, made in plans.items()},
        "peak_import_kw": {name: peak_import_kw(made.assessment) for name, made in plans.items()},
        "energy_fed_kwh": float(np.maximum(power_kw, 0).sum() * step_h),
        "energy_drawn_kwh": float(np.maximum(-power_kw, 0).sum() * step_h),
        "served_share": best.assessment.served_share,
        "shortfall_kwh": best.shortfall_kwh,
        "shortfalls": [vars(item) for item in best.shortfalls],
        "overloads": _overloads(best.assessment),
        "overdrafts": [vars(item) for item in best.overdrafts],
        "budgets": tables.budgets(portfolio, best).to_dicts(),
        "curtailed_kwh": float(best.assessment.curtailed_kwh.sum()),
        "curtailment": _curtailment(best.assessment),
        "strategies": strategies(plans, rolled),
        "rolling": {name: _rolled(made) for name, made in rolled.items()},
        "end_value_per_kwh": end_value_per_kwh,
        "solve_s": best.solve_s,
        "assets": portfolio.assets,
        "sessions": len(portfolio.sessions),
        "sites": len(portfolio.sites),
        "steps": portfolio.grid.steps,
        "step_h": step_h,
        "start_utc": portfolio.grid.start_utc.isoformat(),
        "end_utc": portfolio.grid.end_utc.isoformat(),
    }


def strategies(
    plans: Mapping[str, Plan], rolled: Mapping[str, RollingResult]
) -> dict[str, dict[str, Any]]:
    """What each strategy costs, gives and breaks, side by side."""
    made = {name: (plan.assessment, plan.costs) for name, plan in plans.items()}
    made |= {f"rolling_{name}": (run.assessment, run.costs) for name, run in rolled.items()}
    best = plans["v2g"].assessment
    return {name: _strategy(*given, best) for name, given in made.items()}


def _strategy(done: Assessment, paid: Costs, best: Assessment) -> dict[str, Any]:
    return {
        "cost": paid.net,
        **{kind: paid.of_kind(kind) for kind in KINDS},
        "served_share": done.served_share,
        "shortfall_kwh": done.shortfall_total_kwh,
        "sessions_short": int(done.short.sum()),
        "overloads": _overloads(done),
        "overdrafts": [vars(item) for item in done.overdrafts],
        "curtailed_kwh": float(done.curtailed_kwh.sum()),
        "peak_import_kw": peak_import_kw(done),
        "max_violation": _violations(done),
        "same_service": same_service(done, best),
    }


def _overloads(done: Assessment) -> list[dict[str, Any]]:
    """Limits that are exceeded, each with what exceeds it."""
    return [{**vars(item), "cause": item.cause} for item in done.overloads]


def same_service(done: Assessment, best: Assessment) -> bool:
    """Whether a strategy serves as much, and exceeds limits no more, than the best plan does."""
    more_kwh = done.shortfall_total_kwh - best.shortfall_total_kwh
    return more_kwh <= LEAST_KWH and _beyond_kwh(done) - _beyond_kwh(best) <= LEAST_KWH


def _beyond_kwh(done: Assessment) -> float:
    """Energy beyond all limits and budgets."""
    parts = [item.excess_kwh for item in (*done.overloads, *done.overdrafts)]
    return sum(parts, start=0.0)


def _violations(done: Assessment) -> dict[str, float]:
    """Largest violations of the limits as given; rounding below 0 is none."""
    budgets = float(done.budget_excess_kwh.max(initial=0.0))
    return {
        "power_kw": max(0.0, done.power_kw),  # 0 first, as the first of equals is taken, and not -0
        "energy_kwh": max(0.0, done.energy_kwh, budgets),
        "site_kw": done.limits_kw,
    }


def _curtailment(done: Assessment) -> list[dict[str, Any]]:
    """Each site with generation, what it could make, and what of that it was curtailed by."""
    portfolio = done.portfolio
    made = portfolio.grid.step_h * portfolio.generation_kw.sum(axis=1)
    return [
        {
            "site_id": str(portfolio.sites.site_id[site]),
            "generation_kwh": float(made[site]),
            "curtailed_kwh": float(done.curtailed_kwh[site]),
        }
        for site in np.nonzero(made)[0]
    ]


def _rolled(made: RollingResult) -> dict[str, float]:
    worst = _violations(made.assessment)
    return {
        "cost": made.costs.net,
        "served_share": made.assessment.served_share,
        "replans": made.replans,
        "worst_gap": made.worst_gap,
        "worst_violation": max(worst.values()),
    }


def peak_import_kw(done: Assessment) -> float:
    """Highest power drawn by all trees of sites together."""
    roots = done.site_kw[done.portfolio.sites.parent < 0].sum(axis=0)
    return float(np.maximum(-roots, 0).max())

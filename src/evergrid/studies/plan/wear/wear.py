"""Wear in a plan: batteries as they are, prices of their wear, and what the model says after."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from evergrid.battery.ageing import life
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import DAYS_PER_MEAN_YEAR, H_PER_DAY
from evergrid.data.files.locate import locate
from evergrid.data.tables import read_battery_states
from evergrid.dispatch import plan
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.rolling import RollingResult
from evergrid.dispatch.wear import prices as wear_prices
from evergrid.dispatch.wear.assessment import WearAssessment, assess
from evergrid.dispatch.wear.battery_value import BatteryValue, Fleet, asset_ids, fleet
from evergrid.dispatch.wear.prices import WearPrices
from evergrid.model.batteries.warranty import Warranties
from evergrid.model.portfolio import Portfolio
from evergrid.studies.plan.config import Config, Wear

CONSTANT = "v2g_constant_wear"  # the plan that knows a constant price only
AT_LIMIT_KWH = 1e-3  # of a warranty left, below which it binds

Plans = Mapping[str, Plan]


@dataclass(frozen=True)
class Batteries:
    """The batteries of a plan.

    Attributes:
        value: How they age and what that costs.
        fleet: How far they have aged.
        prices: What wear costs the plan.
    """

    value: BatteryValue
    fleet: Fleet
    prices: WearPrices


@dataclass(frozen=True)
class WearResults:
    """What strategies do to batteries.

    Attributes:
        batteries: At the begin, with the prices of the last plan.
        assessments: Of each strategy, and of the plan with a constant price of wear, if asked for.
        refinements: How many times the plan was made anew with prices at its own stress.
        compared_per_kwh: That constant price; None without one.
    """

    batteries: Batteries
    assessments: Mapping[str, WearAssessment]
    refinements: int = 0
    compared_per_kwh: float | None = None


@dataclass(frozen=True)
class _Ages:
    """Age and use of each asset's battery."""

    years: Float[Array, " asset"]
    cycles: Float[Array, " asset"]


def with_warranty(config: Config, portfolio: Portfolio, folder: Path) -> Portfolio:
    """The portfolio with what its assets may feed under their warranty."""
    given = config.warranty
    if given is None:
        return portfolio
    ids, asset = asset_ids(portfolio)
    feeds = np.zeros(len(ids), bool)
    np.logical_or.at(feeds, asset, portfolio.sessions.can_discharge)
    years = _ages(config.wear, portfolio, folder).years
    held = feeds & (years < given.years)
    days = portfolio.grid.horizon_h / H_PER_DAY
    allowed = np.full(int(held.sum()), given.fed_kwh_per_year * days / DAYS_PER_MEAN_YEAR)
    return replace(portfolio, warranties=Warranties(ids[held].astype(object), allowed))


def batteries(config: Config, portfolio: Portfolio, folder: Path) -> Batteries | None:
    """The batteries of a portfolio, with the prices of wear that are expected; None without.

    Raises:
        InputError: States of batteries that break rules, or of assets that are not there.
    """
    given = config.wear
    if given is None:
        return None
    value = BatteryValue(
        life.named(given.model),
        given.price_per_kwh,
        given.end_of_life,
        given.temperature_c,
        given.slope_at,
    )
    ages = _ages(given, portfolio, folder)
    of = fleet(portfolio, value, age_years=ages.years, full_cycles=ages.cycles)
    return Batteries(value, of, wear_prices.expected(portfolio, value, of))


def _ages(given: Wear | None, portfolio: Portfolio, folder: Path) -> _Ages:
    """Ages from the configuration, and from its table for the batteries that are named there."""
    ids, _ = asset_ids(portfolio)
    if given is None:
        return _Ages(np.zeros(len(ids)), np.zeros(len(ids)))
    years = np.full(len(ids), given.age_years)
    cycles = np.full(len(ids), given.full_cycles)
    if given.file is not None:
        states = read_battery_states(locate(given.file, folder))
        row = states.row(ids)
        if (row < 0).all():
            fix = "Name assets of the sessions; a battery that is not named has the age of [wear]."
            rule = "name an asset that is plugged in during the horizon"
            got = tuple(str(name) for name in states.asset_id[:3])
            raise InputError("battery_states", [Fault("asset_id", rule, got, fix=fix)])
        known = row >= 0
        years[known], cycles[known] = states.age_years[row[known]], states.full_cycles[row[known]]
    return _Ages(years, cycles)


def results(
    config: Config,
    portfolio: Portfolio,
    given: Batteries,
    plans: Plans,
    rolled: Mapping[str, RollingResult],
    options: plan.Options,
    *,
    refinements: int,
) -> WearResults:
    """Every strategy by the model, with that of a constant price where one is asked for."""
    done = {name: (made.schedule, made.costs) for name, made in plans.items()}
    done |= {f"rolling_{name}": (made.schedule, made.costs) for name, made in rolled.items()}
    compared = None if config.wear is None else config.wear.compared_per_kwh
    if compared is not None:
        count = len(portfolio.sessions)
        flat = WearPrices(np.full(count, compared), np.zeros(count))
        made = plan.v2g(flat.on(portfolio), options)
        settled = costs(portfolio, made.schedule, options.end_value_per_kwh)
        done[CONSTANT] = (made.schedule, settled)
    by_model = {
        name: assess(portfolio, given.value, given.fleet, *one) for name, one in done.items()
    }
    return WearResults(given, by_model, refinements, compared)


def summary(found: WearResults, portfolio: Portfolio) -> dict[str, Any]:
    """Wear in ``summary.json``."""
    value, paid = found.batteries.value, found.batteries.prices
    feeds = portfolio.sessions.can_discharge
    per_kwh = paid.per_kwh[feeds] if feeds.any() else np.zeros(1)
    best = found.assessments["v2g"]
    return {
        "model": value.model.name,
        "source": value.model.source,
        "slope_at": value.slope_at,
        "capacity_before": float(found.batteries.fleet.fade.capacity.mean()),
        "price_per_kwh_fed": _spread(per_kwh),
        "price_per_kwh_day_held": _spread(paid.per_kwh_h * H_PER_DAY),
        "refinements": found.refinements,
        "compared_per_kwh": found.compared_per_kwh,
        "beyond_tests": best.beyond,
        "added_by_v2g": added_by_v2g(found.assessments),
        "strategies": {name: _strategy(one) for name, one in found.assessments.items()},
    }


def added_by_v2g(found: Mapping[str, WearAssessment]) -> dict[str, float]:
    """What V2G adds to the wear of smart charging, as the plan was told and as the model has it."""
    best, smart = found["v2g"], found["smart"]
    by_price = best.costs.of_kind("wear") - smart.costs.of_kind("wear")
    by_model = float((best.cost_by_model - smart.cost_by_model).sum())
    return {"by_prices": by_price, "by_model": by_model}


def _spread(values: Float[Array, " row"]) -> dict[str, float]:
    return {
        "least": float(values.min()),
        "mean": float(values.mean()),
        "most": float(values.max()),
    }


def _strategy(one: WearAssessment) -> dict[str, float]:
    by_price, by_model = one.costs.of_kind("wear"), float(one.cost_by_model.sum())
    return {
        "cash": one.costs.of_kind("cash"),
        "energy_left": one.costs.of_kind("energy_left"),
        "wear_by_prices": by_price,
        "wear_by_model": by_model,
        "net_by_model": one.net_by_model,
        "lost_by_time": float(one.added.calendar.mean()),
        "lost_by_use": float(one.added.cycle.mean()),
        "full_cycles": float(one.full_cycles.mean()),
        "fed_kwh": float(one.fed_kwh.sum()),
    }


def warranty_summary(portfolio: Portfolio, best: Plan) -> dict[str, Any]:
    """The warranty in ``summary.json``: what may be fed, what is, and whom it limits."""
    given = portfolio.warranties
    assert given is not None
    beyond = given.beyond_kwh(portfolio.sessions.asset_id, best.assessment.fed_kwh)
    return {
        "assets": len(given),
        "allowed_kwh": float(given.fed_kwh.sum()),
        "fed_kwh": float((beyond + given.fed_kwh).sum()),
        "assets_at_limit": int((beyond > -AT_LIMIT_KWH).sum()),
    }


def table(found: WearResults) -> pl.DataFrame:
    """What each strategy does to each battery by the model."""
    ids = found.batteries.fleet.asset_id.tolist()
    return pl.concat(
        pl.DataFrame(
            {
                "strategy": [name] * len(ids),
                "asset_id": ids,
                "fed_kwh": one.fed_kwh,
                "full_cycles": one.full_cycles,
                "lost_by_time": one.added.calendar,
                "lost_by_use": one.added.cycle,
                "wear_by_model": one.cost_by_model,
            }
        )
        for name, one in found.assessments.items()
    )

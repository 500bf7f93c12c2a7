"""The tables of a plan: what it was computed from, and what came out."""

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Shaped
from evergrid.data import tables
from evergrid.dispatch.plan import Plan
from evergrid.dispatch.rolling import RollingResult
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule

MOST_ROWS = 5_000_000  # of schedules of strategies other than V2G


def inputs(portfolio: Portfolio) -> dict[str, pl.DataFrame]:
    """The canonical tables actually used, by name."""
    made = {
        "sessions": tables.sessions_frame(portfolio.sessions),
        "sites": tables.sites_frame(portfolio.sites),
        "site_load": tables.site_load_frame(portfolio.grid, portfolio.sites, portfolio.load_kw),
        "prices": tables.prices_frame(portfolio.prices),
    }
    if portfolio.generation_kw.any():
        made["site_generation"] = tables.site_generation_frame(
            portfolio.grid, portfolio.sites, portfolio.generation_kw
        )
    limited = portfolio.limited_by_step
    if limited.any():
        limits = (portfolio.step_import_limit_kw[limited], portfolio.step_export_limit_kw[limited])
        site_id = portfolio.sites.site_id[limited]
        made["site_limits"] = tables.site_limits_frame(portfolio.grid, site_id, *limits)
    return made


def results(
    portfolio: Portfolio, plans: Mapping[str, Plan], rolled: Mapping[str, RollingResult]
) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name.

    Schedules of strategies other than V2G are left out where they would be very large.
    """
    best = plans["v2g"]
    schedules = {name: made.schedule for name, made in plans.items()}
    schedules |= {f"rolling_{name}": made.schedule for name, made in rolled.items()}
    made = {
        "schedule": schedule(portfolio, best.schedule),
        "sites": sites(portfolio, best),
        "strategies": strategies(portfolio, schedules),
    }
    if portfolio.generation_kw.any():
        made["curtailment"] = curtailment(portfolio, best.schedule)
    if best.schedule.power_kw.size * (len(schedules) - 1) <= MOST_ROWS:
        others = {name: planned for name, planned in schedules.items() if name != "v2g"}
        made["strategy_schedules"] = _by_strategy(schedule, portfolio, others)
        if portfolio.generation_kw.any():
            made["strategy_curtailment"] = _by_strategy(curtailment, portfolio, others)
    return made


def _by_strategy(
    table: Callable[[Portfolio, Schedule], pl.DataFrame],
    portfolio: Portfolio,
    schedules: dict[str, Schedule],
) -> pl.DataFrame:
    """A table of several strategies, with the name of the strategy in front."""
    return pl.concat(
        table(portfolio, planned).select(pl.lit(name).alias("strategy"), pl.all())
        for name, planned in schedules.items()
    )


def schedule(portfolio: Portfolio, planned: Schedule) -> pl.DataFrame:
    """Power and energy of each session in the steps in which it is connected.

    ``power_kw`` is the mean over the step, positive into the grid; ``energy_kwh`` is at its end.
    """
    session, step = np.nonzero(planned.plugged)
    return pl.DataFrame(
        {
            "session_id": _text(portfolio.sessions.session_id).gather(session),
            "time_utc": _utc(portfolio.grid.times[step]),
            "power_kw": planned.power_kw[session, step],
            "energy_kwh": planned.energy_kwh[session, step],
        }
    )


def sites(portfolio: Portfolio, best: Plan) -> pl.DataFrame:
    """Power of each site in each step, with its load and all below, positive into the grid."""
    count, steps = len(portfolio.sites), portfolio.grid.steps
    row = np.repeat(np.arange(count), steps)

    return pl.DataFrame(
        {
            "site_id": _text(portfolio.sites.site_id).gather(row),
            "time_utc": _utc(np.tile(portfolio.grid.times, count)),
            "power_kw": best.assessment.site_kw.ravel(),
            "import_limit_kw": portfolio.import_limit_kw.ravel(),
            "export_limit_kw": portfolio.export_limit_kw.ravel(),
            "shadow_price_per_mwh": best.shadow_price_per_mwh.ravel(),
        }
    )


def curtailment(portfolio: Portfolio, planned: Schedule) -> pl.DataFrame:
    """What each site with generation could make in each step, and what of that is curtailed."""
    rows = np.nonzero(portfolio.generation_kw.any(axis=1))[0]
    curtailed = planned.curtailed_kw
    return pl.DataFrame(
        {
            "site_id": _text(portfolio.sites.site_id).gather(np.repeat(rows, portfolio.grid.steps)),
            "time_utc": _utc(np.tile(portfolio.grid.times, len(rows))),
            "generation_kw": portfolio.generation_kw[rows].ravel(),
            "curtailed_kw": np.zeros(rows.size * portfolio.grid.steps)
            if curtailed is None
            else curtailed[rows].ravel(),
        }
    )


def budgets(portfolio: Portfolio, best: Plan) -> pl.DataFrame:
    """Energy budget of each site that has one, what it draws, and what a wider one would save."""
    has = np.isfinite(portfolio.sites.energy_budget_kwh)
    return pl.DataFrame(
        {
            "site_id": _text(portfolio.sites.site_id[has]),
            "energy_budget_kwh": portfolio.sites.energy_budget_kwh[has],
            "drawn_kwh": -portfolio.grid.step_h * best.assessment.site_kw[has].sum(axis=1),
            "shadow_price_per_mwh": best.budget_price_per_mwh[has],
        }
    )


def strategies(portfolio: Portfolio, schedules: dict[str, Schedule]) -> pl.DataFrame:
    """Power of the whole fleet under each strategy."""
    return pl.concat(
        pl.DataFrame(
            {
                "strategy": [name] * portfolio.grid.steps,
                "time_utc": _utc(portfolio.grid.times),
                "power_kw": made.power_kw.sum(axis=0),
            }
        )
        for name, made in schedules.items()
    )


def _text(names: Shaped[Array, " row"]) -> pl.Series:
    return pl.Series(names.tolist(), dtype=pl.String)


def _utc(times: Shaped[Array, " row"]) -> pl.Series:
    return pl.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")

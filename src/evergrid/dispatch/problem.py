"""A portfolio as the engine's program, and the engine's answer as a schedule."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import datetime64
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.engine.program import Program, energy_path
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, slots


@dataclass(frozen=True)
class Owed:
    """What each session can be served by its own charger, whatever the sites allow.

    Attributes:
        end_kwh: Energy to hold when the session ends, or when the horizon ends if that is first.
        shortfall_kwh: Part of the energy owed at departure that no charging can reach.
    """

    end_kwh: Float[Array, " session"]
    shortfall_kwh: Float[Array, " session"]


def owed(portfolio: Portfolio) -> Owed:
    """Energy each session must hold at its end within the horizon.

    A session that outlasts the horizon must by then hold enough to be served in the time left.
    """
    sessions, grid = portfolio.sessions, portfolio.grid
    end = datetime64(grid.end_utc)
    after_h = np.maximum((sessions.departure_utc - end) / np.timedelta64(1, "h"), 0.0)
    full_rate = sessions.max_charge_kw * sessions.efficiency_charge
    wanted = sessions.energy_departure_kwh - full_rate * after_h
    at = slots(sessions, grid)
    inside_h = np.bincount(at.session, at.share, len(sessions)) * grid.step_h
    reachable = sessions.energy_arrival_kwh + full_rate * inside_h
    shortfall = np.maximum(wanted - reachable, 0.0)
    shortfall[shortfall < 1e-9] = 0.0
    return Owed(np.minimum(np.maximum(wanted, 0.0), reachable), shortfall)


def build(
    portfolio: Portfolio,
    end_value_per_kwh: float,
    peak_before_kw: Float[Array, " site"] | None = None,
    spent_kwh: Float[Array, " site"] | None = None,
) -> Program:
    """The engine's program of a portfolio.

    Behind a net meter energy is worth the export price, and what the whole site draws costs the
    difference to the import price on top; what the load costs at the export price is constant.

    Args:
        portfolio: What to plan.
        end_value_per_kwh: Worth of a kWh in the cells of sessions that outlast the horizon.
        peak_before_kw: Highest power each site drew before the horizon within the same billing
            period; none by default.
        spent_kwh: Part of each site's energy budget that is spent before the horizon, or must be
            left for after it; none by default.
    """
    sessions, grid, sites = portfolio.sessions, portfolio.grid, portfolio.sites
    at = slots(sessions, grid)
    metered = (sites.meter[portfolio.site_row] >= 0)[at.session]
    bought, sold = _prices(portfolio)
    meters = sites.net_metering[:, None]
    bill = float((np.where(meters, sold, 0.0) * portfolio.total_load_kw).sum())
    outlasts = sessions.departure_utc > datetime64(grid.end_utc)
    rise = np.where(sessions.can_discharge, sessions.wear_rise_per_kwh_per_kw, 0.0)
    budget = sites.energy_budget_kwh - (0.0 if spent_kwh is None else spent_kwh)
    return Program(
        step_h=grid.step_h,
        steps=grid.steps,
        first=at.first,
        stop=at.stop,
        share=at.share,
        charge_kw=sessions.max_charge_kw,
        discharge_kw=sessions.max_discharge_kw,
        efficiency_charge=sessions.efficiency_charge,
        efficiency_discharge=sessions.efficiency_discharge,
        energy_start=sessions.energy_arrival_kwh,
        energy_low=np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh),
        energy_high=sessions.capacity_kwh,
        energy_end=owed(portfolio).end_kwh,
        end_value=np.where(outlasts, end_value_per_kwh, 0.0),
        draw_price=np.where(metered, sold[at.step], bought[at.step]),
        feed_price=sold[at.step] - sessions.wear_cost_per_kwh[at.session],
        group=portfolio.site_row,
        parent=sites.parent,
        net_low=portfolio.total_load_kw - portfolio.import_limit_kw,
        net_high=portfolio.total_load_kw + portfolio.export_limit_kw,
        load=portfolio.total_load_kw,
        surcharge=np.where(meters, bought - sold, 0.0),
        peak_price=sites.demand_charge_per_kw,
        peak_before=np.zeros(len(sites)) if peak_before_kw is None else peak_before_kw,
        constant=grid.step_h * bill,
        feed_curve=rise[at.session] if rise.any() else None,
        budget_kwh=budget if np.isfinite(budget).any() else None,
        flowgates=portfolio.flowgates,
    )


def schedule(portfolio: Portfolio, program: Program, power_kw: Float[Array, " slot"]) -> Schedule:
    """The engine's powers as a schedule of every session in every step."""
    shape = (len(portfolio.sessions), portfolio.grid.steps)
    plugged = np.zeros(shape, dtype=bool)
    plugged[program.unit, program.step] = True
    power = np.zeros(shape)
    power[plugged] = power_kw
    energy = np.zeros(shape)
    energy[plugged] = energy_path(program, power_kw)
    last = energy[np.arange(len(energy)), program.stop - 1]
    after = np.arange(portfolio.grid.steps) >= program.stop[:, None]
    return Schedule(portfolio.grid, power, np.where(after, last[:, None], energy), plugged)


def _prices(portfolio: Portfolio) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Price per kWh bought and sold in each step, with carbon."""
    prices = portfolio.prices
    carbon = prices.carbon_price_per_mwh
    bought = per_kwh_from_per_mwh(prices.import_price_per_mwh + carbon)
    return bought, per_kwh_from_per_mwh(prices.export_price_per_mwh + carbon)

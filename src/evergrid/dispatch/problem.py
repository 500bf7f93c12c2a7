"""A portfolio as the engine's program, and the engine's answer as a schedule."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import datetime64
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.engine.program import Program, energy_path
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, plugged_share


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
    inside_h = plugged_share(sessions, grid).sum(axis=1) * grid.step_h
    reachable = sessions.energy_arrival_kwh + full_rate * inside_h
    shortfall = np.maximum(wanted - reachable, 0.0)
    shortfall[shortfall < 1e-9] = 0.0
    return Owed(np.minimum(np.maximum(wanted, 0.0), reachable), shortfall)


def build(
    portfolio: Portfolio,
    end_value_per_kwh: float,
    peak_before_kw: Float[Array, " site"] | None = None,
) -> Program:
    """The engine's program of a portfolio.

    Args:
        portfolio: What to plan.
        end_value_per_kwh: Worth of a kWh in the cells of sessions that outlast the horizon.
        peak_before_kw: Highest power each site drew before the horizon within the same billing
            period; none by default.
    """
    sessions, grid, sites = portfolio.sessions, portfolio.grid, portfolio.sites
    first, stop = grid.window(sessions.arrival_utc, sessions.departure_utc)
    plugged = _plugged(portfolio)
    unit, step = np.nonzero(plugged)
    meter = sites.meter[portfolio.site_row]
    draw, feed, surcharge, bill = _prices(portfolio, meter)
    outlasts = sessions.departure_utc > datetime64(grid.end_utc)
    return Program(
        step_h=grid.step_h,
        steps=grid.steps,
        first=first,
        stop=stop,
        share=plugged_share(sessions, grid)[plugged],
        charge_kw=sessions.max_charge_kw,
        discharge_kw=sessions.max_discharge_kw,
        efficiency_charge=sessions.efficiency_charge,
        efficiency_discharge=sessions.efficiency_discharge,
        energy_start=sessions.energy_arrival_kwh,
        energy_low=np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh),
        energy_high=sessions.capacity_kwh,
        energy_end=owed(portfolio).end_kwh,
        end_value=np.where(outlasts, end_value_per_kwh, 0.0),
        draw_price=draw[unit, step],
        feed_price=feed[unit, step] - sessions.wear_cost_per_kwh[unit],
        group=portfolio.site_row,
        parent=sites.parent,
        net_low=portfolio.total_load_kw - sites.import_limit_kw[:, None],
        net_high=portfolio.total_load_kw + sites.export_limit_kw[:, None],
        load=portfolio.total_load_kw,
        surcharge=surcharge,
        peak_price=sites.demand_charge_per_kw,
        peak_before=np.zeros(len(sites)) if peak_before_kw is None else peak_before_kw,
        constant=bill,
    )


def schedule(portfolio: Portfolio, program: Program, power_kw: Float[Array, " slot"]) -> Schedule:
    """The engine's powers as a schedule of every session in every step."""
    plugged = _plugged(portfolio)
    power = np.zeros(plugged.shape)
    power[plugged] = power_kw
    energy = np.zeros(plugged.shape)
    energy[plugged] = energy_path(program, power_kw)
    last = energy[np.arange(len(energy)), program.stop - 1]
    after = np.arange(portfolio.grid.steps) >= program.stop[:, None]
    return Schedule(portfolio.grid, power, np.where(after, last[:, None], energy), plugged)


def _plugged(portfolio: Portfolio) -> Array:
    """Whether each session is connected in each step; its true cells are the program's slots."""
    sessions, grid = portfolio.sessions, portfolio.grid
    first, stop = grid.window(sessions.arrival_utc, sessions.departure_utc)
    step = np.arange(grid.steps)
    return (step >= first[:, None]) & (step < stop[:, None])


def _prices(portfolio: Portfolio, meter: Array) -> tuple[Array, Array, Array, float]:
    """Price per kWh of drawing and of feeding per session; surcharge and bill of net meters.

    At a net meter energy is worth the export price while the site feeds, and the difference to
    the import price is added on what the whole site draws. The bill is what the load behind net
    meters costs at the export price.
    """
    prices = portfolio.prices
    carbon = prices.carbon_price_per_mwh
    bought = per_kwh_from_per_mwh(prices.import_price_per_mwh + carbon)
    sold = per_kwh_from_per_mwh(prices.export_price_per_mwh + carbon)
    draw = np.where((meter >= 0)[:, None], sold, bought)
    feed = np.broadcast_to(sold, draw.shape)
    meters = portfolio.sites.net_metering[:, None]
    bill = portfolio.grid.step_h * float(
        (np.where(meters, sold, 0.0) * portfolio.total_load_kw).sum()
    )
    return draw, feed, np.where(meters, bought - sold, 0.0), bill

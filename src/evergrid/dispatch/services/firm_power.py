"""What can a fleet that charges evenly hold above and below its plan, step by step?

Each vehicle draws the same power from arrival to departure, so that it leaves with what it is owed
and could both feed and draw more in between. It is the plan of a fleet that keeps itself ready; a
plan of least cost would hold less.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.model.portfolio import Portfolio

HOUR = np.timedelta64(1, "h")


@dataclass(frozen=True)
class EvenPlan:
    """A plan by which each vehicle charges evenly through its stay.

    Attributes:
        power_kw: Into the grid, in steps through all of which a vehicle is there; else 0.
        energy_kwh: In the cells at the begin of each such step; else 0.
        there: Whether a vehicle is there through the whole step.
        left_h: Time from the begin of the step to departure; else 0.
    """

    power_kw: Float[Array, "session step"]
    energy_kwh: Float[Array, "session step"]
    there: Bool[Array, "session step"]
    left_h: Float[Array, "session step"]


def even_plan(portfolio: Portfolio) -> EvenPlan:
    """The plan by which each vehicle charges evenly; one that is owed nothing holds its energy."""
    sessions, grid = portfolio.sessions, portfolio.grid
    goal = np.maximum(sessions.energy_departure_kwh, sessions.energy_arrival_kwh)
    rate_kw = (goal - sessions.energy_arrival_kwh) / sessions.stay_h  # into the cells
    rate_kw = np.minimum(rate_kw, sessions.max_charge_kw * sessions.efficiency_charge)
    begin_h = (grid.times - grid.times[0]) / HOUR
    since_h = begin_h - ((sessions.arrival_utc - grid.times[0]) / HOUR)[:, None]
    left_h = ((sessions.departure_utc - grid.times[0]) / HOUR)[:, None] - begin_h
    there = (since_h >= -1e-9) & (left_h >= grid.step_h - 1e-9)
    energy = sessions.energy_arrival_kwh[:, None] + rate_kw[:, None] * np.maximum(since_h, 0.0)
    power = -(rate_kw / sessions.efficiency_charge)[:, None]
    return EvenPlan(
        power_kw=np.where(there, power, 0.0),
        energy_kwh=np.where(there, np.minimum(energy, goal[:, None]), 0.0),
        there=there,
        left_h=np.where(there, left_h, 0.0),
    )


@dataclass(frozen=True)
class FirmPower:
    """What a fleet can hold beside its plan in each step.

    Attributes:
        up_kw: More into the grid, at least 0.
        down_kw: Less into the grid, at least 0.
    """

    up_kw: Float[Array, " step"]
    down_kw: Float[Array, " step"]


def firm_power(portfolio: Portfolio, plan: EvenPlan, hours: float) -> FirmPower:
    """What the fleet can hold for so long, one way throughout, from the begin of each step.

    Vehicles of a site run at equal shares of their full power, as `evergrid.dispatch.track` loads
    them, so that those with little energy, or room, drop out first: with powers p and durations d
    at full power, and S(y) the power of all with d > y, the site holds max over y of min(S(y), sum
    p min(d, y) / h). Limits of sites hold with their load; their generation counts against an
    export limit, and never for an import limit. Who leaves meanwhile counts until then. Who could
    not reach what he is owed after so long a pause keeps charging as planned.

    Args:
        portfolio: The fleet.
        plan: By which it charges.
        hours: How long; 0 for what power alone allows.

    Raises:
        InputError: A time below 0.

    Source:
        As `evergrid.dispatch.track.firm`, over a horizon and by site.
    """
    if not 0 <= hours < np.inf:
        raise_if_any("firm_power", [Fault("hours", "be at least 0 and finite", (hours,))])
    up = _held(portfolio, plan, hours, feed=True)
    down = _held(portfolio, plan, hours, feed=False)
    return FirmPower(np.maximum(up, 0.0), np.maximum(down, 0.0))


def _held(
    portfolio: Portfolio, plan: EvenPlan, hours: float, *, feed: bool
) -> Float[Array, " step"]:
    """Power beside the plan that the roots of the sites hold one way."""
    sessions, sites = portfolio.sessions, portfolio.sites
    into_kw = (sessions.max_charge_kw * sessions.efficiency_charge)[:, None]
    after_h = np.maximum(plan.left_h - hours, 0.0)
    owed = np.minimum(sessions.energy_departure_kwh, sessions.capacity_kwh)[:, None]
    floor = np.maximum(owed - into_kw * after_h, sessions.energy_reserve_kwh[:, None])
    spare = plan.energy_kwh - floor
    if feed:
        most_kw = sessions.max_discharge_kw[:, None]
        cells_kw = (sessions.max_discharge_kw / sessions.efficiency_discharge)[:, None]
        able = plan.there & (spare >= -1e-9)
        store_kwh = np.maximum(spare, 0.0)
        # Planned power goes away with the call, where the vehicle stays so long.
        kept = ~able | (plan.left_h < hours - 1e-9)
        absolute = np.where(plan.there & kept, plan.power_kw, 0.0)
    else:
        most_kw, cells_kw = sessions.max_charge_kw[:, None], into_kw
        able = plan.there
        store_kwh = np.maximum(sessions.capacity_kwh[:, None] - plan.energy_kwh, 0.0)
        absolute = np.zeros(plan.power_kw.shape)
    power_kw = np.where(able, most_kw, 0.0)
    lasts_h = np.divide(store_kwh, cells_kw, out=np.zeros(power_kw.shape), where=cells_kw > 0)
    lasts_h = np.where(able, np.minimum(lasts_h, plan.left_h), 0.0)
    sign = 1.0 if feed else -1.0
    own = np.zeros((len(sites), portfolio.grid.steps))
    for site in np.unique(portfolio.site_row):
        rows = portfolio.site_row == site
        shares = equal_shares_kw(power_kw[rows], lasts_h[rows], hours)
        own[site] = sign * shares + absolute[rows].sum(axis=0)
    planned = plan.power_kw.sum(axis=0)
    return sign * (_through_limits(portfolio, own, feed=feed) - planned)


def _through_limits(
    portfolio: Portfolio, own_kw: Float[Array, "site step"], *, feed: bool
) -> Float[Array, " step"]:
    """Power of all chargers at the roots, none of whose sites passes its limit."""
    sites, total = portfolio.sites, own_kw.copy()
    if feed:
        limit = np.minimum(sites.export_limit_kw[:, None], portfolio.step_export_limit_kw)
        limit = limit + portfolio.total_load_kw - portfolio.total_generation_kw
    else:
        limit = np.minimum(sites.import_limit_kw[:, None], portfolio.step_import_limit_kw)
        limit = portfolio.total_load_kw - limit
    for site in np.argsort(-sites.depth, kind="stable"):
        within = np.minimum if feed else np.maximum
        total[site] = within(total[site], limit[site])
        if sites.parent[site] >= 0:
            total[sites.parent[site]] += total[site]
    return total[sites.parent < 0].sum(axis=0)


def equal_shares_kw(
    power_kw: Float[Array, "car step"], lasts_h: Float[Array, "car step"], hours: float
) -> Float[Array, " step"]:
    """Power that equal shares hold for so long, with a duration of each at full power."""
    if hours == 0 or not len(power_kw):
        return power_kw.sum(axis=0)
    order = np.argsort(lasts_h, axis=0)
    power = np.take_along_axis(power_kw, order, axis=0)
    lasts = np.take_along_axis(lasts_h, order, axis=0)
    left_kw = np.cumsum(power[::-1], axis=0)[::-1]  # of all that last at least as long
    used_kwh = np.cumsum(power * lasts, axis=0) + lasts * (left_kw - power)
    return np.minimum(left_kw, used_kwh / hours).max(axis=0)

"""What a schedule costs, item by item, from the records alone and not from the engine."""

from dataclasses import asdict, dataclass

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import datetime64
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.model.billing import periods
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from evergrid.model.session import Sessions

ROUNDING_KW = 1e-6  # beyond an export limit that is rounding, and is paid for


@dataclass(frozen=True)
class Costs:
    """Costs of a schedule in the portfolio's currency; income is negative.

    Attributes:
        energy: Energy drawn at the import price less energy fed at the export price; at net
            meters, that of the whole site. What is fed beyond an export limit earns nothing.
        wear: Battery wear caused by feeding, with what it rises by at high power.
        demand_charge: Price of each site's highest powers drawn, over all billing periods.
        carbon: Carbon price on energy drawn less that on energy fed.
        energy_left: Change of energy in vehicles that stay beyond the horizon, at its value; a
            gain is negative.
    """

    energy: float
    wear: float
    demand_charge: float
    carbon: float
    energy_left: float

    @property
    def net(self) -> float:
        """All items together: the objective of a plan."""
        return sum(asdict(self).values())

    @property
    def cash(self) -> float:
        """What is paid for energy, demand and carbon, less what is earned; no wear, no stock."""
        return self.energy + self.demand_charge + self.carbon


def costs(portfolio: Portfolio, schedule: Schedule, end_value_per_kwh: float) -> Costs:
    """The costs of a schedule at the portfolio's prices."""
    sessions, grid = portfolio.sessions, portfolio.grid
    feed = np.maximum(schedule.power_kw, 0) * grid.step_h
    power_kw = site_power(portfolio, schedule)
    bought, sold = _billed(portfolio, schedule, power_kw)
    carbon = per_kwh_from_per_mwh(portfolio.prices.carbon_price_per_mwh)
    bought_at = per_kwh_from_per_mwh(portfolio.prices.import_price_per_mwh)
    sold_at = per_kwh_from_per_mwh(portfolio.prices.export_price_per_mwh)
    sold = sold - np.where(sold_at + carbon > 0, unpaid_kwh(portfolio, power_kw), 0.0)
    outlasts = sessions.departure_utc > datetime64(grid.end_utc)
    change = np.where(outlasts, schedule.energy_kwh[:, -1] - sessions.energy_arrival_kwh, 0.0)
    return Costs(
        energy=float(bought_at @ bought - sold_at @ sold),
        wear=float(sessions.wear_cost_per_kwh @ feed.sum(axis=1)) + _risen(sessions, schedule),
        demand_charge=_demand_charge(portfolio, power_kw),
        carbon=float(carbon @ (bought - sold)),
        energy_left=0.0 - end_value_per_kwh * float(change.sum()),
    )


def net_load(portfolio: Portfolio) -> Float[Array, "site step"]:
    """Load of each site and all below it less all that they could generate."""
    return portfolio.total_load_kw - portfolio.total_generation_kw


def site_power(portfolio: Portfolio, schedule: Schedule) -> Float[Array, "site step"]:
    """Power of each site with load, generation and all below it, positive into the grid."""
    own = portfolio.generation_kw - portfolio.load_kw
    if schedule.curtailed_kw is not None:
        own = own - schedule.curtailed_kw
    return portfolio.sites.add_up(own + portfolio.by_site(schedule.power_kw))


def unpaid_kwh(portfolio: Portfolio, power_kw: Float[Array, "site step"]) -> Float[Array, " step"]:
    """Energy in each step that net meters feed beyond export limits, which nobody pays for.

    What passes a limit above several meters is theirs in proportion to what they feed.
    """
    sites = portfolio.sites
    over = power_kw - portfolio.export_limit_kw
    over = np.where(over > ROUNDING_KW, over, 0.0)
    sold = np.where(sites.net_metering[:, None], np.maximum(power_kw, 0.0), 0.0)
    unpaid, beyond = np.zeros(power_kw.shape), np.zeros(power_kw.shape)
    exceeded = np.asarray(over.any(axis=1, keepdims=True))
    (rows,) = np.nonzero(tree.add_up(exceeded, sites.parent)[:, 0])
    for site in sorted(rows.tolist(), key=lambda row: -int(sites.depth[row])):
        below = beyond[sites.parent == site].sum(axis=0)
        beyond[site] = np.maximum(over[site], below)
        meters = _meters_of(portfolio, site)
        left = sold[meters] - unpaid[meters]
        total = left.sum(axis=0)
        more = np.minimum(beyond[site] - below, total)
        unpaid[meters] += left * (more / np.where(total > 0, total, 1.0))
    return portfolio.grid.step_h * unpaid.sum(axis=0)


def _meters_of(portfolio: Portfolio, site: int) -> np.ndarray:
    """Net meters at or below a site; the one above it where it lies behind one."""
    sites = portfolio.sites
    if sites.meter[site] >= 0:
        return np.array([sites.meter[site]])
    meters = np.flatnonzero(sites.net_metering)
    below = [site in tree.path(int(meter), sites.parent) for meter in meters]
    return meters[np.array(below, dtype=bool)]


def _risen(sessions: Sessions, schedule: Schedule) -> float:
    """What wear costs more because it rises with the power that is fed."""
    squares = (np.maximum(schedule.power_kw, 0) ** 2).sum(axis=1)
    return schedule.grid.step_h * float(sessions.wear_rise_per_kwh_per_kw @ squares)


def _demand_charge(portfolio: Portfolio, power_kw: Float[Array, "site step"]) -> float:
    sites = portfolio.sites
    total = 0.0
    for site in np.nonzero(sites.demand_charge_per_kw)[0]:
        peaks = period_peaks(
            portfolio, int(site), np.maximum(-power_kw[site], 0.0), sites.demand_peak_kw[site]
        )
        total += float(sites.demand_charge_per_kw[site]) * float(peaks.sum())
    return total


def period_peaks(
    portfolio: Portfolio, site: int, drawn_kw: Float[Array, " step"], before_kw: float
) -> Float[Array, " period"]:
    """What the demand charge of a site is paid for, in each billing period of the horizon.

    The mean of the highest steps of the period. A peak before the horizon, in the period in which
    it begins, stands for each of them.
    """
    sites = portfolio.sites
    period = periods(portfolio.grid, portfolio.time_zone, str(sites.demand_charge_period[site]))
    count = int(sites.demand_charge_peaks[site])
    found = np.zeros(int(period.max()) + 1)
    for number in range(len(found)):
        before = before_kw if number == 0 else 0.0
        highest = np.sort(drawn_kw[period == number])[::-1][:count]
        highest = np.append(highest, np.zeros(count - len(highest)))
        found[number] = np.maximum(highest, before).mean()
    return found


def _billed(
    portfolio: Portfolio, schedule: Schedule, power_kw: Float[Array, "site step"]
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Energy bought and sold in each step: at each plug, or netted where a site's meter is."""
    step_h = portfolio.grid.step_h
    own = schedule.power_kw[portfolio.sites.meter[portfolio.site_row] < 0]
    metered = power_kw[portfolio.sites.net_metering]
    bought = np.maximum(-own, 0).sum(axis=0) + np.maximum(-metered, 0).sum(axis=0)
    sold = np.maximum(own, 0).sum(axis=0) + np.maximum(metered, 0).sum(axis=0)
    return step_h * bought, step_h * sold

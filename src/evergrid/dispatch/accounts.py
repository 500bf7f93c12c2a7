"""What a schedule costs, item by item, from the records alone and not from the engine."""

from dataclasses import asdict, dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import datetime64
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from evergrid.model.session import Sessions


@dataclass(frozen=True)
class Costs:
    """Costs of a schedule in the portfolio's currency; income is negative.

    Attributes:
        energy: Energy drawn at the import price less energy fed at the export price; at net
            meters, that of the whole site.
        wear: Battery wear caused by feeding, with what it rises by at high power.
        demand_charge: Price of each site's highest power drawn.
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


def costs(portfolio: Portfolio, schedule: Schedule, end_value_per_kwh: float) -> Costs:
    """The costs of a schedule at the portfolio's prices."""
    sessions, grid = portfolio.sessions, portfolio.grid
    draw = np.maximum(-schedule.power_kw, 0) * grid.step_h
    feed = np.maximum(schedule.power_kw, 0) * grid.step_h
    bought, sold = _metered(portfolio, draw, feed)
    carbon = per_kwh_from_per_mwh(portfolio.prices.carbon_price_per_mwh)
    bought_at = per_kwh_from_per_mwh(portfolio.prices.import_price_per_mwh)
    sold_at = per_kwh_from_per_mwh(portfolio.prices.export_price_per_mwh)
    outlasts = sessions.departure_utc > datetime64(grid.end_utc)
    change = np.where(outlasts, schedule.energy_kwh[:, -1] - sessions.energy_arrival_kwh, 0.0)
    return Costs(
        energy=float(bought_at @ bought - sold_at @ sold),
        wear=float(sessions.wear_cost_per_kwh @ feed.sum(axis=1)) + _risen(sessions, schedule),
        demand_charge=_demand_charge(portfolio, schedule.power_kw),
        carbon=float(carbon @ (bought - sold)),
        energy_left=-end_value_per_kwh * float(change.sum()),
    )


def site_power(
    portfolio: Portfolio, power_kw: Float[Array, "session step"]
) -> Float[Array, "site step"]:
    """Power of every site with its load and all sites below it, positive into the grid."""
    own = -portfolio.load_kw
    np.add.at(own, portfolio.site_row, power_kw)
    return portfolio.sites.add_up(own)


def site_energy(
    portfolio: Portfolio, power_kw: Float[Array, "session step"]
) -> Float[Array, " site"]:
    """Energy that each site draws over the horizon, with its load, less what is fed."""
    return -portfolio.grid.step_h * site_power(portfolio, power_kw).sum(axis=1)


def _risen(sessions: Sessions, schedule: Schedule) -> float:
    """What wear costs more because it rises with the power that is fed."""
    squares = (np.maximum(schedule.power_kw, 0) ** 2).sum(axis=1)
    return schedule.grid.step_h * float(sessions.wear_rise_per_kwh_per_kw @ squares)


def _demand_charge(portfolio: Portfolio, power_kw: Float[Array, "session step"]) -> float:
    price = portfolio.sites.demand_charge_per_kw
    if not price.any():
        return 0.0
    drawn_kw = np.maximum(-site_power(portfolio, power_kw), 0)
    return float(price @ drawn_kw.max(axis=1))


def _metered(
    portfolio: Portfolio, draw: Float[Array, "session step"], feed: Float[Array, "session step"]
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Energy bought and sold in each step: at each plug, or netted where a site's meter is."""
    meter = portfolio.sites.meter[portfolio.site_row]
    own = meter < 0
    bought, sold = draw[own].sum(axis=0), feed[own].sum(axis=0)
    for site in np.nonzero(portfolio.sites.net_metering)[0]:
        behind = meter == site
        load = portfolio.total_load_kw[site] * portfolio.grid.step_h
        net = load + draw[behind].sum(axis=0) - feed[behind].sum(axis=0)
        bought, sold = bought + np.maximum(net, 0), sold + np.maximum(-net, 0)
    return bought, sold

"""What a schedule costs, item by item, from the records alone and not from the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import datetime64
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.engine.terms import unpaid_feed
from evergrid.model.billing import periods
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, slots

ROUNDING_KW = 1e-6  # beyond an export limit that is rounding, and is paid for


Kind = Literal["cash", "wear", "energy_left"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What is paid or earned at the meter, what batteries lose, and the worth of energy left."""


@dataclass(frozen=True)
class CostItem:
    """One of the items that the net cost is made of.

    Attributes:
        key: Its name in ``summary.json`` and in tables.
        label: Its name on figures.
        kind: What it is counted as.
        amount: What a schedule costs by it, in the portfolio's currency; income is negative.
    """

    key: str
    label: str
    kind: Kind
    amount: Callable[["Settlement"], float]


@dataclass(frozen=True)
class Costs:
    """Costs of a schedule in the portfolio's currency; income is negative.

    Attributes:
        amounts: Each of `ITEMS` by its key, in that order.
    """

    amounts: Mapping[str, float]

    @property
    def net(self) -> float:
        """All items together: the objective of a plan."""
        return sum(self.amounts.values())

    def of_kind(self, kind: Kind) -> float:
        """All items of a kind together."""
        return sum(self.amounts[item.key] for item in ITEMS if item.kind == kind)


@dataclass(frozen=True)
class Settlement:
    """A schedule and the prices it is settled at: what every cost item is computed from.

    Attributes:
        portfolio: Who was where, at which prices.
        schedule: What they did.
        end_value_per_kwh: Worth of energy in vehicles that stay beyond the horizon.
    """

    portfolio: Portfolio
    schedule: Schedule
    end_value_per_kwh: float

    @cached_property
    def site_kw(self) -> Float[Array, "site step"]:
        """Power of each site, positive into the grid."""
        return site_power(self.portfolio, self.schedule)

    @cached_property
    def energy_kwh(self) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
        """Energy bought and sold in each step; what nobody pays for is not sold."""
        bought, sold = billed_kwh(self.portfolio, self.schedule, self.site_kw)
        earns = self.portfolio.prices.all_fed_per_mwh > 0
        return bought, sold - np.where(earns, unpaid_kwh(self.portfolio, self.site_kw), 0.0)


def costs(portfolio: Portfolio, schedule: Schedule, end_value_per_kwh: float) -> Costs:
    """The costs of a schedule at the portfolio's prices."""
    settled = Settlement(portfolio, schedule, end_value_per_kwh)
    return Costs({item.key: item.amount(settled) for item in ITEMS})


def _energy(of: Settlement) -> float:
    """Energy drawn at the import price less energy fed at the export price.

    At net meters, that of the whole site. What is fed beyond an export limit earns nothing.
    """
    bought, sold = of.energy_kwh
    prices = of.portfolio.prices
    bought_at = per_kwh_from_per_mwh(prices.import_price_per_mwh)
    sold_at = per_kwh_from_per_mwh(prices.export_price_per_mwh)
    return float(bought_at @ bought - sold_at @ sold)


def _wear(of: Settlement) -> float:
    """Battery wear caused by feeding, with what it rises by at high power."""
    sessions, feed_kw = of.portfolio.sessions, np.maximum(of.schedule.power_kw, 0)
    step_h = of.portfolio.grid.step_h
    rise = step_h * float(sessions.wear_rise_per_kwh_per_kw @ (feed_kw**2).sum(axis=1))
    return float(sessions.wear_cost_per_kwh @ (feed_kw * step_h).sum(axis=1)) + rise


def _calendar_wear(of: Settlement) -> float:
    """Battery wear by time that energy in the cells adds to that of empty ones."""
    price = of.portfolio.sessions.calendar_wear_per_kwh_h
    return float(price @ held_kwh_h(of.portfolio, of.schedule)) if price.any() else 0.0


def held_kwh_h(portfolio: Portfolio, schedule: Schedule) -> Float[Array, " session"]:
    """Energy in the cells of each session while it is connected, times hours.

    In a step it changes evenly.
    """
    sessions = portfolio.sessions
    at = slots(sessions, portfolio.grid)
    ends = schedule.energy_kwh[at.session, at.step]
    begins = np.concatenate([[0.0], ends[:-1]])
    begins[np.cumsum(at.stop - at.first) - (at.stop - at.first)] = sessions.energy_arrival_kwh
    held = portfolio.grid.step_h * at.share * (begins + ends) / 2.0
    return np.bincount(at.session, held, len(sessions))


def _demand_charge(of: Settlement) -> float:
    """Price of each site's highest powers drawn, over all billing periods."""
    sites, total = of.portfolio.sites, 0.0
    for site in np.nonzero(sites.demand_charge_per_kw)[0]:
        drawn_kw, before_kw = np.maximum(-of.site_kw[site], 0.0), sites.demand_peak_kw[site]
        peaks = period_peaks(of.portfolio, int(site), drawn_kw, before_kw)
        total += float(sites.demand_charge_per_kw[site]) * float(peaks.sum())
    return total


def _carbon(of: Settlement) -> float:
    """Carbon price on energy drawn less that on energy fed, at meters, and on what is curtailed.

    What sites behind no net meter curtail would have displaced emissions, or what they draw.
    """
    bought, sold = of.energy_kwh
    made, curtailed = 0.0, of.schedule.curtailed_kw
    prices = of.portfolio.prices
    price = per_kwh_from_per_mwh(prices.carbon_price_per_mwh)
    credit = per_kwh_from_per_mwh(prices.carbon_fed_per_mwh)
    if curtailed is not None and (price.any() or credit.any()):
        for sign, kw in ((1.0, curtailed), (-1.0, None)):
            beside = of.portfolio.grid.step_h * beside_kw(of.portfolio, kw)
            drawn, fed = (np.maximum(side, 0.0).sum(axis=0) for side in (-beside, beside))
            made += sign * float(price @ drawn - credit @ fed)
    return float(price @ bought - credit @ sold) + made


def _energy_left(of: Settlement) -> float:
    """Worth of energy that vehicles staying beyond the horizon lose; a gain is negative."""
    sessions, grid = of.portfolio.sessions, of.portfolio.grid
    outlasts = sessions.departure_utc > datetime64(grid.end_utc)
    gain = of.schedule.energy_kwh[:, -1] - sessions.energy_arrival_kwh
    return 0.0 - of.end_value_per_kwh * float(np.where(outlasts, gain, 0.0).sum())


# The one list of what a schedule costs, in the order of summaries, figures and tables. A market or
# a service adds its entry here; the engine's objective is checked against their sum.
ITEMS: tuple[CostItem, ...] = (
    CostItem("energy", "energy trading", "cash", _energy),
    CostItem("wear", "battery wear", "wear", _wear),
    CostItem("calendar_wear", "wear by time", "wear", _calendar_wear),
    CostItem("demand_charge", "demand charge", "cash", _demand_charge),
    CostItem("carbon", "carbon", "cash", _carbon),
    CostItem("energy_left", "energy left", "energy_left", _energy_left),
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


def beside_kw(
    portfolio: Portfolio, curtailed_kw: Float[Array, "site step"] | None
) -> Float[Array, "site step"]:
    """Generation less load of the sites that are behind no net meter; no plan is billed for it."""
    own = portfolio.generation_kw - portfolio.load_kw
    if curtailed_kw is not None:
        own = own - curtailed_kw
    return np.where((portfolio.sites.meter < 0)[:, None], own, 0.0)


def unpaid_kwh(portfolio: Portfolio, power_kw: Float[Array, "site step"]) -> Float[Array, " step"]:
    """Energy in each step that net meters feed beyond export limits, which nobody pays for."""
    meters = portfolio.sites.net_metering[:, None]
    fed_kw = np.where(meters, np.maximum(power_kw, 0.0), 0.0)
    return portfolio.grid.step_h * untaken_kw(portfolio, power_kw, fed_kw)


def untaken_kw(
    portfolio: Portfolio, power_kw: Float[Array, "site step"], fed_kw: Float[Array, "site step"]
) -> Float[Array, " step"]:
    """Part of what is fed that passes export limits.

    What is beyond a limit is beyond those above it as well, and counts once. What passes a limit
    above several sites that feed is theirs, as far as they feed it.

    Args:
        portfolio: Sites and their limits.
        power_kw: Of each site with all below it, positive into the grid.
        fed_kw: What net meters feed, or sites behind none; 0 for the others.
    """
    sites = portfolio.sites
    over = power_kw - portfolio.export_limit_kw
    over = np.where(over > ROUNDING_KW, over, 0.0)
    if not over.any():
        return np.zeros(power_kw.shape[1])
    behind = (sites.meter >= 0) & ~sites.net_metering
    unpaid = unpaid_feed.unpaid_kw(over, fed_kw, behind, sites.parent)
    return unpaid[sites.parent < 0].sum(axis=0)


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


def billed_kwh(
    portfolio: Portfolio, schedule: Schedule, power_kw: Float[Array, "site step"]
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Energy bought and sold in each step: at each plug, or netted where a site's meter is."""
    step_h = portfolio.grid.step_h
    own = schedule.power_kw[portfolio.sites.meter[portfolio.site_row] < 0]
    metered = power_kw[portfolio.sites.net_metering]
    bought = np.maximum(-own, 0).sum(axis=0) + np.maximum(-metered, 0).sum(axis=0)
    sold = np.maximum(own, 0).sum(axis=0) + np.maximum(metered, 0).sum(axis=0)
    return step_h * bought, step_h * sold

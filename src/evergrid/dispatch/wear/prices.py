"""What wear costs at the present state of each battery, as prices that a plan can use.

An ageing model is not convex, a plan's costs are: so wear enters a plan by two prices for each
battery. A kWh fed costs what the model loses more by use for feeding than without it, over the
energy fed. A kWh held for an hour costs what it loses more by time in fuller cells. Both are taken
at a stress that is expected first, and can be taken anew at the stress of a plan, until what the
plan pays is what the model says.
"""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.battery.ageing import life
from evergrid.battery.ageing.model import Fade
from evergrid.battery.ageing.profile import Profile
from evergrid.core.arrays import Array, Float
from evergrid.core.units import H_PER_DAY
from evergrid.dispatch.wear.battery_value import BatteryValue, Fleet, usual_day
from evergrid.dispatch.wear.state_path import soc_paths, window_h
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule

SHIFT = 0.05  # of a state of charge, both ways, over which the slope of wear by time is taken
LEAST_FED = 1e-3  # of a capacity, below which a plan says nothing of feeding
EXPECTED_PART = 0.5  # of what an asset could feed, expected before there is a plan
STEP = 0.5  # of the way to the prices of a plan's stress, as plans overreact to prices


@dataclass(frozen=True)
class WearPrices:
    """Prices of wear, session by session, in the currency of the portfolio.

    Attributes:
        per_kwh: Per kWh fed, at the plug.
        per_kwh_h: Per kWh held in the cells for an hour.
    """

    per_kwh: Float[Array, " session"]
    per_kwh_h: Float[Array, " session"]

    def on(self, portfolio: Portfolio) -> Portfolio:
        """The portfolio whose sessions pay these prices."""
        sessions = replace(
            portfolio.sessions,
            wear_cost_per_kwh=self.per_kwh,
            wear_rise_per_kwh_per_kw=np.zeros(len(self.per_kwh)),
            calendar_wear_per_kwh_h=self.per_kwh_h,
        )
        return replace(portfolio, sessions=sessions)


def expected(portfolio: Portfolio, value: BatteryValue, fleet: Fleet) -> WearPrices:
    """Prices before there is a plan.

    Of each asset an average day is expected: charged to what is owed, driven as far as it was empty
    on arrival, and half of what could be fed is fed.
    """
    sessions, asset, held = portfolio.sessions, fleet.asset, portfolio.sessions.capacity_kwh

    def by_day(kwh: Float[Array, " session"]) -> Float[Array, " asset"]:
        """Share of each battery, by day."""
        total = np.bincount(asset, kwh / held, len(fleet.asset_id))
        return total * H_PER_DAY / max(portfolio.grid.horizon_h, H_PER_DAY)

    full = np.maximum(sessions.energy_departure_kwh, sessions.energy_arrival_kwh)
    reach = sessions.max_discharge_kw * sessions.stay_h / sessions.efficiency_discharge
    room = np.maximum(full - sessions.energy_reserve_kwh, 0.0)
    driven = by_day(full - sessions.energy_arrival_kwh)
    fed = EXPECTED_PART * by_day(np.minimum(reach, room))
    count = np.bincount(asset, minlength=len(fleet.asset_id))
    charged_to = np.bincount(asset, full / held, len(count)) / count
    whole = value.profile(1.0, usual_day(charged_to, driven + fed))
    without = value.profile(1.0, usual_day(charged_to, driven))
    more = added(value, fleet.fade, whole, H_PER_DAY).cycle
    more -= added(value, fleet.fade, without, H_PER_DAY).cycle
    by_use = np.divide(more, fed, out=np.zeros(len(fed)), where=fed > LEAST_FED)
    return _prices(portfolio, value, fleet, by_use, _by_time(value, fleet.fade, whole, H_PER_DAY))


def at_plan(
    portfolio: Portfolio,
    value: BatteryValue,
    fleet: Fleet,
    before: WearPrices,
    *,
    v2g: Schedule,
    smart: Schedule,
) -> WearPrices:
    """Prices half of the way to those at the stress of a plan.

    Assets that hardly feed keep the price of use that they had.

    Args:
        portfolio: What was planned.
        value: How batteries age.
        fleet: How far they have.
        before: Prices of that plan.
        v2g: The plan.
        smart: The same without feeding.
    """
    grid, sessions = portfolio.grid, portfolio.sessions
    window = window_h(grid)
    whole, without = (
        value.profile(grid.step_h, soc_paths(portfolio, fleet, planned)) for planned in (v2g, smart)
    )
    more = added(value, fleet.fade, whole, window).cycle
    more -= added(value, fleet.fade, without, window).cycle
    out = grid.step_h * np.maximum(v2g.power_kw, 0.0).sum(axis=1) / sessions.efficiency_discharge
    fed = np.bincount(fleet.asset, out / sessions.capacity_kwh, len(fleet.asset_id))
    feeds = fed > LEAST_FED
    by_use = np.divide(more, fed, out=np.zeros(len(fed)), where=feeds)
    by_time = _by_time(value, fleet.fade, whole, window)
    made = _prices(portfolio, value, fleet, by_use, by_time)
    to = np.where(feeds[fleet.asset], made.per_kwh, before.per_kwh)
    return WearPrices(
        before.per_kwh + STEP * (to - before.per_kwh),
        before.per_kwh_h + STEP * (made.per_kwh_h - before.per_kwh_h),
    )


def added(value: BatteryValue, fade: Fade, profile: Profile, window: float) -> Fade:
    """What a profile adds to a fade, which it leaves in its place on all curves."""
    after = life.after(value.model, profile, fade, window_h=window)
    return Fade(
        after.calendar - fade.calendar,
        after.cycle - fade.cycle,
        after.resistance_calendar - fade.resistance_calendar,
        after.resistance_cycle - fade.resistance_cycle,
    )


def _by_time(
    value: BatteryValue, fade: Fade, profile: Profile, window: float
) -> Float[Array, " battery"]:
    """Loss by time that a state of charge higher by one would add per hour, at least 0."""
    losses, states = [], []
    for shift in (SHIFT, -SHIFT):
        moved = value.profile(profile.step_h, profile.soc + shift)
        losses.append(added(value, fade, moved, window).calendar)
        states.append(moved.soc.mean(axis=1))
    slope = (losses[0] - losses[1]) / (states[0] - states[1])
    return np.maximum(slope, 0.0) / profile.hours


def _prices(
    portfolio: Portfolio,
    value: BatteryValue,
    fleet: Fleet,
    by_use: Float[Array, " asset"],
    by_time: Float[Array, " asset"],
) -> WearPrices:
    """Money from shares of the capacity when new, per state of charge fed and held."""
    sessions, asset = portfolio.sessions, fleet.asset
    lost = value.cost_per_kwh_lost * fleet.new_kwh[asset] / sessions.capacity_kwh
    return WearPrices(
        per_kwh=np.maximum(lost * by_use[asset], 0.0) / sessions.efficiency_discharge,
        per_kwh_h=lost * by_time[asset],
    )

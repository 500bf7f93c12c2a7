"""Planning again and again as time passes, with only what was known then, settled on what came."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.dispatch import curtailment, plan
from evergrid.dispatch.accounts import Costs, costs, net_load, site_power
from evergrid.dispatch.assessment import Assessment
from evergrid.dispatch.equipment import chargers
from evergrid.dispatch.forecast import AbstractPriceView
from evergrid.model.billing import periods
from evergrid.model.portfolio import Portfolio
from evergrid.model.prices import Prices
from evergrid.model.schedule import Schedule
from evergrid.model.session import Sessions


@dataclass(frozen=True)
class RollingResult:
    """What came of planning again and again.

    Attributes:
        assessment: What was done, over the whole horizon, held against the records.
        costs: Settled on the actual prices.
        replans: How many plans were made.
        worst_gap: Largest optimality gap of any of them.
    """

    assessment: Assessment
    costs: Costs
    replans: int
    worst_gap: float

    @property
    def schedule(self) -> Schedule:
        """What was done."""
        return self.assessment.schedule


def simulate(
    portfolio: Portfolio,
    view: AbstractPriceView,
    options: plan.Options,
    *,
    window: int,
    every: int,
    tick: Callable[[int], None] = lambda step: None,
) -> RollingResult:
    """Replan every few steps over a moving window, and settle on the portfolio's own prices.

    A plan sees the sessions plugged in at that moment with the departure and energy they asked
    for, the load and generation beside the chargers, and the prices of ``view``. It knows nothing
    of sessions to come. Energy left at the end of a window is worth the median price seen. Where
    load after the window will break a limit by itself while those who are plugged in are still
    there, a plan looks as far as that, at this same price, so that it sells nothing that they will
    need. A window may spend what is left of an energy budget, less what the load after it will
    draw. Demand charges count the peaks of the same billing period before now, and warranties what
    was fed before now. A charger that is on starts no second time, and what it must stay on or off
    carries over.

    Args:
        portfolio: What really happens.
        view: What is believed about prices.
        options: How each plan is made; its end value settles the whole horizon.
        window: Steps each plan looks ahead.
        every: Steps after which it is made anew.
        tick: Called with the step reached.
    """
    run = _Run(portfolio, view, options)
    for now in range(0, portfolio.grid.steps, every):
        tick(now)
        run.step(now, window, every)
    schedule = run.schedule()
    return RollingResult(
        assessment=Assessment(portfolio, schedule),
        costs=costs(portfolio, schedule, options.end_value_per_kwh),
        replans=len(run.gaps),
        worst_gap=max(run.gaps, default=0.0),
    )


class _Run:
    """State of a simulation: what each session holds now, and what was done so far."""

    def __init__(
        self, portfolio: Portfolio, view: AbstractPriceView, options: plan.Options
    ) -> None:
        sessions, grid = portfolio.sessions, portfolio.grid
        self.portfolio, self.view, self.options = portfolio, view, options
        self.first, self.stop = grid.window(sessions.arrival_utc, sessions.departure_utc)
        self.energy_now = sessions.energy_arrival_kwh.copy()
        self.power = np.zeros((len(sessions), grid.steps))
        self.curtailed = np.zeros(portfolio.load_kw.shape)
        self.drawn_kw = np.zeros(portfolio.load_kw.shape)
        self.load_kw = net_load(portfolio)
        self.period = _periods(portfolio)
        self.gaps: list[float] = []
        self.last: plan.PreviousSolve | None = None
        self.before = chargers.nothing_before(len(sessions))

    def step(self, now: int, window: int, every: int) -> None:
        """Plan at the start of step ``now`` and carry out the plan until the next one."""
        grid = self.portfolio.grid
        stop, until = min(now + window, grid.steps), min(now + every, grid.steps)
        here = self._plugged_in(now)
        if len(here):
            made = self._plan(here, now, stop).schedule
            self.power[here, now:until] = made.power_kw[:, : until - now]
            self.energy_now[here] = made.energy_kwh[:, until - now - 1]
            if made.curtailed_kw is not None:
                self.curtailed[:, now:until] = made.curtailed_kw[:, : until - now]
        self.before = self.before.after(self.power[:, now:until])
        self._settle(now, until)

    def _plan(self, here: Int[Array, " session"], now: int, stop: int) -> plan.Plan:
        """The plan for the sessions plugged in now, as far as can be seen."""
        seen = self.view(now, stop)
        value = plan.end_value_per_kwh(self.portfolio.part(now, stop, self._known(here), seen))
        further = self._needed_until(here, stop)
        prices = seen if further == stop else self._held(seen, now, further, value)
        known = self.portfolio.part(now, further, self._known(here), prices)
        if self.period:
            sites = replace(known.sites, demand_peak_kw=self._peaks_before(now))
            known = replace(known, sites=sites)
        if self.portfolio.warranties is not None:
            left = self.portfolio.warranties.after(
                self.portfolio.sessions.asset_id,
                known.grid.step_h * np.maximum(self.power[:, :now], 0.0).sum(axis=1),
            )
            known = replace(known, warranties=left)
        # The next plan comes soon: a search that takes seconds each time is not worth it.
        options = replace(self.options, end_value_per_kwh=value, branch=False)
        later_kwh = known.grid.step_h * self.load_kw[:, further:].sum(axis=1)
        made, self.last = plan.again(
            known,
            options,
            self.last,
            spent_kwh=known.grid.step_h * self.drawn_kw[:, :now].sum(axis=1) + later_kwh,
            before=self.before.select(here),
        )
        self.gaps.append(made.certificate.gap)
        return made

    def _needed_until(self, here: Int[Array, " session"], stop: int) -> int:
        """Step to which a plan must look because load breaks limits by itself until then."""
        last = int(self.stop[here].max())
        if last <= stop:
            return stop
        portfolio, later = self.portfolio, slice(stop, last)
        load = self.load_kw[:, later]
        least = load + portfolio.sites.add_up(portfolio.curtailable_kw)[:, later]
        broken = (load > portfolio.import_limit_kw[:, later]) | (
            -least > portfolio.export_limit_kw[:, later]
        )
        steps = np.nonzero(broken.any(axis=0))[0]
        return stop + int(steps[-1]) + 1 if len(steps) else stop

    def _held(self, seen: Prices, now: int, stop: int, value_per_kwh: float) -> Prices:
        """Prices that are seen, and after them the worth of energy at the end."""
        neutral = np.full(stop - now - len(seen.time_utc), 1000.0 * value_per_kwh)
        after = {
            name: np.append(values, 0.0 * neutral if name.startswith("carbon") else neutral)
            for name, values in seen.columns().items()
            if name != "time_utc"
        }
        return Prices(self.portfolio.grid.times[now:stop], currency=seen.currency, **after)

    def schedule(self) -> Schedule:
        """What was done, with the energy of sessions held while nothing was planned for them."""
        grid = self.portfolio.grid
        step = np.arange(grid.steps)
        plugged = (step >= self.first[:, None]) & (step < self.stop[:, None])
        arrived = step >= self.first[:, None]
        held = self.portfolio.sessions.energy_arrival_kwh[:, None] + np.cumsum(
            self._energy_change(), axis=1
        )
        curtailed = self.curtailed if self.portfolio.curtailable_kw.any() else None
        return Schedule(grid, self.power, np.where(arrived, held, 0.0), plugged, curtailed)

    def _energy_change(self) -> Float[Array, "session step"]:
        sessions, step_h = self.portfolio.sessions, self.portfolio.grid.step_h
        into = np.maximum(-self.power, 0) * sessions.efficiency_charge[:, None]
        out = np.maximum(self.power, 0) / sessions.efficiency_discharge[:, None]
        return (into - out) * step_h

    def _plugged_in(self, now: int) -> Int[Array, " session"]:
        moment = self.portfolio.grid.times[now]
        sessions = self.portfolio.sessions
        return np.nonzero((sessions.arrival_utc <= moment) & (sessions.departure_utc > moment))[0]

    def _known(self, here: Int[Array, " session"]) -> Sessions:
        known = self.portfolio.sessions.select(here)
        energy = np.clip(self.energy_now[here], 0.0, known.capacity_kwh)
        return replace(known, energy_arrival_kwh=energy)

    def _peaks_before(self, now: int) -> Float[Array, " site"]:
        """What the demand charge of the present period counts of the steps before now."""
        sites = self.portfolio.sites
        before = np.zeros(len(sites))
        for site, period in self.period.items():
            same = (period == period[now])[:now]
            count = int(sites.demand_charge_peaks[site])
            highest = np.sort(self.drawn_kw[site, :now][same])[::-1][:count]
            highest = np.append(highest, np.zeros(count - len(highest)))
            earlier = sites.demand_peak_kw[site] if period[now] == period[0] else 0.0
            before[site] = np.maximum(np.maximum(highest, 0.0), earlier).mean()
        return before

    def _settle(self, now: int, until: int) -> None:
        """Curtail what limits still demand, and remember what was drawn."""
        portfolio, here = self.portfolio, slice(now, until)
        part = portfolio.part(now, until, portfolio.sessions)
        power = self.power[:, here]
        least = curtailment.least(part, power, self.curtailed[:, here])
        self.curtailed[:, here] = least
        plugged = np.zeros(power.shape, bool)
        done = Schedule(part.grid, power, np.zeros(power.shape), plugged, least)
        self.drawn_kw[:, here] = -site_power(part, done)


def _periods(portfolio: Portfolio) -> dict[int, Int[Array, " step"]]:
    """Billing period of every step, for each site with a demand charge."""
    sites = portfolio.sites
    return {
        int(site): periods(
            portfolio.grid, portfolio.time_zone, str(sites.demand_charge_period[site])
        )
        for site in np.nonzero(sites.demand_charge_per_kw)[0]
    }

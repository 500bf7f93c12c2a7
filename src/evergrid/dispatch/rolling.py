"""Planning again and again as time passes, with only what was known then, settled on what came."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import datetime64
from evergrid.dispatch import plan
from evergrid.dispatch.accounts import Costs, costs, site_power
from evergrid.dispatch.forecast import AbstractPriceView
from evergrid.engine.certificate import Certificate
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule
from evergrid.model.session import Sessions


@dataclass(frozen=True)
class Rolled:
    """What came of planning again and again.

    Attributes:
        schedule: What was done, over the whole horizon.
        costs: Settled on the actual prices.
        served_share: Energy delivered by departure as a share of the energy owed above what was
            there on arrival; 1 when everyone got everything.
        replans: How many plans were made.
        worst_gap: Largest optimality gap of any of them.
        worst_violation: Largest violation of any limit in any of them, or of an energy budget in
            the end, kW or kWh.
    """

    schedule: Schedule
    costs: Costs
    served_share: float
    replans: int
    worst_gap: float
    worst_violation: float


def simulate(
    portfolio: Portfolio,
    view: AbstractPriceView,
    options: plan.Options,
    *,
    window: int,
    every: int,
    tick: Callable[[int], None] = lambda step: None,
) -> Rolled:
    """Replan every few steps over a moving window, and settle on the portfolio's own prices.

    A plan sees the sessions plugged in at that moment with the departure and energy they asked
    for, the load beside the chargers, and the prices of ``view``. It knows nothing of sessions to
    come. Energy left at the end of a window is worth the median price seen. A window may spend what
    is left of an energy budget, less what the load after it will draw.

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
    return Rolled(
        schedule=schedule,
        costs=costs(portfolio, schedule, options.end_value_per_kwh),
        served_share=served_share(portfolio, schedule),
        replans=len(run.certificates),
        worst_gap=max((c.gap for c in run.certificates), default=0.0),
        worst_violation=run.worst_violation(),
    )


def served_share(portfolio: Portfolio, schedule: Schedule) -> float:
    """Energy delivered of the energy owed above arrival, over sessions that end in the horizon."""
    sessions = portfolio.sessions
    ended = sessions.departure_utc <= datetime64(portfolio.grid.end_utc)
    wanted = np.maximum(sessions.energy_departure_kwh - sessions.energy_arrival_kwh, 0.0)[ended]
    got = (schedule.energy_kwh[:, -1] - sessions.energy_arrival_kwh)[ended]
    total = wanted.sum()
    return float(np.clip(got, 0.0, wanted).sum() / total) if total > 0 else 1.0


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
        self.peak_kw = np.zeros(len(portfolio.sites))
        self.drawn_kwh = np.zeros(len(portfolio.sites))
        self.certificates: list[Certificate] = []
        self.last: plan.Solved | None = None

    def step(self, now: int, window: int, every: int) -> None:
        """Plan at the start of step ``now`` and carry out the plan until the next one."""
        grid = self.portfolio.grid
        stop, until = min(now + window, grid.steps), min(now + every, grid.steps)
        here = self._plugged_in(now)
        if len(here):
            made = self._plan(here, now, stop)
            self.certificates.append(made.certificate)
            self.power[here, now:until] = made.schedule.power_kw[:, : until - now]
            self.energy_now[here] = made.schedule.energy_kwh[:, until - now - 1]
        self._remember(now, until)

    def _plan(self, here: Array, now: int, stop: int) -> plan.Plan:
        """The plan for the sessions plugged in now, as far as can be seen."""
        sessions, prices = self._known_sessions(here), self.view(now, stop)
        known = self.portfolio.part(now, stop, sessions, prices)
        value = plan.end_value_per_kwh(known)
        # The next plan comes soon: a search that takes seconds each time is not worth it.
        options = replace(self.options, end_value_per_kwh=value, branch=False)
        later_kw = self.portfolio.total_load_kw[:, stop:].sum(axis=1)
        made, self.last = plan.again(
            known,
            options,
            self.last,
            peak_before_kw=self.peak_kw,
            spent_kwh=self.drawn_kwh + known.grid.step_h * later_kw,
        )
        return made

    def schedule(self) -> Schedule:
        """What was done, with the energy of sessions held while nothing was planned for them."""
        grid = self.portfolio.grid
        step = np.arange(grid.steps)
        plugged = (step >= self.first[:, None]) & (step < self.stop[:, None])
        arrived = step >= self.first[:, None]
        held = self.portfolio.sessions.energy_arrival_kwh[:, None] + np.cumsum(
            self._energy_change(), axis=1
        )
        return Schedule(grid, self.power, np.where(arrived, held, 0.0), plugged)

    def _energy_change(self) -> Float[Array, "session step"]:
        sessions, step_h = self.portfolio.sessions, self.portfolio.grid.step_h
        into = np.maximum(-self.power, 0) * sessions.efficiency_charge[:, None]
        out = np.maximum(self.power, 0) / sessions.efficiency_discharge[:, None]
        return (into - out) * step_h

    def _plugged_in(self, now: int) -> Array:
        moment = self.portfolio.grid.times[now]
        sessions = self.portfolio.sessions
        return np.nonzero((sessions.arrival_utc <= moment) & (sessions.departure_utc > moment))[0]

    def _known_sessions(self, here: Array) -> Sessions:
        known = self.portfolio.sessions.select(here)
        energy = np.clip(self.energy_now[here], 0.0, known.capacity_kwh)
        return replace(known, energy_arrival_kwh=energy)

    def worst_violation(self) -> float:
        """Largest violation of any limit in any plan, and of energy budgets by what was drawn."""
        plans = (max(c.power_kw, c.energy_kwh, c.group_kw) for c in self.certificates)
        over_kwh = self.drawn_kwh - self.portfolio.sites.energy_budget_kwh
        return max(*plans, float(over_kwh.max()), 0.0)

    def _remember(self, now: int, until: int) -> None:
        book = self.portfolio
        part = book.part(now, until, book.sessions)
        drawn = -site_power(part, self.power[:, now:until])
        self.peak_kw = np.maximum(self.peak_kw, drawn.max(axis=1))
        self.drawn_kwh += self.portfolio.grid.step_h * drawn.sum(axis=1)

"""What chargers of alternating current do: their rules for the engine, and a schedule held to them.

What they did before the first step carries over: who is on at the boundary starts no second time.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.timegrid import datetime64
from evergrid.engine.step_rules import ANY, ON_KW, PowerSteps
from evergrid.model.charging.chargers import (
    LEAST_A,
    MODE_3_A,
    NOMINAL,
    PHASES,
    USUAL_V,
    usual_phases,
)
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, slots

WHOLE_A = 1e-3  # by which a current may miss a whole step, for rounding


@dataclass(frozen=True)
class ChargersBefore:
    """What each session's charger did before the horizon, in steps of the grid.

    Attributes:
        on: Steps on without a break until now; 0 for one that is off.
        off: Steps off without a break until now.
        starts: Starts in the stay so far.
    """

    on: Int[Array, " session"]
    off: Int[Array, " session"]
    starts: Int[Array, " session"]

    def select(self, rows: Int[Array, " some"]) -> "ChargersBefore":
        """Those of some sessions."""
        return ChargersBefore(self.on[rows], self.off[rows], self.starts[rows])

    def after(self, power_kw: Float[Array, "session step"]) -> "ChargersBefore":
        """What they did when these powers are done too."""
        on, off, starts = self.on.copy(), self.off.copy(), self.starts.copy()
        for step in range(power_kw.shape[1]):
            is_on = np.abs(power_kw[:, step]) > ON_KW
            starts += is_on & (on == 0)
            on, off = np.where(is_on, on + 1, 0), np.where(is_on, 0, off + 1)
        return ChargersBefore(on, off, starts)


def nothing_before(sessions: int) -> ChargersBefore:
    """Chargers at the beginning of a stay: off for long."""
    none = np.zeros(sessions, np.int64)
    return ChargersBefore(none, np.full(sessions, ANY), none)


def step_kw(portfolio: Portfolio) -> Float[Array, " session"]:
    """Power of one step of current of each session; 0 for one that may take any power."""
    chargers, row = portfolio.chargers, portfolio.charger_row
    if chargers is None:
        return np.zeros(len(row))
    at = np.maximum(row, 0)
    phase_kw = chargers.step_a[at] * chargers.voltage_v[at] / 1000
    return np.where(row >= 0, portfolio.sessions.phases * phase_kw, 0.0)


def power_steps(portfolio: Portfolio, stores: int, before: ChargersBefore | None) -> PowerSteps:
    """The rules of all stores of a problem; stores beyond the sessions may take any power.

    Args:
        portfolio: Sessions at chargers.
        stores: How many stores the problem has; the sessions come first.
        before: What the chargers did before; nothing when None.
    """
    chargers, count = portfolio.chargers, len(portfolio.sessions)
    assert chargers is not None
    before = before or nothing_before(count)
    at = np.maximum(portfolio.charger_row, 0)
    step = step_kw(portfolio)
    # Powers become whole multiples of a charger's step and times whole steps of the grid, rounded
    # up. Stores that are no sessions have a step of 0: they may take any power.
    size, sessions = np.where(step > 0, step, np.inf), portfolio.sessions
    step_min = 60 * portfolio.grid.step_h
    starts = np.maximum(chargers.most_starts[at] - before.starts, 0)

    def with_others(values: Array, fill: float | int) -> Array:
        return np.concatenate([values, np.full(stores - count, fill, values.dtype)])

    def whole(values: Array) -> Int[Array, " store"]:
        return with_others(np.round(values).astype(np.int64), 0)

    return PowerSteps(
        step_kw=with_others(step, 0.0),
        least=whole(chargers.least_a[at] / chargers.step_a[at]),
        most_draw=whole(sessions.max_charge_kw / size),
        most_feed=whole(sessions.max_discharge_kw / size),
        least_on=whole(np.ceil(chargers.least_on_min[at] / step_min - 1e-9)),
        least_off=whole(np.ceil(chargers.least_off_min[at] / step_min - 1e-9)),
        most_starts=with_others(starts, ANY),
        on_before=with_others(before.on, 0),
        off_before=with_others(before.off, ANY),
    )


@dataclass(frozen=True)
class ChargerUse:
    """A schedule held against the chargers it is for, from the records.

    Attributes:
        portfolio: The records.
        schedule: What is done.
    """

    portfolio: Portfolio
    schedule: Schedule

    @cached_property
    def current_a(self) -> Float[Array, "session step"]:
        """Current of each phase that a session uses while it is there, above 0 when it feeds."""
        at = slots(self.portfolio.sessions, self.portfolio.grid)
        amperes = np.zeros(self.schedule.power_kw.shape)
        step, step_a = step_kw(self.portfolio)[at.session], self._column("step_a")[at.session]
        power = self.schedule.power_kw[at.session, at.step]
        kw = np.where(step > 0, at.share * step, np.inf)
        amperes[at.session, at.step] = power / kw * step_a
        return amperes

    @cached_property
    def on(self) -> Bool[Array, "session step"]:
        """Whether a charger of alternating current draws or feeds."""
        at = self.portfolio.charger_row >= 0
        return (np.abs(self.schedule.power_kw) > ON_KW) & at[:, None]

    @cached_property
    def starts(self) -> Int[Array, " session"]:
        """How often each session's charger goes on."""
        before = np.hstack([np.zeros((len(self.on), 1), bool), self.on[:, :-1]])
        return (self.on & ~before).sum(axis=1)

    @property
    def used(self) -> Int[Array, " some"]:
        """Sessions that have a charger of alternating current."""
        return np.nonzero(self.portfolio.charger_row >= 0)[0]

    @cached_property
    def below_least(self) -> int:
        """Slots in which a charger is on below its least current."""
        least = self._column("least_a")[:, None] - WHOLE_A
        return int((self.on & (np.abs(self.current_a) < least)).sum())

    @cached_property
    def off_step_a(self) -> float:
        """Largest distance of a current from a whole step."""
        step = self._column("step_a")[:, None]
        rest = np.abs(self.current_a) / step
        return float((np.abs(rest - np.round(rest)) * step)[self.on].max(initial=0.0))

    @cached_property
    def beyond_starts(self) -> int:
        """Sessions that start more often than their charger may."""
        return int(((self.starts > self._column("most_starts")) & self.on.any(axis=1)).sum())

    @cached_property
    def phase_a(self) -> Float[Array, "session phase step"]:
        """Current of each session on L1, L2 and L3, above 0 when it feeds."""
        return self.current_a[:, None, :] * phase_share(self.portfolio)[:, :, None]

    def _column(self, name: str) -> Array:
        """A column of the chargers for each session; of any charger where it has none."""
        assert self.portfolio.chargers is not None
        return getattr(self.portfolio.chargers, name)[np.maximum(self.portfolio.charger_row, 0)]


def phase_share(portfolio: Portfolio) -> Float[Array, "session phase"]:
    """1 for each phase that a session uses, 0 for the others."""
    chargers = portfolio.chargers
    assert chargers is not None
    at = np.maximum(portfolio.charger_row, 0)
    own = chargers.phase[at][:, None] == np.array(PHASES, dtype=object)[None, :]
    three = (portfolio.sessions.phases != 1)[:, None]
    return np.where(three, 1.0, own.astype(float))


def usual_least_kw(portfolio: Portfolio, stores: int) -> Float[Array, " store"]:
    """What the charger of each session draws at least, by its rating alone.

    A rating up to 7.4 kW has one phase, one up to 43.5 kW three, and the pilot signal offers no
    current below 6 A. What is rated higher takes direct current, at any power; so do stores beyond
    the sessions, and batteries that never leave.
    """
    sessions, grid = portfolio.sessions, portfolio.grid
    rating = np.maximum(sessions.max_charge_kw, sessions.max_discharge_kw)
    phase_kw = USUAL_V / 1000
    phases = usual_phases(rating)
    least = LEAST_A * phases * phase_kw
    still = (sessions.arrival_utc <= grid.times[0]) & (
        sessions.departure_utc >= datetime64(grid.end_utc)
    )
    direct = rating > 3 * MODE_3_A * phase_kw * (1 + NOMINAL)
    made = np.zeros(stores)
    made[: len(rating)] = np.where(direct | (still & sessions.can_discharge), 0.0, least)
    return made

"""What the packs of a fleet can do of a plan, at the states and temperatures that it leads to.

A plan knows one greatest power of each session. A pack charges slower when it is cold or nearly
full, and gives less when it is cold or nearly empty. So each session's pack is followed through the
plan, step by step; and a plan made anew asks for no more than it could give where it was asked.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from evergrid.battery.pack import Pack
from evergrid.battery.thermal import current_a, heat_w
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.timegrid import datetime64
from evergrid.dispatch.equipment.chargers import step_kw
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, slots

AGREED_KWH = 1e-3  # of all energy asked for, within which packs do what a plan asks
WHOLE_STEP = 1e-6  # steps by which a limit may miss a whole number, for rounding
LIMITED_KW = 1e-6  # by which a pack does less than asked for, beyond rounding


@dataclass(frozen=True)
class FleetPacks:
    """The packs of a fleet: cells of one kind, more of them side by side for a larger capacity.

    Attributes:
        pack: Of a reference capacity.
        air_c: Around the packs.
        arrival_c: Of the cells when a session begins.

    Raises:
        InputError: A temperature that is no number.
    """

    pack: Pack
    air_c: float
    arrival_c: float

    def __post_init__(self) -> None:
        faults = [
            Fault(name, "be a temperature in C", (value,))
            for name in ("air_c", "arrival_c")
            if not np.isfinite(value := getattr(self, name))
        ]
        raise_if_any("pack", faults)


@dataclass(frozen=True)
class PackPaths:
    """What packs do of a plan; 0 where a session is not there.

    Attributes:
        met_kw: Power into the grid that the pack can do, of what the plan asks for.
        could_draw_kw: Most that it could draw there.
        could_feed_kw: Most that it could feed there.
        temperature_c: Of the cells at the end of each step; NaN where a session is not there.
        energy_kwh: In the cells at the end of the last step that a session is there.
    """

    met_kw: Float[Array, "session step"]
    could_draw_kw: Float[Array, "session step"]
    could_feed_kw: Float[Array, "session step"]
    temperature_c: Float[Array, "session step"]
    energy_kwh: Float[Array, " session"]


@dataclass(frozen=True)
class PackAssessment:
    """A plan held against the packs that it is for.

    Attributes:
        portfolio: Who was where.
        schedule: What was asked for.
        packs: The model.
    """

    portfolio: Portfolio
    schedule: Schedule
    packs: FleetPacks

    @cached_property
    def paths(self) -> PackPaths:
        """What the packs do; where no limit is met, the plan to the last digit.

        Between grid and cells the efficiencies of the plan hold, which count the loss of the cells;
        their heat is that of the pack's resistance.
        """
        sessions, grid = self.portfolio.sessions, self.portfolio.grid
        pack, shape = self.packs.pack, self.schedule.power_kw.shape
        at = slots(sessions, grid)
        share = np.zeros(shape)
        share[at.session, at.step] = at.share
        scale = pack.capacity_kwh / sessions.capacity_kwh
        into, out = sessions.efficiency_charge, sessions.efficiency_discharge
        energy = sessions.energy_arrival_kwh.copy()
        warm, new = np.full(shape[0], self.packs.arrival_c), np.ones(shape[0])
        met, draws, feeds = (np.zeros(shape) for _ in range(3))
        celsius = np.full(shape, np.nan)
        # Each session's battery is so many packs as described, and `scale` is one over that. A step
        # is explicit: limits, heat and losses are those of the state and temperature at its begin,
        # so no step waits for its own end.
        for k in range(shape[1]):
            there = share[:, k] > 0
            state = np.clip(energy / sessions.capacity_kwh, 0.0, 1.0)
            lowest, highest = pack.power_limits_kw(state, warm, new)
            draws[:, k] = np.where(there, -lowest / scale / into, 0.0) * share[:, k]
            feeds[:, k] = np.where(there, highest / scale * out, 0.0) * share[:, k]
            met[:, k] = np.clip(self.schedule.power_kw[:, k], -draws[:, k], feeds[:, k])
            cells_kw = np.where(met[:, k] < 0, met[:, k] * into, met[:, k] / out)
            energy -= grid.step_h * cells_kw
            rest, ohm = pack.voltage_v(state), pack.resistance(warm, new)
            heat = heat_w(current_a(cells_kw * scale, rest, ohm), ohm)
            air = np.full(shape[0], self.packs.air_c)
            after = pack.mass.warmed(warm, heat, air, step_h=grid.step_h)
            warm = np.where(there, after, warm)
            celsius[there, k] = warm[there]
        return PackPaths(met, draws, feeds, celsius, energy)

    @property
    def asked_kwh(self) -> float:
        """Energy that the plan draws and feeds."""
        return self.portfolio.grid.step_h * float(np.abs(self.schedule.power_kw).sum())

    @cached_property
    def undone_kwh(self) -> Float[Array, " session"]:
        """Energy of a session that the plan draws or feeds and its pack cannot."""
        undone = np.abs(self.schedule.power_kw - self.paths.met_kw)
        return self.portfolio.grid.step_h * undone.sum(axis=1)

    @cached_property
    def limited(self) -> int:
        """Slots in which a pack does less than asked for."""
        undone = np.abs(self.schedule.power_kw - self.paths.met_kw)
        return int((undone > LIMITED_KW).sum())

    @cached_property
    def missing_kwh(self) -> Float[Array, " session"]:
        """Energy owed at departure that is not there, and is by the plan; at least 0.

        Of sessions that end within the horizon.
        """
        sessions = self.portfolio.sessions
        ended = sessions.departure_utc <= datetime64(self.portfolio.grid.end_utc)
        owed = np.minimum(sessions.energy_departure_kwh, self.schedule.energy_kwh[:, -1])
        return np.where(ended, np.maximum(owed - self.paths.energy_kwh, 0.0), 0.0)

    @property
    def agrees(self) -> bool:
        """Whether packs do what the plan asks, but for `AGREED_KWH` of it."""
        return float(self.undone_kwh.sum()) <= AGREED_KWH * self.asked_kwh


def with_limits(found: PackAssessment) -> Portfolio:
    """The portfolio whose sessions are asked for no more than their packs could do in a plan.

    Where a pack was asked for more than it could do, the greatest power of its session is the least
    that it could do in such a slot; at a charger in whole amperes the next lower one of these.
    """
    sessions, asked, paths = found.portfolio.sessions, found.schedule.power_kw, found.paths
    at = slots(sessions, found.portfolio.grid)
    share = np.ones(asked.shape)
    share[at.session, at.step] = at.share
    draws = np.where(-asked > paths.could_draw_kw + LIMITED_KW, paths.could_draw_kw / share, np.inf)
    feeds = np.where(asked > paths.could_feed_kw + LIMITED_KW, paths.could_feed_kw / share, np.inf)
    step = step_kw(found.portfolio)

    def lowered(rating: Float[Array, " session"], could: Float[Array, " session"]) -> Array:
        size = np.where(step > 0, step, 1.0)
        whole = np.floor(could / size + WHOLE_STEP) * size
        return np.minimum(rating, np.where((step > 0) & np.isfinite(could), whole, could))

    changed = replace(
        sessions,
        max_charge_kw=lowered(sessions.max_charge_kw, draws.min(axis=1, initial=np.inf)),
        max_discharge_kw=lowered(sessions.max_discharge_kw, feeds.min(axis=1, initial=np.inf)),
    )
    return replace(found.portfolio, sessions=changed)

"""Who does what when: the power and energy of every session in every step."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken
from evergrid.core.timegrid import TimeGrid
from evergrid.model.session import Sessions


@dataclass(frozen=True)
class Schedule:
    """A plan in arrays.

    Attributes:
        grid: The steps.
        power_kw: Mean power over each step at the plug, positive into the grid; 0 when away.
        energy_kwh: Energy in the cells at the end of each step; 0 before arrival, held after
            departure.
        plugged: Whether the session is connected during any part of the step.
        curtailed_kw: By how much less each site generates than it could; None for nowhere.

    Raises:
        InputError: Arrays that do not fit the grid or one another, values that are not finite.
    """

    grid: TimeGrid
    power_kw: Float[Array, "session step"]
    energy_kwh: Float[Array, "session step"]
    plugged: Bool[Array, "session step"]
    curtailed_kw: Float[Array, "site step"] | None = None

    def __post_init__(self) -> None:
        records.check(self, "schedule", step=lambda: self.grid.steps)
        faults = []
        for name in ("power_kw", "energy_kwh"):
            values = getattr(self, name)
            if not np.isfinite(values.sum()):  # without a mask as large as the schedule
                ok = np.asarray(np.isfinite(values).all(axis=1))
                got = values.sum(axis=1)
                faults += broken(name, ok, "be finite in every step", values=got)
        raise_if_any("schedule", faults)


@dataclass(frozen=True)
class Slots:
    """Pairs of a session and a step it is connected in, session by session, in time order.

    Attributes:
        first: First step of each session.
        stop: One past its last step.
        session: Session of each slot.
        step: Step of each slot.
        share: Share of the step during which the session is connected, above 0 up to 1.
    """

    first: Int[Array, " session"]
    stop: Int[Array, " session"]
    session: Int[Array, " slot"]
    step: Int[Array, " slot"]
    share: Float[Array, " slot"]


def slots(sessions: Sessions, grid: TimeGrid) -> Slots:
    """Every slot of these sessions on the grid."""
    first, stop = grid.window(sessions.arrival_utc, sessions.departure_utc)
    lengths = stop - first
    session = np.repeat(np.arange(len(first)), lengths)
    step = np.arange(len(session)) - np.repeat(np.cumsum(lengths) - lengths - first, lengths)
    share, some = np.ones(len(session)), np.nonzero(lengths)[0]
    arrival = grid.position(sessions.arrival_utc)[some]
    departure = grid.position(sessions.departure_utc)[some]
    last = np.cumsum(lengths)[some] - 1
    for slot in (last - lengths[some] + 1, last):  # all between are connected throughout
        inside = np.minimum(departure, step[slot] + 1) - np.maximum(arrival, step[slot])
        share[slot] = np.clip(inside, 1e-9, 1.0)
    return Slots(first, stop, session, step, share)


def plugged_share(sessions: Sessions, grid: TimeGrid) -> Float[Array, "session step"]:
    """Share of each step during which each session is connected, from 0 to 1."""
    at = slots(sessions, grid)
    share = np.zeros((len(sessions), grid.steps))
    share[at.session, at.step] = at.share
    return share

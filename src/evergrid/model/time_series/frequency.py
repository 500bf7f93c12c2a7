"""A record of the frequency at a place, and until when it means anything."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken

FAR_HZ = 5.0  # off nominal, where no grid runs: a reading of another unit or another grid
TYPICAL_HZ = 1.0  # by which the median of a record may be off nominal
DEAD_SHARE = 0.1  # of its median, below which a voltage is that of a dead bus


@dataclass(frozen=True)
class FrequencyRecord:
    """Frequency at a place, tick by tick.

    Attributes:
        start_utc: Time of the first reading.
        tick_s: Time between readings; each holds until the next.
        nominal_hz: 50 or 60.
        frequency_hz: Readings; NaN where none came.
        dead: Whether the bus had no voltage, so that the reading means nothing.

    Raises:
        InputError: No reading at all, readings of another nominal frequency or another unit.
    """

    start_utc: np.datetime64
    tick_s: float
    nominal_hz: float
    frequency_hz: Float[Array, " tick"]
    dead: Bool[Array, " tick"]

    def __post_init__(self) -> None:
        records.check(self, "frequency")
        faults: list[Fault] = []
        if not 0 < self.tick_s <= 60:
            faults.append(Fault("tick_s", "be above 0 and at most 60 s", (self.tick_s,)))
        if self.nominal_hz not in (50.0, 60.0):
            faults.append(Fault("nominal_hz", "be 50 or 60", (self.nominal_hz,)))
        raise_if_any("frequency", faults)
        alive = self.frequency_hz[: self.alive]
        known = alive[np.isfinite(alive)]
        if not len(known):
            fix = "Does the bus have voltage? Are the cells numbers?"
            faults.append(Fault("frequency_hz", "have a reading while the bus is alive", fix=fix))
        elif abs(typical := float(np.median(known)) - self.nominal_hz) > TYPICAL_HZ:
            rule = f"be about {self.nominal_hz:g} Hz, the nominal frequency"
            fix = "Set nominal_hz to that of the record, or unit to what its column holds."
            got = (f"a median of {self.nominal_hz + typical:.4g}",)
            faults.append(Fault("frequency_hz", rule, got, fix=fix))
        else:
            near = ~(np.abs(alive - self.nominal_hz) > FAR_HZ)
            rule = f"lie within {FAR_HZ:g} Hz of {self.nominal_hz:g} Hz while the bus is alive"
            fix = "Empty the cells of readings that are wrong, or name the voltage columns."
            faults += broken("frequency_hz", near, rule, values=alive, fix=fix)
        raise_if_any("frequency", faults)

    def __len__(self) -> int:
        return len(self.frequency_hz)

    @cached_property
    def alive(self) -> int:
        """Readings before the bus is dead for the first time; all where it never is."""
        return int(np.argmax(self.dead)) if self.dead.any() else len(self.dead)

    @property
    def deviation_hz(self) -> Float[Array, " tick"]:
        """From nominal; NaN where no reading came."""
        return self.frequency_hz - self.nominal_hz

    @cached_property
    def times(self) -> Shaped[Array, " tick"]:
        """Time of each reading, ``datetime64[us]`` in UTC."""
        since_us = np.round(np.arange(len(self)) * self.tick_s * 1e6)
        return self.start_utc + since_us.astype("timedelta64[us]")

    def part(self, first: int, stop: int) -> "FrequencyRecord":
        """The readings ``first`` to ``stop - 1``."""
        return FrequencyRecord(
            self.times[first],
            self.tick_s,
            self.nominal_hz,
            self.frequency_hz[first:stop],
            self.dead[first:stop],
        )


def dead_bus(voltage_v: Float[Array, "phase tick"]) -> Bool[Array, " tick"]:
    """Whether every phase is far below its median; a missing voltage tells nothing."""
    typical = np.nanmedian(voltage_v, axis=1, keepdims=True)
    return np.asarray((voltage_v < DEAD_SHARE * typical).all(axis=0))

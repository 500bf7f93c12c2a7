"""Does a fuse clear a fault that only an inverter feeds, whose current is limited?"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import W_PER_KW
from evergrid.resilience.waveform.ranges import faults_of
from evergrid.resilience.waveform.sources import EmtInverter

Clearing = Literal["clears", "does not clear"]
FAULT_PU = (1.2, 2.0)  # of rated current, what inverters feed into a fault: the usual range


@dataclass(frozen=True)
class FuseCurve:
    """Melting time of a fuse against current, between points that a user reads off its sheet.

    Between points both axes are logarithmic. Below the least current the fuse never melts; above
    the largest it takes as much I^2 t as there.

    Attributes:
        name: Of the fuse.
        current_a: Rms, rising.
        melting_s: Falling.

    Raises:
        InputError: Curves that are not such, by point.
    """

    name: str
    current_a: tuple[float, ...]
    melting_s: tuple[float, ...]

    def __post_init__(self) -> None:
        records.check(self, "fuse")
        faults = []
        for field, values in (("current_a", self.current_a), ("melting_s", self.melting_s)):
            if len(values) < 2 or not all(math.isfinite(v) and v > 0 for v in values):
                rule = "be two or more finite numbers above 0"
                faults.append(Fault(field, rule, (str(values),)))
        if not faults:
            if len(self.current_a) != len(self.melting_s):
                rule = f"have a value for every current, {len(self.current_a)}"
                faults.append(Fault("melting_s", rule, (len(self.melting_s),)))
            if any(b <= a for a, b in zip(self.current_a, self.current_a[1:], strict=False)):
                faults.append(Fault("current_a", "rise from point to point"))
            if any(b >= a for a, b in zip(self.melting_s, self.melting_s[1:], strict=False)):
                faults.append(Fault("melting_s", "fall from point to point"))
        raise_if_any(f"fuse {self.name}", faults)

    @property
    def least_current_a(self) -> float:
        """Below which it never melts."""
        return self.current_a[0]

    def melting_time_s(self, current_a: float) -> float:
        """Time to melt at a current; infinite where it never does."""
        if current_a < self.current_a[0]:
            return math.inf
        if current_a > self.current_a[-1]:
            return self.melting_s[-1] * (self.current_a[-1] / current_a) ** 2
        currents, times = np.log(self.current_a), np.log(self.melting_s)
        return float(np.exp(np.interp(math.log(current_a), currents, times)))


@dataclass(frozen=True)
class FuseEnergy:
    """A fuse known by its melting I^2 t and the current below which it never melts.

    Attributes:
        name: Of the fuse.
        melting_a2s: I^2 t that melts it.
        least_current_a: Below which it never melts: about 1.6 to 2 times its rated current.

    Raises:
        InputError: Every number out of range.
    """

    name: str
    melting_a2s: float
    least_current_a: float

    def __post_init__(self) -> None:
        records.check(self, "fuse")
        faults = faults_of(
            self,
            ("melting_a2s", 1e-6, 1e12, "Read it off the sheet of the fuse, in A^2 s."),
            ("least_current_a", 1e-3, 1e6, ""),
        )
        raise_if_any(f"fuse {self.name}", faults)

    def melting_time_s(self, current_a: float) -> float:
        """Time to melt at a current; infinite where it never does."""
        return self.melting_a2s / current_a**2 if current_a >= self.least_current_a else math.inf


@dataclass(frozen=True)
class FuseClearing:
    """Whether a fuse clears, with the figures that decide it.

    Attributes:
        outcome: "clears" or "does not clear".
        fuse: Its name.
        fault_current_a: Rms, all that the inverters feed.
        melting_s: At that current; infinite where the fuse never melts.
        within_s: For which the inverters feed it.
        needed_a: Rms current that would melt it within that time.
    """

    outcome: Clearing
    fuse: str
    fault_current_a: float
    melting_s: float
    within_s: float
    needed_a: float

    def __str__(self) -> str:
        melts = "never melts" if math.isinf(self.melting_s) else f"melts in {self.melting_s:.3g} s"
        return (
            f"fuse {self.fuse} {self.outcome}: at {self.fault_current_a:.0f} A it {melts}, "
            f"the current lasts {self.within_s:.3g} s, and {self.needed_a:.0f} A would be needed"
        )


def fault_current_a(inverter: EmtInverter, limit_pu: float | None = None) -> float:
    """Rms current that an inverter feeds into a fault.

    Args:
        inverter: Which feeds it.
        limit_pu: Over rated current; the limit of its controller where none is given. Usual
            inverters have 1.2 to 2.

    Raises:
        InputError: A limit that is not in (0, 10].
    """
    limit = inverter.control.current_limit_pu if limit_pu is None else limit_pu
    if not 0 < limit <= 10:
        fix = "Give it over rated current: 1.2 to 2 is usual."
        raise_if_any("protection", [Fault("limit_pu", "be in (0, 10]", (limit,), fix=fix)])
    return limit * W_PER_KW * inverter.rating_kva / (math.sqrt(3) * inverter.line_voltage_v)


def fuse_clearing(
    fuse: FuseCurve | FuseEnergy, current_a: float, *, within_s: float
) -> FuseClearing:
    """Whether a fuse melts while inverters feed a fault; arcing is left out, so this is optimistic.

    Args:
        fuse: By its curve or its I^2 t.
        current_a: Rms, limited: of all inverters together.
        within_s: For which they can feed it, before they trip or the limit is lowered.

    Raises:
        InputError: A current or time that is not above 0 and finite.
    """
    faults = [
        Fault(name, "be above 0 and finite", (value,))
        for name, value in (("current_a", current_a), ("within_s", within_s))
        if not (math.isfinite(value) and value > 0)
    ]
    raise_if_any("protection", faults)
    melting_s = fuse.melting_time_s(current_a)
    outcome: Clearing = "clears" if melting_s <= within_s else "does not clear"
    return FuseClearing(
        outcome, fuse.name, current_a, melting_s, within_s, _needed_a(fuse, within_s)
    )


def _needed_a(fuse: FuseCurve | FuseEnergy, within_s: float) -> float:
    """Least current that melts the fuse in time."""
    if isinstance(fuse, FuseEnergy):
        return max(math.sqrt(fuse.melting_a2s / within_s), fuse.least_current_a)
    if within_s >= fuse.melting_s[0]:
        return fuse.current_a[0]
    if within_s <= fuse.melting_s[-1]:
        return fuse.current_a[-1] * math.sqrt(fuse.melting_s[-1] / within_s)
    times, currents = np.log(fuse.melting_s[::-1]), np.log(fuse.current_a[::-1])
    return float(np.exp(np.interp(math.log(within_s), times, currents)))

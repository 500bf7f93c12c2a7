"""A signal that a fleet follows, and what following it pays, hour by hour."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken, unique

BEYOND = 1e-6  # by which a signal may lie outside [-1, 1] for rounding


@dataclass(frozen=True)
class Signal:
    """Shares of an award that are asked for, tick by tick; above 0 into the grid.

    Attributes:
        tick_s: Time between values; each holds until the next.
        share: In [-1, 1]; NaN where none came.

    Raises:
        InputError: A share out of range, no share at all, or a tick that is not above 0.
    """

    tick_s: float
    share: Float[Array, " tick"]

    def __post_init__(self) -> None:
        records.check(self, "signal")
        faults: list[Fault] = []
        if not 0 < self.tick_s <= 3600:
            faults.append(Fault("tick_s", "be above 0 and at most 3600 s", (self.tick_s,)))
        known = np.isfinite(self.share)
        if not known.any():
            faults.append(Fault("share", "have at least one value"))
        outside = np.isinf(self.share) | (known & (np.abs(self.share) > 1.0 + BEYOND))
        fix = "Divide by the award; a value that did not come is empty."
        faults += broken("share", ~outside, "lie in [-1, 1]", values=self.share, fix=fix)
        raise_if_any("signal", faults)

    def __len__(self) -> int:
        return len(self.share)

    @property
    def hours(self) -> float:
        """How long it lasts."""
        return len(self) * self.tick_s / 3600.0

    @property
    def mileage_per_h(self) -> float:
        """How far it moves in an hour, in awards; gaps are left out."""
        known = self.share[np.isfinite(self.share)]
        return float(np.abs(np.diff(known)).sum()) / self.hours


@dataclass(frozen=True)
class RegulationMarket:
    """Clearing prices of regulation, per MW and hour.

    Attributes:
        time_utc: When each price begins to hold.
        capability_per_mw: Of the award.
        performance_per_mw: Of the way that it is followed, before its mileage ratio.

    Raises:
        InputError: Times that do not rise, or prices that are not finite; a negative price of
            performance.
    """

    time_utc: Shaped[Array, " price"]
    capability_per_mw: Float[Array, " price"]
    performance_per_mw: Float[Array, " price"]

    def __post_init__(self) -> None:
        records.check(self, "regulation_market")
        faults = unique("time_utc", self.time_utc, fix="Keep one price for each time.")
        if not faults and (np.diff(self.time_utc) < np.timedelta64(0)).any():
            faults.append(Fault("time_utc", "rise from row to row"))
        for name, least in (("capability_per_mw", -np.inf), ("performance_per_mw", 0.0)):
            values = getattr(self, name)
            good = np.isfinite(values) & (values >= least)
            rule = "be finite" if least < 0 else "be at least 0 and finite"
            faults += broken(name, good, rule, values=values)
        raise_if_any("regulation_market", faults)

    def at(self, time_utc: Shaped[Array, " other"]) -> "RegulationMarket":
        """The prices that hold at these times.

        Raises:
            InputError: Times before the first price, or in a gap or after the last by more than the
                usual interval.
        """
        row = np.searchsorted(self.time_utc, time_utc, side="right") - 1
        widths = np.diff(self.time_utc)
        width = np.median(widths) if len(widths) else np.timedelta64(1, "h")
        late = time_utc >= self.time_utc[row] + width  # a price does not hold through a gap
        unknown = np.flatnonzero((row < 0) | late)
        if len(unknown):
            first, last = (str(time) for time in (self.time_utc[0], self.time_utc[-1] + width))
            rule = f"have prices of regulation, which are there from {first} to {last} but for gaps"
            got = tuple(str(time) for time in time_utc[unknown])
            fix = "Choose another horizon, shift_weeks, or fill the gap."
            raise_if_any("regulation_market", [Fault("time_utc", rule, got, fix=fix)])
        return RegulationMarket(time_utc, self.capability_per_mw[row], self.performance_per_mw[row])

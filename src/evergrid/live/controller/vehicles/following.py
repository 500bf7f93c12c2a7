"""Does each station do what it accepted? Orders, acceptances and meter values side by side.

Accepted is not applied: a station whose meter contradicts its orders again and again is taken out
of what follows the signal, and its metered power is made up for by the others.
"""

from dataclasses import dataclass, field

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int

SETTLE_S = 5.0  # after an order was accepted, before a meter value must agree with it
TOLERANCE_SHARE = 0.1  # of the rating, by which a meter may differ from an order
TOLERANCE_KW = 0.5
MISSES = 3  # meter values in a row that contradict the order, after which it is believed
HITS = 2  # that agree, after which a station follows again


@dataclass
class Following:
    """One row for each station; power is positive into the grid, times are monotonic seconds.

    Attributes:
        ordered_kw: Last order; NaN where there is none.
        accepted_kw: Last order that the station accepted; NaN where there is none.
        accepted_s: When.
        measured_kw: Last meter value; NaN where there is none.
        measured_s: When.
        misses: Meter values in a row that contradict the order.
        hits: Meter values in a row that agree with it.
        follows: Whether the station counts as one that does what it accepts.
    """

    ordered_kw: Float[Array, " station"]
    accepted_kw: Float[Array, " station"]
    accepted_s: Float[Array, " station"]
    measured_kw: Float[Array, " station"]
    measured_s: Float[Array, " station"]
    misses: Int[Array, " station"]
    hits: Int[Array, " station"]
    follows: Bool[Array, " station"] = field(repr=False)

    @classmethod
    def of(cls, stations: int) -> "Following":
        """Stations of which nothing is known yet."""

        def nothing() -> Float[Array, " station"]:
            return np.full(stations, np.nan)

        return cls(
            nothing(),
            nothing(),
            np.full(stations, -np.inf),
            nothing(),
            np.full(stations, -np.inf),
            np.zeros(stations, np.int64),
            np.zeros(stations, np.int64),
            np.ones(stations, np.bool_),
        )

    def forget(self, row: int) -> None:
        """Nobody is plugged in any more."""
        self.ordered_kw[row] = self.accepted_kw[row] = self.measured_kw[row] = np.nan
        self.accepted_s[row] = self.measured_s[row] = -np.inf
        self.misses[row] = self.hits[row] = 0
        self.follows[row] = True

    def accept(self, row: int, power_kw: float, now_s: float) -> None:
        """The station accepted an order."""
        if power_kw != self.accepted_kw[row]:
            self.accepted_kw[row], self.accepted_s[row] = power_kw, now_s

    def measure(
        self,
        row: int,
        power_kw: float,
        now_s: float,
        rating_kw: float,
        *,
        slowing: bool = False,
        shift_kw: float = 0.0,
    ) -> bool:
        """A meter value; returns whether the station's `follows` changed.

        Args:
            row: Of the station.
            power_kw: Into the grid.
            now_s: When, monotonic seconds.
            rating_kw: That the tolerance is a share of.
            slowing: Whether the vehicle is near full, where it draws less than it may: one such
                value is then enough.
            shift_kw: What the station may add to its order by itself, by the frequency.
        """
        self.measured_kw[row], self.measured_s[row] = power_kw, now_s
        accepted = self.accepted_kw[row]
        if np.isnan(accepted) or now_s < self.accepted_s[row] + SETTLE_S:
            return False
        apart = min(abs(power_kw - accepted), abs(power_kw - accepted - shift_kw))
        wrong = apart > max(TOLERANCE_SHARE * rating_kw, TOLERANCE_KW)
        self.misses[row] = self.misses[row] + 1 if wrong else 0
        self.hits[row] = 0 if wrong else self.hits[row] + 1
        before = bool(self.follows[row])
        less = slowing and accepted < power_kw <= 0.0
        if before and self.misses[row] >= (1 if less else MISSES):
            self.follows[row] = False
        elif not before and self.hits[row] >= HITS:
            self.follows[row] = True
        return bool(self.follows[row]) != before

    @property
    def power_kw(self) -> Float[Array, " station"]:
        """What each station most likely does: what it measured since its last order, or accepted.

        Unknown is 0.
        """
        known = np.where(
            np.isnan(self.accepted_kw) | (self.measured_s >= self.accepted_s) | ~self.follows,
            self.measured_kw,
            self.accepted_kw,
        )
        return np.nan_to_num(known)

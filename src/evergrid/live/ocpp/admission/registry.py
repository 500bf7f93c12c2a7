"""Which connection is a station's, when it can have only one?

The newest connection that proved who it is wins, as a station that lost its link cannot close the
old one. A connection that ends takes out itself, never a newer one.
"""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar, final

from evergrid.core.units import S_PER_MIN
from evergrid.live.clock import AbstractClock

MOST_PER_MINUTE = 6
HOLD_DOWN_S = 60.0

C = TypeVar("C")


@final
class Registry(Generic[C]):
    """Connections by station.

    Args:
        clock: For how often a station comes back.
        per_minute: Connections of one station; beyond it, it is held off.
    """

    def __init__(self, clock: AbstractClock, per_minute: int = MOST_PER_MINUTE) -> None:
        self._clock, self._per_minute = clock, per_minute
        self._current: dict[str, C] = {}
        self._arrivals: dict[str, deque[float]] = {}
        self._held_until: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._current)

    def __iter__(self) -> Iterator[C]:
        return iter(tuple(self._current.values()))

    def get(self, station: str) -> C | None:
        """The station's connection."""
        return self._current.get(station)

    def held_off(self, station: str) -> bool:
        """Whether the station has come back too often and must wait."""
        return self._clock.monotonic_s() < self._held_until.get(station, 0.0)

    def arrives(self, station: str) -> bool:
        """Count an arrival; whether it begins a hold-down, and must be refused.

        Call it only for a station that has proved who it is: nobody else can hold it off.
        """
        now = self._clock.monotonic_s()
        arrivals = self._arrivals.setdefault(station, deque(maxlen=self._per_minute + 1))
        arrivals.append(now)
        flapping = len(arrivals) > self._per_minute and now - arrivals[0] < S_PER_MIN
        if flapping:
            self._held_until[station] = now + HOLD_DOWN_S
            arrivals.clear()
        return flapping

    def put(self, station: str, connection: C) -> C | None:
        """Make a connection the station's; the one that it replaces."""
        older = self._current.get(station)
        self._current[station] = connection
        return older

    def remove(self, station: str, connection: C) -> bool:
        """Take a connection out, if it still is the station's."""
        if self._current.get(station) is not connection:
            return False
        del self._current[station]
        return True

"""How often may somebody try, before trying again has to wait?"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import final

from evergrid.live.clock import AbstractClock


@final
class RateLimit:
    """Tries by name: so many at once, and one more each so many seconds.

    What is remembered is bounded; the name that tried least recently is forgotten first.

    Args:
        clock: That lets tries come back.
        burst: Tries at once.
        refill_s: After which one more is allowed.
        names: Remembered.
    """

    def __init__(
        self, clock: AbstractClock, *, burst: int, refill_s: float, names: int = 20_000
    ) -> None:
        self._clock, self._burst, self._refill_s, self._names = clock, burst, refill_s, names
        self._used: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def _used_now(self, name: Hashable) -> float:
        used, since = self._used.get(name, (0.0, 0.0))
        return max(used - (self._clock.monotonic_s() - since) / self._refill_s, 0.0)

    def allows(self, name: Hashable) -> bool:
        """Whether one more try is within the limit; it is not counted."""
        return self._used_now(name) <= self._burst - 1

    def count(self, name: Hashable) -> None:
        """Count a try."""
        used = min(self._used_now(name) + 1, float(self._burst))
        self._used[name] = (used, self._clock.monotonic_s())
        self._used.move_to_end(name)
        if len(self._used) > self._names:
            self._used.popitem(last=False)

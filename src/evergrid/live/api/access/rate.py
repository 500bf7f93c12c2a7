"""How often somebody may ask, and how many at once."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import final

ROUNDING = 1e-6  # of a request
MOST_NAMES = 10_000  # remembered; the one not heard of for longest is forgotten first


@final
class Rate:
    """Requests that each name has left.

    Args:
        per_s: Come back in a second.
        burst: At once.
        most: Names remembered at most.
    """

    def __init__(self, per_s: float, burst: int, *, most: int = MOST_NAMES) -> None:
        self._per_s, self._burst, self._most = per_s, float(burst), most
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, name: str, now_s: float) -> int:
        """Take one: 0 where there was one, else the whole seconds until there is.

        Args:
            name: Whose.
            now_s: Of a clock that never goes back.
        """
        left, then_s = self._left.pop(name, (self._burst, now_s))
        left = min(left + (now_s - then_s) * self._per_s, self._burst)
        allowed = left >= 1 - ROUNDING
        self._left[name] = (max(left - 1, 0.0) if allowed else left, now_s)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return 0 if allowed else math.ceil((1 - left) / self._per_s)


@final
class Gate:
    """Lets a few in at the same time, lets a few wait, and sends the others away.

    Args:
        inside: At the same time.
        waiting: At the same time.
    """

    def __init__(self, inside: int, waiting: int) -> None:
        self._inside, self._most, self._there = asyncio.Semaphore(inside), inside + waiting, 0

    @property
    def full(self) -> bool:
        """Whether one more would be sent away."""
        return self._there >= self._most

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Wait, and be inside."""
        self._there += 1
        try:
            async with self._inside:
                yield
        finally:
            self._there -= 1

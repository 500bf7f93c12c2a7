"""What time is it, and when is it later: the wall's clock, or one that a simulation moves.

Everything in `evergrid.live` reads this clock and no other. A virtual clock stands still while
anybody works (`working`), and then jumps to the next moment that somebody waits for, so that a day
passes as fast as it can be computed with no latency left out.
"""

import asyncio
import heapq
import itertools
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import final

SETTLE_PASSES = 3  # of the event loop, in which what a wake-up started takes up its work
STALLED_S = 2.0  # of the wall's clock, after which work that does not end no longer stops time

_NOTHING_HELD = nullcontext()


class AbstractClock(ABC):
    """A clock in UTC, with timers that a step of the wall's clock does not disturb."""

    @abstractmethod
    def now_s(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z; an operator may step the wall's clock."""

    @abstractmethod
    def monotonic_s(self) -> float:
        """Seconds since some moment, which never go back."""

    @abstractmethod
    async def sleep_until(self, monotonic_s: float) -> None:
        """Wait until a moment of `monotonic_s`; return at once where it has passed."""

    async def sleep(self, seconds: float) -> None:
        """Wait so long."""
        await self.sleep_until(self.monotonic_s() + seconds)

    def working(self, peer: str = "") -> AbstractContextManager[None]:
        """While inside, a virtual clock stands still.

        Enter it from sending a call until its answer is taken in, and while a message is handled.

        Args:
            peer: The station that a call was sent to, while its answer is waited for. Where that
                is simulated to be `silent`, time goes on.
        """
        return _NOTHING_HELD

    def silent(self, peer: str) -> AbstractContextManager[None]:
        """While inside, waiting for a station does not hold time: it is slow, or cannot hear."""
        return _NOTHING_HELD


@final
class WallClock(AbstractClock):
    """The clock of the machine."""

    def now_s(self) -> float:
        """Seconds since 1970, UTC."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds since the begin."""
        return time.monotonic()

    async def sleep_until(self, monotonic_s: float) -> None:
        """Wait until a moment."""
        await asyncio.sleep(max(monotonic_s - time.monotonic(), 0.0))


@final
class VirtualClock(AbstractClock):
    """A clock that `run` moves from one awaited moment to the next.

    Args:
        start_s: UTC at its begin, seconds since 1970.
    """

    def __init__(self, start_s: float) -> None:
        self._start_s, self._elapsed_s = start_s, 0.0
        self._busy = self._works = 0  # that goes on, and that has ended
        self._waits: Counter[str] = Counter()  # for the answer of each station
        self._silences: Counter[str] = Counter()
        self._idle = asyncio.Event()
        self._idle.set()
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self.stalls = 0
        """How often work did not end, and time went on nevertheless."""

    def now_s(self) -> float:
        """Seconds since 1970, UTC."""
        return self._start_s + self._elapsed_s

    def monotonic_s(self) -> float:
        """Seconds since the begin."""
        return self._elapsed_s

    async def sleep_until(self, monotonic_s: float) -> None:
        """Wait until a moment."""
        if monotonic_s <= self._elapsed_s:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (monotonic_s, next(self._order), future))
        await future

    @contextmanager
    def working(self, peer: str = "") -> Iterator[None]:
        """While inside, time stands still."""
        self._count(peer, 1)
        try:
            yield
        finally:
            self._count(peer, -1)

    @contextmanager
    def silent(self, peer: str) -> Iterator[None]:
        """While inside, waiting for a station does not hold time."""
        self._silences[peer] += 1
        if self._silences[peer] == 1:
            self._hold(-self._waits[peer])
        try:
            yield
        finally:
            self._silences[peer] -= 1
            if not self._silences[peer]:
                del self._silences[peer]
                self._hold(self._waits[peer])

    def _count(self, peer: str, by: int) -> None:
        if not peer:
            self._hold(by)
            return
        self._waits[peer] += by
        if not self._silences[peer]:
            self._hold(by)
        if not self._waits[peer]:
            del self._waits[peer]

    def _hold(self, by: int) -> None:
        self._busy += by
        self._works += by < 0
        if self._busy:
            self._idle.clear()
        else:
            self._idle.set()

    async def run(self, until_s: float) -> None:
        """Move on until a moment of `monotonic_s`, waking those who wait on the way.

        Those who wait for the same moment are woken one after the other, in the order in which
        they began to wait, each once the work of the one before has ended.
        """
        while True:
            await self._settled()
            if self._waiting and self._waiting[0][0] <= until_s:
                moment, _, future = heapq.heappop(self._waiting)
                self._elapsed_s = max(self._elapsed_s, moment)
                if not future.done():
                    future.set_result(None)
                continue
            self._elapsed_s = max(self._elapsed_s, until_s)
            return

    async def _settled(self) -> None:
        """Wait until nobody works, and whoever was just woken has had a chance to begin."""
        while True:
            before = self._works
            for _ in range(SETTLE_PASSES):
                await asyncio.sleep(0)
            if not self._busy:
                if self._works == before:
                    return
                continue  # what ended just now may have woken others
            try:
                await asyncio.wait_for(self._idle.wait(), STALLED_S)
            except TimeoutError:
                self.stalls += 1
                return


@final
class ShiftedClock(AbstractClock):
    """The clock of the machine, set to another moment: a day of the past, at the pace of now.

    Args:
        start_s: UTC at its begin, seconds since 1970.
    """

    def __init__(self, start_s: float) -> None:
        self._start_s, self._begin_s = start_s, time.monotonic()

    def now_s(self) -> float:
        """Seconds since 1970, UTC, from the moment it was set to."""
        return self._start_s + self.monotonic_s()

    def monotonic_s(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._begin_s

    async def sleep_until(self, monotonic_s: float) -> None:
        """Wait until a moment."""
        await asyncio.sleep(max(monotonic_s - self.monotonic_s(), 0.0))

"""A recorded signal, played tick by tick on the service's clock from the moment it starts."""

import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import final

from evergrid.data.signals import read_signal
from evergrid.live.clock import AbstractClock
from evergrid.live.signals.signal import AbstractSignalSource, SignalValue
from evergrid.model.time_series.signal import Signal

ROUNDING = 1e-6  # of a tick, by which a clock may have passed it


@final
class Replay(AbstractSignalSource):
    """A record whose first value comes at `start_s`, and each next one a tick later.

    A tick that is missing in the record is one in which nothing comes; its number is left out.
    Somebody who begins to listen later hears the values from then on.

    Args:
        signal: The record.
        clock: By which it is played.
        start_s: UTC seconds since 1970 of its first value; now where None.
        source: Its name.
    """

    def __init__(
        self,
        signal: Signal,
        clock: AbstractClock,
        *,
        start_s: float | None = None,
        source: str = "replay",
    ) -> None:
        self._signal, self._clock, self._source = signal, clock, source
        self._start_s = clock.now_s() if start_s is None else start_s
        self._start_monotonic_s = clock.monotonic_s() + self._start_s - clock.now_s()

    async def values(self) -> AsyncIterator[SignalValue]:
        """Each value at its tick; ends with the record."""
        tick_s, share = self._signal.tick_s, self._signal.share
        elapsed_s = self._clock.monotonic_s() - self._start_monotonic_s
        first = max(math.ceil(elapsed_s / tick_s - ROUNDING), 0)
        for tick in range(first, len(share)):
            if math.isnan(share[tick]):
                continue
            await self._clock.sleep_until(self._start_monotonic_s + tick * tick_s)
            time_s = self._start_s + tick * tick_s
            yield SignalValue(time_s, tick, float(share[tick]), self._source)


def replay_file(path: Path, clock: AbstractClock, *, start_s: float | None = None) -> Replay:
    """The record of a file, as `evergrid.data.signals.read_signal` reads it.

    Raises:
        MissingFileError, UnreadableFileError: No such file, or not of its format.
        InputError: Columns or cells that break rules.
    """
    return Replay(read_signal(path), clock, start_s=start_s, source=path.name)

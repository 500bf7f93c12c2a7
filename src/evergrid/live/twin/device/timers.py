"""What a simulated station does later, on the clock of everything."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, final

from evergrid.live.clock import AbstractClock


@final
class Timers:
    """Things to do later, by name; a name that is set again takes the place of the one before.

    Args:
        clock: Of everything.
    """

    def __init__(self, clock: AbstractClock) -> None:
        self._clock = clock
        self._versions: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.failures: list[BaseException] = []
        """What went wrong in what was done later."""

    def later(self, name: str, seconds: float, act: Callable[[], None]) -> None:
        """Do something after a while, unless the same name is set or cancelled before."""
        version = self._versions.get(name, 0) + 1
        self._versions[name] = version
        moment_s = self._clock.monotonic_s() + seconds
        self.run(self._wait(name, version, moment_s, act))

    def run(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something beside the rest; if it fails that is remembered."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def cancel(self, name: str) -> None:
        """Forget what was to be done later."""
        self._versions[name] = self._versions.get(name, 0) + 1

    async def stop(self) -> None:
        """Forget everything."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            self.failures.append(failure)

    async def _wait(
        self, name: str, version: int, moment_s: float, act: Callable[[], None]
    ) -> None:
        await self._clock.sleep_until(moment_s)
        if self._versions[name] == version:
            with self._clock.working():
                act()

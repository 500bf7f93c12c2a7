"""Read from the store in threads, a few at a time, beside the one that writes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, final

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from evergrid.core.errors import StoreError
from evergrid.live.clock import AbstractClock
from evergrid.live.store.database import postgresql
from evergrid.live.store.database.engine import READERS

Result = TypeVar("Result")


@final
class Reader:
    """Whoever reads.

    Args:
        engine: Of connections that cannot write.
        clock: Stands still, where it is virtual, while something is read.
    """

    def __init__(self, engine: Engine, clock: AbstractClock) -> None:
        self._engine, self._clock = engine, clock
        self._threads = ThreadPoolExecutor(READERS, "store-read")  # whoever else uses threads waits

    async def read(self, function: Callable[[Connection], Result]) -> Result:
        """What a function reads, from one state of the store.

        Raises:
            StoreError: It could not be read.
        """

        def run() -> Result:
            with self._engine.connect() as connection:
                return function(connection)

        with self._clock.working():
            try:
                return await asyncio.get_running_loop().run_in_executor(self._threads, run)
            except DBAPIError as error:
                said = postgresql.reason(error) or error.orig
                raise StoreError(f"The store cannot be read: {said}.") from error

    def close(self) -> None:
        """Let the threads end once they have read."""
        self._threads.shutdown(wait=True)

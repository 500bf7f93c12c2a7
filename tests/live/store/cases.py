"""A store for the length of a test."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from evergrid.live.clock import AbstractClock, WallClock
from evergrid.live.store.store import Store, StoreRules, open_store

Result = TypeVar("Result")


def with_store(
    path: Path,
    work: Callable[[Store], Awaitable[Result]],
    *,
    clock: AbstractClock | None = None,
    rules: StoreRules | None = None,
) -> Result:
    """What a function does with a store, in a loop of its own."""

    async def run() -> Result:
        async with open_store(path, clock=clock or WallClock(), rules=rules) as store:
            return await work(store)

    return asyncio.run(run())

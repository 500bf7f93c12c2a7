"""A process that appends under load and prints what was acknowledged, until it is killed."""

import asyncio
import os
import sys
from pathlib import Path

from evergrid.live.clock import WallClock
from evergrid.live.store.entry import Entry
from evergrid.live.store.store import Store, StoreRules, open_store

STATIONS = 20


async def send(store: Store, station: int, life: str) -> None:
    """Send one event after the other, and print each that was acknowledged."""
    sequence = 0
    while True:
        entry = Entry("transaction_event", 0.0, f"cp-{station}", life, sequence, bytes(1400))
        await store.log.append([entry])
        os.write(1, f"{station} {life} {sequence}\n".encode())
        sequence += 1


async def main(place: str, key_file: Path | None, life: str) -> None:
    """Open the store and let all stations send."""
    rules = StoreRules(key_file=key_file)
    async with open_store(place, clock=WallClock(), rules=rules) as store:
        await asyncio.gather(*(send(store, station, life) for station in range(STATIONS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]) if sys.argv[2] else None, sys.argv[3]))

"""A central system in a process of its own, to be killed.

Called with a folder, a number of stations and a port.
"""

import asyncio
import sys
from pathlib import Path

import uvloop

from benchmarks.live_load.service import served
from evergrid.live.ocpp.central_system import Listener


async def main(folder: Path, stations: int, port: int) -> None:
    """Serve until killed; the port is printed once stations may connect."""
    async with served(folder, stations, Listener(port=port)) as loaded:
        print(loaded.port, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))

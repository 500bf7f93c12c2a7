"""A gateway in a process of its own; called with the NATS port, its folder, and its own port."""

import asyncio
import gc
import sys
from pathlib import Path

import uvloop

from benchmarks.live_gateway.register import KEY
from evergrid.live.clock import WallClock
from evergrid.live.gateway.entry import NatsServerEntry
from evergrid.live.gateway.gateway import GatewayPlace, gateway
from evergrid.live.gateway.nats import NatsBroker
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import Listener


async def main(nats_port: int, folder: Path, port: int) -> None:
    """Hold connections until the process is ended."""
    entry = NatsServerEntry(port=nats_port, user="evergrid", password_file="password")
    broker = await NatsBroker.connect(entry, folder)
    place = GatewayPlace(
        "bench", Listener(port=port, shared=True), Settings(boot_wait_s=0.0), f"g{port}"
    )
    async with gateway(broker, KEY, WallClock(), place):
        await asyncio.Event().wait()


if __name__ == "__main__":
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))

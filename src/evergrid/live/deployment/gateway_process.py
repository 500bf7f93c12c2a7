"""A gateway as a process of its own, by the configuration of its service."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path

from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.live.clock import WallClock
from evergrid.live.config import Config
from evergrid.live.deployment import stores
from evergrid.live.deployment.listening import ocpp_settings, tls
from evergrid.live.gateway.entry import NatsServerEntry
from evergrid.live.gateway.gateway import GatewayPlace, gateway
from evergrid.live.gateway.nats import NatsBroker
from evergrid.live.gateway.site.site_controller import SiteRules
from evergrid.live.gateway.site.site_log import SiteLog
from evergrid.live.ocpp.central_system import Listener
from evergrid.live.store.key import Key
from evergrid.live.store.store import open_store

LOOK_S = 0.5  # between two looks at whether the service that started it is there


async def run(
    config: Config,
    folder: Path,
    nats: tuple[NatsServerEntry, Path] | None = None,
    *,
    name: str = "",
    ocpp_port: int | None = None,
    parent: int | None = None,
    site_log: Path | None = None,
) -> None:
    """Hold stations' connections until somebody ends it.

    Args:
        config: Of the service.
        folder: What relative paths of the configuration start from.
        nats: The broker and what its paths start from; that of the configuration where None.
        name: Of the gateway on the broker; a random one where "".
        ocpp_port: Where stations connect; that of the configuration where None. Others may
            listen there too.
        site_log: File of what the site does on its own while the controller is not reached; None
            for a gateway that waits for it.
        parent: Process that started this one, and that it ends with.

    Raises:
        BrokerDownError: The broker is not reached.
        NoAnswerError: The controller does not answer.
        ConfigError: No broker is named.
        StoreError: The key of secrets cannot be read.
    """
    if nats is None:
        if config.gateways.nats is None:
            fix = "Name the server that the service uses."
            raise ConfigError("config", [Fault("gateways.nats", "be given", fix=fix)])
        nats = (config.gateways.nats, folder)
    listen = config.listen
    port = listen.ocpp_port if ocpp_port is None else ocpp_port
    listener = Listener(listen.address, port, tls(listen, folder), shared=port != 0)
    clock, settings = WallClock(), config.gateways
    key = Key.read(stores.key_file(config, folder))
    async with AsyncExitStack() as stack:
        kept = None
        if site_log is not None:
            kept = SiteLog(await stack.enter_async_context(open_store(site_log, clock=clock)))
        rules = SiteRules(settings.alone_after_s, float(config.control.tick_s))
        signs = config.certificate_authority is not None
        place = GatewayPlace(
            settings.service, listener, ocpp_settings(config), name, kept, rules, signs
        )
        broker = await NatsBroker.connect(*nats)
        stack.push_async_callback(broker.close)
        await stack.enter_async_context(gateway(broker, key, clock, place))
        while parent is None or os.getppid() == parent:
            await asyncio.sleep(LOOK_S)

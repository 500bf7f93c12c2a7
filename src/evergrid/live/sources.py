"""The sources that a configuration names: of the signal, and of a utility's events."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import final

import numpy as np

from evergrid.core.timegrid import utc
from evergrid.data.files.locate import locate
from evergrid.live.clock import AbstractClock
from evergrid.live.config import Config, SignalSource
from evergrid.live.controller.controller import Controller
from evergrid.live.signals.brokers.entry import MqttEntry, NatsEntry
from evergrid.live.signals.iec104.entry import Iec104Entry
from evergrid.live.signals.replay import replay_file
from evergrid.live.signals.signal import AbstractSignalSource, TroubleReport
from evergrid.live.signals.utility import UtilityLimits
from evergrid.model.prices import Prices

SetPointSource = Callable[[str], AbstractSignalSource]
"""The set-points of a program of OpenADR, as a signal."""


@final
class _ProgramAlarms:
    """What is wrong with programs of OpenADR, as alarms of the service."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def begin(self, rule: str, program: str, text: str) -> None:
        """Something is wrong."""
        self._controller.raise_alarm(f"openadr: {rule}", program, text)

    def end(self, rule: str, program: str) -> None:
        """It no longer is."""
        self._controller.end_alarm(f"openadr: {rule}", program)


def programs(
    config: Config,
    limits: UtilityLimits,
    controller: Controller,
    folder: Path,
    clock: AbstractClock,
    stack: AsyncExitStack,
    prices: Prices,
    priced: Callable[[Prices], None],
) -> SetPointSource | None:
    """Follow the programs of OpenADR until the stack ends; None where there are none.

    Args:
        config: With the programs.
        limits: Where limits are put into force.
        controller: Told of what is wrong.
        folder: What relative paths start from.
        clock: What time it is.
        stack: With which it ends.
        prices: What energy costs without an event.
        priced: Told of new prices.

    Raises:
        InputError: An address that may not be asked, or a certificate that cannot be read.
    """
    if not config.openadr:
        return None
    from evergrid.live.signals.openadr.programs import OpenAdrPrograms

    followed = OpenAdrPrograms(
        config.openadr,
        limits,
        clock,
        folder=folder,
        alarms=_ProgramAlarms(controller),
        prices=prices,
        priced=priced,
        site_kw=partial(_site_kw, controller),
    )
    stack.push_async_callback(_ended, asyncio.create_task(followed.run()))
    tick_s = float(config.control.tick_s)
    return lambda program: followed.dispatch(program, tick_s)


def _site_kw(controller: Controller, site: str) -> float:
    """Power of all stations of a site into the grid, as metered."""
    fleet = controller.fleet
    at_site = fleet.chargers.sums(np.nan_to_num(fleet.following.power_kw))
    return float(at_site[fleet.sites.site_id.tolist().index(site)])


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def opened(
    config: SignalSource,
    controller: Controller,
    folder: Path,
    clock: AbstractClock,
    stack: AsyncExitStack,
    dispatched: SetPointSource | None = None,
) -> AbstractSignalSource:
    """The source, which ends with the stack. What it refuses is an alarm.

    Args:
        config: Which source.
        controller: Told of what is refused.
        folder: What relative paths start from.
        clock: What time it is.
        stack: With which it ends.
        dispatched: Set-points of a program of OpenADR; None where no program is followed.

    Raises:
        InputError: A file that breaks rules.
        MissingFileError: A file that is not there.
    """

    def told(kind: str, detail: str) -> None:
        controller.raise_alarm(f"signal: {kind}", "signal", detail)

    if config.mqtt is not None:
        return _mqtt(config.mqtt, folder, clock, told)
    if config.nats is not None:
        return _nats(config.nats, folder, clock, told)
    if config.iec104 is not None:
        return await _control_centre(config.iec104, controller, folder, clock, told, stack)
    if config.openadr is not None:
        assert dispatched is not None, "a configuration has the program that it names"
        return dispatched(config.openadr)
    assert config.file is not None, "a configuration has one source"
    start_s = None if config.start is None else utc(config.start, field="start").timestamp()
    return replay_file(locate(config.file, folder), clock, start_s=start_s)


# Each library is loaded only where its source is used.


def _mqtt(
    entry: MqttEntry, folder: Path, clock: AbstractClock, told: TroubleReport
) -> AbstractSignalSource:
    from evergrid.live.signals.brokers.mqtt import MqttLine
    from evergrid.live.signals.brokers.source import BrokerSource

    return BrokerSource(MqttLine(entry, folder), entry.positive, clock, told=told)


def _nats(
    entry: NatsEntry, folder: Path, clock: AbstractClock, told: TroubleReport
) -> AbstractSignalSource:
    from evergrid.live.signals.brokers.nats import NatsLine
    from evergrid.live.signals.brokers.source import BrokerSource

    return BrokerSource(NatsLine(entry, folder), entry.positive, clock, told=told)


async def _control_centre(
    entry: Iec104Entry,
    controller: Controller,
    folder: Path,
    clock: AbstractClock,
    told: TroubleReport,
    stack: AsyncExitStack,
) -> AbstractSignalSource:
    from evergrid.live.signals.iec104.station import ControlledStation
    from evergrid.live.signals.iec104.values import FleetMeasurement

    def measured() -> FleetMeasurement:
        fleet = controller.fleet
        held = fleet.available(1.0)
        return FleetMeasurement(clock.now_s(), fleet.power_kw, held.up_kw, held.down_kw)

    station = ControlledStation(entry, clock, measured, folder=folder, told=told)
    await station.start()
    stack.push_async_callback(station.stop)
    return station

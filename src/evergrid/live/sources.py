"""The source of the signal that a configuration names."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from evergrid.core.timegrid import utc
from evergrid.data.files.locate import locate
from evergrid.live.clock import AbstractClock
from evergrid.live.config import SignalSource
from evergrid.live.controller.controller import Controller
from evergrid.live.signals.brokers.entry import MqttEntry, NatsEntry
from evergrid.live.signals.iec104.entry import Iec104Entry
from evergrid.live.signals.replay import replay_file
from evergrid.live.signals.signal import AbstractSignalSource

Told = Callable[[str, str], None]


async def opened(
    config: SignalSource,
    controller: Controller,
    folder: Path,
    clock: AbstractClock,
    stack: AsyncExitStack,
) -> AbstractSignalSource:
    """The source, which ends with the stack. What it refuses is an alarm.

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
    assert config.file is not None, "a configuration has one source"
    start_s = None if config.start is None else utc(config.start, field="start").timestamp()
    return replay_file(locate(config.file, folder), clock, start_s=start_s)


# Each library is loaded only where its source is used.


def _mqtt(entry: MqttEntry, folder: Path, clock: AbstractClock, told: Told) -> AbstractSignalSource:
    from evergrid.live.signals.brokers.mqtt import MqttLine
    from evergrid.live.signals.brokers.source import BrokerSource

    return BrokerSource(MqttLine(entry, folder), entry.positive, clock, told=told)


def _nats(entry: NatsEntry, folder: Path, clock: AbstractClock, told: Told) -> AbstractSignalSource:
    from evergrid.live.signals.brokers.nats import NatsLine
    from evergrid.live.signals.brokers.source import BrokerSource

    return BrokerSource(NatsLine(entry, folder), entry.positive, clock, told=told)


async def _control_centre(
    entry: Iec104Entry,
    controller: Controller,
    folder: Path,
    clock: AbstractClock,
    told: Told,
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

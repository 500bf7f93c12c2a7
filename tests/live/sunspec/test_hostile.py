"""Devices that lie, break the protocol, or are no batteries: told once, and never believed."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from evergrid.live.clock import VirtualClock
from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.sunspec.adapter import SunSpecAdapter
from evergrid.live.sunspec.simulated_map import BEGIN, BatterySize, MeasurementPoints, map_of
from tests.live.sunspec.cases import START_S, Remembered, entry

Change = Callable[[list[int]], None]
SHOWN = MeasurementPoints(0.0, 0.5, 0.0, 0.0, 0, True, 0.0)
AC, CONTROL, CELLS = 70, 277, 349  # offsets in the map of the DER family
STORAGE, BATTERY = 150, 176  # and in that of the other


async def _watch(
    image: list[int],
    scene: Callable[[VirtualClock, SunSpecAdapter, Remembered, list[int]], Awaitable[None]],
    *,
    begin: int = BEGIN,
    refuses_writes: bool = False,
    pinned: tuple[int, ...] = (),
) -> None:
    """Serve registers that take writes and do nothing, with an adapter connected to them."""
    live: list[list[int]] = []

    async def access(
        function: int,
        _start: int,
        _address: int,
        _count: int,
        registers: list[int],
        _written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        live[:] = [registers]
        for at in pinned:
            registers[at] = image[at]
        return ExcCodes.DEVICE_BUSY if refuses_writes and function == 16 else None

    device = SimDevice(
        1, simdata=[SimData(begin, values=image, datatype=DataType.REGISTERS)], action=access
    )
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    listening: Any = server.transport  # a server of whichever event loop is used
    port = listening.sockets[0].getsockname()[1]
    clock, handler = VirtualClock(START_S), Remembered()
    adapter = SunSpecAdapter([entry(port)], handler, clock)
    running = asyncio.create_task(adapter.run())
    try:
        await clock.run(2.0)
        await scene(clock, adapter, handler, live[0])
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.shutdown()


def image(family: str, change: Change) -> list[int]:
    made = map_of(BatterySize(family=family))  # pyright: ignore[reportArgumentType] # one of two words
    registers = made.image()
    made.show(registers, SHOWN)
    change(registers)
    return registers


def setting(*changes: tuple[int, int]) -> Change:
    def change(registers: list[int]) -> None:
        for at, value in changes:
            registers[at] = value

    return change


NO_BATTERIES: dict[str, tuple[str, Change]] = {
    "no marker": ("der", setting((0, 0x5375), (1, 0))),
    "no common model": ("der", setting((2, 2))),
    "a chain that leaves the registers": ("der", setting((3, 60_000))),
    "a chain that never ends": (
        "der",
        lambda registers: registers.__setitem__(slice(2, None), [9, 0] * 300),
    ),
    "no control": ("der", setting((CONTROL, 64_002))),
    "no rating": (
        "der",
        setting((225 + 34, 0xFFFF), (225 + 10, 0xFFFF), (225 + 26, 0xFFFF), (225 + 2, 0xFFFF)),
    ),
    "a rating of nothing": ("der", setting((225 + 34, 0))),
    "a rating with a scale of a million": ("der", setting((225 + 45, 6))),
    "a scale factor that cannot be": ("der", setting((225 + 45, 99))),
    "no power": ("der", setting((AC + 10, 0x8000))),
    "a power of ten times its rating": ("der", setting((AC + 10, 30_000), (AC + 116, 2))),
    "a frequency of nothing": ("der", setting((AC + 17, 0), (AC + 18, 1))),
    "no state of charge": ("der", setting((CELLS + 4, 0xFFFF))),
    "a state of charge of 650 %": ("der", setting((CELLS + 4, 65_000))),
    "no capacity": ("der", setting((CELLS + 2, 0xFFFF))),
    "a capacity of nothing": ("der", setting((CELLS + 2, 0))),
    "no rates of storage": ("storage", setting((STORAGE + 2, 0xFFFF))),
    "a most charge below the reserve": ("storage", setting((BATTERY + 7, 500))),
}


@pytest.mark.parametrize("name", NO_BATTERIES)
def test_what_is_no_usable_battery_is_told_and_never_connected(name: str) -> None:
    async def scene(
        clock: VirtualClock, adapter: SunSpecAdapter, handler: Remembered, _live: list[int]
    ) -> None:
        await clock.run(400.0)
        assert not handler.online
        assert not handler.events
        assert handler.refusals
        assert len(handler.refusals) <= 14  # the wait between two tries grows
        order = PowerOrder("battery-1", 1, "any", 1.0)
        assert await adapter.order(order) is OrderResult.OFFLINE

    family, change = NO_BATTERIES[name]
    registers = image(family, change)
    asyncio.run(_watch(registers, scene))


@pytest.mark.parametrize("begin", [50_000, 0])
def test_a_map_may_begin_elsewhere(begin: int) -> None:
    async def scene(
        _clock: VirtualClock, _adapter: SunSpecAdapter, handler: Remembered, _live: list[int]
    ) -> None:
        assert handler.online == ["battery-1"]

    asyncio.run(_watch(image("der", setting()), scene, begin=begin))


async def _first_order(
    adapter: SunSpecAdapter, handler: Remembered, power_kw: float
) -> OrderResult:
    session = Session(
        "battery-1", 1, handler.events[0].transaction, 50.0, 50.0, power_kw, offline_s=30
    )
    return await adapter.begin(session)


@pytest.mark.parametrize(
    ("family", "change", "power_kw"),
    [
        ("storage", setting((STORAGE + 17, 0)), -5.0),  # may not charge from the grid
        ("der", setting((CONTROL + 55, 0x8000)), 5.0),  # no scale of its set-points
        ("storage", setting((STORAGE + 25, 3)), 5.0),  # steps of a thousand percent
    ],
)
def test_a_set_point_that_would_not_be_as_ordered_is_not_left_standing(
    family: str, change: Change, power_kw: float
) -> None:
    async def scene(
        clock: VirtualClock, adapter: SunSpecAdapter, handler: Remembered, live: list[int]
    ) -> None:
        assert handler.online == ["battery-1"]
        assert await _first_order(adapter, handler, power_kw) is OrderResult.REJECTED
        await clock.run(20.0)
        enabled = CONTROL + 22 if family == "der" else STORAGE + 5
        assert live[enabled] == 0

    asyncio.run(_watch(image(family, change), scene))


def test_a_battery_that_refuses_to_be_written_rejects() -> None:
    async def scene(
        _clock: VirtualClock, adapter: SunSpecAdapter, handler: Remembered, _live: list[int]
    ) -> None:
        assert await _first_order(adapter, handler, 5.0) is OrderResult.REJECTED

    asyncio.run(_watch(image("der", setting()), scene, refuses_writes=True))


def test_a_battery_that_would_never_end_an_order_gets_none() -> None:
    """Its reversion time stays 0 whatever is written."""

    async def scene(
        clock: VirtualClock, adapter: SunSpecAdapter, handler: Remembered, live: list[int]
    ) -> None:
        assert await _first_order(adapter, handler, 5.0) is OrderResult.REJECTED
        await clock.run(20.0)
        assert live[CONTROL + 22] == 0

    pinned = (CONTROL + 31, CONTROL + 32)
    asyncio.run(_watch(image("der", setting()), scene, pinned=pinned))


def test_a_chain_of_models_is_followed_for_a_while_only() -> None:
    async def scene(
        _clock: VirtualClock, _adapter: SunSpecAdapter, handler: Remembered, _live: list[int]
    ) -> None:
        assert "end within 128 models" in handler.refusals[0].detail

    registers = image("der", lambda registers: registers.extend([9, 0] * 300))
    registers[358:360] = [9, 0]  # where the chain would end
    asyncio.run(_watch(registers, scene))


def test_one_reading_that_cannot_be_is_left_out_and_three_end_the_connection() -> None:
    async def scene(
        clock: VirtualClock, _adapter: SunSpecAdapter, handler: Remembered, live: list[int]
    ) -> None:
        events = len(handler.events)
        live[AC + 10] = 30_000
        await clock.run(7.0)
        assert len(handler.events) == events
        assert [one.rule for one in handler.refusals] == ["reading cannot be"]
        assert not handler.lost
        live[AC + 10] = 0
        await clock.run(11.0)
        assert len(handler.events) > events
        live[AC + 10] = 30_000
        await clock.run(40.0)
        assert handler.lost == ["battery-1"]

    registers = image("der", setting())
    asyncio.run(_watch(registers, scene))


def test_bytes_that_are_no_modbus_end_the_connection_only() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)
        await writer.drain()
        writer.close()

    async def scene() -> None:
        server = await asyncio.start_server(babble, "127.0.0.1", 0)
        clock, handler = VirtualClock(START_S), Remembered()
        port = server.sockets[0].getsockname()[1]
        adapter = SunSpecAdapter([entry(port)], handler, clock)
        running = asyncio.create_task(adapter.run())
        await clock.run(20.0)
        assert not running.done()
        assert not handler.online
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        server.close()

    asyncio.run(scene())


def test_answers_that_were_changed_on_the_way_never_end_the_adapter_nor_start_an_order() -> None:
    """Every byte that a battery sends may be another one."""
    chance = random.Random(502)

    def mutated(sending: bool, data: bytes) -> bytes:
        changed = bytearray(data)
        if sending and chance.random() < 0.04:
            for _ in range(chance.randint(1, 3)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed)

    async def scene() -> None:
        registers = image("der", setting())
        data = SimData(BEGIN, values=registers, datatype=DataType.REGISTERS)
        server = ModbusTcpServer(
            SimDevice(1, simdata=[data]), address=("127.0.0.1", 0), trace_packet=mutated
        )
        await server.serve_forever(background=True)
        listening: Any = server.transport
        clock, handler = VirtualClock(START_S), Remembered()
        port = listening.sockets[0].getsockname()[1]
        adapter = SunSpecAdapter([entry(port, timeout_s=0.02)], handler, clock)
        running = asyncio.create_task(adapter.run())
        for _ in range(60):
            await clock.run(clock.monotonic_s() + 60.0)
        assert not running.done()
        assert len(handler.events) > 100
        assert len(handler.lost) > 10
        for one in handler.events:
            (read,) = one.readings
            assert read.power_kw is not None
            assert abs(read.power_kw) <= 75.0
            assert read.soc is None or 0 <= read.soc <= 1
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.shutdown()

    asyncio.run(scene())

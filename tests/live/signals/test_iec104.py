"""An operator's own line: set-points in, measured values out, and nobody else let in."""

import asyncio
import math
import random
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from hat.drivers import iec104, net

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError
from evergrid.live.clock import VirtualClock
from evergrid.live.signals.iec104 import station as stations
from evergrid.live.signals.iec104.entry import Iec104Entry
from evergrid.live.signals.iec104.station import ControlledStation
from evergrid.live.signals.iec104.values import FleetMeasurement, tagged_s
from evergrid.live.signals.signal import SignalValue

START_S = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
CAUSES, DATA = iec104.CommandResCause, iec104.DataResCause
WAIT_S = 3.0  # of the machine's clock, for an answer


def command(value: float, **changed: Any) -> iec104.CommandMsg:
    select = changed.pop("select", False)
    asked = iec104.FloatingCommand(iec104.FloatingValue(value), select)
    cause = iec104.CommandReqCause.ACTIVATION
    return iec104.CommandMsg(False, 0, 1, 1001, asked, False, None, cause)._replace(**changed)


class Line:
    """A control centre, by the library's client."""

    def __init__(self, connection: iec104.Connection) -> None:
        self._connection = connection
        self._got: list[Any] = []

    async def send(self, *messages: Any) -> None:
        await self._connection.send(list(messages))

    async def next(self, kind: type = iec104.CommandMsg) -> Any:
        """The next message of a kind; others are left out."""
        async with asyncio.timeout(WAIT_S):
            while True:
                while self._got:
                    message = self._got.pop(0)
                    if isinstance(message, kind):
                        return message
                self._got.extend(await self._connection.receive())

    async def answered(self, message: Any) -> tuple[Any, bool]:
        """Cause of the first answer, and whether it is negative."""
        await self.send(message)
        answer = await self.next()
        return answer.cause, answer.is_negative_confirm

    async def close(self) -> None:
        await self._connection.async_close()
        await asyncio.sleep(0.02)


class Case:
    def __init__(self, folder: Path, **changed: Any) -> None:
        self.clock = VirtualClock(START_S)
        self.told: list[tuple[str, str]] = []
        self.measured = FleetMeasurement(START_S, 120.0, 50.0, 70.0, 10.0)
        given = {"port": 0, "full_kw": 500.0, "unit": "kW"}
        self.entry = parse(Iec104Entry, given | changed)
        self.station = ControlledStation(
            self.entry,
            self.clock,
            lambda: self.measured,
            folder=folder,
            told=lambda rule, text: self.told.append((rule, text)),
        )
        self.values: list[SignalValue] = []

    async def listen(self) -> None:
        async for value in self.station.values():
            self.values.append(value)

    async def connect(self, **given: Any) -> Line:
        address = net.TcpAddress("127.0.0.1", self.station.port)
        return Line(await iec104.connect(address, **given))

    async def turned_away(self, **given: Any) -> None:
        """Nobody answers a control centre that connects like this."""

        async def ask() -> None:
            line = await self.connect(response_timeout=0.5, **given)
            await line.answered(command(1.0))

        with pytest.raises((OSError, asyncio.TimeoutError)):
            await ask()

    @property
    def shares(self) -> list[float]:
        return [round(one.value, 6) for one in self.values]


@asynccontextmanager
async def case(folder: Path = Path(), **changed: Any) -> AsyncIterator[Case]:
    made = Case(folder, **changed)
    await made.station.start()
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await made.station.stop()
        await asyncio.sleep(0.02)


def play(scene: Callable[[Case, Line], Awaitable[None]], **changed: Any) -> None:
    async def whole() -> None:
        async with case(**changed) as made:
            line = await made.connect()
            await scene(made, line)
            await line.close()

    asyncio.run(whole())


def test_a_set_point_is_confirmed_followed_and_ended() -> None:
    async def scene(made: Case, line: Line) -> None:
        assert await line.answered(command(250.0)) == (CAUSES.ACTIVATION_CONFIRMATION, False)
        assert (await line.next()).cause is CAUSES.ACTIVATION_TERMINATION
        assert await line.answered(command(-500.0)) == (CAUSES.ACTIVATION_CONFIRMATION, False)
        assert made.shares == [0.5, -1.0]
        assert [one.sequence for one in made.values] == [0, 1]

    play(scene)


@pytest.mark.parametrize(
    ("changed", "value", "share"),
    [
        ({"unit": "MW"}, 0.25, 0.5),
        ({"unit": "MW", "positive": "from_grid"}, 0.25, -0.5),
        ({"unit": "kW", "positive": "from_grid"}, -100.0, 0.2),
    ],
)
def test_unit_and_sign_are_those_of_the_line(
    changed: dict[str, Any], value: float, share: float
) -> None:
    async def scene(made: Case, line: Line) -> None:
        await line.answered(command(value))
        assert made.shares == [share]
        await made.clock.run(2.0)
        told = await line.next(iec104.DataMsg)
        size = 1000.0 if changed["unit"] == "MW" else 1.0
        sign = -1.0 if changed.get("positive") == "from_grid" else 1.0
        assert told.data.value.value == pytest.approx(sign * 120.0 / size)

    play(scene, **changed)


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (command(math.nan), CAUSES.ACTIVATION_CONFIRMATION),
        (command(math.inf), CAUSES.ACTIVATION_CONFIRMATION),
        (command(500.1), CAUSES.ACTIVATION_CONFIRMATION),
        (command(3e38), CAUSES.ACTIVATION_CONFIRMATION),
        (command(1.0, asdu_address=2), CAUSES.UNKNOWN_ASDU_ADDRESS),
        (command(1.0, io_address=7), CAUSES.UNKNOWN_IO_ADDRESS),
        (command(1.0, cause=CAUSES.ACTIVATION_TERMINATION), CAUSES.UNKNOWN_CAUSE),
        (
            command(1.0, command=iec104.SingleCommand(iec104.SingleValue.ON, False, 0)),
            CAUSES.UNKNOWN_TYPE,
        ),
        (
            command(1.0, command=iec104.NormalizedCommand(iec104.NormalizedValue(0.5), False)),
            CAUSES.UNKNOWN_TYPE,
        ),
    ],
)
def test_what_is_no_set_point_for_us_is_refused(message: iec104.CommandMsg, cause: Any) -> None:
    async def scene(made: Case, line: Line) -> None:
        assert await line.answered(message) == (cause, True)
        assert made.shares == []
        assert [what for what, _ in made.told] == ["set-point refused"]

    play(scene)


def test_a_test_is_confirmed_and_not_followed() -> None:
    async def scene(made: Case, line: Line) -> None:
        assert await line.answered(command(9.0, is_test=True)) == (
            CAUSES.ACTIVATION_CONFIRMATION,
            False,
        )
        assert made.shares == []

    play(scene)


def test_a_set_point_is_executed_only_as_it_was_selected_and_in_time() -> None:
    async def scene(made: Case, line: Line) -> None:
        confirmed = CAUSES.ACTIVATION_CONFIRMATION
        assert await line.answered(command(100.0)) == (confirmed, True)
        assert await line.answered(command(100.0, select=True)) == (confirmed, False)
        assert await line.answered(command(200.0)) == (confirmed, True)
        assert await line.answered(command(100.0)) == (confirmed, False)
        await line.next()
        assert await line.answered(command(100.0)) == (confirmed, True)  # once only
        assert await line.answered(command(300.0, select=True)) == (confirmed, False)
        await made.clock.run(11.0)
        assert await line.answered(command(300.0)) == (confirmed, True)
        assert await line.answered(command(50.0, select=True)) == (confirmed, False)
        cancel = command(50.0, cause=iec104.CommandReqCause.DEACTIVATION)
        assert await line.answered(cancel) == (CAUSES.DEACTIVATION_CONFIRMATION, False)
        assert await line.answered(command(50.0)) == (confirmed, True)
        assert set(made.shares) == {0.2}

    play(scene, select_first=True)


def test_another_line_does_not_execute_what_one_selected() -> None:
    async def scene(made: Case, line: Line) -> None:
        other = await made.connect()
        confirmed = CAUSES.ACTIVATION_CONFIRMATION
        assert await line.answered(command(100.0, select=True)) == (confirmed, False)
        assert await other.answered(command(100.0)) == (confirmed, True)
        assert await other.answered(command(100.0, select=True)) == (confirmed, True)
        cancel = command(100.0, cause=iec104.CommandReqCause.DEACTIVATION)
        assert await other.answered(cancel) == (CAUSES.DEACTIVATION_CONFIRMATION, True)
        await line.close()
        assert await other.answered(command(100.0, select=True)) == (confirmed, False)
        assert await other.answered(command(100.0)) == (confirmed, False)
        await other.close()

    play(scene, select_first=True)


@pytest.mark.parametrize(
    ("ahead_s", "negative"), [(0, False), (-8, False), (-12, True), (60, True)]
)
def test_an_old_set_point_that_is_played_again_is_refused(ahead_s: int, negative: bool) -> None:
    async def scene(made: Case, line: Line) -> None:
        moment = datetime.fromtimestamp(START_S + ahead_s, UTC)
        tag = iec104.time_from_datetime(moment)
        tag = tag._replace(hours=moment.hour, minutes=moment.minute)
        assert tagged_s(tag) == START_S + ahead_s
        answer = await line.answered(command(10.0, time=tag))
        assert answer == (CAUSES.ACTIVATION_CONFIRMATION, negative)
        invalid = tag._replace(invalid=True)
        assert (await line.answered(command(10.0, time=invalid)))[1] or not negative

    play(scene)


def test_a_set_point_holds_while_its_line_is_there_but_not_for_ever() -> None:
    async def scene(made: Case, line: Line) -> None:
        await line.answered(command(250.0))
        await made.clock.run(50.0)
        assert len(made.values) == 26
        assert set(made.shares) == {0.5}
        await made.clock.run(200.0)
        assert len(made.values) == 31
        await line.answered(command(100.0))
        await made.clock.run(210.0)
        count = len(made.values)
        await line.close()
        await made.clock.run(300.0)
        assert len(made.values) == count

    play(scene)


def test_measured_values_come_with_their_quality() -> None:
    async def scene(made: Case, line: Line) -> None:
        made.measured = FleetMeasurement(START_S, 120.0, None, math.nan, 1e39)
        await made.clock.run(2.0)
        told = [await line.next(iec104.DataMsg) for _ in range(4)]
        assert [one.io_address for one in told] == [2001, 2002, 2003, 2004]
        assert [one.cause for one in told] == [DATA.PERIODIC] * 4
        assert [one.data.quality.invalid for one in told] == [False, True, True, False]
        assert [one.data.quality.overflow for one in told] == [False, False, False, True]
        assert not any(one.data.quality.not_topical for one in told)
        await made.clock.run(34.0)
        late: list[Any] = []
        for _ in range(16):
            late = [await line.next(iec104.DataMsg) for _ in range(4)]
        assert all(one.data.quality.not_topical for one in late)

    play(scene)


def test_an_interrogation_is_confirmed_answered_and_ended() -> None:
    async def scene(made: Case, line: Line) -> None:
        asked = iec104.InterrogationMsg(False, 0, 1, 20, False, iec104.CommandReqCause.ACTIVATION)
        await line.send(asked)
        kinds = (iec104.InterrogationMsg, iec104.DataMsg)
        got = [await line.next(kinds) for _ in range(6)]  # pyright: ignore[reportArgumentType] # two kinds
        assert got[0].cause is CAUSES.ACTIVATION_CONFIRMATION
        assert {one.cause for one in got[1:5]} == {DATA.INTERROGATED_STATION}
        assert got[5].cause is CAUSES.ACTIVATION_TERMINATION
        await line.send(asked._replace(asdu_address=9), asked._replace(request=21))
        wrong = [await line.next(iec104.InterrogationMsg) for _ in range(2)]
        assert all(one.is_negative_confirm for one in wrong)

    play(scene)


def test_other_questions_are_answered_and_change_nothing() -> None:
    async def scene(made: Case, line: Line) -> None:
        tag = iec104.time_from_datetime(datetime(2099, 1, 1, tzinfo=UTC))
        activation = iec104.ActivationReqCause.ACTIVATION
        await line.send(
            iec104.ClockSyncMsg(False, 0, 1, tag, False, iec104.ClockSyncReqCause.ACTIVATION)
        )
        assert (await line.next(iec104.ClockSyncMsg)).is_negative_confirm
        await line.send(iec104.TestMsg(False, 0, 1, 7, tag, activation))
        assert (await line.next(iec104.TestMsg)).counter == 7
        await line.send(iec104.ReadMsg(False, 0, 1, 2001, iec104.ReadReqCause.REQUEST))
        assert (await line.next(iec104.DataMsg)).cause is DATA.REQUEST
        await line.send(iec104.ReadMsg(False, 0, 1, 9, iec104.ReadReqCause.REQUEST))
        assert (await line.next(iec104.ReadMsg)).cause is iec104.ReadResCause.UNKNOWN_IO_ADDRESS
        await line.send(iec104.ResetMsg(False, 0, 1, 1, activation))
        assert (await line.next(iec104.ResetMsg)).cause is iec104.ActivationResCause.UNKNOWN_TYPE
        assert made.clock.now_s() == START_S
        assert made.shares == []

    play(scene)


def test_nobody_else_is_let_in_and_not_more_than_a_few() -> None:
    async def scene() -> None:
        async with case(clients=("192.0.2.1",)) as made:
            await made.turned_away()
            assert made.shares == []
            assert [what for what, _ in made.told] == ["line refused"]
        async with case() as made:
            lines = [await made.connect() for _ in range(stations.MOST_LINES)]
            await made.turned_away()
            for line in lines:
                await line.close()
            assert made.station.lines == 0
            again = await made.connect()
            await again.answered(command(50.0))
            assert made.shares == [0.1]
            await again.close()

    asyncio.run(scene())


FRAMES = [
    b"\x68",
    b"\x00" * 40,
    b"\x68\x00\x00\x00\x00\x00",
    b"\x68\xff" + b"\xff" * 300,
    b"\x68\x04\x07\x00\x00\x00" + b"\x68\x0e\x00\x00\x00\x00" + b"\xff" * 10,
    b"\x68\x04\x07\x00\x00\x00" + b"\x68\x05\x00\x00\x00\x00\x32",
    b"\x68\x04\x07\x00\x00\x00"
    + b"\x68\x12\x02\x00\x00\x00\x32\x01\x06\x00\x01\x00\xe9\x03\x00"
    + struct.pack("<f", 1.0)
    + b"\x00",  # a sequence number that is not the next
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
]


@pytest.mark.parametrize("frame", FRAMES)
def test_bytes_that_are_no_protocol_cost_their_own_line_only(frame: bytes) -> None:
    async def scene(made: Case, line: Line) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", made.station.port)
        writer.write(frame)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await reader.read()
        assert await line.answered(command(250.0)) == (CAUSES.ACTIVATION_CONFIRMATION, False)
        assert made.shares == [0.5]

    play(scene)


def test_mutated_frames_never_end_the_station_nor_pass_a_set_point_beyond_the_award() -> None:
    valid = (
        b"\x68\x04\x07\x00\x00\x00"
        + b"\x68\x12\x00\x00\x00\x00\x32\x01\x06\x00\x01\x00\xe9\x03\x00"
        + struct.pack("<f", 100.0)
        + b"\x00"
    )
    chance = random.Random(60870)

    async def scene(made: Case, line: Line) -> None:
        for _ in range(300):
            frame = bytearray(valid)
            for _ in range(chance.randint(0, 4)):
                frame[chance.randrange(6, len(frame))] = chance.randrange(256)
            reader, writer = await asyncio.open_connection("127.0.0.1", made.station.port)
            writer.write(bytes(frame))
            await writer.drain()
            await asyncio.sleep(0)
            writer.close()
            with suppress(ConnectionError):
                await reader.read()
        assert await line.answered(command(250.0)) == (CAUSES.ACTIVATION_CONFIRMATION, False)
        assert 0.2 in made.shares  # those that were still valid were obeyed
        assert all(abs(share) <= 1.0 for share in made.shares)
        assert made.station.lines <= stations.MOST_LINES

    play(scene)


def test_what_nobody_takes_does_not_pile_up() -> None:
    async def scene() -> None:
        made = Case(Path())
        await made.station.start()
        line = await made.connect()
        for nth in range(stations.MOST_WAITING + 20):
            await line.answered(command(float(nth)))
        await asyncio.sleep(0.05)
        assert made.station._waiting.qsize() == stations.MOST_WAITING
        newest = [await anext(made.station.values()) for _ in range(stations.MOST_WAITING)][-1]
        assert newest.value == pytest.approx((stations.MOST_WAITING + 19) / 500.0)
        await line.close()
        await made.station.stop()

    asyncio.run(scene())


def test_a_control_centre_shows_a_certificate_of_ours(tmp_path: Path) -> None:
    ours, others = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = ours.issue_cert("127.0.0.1")
    server.cert_chain_pems[0].write_to_path(str(tmp_path / "station.pem"))
    server.private_key_pem.write_to_path(str(tmp_path / "station.key"))
    files = {
        "ca_file": "ca.pem",
        "certificate_file": "station.pem",
        "key_file": "station.key",
    }

    def client(authority: trustme.CA | None) -> Any:
        import ssl

        context = ssl.create_default_context()
        ours.configure_trust(context)
        if authority is not None:
            authority.issue_cert("centre@example.com").configure_cert(context)
        return context

    async def scene() -> None:
        async with case(tmp_path, **files) as made:
            line = await made.connect(ssl=client(ours))
            assert (await line.answered(command(250.0)))[1] is False
            await line.close()
            for wrong in (others, None):
                await made.turned_away(ssl=client(wrong))
            assert made.shares == [0.5]

    asyncio.run(scene())


@pytest.mark.parametrize(
    "changed",
    [
        {"address": "0.0.0.0"},
        {"address": "somewhere"},
        {"ca_file": "ca.pem"},
        {"power_address": 1001},
        {"clients": ["centre.example"]},
    ],
)
def test_a_line_that_is_open_to_others_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        parse(Iec104Entry, {"full_kw": 1.0} | changed)

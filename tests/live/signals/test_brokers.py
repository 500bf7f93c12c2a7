"""A signal by MQTT and NATS: heard, refused where it cannot be, and heard again after a break."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from nats.aio.client import Client

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, InputError
from evergrid.live.clock import VirtualClock, WallClock
from evergrid.live.signals.brokers.entry import MqttEntry, NatsEntry
from evergrid.live.signals.brokers.message import LARGEST_BYTES, read
from evergrid.live.signals.brokers.mqtt import MqttLine
from evergrid.live.signals.brokers.nats import NatsLine
from evergrid.live.signals.brokers.source import BrokerSource
from evergrid.live.signals.feed import Feed
from evergrid.live.signals.freshness import FreshnessRules
from evergrid.live.signals.signal import SignalValue
from tests.live.signals.small_brokers import (
    SmallBroker,
    SmallMqtt,
    SmallNats,
    free_port,
    mosquitto_file,
    real,
)

START_S = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
KINDS = ("mqtt 5", "mqtt 3.1.1", "nats")


def message(value: Any, sequence: Any = 1, time: Any = START_S) -> bytes:
    return json.dumps({"value": value, "time": time, "sequence": sequence}).encode()


def broker_of(kind: str, **given: Any) -> SmallBroker:
    return SmallNats(**given) if kind == "nats" else SmallMqtt(**given)


def line_of(kind: str, port: int, folder: Path = Path(), **given: Any) -> Any:
    given |= {"port": port, "timeout_s": 1.0}
    if kind == "nats":
        entry = parse(NatsEntry, {"subject": "market.regulation"} | given)
        return NatsLine(entry, folder)
    topic = {"topic": "market/regulation", "version": kind.split()[1]}
    return MqttLine(parse(MqttEntry, topic | given), folder)


async def until(condition: Callable[[], bool], clock: VirtualClock | None = None) -> None:
    """Wait for a condition; where a clock is given it goes on a second at a time."""
    async with asyncio.timeout(20.0):
        while not condition():
            await asyncio.sleep(0.02)
            if clock is not None:
                await clock.run(clock.monotonic_s() + 1.0)


class Case:
    def __init__(self, kind: str, folder: Path = Path(), **given: Any) -> None:
        self.clock, self.kind = VirtualClock(START_S), kind
        self.broker = broker_of(kind, user=given.get("user"))
        self.given, self.folder = given, folder
        self.values: list[SignalValue] = []
        self.told: list[tuple[str, str]] = []

    async def listen(self) -> None:
        line = line_of(self.kind, self.broker.port, self.folder, **self.given)
        self.source = BrokerSource(
            line, "into_grid", self.clock, told=lambda rule, text: self.told.append((rule, text))
        )
        async for value in self.source.values():
            self.values.append(value)


def play(
    scene: Callable[[Case], Awaitable[None]], kind: str, folder: Path = Path(), **given: Any
) -> None:
    async def whole() -> None:
        case = Case(kind, folder, **given)
        await case.broker.start()
        listening = asyncio.create_task(case.listen())
        try:
            await scene(case)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await case.broker.stop()

    asyncio.run(whole())


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_heard_as_they_come(kind: str) -> None:
    async def scene(case: Case) -> None:
        await until(lambda: case.broker.listeners == 1)
        for nth in range(5):
            await case.broker.publish(message(nth / 10, nth, START_S + 2 * nth))
        await until(lambda: len(case.values) == 5)
        assert [one.value for one in case.values] == [0.0, 0.1, 0.2, 0.3, 0.4]
        assert [one.sequence for one in case.values] == list(range(5))
        assert case.values[-1].time_s == START_S + 8.0
        assert not case.told

    play(scene, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_break_of_the_line_the_signal_is_heard_again(kind: str) -> None:
    async def scene(case: Case) -> None:
        await until(lambda: case.broker.listeners == 1)
        await case.broker.publish(message(0.1))
        await until(lambda: len(case.values) == 1)
        await case.broker.stop()
        await until(lambda: case.source.losses > 2, case.clock)
        assert [rule for rule, _ in case.told] == ["line lost"]
        await case.broker.start()
        await until(lambda: case.broker.listeners == 1, case.clock)
        await case.broker.publish(message(0.2, 2))
        await until(lambda: len(case.values) == 2)

    play(scene, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_messages_that_are_no_values_are_refused_and_the_line_stays(kind: str) -> None:
    async def scene(case: Case) -> None:
        await until(lambda: case.broker.listeners == 1)
        for payload in (b"", b"{", b"[" * 500, b"\xff" * 20, message(2.0), message("1")):
            await case.broker.publish(payload)
        await case.broker.publish(message(0.5))
        await until(lambda: len(case.values) == 1)
        assert case.source.refused == 6
        assert case.source.losses == 0
        assert len(case.told) == 1

    play(scene, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_in_that_is_refused_is_told_without_the_password(kind: str, tmp_path: Path) -> None:
    async def scene(case: Case) -> None:
        await until(
            lambda: case.source.losses > 0 if hasattr(case, "source") else False, case.clock
        )
        assert not case.values
        (tmp_path / "password").write_text("canary\n")
        await until(lambda: case.broker.listeners == 1, case.clock)
        await case.broker.publish(message(0.5))
        await until(lambda: len(case.values) == 1)
        assert "wrong" not in str(case.told)
        assert "canary" not in str(case.told)

    (tmp_path / "password").write_text("wrong-one\n")
    play(scene, kind, tmp_path, user="market", password_file="password")


@pytest.mark.parametrize("kind", KINDS)
def test_a_broker_that_says_nothing_is_lost_in_time(kind: str) -> None:
    async def scene(case: Case) -> None:
        await until(lambda: hasattr(case, "source") and case.source.losses > 0, case.clock)
        case.broker.silent = False
        await until(lambda: case.broker.listeners > 0, case.clock)

    async def whole() -> None:
        case = Case(kind)
        case.broker.silent = True
        await case.broker.start()
        listening = asyncio.create_task(case.listen())
        try:
            await scene(case)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await case.broker.stop()

    asyncio.run(whole())


@pytest.mark.parametrize(
    "payload",
    [
        message(1.01),
        message(-1.01),
        message(None),
        message("0.5"),
        message(True),
        message(0.5, sequence=-2),
        message(0.5, sequence=1.5),
        message(0.5, sequence=2**70),
        message(0.5, time="2026-11-29T12:00:00"),
        message(0.5, time="noon"),
        message(0.5, time=None),
        b'{"value": NaN, "time": 1.0}',
        b'{"value": 1e999, "time": 1.0}',
        b'{"value": 0.5, "time": 1e999}',
        b'{"value": 0.5}',
        b'{"time": 1.0}',
        b"[0.5, 1.0]",
        b"0.5",
        message(0.5) + b" " * LARGEST_BYTES,
    ],
)
def test_a_message_that_cannot_be_is_refused(payload: bytes) -> None:
    with pytest.raises(InputError):
        read(payload, "market", "into_grid")


def test_a_message_is_read_with_its_sign_and_either_kind_of_time() -> None:
    assert read(message(0.5), "market", "into_grid") == SignalValue(START_S, 1, 0.5, "market")
    told = message(0.5, time="2026-11-29T13:00:00+01:00")
    assert read(told, "market", "from_grid") == SignalValue(START_S, 1, -0.5, "market")
    bare = json.dumps({"value": 1, "time": 1_790_000_000}).encode()
    assert read(bare, "market", "into_grid").sequence == -1


def test_what_piled_up_on_a_broken_line_is_not_followed() -> None:
    async def scene(case: Case) -> None:
        await until(lambda: case.broker.listeners == 1)
        feed = Feed(case.source, case.clock, FreshnessRules())
        for nth in range(10):  # of the last 20 seconds, all at once
            await case.broker.publish(message(0.9, nth, START_S - 20 + 2 * nth))
        await until(lambda: len(case.values) == 10)
        for value in case.values:
            feed._take(value)
        assert feed.known.refused == 7
        assert feed.known.last is not None
        assert feed.known.last.time_s == START_S - 2

    play(scene, "mqtt 5")


@pytest.mark.parametrize("kind", ["mqtt", "nats"])
@pytest.mark.parametrize(
    "changed",
    [
        {"host": "broker.example"},
        {"host": "10.0.0.7"},
        {"user": "market"},
        {"certificate_file": "evergrid.pem"},
        {"topic": "market/#", "subject": "market.>"},
    ],
)
def test_a_broker_that_others_could_read_or_that_is_half_told_is_refused(
    kind: str, changed: dict[str, Any]
) -> None:
    names = ("topic", "MqttEntry") if kind == "mqtt" else ("subject", "NatsEntry")
    entry = MqttEntry if kind == "mqtt" else NatsEntry
    other = {"mqtt": "subject", "nats": "topic"}[kind]
    given = {names[0]: "market"} | {k: v for k, v in changed.items() if k != other}
    with pytest.raises(ConfigError):
        parse(entry, given)


@pytest.mark.parametrize("kind", KINDS)
def test_a_real_broker_is_heard(kind: str, tmp_path: Path) -> None:
    """With mosquitto and nats-server, where this machine has them."""

    async def scene() -> None:
        port = free_port()
        if kind == "nats":
            program, arguments = "nats-server", ("-a", "127.0.0.1", "-p", str(port))
        else:
            program, arguments = "mosquitto", ("-c", mosquitto_file(tmp_path, port))
        async with real(program, *arguments, port=port):
            source = BrokerSource(line_of(kind, port), "into_grid", WallClock())
            values: list[SignalValue] = []

            async def listen() -> None:
                async for value in source.values():
                    values.append(value)

            listening = asyncio.create_task(listen())
            for nth in range(100):  # until it listens: nothing is kept for later
                await _publish(kind, port, message(0.5, nth))
                if values:
                    break
                await asyncio.sleep(0.1)
            await _publish(kind, port, b" " * 5000)
            await _publish(kind, port, message(0.25, 1000))
            await until(lambda: values[-1].sequence == 1000)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            assert source.losses == 0

    asyncio.run(scene())


async def _publish(kind: str, port: int, payload: bytes) -> None:
    if kind == "nats":
        client = Client()
        await client.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False)
        await client.publish("market.regulation", payload)
        await client.drain()
        return
    async with aiomqtt.Client("127.0.0.1", port) as other:
        await other.publish("market/regulation", payload)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_line_that_dies_without_a_word_is_lost_within_half_a_minute(kind: str) -> None:
    """The signs of life of both protocols run by the machine's clock."""

    async def scene(case: Case) -> None:
        await until(lambda: case.broker.listeners == 1)
        case.broker.silent = True
        async with asyncio.timeout(30.0):
            while not case.source.losses:
                await asyncio.sleep(0.2)

    play(scene, kind)

"""Each question is answered, and done once, whatever the broker loses or delivers twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from evergrid.live.clock import VirtualClock, WallClock
from evergrid.live.gateway import exchange
from evergrid.live.gateway.exchange import Exchange, FaultError, NoAnswerError
from tests.live.gateway.memory_broker import MemoryBroker, Network


class End:
    """Counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.noticed: list[bytes] = []
        self.held: asyncio.Event | None = None

    async def answer(self, sender: str, kind: str, body: bytes) -> bytes:
        self.asked.append(body)
        if self.held is not None:
            await self.held.wait()
        if kind == "wrong":
            raise FaultError("that cannot be")
        if kind == "broken":
            raise RuntimeError("within")
        return body + b"!"

    def notice(self, sender: str, kind: str, body: bytes) -> None:
        self.noticed.append(body)


@asynccontextmanager
async def two(network: Network) -> AsyncIterator[tuple[Exchange, End, MemoryBroker]]:
    """Somebody who asks, and an end that answers."""
    clock, asks, answers = WallClock(), End(), End()
    broker = MemoryBroker(network)
    one = Exchange(broker, "asker", clock, asks.answer, asks.notice)
    other = Exchange(MemoryBroker(network), "answerer", clock, answers.answer, answers.notice)
    await one.start()
    await other.start()
    try:
        yield one, answers, broker
    finally:
        await one.stop()
        await other.stop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "RESEND_S", 0.05)
    monkeypatch.setattr(exchange, "LONGEST_RESEND_S", 0.1)
    monkeypatch.setattr(exchange, "LOOK_S", 0.01)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("lost", "twice"), [(0.0, 0.0), (0.4, 0.0), (0.0, 1.0), (0.4, 0.5)])
def test_whatever_is_lost_or_comes_twice_each_question_is_done_once(lost: float, twice: float):
    async def run():
        async with two(Network(lost, twice)) as (asker, answers, _):

            async def ask(number: int) -> bytes:
                await asyncio.sleep(number % 7 * 0.01)
                return await asker.ask("answerer", "any", b"%d" % number, patience_s=20.0)

            found = await asyncio.gather(*(ask(number) for number in range(300)))
            return found, Counter(answers.asked)

    found, asked = asyncio.run(run())
    assert found == [b"%d!" % number for number in range(300)]
    assert set(asked.values()) == {1}
    assert len(asked) == 300


def test_what_is_asked_in_one_turn_travels_in_one_frame():
    async def run():
        network = Network()
        async with two(network) as (asker, _, _):
            await asyncio.gather(
                *(asker.ask("answerer", "any", b"x", patience_s=5.0) for _ in range(1000))
            )
            return network.frames

    assert asyncio.run(run()) <= 10


def test_a_fault_is_told_in_its_own_words():
    async def run():
        async with two(Network()) as (asker, _, _):
            with pytest.raises(FaultError, match=r"^that cannot be$"):
                await asker.ask("answerer", "wrong", b"", patience_s=5.0)
            with pytest.raises(FaultError, match="RuntimeError: within"):
                await asker.ask("answerer", "broken", b"", patience_s=5.0)

    asyncio.run(run())


@pytest.mark.usefixtures("quick")
def test_a_question_outlives_a_bus_that_is_away():
    async def run():
        async with two(Network()) as (asker, answers, broker):
            broker.cut = True
            waiting = asyncio.create_task(asker.ask("answerer", "any", b"1", patience_s=20.0))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            broker.cut = False
            assert await waiting == b"1!"
            return answers.asked

    assert asyncio.run(run()) == [b"1"]


@pytest.mark.usefixtures("quick")
def test_who_is_not_answered_in_time_is_told():
    async def run():
        async with two(Network()) as (asker, _, broker):
            broker.cut = True
            with pytest.raises(NoAnswerError, match="nobody answered any in time"):
                await asker.ask("answerer", "any", b"1", patience_s=0.1)

    asyncio.run(run())


@pytest.mark.usefixtures("quick")
def test_open_questions_are_bounded_and_whoever_asks_beyond_waits(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(exchange, "MOST_OPEN", 10)

    async def run():
        async with two(Network()) as (asker, answers, _):
            answers.held = asyncio.Event()
            tasks = [
                asyncio.create_task(asker.ask("answerer", "any", b"%d" % n, patience_s=20.0))
                for n in range(50)
            ]
            await asyncio.sleep(0.3)
            there = len(set(answers.asked))
            answers.held.set()
            await asyncio.gather(*tasks)
            return there, len(set(answers.asked)), len(answers.asked)

    assert asyncio.run(run()) == (10, 50, 50)


def test_answers_that_the_asker_has_are_forgotten():
    async def run():
        async with two(Network()) as (asker, answers, _):
            for number in range(100):
                await asker.ask("answerer", "any", b"%d" % number, patience_s=5.0)
            other = asker._broker.network.subjects["answerer"][0][1].__self__  # pyright: ignore
            return len(other._peers["asker"].replies), len(answers.asked)

    kept, asked = asyncio.run(run())
    assert kept <= 2
    assert asked == 100


def test_a_frame_that_cannot_be_read_ends_nothing():
    async def run():
        async with two(Network()) as (asker, _, broker):
            for rubbish in (b"", b"\xc1", b"x" * 100, b"\x93\xa1a\xa1b\x01"):
                await broker.send("answerer", rubbish)
            return await asker.ask("answerer", "any", b"1", patience_s=5.0)

    assert asyncio.run(run()) == b"1!"


def test_virtual_time_stands_still_while_a_question_is_answered():
    async def run():
        clock, end = VirtualClock(0.0), End()
        network = Network()
        one = Exchange(MemoryBroker(network), "asker", clock, end.answer, end.notice)
        other = Exchange(MemoryBroker(network), "answerer", clock, end.answer, end.notice)
        await one.start()
        await other.start()
        asking = asyncio.create_task(one.ask("answerer", "any", b"1", patience_s=30.0))
        await clock.run(0.1)
        assert await asking == b"1!"
        await one.stop()
        await other.stop()
        return clock.stalls

    assert asyncio.run(run()) == 0

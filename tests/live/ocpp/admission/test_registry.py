"""Test 10 of the live service: two connections of one station, in any order of events."""

import asyncio

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from websockets.exceptions import InvalidStatus

from evergrid.live.clock import VirtualClock
from evergrid.live.ocpp.admission.registry import HOLD_DOWN_S, MOST_PER_MINUTE, Registry
from tests.live.ocpp.recorder import SECRET, registered, running
from tests.live.ocpp.station_client import StationClient

NAMES = ("cp-1", "cp-2")


class Connections(RuleBasedStateMachine):
    """The register against the plainest model: a list of what is open, newest last."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock(0.0)
        self.registry: Registry[int] = Registry(self.clock)
        self.open: dict[str, list[int]] = {name: [] for name in NAMES}
        self.replaced: set[int] = set()
        self.arrivals: dict[str, list[float]] = {name: [] for name in NAMES}
        self.held: dict[str, float] = {}
        self.number = 0

    @rule(name=st.sampled_from(NAMES))
    def connects(self, name: str) -> None:
        now = self.clock.monotonic_s()
        held = now < self.held.get(name, 0.0)
        assert self.registry.held_off(name) == held
        if held:
            return
        recent = [t for t in self.arrivals[name] if now - t < 60.0]
        flapping = len(recent) >= MOST_PER_MINUTE
        assert self.registry.arrives(name) == flapping
        self.arrivals[name] = [] if flapping else [*recent, now]
        if flapping:
            self.held[name] = now + HOLD_DOWN_S
            return
        self.number += 1
        older = self.registry.put(name, self.number)
        current = [n for n in self.open[name] if n not in self.replaced]
        assert older == (current[-1] if current else None)
        self.replaced.update(current)
        self.open[name].append(self.number)

    @precondition(lambda self: any(self.open.values()))
    @rule(data=st.data())
    def ends_late(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from([name for name in NAMES if self.open[name]]))
        one = data.draw(st.sampled_from(self.open[name]))
        self.open[name].remove(one)
        assert self.registry.remove(name, one) == (one not in self.replaced)

    @rule(seconds=st.sampled_from((0.5, 9.0, 10.5, 61.0)))
    def time_passes(self, seconds: float) -> None:
        asyncio.run(self.clock.run(self.clock.monotonic_s() + seconds))

    @invariant()
    def the_newest_is_the_stations(self) -> None:
        for name in NAMES:
            current = [n for n in self.open[name] if n not in self.replaced]
            assert self.registry.get(name) == (current[-1] if current else None)


TestConnections = Connections.TestCase
TestConnections.settings = settings(
    max_examples=200,  # of 50 steps each: 10,000 interleavings
    stateful_step_count=50,
    deadline=None,
)


def test_10_the_newest_connection_with_the_right_secret_wins():
    asyncio.run(_duplicates())


async def _duplicates():
    async with running(registered("cp-1")) as (system, handler, port):
        first, second = StationClient("cp-1"), StationClient("cp-1")
        await first.connect(port, secret=SECRET)
        await handler.until(lambda: handler.names("cp-1") == ["connected"])
        with pytest.raises(InvalidStatus) as refused:
            await second.connect(port, secret="wrong")
        assert refused.value.response.status_code == 401
        await first.ask("Heartbeat", {})  # untouched
        await second.connect(port, secret=SECRET)
        told = ["connected", "disconnected", "connected"]
        await handler.until(lambda: handler.names("cp-1") == told)
        await asyncio.wait_for(first.close(), 10)
        assert first.closed is not None
        assert first.closed[0] == 1008
        await second.ask("Heartbeat", {})
        assert system.online("cp-1")
        assert handler.names("cp-1") == told  # the late end of the first changes nothing
        await second.close()
        await handler.until(lambda: handler.names("cp-1") == [*told, "disconnected"])
        assert not system.online("cp-1")


def test_10_a_station_that_comes_back_too_often_is_held_off():
    asyncio.run(_flapping())


async def _flapping():
    async with running(registered("cp-1"), registered("cp-2")) as (_, handler, port):
        statuses = []
        for _ in range(MOST_PER_MINUTE + 3):
            station = StationClient("cp-1")
            try:
                await station.connect(port, secret=SECRET)
                await station.close()
                statuses.append(101)
            except InvalidStatus as error:
                statuses.append(error.response.status_code)
        assert statuses == [101] * MOST_PER_MINUTE + [429] * 3
        assert [refusal.rule for refusal in handler.refusals] == ["connects too often"]
        other = StationClient("cp-2")
        await other.connect(port, secret=SECRET)
        await other.close()

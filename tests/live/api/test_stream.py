"""Updates: few bytes, the same for all, nobody waited for, nothing forgotten."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import httpx
import pytest

from evergrid.live.api.problem import RefusedError
from evergrid.live.api.updates.backlog import Backlog
from evergrid.live.api.updates.moment import POWER_FIELDS, Moment
from evergrid.live.api.updates.stream import WAITING, Ask, Stream
from evergrid.live.clock import VirtualClock
from tests.live.fake_service import OFFLINE, FakeService
from tests.live.serving import OPEN, Served, serving

START_S = 1_796_000_000.0
MOST_BYTES = 10_000
EVENTS = "/api/v1/events"


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any, int]]:
    """Name, data and bytes of each event."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: ")), len(line)


def applied(rows: dict[str, dict[str, Any]], data: dict[str, Any]) -> None:
    """What a reader makes of an update of stations."""
    for row in data["rows"]:
        rows[row["station"]] = row
    for name, *power in data["power"]:
        rows[name] |= dict(zip(POWER_FIELDS, power, strict=True))


def stream_of(fake: FakeService, clock: VirtualClock, most: int = 100) -> Stream:
    return Stream(fake, clock, update_s=1.0, update_bytes=9000, most=most)


def test_a_thousand_stations_fit_an_update_and_none_is_forgotten():
    clock = VirtualClock(START_S)
    fake = FakeService(1000, clock)

    async def watched() -> None:
        stream = stream_of(fake, clock)
        viewer = stream.join(Ask(("overview", "stations", "series")))
        rows = {row["station"]: row for row in await _rows_after(viewer, clock, fake)}
        waiting = 0
        for second in range(2, 20):
            await clock.run(float(second))
            text = await viewer.get(1.0)
            assert text is not None
            assert len(text) <= MOST_BYTES
            for name, data, _ in events(iter(text.splitlines())):
                if name == "stations":
                    applied(rows, data)
                    waiting = data["waiting"]
        assert waiting > 0  # so the bound was felt
        fake.clock = VirtualClock(clock.now_s())  # nothing changes from here on
        for second in range(20, 28):
            await clock.run(float(second))
            text = await viewer.get(1.0) or ""
            for name, data, _ in events(iter(text.splitlines())):
                if name == "stations":
                    applied(rows, data)
        stream.leave(viewer)
        await stream.close()
        now = Moment(fake).rows
        assert {name: row["measured_kw"] for name, row in rows.items()} == {
            name: row.power[2] for name, row in now.items()
        }

    asyncio.run(watched())


async def _rows_after(viewer: Any, clock: VirtualClock, fake: FakeService) -> list[dict[str, Any]]:
    """Listen first, then read the whole list, as the interface says."""
    await clock.run(1.0)
    assert await viewer.get(1.0)
    return [
        row.rest | dict(zip(POWER_FIELDS, row.power, strict=True))
        for row in Moment(fake).rows.values()
    ]


def test_named_stations_come_whole_at_first_and_then_as_they_change():
    clock = VirtualClock(START_S)
    fake = FakeService(20, clock)

    async def watched() -> None:
        stream = stream_of(fake, clock)
        viewer = stream.join(Ask(("stations",), frozenset({"cp-01", fake.names[OFFLINE], "none"})))
        await clock.run(0.5)
        (first,) = list(events(iter((await viewer.get(1.0) or "").splitlines())))
        assert [row["station"] for row in first[1]["rows"]] == ["cp-01", "cp-02"]
        await clock.run(3.5)
        (second,) = list(events(iter((await viewer.get(1.0) or "").splitlines())))
        assert second[1]["rows"] == []
        assert [row[0] for row in second[1]["power"]] == ["cp-01"]
        stream.leave(viewer)
        await stream.close()

    asyncio.run(watched())


def test_viewers_with_the_same_wish_share_one_text():
    clock = VirtualClock(START_S)
    fake = FakeService(20, clock)
    made = []

    async def watched() -> None:
        stream = stream_of(fake, clock)
        stream.topics["counted"] = lambda _moment, _ask, first: made.append(first) or {"a": 1}
        viewers = [stream.join(Ask(("counted",))) for _ in range(50)]
        await clock.run(3.5)
        texts = {await viewer.get(1.0) for viewer in viewers}
        assert len(texts) == 1
        await stream.close()

    asyncio.run(watched())
    assert len(made) <= 6  # four updates, and the one that latecomers began with


def test_a_viewer_who_takes_nothing_is_dropped_and_the_others_are_told():
    clock = VirtualClock(START_S)

    async def watched() -> None:
        stream = stream_of(FakeService(5, clock), clock)
        slow, quick = (stream.join(Ask(("overview",))) for _ in range(2))
        taken = 0
        for second in range(WAITING + 5):
            await clock.run(second + 0.5)
            taken += await quick.get(1.0) is not None
        assert taken == WAITING + 5
        assert stream.viewers == stream.dropped == 1
        assert await slow.get(1.0) is None
        await stream.close()

    asyncio.run(watched())


def test_a_topic_that_fails_spoils_no_other_and_begins_anew():
    clock = VirtualClock(START_S)
    fake = FakeService(5, clock)

    async def watched() -> None:
        stream = stream_of(fake, clock)
        viewer = stream.join(Ask(("overview", "stations"), frozenset({"cp-01"})))
        found = []
        for second, broken in enumerate([set[str](), {"stations"}, set[str]()]):
            fake.broken = broken
            await clock.run(second + 0.5)
            text = await viewer.get(1.0) or ""
            found.append({name: data for name, data, _ in events(iter(text.splitlines()))})
        await stream.close()
        assert set(found[1]) == {"overview"}
        assert [row["station"] for row in found[2]["stations"]["rows"]] == ["cp-01"]

    asyncio.run(watched())


def test_too_many_viewers_and_unknown_topics_are_refused():
    clock = VirtualClock(START_S)

    async def joined() -> None:
        stream = stream_of(FakeService(5, clock), clock, most=1)
        viewer = stream.join(Ask(("overview",)))
        for ask, status in (
            (Ask(("overview",)), 503),
            (Ask(("nothing",)), 422),
            (Ask(()), 422),
            (Ask(("stations",), frozenset(map(str, range(101)))), 422),
        ):
            with pytest.raises(RefusedError) as refused:
                stream.join(ask)
            assert refused.value.status == status
        stream.leave(viewer)
        stream.leave(stream.join(Ask(("overview",))))
        await stream.close()
        with pytest.raises(RefusedError):
            stream.join(Ask(("overview",)))

    asyncio.run(joined())


def test_a_state_that_flaps_is_told_to_those_who_saw_it():
    clock = VirtualClock(START_S)
    fake = FakeService(3, clock)
    moment = Moment(fake)
    backlog = Backlog(9000)
    assert moment.rows
    for skewed in (50.0, 0.2):
        before = fake.stations()[0]
        fake.stations = lambda s=skewed, b=before: (replace(b, clock_skew_s=s),)  # type: ignore[method-assign]
        moment = moment.next()
        told = backlog.take(moment)
        assert told is not None
        assert [row["clock_skew_s"] for row in told["rows"]] == [round(skewed)]


def test_a_change_that_had_no_room_is_not_lost_to_a_later_one():
    fake = FakeService(2, VirtualClock(START_S))
    first, second = fake.stations()
    moment, backlog = Moment(fake), Backlog(1)
    assert moment.rows
    told: list[str] = []
    for power_kw in (-1.0, -2.0, -3.0):
        rows = tuple(replace(row, site="moved", measured_kw=power_kw) for row in (first, second))
        fake.stations = lambda rows=rows: rows  # type: ignore[method-assign]
        moment = moment.next()
        found = backlog.take(moment) or {"rows": []}
        told += [row["station"] for row in found["rows"] if row["site"] == "moved"]
    assert told == ["cp-01", "cp-02"]


def test_what_is_no_number_never_leaves():
    from evergrid.live.api.updates.event import text_of

    assert text_of({"a": [float("nan"), float("inf"), 1.5]}) == '{"a":[null,null,1.5]}'


def test_a_stream_is_told_at_once_and_ends_with_the_log_in(served: Served):
    quick = replace(OPEN, update_s=0.1, recheck_s=0.2)
    with serving(FakeService(20), quick) as own:
        with own.as_("victor") as client, client.stream("GET", EVENTS) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            began = time.monotonic()
            assert next(events(lines))[0] == "overview"
            assert time.monotonic() - began < 2.0
            with own.as_("victor") as other:
                assert other.post("/api/v1/logout").status_code == 204
            for _ in lines:
                pass
        assert _left(own)


def _left(own: Served) -> bool:
    for _ in range(100):
        if not own.server.config.app.state.service.stream.viewers:  # type: ignore[union-attr]
            return True
        time.sleep(0.05)
    return False


def test_a_stream_that_has_nothing_to_say_shows_that_it_lives():
    quiet = replace(OPEN, heartbeat_s=0.1)
    with serving(FakeService(0), quiet) as own, own.as_("victor") as client:
        asked = client.stream("GET", EVENTS, params={"topics": "series"})
        with asked as answer:
            assert any(line == ": still here" for line in answer.iter_lines())


def test_a_reader_who_stops_reading_delays_nobody():
    fast = replace(OPEN, update_s=0.05, stalled_s=0.5)
    with serving(FakeService(5), fast) as own:
        with own.as_("victor") as client:
            client.get("/api/v1/me")
        stream = own.server.config.app.state.service.stream  # type: ignore[union-attr]
        stream.topics["bulk"] = lambda _moment, _ask, _first: "x" * 50_000
        token = f"Authorization: Bearer {own.tokens['victor']}"
        request = f"GET {EVENTS}?topics=bulk HTTP/1.1\r\nHost: x\r\n{token}\r\n\r\n"
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", own.port))
            slow.sendall(request.encode())
            until = time.monotonic() + 20
            with own.as_("victor") as client, client.stream("GET", EVENTS) as answer:
                longest, last = 0.0, time.monotonic()
                for _ in events(answer.iter_lines()):
                    now = time.monotonic()
                    longest, last = max(longest, now - last), now
                    if stream.dropped or now > until:
                        break
            assert stream.dropped == 1
            assert longest < 1.0


def test_streams_end_when_the_service_stops():
    with serving(FakeService(5)) as own:
        client = own.as_("victor")
        with client, client.stream("GET", EVENTS) as answer:
            lines = answer.iter_lines()
            next(lines)
            began = time.monotonic()
            own.stop()
            with suppress(httpx.HTTPError):
                list(lines)
            assert time.monotonic() - began < 4


def test_nothing_is_left_of_viewers_who_went():
    """Some go at the very moment at which they are told something."""
    fast = replace(OPEN, update_s=0.002)
    with serving(FakeService(0), fast) as own:
        with own.as_("victor") as client:
            for _ in range(150):
                with client.stream("GET", EVENTS, params={"topics": "overview"}) as answer:
                    next(answer.iter_lines())
        assert _left(own)
        for _ in range(40):
            if not own.server.server_state.tasks:
                break
            time.sleep(0.05)
        assert not own.server.server_state.tasks

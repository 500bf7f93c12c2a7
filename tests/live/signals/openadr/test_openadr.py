"""Events of a utility's server: prices, limits and set-points, each by its newest word."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.live.clock import VirtualClock
from evergrid.live.signals.openadr.entry import OpenAdrEntry
from evergrid.live.signals.openadr.events import Kind
from evergrid.live.signals.openadr.ven import Dispatch, Ven
from tests.live.signals.openadr.vtn import SmallVtn, event, listening

NOON_S = datetime.fromisoformat("2026-11-29T12:00:00Z").timestamp()
Scene = Callable[["Case"], Awaitable[None]]


class Case:
    """A server and our side of it, at half past eleven."""

    def __init__(self, vtn: SmallVtn, **changed: Any) -> None:
        self.vtn, self.clock = vtn, VirtualClock(NOON_S - 1800.0)
        self.told: list[tuple[str, str]] = []
        given = {"url": vtn.url, "program_id": "flex-1", "site": "depot", "timeout_s": 1.0}
        self.folder = changed.pop("folder", Path())
        self.entry = parse(OpenAdrEntry, given | changed)
        self.ven = Ven(
            self.entry,
            self.clock,
            folder=self.folder,
            told=lambda rule, text: self.told.append((rule, text)),
        )

    def values(self, kind: Kind, hours: int = 6) -> list[float | None]:
        """What counts in the middle of each hour from noon on."""
        spans = [self.ven.events.at(kind, NOON_S + 3600.0 * hour + 1800.0) for hour in range(hours)]
        return [None if span is None else round(span.value, 6) for span in spans]


def play(scene: Scene, vtn: SmallVtn | None = None, **changed: Any) -> None:
    async def whole() -> None:
        async with listening(vtn or SmallVtn()) as server:
            case = Case(server, **changed)
            try:
                await scene(case)
            finally:
                await case.ven._vtn.close()

    asyncio.run(whole())


def test_prices_limits_and_set_points_are_read() -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [
            event("a", "PRICE", [0.20, 0.30, -0.05]),
            event("b", "EXPORT_PRICE", [0.10]),
            event("c", "IMPORT_CAPACITY_LIMIT", [100.0, 50.0]),
            event("d", "EXPORT_CAPACITY_LIMIT", [0.0]),
            event("e", "DISPATCH_SETPOINT", [-30.0]),
            event("f", "SIMPLE", [2.0]),
        ]
        assert await case.ven.look() == case.entry.poll_s
        assert case.values(Kind.IMPORT_PRICE, 4) == [200.0, 300.0, -50.0, None]
        assert case.values(Kind.EXPORT_PRICE, 2) == [100.0, None]
        now = case.ven.limits(NOON_S + 1.0)
        assert (now.site, now.import_kw, now.export_kw) == ("depot", 100.0, 0.0)
        assert now.end_s == NOON_S + 3600.0
        assert case.ven.limits(NOON_S - 1.0).import_kw is None
        assert case.ven.setpoint_kw(NOON_S) == 30.0  # 30 kW into the grid
        assert case.ven.events.events["f"].ignored == ("SIMPLE",)
        assert not case.told
        (step, *_) = case.ven.prices(Kind.IMPORT_PRICE, NOON_S - 600.0, NOON_S + 7200.0)
        assert (step.begin_s, step.end_s, step.currency) == (NOON_S, NOON_S + 3600.0, "EUR")

    play(scene, dispatch_sign="from_grid")


def test_events_are_read_page_by_page() -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event(f"e{n}", "SIMPLE", [1.0]) for n in range(120)]
        await case.ven.look()
        assert len(case.ven.events.events) == 120
        assert len([path for path in case.vtn.asked if "/events" in path]) == 3

    play(scene)


def test_21_an_older_modification_is_ignored() -> None:
    async def scene(case: Case) -> None:
        newer = {"modificationDateTime": "2026-11-29T10:05:00Z"}
        case.vtn.events = [event("a", "IMPORT_CAPACITY_LIMIT", [100.0])]
        await case.ven.look()
        case.vtn.events = [event("a", "IMPORT_CAPACITY_LIMIT", [40.0], **newer)]
        await case.ven.look()
        assert case.values(Kind.IMPORT_LIMIT, 1) == [40.0]
        case.vtn.events = [event("a", "IMPORT_CAPACITY_LIMIT", [100.0])]
        await case.ven.look()
        assert case.values(Kind.IMPORT_LIMIT, 1) == [40.0]
        assert case.ven.events.older == 1
        assert [rule for rule, _ in case.told] == ["event"]

    play(scene)


def test_a_change_without_a_newer_modification_is_ignored() -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event("a", "IMPORT_CAPACITY_LIMIT", [100.0])]
        await case.ven.look()
        case.vtn.events = [event("a", "IMPORT_CAPACITY_LIMIT", [900.0])]
        await case.ven.look()
        assert case.values(Kind.IMPORT_LIMIT, 1) == [100.0]
        assert case.ven.events.changed == 1

    play(scene)


def test_21_a_cancelled_event_ends_and_does_not_come_back_as_it_was() -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event("a", "PRICE", [0.2])]
        await case.ven.look()
        case.vtn.events = []
        await case.ven.look()
        assert case.values(Kind.IMPORT_PRICE, 1) == [None]
        case.vtn.events = [event("a", "PRICE", [0.2])]
        await case.ven.look()
        assert case.values(Kind.IMPORT_PRICE, 1) == [None]
        case.vtn.events = [event("a", "PRICE", [0.3], modificationDateTime="2026-11-29T11:00:00Z")]
        await case.ven.look()
        assert case.values(Kind.IMPORT_PRICE, 1) == [300.0]

    play(scene)


def test_21_of_overlapping_events_the_more_important_counts() -> None:
    async def scene(case: Case) -> None:
        later = {"modificationDateTime": "2026-11-29T10:30:00Z"}
        case.vtn.events = [
            event("a", "PRICE", [0.1, 0.1, 0.1], priority=5),
            event("b", "PRICE", [0.2, 0.2], priority=1),
            event("c", "PRICE", [0.3], **later),
            event("d", "IMPORT_CAPACITY_LIMIT", [80.0], **later),
            event("e", "IMPORT_CAPACITY_LIMIT", [60.0, 60.0]),
        ]
        await case.ven.look()
        assert case.values(Kind.IMPORT_PRICE, 4) == [200.0, 200.0, 100.0, None]
        assert case.values(Kind.IMPORT_LIMIT, 2) == [60.0, 60.0]  # the tighter of equals
        steps = case.ven.prices(Kind.IMPORT_PRICE, NOON_S - 3600.0, NOON_S + 36_000.0)
        assert {round(one.value, 6) for one in steps} == {200.0, 100.0}
        for step in steps:
            middle = case.ven.events.at(Kind.IMPORT_PRICE, (step.begin_s + step.end_s) / 2)
            assert middle is not None
            assert middle.value == step.value
        assert steps[0].begin_s == NOON_S
        assert steps[-1].end_s == NOON_S + 3 * 3600.0

    play(scene)


@pytest.mark.parametrize("status", [500, 502, 404, 301, 204])
def test_21_an_error_of_the_server_keeps_what_is_in_force_and_backs_off(status: int) -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event("a", "IMPORT_CAPACITY_LIMIT", [100.0])]
        await case.ven.look()
        case.vtn.status = status
        waits = [await case.ven.look() for _ in range(6)]
        assert waits == [60.0, 120.0, 240.0, 300.0, 300.0, 300.0]
        assert case.values(Kind.IMPORT_LIMIT, 1) == [100.0]
        assert [rule for rule, _ in case.told] == ["server"]
        case.vtn.status = 200
        assert await case.ven.look() == 30.0
        assert case.ven.failures == 0

    play(scene)


def test_a_busy_server_is_left_alone_for_as_long_as_it_asks_but_not_for_ever() -> None:
    async def scene(case: Case) -> None:
        case.vtn.status = 503
        case.vtn.headers = {"retry-after": "120"}
        assert await case.ven.look() == 120.0
        case.vtn.headers = {"retry-after": "99999999999"}
        assert await case.ven.look() == 600.0
        case.vtn.headers = {"retry-after": "-1"}
        assert await case.ven.look() == 240.0

    play(scene)


@pytest.mark.parametrize(
    "changed",
    [
        {"slow_s": 0.05},  # each piece in time, the whole not
        {"events": [event("a", "PRICE", [0.3], eventName="x" * (5 << 20))]},
        {"body": b"[" * 200_000},
        {"body": b"<html>"},
        {"body": b"\xff\xfe"},
        {"headers": {"content-encoding": "gzip"}},
        {"headers": {"content-length": "999999999"}},
    ],
)
def test_21_a_slow_huge_or_senseless_answer_is_lost_and_nothing_else(
    changed: dict[str, Any],
) -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event("a", "PRICE", [0.2])]
        await case.ven.look()
        for name, value in changed.items():
            setattr(case.vtn, name, value)
        assert await case.ven.look() == 60.0
        assert case.values(Kind.IMPORT_PRICE, 1) == [200.0]

    play(scene)


HOSTILE: dict[str, dict[str, Any]] = {
    "a number as text": {
        "intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": ["1"]}]}]
    },
    "two numbers": {"intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [1, 2]}]}]},
    "true": {"intervals": [{"id": 0, "payloads": [{"type": "PRICE", "values": [True]}]}]},
    "no intervals": {"intervals": []},
    "another program": {"programID": "other"},
    "no modification": {"modificationDateTime": None, "createdDateTime": None},
    "a modification in a year": {"modificationDateTime": "2027-11-29T10:00:00Z"},
    "a time without a zone": {
        "intervalPeriod": {"start": "2026-11-29T12:00:00", "duration": "PT1H"}
    },
    "no time": {"intervalPeriod": {"start": "noon", "duration": "PT1H"}},
    "no period": {"intervalPeriod": None},
    "a month": {"intervalPeriod": {"start": "2026-11-29T12:00:00Z", "duration": "P1M"}},
    "no length": {"intervalPeriod": {"start": "2026-11-29T12:00:00Z", "duration": "PT0S"}},
    "a negative length": {"intervalPeriod": {"start": "2026-11-29T12:00:00Z", "duration": "-PT1H"}},
    "a start within a year": {
        "intervalPeriod": {
            "start": "2026-11-29T12:00:00Z",
            "duration": "PT1H",
            "randomizeStart": "P365D",
        }
    },
    "over and over": {
        "duration": "P9999Y",
        "intervalPeriod": {"start": "2026-11-29T12:00:00Z", "duration": "PT1S"},
    },
    "no unit": {"payloadDescriptors": [{"payloadType": "PRICE", "currency": "EUR"}]},
    "no currency": {"payloadDescriptors": [{"payloadType": "PRICE", "units": "KWH"}]},
    "a unit of nothing": {"payloadDescriptors": [{"payloadType": "PRICE", "units": "FURLONG"}]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_one_event_that_breaks_a_rule_is_told_once_and_the_others_count(name: str) -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [
            event("bad", "PRICE", [0.9], **HOSTILE[name]),
            event("a", "PRICE", [0.2]),
        ]
        await case.ven.look()
        await case.ven.look()
        assert case.values(Kind.IMPORT_PRICE, 1) == [200.0]
        assert set(case.ven.events.events) == {"a"}
        assert [rule for rule, _ in case.told] == ["event refused"]

    play(scene)


@pytest.mark.parametrize("kind", ["IMPORT_CAPACITY_LIMIT", "EXPORT_CAPACITY_LIMIT"])
def test_a_limit_below_0_is_refused_and_the_last_good_form_stays(kind: str) -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event("a", kind, [70.0])]
        await case.ven.look()
        case.vtn.events = [event("a", kind, [-5.0], modificationDateTime="2026-11-29T11:00:00Z")]
        await case.ven.look()
        assert case.values(Kind(kind), 1) == [70.0]
        assert [rule for rule, _ in case.told] == ["event refused"]

    play(scene)


def test_a_set_point_is_refused_where_nobody_said_which_way_it_points() -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event("a", "DISPATCH_SETPOINT", [10.0])]
        await case.ven.look()
        assert case.ven.setpoint_kw(NOON_S) is None
        assert "dispatch_sign" in case.told[0][1]

    play(scene)


@pytest.mark.parametrize("ahead_s", [-86_400.0, -3600.0, 3600.0, 86_400.0])
def test_21_a_server_whose_clock_is_wrong_is_told_and_its_events_hold_by_ours(
    ahead_s: float,
) -> None:
    async def scene(case: Case) -> None:
        case.vtn.clock_s = NOON_S - 1800.0 + ahead_s
        case.vtn.events = [event("a", "PRICE", [0.2])]
        await case.ven.look()
        assert case.ven.skew_s == pytest.approx(ahead_s, abs=1.0)
        assert [rule for rule, _ in case.told] == ["clock"]
        assert case.ven.events.at(Kind.IMPORT_PRICE, NOON_S - 1.0) is None
        assert case.values(Kind.IMPORT_PRICE, 1) == [200.0]

    play(scene)


def test_intervals_repeat_until_an_event_of_3_1_ends() -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event("a", "PRICE", [0.1, 0.2], duration="PT4H30M")]
        await case.ven.look()
        assert case.values(Kind.IMPORT_PRICE, 4) == [100.0, 200.0, 100.0, 200.0]
        last = case.ven.events.events["a"].spans[-1]
        assert last.end_s == NOON_S + 4.5 * 3600.0

    play(scene)


def test_an_event_from_now_on_begins_when_it_was_first_seen() -> None:
    async def scene(case: Case) -> None:
        period = {"start": "0000-00-00", "duration": "P9999Y"}
        case.vtn.events = [event("a", "IMPORT_CAPACITY_LIMIT", [30.0], intervalPeriod=period)]
        await case.ven.look()
        first_s = case.clock.now_s()
        await case.clock.run(900.0)
        await case.ven.look()
        (span,) = case.ven.events.events["a"].spans
        assert span.begin_s == first_s
        assert case.ven.limits(NOON_S + 1e6).import_kw == 30.0

    play(scene)


def test_a_random_start_is_the_same_at_each_look() -> None:
    async def scene(case: Case) -> None:
        period = {
            "start": "2026-11-29T12:00:00Z",
            "duration": "PT1H",
            "randomizeStart": "PT10M",
        }
        case.vtn.events = [event(name, "PRICE", [0.2], intervalPeriod=period) for name in "abcd"]
        await case.ven.look()
        begins = [one.spans[0].begin_s - NOON_S for one in case.ven.events.events.values()]
        assert len(set(begins)) == 4
        assert all(0 <= begin <= 600.0 for begin in begins)

    play(scene)


def test_a_token_is_had_by_client_credentials_and_renewed_when_it_is_no_longer_good(
    tmp_path: Path,
) -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event("a", "PRICE", [0.2])]
        await case.ven.look()
        await case.ven.look()
        assert case.vtn.tokens == 1
        case.vtn.tokens = 7  # the server has forgotten the first one
        assert await case.ven.look() == 30.0
        assert case.vtn.tokens == 8
        case.vtn.secret = "another"
        await case.clock.run(3000.0)
        assert await case.ven.look() == 60.0
        assert "canary" not in str(case.told)

    (tmp_path / "secret").write_text("canary-secret\n")
    named = {"client_id": "us", "secret_file": "secret", "folder": tmp_path}
    play(scene, SmallVtn(secret="canary-secret"), **named)


def test_a_set_point_is_a_share_of_the_award_while_the_server_answers() -> None:
    async def scene(case: Case) -> None:
        case.vtn.events = [event("a", "DISPATCH_SETPOINT", [10.0, 400.0])]
        looking = asyncio.create_task(case.ven.run())
        source = Dispatch(case.ven, case.entry, case.clock, tick_s=2.0, stale_s=120.0)
        values = []

        async def gather() -> None:
            async for value in source.values():
                values.append(value)

        listening_task = asyncio.create_task(gather())
        await case.clock.run(1800.0 + 4000.0)
        case.vtn.status = 500
        await case.clock.run(1800.0 + 7000.0)
        looking.cancel()
        listening_task.cancel()
        await asyncio.gather(looking, listening_task, return_exceptions=True)
        asked = [one for one in values if one.value]
        assert NOON_S <= asked[0].time_s <= NOON_S + 2.0
        assert asked[0].value == pytest.approx(0.2)
        assert values[0].value == 0.0  # the server answers, and asks for nothing
        assert [one.sequence for one in values] == list(range(len(values)))
        assert max(one.value for one in values) == 1.0
        assert values[-1].time_s <= NOON_S + 4000.0 + 160.0

    play(scene, dispatch_sign="into_grid", dispatch_full_kw=50.0)

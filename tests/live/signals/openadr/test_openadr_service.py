"""A utility's events at the running service: over sockets, into limits, set-points and alarms."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError
from evergrid.live.clock import VirtualClock
from evergrid.live.config import Config
from evergrid.live.service import Service
from evergrid.live.signals.envelope import limit_at
from evergrid.live.twin import day
from evergrid.live.twin.fleet import TwinConfig
from evergrid.live.twin.play import Play, begun, configuration
from tests.live.signals.openadr.vtn import SmallVtn, event, listening

SITE = "street-1"
ENVELOPE = {"site": SITE, "import_limit_kw": 1000.0, "export_limit_kw": 1000.0}
FULL_KW = 60.0
POLL_S = 30.0
KINDS = ("USAGE", "DEMAND")
Scene = Callable[[Service, VirtualClock, SmallVtn], Awaitable[None]]


def at(minutes: float) -> str:
    """A moment after the begin of the day."""
    return (day.START + timedelta(minutes=minutes)).astimezone(UTC).isoformat()


def event_at(name: str, kind: str, value: float, minutes: float, length: str) -> dict[str, Any]:
    period = {"start": at(minutes), "duration": length}
    stamps = {"createdDateTime": at(0), "modificationDateTime": at(0)}
    return event(name, kind, [value], intervalPeriod=period, **stamps)


def changes(vtn: SmallVtn, **changed: Any) -> dict[str, Any]:
    given = {"url": vtn.url, "program_id": "flex-1", "site": SITE, "poll_s": POLL_S}
    return {"envelope": [ENVELOPE], "openadr": [given | changed]}


def play_of(folder: Path, vtn: SmallVtn, **changed: Any) -> tuple[Play, Config]:
    fleet = TwinConfig(
        stations=12, start_utc=day.START.isoformat(), hours=1.0, time_zone="America/New_York"
    )
    tables = changes(vtn, **changed.pop("program", {})) | changed
    play = Play(fleet, day.made_up(folder / "day", 1), folder, changed=tables)
    return play, parse(Config, configuration(play))


def run(folder: Path, scene: Scene, vtn: SmallVtn | None = None, **changed: Any) -> None:
    async def whole() -> None:
        async with listening(vtn or SmallVtn()) as server:
            play, config = play_of(folder, server, **changed)
            async with begun(play, config) as (service, _, clock):
                assert isinstance(clock, VirtualClock)
                await scene(service, clock, server)

    asyncio.run(whole())


def site_kw(service: Service) -> float:
    """Power ordered at the site, into the grid."""
    fleet = service.controller.fleet
    row = fleet.sites.site_id.tolist().index(SITE)
    there = [number for number in fleet.vehicles if fleet.chargers.site[number] == row]
    return float(sum(fleet.following.ordered_kw[number] for number in there))


def alarms(service: Service) -> set[str]:
    return {one.kind for one in service.view.alarms() if one.ended_s is None}


async def ask_for_much(service: Service) -> None:
    """Every driver leaves within the hour with a full battery, so that the site draws much."""
    fleet, departure_s = service.controller.fleet, day.START.timestamp() + 4000.0
    for number, vehicle in list(fleet.vehicles.items()):
        station = fleet.devices[number].station
        await service.controller.change_needs(
            station, departure_s=departure_s, owed_kwh=vehicle.capacity_kwh
        )


def test_an_event_limits_a_site_in_the_next_tick_and_a_cancelled_one_ends_it(tmp_path: Path):
    async def scene(service: Service, clock: VirtualClock, vtn: SmallVtn) -> None:
        await clock.run(600.0)
        await ask_for_much(service)
        await clock.run(620.0)
        free_kw = site_kw(service)
        assert free_kw < -25.0
        vtn.events = [event_at("cap", "IMPORT_CAPACITY_LIMIT", 15.0, 0.0, "PT2H")]
        await clock.run(620.0 + POLL_S + 4.0)  # a look, and the tick after it
        limits = service.ticker.utility
        assert limits is not None
        assert limits.limit(SITE).import_limit_kw == 15.0
        assert -15.0 - 1e-6 <= site_kw(service) < 0.0
        vtn.events = []
        await clock.run(660.0 + POLL_S + 4.0)
        assert limits.limit(SITE).import_limit_kw == ENVELOPE["import_limit_kw"]
        assert site_kw(service) < -25.0

    run(tmp_path, scene)


def test_what_was_said_holds_until_it_ends_while_the_server_is_away(tmp_path: Path):
    async def scene(service: Service, clock: VirtualClock, vtn: SmallVtn) -> None:
        vtn.events = [event_at("cap", "IMPORT_CAPACITY_LIMIT", 15.0, 0.0, "PT20M")]
        limits = service.ticker.utility
        assert limits is not None
        await clock.run(120.0)
        vtn.status = 500
        await clock.run(1000.0)
        assert limits.limit(SITE).import_limit_kw == 15.0
        assert {"openadr: server", "openadr: stale"} <= alarms(service)
        await clock.run(1203.0)
        assert limits.limit(SITE).import_limit_kw == ENVELOPE["import_limit_kw"]
        vtn.status = 200
        await clock.run(1203.0 + 310.0)
        assert not {"openadr: server", "openadr: stale"} & alarms(service)

    run(tmp_path, scene)


def test_an_event_that_does_not_change_is_written_once(tmp_path: Path):
    async def scene(service: Service, clock: VirtualClock, vtn: SmallVtn) -> None:
        vtn.events = [event_at("cap", "IMPORT_CAPACITY_LIMIT", 15.0, 10.0, "PT20M")]
        await clock.run(500.0)
        assert len([path for path in vtn.asked if "/events" in path]) > 10
        written = await service.store.log.entries("envelope", after=0, limit=100)
        assert 1 <= len(written) <= 2  # one before the server had an event, perhaps
        limits = service.ticker.utility
        assert limits is not None
        assert limit_at(limits.known, SITE, day.START.timestamp() + 900).import_limit_kw == 15.0

    run(tmp_path, scene)


def test_an_event_that_breaks_a_rule_is_an_alarm_and_the_others_hold(tmp_path: Path):
    async def scene(service: Service, clock: VirtualClock, vtn: SmallVtn) -> None:
        bad = event_at("bad", "IMPORT_CAPACITY_LIMIT", -5.0, 0.0, "PT1H")
        good = event_at("good", "EXPORT_CAPACITY_LIMIT", 3.0, 0.0, "PT1H")
        vtn.events = [bad, good]
        await clock.run(120.0)
        limits = service.ticker.utility
        assert limits is not None
        assert limits.limit(SITE).export_limit_kw == 3.0
        assert "openadr: event refused" in alarms(service)
        vtn.events = [good]
        await clock.run(180.0)
        assert "openadr: event refused" not in alarms(service)

    run(tmp_path, scene)


def test_a_secret_of_the_environment_opens_the_server_and_a_missing_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def scene(service: Service, clock: VirtualClock, vtn: SmallVtn) -> None:
        await clock.run(60.0)
        assert vtn.tokens == 0
        assert "openadr: server" in alarms(service)
        monkeypatch.setenv("TEST_VTN_SECRET", "open sesame")
        await clock.run(400.0)
        assert vtn.tokens == 1
        assert "openadr: server" not in alarms(service)

    program = {"client_id": "us", "secret_env": "TEST_VTN_SECRET"}
    run(tmp_path, scene, SmallVtn(secret="open sesame"), program=program)


def test_set_points_are_the_signal_and_end_with_their_event(tmp_path: Path):
    async def scene(service: Service, clock: VirtualClock, vtn: SmallVtn) -> None:
        vtn.events = [event_at("up", "DISPATCH_SETPOINT", 30.0, 5.0, "PT5M")]
        await clock.run(290.0)
        assert service.ticker.followed.share == 0.0
        assert "signal_stale" not in alarms(service)
        await clock.run(320.0)
        assert service.ticker.followed.share == pytest.approx(30.0 / FULL_KW)
        await clock.run(620.0)
        assert service.ticker.followed.share == 0.0
        vtn.status = 500
        await clock.run(1000.0)
        assert "signal_stale" in alarms(service)

    program = {"dispatch_sign": "into_grid", "dispatch_full_kw": FULL_KW, "follows": []}
    run(tmp_path, scene, program=program, signal={"openadr": "flex-1"})


def test_an_event_that_asks_for_it_gets_a_report_of_what_its_site_drew(tmp_path: Path):
    async def scene(service: Service, clock: VirtualClock, vtn: SmallVtn) -> None:
        cap = event_at("cap", "IMPORT_CAPACITY_LIMIT", 15.0, 12.0, "PT6M")
        cap["intervals"] = [cap["intervals"][0] | {"id": nth} for nth in range(2)]
        asked = [{"payloadType": "USAGE", "units": "KWH"}, {"payloadType": "DEMAND"}]
        vtn.events = [cap | {"reportDescriptors": [*asked, {"payloadType": "BASELINE"}]}]
        await clock.run(600.0)
        await ask_for_much(service)
        await clock.run(1450.0)
        assert vtn.reports == []
        await clock.run(1510.0)
        (told,) = vtn.reports
        assert (told["eventID"], told["programID"]) == ("cap", "flex-1")
        ((first, second),) = [one["intervals"] for one in told["resources"]]
        for one in (first, second):
            usage, demand = ({p["type"]: p["values"][0] for p in one["payloads"]}[k] for k in KINDS)
            assert 10.0 < demand <= 15.0 + 1e-6
            assert usage == pytest.approx(demand * 0.1, abs=1e-3)
        await clock.run(1700.0)
        assert len(vtn.reports) == 1

    run(tmp_path, scene)


def priced(currency: str) -> SmallVtn:
    """A server whose prices are in a currency."""
    kinds = ("PRICE", "EXPORT_PRICE")
    told = [{"payloadType": kind, "units": "KWH", "currency": currency} for kind in kinds]
    return SmallVtn(program={"id": "flex-1", "payloadDescriptors": told})


def test_prices_of_events_are_paid_and_planned_with_while_they_last(tmp_path: Path):
    async def scene(service: Service, clock: VirtualClock, vtn: SmallVtn) -> None:
        controller, moment_s = service.controller, day.START.timestamp() + 5400.0
        before = controller.metering.prices_at(moment_s)
        vtn.events = [event_at("dear", "PRICE", 2.5, 60.0, "PT1H")]
        await clock.run(60.0)
        assert controller.metering.prices_at(moment_s) == (2500.0, before[1])
        assert controller.metering.prices_at(moment_s + 3600.0)[0] < 1000.0
        assert service.ticker.plans._prices is controller.metering.prices
        vtn.events = []
        await clock.run(120.0)
        assert controller.metering.prices_at(moment_s) == before

    run(tmp_path, scene, priced("USD"), program={"follows": ["prices"]})


def test_prices_in_another_currency_are_an_alarm_and_change_nothing(tmp_path: Path):
    async def scene(service: Service, clock: VirtualClock, vtn: SmallVtn) -> None:
        before = service.controller.metering.prices
        vtn.events = [event_at("dear", "PRICE", 2.5, 60.0, "PT1H")]
        await clock.run(90.0)
        assert service.controller.metering.prices is before
        assert "openadr: fault" in alarms(service)

    run(tmp_path, scene, priced("EUR"), program={"follows": ["prices"]})


@pytest.mark.parametrize(
    ("program", "changed", "rule"),
    [
        ({"site": "nowhere"}, {}, r"\[\[site\]\]"),
        ({}, {"envelope": []}, r"\[\[envelope\]\]"),
        ({"client_id": "us"}, {}, "secret_file and secret_env"),
        ({"client_id": "us", "secret_env": "A", "secret_file": "b"}, {}, "one of secret_file"),
        ({}, {"signal": {"openadr": "flex-2"}}, "program_id of an"),
        ({}, {"signal": {"openadr": "flex-1"}}, "dispatch_full_kw"),
        (
            {"dispatch_sign": "into_grid", "dispatch_full_kw": 5.0},
            {"signal": {"openadr": "flex-1"}, "market": None},
            r"\[market\]",
        ),
        ({"follows": ["weather"]}, {}, "follows"),
    ],
)
def test_a_program_that_cannot_be_followed_is_refused_by_name(
    tmp_path: Path, program: dict[str, Any], changed: dict[str, Any], rule: str
):
    with pytest.raises(ConfigError, match=rule):
        play_of(tmp_path, SmallVtn(port=1), program=program, **changed)


def test_two_programs_of_one_name_or_one_site_are_refused(tmp_path: Path):
    vtn = SmallVtn(port=1)
    (one,) = changes(vtn)["openadr"]
    with pytest.raises(ConfigError, match="unique"):
        play_of(tmp_path, vtn, openadr=[one, one])
    with pytest.raises(ConfigError, match="one program only"):
        play_of(tmp_path, vtn, openadr=[one, one | {"program_id": "flex-2"}])

"""The service itself: what it needs to start, what it knows after a restart, what it refuses."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, EvergridError, InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.config import Config
from evergrid.live.service import Run, Service, running
from evergrid.live.store.store import StoreRules, open_store
from evergrid.live.twin import day
from evergrid.live.twin.fleet import TwinConfig
from evergrid.live.twin.play import Play, begun, configuration
from evergrid.live.web import first_operator, serving
from tests.live.controller.offers.stay_cases import entries, nights

FAST = StoreRules(synchronous="off")


def play_of(folder: Path, stations: int = 3, **changed: Any) -> Play:
    fleet = TwinConfig(
        stations=stations, start_utc=day.START.isoformat(), hours=1.0, time_zone="America/New_York"
    )
    return Play(fleet, day.made_up(folder / "day", 1), folder, changed=changed)


def config_of(folder: Path, **changed: Any) -> Config:
    return parse(Config, configuration(play_of(folder)) | changed)


def test_a_restart_takes_up_what_was_open_and_shows_no_password_again(tmp_path: Path):
    play = play_of(tmp_path, stations=6)
    config = parse(Config, configuration(play))

    async def before() -> dict[str, str]:
        async with begun(play, config) as (service, _, clock):
            assert isinstance(clock, VirtualClock)
            await clock.run(900.0)
            assert len(service.passwords) == 6
            return {
                one: known.transaction for one, known in service.controller.transactions.items()
            }

    async def after() -> dict[str, str]:
        clock = VirtualClock(day.START.timestamp() + 1000.0)
        async with running(config, Run(tmp_path, clock, virtual=True, store=FAST)) as service:
            assert service.passwords == {}
            found = service.controller.transactions
            assert all(known.needs is not None for known in found.values())
            assert any(known.driver is not None for known in found.values())
            return {one: known.transaction for one, known in found.items()}

    there = asyncio.run(before())
    assert there
    assert asyncio.run(after()) == there


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"listen": {"address": "0.0.0.0"}}, "certificate"),
        ({"listen": {"address": "example.org"}}, "IP address"),
        ({"station": [{"station": "a", "site": "nowhere", "charge_kw": 11}]}, "nowhere"),
        ({"station": [{"station": "a b", "site": "x", "charge_kw": 11}]}, "station"),
        ({"control": {"tick_s": 3}}, "tick_s"),
        ({"planning": {"step_min": 25}}, "step_min"),
        ({"signal": None}, "signal"),
        ({"envelope": [{"site": "nowhere", "import_limit_kw": 5}]}, "nowhere"),
        ({"sites": []}, "site"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_by_name(
    tmp_path: Path, changed: dict[str, Any], rule: str
):
    with pytest.raises(ConfigError, match=rule):
        config_of(tmp_path, **changed)


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"prices": {"file": "nothing.csv"}}, "nothing.csv"),
        ({"store": "mongodb://here/x"}, "mongodb"),
    ],
)
def test_a_service_that_cannot_start_says_why(tmp_path: Path, changed: dict[str, Any], rule: str):
    config = config_of(tmp_path, **changed)

    async def start() -> None:
        clock = VirtualClock(day.START.timestamp())
        async with running(config, Run(tmp_path, clock, virtual=True, store=FAST)):
            pass

    with pytest.raises(EvergridError, match=rule):
        asyncio.run(start())


def test_rules_that_are_not_known_for_today_are_refused(tmp_path: Path):
    config = config_of(tmp_path, prices={"file": "flat.csv"})
    rows = "\n".join(f"2026-12-{1 + h // 24:02d}T{h % 24:02d}:00Z,50,50" for h in range(24 * 6))
    (tmp_path / "flat.csv").write_text(
        f"time_utc,import_price_per_mwh,export_price_per_mwh\n{rows}\n"
    )

    async def start() -> None:
        clock = VirtualClock(1_796_083_200.0)  # 1 December 2026: the third era
        async with running(config, Run(tmp_path, clock, virtual=True, store=FAST)):
            pass

    with pytest.raises(InputError, match="pjm_regulation"):
        asyncio.run(start())


def test_two_services_do_not_share_a_store(tmp_path: Path):
    config = config_of(tmp_path)

    async def both() -> None:
        clock = VirtualClock(day.START.timestamp())
        run = Run(tmp_path, clock, virtual=True, store=FAST)
        async with running(config, run), running(config, run):
            pass

    with pytest.raises(EvergridError, match="open"):
        asyncio.run(both())


def test_the_interface_shows_the_stations_of_a_running_service(tmp_path: Path):
    play = play_of(tmp_path)
    config = parse(Config, configuration(play))

    async def ask(service: Service, stack: AsyncExitStack) -> None:
        url = await stack.enter_async_context(serving(service))
        made = await first_operator(service)
        assert made is not None
        name, password = made
        assert name == "operator"
        assert await first_operator(service) is None
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.get("/api/v1/stations")).status_code == 401
            given = {"person": "operator", "password": password}
            token = (await client.post("/api/v1/login", json=given)).json()["token"]
            client.headers["Authorization"] = f"Bearer {token}"
            rows = (await client.get("/api/v1/stations")).json()["lines"]
            assert len(rows) == 3
            assert {row["state"] for row in rows} == {"online"}
            assert (await client.get("/api/v1/readyz")).status_code == 200
            new = {"person": "dora", "role": "driver", "card": "04AA", "may_discharge": True}
            assert service.controller.drivers.of("04AA") is None
            assert (await client.post("/api/v1/people", json=new)).status_code == 200
            known = service.controller.drivers.of("04AA")
            assert known is not None
            assert known.may_discharge
            shown = (await client.get("/api/v1/configuration")).json()
            assert "station" in {table["title"].split(" ")[0] for table in shown}
            limits = {"issued_utc": "2022-07-12T04:00:00Z", "sites": []}
            assert (await client.post("/api/v1/limits", json=limits)).status_code == 409

    async def scene() -> None:
        async with AsyncExitStack() as stack:
            service, _, clock = await stack.enter_async_context(begun(play, config))
            assert isinstance(clock, VirtualClock)
            await clock.run(120.0)
            await ask(service, stack)

    asyncio.run(scene())


@pytest.mark.parametrize("days", [0, 120])
def test_offers_rest_on_the_stays_of_the_store_where_there_are_enough(tmp_path: Path, days: int):
    config = config_of(tmp_path)
    clock = VirtualClock(day.START.timestamp())
    run = Run(tmp_path, clock, virtual=True, store=FAST)

    async def scene() -> None:
        async with open_store(tmp_path / config.store, clock=clock, rules=FAST) as store:
            past = nights(days, 3, until_s=day.START.timestamp())
            await store.log.append(entries(past))
        async with running(config, run) as service:
            await clock.run(10.0)
            awards, firm = service.ticker.awards, service.ticker.firm
            assert awards is not None
            assert awards.now is not None
            assert firm is not None
            (offer,) = service.view.offers()
            (written,) = await service.store.log.entries("offer")
            assert f'"rule":"{awards.now.rule}"'.encode() in written.entry.body
            if days:
                assert (offer.rule, offer.confidence) == ("history", 0.9)
                assert offer.history_days == firm.schedule.history_days > 100
                assert firm.schedule.power_kw.max() > 5
            else:
                assert (offer.rule, offer.history_days) == ("cold start", 0)
                assert "no vehicle has left yet" in offer.basis

    asyncio.run(scene())

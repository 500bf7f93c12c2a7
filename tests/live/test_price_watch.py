"""A running service plans and books with new prices, and keeps the last good ones with an alarm."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from evergrid.core.config import parse
from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.config import Config
from evergrid.live.price_watch import PriceWatch
from evergrid.live.service import Run, Service, running
from evergrid.live.store.store import StoreRules
from evergrid.live.twin import day
from evergrid.model.prices import Prices
from tests.live.signals.test_price_download import HEAD, price_server

FAST = StoreRules(synchronous="off")
START_S = day.START.timestamp()


def table(price: float, *, days: int = 4) -> bytes:
    hours = range(24 * days)
    first = day.START.replace(hour=0)
    rows = (f"2022-07-{first.day + i // 24:02d}T{i % 24:02d}:00Z,{price},{price}\n" for i in hours)
    return (HEAD + "".join(rows)).encode()


def config(**prices: object) -> Config:
    given = {
        "site": [{"site_id": "depot"}],
        "store": "store.sqlite",
        "listen": {"ocpp_port": 0, "http_port": 0},
        "station": [{"station": "s0", "site": "depot", "charge_kw": 11.0}],
        "prices": {"file": "prices.csv", "currency": "USD", "poll_s": 60.0} | prices,
    }
    return parse(Config, given)


def alarms(service: Service) -> dict[str, str]:
    return {one.kind: one.text for one in service.view.alarms() if one.ended_s is None}


def bought(service: Service) -> float:
    return service.controller.metering.prices_at(START_S + 3600.0)[0]


def planned(service: Service) -> float:
    return float(service.ticker.plans._prices.import_price_per_mwh[0])


def test_prices_of_an_address_are_used_as_they_come_and_the_last_good_ones_stay(tmp_path: Path):
    clock = VirtualClock(START_S)

    async def scene(url: str) -> None:
        run = Run(tmp_path, clock, virtual=True, store=FAST)
        async with running(config(url=url, stale_h=0.1), run) as service:
            assert (bought(service), planned(service)) == (50.0, 50.0)
            server.body = table(70.0)
            await clock.run(130.0)
            assert (bought(service), planned(service)) == (70.0, 70.0)
            server.body = b"none"
            await clock.run(200.0)
            assert bought(service) == 70.0
            assert "no prices" in alarms(service)["prices_unreadable"]
            assert "prices_stale" not in alarms(service)
            await clock.run(700.0)
            assert bought(service) == 70.0
            assert "0.1 h ago" in alarms(service)["prices_stale"]
            server.body = table(80.0)
            await clock.run(800.0)
            assert alarms(service) == {}
            assert (bought(service), planned(service)) == (80.0, 80.0)

    with price_server() as server:
        server.body = table(50.0)
        asyncio.run(scene(server.url))


def test_without_an_answer_a_service_starts_with_what_was_last_good_and_not_without(
    tmp_path: Path,
):
    with price_server() as server:
        url = server.url
    clock = VirtualClock(START_S)

    async def start() -> float:
        run = Run(tmp_path, clock, virtual=True, store=FAST)
        async with running(config(url=url), run) as service:
            return bought(service)

    with pytest.raises(InputError, match="bring prices at the first start"):
        asyncio.run(start())
    (tmp_path / "prices.csv").write_bytes(table(40.0))
    assert asyncio.run(start()) == 40.0


def test_a_file_that_changes_is_read_again_and_a_broken_one_is_not_used(tmp_path: Path):
    (tmp_path / "prices.csv").write_bytes(table(50.0))
    clock = VirtualClock(START_S)

    async def scene() -> None:
        run = Run(tmp_path, clock, virtual=True, store=FAST)
        async with running(config(), run) as service:
            (tmp_path / "prices.csv").write_bytes(table(61.5))
            await clock.run(130.0)
            assert (bought(service), planned(service)) == (61.5, 61.5)
            (tmp_path / "prices.csv").write_text("broken")
            await clock.run(200.0)
            assert bought(service) == 61.5
            assert "prices_unreadable" in alarms(service)

    asyncio.run(scene())


def test_prices_of_another_currency_are_not_booked(tmp_path: Path):
    (tmp_path / "prices.csv").write_bytes(table(50.0))
    clock, used, told = VirtualClock(START_S), list[Prices](), list[str]()

    async def scene() -> None:
        watch = PriceWatch(config(), tmp_path, clock, 2.0)
        before = await watch.first()
        watch._file._read = lambda path: replace(before, currency="NOK")
        watch._file.forget()
        await watch.look(used.append, lambda *text: told.append(text[2]), lambda *text: None)
        assert watch._file.prices is before

    asyncio.run(scene())
    assert used == []
    assert told == ["the currency is no longer USD"]

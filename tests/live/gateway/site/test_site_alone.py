"""A site whose link is cut goes on by its last plan, and what it did comes back once, in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from evergrid.core.errors import StoreError
from evergrid.live.deployment import site_plans
from evergrid.live.devices.adapter import (
    ChargingNeeds,
    MeterReading,
    TransactionEvent,
    TransactionPart,
)
from evergrid.live.gateway.gateway import Gateway, GatewayPlace
from evergrid.live.gateway.gateway_stations import GatewayStations
from evergrid.live.gateway.site.site_controller import SiteController, SiteRules
from evergrid.live.gateway.site.site_log import SiteLog
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.central_system import Listener
from evergrid.live.signals.utility import UtilityLimits
from evergrid.live.store.entry import Entry
from evergrid.live.store.store import SIMULATION, open_store
from tests.live.controller_cases import START_S, V2G, Run
from tests.live.gateway.cases import KEY
from tests.live.gateway.memory_broker import MemoryBroker, Network
from tests.live.ocpp.recorder import Register

pytestmark = pytest.mark.slow

LIMIT_KW = 15.0
CUT_S, LEAVES_S, BACK_S = 200.0, 1100.0, 2000.0


class Site(Run):
    """A run whose stations are behind the gateway of a site, with registers that count."""

    def __init__(self, stations: int) -> None:
        site = {"site_id": "depot", "import_limit_kw": LIMIT_KW, "export_limit_kw": 5.0}
        super().__init__(stations, site=[site])
        self.network = Network()
        self.drawn = dict.fromkeys(range(stations), 100.0)
        self.fed = dict.fromkeys(range(stations), 50.0)
        self.last_s = dict.fromkeys(range(stations), 0.0)
        self.sequences = dict.fromkeys(range(stations), -1)
        self.answered: list[tuple[str, int]] = []
        self.beyond: list[float] = []
        self.tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def behind_a_gateway(self, folder: Path) -> AsyncIterator["Site"]:
        ends = GatewayStations(
            MemoryBroker(self.network),
            "test",
            self.controller,
            Register(),
            lambda _: [],
            lambda _: [],
            self.clock,
            lease_s=5.0,
            log=self.log,
        )
        self.ends = ends
        self.controller.use(ends)
        utility = UtilityLimits({}, self.log, self.clock)
        ends.tell_plans(site_plans.planner(self.controller, self.ticker.plans, utility))
        await ends.start()
        opened = open_store(folder / "site.db", clock=self.clock, rules=SIMULATION)
        async with opened as store:
            self.kept = SiteLog(store)
            place = GatewayPlace(
                "test", Listener(), Settings(), "site", self.kept, SiteRules(10.0, 2.0)
            )
            gateway = Gateway(MemoryBroker(self.network), KEY, self.clock, place)
            assert gateway.site is not None
            gateway.central.orders = self.stations  # pyright: ignore[reportAttributeAccessIssue]
            self.site: SiteController = gateway.site
            self.site.use(self.stations)
            await gateway.start()
            try:
                yield self
            finally:
                for task in self.tasks:
                    task.cancel()
                await gateway.stop()
                await ends.stop()

    async def connect(self, station: int) -> None:
        await self.site.connected(f"s{station}", "ocpp2.1")
        await self.site.described(f"s{station}", V2G)

    async def event(self, station: int, part: TransactionPart, **changed: object) -> None:
        """One that goes through the gateway, with the registers as they are now."""
        now_s = self.clock.now_s()
        hours = (now_s - max(self.last_s[station], START_S)) / 3600.0
        power_kw = self.stations.power_kw.get(f"s{station}", 0.0)
        self.drawn[station] += max(-power_kw, 0.0) * hours
        self.fed[station] += max(power_kw, 0.0) * hours
        self.last_s[station] = now_s
        self.sequences[station] += 1
        reading = MeterReading(
            now_s, power_kw, drawn_kwh=self.drawn[station], fed_kwh=self.fed[station]
        )
        event = TransactionEvent(
            f"s{station}",
            f"t{station}",
            self.sequences[station],
            part,
            "MeterValuePeriodic",
            now_s,
            now_s,
            evse=1,
            token=f"card-{station}",
            readings=(reading,),
        )
        await self.site.transaction(event)
        self.answered.append((event.station, event.sequence))

    def tell(self, station: int, part: TransactionPart) -> None:
        """An event that nobody waits for here, as its answer may take a while."""
        self.tasks.append(asyncio.create_task(self.event(station, part)))

    async def go_on(self, until_s: float, *stations: int) -> None:
        """Pass time until a moment; these stations tell their meters every 30 s."""
        while self.clock.monotonic_s() < until_s:
            next_s = min(self.clock.monotonic_s() + 30.0, until_s)
            while self.clock.monotonic_s() < next_s:
                await self.clock.run(min(self.clock.monotonic_s() + 2.0, next_s))
                if self.clock.monotonic_s() > 60.0:
                    total = sum(self.stations.power_kw.values())
                    self.beyond.append(max(-LIMIT_KW - total, total - 5.0))
            for station in stations:
                self.tell(station, TransactionPart.UPDATED)
            await self.clock.run(self.clock.monotonic_s())


def of_kind(site: Site, kind: str) -> list[Entry]:
    return [entry for entry in site.log.entries if entry.kind == kind]


async def outage(site: Site) -> None:
    """Two vehicles; the link is cut for half an hour, in which one of them leaves."""
    ticking = asyncio.create_task(site.ticker.run())
    for station in (0, 1):
        await connected_with_vehicle(site, station)
    await site.go_on(CUT_S, 0, 1)
    assert not site.site.alone
    assert sorted(site.controller.online) == ["s0", "s1"]
    site.network.down = True
    await site.go_on(CUT_S + 30.0, 0, 1)
    assert site.site.alone
    assert not site.controller.online
    site.stations.orders.clear()
    await site.go_on(LEAVES_S, 0, 1)
    site.tell(1, TransactionPart.ENDED)
    site.stations.power_kw["s1"] = 0.0
    await site.go_on(BACK_S, 0)
    assert site.kept.entries > 60
    site.network.down = False
    await site.go_on(BACK_S + 120.0, 0)
    await asyncio.wait_for(asyncio.gather(*site.tasks), 5)
    site.ticker.stop()
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)


async def connected_with_vehicle(site: Site, station: int) -> None:
    await site.connect(station)
    await site.event(station, TransactionPart.STARTED)
    needs = ChargingNeeds(
        f"s{station}",
        1,
        site.clock.now_s(),
        True,
        departure_s=START_S + 36_000.0,
        max_charge_kw=11.04,
        max_discharge_kw=11.04,
        to_target_kwh=15.0,
        to_full_kwh=30.0,
        to_reserve_kwh=-20.0,
        capacity_kwh=60.0,
        soc=0.5,
    )
    assert await site.site.needs(needs)


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The run, after its outage."""
    site = Site(2)

    async def play() -> None:
        async with site.behind_a_gateway(tmp_path_factory.mktemp("site")):
            await outage(site)
            assert not site.site.alone
            assert site.kept.entries == 0
            assert "s0" in site.controller.online
            assert site.ends.claims.holder("s0") is not None
        await site.controller.finished()

    asyncio.run(play())
    return site


def test_every_event_of_an_outage_was_answered_and_is_written_once_in_order(after: Site):
    written = [(one.station, one.sequence) for one in of_kind(after, "transaction_event")]
    assert len(written) == len(set(written))
    assert set(after.answered) == set(written)
    for station in (0, 1):
        mine = [number for name, number in written if name == f"s{station}"]
        assert mine == list(range(after.sequences[station] + 1))


def test_the_ledger_counts_what_flowed_in_an_outage_once(after: Site):
    for item, registers, begin in (
        ("energy drawn", after.drawn, 100.0),
        ("energy fed", after.fed, 50.0),
    ):
        lines = [line for name, line in after.lines.items() if name == f"energy/s1/t1/{item}"]
        flowed = registers[1] - begin
        if flowed > 0:
            (line,) = lines
            assert line.quantity == pytest.approx(flowed)
    assert after.drawn[1] + after.fed[1] > 150.1
    assert not any(name.startswith("energy/s0") for name in after.lines)
    known = after.controller.transactions["s0"]
    assert known.meter.drawn_kwh == pytest.approx(after.drawn[0] - 100.0)
    assert known.meter.fed_kwh == pytest.approx(after.fed[0] - 50.0)


def test_the_site_kept_its_limits_while_it_was_on_its_own(after: Site):
    assert max(after.beyond) <= 1e-6


def test_what_the_site_ordered_is_told_afterwards_in_order(after: Site):
    orders = of_kind(after, "site_order")
    assert orders
    assert all(START_S + CUT_S <= one.time_s <= START_S + BACK_S + 20.0 for one in orders)
    assert [one.time_s for one in orders] == sorted(one.time_s for one in orders)


def test_a_site_whose_log_is_full_answers_nothing_more(tmp_path: Path):
    site = Site(1)

    async def play() -> None:
        async with site.behind_a_gateway(tmp_path):
            site.kept._most_bytes = 1000
            await site.connect(0)
            site.network.down = True
            await site.go_on(20.0)
            assert site.site.alone
            for _ in range(20):
                try:
                    await site.event(0, TransactionPart.UPDATED)
                except StoreError:
                    break
            assert 0 < len(site.answered) < 20
            site.network.down = False
            await site.go_on(60.0)
            assert not site.site.alone
            await site.event(0, TransactionPart.UPDATED)

    asyncio.run(play())
    written = {(one.station, one.sequence) for one in of_kind(site, "transaction_event")}
    assert set(site.answered) <= written


def test_what_an_earlier_run_could_not_hand_over_comes_first(tmp_path: Path):
    site = Site(1)

    async def before() -> None:
        async with site.behind_a_gateway(tmp_path):
            await site.connect(0)
            site.network.down = True
            await site.go_on(20.0)
            for _ in range(3):
                await site.event(0, TransactionPart.UPDATED)

    asyncio.run(before())
    later = Site(1)

    async def again() -> None:
        async with later.behind_a_gateway(tmp_path):
            assert later.site.alone
            await later.go_on(20.0)
            assert not later.site.alone
            assert later.kept.entries == 0

    asyncio.run(again())
    assert [one.sequence for one in of_kind(later, "transaction_event")] == [0, 1, 2]

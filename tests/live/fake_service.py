"""A service that is none: stations, drivers and a signal that change with time by formulas.

It drives the tests of pages and interface, and shows every state that they must show: a station
that is offline, one that accepts and does not follow, one whose clock is wrong, one with a hostile
name, one never seen.
"""

import math
from dataclasses import replace
from typing import Any

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock, WallClock
from evergrid.live.view import (
    AbstractCommands,
    AbstractView,
    Alarm,
    GridFunctionRow,
    LedgerLine,
    MessageRow,
    Offer,
    Overview,
    PlanRow,
    PlanView,
    Series,
    SessionRow,
    StationDetail,
    StationRow,
)

HOSTILE = "<script>alert(1)</script>"
OFFLINE, DEVIATING, SKEWED, UNSEEN = 1, 2, 3, 4  # numbers of stations with a state of their own
TICK_S = 2.0
BLOCK_S = 3600.0
STEP_S = 900.0
DAY_S = 86400.0
RATED_KW = 11.0


class FakeService(AbstractView, AbstractCommands):
    """A fleet by formulas of the time.

    Args:
        count: Of stations.
        clock: That moves it.
        hostile: Whether the first station has a hostile name.
    """

    def __init__(
        self, count: int, clock: AbstractClock | None = None, *, hostile: bool = False
    ) -> None:
        self.clock = clock or WallClock()
        width = max(len(str(count)), 2)
        self.names = [f"cp-{i:0{width}d}" for i in range(1, count + 1)]
        if hostile and count:
            self.names[0] = HOSTILE
        self.begin_s = self.clock.now_s() - 1200.0
        self.broken: set[str] = set()  # methods that fail
        self.asked: list[tuple[Any, ...]] = []
        self.priority: set[str] = set()
        self.opted_out: set[str] = set()
        self.on_hold: set[str] = set()
        self.needs: dict[str, dict[str, float]] = {}
        self.alarm_list = self._first_alarms()

    def _first_alarms(self) -> list[Alarm]:
        if len(self.names) < 4:
            return []
        at_s = self.begin_s
        offline, deviating, skewed = (self.names[i] for i in (OFFLINE, DEVIATING, SKEWED))
        text = f"{deviating} accepted its orders and does not follow them."
        return [
            Alarm(4, "not_following", deviating, text, at_s + 900),
            Alarm(3, "clock_skew", skewed, f"The clock of {skewed} is 95 s ahead.", at_s + 600),
            Alarm(2, "station_offline", offline, f"{offline} is not connected.", at_s + 300),
            Alarm(1, "signal_stale", "signal", "No signal for 14 s.", at_s, at_s + 40, "olga"),
        ]

    def _fail(self, name: str) -> None:
        if name in self.broken:
            raise RuntimeError(f"{name} is broken")

    def _signal(self, time_s: float) -> float:
        tick = math.floor(time_s / TICK_S) * TICK_S
        return 0.6 * math.sin(tick / 47) + 0.4 * math.sin(tick / 13 + 1)

    def _plugged(self, i: int) -> bool:
        return i in (DEVIATING, SKEWED) or (i not in (OFFLINE, UNSEEN) and i % 5 != 3)

    def _base(self, i: int, time_s: float) -> float:
        return -5 + 0.8 * (i % 5 - 2) + 2 * math.sin(2 * math.pi * time_s / DAY_S)

    def _ordered(self, i: int, time_s: float) -> float:
        return round(self._base(i, time_s) + 4.0 * self._signal(time_s), 2)

    def _measured(self, i: int, time_s: float) -> float:
        if i == DEVIATING:
            return -0.2
        return round(0.97 * self._ordered(i, time_s - TICK_S) + 0.05 * math.sin(time_s + i), 2)

    def _state(self, i: int) -> str:
        return {OFFLINE: "offline", UNSEEN: "never seen"}.get(i, "online")

    def _row(self, i: int, time_s: float) -> StationRow:
        state = self._state(i)
        online, plugged = state == "online", self._plugged(i)
        ordered = self._ordered(i, time_s) if plugged else None
        return StationRow(
            station=self.names[i],
            site=f"site-{i // 20 + 1}",
            state=state,
            protocol="ocpp2.1" if online else "",
            v2x=i % 7 != 6,
            session=f"tx-{i:05d}" if plugged else "",
            ordered_kw=ordered,
            accepted_kw=ordered,
            measured_kw=self._measured(i, time_s) if plugged else (0.0 if online else None),
            following=(i != DEVIATING) if plugged else None,
            soc=round(0.4 + 0.3 * math.sin(time_s / 3000 + i), 3) if plugged else None,
            last_seen_s={OFFLINE: self.begin_s + 300, UNSEEN: None}.get(i, time_s - 1),
            clock_skew_s={SKEWED: 95.0, UNSEEN: None}.get(i, 0.2),
            on_hold=self.names[i] in self.on_hold,
        )

    def _session(self, i: int, time_s: float) -> SessionRow:
        session = f"tx-{i:05d}"
        capacity = 60.0 + i % 3 * 10
        energy = capacity * (0.4 + 0.3 * math.sin(time_s / 3000 + i))
        needs = self.needs.get(session, {})
        owed = needs.get("owed_kwh", 0.8 * capacity)
        return SessionRow(
            station=self.names[i],
            evse=1,
            session=session,
            driver=f"driver-{i}",
            arrival_s=self.begin_s - 3600 * (1 + i % 5),
            departure_s=needs.get("departure_s", self.begin_s + 3600 * (4 + i % 6)),
            energy_kwh=energy,
            owed_kwh=owed,
            reserve_kwh=0.2 * capacity,
            capacity_kwh=capacity,
            missing_kwh=max(owed - energy, 0.0),
            reachable=i != DEVIATING,
            planned_kw=self._base(i, time_s),
            priority=session in self.priority,
            opted_out=session in self.opted_out,
        )

    def _sessions(self) -> list[int]:
        return [i for i in range(len(self.names)) if self._plugged(i)]

    def overview(self) -> Overview:
        """Sums over the stations."""
        self._fail("overview")
        now_s = self.clock.now_s()
        plugged = self._sessions()
        base = sum((self._base(i, now_s) for i in plugged), 0.0)
        signal = self._signal(now_s)
        power = sum((self._measured(i, now_s) for i in plugged), 0.0)
        stored = sum((self._session(i, now_s).energy_kwh for i in plugged), 0.0)
        return Overview(
            time_s=now_s,
            simulated=True,
            tick_age_s=now_s % TICK_S,
            power_kw=power,
            base_kw=base,
            target_kw=4.0 * len(plugged) * signal,
            response_kw=power - base,
            signal=signal if plugged else None,
            signal_age_s=now_s % TICK_S if plugged else None,
            offer_kw=4.0 * len(plugged),
            offer_basis="half of a model's estimate (first weeks)",
            award_kw=3.6 * len(plugged),
            up_kw=7.0 * len(plugged),
            down_kw=5.5 * len(plugged),
            score=0.968 if plugged else None,
            stations=len(self.names),
            online=sum(self._state(i) == "online" for i in range(len(self.names))),
            sessions=len(plugged),
            stored_kwh=stored,
            alarms=sum(not a.acknowledged_by and a.ended_s is None for a in self.alarm_list),
            earned=12.5 * len(plugged),
            currency="USD",
        )

    def stations(self) -> tuple[StationRow, ...]:
        """All rows."""
        self._fail("stations")
        now_s = self.clock.now_s()
        return tuple(self._row(i, now_s) for i in range(len(self.names)))

    async def station(self, station: str) -> StationDetail | None:
        """One of them."""
        self._fail("station")
        if station not in self.names:
            return None
        i, now_s = self.names.index(station), self.clock.now_s()
        plugged = self._plugged(i)
        return StationDetail(
            row=self._row(i, now_s),
            sessions=(self._session(i, now_s),) if plugged else (),
            operation_modes=("ChargingOnly", "CentralSetpoint", "CentralFrequency"),
            profiles=_profiles(i) if plugged else (),
            messages=self._messages(i, now_s),
            series=self._station_series(i, now_s) if plugged else Series((), {}),
            grid_functions=self._functions(i),
            alarms=tuple(
                one
                for one in self.alarm_list
                if one.ended_s is None and one.source.partition(" ")[0] == station
            ),
            security_profile=2 if self._state(i) == "online" else None,
            not_known="" if self._state(i) == "online" else "it is connected to no gateway",
        )

    def station_series(self, station: str) -> Series | None:
        """Its power of the last while."""
        if station not in self.names:
            return None
        i = self.names.index(station)
        return self._station_series(i, self.clock.now_s()) if self._plugged(i) else Series((), {})

    def _functions(self, i: int) -> tuple[GridFunctionRow, ...]:
        volt_var = ((0.917, 0.44), (0.98, 0.0), (1.02, 0.0), (1.083, -0.44))
        droop, since_s = ((49.8, 1.0), (49.99, 0.0), (50.01, 0.0), (50.2, -1.0)), self.begin_s
        state = {DEVIATING: "contradicted", SKEWED: "verified"}.get(i, "read back")
        return (
            GridFunctionRow("FreqDroop", droop, since_s, state),
            GridFunctionRow("VoltVar", volt_var, since_s, "verified")
            if i != DEVIATING
            else GridFunctionRow("VoltVar", (), None, "given"),
        )

    def _messages(self, i: int, now_s: float) -> tuple[MessageRow, ...]:
        tick = math.floor(now_s / TICK_S) * TICK_S
        rows: list[MessageRow] = []
        for k in range(10):
            time_s = tick - k * TICK_S
            text = f'{{"setpoint": {-1000 * self._ordered(i, time_s):.0f}}}'
            rows.append(MessageRow(time_s, "out", "UpdateDynamicSchedule", text, "accepted"))
            meter = f'{{"Power.Active.Import": {-1000 * self._measured(i, time_s):.0f}}}'
            rows.append(MessageRow(time_s - 1, "in", "TransactionEvent", meter, ""))
        return tuple(rows)

    def _station_series(self, i: int, now_s: float) -> Series:
        times = self._ticks(now_s, 300)
        ordered = tuple(self._ordered(i, t) for t in times)
        measured = tuple(self._measured(i, t) for t in times)
        values: dict[str, tuple[float | None, ...]] = {
            "ordered_kw": ordered,
            "accepted_kw": ordered,
            "measured_kw": measured,
        }
        return Series(times, values)

    def _ticks(self, now_s: float, points: int) -> tuple[float, ...]:
        last = math.floor(now_s / TICK_S)
        there = min(points, int((now_s - self.begin_s) / TICK_S))
        return tuple((last - k) * TICK_S for k in reversed(range(there)))

    def sessions(self) -> tuple[SessionRow, ...]:
        """All that are plugged in."""
        self._fail("sessions")
        now_s = self.clock.now_s()
        return tuple(self._session(i, now_s) for i in self._sessions())

    def series(self, points: int = 600) -> Series:
        """The fleet, tick by tick."""
        self._fail("series")
        count = len(self._sessions())
        times = self._ticks(self.clock.now_s(), points) if count else ()
        signal = tuple(self._signal(t) for t in times)
        target = tuple(round(4.0 * count * s, 2) for s in signal)
        own = sum((self._base(i, 0.0) - self._base(2, 0.0) for i in self._sessions()), 0.0)
        late = (0.97 * 4.0 * count * self._signal(t - TICK_S) for t in times)
        values: dict[str, tuple[float | None, ...]] = {
            "signal": tuple(round(s, 4) for s in signal),
            "target_kw": target,
            "response_kw": tuple(round(r, 2) for r in late),
            "base_kw": tuple(own + count * self._base(2, t) for t in times),
            "award_kw": tuple(3.6 * count for _ in times),
            "score": tuple(round(0.96 + 0.02 * math.sin(t / 400), 4) for t in times),
        }
        return Series(times, values)

    def plan(self) -> PlanView:
        """A day in quarter hours."""
        self._fail("plan")
        count = len(self._sessions())
        if not count:
            return PlanView(None, "none", None, None, (), "no vehicle is plugged in")
        now_s = self.clock.now_s()
        first = math.floor(now_s / STEP_S) * STEP_S
        times = [first + k * STEP_S for k in range(96)]
        return PlanView(
            made_s=now_s - now_s % 300,
            status="optimal",
            gap=2e-4,
            solve_s=0.84,
            rows=tuple(
                PlanRow(
                    time_s=t,
                    power_kw=count * (-3 + 5 * math.sin(2 * math.pi * t / DAY_S)),
                    energy_kwh=count * (40 + 9 * math.cos(2 * math.pi * t / DAY_S)),
                    price_per_mwh=60 + 45 * math.sin(2 * math.pi * t / DAY_S + 0.4),
                    award_kw=3.6 * count,
                )
                for t in times
            ),
        )

    def alarms(self) -> tuple[Alarm, ...]:
        """As they stand."""
        self._fail("alarms")
        return tuple(self.alarm_list)

    def offers(self) -> tuple[Offer, ...]:
        """The last hours."""
        self._fail("offers")
        count = len(self._sessions())
        if not count:
            return ()
        block = math.floor(self.clock.now_s() / BLOCK_S) * BLOCK_S
        basis = "half of a model's estimate (first weeks)"
        done = [
            Offer(
                block - k * BLOCK_S,
                block - (k - 1) * BLOCK_S,
                4.0 * count,
                3.6 * count,
                basis,
                0.96 + 0.003 * k if k else None,
                0.9 * count if k else None,
            )
            for k in range(8)
        ]
        return tuple(done)

    def ledger(self, party: str | None = None) -> tuple[LedgerLine, ...]:
        """What the last hours were paid."""
        self._fail("ledger")
        block = math.floor(self.clock.now_s() / BLOCK_S) * BLOCK_S
        rule = "share of the block's credit by energy moved"
        lines = [
            LedgerLine(block - k * BLOCK_S, f"driver-{i}", "regulation", 3.6, "kW h", 0.72, rule)
            for k in range(1, 9)
            for i in self._sessions()
        ]
        return tuple(line for line in lines if party is None or line.party == party)

    async def call_station(
        self, station: str, action: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        """Accepted where the station is online."""
        self._fail("call_station")
        if self._state(self.names.index(station)) != "online":
            rule, fix = "be connected", "Wait until it is back."
            raise InputError("call", [Fault("station", rule, (), (station,), fix=fix)])
        self.asked.append((station, action, payload))
        return {"status": "Accepted"}

    async def hold(self, station: str, on_hold: bool) -> None:
        """At its next boot."""
        (self.on_hold.add if on_hold else self.on_hold.discard)(station)

    async def renew_password(self, station: str) -> None:
        """Taken where the station is online."""
        await self.call_station(station, "password", {})

    async def renew_certificate(self, station: str) -> None:
        """Taken where the station is online."""
        await self.call_station(station, "certificate", {})

    async def forget_certificates(self, station: str) -> None:
        """Noted."""
        self.asked.append((station, "forget", {}))

    def _alarm(self, number: int) -> int:
        found = [k for k, alarm in enumerate(self.alarm_list) if alarm.number == number]
        if not found:
            raise InputError("alarms", [Fault("alarm", "be one of the list", (number,))])
        return found[0]

    async def acknowledge(self, alarm: int, person: str) -> None:
        """By this person."""
        k = self._alarm(alarm)
        self.alarm_list[k] = replace(self.alarm_list[k], acknowledged_by=person)

    async def shelve(self, alarm: int, person: str, until_s: float) -> None:
        """Until then."""
        k = self._alarm(alarm)
        self.alarm_list[k] = replace(self.alarm_list[k], shelved_until_s=until_s)

    async def limit_sites(self, document: dict[str, Any], person: str) -> tuple[str, ...]:
        """Refused where it names no site."""
        sites = document.get("sites", [])
        if not sites:
            raise InputError("envelope", [Fault("sites", "name at least one site")])
        return tuple(site["site_id"] for site in sites)

    async def change_needs(
        self, session: str, *, departure_s: float | None = None, owed_kwh: float | None = None
    ) -> None:
        """Refused where it departs within 10 minutes."""
        if departure_s is not None and departure_s < self.clock.now_s() + 600:
            rule, fix = "leave time to charge", "Choose a later time."
            raise InputError("needs", [Fault("departure", rule, fix=fix)])
        asked = {"departure_s": departure_s, "owed_kwh": owed_kwh}
        kept = {name: value for name, value in asked.items() if value is not None}
        self.needs[session] = self.needs.get(session, {}) | kept

    async def set_priority(self, session: str, active: bool) -> None:
        """Kept."""
        (self.priority.add if active else self.priority.discard)(session)

    async def opt_out(self, session: str, out: bool) -> None:
        """Kept."""
        (self.opted_out.add if out else self.opted_out.discard)(session)


def _profiles(i: int) -> tuple[dict[str, Any], ...]:
    default = {
        "id": 2 * i + 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Recurring",
        "chargingSchedule": [
            {"chargingRateUnit": "W", "chargingSchedulePeriod": [{"limit": 4200}]}
        ],
    }
    dynamic = {
        "id": 2 * i + 2,
        "stackLevel": 5,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Dynamic",
        "maxOfflineDuration": 60,
        "chargingSchedule": [{"operationMode": "CentralSetpoint", "chargingRateUnit": "W"}],
    }
    return default, dynamic

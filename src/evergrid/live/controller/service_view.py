"""What the console and the interface see, made from what the controller holds in memory."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.units import S_PER_H
from evergrid.live import outlets
from evergrid.live.controller.awards import Block
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.ticker import Ticker
from evergrid.live.controller.transactions import MET_KWH
from evergrid.live.controller.vehicle import Vehicle
from evergrid.live.signals.utility import UtilityLimits
from evergrid.live.view import (
    AbstractCommands,
    AbstractView,
    Alarm,
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

Messages = Callable[[str], tuple[MessageRow, ...]]
Profiles = Callable[[str], tuple[dict[str, Any], ...]]


def _station(device: str) -> str:
    """The station of an outlet."""
    return outlets.place(device)[0]


class ServiceView(AbstractView):
    """A view of a running service.

    Args:
        controller: What is known.
        ticker: What is decided.
        messages: Last messages of a station.
        profiles: Charging profiles of a station.
        simulated: Whether stations are simulated.
        currency: Of the prices.
    """

    def __init__(
        self,
        controller: Controller,
        ticker: Ticker,
        messages: Messages,
        profiles: Profiles,
        *,
        simulated: bool,
        currency: str,
    ) -> None:
        self._controller, self._ticker = controller, ticker
        self._messages, self._profiles = messages, profiles
        self._simulated, self._currency = simulated, currency

    def overview(self) -> Overview:
        """The first page."""
        controller, ticker = self._controller, self._ticker
        fleet, clock = controller.fleet, controller.clock
        block = None if ticker.awards is None else ticker.awards.now
        followed = ticker.followed
        known = bool(np.isfinite(followed.age_s))
        now_s = clock.now_s()
        return Overview(
            time_s=now_s,
            simulated=self._simulated,
            tick_age_s=max(clock.monotonic_s() - ticker.last_tick_s, 0.0)
            if np.isfinite(ticker.last_tick_s)
            else 0.0,
            power_kw=fleet.power_kw,
            base_kw=fleet.base_kw,
            target_kw=ticker.points[-1].target_kw if ticker.points else 0.0,
            response_kw=fleet.power_kw - fleet.base_kw,
            signal=followed.share if known else None,
            signal_age_s=followed.age_s if known else None,
            offer_kw=0.0 if block is None else block.offered_kw,
            offer_basis="nothing is sold" if block is None else block.basis,
            award_kw=0.0 if block is None else block.awarded_kw,
            up_kw=ticker.held.up_kw,
            down_kw=ticker.held.down_kw,
            score=None if ticker.awards is None else ticker.awards.score_so_far(),
            stations=len({_station(device.station) for device in fleet.devices}),
            online=len({_station(name) for name in controller.online}),
            sessions=len(controller.transactions),
            stored_kwh=float(fleet.energies_kwh().sum()),
            alarms=controller.alarms.open_count(now_s),
            earned=sum(
                (line.amount for line in controller.lines if line.item == "regulation"), 0.0
            ),
            currency=self._currency,
        )

    def stations(self) -> tuple[StationRow, ...]:
        """Every station."""
        return tuple(self._row(row) for row in range(len(self._controller.fleet.devices)))

    def _row(self, row: int) -> StationRow:
        controller = self._controller
        fleet, follows = controller.fleet, controller.fleet.following
        device = fleet.devices[row]
        name, vehicle = device.station, fleet.vehicles.get(row)
        seen = controller.last_seen_s.get(name)
        online = name in controller.online
        known = controller.transactions.get(name)
        can = controller.capabilities.get(name)
        told = vehicle is not None and not np.isnan(follows.measured_kw[row])
        return StationRow(
            station=name,
            site=device.site,
            state="online" if online else "never seen" if seen is None else "offline",
            protocol=controller.online.get(name, ""),
            v2x=can is not None and can.v2x,
            session="" if known is None else known.transaction,
            ordered_kw=_known(follows.ordered_kw, row),
            accepted_kw=_known(follows.accepted_kw, row),
            measured_kw=_known(follows.measured_kw, row),
            following=bool(follows.follows[row]) if told else None,
            soc=None if vehicle is None else fleet.energy_kwh(row) / vehicle.capacity_kwh,
            last_seen_s=seen,
            clock_skew_s=controller.skew_s.get(name),
        )

    def station(self, station: str) -> StationDetail | None:
        """One of them."""
        controller = self._controller
        row = controller.fleet.row.get(station)
        if row is None:
            return None
        can = controller.capabilities.get(station)
        vehicle = controller.fleet.vehicles.get(row)
        return StationDetail(
            row=self._row(row),
            sessions=() if vehicle is None else (self._session(row, vehicle),),
            operation_modes=() if can is None else tuple(sorted(can.operation_modes)),
            profiles=self._profiles(station),
            messages=self._messages(station),
            series=self._ticker.station_series.of(row),
        )

    def sessions(self) -> tuple[SessionRow, ...]:
        """Every vehicle that is plugged in and has told its needs."""
        found = self._controller.fleet.vehicles
        return tuple(self._session(row, vehicle) for row, vehicle in sorted(found.items()))

    def _session(self, row: int, vehicle: Vehicle) -> SessionRow:
        fleet, now_s = self._controller.fleet, self._controller.clock.now_s()
        energy = fleet.energy_kwh(row)
        missing = max(vehicle.owed_kwh - energy, 0.0)
        left_h = max(vehicle.departure_s - now_s, 0.0) / S_PER_H
        efficiency = self._controller.config.vehicle.efficiency
        reach = vehicle.max_charge_kw * efficiency * left_h
        state = fleet.state
        planned = 0.0 if state is None else float(state.cars["base_w"][row]) / 1000.0
        return SessionRow(
            station=vehicle.station,
            evse=vehicle.evse,
            session=vehicle.transaction,
            driver=vehicle.driver,
            arrival_s=vehicle.arrival_s,
            departure_s=vehicle.departure_s,
            energy_kwh=energy,
            owed_kwh=vehicle.owed_kwh,
            reserve_kwh=vehicle.reserve_kwh,
            capacity_kwh=vehicle.capacity_kwh,
            missing_kwh=missing,
            reachable=missing <= reach + MET_KWH,
            planned_kw=planned,
            priority=vehicle.priority,
            opted_out=vehicle.opted_out,
        )

    def series(self, points: int = 600) -> Series:
        """The last while."""
        kept = list(self._ticker.points)[-points:]
        names = ("signal", "target_kw", "base_kw", "response_kw", "award_kw", "score")
        return Series(
            tuple(point.time_s for point in kept),
            {name: tuple(getattr(point, name) for point in kept) for name in names},
        )

    def plan(self) -> PlanView:
        """The plan in force."""
        plans = self._ticker.plans
        made = plans.now
        if made is None:
            return PlanView(None, "none yet", None, None, (), plans.behind)
        power, energy = made.power_kw.sum(axis=0), made.energy_kwh.sum(axis=0)
        rows = []
        for step in range(len(power)):
            begin_s = made.start_s + step * made.step_s
            award = made.award_at(begin_s)
            price = float(made.price_per_mwh[step])
            rows.append(PlanRow(begin_s, float(power[step]), float(energy[step]), price, award))
        return PlanView(
            plans.made_s, made.status, made.gap, made.solve_s, tuple(rows), plans.behind
        )

    def alarms(self) -> tuple[Alarm, ...]:
        """Newest first."""
        return self._controller.alarms.newest_first()

    def offers(self) -> tuple[Offer, ...]:
        """Newest first."""
        awards = self._ticker.awards
        return () if awards is None else tuple(_offer(one) for one in reversed(awards.blocks))

    def ledger(self, party: str | None = None) -> tuple[LedgerLine, ...]:
        """Newest first."""
        lines = reversed(self._controller.lines)
        return tuple(line for line in lines if party is None or line.party == party)


def _known(values: Float[Array, " station"], row: int) -> float | None:
    value = float(values[row])
    return None if np.isnan(value) else value


def _offer(block: Block) -> Offer:
    return Offer(
        block.begin_s,
        block.end_s,
        block.offered_kw,
        block.awarded_kw,
        block.basis,
        block.score,
        block.credit,
        block.rule,
        block.binding,
        block.confidence,
        block.history_days,
    )


class ServiceCommands(AbstractCommands):
    """What people ask of a running service.

    Args:
        controller: That is asked.
        utility: Takes limits of sites.
    """

    def __init__(self, controller: Controller, utility: UtilityLimits) -> None:
        self._controller, self._utility = controller, utility

    async def call_station(
        self, station: str, action: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        """Send a message of the station's protocol."""
        support = self._controller.support
        if support is not None:
            support.check(station, action, payload)
        answer = await self._controller.adapter.call(station, action, payload)
        if support is not None:
            await support.called(station, action, payload)
        return answer

    async def acknowledge(self, alarm: int, person: str) -> None:
        """Take note of an alarm."""
        self._controller.alarms.acknowledge(alarm, person)

    async def shelve(self, alarm: int, person: str, until_s: float) -> None:
        """Keep an alarm quiet for a while."""
        self._controller.alarms.shelve(alarm, until_s, self._controller.clock.now_s())

    async def limit_sites(self, document: dict[str, Any], person: str) -> tuple[str, ...]:
        """Put limits of a utility into force."""
        return await self._utility.receive(msgspec.json.encode(document), person)

    async def change_needs(
        self, session: str, *, departure_s: float | None = None, owed_kwh: float | None = None
    ) -> None:
        """A driver changes departure or energy."""
        station = self._controller.station_of(session)
        await self._controller.change_needs(station, departure_s=departure_s, owed_kwh=owed_kwh)

    async def set_priority(self, session: str, active: bool) -> None:
        """A driver wants to charge now, or no longer."""
        await self._controller.set_priority(self._controller.station_of(session), active)

    async def opt_out(self, session: str, out: bool) -> None:
        """A driver takes the vehicle out of services, or back in."""
        await self._controller.opt_out(self._controller.station_of(session), out)

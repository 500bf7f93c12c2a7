"""What the console and the interface see, made from what the controller holds in memory."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.units import S_PER_H
from evergrid.live import outlets
from evergrid.live.controller.books.awards import Block
from evergrid.live.controller.books.transactions import MET_KWH
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.operators.holds import Holds
from evergrid.live.controller.ticker import Ticker
from evergrid.live.controller.vehicles.vehicle import Vehicle
from evergrid.live.maintenance import AbstractMaintenance, ConnectionDetail
from evergrid.live.view import (
    AbstractView,
    Alarm,
    LedgerLine,
    Offer,
    Overview,
    PlanRow,
    PlanView,
    Series,
    SessionRow,
    StationDetail,
    StationRow,
)


def _station(device: str) -> str:
    """The station of an outlet."""
    return outlets.place(device)[0]


class ServiceView(AbstractView):
    """A view of a running service.

    Args:
        controller: What is known.
        ticker: What is decided.
        maintenance: Knows what stations said.
        holds: Stations that are to boot only later.
        simulated: Whether stations are simulated.
        currency: Of the prices.
    """

    def __init__(
        self,
        controller: Controller,
        ticker: Ticker,
        maintenance: AbstractMaintenance,
        holds: Holds,
        *,
        simulated: bool,
        currency: str,
    ) -> None:
        self._controller, self._ticker = controller, ticker
        self._maintenance, self._holds = maintenance, holds
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
                (line.amount for line in controller.departures.lines if line.item == "regulation"),
                0.0,
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
            on_hold=_station(name) in self._holds.stations,
        )

    async def station(self, station: str) -> StationDetail | None:
        """One of them."""
        controller = self._controller
        row = controller.fleet.row.get(station)
        if row is None:
            return None
        can = controller.capabilities.get(station)
        vehicle = controller.fleet.vehicles.get(row)
        name, there = _station(station), ConnectionDetail()
        if not controller.fleet.devices[row].stationary:
            there = await self._maintenance.connection(name)
        support = controller.support
        return StationDetail(
            row=self._row(row),
            sessions=() if vehicle is None else (self._session(row, vehicle),),
            operation_modes=() if can is None else tuple(sorted(can.operation_modes)),
            profiles=there.profiles,
            messages=there.messages,
            series=self._ticker.station_series.of(row),
            grid_functions=() if support is None else support.rows(name),
            alarms=tuple(one for one in self.alarms() if _lasts_at(one, (station, name))),
            pending=there.pending,
            security_profile=there.security_profile,
            not_known=there.reason,
        )

    def station_series(self, station: str) -> Series | None:
        """Its power of the last hours."""
        row = self._controller.fleet.row.get(station)
        return None if row is None else self._ticker.station_series.of(row)

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
        lines = reversed(self._controller.departures.lines)
        return tuple(line for line in lines if party is None or line.party == party)


def _lasts_at(alarm: Alarm, names: tuple[str, ...]) -> bool:
    """Whether an alarm lasts, of one of these or of something that it was given."""
    return alarm.ended_s is None and alarm.source.partition(" ")[0] in names


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

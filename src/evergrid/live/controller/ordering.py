"""Gives vehicles their orders, takes in what becomes of them, and asks again who refused."""

from dataclasses import replace
from typing import final

import numpy as np

from evergrid.live.controller import records
from evergrid.live.controller.books.transactions import MET_KWH
from evergrid.live.controller.service_state import ServiceState
from evergrid.live.controller.vehicles.vehicle import Vehicle
from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session

LONGEST_WAIT_S = 3600.0  # before a station that refused is asked again


@final
class Ordering:
    """Orders to vehicles.

    Args:
        state: Of the service.
    """

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._retry_s: dict[str, float] = {}  # when a station that refused is asked again
        self._waits_s: dict[str, float] = {}  # for how long it was left alone last

    async def send(self, order: PowerOrder) -> None:
        """Give an order that is on the disk already, and take in what becomes of it."""
        result = await self._state.adapter.order(order)
        row = self._state.fleet.row[order.station]
        if self._state.fleet.following.ordered_kw[row] != order.power_kw:
            return  # a newer order is on its way, and its answer counts
        if result is OrderResult.ACCEPTED:
            self._state.fleet.following.accept(row, order.power_kw, self._state.clock.monotonic_s())
            self._waits_s.pop(order.station, None)
            self._state.end_alarm("order_refused", order.station)
        elif result in (OrderResult.REJECTED, OrderResult.TIMED_OUT, OrderResult.REFUSED):
            self._state.fleet.lose(order.station)
            self._ask_later(order.station)
            text = f"{order.station} does not take an order of {order.power_kw:g} kW: {result}"
            self._state.raise_alarm("order_refused", order.station, text)

    def _ask_later(self, station: str) -> None:
        """Leave a station alone for a while, twice as long each time it refuses again."""
        before_s, least_s = self._waits_s.get(station, 0.0), self._state.config.control.retry_s
        self._waits_s[station] = wait_s = min(max(2 * before_s, least_s), LONGEST_WAIT_S)
        self._retry_s[station] = self._state.clock.monotonic_s() + wait_s

    def retry(self) -> None:
        """Ask stations again that refused an order a while ago."""
        now_s = self._state.clock.monotonic_s()
        for station in [one for one, at_s in self._retry_s.items() if at_s <= now_s]:
            del self._retry_s[station]
            vehicle = self._state.vehicle_at(station)
            if vehicle is not None and station in self._state.online:
                self._state.spawn(self.begin(vehicle))

    async def begin(self, vehicle: Vehicle) -> None:
        """Put a vehicle under orders, from no power on."""
        row = self._state.fleet.row[vehicle.station]
        first_kw = -vehicle.max_charge_kw if vehicle.charges_at_once else 0.0
        if self._state.fleet.under_orders(row):
            first_kw = float(np.nan_to_num(self._state.fleet.following.ordered_kw[row]))
        session = Session(
            vehicle.station,
            vehicle.evse,
            vehicle.transaction,
            vehicle.max_charge_kw,
            vehicle.max_discharge_kw,
            first_kw,
            self._state.config.control.offline_s,
        )
        result = await self._state.adapter.begin(session)
        known = self._state.transactions.get(vehicle.station)
        if known is None or known.transaction != vehicle.transaction:
            return  # it left meanwhile
        if row not in self._state.fleet.vehicles:
            await self._plug_in(vehicle)
        elif self._state.fleet.vehicles[row] is not vehicle:
            # It has told its needs anew.
            asked = {"departure_s": vehicle.departure_s, "owed_kwh": vehicle.owed_kwh}
            self._state.fleet.change(row, **asked)
            self._state.unplanned.add(row)
        self._state.fleet.following.ordered_kw[row] = first_kw
        if result is OrderResult.ACCEPTED:
            self._state.fleet.following.accept(row, first_kw, self._state.clock.monotonic_s())
            if not vehicle.charges_at_once:
                self._state.fleet.restore(vehicle.station)
            return
        self._state.fleet.lose(vehicle.station)
        self._ask_later(vehicle.station)
        text = f"{vehicle.station} does not take a charging profile: {result}"
        self._state.raise_alarm("profile_refused", vehicle.station, text)

    async def _plug_in(self, vehicle: Vehicle) -> None:
        clock = self._state.clock
        unreachable_kwh = self._state.fleet.plug_in(
            vehicle, now_s=clock.monotonic_s(), wall_s=clock.now_s()
        )
        if unreachable_kwh > MET_KWH:
            self._state.unreachable_kwh[vehicle.station] = unreachable_kwh
            text = f"{unreachable_kwh:.1f} kWh cannot be charged until the stated departure"
            self._state.raise_alarm("out_of_reach", vehicle.station, text)
        row = self._state.fleet.row[vehicle.station]
        if vehicle.charges_at_once:
            self.apart(row, vehicle)
        else:
            self._state.unplanned.add(row)

    def apart(self, row: int, vehicle: Vehicle) -> None:
        """A vehicle that charges at once is planned to, and follows no signal."""
        power_kw, energy_kwh = -vehicle.max_charge_kw, self._state.fleet.energy_kwh(row)
        self._state.fleet.set_plan(np.array([row]), np.array([power_kw]), np.array([energy_kwh]))
        self._state.fleet.lose(vehicle.station)

    @staticmethod
    def charge_now(vehicle: Vehicle) -> PowerOrder:
        """The order to charge with all it takes, before all else."""
        return PowerOrder(
            vehicle.station, vehicle.evse, vehicle.transaction, -vehicle.max_charge_kw, urgent=True
        )

    async def on_its_own(self, row: int) -> None:
        """A vehicle that does not follow gets one lasting order: to charge what it is owed."""
        vehicle = self._state.fleet.vehicles.get(row)
        if vehicle is None:
            return
        missing = self._state.fleet.energy_kwh(row) < vehicle.aim_kwh
        order = replace(self.charge_now(vehicle), power_kw=-vehicle.max_charge_kw * missing)
        self._state.fleet.following.ordered_kw[row] = order.power_kw
        await self._state.log.append(records.of_orders((order,), self._state.clock.now_s()))
        await self.send(order)

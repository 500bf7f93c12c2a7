"""The fleet as the service follows a signal with it: stations as rows of a `FleetState`.

A row is a station. What is decided is decided by `evergrid.dispatch.track`, by the same functions
as in a study; here is only who sits in which row, and what its station said to its orders.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H, W_PER_KW
from evergrid.dispatch.services.delivery import ChargerRules, charger_type
from evergrid.dispatch.track import connections, fleet_state, site_limits
from evergrid.dispatch.track.charger_types import MOST_TYPES, ChargerType
from evergrid.dispatch.track.connections import Connections
from evergrid.dispatch.track.firm import Available, available_kw, energy_now
from evergrid.dispatch.track.fleet_state import ONLINE, PLUGGED, FleetState, Rules
from evergrid.dispatch.track.site_limits import Bounds, SiteChargers
from evergrid.dispatch.track.tick import changed_rows
from evergrid.live.config import Control, VehicleSettings
from evergrid.live.controller.vehicles import vehicle as vehicles
from evergrid.live.controller.vehicles.following import Following
from evergrid.live.controller.vehicles.vehicle import PowerRange, Vehicle
from evergrid.live.devices.adapter import Device, PowerOrder
from evergrid.model.site import Sites


class Fleet:
    """All stations, the vehicles at them, and who follows.

    Args:
        devices: Every registered station.
        control: How stations are told.
        settings: What vehicles are assumed to be.
        now_s: Monotonic seconds; the state's clock starts there.
        sites: Where stations are, with their lasting limits.
    """

    def __init__(
        self,
        devices: Sequence[Device],
        control: Control,
        settings: VehicleSettings,
        now_s: float,
        sites: Sites,
    ) -> None:
        self.devices = tuple(devices)
        self.sites = sites
        names = np.array([device.site for device in self.devices], dtype=object)
        self.chargers = SiteChargers(sites.row(names), sites.parent)
        self.beyond_kw = np.zeros(len(sites.site_id))
        self.bounds = Bounds(-sites.import_limit_kw, sites.export_limit_kw)
        self.row = {device.station: row for row, device in enumerate(self.devices)}
        self.vehicles: dict[int, Vehicle] = {}
        self.following = Following.of(len(self.devices))
        self._control, self._settings, self._start_s = control, settings, now_s
        self._types: list[ChargerType] = []
        self._kinds: dict[tuple[float, float, int, float, float], int] = {}
        self._state: FleetState | None = None

    @property
    def state(self) -> FleetState | None:
        """What `evergrid.dispatch.track` works on; None before the first vehicle."""
        return self._state

    def seconds(self, monotonic_s: float) -> float:
        """The state's own time."""
        return monotonic_s - self._start_s

    def rows(self) -> Int[Array, " row"]:
        """Stations with a vehicle, in rising order."""
        return np.array(sorted(self.vehicles), np.int64)

    def plug_in(self, vehicle: Vehicle, *, now_s: float, wall_s: float) -> float:
        """A vehicle comes under orders; it has no planned power yet.

        Returns:
            Energy owed that not even charging at once would reach.

        Raises:
            InputError: The station is not registered, or has a vehicle already.
        """
        row = self._row(vehicle)
        kind = self._kind(vehicle, self.devices[row])
        state = self._with_types(now_s)
        left_s = max(vehicle.ready_s - wall_s, 0.0)
        car = Connections(
            kind=np.array([kind]),
            energy_kwh=np.array([vehicle.energy_kwh]),
            reserve_kwh=np.array([min(vehicle.reserve_kwh, vehicle.energy_kwh)]),
            owed_kwh=np.array([self._owed_kwh(vehicle)]),
            ceiling_kwh=np.array([vehicle.capacity_kwh]),
            departure_s=np.array([self.seconds(now_s) + left_s]),
            base_kw=np.array([0.0]),
        )
        connections.plug_in(state, np.array([row]), car)
        # All of it stays owed: a vehicle that is late charges on, also beyond the time by which
        # it should be ready, and slower near full.
        state.cars["owed_kwh"][row] = max(float(car.owed_kwh[0]), vehicle.energy_kwh)
        connections.measure(state, np.array([row]), car.energy_kwh)
        self.vehicles[row] = vehicle
        stay_h = max(vehicle.departure_s - wall_s, 0.0) / S_PER_H
        reached = vehicle.energy_kwh + float(state.types.limits["into_kw"][kind]) * stay_h
        return max(vehicle.owed_kwh - reached, 0.0)

    def _row(self, vehicle: Vehicle) -> int:
        row = self.row.get(vehicle.station)
        if row is None or vehicle.evse != 1:
            fix = "Register the station; an outlet beyond the first is not controlled."
            fault = Fault("station", "be registered, with outlet 1", (vehicle.station,), fix=fix)
            raise InputError("vehicle", [fault])
        return row

    @staticmethod
    def _owed_kwh(vehicle: Vehicle) -> float:
        """Whoever does not take part is owed all that can be charged, which is then charged."""
        return vehicle.capacity_kwh if vehicle.charges_at_once else vehicle.aim_kwh

    def _kind(self, vehicle: Vehicle, device: Device) -> int:
        """Index of the type of charger with this vehicle, in whole steps of current.

        Where there are too many types it is one that can do less.

        Raises:
            InputError: The vehicle draws less than the least current.
        """
        control, phases = self._control, device.phases
        step_kw = device.voltage_v * phases * control.step_a / 1000.0
        # Neither a stationary battery nor direct current has a control pilot, with its 6 A.
        free = device.stationary or device.direct_current
        least_a = control.step_a if free else control.least_current_a
        least_kw = device.voltage_v * phases * least_a / 1000.0
        charge, discharge = (
            np.floor(kw / step_kw + 1e-9) * step_kw
            for kw in (vehicle.max_charge_kw, vehicle.max_discharge_kw)
        )
        if charge < least_kw:
            rule = f"be at least {least_kw:g} kW, the least current of its station"
            got = (vehicle.max_charge_kw,)
            raise InputError("vehicle", [Fault("max_charge_kw", rule, got, (vehicle.station,))])
        discharge = discharge if discharge >= least_kw else 0.0
        key = (round(charge, 6), round(discharge, 6), phases, device.voltage_v, least_a)
        if key not in self._kinds:
            if len(self._types) == MOST_TYPES:
                return self._lesser(key)
            efficiency = self._settings.efficiency
            rules = ChargerRules(least_a, control.step_a, device.voltage_v)
            ratings = (float(charge), float(discharge), efficiency, efficiency)
            self._types.append(charger_type(*ratings, rules=rules, phases=phases))
            self._kinds[key] = len(self._types) - 1
        return self._kinds[key]

    def _lesser(self, key: tuple[float, float, int, float, float]) -> int:
        """The largest known type that asks no more of vehicle and station than this one.

        Raises:
            InputError: There is none.
        """
        fits = [one for one in self._kinds if one[0] <= key[0] and one[1] <= key[1]]
        fits = [one for one in fits if one[2:] == key[2:]]
        if not fits:
            rule = f"be of at most {MOST_TYPES} ratings"
            raise InputError("vehicle", [Fault("max_charge_kw", rule, (key[0],))])
        return self._kinds[max(fits)]

    def _with_types(self, now_s: float) -> FleetState:
        if self._state is None:
            rules = Rules(
                switch_limit=self._control.switch_limit, latency_s=self._control.latency_s
            )
            self._state = fleet_state.empty(len(self.devices), self._types, rules)
            self._state.clock[fleet_state.NOW] = self.seconds(now_s)
        elif len(self._types) > self._state.loads.shape[2]:
            self._state = fleet_state.with_types(self._state, self._types)
        return self._state

    def unplug(self, station: str) -> tuple[Vehicle, float] | None:
        """A vehicle leaves; it, and the energy missing to what was promised."""
        row = self.row.get(station, -1)
        gone = self.vehicles.pop(row, None)
        if gone is None or self._state is None:
            return None
        self.following.forget(row)
        energy_kwh = self.energy_kwh(row)
        connections.unplug(self._state, np.array([row]))
        return gone, max(gone.owed_kwh - energy_kwh, 0.0)

    def energy_kwh(self, row: int) -> float:
        """In the cells of a vehicle that is plugged in, counted until now."""
        assert self._state is not None
        return float(energy_now(self._state, np.array([row]))[0])

    def energies_kwh(self) -> Float[Array, " row"]:
        """Energy in the vehicles of all of `rows`."""
        if self._state is None:
            return np.zeros(0)
        return energy_now(self._state, self.rows())

    def change(self, row: int, **changed: float | bool) -> None:
        """A driver changes departure, energy or priority; the charger's orders follow."""
        state = self._state
        assert state is not None
        energy_kwh = self.energy_kwh(row)
        before = vehicles.measured(self.vehicles[row], energy_kwh, self.vehicles[row].energy_s)
        after = replace(before, **changed)  # pyright: ignore[reportArgumentType] # names of fields
        moved_s = after.ready_s - before.ready_s
        state.cars["departure_s"][row] += moved_s
        state.cars["owed_kwh"][row] = max(self._owed_kwh(after), 0.0)
        self.vehicles[row] = after
        connections.measure(state, np.array([row]), np.array([energy_kwh]))

    def set_plan(
        self,
        rows: Int[Array, " row"],
        base_kw: Float[Array, " row"],
        energy_kwh: Float[Array, " row"],
    ) -> None:
        """New planned powers from now on."""
        if len(rows) and self._state is not None:
            connections.set_plan(self._state, rows, base_kw, energy_kwh)

    def lose(self, station: str) -> None:
        """A station gets no orders until `restore`; others take over in the next tick."""
        row = self.row.get(station, -1)
        if row in self.vehicles and self._state is not None:
            connections.disconnect(self._state, np.array([row]))

    def restore(self, station: str) -> None:
        """A station gets orders again."""
        row = self.row.get(station, -1)
        if row in self.vehicles and self._state is not None and self.following.follows[row]:
            connections.reconnect(self._state, np.array([row]))

    def under_orders(self, row: int) -> bool:
        """Whether a station with a vehicle gets orders."""
        return self._state is not None and bool(self._state.mode[row] & ONLINE)

    def measure_energy(self, row: int, energy_kwh: float, wall_s: float) -> None:
        """A vehicle tells its energy, which replaces what was counted."""
        known = vehicles.measured(self.vehicles[row], energy_kwh, wall_s)
        self.vehicles[row] = known
        if self._state is not None:
            connections.measure(self._state, np.array([row]), np.array([known.energy_kwh]))

    def power_range(self, row: int) -> PowerRange:
        """What a station can do with the vehicle that is plugged in."""
        assert self._state is not None
        limit = self._state.types.limits[self._state.cars["kind"][row]]
        smallest_kw = float(limit["least"] * limit["step_w"]) / W_PER_KW
        return PowerRange(*self.vehicles[row].limits_kw, smallest_kw)

    def measure_power(
        self, row: int, power_kw: float, now_s: float, *, shift_kw: float = 0.0
    ) -> bool:
        """A meter value; returns whether the station began or ceased to follow its orders."""
        device = self.devices[row]
        rating_kw = max(device.charge_kw, device.discharge_kw)
        vehicle = self.vehicles[row]
        slowing = self.energy_kwh(row) >= self._settings.taper_soc * vehicle.capacity_kwh
        changed = self.following.measure(
            row, power_kw, now_s, rating_kw, slowing=slowing, shift_kw=shift_kw
        )
        if changed and self.following.follows[row]:
            self.restore(device.station)
        elif changed:
            self.lose(device.station)
        return changed

    def available(self, hours: float) -> Available:
        """What the fleet can hold above and below its plan for so long."""
        if self._state is None or not self.vehicles:
            return Available(0.0, 0.0)
        hours = max(hours, self._control.tick_s / 3600.0)
        return site_limits.available(self._state, hours, self.chargers, self._room())

    def battery_kw(self, hours: float) -> float:
        """What stationary batteries can hold either way for so long; limits of sites left out."""
        rows = [row for row in self.vehicles if self.devices[row].stationary]
        if self._state is None or not rows:
            return 0.0
        hours = max(hours, self._control.tick_s / 3600.0)
        return available_kw(self._state, hours, rows=np.array(rows, np.int64)).symmetric_kw

    def limit_to(self, bounds: Bounds) -> bool:
        """Keep sites within these limits from now on; whether they are others than before."""
        before, self.bounds = self.bounds, bounds
        return not (
            np.array_equal(before.least_kw, bounds.least_kw)
            and np.array_equal(before.most_kw, bounds.most_kw)
        )

    def _room(self) -> Bounds:
        """What limits of sites leave to those under orders."""
        apart_kw = self.chargers.sums(self.without_orders_kw)
        return Bounds(self.bounds.least_kw - apart_kw, self.bounds.most_kw - apart_kw)

    @property
    def power_kw(self) -> float:
        """Of the fleet, as measured, or as accepted where no meter value came since."""
        return float(self.following.power_kw.sum())

    @property
    def base_kw(self) -> float:
        """Planned power of all vehicles."""
        return 0.0 if self._state is None else self._state.base_kw

    @property
    def apart_kw(self) -> float:
        """Power of those that get no orders of the tick."""
        return float(self.without_orders_kw.sum())

    @property
    def without_orders_kw(self) -> Float[Array, " station"]:
        """Of each that gets no orders of the tick: as measured, or as accepted since; else 0."""
        known_kw = self.following.power_kw
        if self._state is None:
            return known_kw
        bits = PLUGGED | ONLINE
        return np.where(self._state.mode & bits != bits, known_kw, 0.0)

    def advance(self, target_kw: float, now_s: float) -> tuple[PowerOrder, ...]:
        """One tick: the orders that bring the fleet to a power above its plan.

        Args:
            target_kw: Above the plan, into the grid; power of stations without orders is counted.
            now_s: Monotonic seconds.
        """
        state = self._state
        if state is None:
            return ()
        asked_kw = target_kw - self.apart_kw
        told, room = set[int](), self._room()
        while (left_s := self.seconds(now_s) - state.now_s) > 1e-6:
            dt_s = min(left_s, state.settings.review_s)
            self.beyond_kw = site_limits.follow(state, asked_kw, dt_s, self.chargers, room)
            told.update(changed_rows(state).tolist())
        return tuple(self._orders(state, sorted(told)))

    def _orders(self, state: FleetState, rows: Iterable[int]) -> Iterable[PowerOrder]:
        """Orders whose power is another than the last one."""
        for row in rows:
            vehicle = self.vehicles.get(row)
            if vehicle is None or not self.under_orders(row):
                continue
            power_kw = float(
                state.steps[row] * state.types.limits["step_w"][state.cars["kind"][row]] / 1000.0
            )
            if power_kw == self.following.ordered_kw[row]:
                continue
            self.following.ordered_kw[row] = power_kw
            urgent = bool(state.cars["due"][row])
            yield PowerOrder(vehicle.station, vehicle.evse, vehicle.transaction, power_kw, urgent)

"""A vehicle that is plugged in, as the controller knows it: what it holds, owes and may do."""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H
from evergrid.live.config import VehicleSettings
from evergrid.live.devices.adapter import ChargingNeeds, Device

FULL = 1.0  # soc, above which a vehicle without stated energies has nothing to charge
NEARLY_FULL = 0.99  # soc that slowing down reaches in good time; the rest takes for ever
SLOWEST = 0.1  # share of its power that a vehicle draws near full
LEAST_PLAN_S = 60.0  # that is left of a stay, however slow the end is
WHOLE_PERCENT, TENTH_PERCENT = 0.005, 0.0005  # by which a rounded soc may differ from the true one
LONGEST_AHEAD_S = 7 * 86_400.0  # of a departure that a driver asks for
UNKNOWN_SOC = 0.5  # of a vehicle that tells neither energies nor soc


class PowerRange(NamedTuple):
    """What a station can do with the vehicle that is plugged in; power into the grid is positive.

    Attributes:
        low_kw: Least power, below 0 where it draws.
        high_kw: Greatest power.
        smallest_kw: Least power either way but rest: of the least current of a charger.
    """

    low_kw: float
    high_kw: float
    smallest_kw: float

    def given_kw(self, asked_kw: float, measured_kw: float) -> float:
        """What a station may give that is asked for a power.

        Below its smallest power it may rest or give that: what is nearer to what is measured.
        """
        kw = min(max(asked_kw, self.low_kw), self.high_kw)
        if not 0.0 < abs(kw) < self.smallest_kw:
            return kw
        smallest = math.copysign(self.smallest_kw, kw)
        return min((0.0, smallest), key=lambda one: abs(one - measured_kw))


@dataclass(frozen=True)
class Vehicle:
    """A vehicle at a station. Energies are in the cells, from empty where its soc is known.

    Attributes:
        station: Where.
        evse: Outlet.
        transaction: Of the station.
        driver: Pseudonym; "" where nobody is known.
        arrival_s: UTC seconds since 1970.
        departure_s: As the driver stated, or as assumed.
        capacity_kwh: Of the cells.
        energy_kwh: At `energy_s`.
        energy_s: When that was told.
        owed_kwh: At departure.
        reserve_kwh: Below which it does not discharge.
        max_charge_kw: By vehicle and station.
        max_discharge_kw: By vehicle, station and driver; 0 where it may not.
        slow_s: Time that slowing down near full takes beyond charging at full power.
        margin_kwh: Beyond what is owed, for what nobody can measure.
        assumed: Names of what it did not say.
        priority: Whether the driver wants to charge now.
        opted_out: Whether the driver takes part in nothing but charging.
    """

    station: str
    evse: int
    transaction: str
    driver: str
    arrival_s: float
    departure_s: float
    capacity_kwh: float
    energy_kwh: float
    energy_s: float
    owed_kwh: float
    reserve_kwh: float
    max_charge_kw: float
    max_discharge_kw: float
    slow_s: float = 0.0
    margin_kwh: float = 0.0
    assumed: tuple[str, ...] = ()
    priority: bool = False
    opted_out: bool = False

    @property
    def aim_kwh(self) -> float:
        """Energy that is planned for at departure."""
        return min(self.owed_kwh + self.margin_kwh, self.capacity_kwh)

    @property
    def ready_s(self) -> float:
        """By when a plan at full power must have charged what is owed."""
        return self.departure_s - self.slow_s

    @property
    def limits_kw(self) -> tuple[float, float]:
        """Least and greatest power into the grid."""
        return -self.max_charge_kw, self.max_discharge_kw

    @property
    def charges_at_once(self) -> bool:
        """Whether no plan is made for it."""
        return self.priority or self.opted_out


def of_needs(
    needs: ChargingNeeds,
    device: Device,
    settings: VehicleSettings,
    *,
    transaction: str,
    driver: str,
    arrival_s: float,
    discharge: bool,
) -> Vehicle:
    """The vehicle that these needs describe.

    What it does not say is assumed: a departure, a capacity, and, without energies or soc, half a
    battery that is to be full.

    Args:
        needs: As the station told them.
        device: The station.
        settings: What is assumed.
        transaction: Of the station.
        driver: Pseudonym.
        arrival_s: When it plugged in.
        discharge: Whether station and driver allow discharging.
    """
    assumed = []
    departure_s = needs.departure_s
    if departure_s is None or departure_s <= needs.time_s:
        departure_s, _ = needs.time_s + settings.stay_h * S_PER_H, assumed.append("departure")
    capacity, energy = _energies(needs, settings, assumed)
    target_kwh = capacity - energy if needs.to_target_kwh is None else needs.to_target_kwh
    if needs.to_target_kwh is None:
        assumed.append("target")
    floors = [kwh for kwh in (needs.to_least_kwh, needs.to_reserve_kwh) if kwh is not None]
    reserve = max((energy + kwh for kwh in floors), default=0.0)
    charge_kw = min(needs.max_charge_kw or device.charge_kw, device.charge_kw)
    owed = min(max(energy + target_kwh, 0.0), capacity)
    margin = settings.margin_share * capacity
    full_s = S_PER_H * capacity / (charge_kw * settings.efficiency)
    aim_soc = min((owed + margin) / capacity, 1.0)
    slow_s = full_s * slowed_share(energy / capacity, aim_soc, settings.taper_soc)
    feeds = discharge and needs.v2x
    return Vehicle(
        station=needs.station,
        evse=needs.evse,
        transaction=transaction,
        driver=driver,
        arrival_s=arrival_s,
        departure_s=departure_s,
        capacity_kwh=capacity,
        energy_kwh=energy,
        energy_s=needs.time_s,
        owed_kwh=owed,
        reserve_kwh=min(max(reserve, 0.0), capacity),
        max_charge_kw=charge_kw,
        max_discharge_kw=min(needs.max_discharge_kw, device.discharge_kw) if feeds else 0.0,
        slow_s=min(slow_s, max(departure_s - needs.time_s - LEAST_PLAN_S, 0.0)),
        margin_kwh=margin,
        assumed=tuple(assumed),
    )


def _energies(
    needs: ChargingNeeds, settings: VehicleSettings, assumed: list[str]
) -> tuple[float, float]:
    """Capacity and energy now; what is charged beyond a known capacity does not exist."""
    to_full = needs.to_full_kwh if needs.to_full_kwh is not None else needs.to_target_kwh
    capacity, soc = needs.capacity_kwh, needs.soc
    if capacity is None and soc is not None and to_full and 0 <= soc < FULL:
        capacity = to_full / (FULL - soc)
    if capacity is None:
        assumed.append("capacity")
        capacity = max(settings.capacity_kwh, to_full or 0.0)
    if soc is not None:
        return capacity, min(max(soc, 0.0), FULL) * capacity
    if to_full is None:
        assumed.append("energy")
        return capacity, UNKNOWN_SOC * capacity
    return capacity, min(max(capacity - to_full, 0.0), capacity)


def charge_kw_at(vehicle: Vehicle, settings: VehicleSettings) -> float:
    """Greatest power that it draws at its soc, as far as it slows down; a share of it at least."""
    missing = 1.0 - vehicle.energy_kwh / vehicle.capacity_kwh
    if settings.taper_soc >= 1.0:
        return vehicle.max_charge_kw
    share = missing / (1.0 - settings.taper_soc)
    return vehicle.max_charge_kw * min(max(share, SLOWEST), 1.0)


def slowed_share(soc: float, aim_soc: float, taper_soc: float) -> float:
    """Time that slowing down takes from one soc to another, over that of a full charge.

    Power is taken to fall in proportion to what is missing to full, from `taper_soc` on.
    """
    low, high = max(soc, taper_soc), min(aim_soc, NEARLY_FULL)
    if high <= low or taper_soc >= 1.0:
        return 0.0
    return (1.0 - taper_soc) * math.log((1.0 - low) / (1.0 - high)) - (high - low)


def measured(vehicle: Vehicle, energy_kwh: float, time_s: float) -> Vehicle:
    """The vehicle with its energy as told or counted at a moment."""
    energy = min(max(energy_kwh, 0.0), vehicle.capacity_kwh)
    return replace(vehicle, energy_kwh=energy, energy_s=time_s)


def within_soc(vehicle: Vehicle, soc: float, counted_kwh: float) -> float:
    """Energy as counted, brought to within what a rounded soc leaves open.

    It stays as it was counted where the capacity is only assumed.
    """
    if "capacity" in vehicle.assumed:
        return counted_kwh
    percent = 100.0 * soc
    open_share = WHOLE_PERCENT if abs(percent - round(percent)) < 1e-6 else TENTH_PERCENT
    low, high = max(soc - open_share, 0.0), min(soc + open_share, 1.0)
    return min(max(counted_kwh, low * vehicle.capacity_kwh), high * vehicle.capacity_kwh)


def change_faults(
    vehicle: Vehicle | None,
    station: str,
    departure_s: float | None,
    owed_kwh: float | None,
    now_s: float,
) -> list[Fault]:
    """What is wrong with a departure or an energy that a driver asks for.

    Args:
        vehicle: At the station; None where nobody is plugged in.
        station: Where.
        departure_s: That is asked for; None where it stays.
        owed_kwh: Likewise.
        now_s: UTC seconds since 1970.
    """
    faults = []
    if vehicle is None:
        faults.append(Fault("session", "be that of a vehicle that is plugged in", (station,)))
    elif owed_kwh is not None and not 0 <= owed_kwh <= vehicle.capacity_kwh:
        rule = f"lie in [0, {vehicle.capacity_kwh:g}], the capacity"
        faults.append(Fault("owed_kwh", rule, (owed_kwh,)))
    if departure_s is not None and not now_s < departure_s <= now_s + LONGEST_AHEAD_S:
        rule = "lie in the future, within a week"
        faults.append(Fault("departure_s", rule, (departure_s,)))
    return faults

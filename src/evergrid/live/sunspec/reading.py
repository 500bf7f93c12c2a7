"""What the controller is told of a battery's state: needs that last, and meter readings."""

from dataclasses import dataclass

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H
from evergrid.live.devices.adapter import Capabilities, ChargingNeeds, MeterReading
from evergrid.live.sunspec.control import Nameplate, State
from evergrid.live.sunspec.entry import ModbusBatteryEntry

STAYS_S = 3650 * 86_400.0  # from its first connection on: a battery that does not leave
LONGEST_GAP_S = 60.0  # between two readings, over which power is still counted as energy


@dataclass(frozen=True)
class Usable:
    """What of a battery may be used: from empty to the most that it charges to.

    A soc told to the controller is of this capacity, so that 1 is what the battery calls full.

    Attributes:
        capacity_kwh: Up to the most state of charge.
        reserve_kwh: Below which it is not discharged.
        charge_kw: At most.
        discharge_kw: At most.
        soc_most: Of the battery's own counting, which is 1 here.
    """

    capacity_kwh: float
    reserve_kwh: float
    charge_kw: float
    discharge_kw: float
    soc_most: float

    def soc(self, own_soc: float | None) -> float | None:
        """State of charge of the usable capacity; None stays None."""
        return None if own_soc is None else min(own_soc / self.soc_most, 1.0)


def usable(entry: ModbusBatteryEntry, plate: Nameplate) -> Usable:
    """The lesser of what is registered and what the battery says.

    Raises:
        InputError: Neither says a capacity, or nothing of it is left above the reserve.
    """
    told = [kwh for kwh in (entry.capacity_kwh, plate.capacity_kwh) if kwh is not None]
    least = max(entry.reserve_soc, plate.soc_least)
    if not told or least >= plate.soc_most:
        fix = "Register capacity_kwh, and a reserve_soc below the most that it charges to."
        rule = "be told, and more than the reserve"
        fault = Fault(
            "capacity_kwh", rule, (*told, least, plate.soc_most), (entry.station,), fix=fix
        )
        raise InputError("sunspec", [fault])
    return Usable(
        capacity_kwh=min(told) * plate.soc_most,
        reserve_kwh=min(told) * least,
        charge_kw=min(entry.charge_kw, plate.charge_kw),
        discharge_kw=min(entry.discharge_kw, plate.discharge_kw),
        soc_most=plate.soc_most,
    )


def capabilities(use: Usable) -> Capabilities:
    """Set-points one by one, both ways where it may feed."""
    return Capabilities(
        v2x=use.discharge_kw > 0,
        dynamic=True,
        operation_modes=frozenset({"CentralSetpoint"}),
        power_in_watts=True,
    )


def needs(entry: ModbusBatteryEntry, use: Usable, state: State, now_s: float) -> ChargingNeeds:
    """A vehicle that stays for years and is owed its reserve.

    Raises:
        InputError: The battery does not say its state of charge.
    """
    soc = use.soc(state.soc)
    if soc is None:
        fault = Fault("soc", "be told by the battery", (state.soc,), (entry.station,))
        raise InputError("sunspec", [fault])
    energy_kwh = soc * use.capacity_kwh
    return ChargingNeeds(
        station=entry.station,
        evse=1,
        time_s=now_s,
        v2x=use.discharge_kw > 0,
        departure_s=now_s + STAYS_S,
        max_charge_kw=use.charge_kw,
        max_discharge_kw=use.discharge_kw,
        to_target_kwh=use.reserve_kwh - energy_kwh,
        to_full_kwh=use.capacity_kwh - energy_kwh,
        to_reserve_kwh=use.reserve_kwh - energy_kwh,
        capacity_kwh=use.capacity_kwh,
        soc=soc,
    )


class Meter:
    """Registers of energy: the battery's own, or counted from its power where it has none."""

    def __init__(self) -> None:
        self._drawn_kwh = self._fed_kwh = 0.0
        self._last: tuple[float, float] | None = None

    def reading(self, use: Usable, state: State, now_s: float, monotonic_s: float) -> MeterReading:
        """A reading with both registers."""
        self._count(state.power_kw, monotonic_s)
        return MeterReading(
            time_s=now_s,
            power_kw=state.power_kw,
            reactive_kvar=state.reactive_kvar,
            soc=use.soc(state.soc),
            drawn_kwh=self._drawn_kwh if state.drawn_kwh is None else state.drawn_kwh,
            fed_kwh=self._fed_kwh if state.fed_kwh is None else state.fed_kwh,
            voltage_v=state.voltage_v,
            frequency_hz=state.frequency_hz,
            setpoint_kw=state.told.power_kw,
        )

    def _count(self, power_kw: float, monotonic_s: float) -> None:
        """Mean of both ends of the time between; nothing over a gap."""
        last, self._last = self._last, (monotonic_s, power_kw)
        if last is None or not 0 <= monotonic_s - last[0] <= LONGEST_GAP_S:
            return
        hours = (monotonic_s - last[0]) / S_PER_H
        for end_kw in (last[1], power_kw):
            self._fed_kwh += max(end_kw, 0.0) / 2 * hours
            self._drawn_kwh += max(-end_kw, 0.0) / 2 * hours

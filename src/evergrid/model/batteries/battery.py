"""A stationary battery: the same kind of record as a car that never leaves."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, datetime64
from evergrid.model.charging.charger import Charger
from evergrid.model.session import Sessions


@dataclass(frozen=True)
class Battery:
    """One stationary battery and its converter.

    Attributes:
        asset_id: Name of the battery.
        site_id: The site it is connected to.
        capacity_kwh: Usable energy of the cells.
        energy_start_kwh: Energy in the cells when the horizon begins.
        energy_end_kwh: Least energy to leave in the cells when the horizon ends.
        energy_reserve_kwh: Energy that discharging must leave at all times.
        charger: Ratings and losses of the converter.
        wear_cost_per_kwh: Cost of wear per kWh fed into the grid.
        wear_rise_per_kwh_per_kw: By how much that cost rises for every kW that is fed.

    Raises:
        InputError: An energy outside [0, capacity], or a negative capacity or cost.
    """

    asset_id: str
    site_id: str
    capacity_kwh: float
    energy_start_kwh: float
    energy_end_kwh: float
    energy_reserve_kwh: float
    charger: Charger
    wear_cost_per_kwh: float
    wear_rise_per_kwh_per_kw: float = 0.0

    def __post_init__(self) -> None:
        records.check(self, "battery")
        faults = []
        if not 0 < self.capacity_kwh < float("inf"):
            faults.append(Fault("capacity_kwh", "be above 0 kWh", (self.capacity_kwh,)))
        for name in ("energy_start_kwh", "energy_end_kwh", "energy_reserve_kwh"):
            if not 0 <= getattr(self, name) <= self.capacity_kwh:
                got = (getattr(self, name),)
                faults.append(Fault(name, "be in [0, capacity_kwh]", got, ids=(self.asset_id,)))
        for name in ("wear_cost_per_kwh", "wear_rise_per_kwh_per_kw"):
            if not 0 <= getattr(self, name) < float("inf"):
                faults.append(Fault(name, "be at least 0", (getattr(self, name),)))
        raise_if_any(f"battery {self.asset_id}", faults)


def as_sessions(batteries: list[Battery], grid: TimeGrid) -> Sessions:
    """The batteries as sessions that span the horizon."""
    start, end = datetime64(grid.start_utc), datetime64(grid.end_utc)

    def floats(values: list[float]) -> np.ndarray:
        return np.array(values, dtype=float)

    names = np.array([battery.asset_id for battery in batteries], dtype=object)
    return Sessions(
        session_id=names,
        asset_id=names,
        site_id=np.array([battery.site_id for battery in batteries], dtype=object),
        arrival_utc=np.full(len(batteries), start, "datetime64[us]"),
        departure_utc=np.full(len(batteries), end, "datetime64[us]"),
        capacity_kwh=floats([b.capacity_kwh for b in batteries]),
        energy_arrival_kwh=floats([b.energy_start_kwh for b in batteries]),
        energy_departure_kwh=floats([b.energy_end_kwh for b in batteries]),
        energy_reserve_kwh=floats([b.energy_reserve_kwh for b in batteries]),
        max_charge_kw=floats([b.charger.max_charge_kw for b in batteries]),
        max_discharge_kw=floats([b.charger.max_discharge_kw for b in batteries]),
        efficiency_charge=floats([b.charger.efficiency_charge for b in batteries]),
        efficiency_discharge=floats([b.charger.efficiency_discharge for b in batteries]),
        wear_cost_per_kwh=floats([b.wear_cost_per_kwh for b in batteries]),
        wear_rise_per_kwh_per_kw=floats([b.wear_rise_per_kwh_per_kw for b in batteries]),
    )

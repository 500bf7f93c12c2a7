"""What does a meter say, in kW into the grid, from the sampled values of OCPP?

OCPP names a direction in the measurand (import, export) and a set-point is positive when it
charges; both signs end here. Values of a phase are added up where no total is told.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from evergrid.core.units import W_PER_KW, grid_power_from_consumption
from evergrid.live.devices.adapter import MeterReading
from evergrid.live.ocpp.wire.times import utc_s

DEFAULT_MEASURAND = "Energy.Active.Import.Register"  # OCPP 2.1, SampledValueType
LARGEST_MULTIPLIER = 12  # powers of ten
LARGEST_VALUE = 1e12  # W, Wh, ... of one outlet; beyond it, it is no measurement
PLACES = (UNSET, "Outlet", "Inlet", "Cable", "EV")  # of the vehicle's side of the meter, not Body

_WATTS = {"W": 1 / W_PER_KW, "kW": 1.0}
_VARS = {"var": 1 / W_PER_KW, "kvar": 1.0}
_WATT_HOURS = {"Wh": 1 / W_PER_KW, "kWh": 1.0}
# By measurand: the factor from each of its units to ours. The first unit is the one of a value
# without a unit, although the schema's default is Wh for all: a voltage in Wh cannot be meant.
_MEASURANDS: dict[str, dict[str, float]] = {
    "Power.Active.Import": _WATTS,
    "Power.Active.Export": _WATTS,
    "Power.Active.Setpoint": _WATTS,
    "Power.Reactive.Import": _VARS,
    "Power.Reactive.Export": _VARS,
    "Energy.Active.Import.Register": _WATT_HOURS,
    "Energy.Active.Export.Register": _WATT_HOURS,
    "SoC": {"Percent": 0.01},
    "Voltage": {"V": 1.0, "kV": 1000.0},
    "Current.Import": {"A": 1.0},
    "Current.Export": {"A": 1.0},
    "Frequency": {"Hz": 1.0},
}
_FACTORS: dict[tuple[str, str | UnsetType], float] = {
    (name, unit): factor
    for name, units in _MEASURANDS.items()
    for unit, factor in ((UNSET, next(iter(units.values()))), *units.items())
}


@dataclass(frozen=True)
class MeterValues:
    """What was read.

    Attributes:
        readings: Oldest first.
        faults: What was told and could not be used, in a few words each.
    """

    readings: tuple[MeterReading, ...]
    faults: tuple[str, ...] = ()


def meter_values(values: Sequence[Any]) -> MeterValues:
    """The readings of meter values, records of `message_types` that keep the schema.

    A sample whose unit does not fit its measurand, or whose value is no measurement, is left out
    and named in the faults.
    """
    faults: list[str] = []
    readings = [_reading(value, faults) for value in values]
    if len(readings) > 1:
        readings.sort(key=_moment)
    return MeterValues(tuple(readings), tuple(faults))


def _moment(reading: MeterReading) -> float:
    return reading.time_s


def _reading(value: Any, faults: list[str]) -> MeterReading:
    totals: dict[str, float] = {}
    phases: dict[str, dict[str, float]] = {}
    for sample in value.sampledValue:
        name, measure = sample.measurand or DEFAULT_MEASURAND, sample.unitOfMeasure
        factor = _FACTORS.get((name, measure.unit if measure else UNSET))
        if sample.location not in PLACES or (factor is None and name not in _MEASURANDS):
            continue
        if factor is None:
            faults.append(f"{name} in {measure.unit[:20]}")
            continue
        amount = sample.value * factor
        if measure and (power := measure.multiplier):
            amount = amount * 10.0**power if abs(power) <= LARGEST_MULTIPLIER else math.inf
        if not -LARGEST_VALUE <= amount <= LARGEST_VALUE:
            faults.append(f"{name} beyond {LARGEST_VALUE:g}")
            continue
        if sample.phase:
            phases.setdefault(name, {})[sample.phase] = amount
        else:
            totals[name] = amount
    if phases:
        _add_up(totals, phases)
    told = totals.get
    soc, setpoint = told("SoC"), told("Power.Active.Setpoint")
    if soc is not None and not 0.0 <= soc <= 1.0:
        faults.append(f"SoC of {soc * 100:g} percent")
        soc = None
    return MeterReading(
        utc_s(value.timestamp),
        net_into_grid(told("Power.Active.Import"), told("Power.Active.Export")),
        net_into_grid(told("Power.Reactive.Import"), told("Power.Reactive.Export")),
        soc,
        told("Energy.Active.Import.Register"),
        told("Energy.Active.Export.Register"),
        told("Voltage"),
        told("Frequency"),
        None if setpoint is None else grid_power_from_consumption(setpoint),
    )


def net_into_grid(drawn: float | None, fed: float | None) -> float | None:
    """Power into the grid of what is imported and exported; None where neither is told."""
    if drawn is None:
        return fed
    return grid_power_from_consumption(drawn) + (fed or 0.0)


def _add_up(totals: dict[str, float], phases: dict[str, dict[str, float]]) -> None:
    """Totals of what is told by phase only: sums, of a voltage the mean."""
    voltages = phases.get("Voltage", {})
    for name, by_phase in phases.items():
        if name in ("Current.Import", "Current.Export", "Voltage", "Frequency", "SoC"):
            continue
        if name not in totals:
            totals[name] = sum(amount for phase, amount in by_phase.items() if phase != "N")
    if voltages and "Voltage" not in totals:
        to_neutral = [v for phase, v in voltages.items() if "-L" not in phase and phase != "N"]
        if to_neutral:
            totals["Voltage"] = sum(to_neutral) / len(to_neutral)
    _power_of_currents(totals, phases, voltages)


def _power_of_currents(
    totals: dict[str, float], phases: dict[str, dict[str, float]], voltages: dict[str, float]
) -> None:
    """Where no power is told: current times voltage, phase by phase, at a power factor of 1."""
    if "Power.Active.Import" in totals or "Power.Active.Export" in totals:
        return
    for way in ("Import", "Export"):
        by_phase = phases.get(f"Current.{way}", {})
        told = [(phase, a) for phase, a in by_phase.items() if phase in ("L1", "L2", "L3")]
        volts = [
            voltages.get(phase, voltages.get(f"{phase}-N", totals.get("Voltage")))
            for phase, _ in told
        ]
        if told and None not in volts:
            watts = sum(a * v for (_, a), v in zip(told, volts, strict=True) if v is not None)
            totals[f"Power.Active.{way}"] = watts / W_PER_KW

"""What does a vehicle ask for, in kW and kWh, from NotifyEVChargingNeeds?

OCPP's limits of discharging are told as positive powers; a request of energy is the energy that
may still go into the cells until the level that it names, below 0 beyond that level.
"""

from typing import Any

from evergrid.core.units import W_PER_KW
from evergrid.live.devices.adapter import ChargingNeeds
from evergrid.live.ocpp.wire.times import utc_s

BOTH_WAYS = frozenset({"AC_BPT", "AC_BPT_DER", "DC_BPT", "DC_ACDP_BPT"})  # energy transfer modes
ONE_PHASE, THREE_PHASES = 1, 3
LARGEST_W = 1e9  # or Wh, of one vehicle


class NeedsError(ValueError):
    """A number of a vehicle's needs is out of any range."""


def is_direct_current(mode: str) -> bool:
    """Whether an energy transfer mode is DC."""
    return mode.startswith("DC")


def charging_needs(station: str, payload: dict[str, Any], *, received_s: float) -> ChargingNeeds:
    """The needs of a payload that keeps the schema.

    Where the parameters for both ways are told, they count; else those of DC, else those of AC.

    Raises:
        NeedsError: A number is out of any range.
    """
    needs = payload["chargingNeeds"]
    mode = needs["requestedEnergyTransfer"]
    both = needs.get("v2xChargingParameters", {})
    direct, alternating = needs.get("dcChargingParameters", {}), needs.get("acChargingParameters")
    soc, capacity_wh = direct.get("stateOfCharge"), direct.get("evEnergyCapacity")
    target_wh = both.get("evTargetEnergyRequest", direct.get("energyAmount"))
    if target_wh is None and alternating:
        target_wh = alternating["energyAmount"]
    told = payload.get("timestamp")
    departure = needs.get("departureTime")
    return ChargingNeeds(
        station=station,
        evse=payload["evseId"],
        time_s=utc_s(told) if told else received_s,
        v2x=mode in BOTH_WAYS,
        departure_s=utc_s(departure) if departure else None,
        max_charge_kw=_charge_kw(mode, both, direct, alternating),
        max_discharge_kw=_discharge_kw(mode, both),
        to_least_kwh=_kilo("evMinEnergyRequest", both.get("evMinEnergyRequest")),
        to_target_kwh=_kilo("evTargetEnergyRequest", target_wh),
        to_full_kwh=_to_full_kwh(both, direct),
        to_reserve_kwh=_kilo("evMinV2XEnergyRequest", both.get("evMinV2XEnergyRequest")),
        capacity_kwh=_not_negative("evEnergyCapacity", _kilo("evEnergyCapacity", capacity_wh)),
        soc=None if soc is None else soc / 100.0,
    )


def _kilo(name: str, amount: float | int | None) -> float | None:
    """From W or Wh."""
    if amount is None:
        return None
    if not abs(amount) <= LARGEST_W:
        raise NeedsError(f"{name} must be within {LARGEST_W:g}, got {amount:g}")
    return amount / W_PER_KW


def _not_negative(name: str, amount: float | None) -> float | None:
    if amount is not None and amount < 0:
        raise NeedsError(f"{name} must be 0 or more, got {amount:g}")
    return amount


def _sum_of_phases(both: dict[str, Any], name: str) -> float | int | None:
    """A power for all phases: told as one number, or phase by phase."""
    first = both.get(name)
    if first is None:
        return None
    return first + both.get(f"{name}_L2", 0.0) + both.get(f"{name}_L3", 0.0)


def _charge_kw(
    mode: str, both: dict[str, Any], direct: dict[str, Any], alternating: dict[str, Any] | None
) -> float | None:
    watts = _sum_of_phases(both, "maxChargePower")
    if watts is None and direct:
        watts = direct.get("evMaxPower", direct["evMaxCurrent"] * direct["evMaxVoltage"])
    if watts is None and alternating:
        phases = ONE_PHASE if mode == "AC_single_phase" else THREE_PHASES
        watts = alternating["evMaxCurrent"] * alternating["evMaxVoltage"] * phases
    return _not_negative("maxChargePower", _kilo("maxChargePower", watts))


def _discharge_kw(mode: str, both: dict[str, Any]) -> float:
    if mode not in BOTH_WAYS:
        return 0.0
    power = _kilo("maxDischargePower", _sum_of_phases(both, "maxDischargePower"))
    return _not_negative("maxDischargePower", power) or 0.0


def _to_full_kwh(both: dict[str, Any], direct: dict[str, Any]) -> float | None:
    if "evMaxEnergyRequest" in both:
        return _kilo("evMaxEnergyRequest", both["evMaxEnergyRequest"])
    soc, capacity_wh = direct.get("stateOfCharge"), direct.get("evEnergyCapacity")
    if soc is None or capacity_wh is None:
        return None
    full = direct.get("fullSoC", 100)
    return _kilo("evEnergyCapacity", capacity_wh * (full - soc) / 100.0)

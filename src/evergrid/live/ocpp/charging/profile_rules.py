"""Which rules of OCPP 2.1 does a charging profile break that its schema lets pass?

Checked before any profile is sent: stations refuse such profiles, or worse, follow them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from evergrid.core.faults import Fault
from evergrid.live.ocpp.charging.abilities import Abilities
from evergrid.live.ocpp.charging.profiles import LARGEST_OFFLINE_S, Profile

ALL_MODES = frozenset(
    {
        "Idle",
        "ChargingOnly",
        "CentralSetpoint",
        "ExternalSetpoint",
        "ExternalLimits",
        "CentralFrequency",
        "LocalFrequency",
        "LocalLoadBalancing",
    }
)
ONE_WAY = frozenset({"ChargingOnly", "Idle"})  # modes that never discharge
MODES: Mapping[str, frozenset[str]] = {
    "TxProfile": ALL_MODES,
    "TxDefaultProfile": ALL_MODES,
    "PriorityCharging": frozenset({"ChargingOnly"}),
    "ChargingStationMaxProfile": frozenset({"ChargingOnly"}),
    "ChargingStationExternalConstraints": frozenset(
        {"ChargingOnly", "ExternalLimits", "ExternalSetpoint"}
    ),
    "LocalGeneration": frozenset({"ChargingOnly", "ExternalLimits"}),
}
ADDITIONAL_PURPOSES = frozenset({"PriorityCharging", "LocalGeneration"})

_LIMIT = frozenset({"limit", "limit_L2", "limit_L3"})
_DISCHARGE = frozenset({"dischargeLimit", "dischargeLimit_L2", "dischargeLimit_L3"})
_SETPOINT = frozenset({"setpoint", "setpoint_L2", "setpoint_L3"})
_REACTIVE = frozenset({"setpointReactive", "setpointReactive_L2", "setpointReactive_L3"})
_CURVES = frozenset({"v2xFreqWattCurve", "v2xSignalWattCurve"})
_POWERS = _LIMIT | _DISCHARGE | _SETPOINT | _REACTIVE | _CURVES | {"v2xBaseline"}
_NEEDED: Mapping[str, frozenset[str]] = {
    "ChargingOnly": frozenset({"limit"}),
    "CentralSetpoint": frozenset({"setpoint"}),
    "CentralFrequency": frozenset({"setpoint"}),
    "LocalFrequency": frozenset({"v2xFreqWattCurve", "v2xBaseline"}),
}
_ALLOWED: Mapping[str, frozenset[str]] = {
    "ChargingOnly": _LIMIT,
    "CentralSetpoint": _SETPOINT | _LIMIT | _DISCHARGE | _REACTIVE,
    "CentralFrequency": _SETPOINT | _LIMIT | _DISCHARGE | {"v2xSignalWattCurve", "v2xBaseline"},
    "LocalFrequency": frozenset({"v2xFreqWattCurve", "v2xBaseline"}),
    "ExternalSetpoint": _LIMIT | _DISCHARGE,
}
_BY_PHASE = frozenset(
    {f"{name}_L{n}" for name in ("limit", "dischargeLimit", "setpoint") for n in (2, 3)}
    | {"setpointReactive_L2", "setpointReactive_L3", "numberPhases", "phaseToUse"}
)
LEAST_CURVE_POINTS = 2


@dataclass(frozen=True)
class ProfileCase:
    """For whom a profile is.

    Attributes:
        evse: Outlet; 0 for all of them.
        abilities: Of the station.
        charge: Most that it may be told to draw, in the unit of the schedule.
        discharge: Most that it may be told to feed, 0 where it may not.
        transaction: Live on the outlet; "" for none.
        direct_current: Whether the outlet is DC, where known.
        held: Profiles that the station holds already.
    """

    evse: int
    abilities: Abilities
    charge: float
    discharge: float
    transaction: str = ""
    direct_current: bool | None = None
    held: Sequence[Profile] = ()


def profile_faults(profile: Profile, case: ProfileCase) -> list[Fault]:
    """Every rule that a profile breaks; it keeps the schema already."""
    schedules = profile["chargingSchedule"]
    periods = [period for schedule in schedules for period in schedule["chargingSchedulePeriod"]]
    faults = [*_of_kind(profile), *_of_purpose(profile, case), *_of_station(profile, case)]
    for schedule in schedules:
        faults += _of_schedule(schedule, profile["chargingProfileKind"], case.abilities)
    for period in periods:
        faults += period_faults(period, profile["chargingProfilePurpose"], case)
    if two_way(periods):
        faults += _of_discharge(profile, case)
    return faults


def two_way(periods: Sequence[Mapping[str, Any]]) -> bool:
    """Whether any period leaves room for discharging."""
    return any(period.get("operationMode", "ChargingOnly") not in ONE_WAY for period in periods)


def _of_kind(profile: Profile) -> Iterator[Fault]:
    kind, schedules = profile["chargingProfileKind"], profile["chargingSchedule"]
    if kind in ("Absolute", "Recurring") and not all("startSchedule" in s for s in schedules):
        yield Fault("startSchedule", f"be there in a profile of kind {kind}")
    if kind == "Relative" and any("startSchedule" in s for s in schedules):
        yield Fault("startSchedule", "not be there in a profile of kind Relative")
    if (kind == "Recurring") != ("recurrencyKind" in profile):
        yield Fault("recurrencyKind", "be there in a profile of kind Recurring, and only there")
    if kind == "Dynamic":
        if len(schedules) != 1 or len(schedules[0]["chargingSchedulePeriod"]) != 1:
            yield Fault("chargingSchedule", "have one period in a profile of kind Dynamic")
        if "maxOfflineDuration" not in profile:
            yield Fault("maxOfflineDuration", "be there in a profile of kind Dynamic")
    elif "dynUpdateInterval" in profile or "dynUpdateTime" in profile:
        yield Fault("dynUpdateInterval", "be there in a profile of kind Dynamic only", (kind,))


def _of_purpose(profile: Profile, case: ProfileCase) -> Iterator[Fault]:
    purpose, told = profile["chargingProfilePurpose"], profile.get("transactionId")
    if purpose == "TxProfile":
        if case.evse <= 0:
            yield Fault("evseId", "be above 0 for a TxProfile", (case.evse,))
        if not told or told != case.transaction:
            yield Fault("transactionId", "be the live transaction of the outlet", (told,))
    elif told is not None:
        yield Fault("transactionId", "be there for a TxProfile only", (purpose,))
    if purpose == "PriorityCharging" and any("duration" in s for s in profile["chargingSchedule"]):
        yield Fault("duration", "not be there for PriorityCharging")
    if purpose in ADDITIONAL_PURPOSES and purpose not in case.abilities.purposes:
        yield Fault("chargingProfilePurpose", "be one that the station supports", (purpose,))
    place = (purpose, told, profile["stackLevel"])
    for other in case.held:
        taken = (other["chargingProfilePurpose"], other.get("transactionId"), other["stackLevel"])
        if taken == place and other["id"] != profile["id"]:
            yield Fault("stackLevel", "be unique for its purpose and transaction", (place[2],))


def _of_station(profile: Profile, case: ProfileCase) -> Iterator[Fault]:
    kind, reserved = profile["chargingProfileKind"], case.abilities.external_id
    if kind == "Dynamic" and not case.abilities.dynamic:
        yield Fault("chargingProfileKind", "be one that the station supports", (kind,))
    if reserved is not None and profile["id"] <= reserved:
        yield Fault(
            "id", f"be above {reserved}, as the station keeps those below", (profile["id"],)
        )
    level, highest = profile["stackLevel"], case.abilities.highest_level
    if highest is not None and level > highest:
        yield Fault("stackLevel", f"be at most {highest}, the highest of the station", (level,))
    offline = profile.get("maxOfflineDuration")
    if offline is not None and not 0 <= offline <= LARGEST_OFFLINE_S:
        yield Fault("maxOfflineDuration", f"be within [0, {LARGEST_OFFLINE_S}] s", (offline,))


def _of_schedule(schedule: dict[str, Any], kind: str, abilities: Abilities) -> Iterator[Fault]:
    starts = [period["startPeriod"] for period in schedule["chargingSchedulePeriod"]]
    if starts[0] != 0 or any(b <= a for a, b in pairwise(starts)):
        yield Fault("startPeriod", "begin at 0 and increase", tuple(starts[:4]))
    unit = schedule["chargingRateUnit"]
    if unit not in abilities.rate_units:
        yield Fault("chargingRateUnit", "be one that the station takes", (unit,))
    if unit != "W" and two_way(schedule["chargingSchedulePeriod"]):
        yield Fault("chargingRateUnit", "be W where power may flow both ways", (unit,))
    if schedule.get("useLocalTime") and not abilities.local_time:
        yield Fault("useLocalTime", "be supported by the station")
    if "limitAtSoC" in schedule and not abilities.limit_at_soc:
        yield Fault("limitAtSoC", "be supported by the station")
    if schedule.get("duration", 1) <= 0:
        yield Fault("duration", "be above 0", (schedule["duration"],))
    if kind == "Dynamic" and "limitAtSoC" in schedule:
        yield Fault("limitAtSoC", "not be there in a profile of kind Dynamic")
    rate = schedule.get("minChargingRate", 0.0)
    if not (math.isfinite(rate) and rate >= 0):
        yield Fault("minChargingRate", "be a number of 0 or more", (rate,))


def period_faults(period: Mapping[str, Any], purpose: str, case: ProfileCase) -> list[Fault]:
    """Rules for one period; also for a change of it, with its mode filled in."""
    mode = period.get("operationMode", "ChargingOnly")
    told = {name for name in _POWERS if name in period}
    faults = []
    if mode not in MODES[purpose]:
        faults.append(Fault("operationMode", f"be allowed for {purpose}", (mode,)))
    if mode not in ONE_WAY and mode not in case.abilities.operation_modes:
        faults.append(Fault("operationMode", "be one that the station names", (mode,)))
    missing = _NEEDED.get(mode, frozenset()) - told
    if missing:
        faults.append(Fault(min(missing), f"be there in mode {mode}"))
    extra = told - _ALLOWED.get(mode, frozenset())
    if extra:
        faults.append(Fault(min(extra), f"not be there in mode {mode}"))
    if case.direct_current and any(name in period for name in _BY_PHASE):
        faults.append(Fault("phases", "not be there on DC"))
    return faults + list(_of_powers(period, case))


def _of_powers(period: Mapping[str, Any], case: ProfileCase) -> Iterator[Fault]:
    limits = [period[name] for name in _LIMIT if name in period]
    lows = [period[name] for name in _DISCHARGE if name in period]
    setpoints = [period[name] for name in _SETPOINT if name in period]
    reactive = [period[name] for name in _REACTIVE if name in period]
    if "v2xBaseline" in period:
        yield from _outside("v2xBaseline", [period["v2xBaseline"]], -case.discharge, case.charge)
    yield from _outside("limit", limits, 0.0, math.inf)
    yield from _outside("dischargeLimit", lows, -case.discharge, 0.0)
    yield from _outside("setpoint", setpoints, -case.discharge, case.charge)
    most = max(case.charge, case.discharge)
    yield from _outside("setpointReactive", reactive, -most, most)
    if setpoints and min(setpoints) < 0 < max(setpoints):
        yield Fault("setpoint", "have one sign on all phases", tuple(setpoints))
    for phase in ("", "_L2", "_L3"):
        setpoint = period.get(f"setpoint{phase}", 0.0)
        high = period.get(f"limit{phase}", math.inf)
        low = period.get(f"dischargeLimit{phase}", -math.inf)
        if f"setpoint{phase}" in period and not low <= setpoint <= high:
            yield Fault(f"setpoint{phase}", "be within [dischargeLimit, limit]", (setpoint,))
    for name, x in (("v2xFreqWattCurve", "frequency"), ("v2xSignalWattCurve", "signal")):
        if name in period:
            yield from _of_curve(name, period[name], x, period.get("v2xBaseline", 0.0), case)


def _of_curve(
    name: str, points: Sequence[Mapping[str, Any]], x: str, baseline: float | int, case: ProfileCase
) -> Iterator[Fault]:
    """Its powers come on top of the baseline."""
    if len(points) < LEAST_CURVE_POINTS:
        yield Fault(name, f"have at least {LEAST_CURVE_POINTS} points", (len(points),))
    xs = [point[x] for point in points]
    if not all(math.isfinite(value) for value in xs):
        yield Fault(name, f"have finite values of {x}", tuple(xs[:4]))
    elif any(b <= a for a, b in pairwise(xs)):
        yield Fault(name, f"increase in {x}", tuple(xs[:4]))
    powers = [baseline + point["power"] for point in points]
    yield from _outside(name, powers, -case.discharge, case.charge)


def _outside(name: str, values: Sequence[float | int], low: float, high: float) -> Iterator[Fault]:
    """NaN and infinity are never inside."""
    bad = tuple(v for v in values if not (math.isfinite(v) and low <= v <= high))
    if bad:
        yield Fault(name, f"be a number within [{low:g}, {high:g}]", bad)


def _of_discharge(profile: Profile, case: ProfileCase) -> Iterator[Fault]:
    """What must be so before a profile leaves room for discharging."""
    if not case.abilities.v2x:
        yield Fault("operationMode", "be ChargingOnly, as the station names no V2X")
    if "maxOfflineDuration" not in profile:
        yield Fault("maxOfflineDuration", "be there where power may flow both ways")
    if profile["chargingProfilePurpose"] != "TxProfile":
        return
    below = (
        other
        for other in case.held
        if other["stackLevel"] < profile["stackLevel"]
        and other["id"] != profile["id"]
        and other.get("transactionId") in (None, case.transaction)
        and other["chargingProfilePurpose"] in ("TxProfile", "TxDefaultProfile")
        and not two_way(other["chargingSchedule"][0]["chargingSchedulePeriod"])
    )
    if next(below, None) is None:
        yield Fault(
            "stackLevel", "have a profile below it that only charges", (profile["stackLevel"],)
        )

"""The rules for charging profiles with V2X, stated apart from the code that it referees.

Written from the text of OCPP 2.1 (K01, Q01 to Q12), as one predicate; nothing of `evergrid` is
imported.
"""

import math
from typing import Any

EIGHT = {
    "Idle",
    "ChargingOnly",
    "CentralSetpoint",
    "ExternalSetpoint",
    "ExternalLimits",
    "CentralFrequency",
    "LocalFrequency",
    "LocalLoadBalancing",
}
PURPOSES = {
    "TxProfile": EIGHT,
    "TxDefaultProfile": EIGHT,
    "PriorityCharging": {"ChargingOnly"},
    "ChargingStationMaxProfile": {"ChargingOnly"},
    "ChargingStationExternalConstraints": {"ChargingOnly", "ExternalLimits", "ExternalSetpoint"},
    "LocalGeneration": {"ChargingOnly", "ExternalLimits"},
}
# mode: (needed, may be there too)
FIELDS = {
    "ChargingOnly": ({"limit"}, set()),
    "CentralSetpoint": ({"setpoint"}, {"limit", "dischargeLimit", "setpointReactive"}),
    "CentralFrequency": (
        {"setpoint"},
        {"limit", "dischargeLimit", "v2xSignalWattCurve", "v2xBaseline"},
    ),
    "LocalFrequency": ({"v2xFreqWattCurve", "v2xBaseline"}, set()),
    "ExternalSetpoint": (set(), {"limit", "dischargeLimit"}),
    "ExternalLimits": (set(), set()),
    "LocalLoadBalancing": (set(), set()),
    "Idle": (set(), set()),
}
PHASED = {"limit", "dischargeLimit", "setpoint", "setpointReactive"}
KNOWN = {
    "limit",
    "dischargeLimit",
    "setpoint",
    "setpointReactive",
    "v2xSignalWattCurve",
    "v2xFreqWattCurve",
    "v2xBaseline",
}


def keeps_the_rules(
    profile: dict[str, Any],
    *,
    evse: int,
    live: str,
    charge_w: float,
    discharge_w: float,
    dc: bool,
    floor_level: int | None,
    modes: set[str],
) -> bool:
    """Whether a profile may be sent to a station with V2X and dynamic profiles."""
    purpose, kind = profile["chargingProfilePurpose"], profile["chargingProfileKind"]
    schedules = profile["chargingSchedule"]
    periods = [p for s in schedules for p in s["chargingSchedulePeriod"]]
    used = {p.get("operationMode", "ChargingOnly") for p in periods}
    ok = used <= PURPOSES[purpose]
    ok &= used <= modes | {"ChargingOnly", "Idle"}
    ok &= all(_fields(p) and _numbers(p, charge_w, discharge_w, dc) for p in periods)
    starts = [[p["startPeriod"] for p in s["chargingSchedulePeriod"]] for s in schedules]
    ok &= all(s[0] == 0 and s == sorted(set(s)) for s in starts)
    anchored = ["startSchedule" in s for s in schedules]
    ok &= all(anchored) if kind in ("Absolute", "Recurring") else True
    ok &= not any(anchored) if kind == "Relative" else True
    ok &= (kind == "Recurring") == ("recurrencyKind" in profile)
    ok &= kind == "Dynamic" or not {"dynUpdateInterval", "dynUpdateTime"} & set(profile)
    if kind == "Dynamic":
        ok &= len(periods) == 1 and "maxOfflineDuration" in profile
    if purpose == "TxProfile":
        ok &= evse > 0 and profile.get("transactionId") == live
    else:
        ok &= "transactionId" not in profile
    if purpose == "TxDefaultProfile":
        ok &= profile["stackLevel"] != floor_level  # of another id, so that the place is taken
    if purpose == "PriorityCharging":
        ok &= not any("duration" in s for s in schedules)
    if used - {"ChargingOnly", "Idle"}:
        ok &= "maxOfflineDuration" in profile
        ok &= all(s["chargingRateUnit"] == "W" for s in schedules)
        if purpose == "TxProfile":
            ok &= floor_level is not None and floor_level < profile["stackLevel"]
    return bool(ok)


def _fields(period: dict[str, Any]) -> bool:
    told = {name.removesuffix("_L2").removesuffix("_L3") for name in period} & KNOWN
    needed, optional = FIELDS[period.get("operationMode", "ChargingOnly")]
    return needed <= set(period) and told <= needed | optional


def _numbers(period: dict[str, Any], charge_w: float, discharge_w: float, dc: bool) -> bool:
    if dc and any(name.endswith(("_L2", "_L3")) or "hase" in name for name in period):
        return False
    setpoints = [period[n] for n in ("setpoint", "setpoint_L2", "setpoint_L3") if n in period]
    powers = [*setpoints, *([period["v2xBaseline"]] if "v2xBaseline" in period else [])]
    for name, x in (("v2xFreqWattCurve", "frequency"), ("v2xSignalWattCurve", "signal")):
        curve = period.get(name)
        if curve is None:
            continue
        xs = [point[x] for point in curve]
        if len(curve) < 2 or xs != sorted(set(xs)) or not all(map(math.isfinite, xs)):
            return False
        powers += [period.get("v2xBaseline", 0.0) + point["power"] for point in curve]
    if not all(-discharge_w <= power <= charge_w for power in powers):
        return False
    if any(a * b < 0 for a in setpoints for b in setpoints):
        return False
    for phase in ("", "_L2", "_L3"):
        limit, low = period.get(f"limit{phase}", math.inf), period.get(f"dischargeLimit{phase}")
        if not (limit >= 0 and (limit < math.inf or f"limit{phase}" not in period)):
            return False
        if low is not None and not -discharge_w <= low <= 0:
            return False
        setpoint = period.get(f"setpoint{phase}")
        bottom = -math.inf if low is None else low
        if setpoint is not None and not bottom <= setpoint <= limit:
            return False
        reactive = period.get(f"setpointReactive{phase}", 0.0)
        if not abs(reactive) <= max(charge_w, discharge_w):
            return False
    return True

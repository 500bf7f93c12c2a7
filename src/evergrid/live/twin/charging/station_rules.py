"""What a station refuses: the rules of OCPP 2.1 that the schemas cannot say.

Each is checked as a station checks it, and answered with the reason code of the specification's
appendix. Requirements are named as in OCPP 2.1 part 2 and its errata of 2025, where they are known.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

from evergrid.live.twin.charging.profiles import ChargingProfile

EVERY_MODE = (
    "Idle",
    "ChargingOnly",
    "CentralSetpoint",
    "ExternalSetpoint",
    "ExternalLimits",
    "CentralFrequency",
    "LocalFrequency",
    "LocalLoadBalancing",
)
MODES_OF_PURPOSE = {
    "TxProfile": EVERY_MODE,
    "TxDefaultProfile": EVERY_MODE,
    "PriorityCharging": ("ChargingOnly",),
    "ChargingStationMaxProfile": ("ChargingOnly",),
    "ChargingStationExternalConstraints": ("ChargingOnly", "ExternalLimits", "ExternalSetpoint"),
    "LocalGeneration": ("ChargingOnly", "ExternalLimits"),
}
POWERS = ("limit", "dischargeLimit", "setpoint", "setpointReactive")
CURVES = ("v2xFreqWattCurve", "v2xSignalWattCurve", "v2xBaseline")
# By mode: what must be there, and what may.
FIELDS_OF_MODE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ChargingOnly": (("limit",), ()),
    "CentralSetpoint": (("setpoint",), ("limit", "dischargeLimit", "setpointReactive")),
    "CentralFrequency": (
        ("setpoint",),
        ("limit", "dischargeLimit", "v2xSignalWattCurve", "v2xBaseline"),
    ),
    "LocalFrequency": (("v2xFreqWattCurve", "v2xBaseline"), ()),
    "ExternalSetpoint": ((), ("limit", "dischargeLimit")),
    "ExternalLimits": ((), ()),
    "LocalLoadBalancing": ((), ()),
    "Idle": ((), ()),
}
PHASES = ("L2", "L3")


class Rejection(NamedTuple):
    """Why a message is refused.

    Attributes:
        reason_code: Of the specification's appendix.
        rule: That it broke, in a few words.
    """

    reason_code: str
    rule: str


@dataclass(frozen=True)
class Abilities:
    """What a station can do with charging profiles, as it reports it.

    Attributes:
        v2x: Whether it feeds.
        phases: Of the charger.
        direct_current: Whether the outlet is one of direct current.
        dynamic: Whether it takes profiles of kind Dynamic.
        modes: Operation modes beside ChargingOnly.
        purposes: PriorityCharging and LocalGeneration, where it takes them.
        units: Of power that it takes.
        use_local_time: Whether schedules may be in local time.
        limit_at_soc: Whether schedules may have a limit beyond a state of charge.
        randomized_delay: Whether schedules may be delayed at random.
        evse_sleep: Whether the power electronics can be told to sleep.
        highest_stack_level: That it takes.
        most_profiles: That it keeps.
        most_periods: In a schedule.
        update_rate_s: Between two profiles of one purpose that it stores for good; 0 for any.
        external_ids_below: Ids up to this are kept for limits from outside; None for none.
    """

    v2x: bool = True
    phases: int = 3
    direct_current: bool = False
    dynamic: bool = True
    modes: frozenset[str] = frozenset(EVERY_MODE)
    purposes: frozenset[str] = frozenset({"PriorityCharging"})
    units: frozenset[str] = frozenset({"W", "A"})
    use_local_time: bool = False
    limit_at_soc: bool = False
    randomized_delay: bool = False
    evse_sleep: bool = False
    highest_stack_level: int = 9
    most_profiles: int = 20
    most_periods: int = 1024
    update_rate_s: float = 5.0
    external_ids_below: int | None = 0


class Circumstances(NamedTuple):
    """What a rule depends on besides the message and the station's abilities.

    Attributes:
        now_s: By the station's clock.
        profiles: That it has.
        transaction: That runs; None for none.
        may_discharge: Whether the vehicle of that transaction may.
        stored_s: When a profile was last stored, by purpose, or by purpose and id for a TxProfile.
        evse: Number of the outlet.
    """

    now_s: float = 0.0
    profiles: Sequence[ChargingProfile] = ()
    transaction: str | None = None
    may_discharge: bool = False
    stored_s: Mapping[str, float] = MappingProxyType({})
    evse: int = 1


def profile_rejection(
    evse: int, wire: dict[str, Any], able: Abilities, now: Circumstances
) -> Rejection | None:
    """The first rule that a SetChargingProfile breaks; None where it may be obeyed."""
    checks: tuple[Callable[[], Rejection | None], ...] = (
        lambda: _of_place(evse, wire, able, now),
        lambda: _of_kind(wire, able),
        lambda: _of_store(evse, wire, able, now),
        lambda: _of_schedules(wire, able, now),
    )
    for check in checks:
        if found := check():
            return found
    return None


def store_key(wire: dict[str, Any]) -> str:
    """What the least time between two profiles is counted for.

    Those that are stored for good wear the memory by purpose; a TxProfile is only counted when it
    is itself replaced.
    """
    purpose = wire["chargingProfilePurpose"]
    return f"{purpose} {wire['id']}" if purpose == "TxProfile" else purpose


def _of_place(
    evse: int, wire: dict[str, Any], able: Abilities, now: Circumstances
) -> Rejection | None:
    """Rules of outlet, purpose and transaction."""
    purpose = wire["chargingProfilePurpose"]
    if evse not in (0, now.evse):
        return Rejection("UnknownEvse", "the outlet exists")
    if purpose == "ChargingStationExternalConstraints":
        return Rejection("InvalidValue", "limits from outside are not set by SetChargingProfile")
    additional = ("PriorityCharging", "LocalGeneration")
    if purpose in additional and purpose not in able.purposes:
        return Rejection("UnsupportedPurpose", "the purpose is supported (K01.FR.120)")
    if purpose == "ChargingStationMaxProfile" and evse != 0:
        return Rejection("InvalidValue", "a ChargingStationMaxProfile is for outlet 0")
    if purpose != "TxProfile":
        given = "transactionId" in wire
        rule = "only a TxProfile names a transaction"
        return Rejection("InvalidProfile", rule) if given else None
    if evse == 0:
        return Rejection("InvalidValue", "a TxProfile is for an outlet, above 0")
    if "transactionId" not in wire:
        return Rejection("MissingParam", "a TxProfile names its transaction")
    if now.transaction is None or wire["transactionId"] != now.transaction:
        return Rejection("TxNotFound", "a TxProfile is for the transaction that runs")
    return None


def _of_kind(wire: dict[str, Any], able: Abilities) -> Rejection | None:
    """Rules of kind and times."""
    kind = wire["chargingProfileKind"]
    dynamic = kind == "Dynamic"
    if dynamic and not able.dynamic:
        return Rejection("UnsupportedKind", "dynamic profiles are supported (K01.FR.121)")
    if not dynamic and ("dynUpdateInterval" in wire or "dynUpdateTime" in wire):
        return Rejection("InvalidProfile", "only a dynamic profile has updates (K01.FR.122)")
    if kind == "Relative" and wire["chargingProfilePurpose"] == "ChargingStationMaxProfile":
        return Rejection("InvalidValue", "a ChargingStationMaxProfile is not relative")
    if kind == "Recurring" and "recurrencyKind" not in wire:
        return Rejection("MissingParam", "a recurring profile says how often")
    for schedule in wire["chargingSchedule"]:
        begins = "startSchedule" in schedule
        if kind in ("Absolute", "Recurring") and not begins:
            return Rejection("InvalidSchedule", f"{kind} schedules have a begin (K01.FR.40)")
        if kind == "Relative" and begins:
            return Rejection("InvalidSchedule", "relative schedules have no begin (K01.FR.41)")
        single = len(schedule["chargingSchedulePeriod"]) == 1
        if dynamic and not (single and len(wire["chargingSchedule"]) == 1):
            return Rejection("InvalidSchedule", "a dynamic profile has one period")
    return None


def _of_store(
    evse: int, wire: dict[str, Any], able: Abilities, now: Circumstances
) -> Rejection | None:
    """Rules of stack levels, ids, numbers and rates."""
    if able.external_ids_below is not None and wire["id"] <= able.external_ids_below:
        return Rejection("InvalidProfileId", "the id is above MaxExternalConstraintsId (K01.FR.81)")
    if wire["stackLevel"] > able.highest_stack_level:
        return Rejection("InvalidStackLevel", "the stack level is one the station has")
    last_s = now.stored_s.get(store_key(wire), -math.inf)
    if (wait_s := able.update_rate_s - (now.now_s - last_s)) > 0:
        return Rejection("RateLimitExceeded", f"{math.ceil(wait_s)} seconds before retry")
    others = [profile for profile in now.profiles if profile.number != wire["id"]]
    if len(others) >= able.most_profiles:
        return Rejection("TooManyElements", "the station keeps so many profiles")
    purpose = wire["chargingProfilePurpose"]
    for other in others:
        if (other.purpose, other.stack_level) != (purpose, wire["stackLevel"]):
            continue
        if purpose == "TxProfile" and other.transaction == wire["transactionId"]:
            return Rejection("InvalidStackLevel", "one TxProfile on each stack level (K01.FR.39)")
        if purpose != "TxProfile" and other.evse == evse and _overlap(other.wire, wire):
            return Rejection("DuplicateProfile", "one profile on each stack level (K01.FR.06)")
    return None


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two profiles are valid at one time; stamps in UTC sort as text."""
    last = "9999"
    return one.get("validFrom", "") < other.get("validTo", last) and other.get(
        "validFrom", ""
    ) < one.get("validTo", last)


def _of_schedules(wire: dict[str, Any], able: Abilities, now: Circumstances) -> Rejection | None:
    for schedule in wire["chargingSchedule"]:
        if found := _of_schedule(wire["chargingProfilePurpose"], schedule, able):
            return found
        for period in schedule["chargingSchedulePeriod"]:
            found = _of_period(wire["chargingProfilePurpose"], schedule, period, able)
            if found := found or _of_discharge(period, able, now):
                return found
    return None


def _of_schedule(purpose: str, schedule: dict[str, Any], able: Abilities) -> Rejection | None:
    if schedule["chargingRateUnit"] not in able.units:
        return Rejection("UnsupportedRateUnit", "the unit of power is supported (K01.FR.26)")
    if purpose == "PriorityCharging" and "duration" in schedule:
        return Rejection("InvalidSchedule", "priority charging has no duration (K01.FR.70)")
    if schedule.get("useLocalTime") and not able.use_local_time:
        return Rejection("InvalidSchedule", "local time is supported (K01.FR.123)")
    if "limitAtSoC" in schedule and not able.limit_at_soc:
        return Rejection("InvalidSchedule", "limits at a state of charge are supported")
    if schedule.get("randomizedDelay") and not able.randomized_delay:
        return Rejection("InvalidSchedule", "delays at random are supported (K01.FR.124)")
    periods = schedule["chargingSchedulePeriod"]
    if len(periods) > able.most_periods:
        return Rejection("TooManyElements", "a schedule has so many periods")
    starts = [period["startPeriod"] for period in periods]
    if starts[0] != 0:
        return Rejection("InvalidSchedule", "the first period begins at 0 (K01.FR.31)")
    if any(after <= before for before, after in pairwise(starts)):
        return Rejection("InvalidSchedule", "periods are in order (K01.FR.35)")
    return None


def _of_period(
    purpose: str, schedule: dict[str, Any], period: dict[str, Any], able: Abilities
) -> Rejection | None:
    mode = period.get("operationMode", "ChargingOnly")
    if mode not in MODES_OF_PURPOSE[purpose]:
        return Rejection("InvalidOperationMode", "the purpose has this mode (K01.FR.111 to 113)")
    if mode != "ChargingOnly" and mode not in able.modes:
        return Rejection("InvalidOperationMode", "the station has this mode (K01.FR.115)")
    if found := _of_fields(mode, period) or _of_phases(purpose, period, able):
        return found
    if not all(math.isfinite(value) for value in _numbers(period)):
        return Rejection("InvalidValue", "powers are finite")
    if mode == "LocalFrequency":
        if schedule["chargingRateUnit"] != "W":
            return Rejection("InvalidSchedule", "a curve of power over frequency is in watts")
        if len(period["v2xFreqWattCurve"]) < 2:
            return Rejection("InvalidSchedule", "a curve has two points or more")
    if period.get("evseSleep") and not (able.evse_sleep and mode == "Idle"):
        return Rejection("InvalidSchedule", "sleep is supported, and while idle (K01.FR.126)")
    return powers_rejection(period)


def _of_fields(mode: str, period: dict[str, Any]) -> Rejection | None:
    needed, optional = FIELDS_OF_MODE[mode]
    for name in needed:
        if name not in period:
            return Rejection("InvalidSchedule", f"{mode} has {name}")
    for name in (*POWERS, *CURVES):
        present = name in period or any(f"{name}_{phase}" in period for phase in PHASES)
        if present and name not in needed and name not in optional:
            return Rejection("InvalidSchedule", f"{mode} has no {name}")
    return None


def _of_phases(purpose: str, period: dict[str, Any], able: Abilities) -> Rejection | None:
    apart = [f"{name}_{phase}" for name in POWERS for phase in PHASES]
    given = [name for name in apart if name in period]
    if able.direct_current and (given or "numberPhases" in period or "phaseToUse" in period):
        return Rejection("NoPhaseForDC", "direct current has no phases (K01.FR.44)")
    if period.get("numberPhases", 1) > able.phases:
        return Rejection("InvalidSchedule", "the station has so many phases (K01.FR.45)")
    if "phaseToUse" in period:
        return Rejection("InvalidSchedule", "the station can choose a phase (K01.FR.20)")
    if given and (able.phases < 3 or purpose != "TxProfile"):
        return Rejection("PhaseConflict", "values by phase are asked for (K01.FR.142, 143)")
    if any(name.rsplit("_", 1)[0] not in period for name in given):
        return Rejection("PhaseConflict", "values of L2 and L3 come with one of L1 (K01.FR.145)")
    return None


def _numbers(period: Mapping[str, Any]) -> list[float]:
    """Every number of a period."""
    values = [value for value in period.values() if isinstance(value, int | float)]
    for curve in ("v2xFreqWattCurve", "v2xSignalWattCurve"):
        values += [float(value) for point in period.get(curve, ()) for value in point.values()]
    return [float(value) for value in values]


def powers_rejection(period: Mapping[str, Any]) -> Rejection | None:
    """Rules of the powers of a period, or of a dynamic one after an update."""
    for phase in ("", *(f"_{phase}" for phase in PHASES)):
        limit, feed = period.get(f"limit{phase}"), period.get(f"dischargeLimit{phase}")
        wanted = period.get(f"setpoint{phase}")
        if limit is not None and limit < 0:
            return Rejection("InvalidSchedule", "a limit is 0 or more")
        if feed is not None and feed > 0:
            return Rejection("InvalidSchedule", "a dischargeLimit is 0 or less")
        if wanted is None:
            continue
        if limit is not None and wanted > limit:
            return Rejection("InvalidSchedule", "a setpoint is inside its limit")
        if feed is not None and wanted < feed:
            return Rejection("InvalidSchedule", "a setpoint is inside its dischargeLimit")
    names = ("setpoint", *(f"setpoint_{phase}" for phase in PHASES))
    signs = {math.copysign(1, period[name]) for name in names if period.get(name)}
    if len(signs) > 1:
        return Rejection("InvalidSchedule", "setpoints of all phases have one sign")
    return None


def _of_discharge(period: dict[str, Any], able: Abilities, now: Circumstances) -> Rejection | None:
    """Whether a period asks a vehicle to feed that may not."""
    if able.v2x and (now.may_discharge or now.transaction is None):
        return None
    asked = min(
        (
            *(period.get(name, 0.0) for name in ("setpoint", "dischargeLimit")),
            *(period.get(f"setpoint_{phase}", 0.0) for phase in PHASES),
            *(point["power"] for point in period.get("v2xFreqWattCurve", ())),
            *(point["power"] for point in period.get("v2xSignalWattCurve", ())),
        )
    )
    if asked < 0:
        return Rejection("InvalidProfile", "discharging is allowed to this vehicle (Q01, Q02)")
    return None


def update_rejection(
    number: int, update: Mapping[str, Any], able: Abilities, now: Circumstances
) -> Rejection | None:
    """The first rule that an UpdateDynamicSchedule breaks; None where it may be obeyed."""
    profile = next((found for found in now.profiles if found.number == number), None)
    if profile is None:
        return Rejection("InvalidProfileId", "the profile exists")
    if profile.kind != "Dynamic":
        return Rejection("InvalidProfile", "only a dynamic profile is updated")
    if profile.transaction is not None and profile.transaction != now.transaction:
        return Rejection("TxNotFound", "the transaction of the profile runs")
    if not all(math.isfinite(value) for value in update.values()):
        return Rejection("InvalidValue", "powers are finite")
    before = profile.schedule["chargingSchedulePeriod"][0]
    period = {**before, **profile.updates, **update}
    mode = period.get("operationMode", "ChargingOnly")
    found = _of_fields(mode, period) or _of_phases(profile.purpose, period, able)
    return found or powers_rejection(period) or _of_discharge(period, able, now)


def signal_rejection(profiles: Sequence[ChargingProfile]) -> Rejection | None:
    """Whether nothing that the station has listens to an AFRRSignal."""
    for profile in profiles:
        for period in profile.schedule["chargingSchedulePeriod"]:
            if period.get("operationMode") == "CentralFrequency":
                return None
    return Rejection("InvalidOperationMode", "a profile is in mode CentralFrequency (Q07)")

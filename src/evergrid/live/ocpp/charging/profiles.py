"""Which charging profile says to a station what a session may and shall do?

OCPP counts charging as positive; our power is positive into the grid. `_setpoint_w` and the two
limits flip it, and nothing else does.
"""

import zlib
from typing import Any

import msgspec

from evergrid.core.units import W_PER_KW, consumption_from_grid_power
from evergrid.live.devices.adapter import Session
from evergrid.live.ocpp.wire.times import utc_text

Profile = dict[str, Any]

DEFAULT_ID = 900  # of the default profile, at every station; low ids may be reserved there
FIRST_SESSION_ID = 1000  # below it: our other profiles
DEFAULT_LEVEL, SESSION_LEVEL = 0, 1  # stations differ in how many levels they have
ALL_OUTLETS = 0  # as the outlet of a default profile
LARGEST_OFFLINE_S = 3600  # beyond it, an order has nothing to do with the grid any more
DIGITS = 1  # of a power in W, of a current in A


class LocalFrequency(msgspec.Struct, frozen=True, tag=True):
    """How a vehicle follows the frequency of the grid by itself.

    Attributes:
        baseline_kw: Into the grid, at nominal frequency.
        points: Hz, and power into the grid on top of the baseline; at least two.
    """

    baseline_kw: float
    points: tuple[tuple[float, float], ...]


class SignalResponse(msgspec.Struct, frozen=True, tag=True):
    """How a vehicle turns a signal for all into power.

    Attributes:
        baseline_kw: Into the grid, at signal 0.
        points: Signal, and power into the grid on top of the baseline; at least two.
    """

    baseline_kw: float
    points: tuple[tuple[int, float], ...]


Response = LocalFrequency | SignalResponse


def session_id(station: str, transaction: str) -> int:
    """The id of a session's profile: the same after a restart, so that it replaces itself."""
    name = f"{station}\0{transaction}".encode()
    return FIRST_SESSION_ID + (zlib.crc32(name) & 0x3FFFFFFF)


def default_profile(limit: float, *, unit: str, dynamic_kinds: bool) -> Profile:
    """What a station falls back to: it charges at most so much, and never discharges.

    Args:
        limit: Above 0, in the unit.
        unit: ``W`` or ``A``.
        dynamic_kinds: Whether the station knows operation modes (OCPP 2.1).
    """
    period: dict[str, Any] = {"startPeriod": 0, "limit": round(limit, DIGITS)}
    if dynamic_kinds:
        period["operationMode"] = "ChargingOnly"
    return {
        "id": DEFAULT_ID,
        "stackLevel": DEFAULT_LEVEL,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": [
            {"id": DEFAULT_ID, "chargingRateUnit": unit, "chargingSchedulePeriod": [period]}
        ],
    }


def dynamic_profile(session: Session, profile_id: int, *, v2x: bool) -> Profile:
    """A session's profile whose set-point `update` moves, in W.

    It falls away when the station was offline for `offline_s`, and the default takes over.

    Args:
        session: With its first order.
        profile_id: It replaces a profile of that id.
        v2x: Whether it may discharge; else it holds a limit of charging only.
    """
    return {
        "id": profile_id,
        "stackLevel": SESSION_LEVEL,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Dynamic",
        "transactionId": session.transaction,
        "maxOfflineDuration": session.offline_s,
        "chargingSchedule": [
            {
                "id": profile_id,
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [_period(session, v2x)],
            }
        ],
    }


def _period(session: Session, v2x: bool) -> dict[str, Any]:
    if not v2x:
        limit = _limit_w(consumption_from_grid_power(session.power_kw))
        return {"startPeriod": 0, "operationMode": "ChargingOnly", "limit": limit}
    return {
        "startPeriod": 0,
        "operationMode": "CentralSetpoint",
        "setpoint": setpoint_w(session.power_kw),
        "limit": _limit_w(session.max_charge_kw),
        "dischargeLimit": discharge_limit_w(session.max_discharge_kw),
    }


def frequency_profile(
    session: Session, profile_id: int, response: LocalFrequency, *, start_s: float
) -> Profile:
    """A session's profile that follows the frequency, without orders."""
    period = {
        "startPeriod": 0,
        "operationMode": "LocalFrequency",
        "v2xBaseline": setpoint_w(response.baseline_kw),
        "v2xFreqWattCurve": [
            {"frequency": hz, "power": setpoint_w(power_kw)} for hz, power_kw in response.points
        ],
    }
    profile = dynamic_profile(session, profile_id, v2x=True)
    (schedule,) = profile["chargingSchedule"]
    schedule |= {"startSchedule": utc_text(start_s), "chargingSchedulePeriod": [period]}
    return {**profile, "chargingProfileKind": "Absolute"}


def signal_profile(session: Session, profile_id: int, response: SignalResponse) -> Profile:
    """A session's profile that turns AFRRSignal into power; its set-point can be moved too."""
    profile = dynamic_profile(session, profile_id, v2x=True)
    (schedule,) = profile["chargingSchedule"]
    (period,) = schedule["chargingSchedulePeriod"]
    period |= {
        "operationMode": "CentralFrequency",
        "v2xBaseline": setpoint_w(response.baseline_kw),
        "v2xSignalWattCurve": [
            {"signal": signal, "power": setpoint_w(power_kw)}
            for signal, power_kw in response.points
        ],
    }
    return profile


def update(profile_id: int, power_kw: float, *, v2x: bool) -> dict[str, Any]:
    """The payload of UpdateDynamicSchedule for a power into the grid."""
    setpoint = setpoint_w(power_kw)
    change = {"setpoint": setpoint} if v2x else {"limit": max(setpoint, 0.0)}
    return {"chargingProfileId": profile_id, "scheduleUpdate": change}


def absolute_profile(
    session: Session, profile_id: int, *, start_s: float, unit: str, amps: float, modern: bool
) -> Profile:
    """A session's profile at a station that takes no dynamic ones: a limit of charging.

    A new limit is a new profile of the same id, which replaces the old one in one step.

    Args:
        session: With its order; it charges at that power at most.
        profile_id: It replaces a profile of that id.
        start_s: From when it holds.
        unit: ``W`` or ``A``.
        amps: The order as a current of one phase; used where the unit is ``A``.
        modern: Whether the station speaks OCPP 2.1.
    """
    limit = _limit_w(consumption_from_grid_power(session.power_kw))
    period: dict[str, Any] = {
        "startPeriod": 0,
        "limit": limit if unit == "W" else round(max(amps, 0.0), DIGITS),
    }
    profile: Profile = {
        "id": profile_id,
        "stackLevel": SESSION_LEVEL,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Absolute",
        "transactionId": session.transaction,
        "chargingSchedule": [
            {
                "id": profile_id,
                "startSchedule": utc_text(start_s),
                "chargingRateUnit": unit,
                "chargingSchedulePeriod": [period],
            }
        ],
    }
    if modern:
        profile["maxOfflineDuration"] = session.offline_s
        period["operationMode"] = "ChargingOnly"
    return profile


def setpoint_w(power_kw: float) -> float:
    """OCPP's set-point, below 0 where it discharges, of a power into the grid."""
    return round(consumption_from_grid_power(power_kw) * W_PER_KW, DIGITS) + 0.0  # no -0.0


def _limit_w(power_kw: float) -> float:
    return round(max(power_kw, 0.0) * W_PER_KW, DIGITS)


def discharge_limit_w(max_discharge_kw: float) -> float:
    """OCPP's limit of discharging, 0 or below."""
    return -round(max(max_discharge_kw, 0.0) * W_PER_KW, DIGITS) + 0.0

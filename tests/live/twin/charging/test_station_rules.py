"""Every rule of a station: a message that breaks it is refused, and its good twin is taken."""

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from evergrid.live.twin.charging.profiles import ChargingProfile, stamp
from evergrid.live.twin.charging.station_rules import (
    EVERY_MODE,
    MODES_OF_PURPOSE,
    Abilities,
    Circumstances,
    Rejection,
    profile_rejection,
    signal_rejection,
    store_key,
    update_rejection,
)
from evergrid.live.twin.wire.schema_checks import schema_fault
from tests.live.twin.central_system import default_profile, order_profile

NOW_S = 1_764_547_200.0
ABLE = Abilities()
NOW = Circumstances(NOW_S, (), "tx", True)
Wire = dict[str, Any]
Change = Callable[[Wire], None]


def order() -> Wire:
    return copy.deepcopy(order_profile("tx", -8_000.0, NOW_S))


def default() -> Wire:
    return copy.deepcopy(default_profile())


def period(wire: Wire) -> Wire:
    return wire["chargingSchedule"][0]["chargingSchedulePeriod"][0]


def schedule(wire: Wire) -> Wire:
    return wire["chargingSchedule"][0]


def mode(name: str, **fields: Any) -> Change:
    """Make the only period one of a mode, with these fields and no others."""

    def change(wire: Wire) -> None:
        schedule(wire)["chargingSchedulePeriod"] = [
            {"startPeriod": 0, "operationMode": name, **fields}
        ]

    return change


def put(**fields: Any) -> Change:
    return lambda wire: wire.update(fields)


def put_schedule(**fields: Any) -> Change:
    return lambda wire: schedule(wire).update(fields)


def put_period(**fields: Any) -> Change:
    return lambda wire: period(wire).update(fields)


def periods(*starts: int) -> Change:
    def change(wire: Wire) -> None:
        found = [{"startPeriod": start, "limit": 5_000.0} for start in starts]
        schedule(wire)["chargingSchedulePeriod"] = found

    return change


def both(*changes: Change) -> Change:
    def change(wire: Wire) -> None:
        for one in changes:
            one(wire)

    return change


def drop(*names: str) -> Change:
    def change(wire: Wire) -> None:
        for name in names:
            wire.pop(name, None)
            schedule(wire).pop(name, None)
            period(wire).pop(name, None)

    return change


STAMP = stamp(NOW_S)
CURVE = [{"frequency": 49.8, "power": -5_000.0}, {"frequency": 50.2, "power": 5_000.0}]
SIGNALS = [{"signal": -100, "power": 5_000.0}, {"signal": 100, "power": -5_000.0}]
ABSOLUTE = both(put(chargingProfileKind="Absolute"), put_schedule(startSchedule=STAMP))
# name, the profile, what breaks it, what mends that, the reason code
CASES: list[tuple[str, Callable[[], Wire], Change, Change, str]] = [
    (
        "only a TxProfile names a transaction",
        default,
        put(transactionId="tx"),
        drop("transactionId"),
        "InvalidProfile",
    ),
    (
        "a TxProfile names its transaction",
        order,
        drop("transactionId"),
        put(transactionId="tx"),
        "MissingParam",
    ),
    (
        "the transaction runs",
        order,
        put(transactionId="other"),
        put(transactionId="tx"),
        "TxNotFound",
    ),
    (
        "limits from outside are not set",
        default,
        put(chargingProfilePurpose="ChargingStationExternalConstraints"),
        put(chargingProfilePurpose="TxDefaultProfile"),
        "InvalidValue",
    ),
    (
        "local generation is not supported",
        default,
        put(chargingProfilePurpose="LocalGeneration"),
        put(chargingProfilePurpose="PriorityCharging"),
        "UnsupportedPurpose",
    ),
    (
        "a station limit is not relative",
        default,
        put(chargingProfilePurpose="ChargingStationMaxProfile"),
        ABSOLUTE,
        "InvalidValue",
    ),
    (
        "only dynamic profiles have an update interval",
        default,
        put(dynUpdateInterval=5),
        drop("dynUpdateInterval"),
        "InvalidProfile",
    ),
    (
        "only dynamic profiles have an update time",
        default,
        put(dynUpdateTime=STAMP),
        drop("dynUpdateTime"),
        "InvalidProfile",
    ),
    (
        "an absolute schedule has a begin",
        default,
        put(chargingProfileKind="Absolute"),
        put_schedule(startSchedule=STAMP),
        "InvalidSchedule",
    ),
    (
        "a recurring schedule has a begin",
        default,
        put(chargingProfileKind="Recurring", recurrencyKind="Daily"),
        put_schedule(startSchedule=STAMP),
        "InvalidSchedule",
    ),
    (
        "a recurring profile says how often",
        default,
        both(put(chargingProfileKind="Recurring"), put_schedule(startSchedule=STAMP)),
        put(recurrencyKind="Weekly"),
        "MissingParam",
    ),
    (
        "a relative schedule has no begin",
        default,
        put_schedule(startSchedule=STAMP),
        drop("startSchedule"),
        "InvalidSchedule",
    ),
    (
        "a dynamic profile has one period",
        order,
        periods(0, 60),
        mode("CentralSetpoint", setpoint=0.0),
        "InvalidSchedule",
    ),
    (
        "ids up to MaxExternalConstraintsId are not ours",
        default,
        put(id=0),
        put(id=1),
        "InvalidProfileId",
    ),
    (
        "the stack level is one the station has",
        default,
        put(stackLevel=10),
        put(stackLevel=9),
        "InvalidStackLevel",
    ),
    (
        "the first period begins at 0",
        default,
        periods(5, 60),
        periods(0, 60),
        "InvalidSchedule",
    ),
    ("periods are in order", default, periods(0, 60, 60), periods(0, 60, 61), "InvalidSchedule"),
    (
        "priority charging has no duration",
        default,
        both(put(chargingProfilePurpose="PriorityCharging"), put_schedule(duration=60)),
        drop("duration"),
        "InvalidSchedule",
    ),
    (
        "local time is not supported",
        default,
        put_schedule(useLocalTime=True),
        put_schedule(useLocalTime=False),
        "InvalidSchedule",
    ),
    (
        "a limit at a state of charge is not supported",
        default,
        put_schedule(limitAtSoC={"soc": 80, "limit": 5_000.0}),
        drop("limitAtSoC"),
        "InvalidSchedule",
    ),
    (
        "delays at random are not supported",
        default,
        put_schedule(randomizedDelay=60),
        put_schedule(randomizedDelay=0),
        "InvalidSchedule",
    ),
    (
        "sleep is not supported",
        default,
        put_period(evseSleep=True),
        put_period(evseSleep=False),
        "InvalidSchedule",
    ),
    (
        "so many phases",
        default,
        put_period(numberPhases=4),
        put_period(numberPhases=3),
        "InvalidSchedule",
    ),
    (
        "a phase can be chosen",
        default,
        put_period(numberPhases=1, phaseToUse=2),
        drop("phaseToUse"),
        "InvalidSchedule",
    ),
    (
        "values by phase are for a TxProfile",
        default,
        put_period(limit_L2=1_000.0),
        drop("limit_L2"),
        "PhaseConflict",
    ),
    (
        "L2 and L3 come with L1",
        order,
        both(drop("limit"), put_period(limit_L2=1_000.0)),
        put_period(limit=1_000.0),
        "PhaseConflict",
    ),
    (
        "set-points of all phases have one sign",
        order,
        put_period(setpoint_L2=100.0),
        put_period(setpoint_L2=-100.0),
        "InvalidSchedule",
    ),
    (
        "a set-point is inside its limit",
        order,
        put_period(setpoint=9_000.0, limit=8_000.0),
        put_period(limit=9_000.0),
        "InvalidSchedule",
    ),
    (
        "a set-point is inside its dischargeLimit",
        order,
        put_period(dischargeLimit=-7_000.0),
        put_period(dischargeLimit=-8_000.0),
        "InvalidSchedule",
    ),
    (
        "a limit is 0 or more",
        default,
        put_period(limit=-1.0),
        put_period(limit=0.0),
        "InvalidSchedule",
    ),
    (
        "a dischargeLimit is 0 or less",
        order,
        put_period(dischargeLimit=1.0, setpoint=5.0),
        put_period(dischargeLimit=0.0),
        "InvalidSchedule",
    ),
    (
        "numbers are finite",
        order,
        put_period(setpoint=math.nan),
        put_period(setpoint=0.0),
        "InvalidValue",
    ),
    (
        "curves are finite",
        default,
        mode(
            "LocalFrequency",
            v2xBaseline=0.0,
            v2xFreqWattCurve=[{"frequency": 50.0, "power": math.inf}, CURVE[1]],
        ),
        mode("LocalFrequency", v2xBaseline=0.0, v2xFreqWattCurve=CURVE),
        "InvalidValue",
    ),
    (
        "a curve has two points",
        default,
        mode("LocalFrequency", v2xBaseline=0.0, v2xFreqWattCurve=CURVE[:1]),
        mode("LocalFrequency", v2xBaseline=0.0, v2xFreqWattCurve=CURVE),
        "InvalidSchedule",
    ),
    (
        "a curve over frequency is in watts",
        default,
        both(
            mode("LocalFrequency", v2xBaseline=0.0, v2xFreqWattCurve=CURVE),
            put_schedule(chargingRateUnit="A"),
        ),
        put_schedule(chargingRateUnit="W"),
        "InvalidSchedule",
    ),
]


def refused(wire: Wire, evse: int = 1, able: Abilities = ABLE, now: Circumstances = NOW) -> Any:
    evse = evse if wire["chargingProfilePurpose"] == "TxProfile" else 0
    return profile_rejection(evse, wire, able, now)


@pytest.mark.parametrize(
    ("make", "bad", "good", "code"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_profile_that_breaks_a_rule_is_refused_and_its_twin_taken(
    make: Callable[[], Wire], bad: Change, good: Change, code: str
):
    wire = make()
    assert refused(wire) is None
    bad(wire)
    found = refused(wire)
    assert isinstance(found, Rejection)
    assert found.reason_code == code
    assert len(found.reason_code) <= 20
    good(wire)
    assert refused(wire) is None
    request = {"evseId": 0, "chargingProfile": wire}
    assert schema_fault("ocpp2.1", "SetChargingProfileRequest", request) is None


FIELDS = {
    "ChargingOnly": {"limit": 5_000.0},
    "CentralSetpoint": {"setpoint": 5_000.0},
    "CentralFrequency": {"setpoint": 0.0},
    "LocalFrequency": {"v2xBaseline": 0.0, "v2xFreqWattCurve": CURVE},
    "ExternalSetpoint": {},
    "ExternalLimits": {},
    "LocalLoadBalancing": {},
    "Idle": {},
}
MORE = {
    "ChargingOnly": {},
    "CentralSetpoint": {"limit": 6_000.0, "dischargeLimit": -1.0, "setpointReactive": 1.0},
    "CentralFrequency": {
        "limit": 6_000.0,
        "dischargeLimit": -1.0,
        "v2xSignalWattCurve": SIGNALS,
        "v2xBaseline": 0.0,
    },
    "LocalFrequency": {},
    "ExternalSetpoint": {"limit": 6_000.0, "dischargeLimit": -1.0},
    "ExternalLimits": {},
    "LocalLoadBalancing": {},
    "Idle": {},
}
EVERY_FIELD = {**MORE["CentralSetpoint"], **MORE["CentralFrequency"], "setpoint": 5_000.0}
EVERY_FIELD["v2xFreqWattCurve"] = CURVE


@pytest.mark.parametrize("name", EVERY_MODE)
def test_a_mode_takes_its_fields_and_no_others(name: str):
    for extra in EVERY_FIELD:
        wire = default()
        mode(name, **{**FIELDS[name], extra: EVERY_FIELD[extra]})(wire)
        allowed = extra in FIELDS[name] or extra in MORE[name]
        found = refused(wire)
        assert (found is None) == allowed, (extra, found)
    for needed in FIELDS[name]:
        wire = default()
        mode(name, **{key: value for key, value in FIELDS[name].items() if key != needed})(wire)
        found = refused(wire)
        assert found is not None, needed
        assert found.reason_code == "InvalidSchedule"


@pytest.mark.parametrize("purpose", [p for p in MODES_OF_PURPOSE if "External" not in p])
def test_a_purpose_takes_its_modes_and_no_others(purpose: str):
    able = replace(ABLE, purposes=frozenset({"PriorityCharging", "LocalGeneration"}))
    for name in EVERY_MODE:
        wire = order() if purpose == "TxProfile" else default()
        wire["chargingProfilePurpose"] = purpose
        if purpose == "ChargingStationMaxProfile":
            ABSOLUTE(wire)
        mode(name, **FIELDS[name])(wire)
        found = refused(wire, able=able)
        if name in MODES_OF_PURPOSE[purpose]:
            assert found is None, name
        else:
            assert found is not None, name
            assert found.reason_code == "InvalidOperationMode"


def test_a_mode_that_the_station_has_not_is_refused():
    able = replace(ABLE, modes=frozenset({"CentralSetpoint"}))
    assert refused(order(), able=able) is None
    able = replace(ABLE, modes=frozenset({"Idle"}))
    assert refused(order(), able=able).reason_code == "InvalidOperationMode"


def test_what_a_station_cannot_do_is_refused():
    for able, code in (
        (replace(ABLE, dynamic=False), "UnsupportedKind"),
        (replace(ABLE, units=frozenset({"A"})), "UnsupportedRateUnit"),
        (replace(ABLE, most_profiles=0), "TooManyElements"),
        (replace(ABLE, most_periods=0), "TooManyElements"),
    ):
        assert refused(order(), able=able).reason_code == code
    on_one_phase = order()
    put_period(setpoint_L2=-1.0)(on_one_phase)
    assert refused(on_one_phase) is None
    assert refused(on_one_phase, able=replace(ABLE, phases=1)).reason_code == "PhaseConflict"
    direct = default()
    put_period(numberPhases=3)(direct)
    assert refused(direct, able=replace(ABLE, direct_current=True)).reason_code == "NoPhaseForDC"


def test_outlets_are_those_of_the_station():
    assert profile_rejection(2, default(), ABLE, NOW) == Rejection(
        "UnknownEvse", "the outlet exists"
    )
    assert profile_rejection(1, default(), ABLE, NOW) is None
    found = profile_rejection(0, order(), ABLE, NOW)
    assert found is not None
    assert found.reason_code == "InvalidValue"
    cap = default()
    both(put(chargingProfilePurpose="ChargingStationMaxProfile"), ABSOLUTE)(cap)
    found = profile_rejection(1, cap, ABLE, NOW)
    assert found is not None
    assert found.reason_code == "InvalidValue"


def test_a_stack_level_holds_one_profile_of_a_purpose_and_an_id_replaces_it():
    now = NOW._replace(
        profiles=(ChargingProfile(order(), 1, NOW_S), ChargingProfile(default(), 0, NOW_S))
    )
    assert refused(order(), now=now) is None
    assert refused(default(), now=now) is None
    other = order()
    other["id"] = 77
    assert refused(other, now=now).reason_code == "InvalidStackLevel"
    other["stackLevel"] = 5
    assert refused(other, now=now) is None
    fallback = default()
    fallback["id"] = 78
    assert refused(fallback, now=now).reason_code == "DuplicateProfile"
    fallback["validFrom"] = stamp(NOW_S + 60)
    assert refused(fallback, now=now).reason_code == "DuplicateProfile"
    earlier = default()
    earlier["validTo"] = stamp(NOW_S + 60)
    now = NOW._replace(profiles=(ChargingProfile(earlier, 0, NOW_S),))
    assert refused(fallback, now=now) is None


def test_a_tick_of_profiles_is_refused_and_says_when_to_come_back():
    stored = {store_key(order()): NOW_S - 2.0}
    found = refused(order(), now=NOW._replace(stored_s=stored))
    assert found == Rejection("RateLimitExceeded", "3 seconds before retry")
    stored = {store_key(order()): NOW_S - 5.0}
    assert refused(order(), now=NOW._replace(stored_s=stored)) is None


def test_discharging_needs_a_contract_and_a_station_that_can():
    may_not = NOW._replace(may_discharge=False)
    assert refused(order(), now=may_not).reason_code == "InvalidProfile"
    assert refused(order(), able=replace(ABLE, v2x=False)).reason_code == "InvalidProfile"
    charges = order()
    put_period(setpoint=5_000.0, dischargeLimit=0.0)(charges)
    assert refused(charges, now=may_not) is None
    with_curve = default()
    mode("LocalFrequency", v2xBaseline=0.0, v2xFreqWattCurve=CURVE)(with_curve)
    assert refused(with_curve, now=may_not).reason_code == "InvalidProfile"
    assert refused(with_curve) is None


def test_an_update_keeps_the_rules_of_the_profile_that_it_changes():
    stack = (ChargingProfile(order(), 1, NOW_S), ChargingProfile(default(), 0, NOW_S))
    now = NOW._replace(profiles=stack)
    assert update_rejection(2, {"setpoint": 3_000.0}, ABLE, now) is None
    for number, update, code in (
        (9, {"setpoint": 1.0}, "InvalidProfileId"),
        (1, {"limit": 1.0}, "InvalidProfile"),
        (2, {"setpoint": math.inf}, "InvalidValue"),
        (2, {"setpoint": 12_000.0}, "InvalidSchedule"),
        (2, {"setpoint": -12_000.0}, "InvalidSchedule"),
        (2, {"limit": -1.0}, "InvalidSchedule"),
        (2, {"setpoint_L2": 5.0}, "InvalidSchedule"),
    ):
        found = update_rejection(number, update, ABLE, now)
        assert found is not None, (number, update)
        assert found.reason_code == code
    found = update_rejection(2, {"setpoint": -1.0}, ABLE, now._replace(may_discharge=False))
    assert found is not None
    assert found.reason_code == "InvalidProfile"
    found = update_rejection(2, {"setpoint": 1.0}, ABLE, now._replace(transaction="next"))
    assert found is not None
    assert found.reason_code == "TxNotFound"


def test_a_signal_needs_somebody_who_listens():
    assert signal_rejection([ChargingProfile(order(), 1, NOW_S)]) is not None
    listens = default()
    mode("CentralFrequency", setpoint=0.0, v2xSignalWattCurve=SIGNALS)(listens)
    assert signal_rejection([ChargingProfile(listens, 0, NOW_S)]) is None

"""Test 9 and 26 of the live service: every profile that leaves keeps the rules, at random."""

import asyncio
import json
import math
import random
from dataclasses import replace
from typing import Any

import pytest

from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.ocpp.charging import profiles
from evergrid.live.ocpp.charging.abilities import Abilities
from evergrid.live.ocpp.charging.profile_rules import ProfileCase, profile_faults
from evergrid.live.ocpp.wire.schemas import OCPP_2_0_1, OCPP_2_1, shipped
from tests.live.ocpp.charging.rules_8_2 import EIGHT, PURPOSES, keeps_the_rules
from tests.live.ocpp.offline_link import ABLE, OfflineStation
from tests.live.ocpp.recorder import registered

RANDOM_ORDERS = 10_000
FLOOR = profiles.default_profile(1380.0, unit="W", dynamic_kinds=True)
ALL_MODES = Abilities(
    OCPP_2_1,
    v2x=True,
    dynamic=True,
    operation_modes=frozenset(EIGHT),
    purposes=frozenset({"PriorityCharging", "LocalGeneration"}),
    rate_units=frozenset({"W", "A"}),
)
CHARGE_W, DISCHARGE_W = 11_000.0, 10_000.0


def test_9_every_order_at_random_keeps_the_rules_and_falls_back_when_offline():
    asyncio.run(_random_orders())


async def _random_orders():
    chance = random.Random(9)
    offline = OfflineStation(registered("cp-1", discharge_kw=10.0))
    offline.plug_in("tx")
    schemas, checked = shipped(OCPP_2_1), 0
    for _ in range(RANDOM_ORDERS):
        most, least = chance.uniform(0, 11), chance.choice((0.0, chance.uniform(0, 10)))
        power = chance.uniform(-most, least)
        if chance.random() < 0.3:
            session = Session("cp-1", 1, "tx", most, least, power, chance.randint(0, 3600))
            assert await offline.orders.begin(session) is OrderResult.ACCEPTED
        else:
            result = await offline.orders.order(PowerOrder("cp-1", 1, "tx", power))
            assert result in (OrderResult.ACCEPTED, OrderResult.REFUSED)
    for action, payload in offline.sent:
        assert schemas.request_fault(action, payload) is None
        if (
            action == "SetChargingProfile"
            and payload["chargingProfile"]["id"] != profiles.DEFAULT_ID
        ):
            profile, checked = payload["chargingProfile"], checked + 1
            assert profile["maxOfflineDuration"] >= 0
            assert keeps_the_rules(
                profile,
                evse=payload["evseId"],
                live="tx",
                charge_w=11_000.05,
                discharge_w=10_000.05,
                dc=False,
                floor_level=0,
                modes=EIGHT,
            )
    assert checked > RANDOM_ORDERS / 5


def test_26_no_number_that_is_none_or_beyond_a_limit_leaves():
    asyncio.run(_bad_numbers())


async def _bad_numbers():
    chance = random.Random(26)
    offline = OfflineStation(registered("cp-1"))
    offline.plug_in("tx")
    session = Session("cp-1", 1, "tx", 11.0, 7.0, 0.0)
    assert await offline.orders.begin(session) is OrderResult.ACCEPTED
    begun = len(offline.sent)
    wrong = (math.nan, math.inf, -math.inf, 1e308, -1e308, 7000.0, -11000.0, 7.01, -11.01)
    for _ in range(RANDOM_ORDERS // 2):
        power = chance.choice((*wrong, chance.uniform(7.001, 1e6), chance.uniform(-1e6, -11.001)))
        result = await offline.orders.order(PowerOrder("cp-1", 1, "tx", power))
        assert result is OrderResult.REFUSED
        limits = [11.0, 7.0, 0.0]
        limits[chance.randrange(3)] = power if abs(power) > 11 or power != power else 11.5
        bad = Session("cp-1", 1, "tx", limits[0], limits[1], limits[2])
        assert await offline.orders.begin(bad) is OrderResult.REFUSED
    assert len(offline.sent) == begun
    assert len(offline.handler.refusals) == RANDOM_ORDERS // 2 * 2


def test_profiles_for_stations_without_dynamic_ones_keep_their_schema():
    asyncio.run(_absolute())


async def _absolute():
    for unit in ("W", "A"):
        for version in (OCPP_2_0_1, OCPP_2_1):
            able = Abilities(version, rate_units=frozenset({unit}))
            offline = OfflineStation(registered("cp-1"), abilities=able)
            offline.plug_in("tx")
            session = Session("cp-1", 1, "tx", 11.0, 0.0, -6.9)
            assert await offline.orders.begin(session) is OrderResult.ACCEPTED
            order = PowerOrder("cp-1", 1, "tx", -3.45)
            assert await offline.orders.order(order) is OrderResult.ACCEPTED
            told = [p["chargingProfile"] for action, p in offline.sent]
            schemas = shipped(version)
            assert [schemas.request_fault(*one) for one in offline.sent] == [None] * 3
            assert told[1]["id"] == told[2]["id"]  # replaced in one step
            limits = [p["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"] for p in told]
            assert limits[1:] == ([6900.0, 3450.0] if unit == "W" else [10.0, 5.0])
            discharge = PowerOrder("cp-1", 1, "tx", 1.0)
            assert await offline.orders.order(discharge) is OrderResult.REFUSED


def test_rules_agree_with_an_independent_statement_of_them():
    chance = random.Random(8)
    schemas = shipped(OCPP_2_1)
    good = 0
    for _ in range(RANDOM_ORDERS):
        profile, evse, dc = _random_profile(chance), chance.choice((0, 1, 1, 1, 1)), _often(chance)
        if schemas.request_fault(
            "SetChargingProfile", {"evseId": evse, "chargingProfile": _without_nan(profile)}
        ):
            continue
        floor = chance.random() < 0.9
        case = ProfileCase(
            evse, ALL_MODES, CHARGE_W, DISCHARGE_W, "tx", dc, (FLOOR,) if floor else ()
        )
        ours = not profile_faults(profile, case)
        theirs = keeps_the_rules(
            profile,
            evse=evse,
            live="tx",
            charge_w=CHARGE_W,
            discharge_w=DISCHARGE_W,
            dc=dc,
            floor_level=0 if floor else None,
            modes=EIGHT,
        )
        assert ours == theirs, (json.dumps(profile), evse, dc, profile_faults(profile, case))
        good += ours
    assert RANDOM_ORDERS / 20 < good < RANDOM_ORDERS * 0.9


def _often(chance: random.Random) -> bool:
    return chance.random() < 0.3


def _without_nan(profile: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(profile).replace("NaN", "0").replace("Infinity", "0"))


def _random_profile(chance: random.Random) -> dict[str, Any]:
    """Mostly right, with a fault here and there."""

    def rarely(share: float = 0.06) -> bool:
        return chance.random() < share

    purpose = "TxProfile" if chance.random() < 0.7 else chance.choice(sorted(PURPOSES))
    kind = chance.choice(("Dynamic", "Absolute", "Relative", "Recurring"))
    modes = sorted(EIGHT if rarely() else PURPOSES[purpose])
    count = chance.choice((1, 2)) if kind != "Dynamic" or rarely() else 1
    starts = [0, 900] if not rarely() else chance.choice(([1, 2], [0, 0], [5, 3]))
    schedule: dict[str, Any] = {
        "id": 1,
        "chargingRateUnit": "A" if rarely() else "W",
        "chargingSchedulePeriod": [
            {"startPeriod": start, **_random_period(chance, chance.choice(modes))}
            for start in starts[:count]
        ],
    }
    if (kind in ("Absolute", "Recurring")) != rarely():
        schedule["startSchedule"] = "2026-11-29T12:00:00Z"
    if rarely():
        schedule["duration"] = 600
    profile: dict[str, Any] = {
        "id": 7,
        "stackLevel": chance.choice((0, 5, 10)) if rarely() else 10,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": kind,
        "chargingSchedule": [schedule],
    }
    if not rarely():
        profile["maxOfflineDuration"] = 60
    if (purpose == "TxProfile") != rarely():
        profile["transactionId"] = "other" if rarely() else "tx"
    if (kind == "Recurring") != rarely(0.02):
        profile["recurrencyKind"] = "Daily"
    if rarely():
        profile["dynUpdateInterval"] = 10
    return profile


def _random_period(chance: random.Random, mode: str) -> dict[str, Any]:
    from tests.live.ocpp.charging.rules_8_2 import FIELDS

    needed, optional = FIELDS[mode]
    names = [name for name in sorted(needed) if chance.random() > 0.04]
    names += [name for name in sorted(optional) if chance.random() < 0.4]
    if chance.random() < 0.04:
        names.append(chance.choice(("limit", "setpoint", "dischargeLimit", "v2xBaseline")))
    period: dict[str, Any] = {}
    if mode != "ChargingOnly" or chance.random() < 0.7:
        period["operationMode"] = mode
    for name in names:
        period[name] = _random_value(chance, name)
    if chance.random() < 0.05 and "setpoint" in period:
        period["setpoint_L2"] = _random_value(chance, "setpoint")
    if chance.random() < 0.04:
        period["numberPhases"] = 3
    return period


def _random_value(chance: random.Random, name: str) -> Any:
    if name in ("v2xFreqWattCurve", "v2xSignalWattCurve"):
        x = "frequency" if name == "v2xFreqWattCurve" else "signal"
        xs = [49, 50, 51] if chance.random() < 0.9 else chance.choice(([50], [50, 49], [49, 49]))
        return [{x: value, "power": _power(chance, -10_000, 11_000)} for value in xs]
    low, high = {"limit": (5000, 11_000), "dischargeLimit": (-10_000, -5000)}.get(
        name, (-6000, 6000)
    )
    return _power(chance, low, high)


def _power(chance: random.Random, low: float, high: float) -> float:
    if chance.random() < 0.02:
        return chance.choice((1e308, -1e308, 20_000.0, math.nan, math.inf, -math.inf))
    return round(chance.uniform(low, high), 1)


LIMITS = [
    ("stackLevel", replace(ALL_MODES, highest_level=9)),
    ("id", replace(ALL_MODES, external_id=7)),
    ("chargingProfileKind", replace(ALL_MODES, dynamic=False)),
    ("chargingRateUnit", replace(ALL_MODES, rate_units=frozenset({"A"}))),
    ("operationMode", replace(ALL_MODES, operation_modes=frozenset({"ChargingOnly"}))),
    ("operationMode", replace(ALL_MODES, v2x=False)),
]


@pytest.mark.parametrize(("field", "abilities"), LIMITS)
def test_what_a_station_has_not_named_is_not_used(field: str, abilities: Abilities):
    session = Session("cp-1", 1, "tx", 11.0, 10.0, 1.0)
    profile = {**profiles.dynamic_profile(session, 7, v2x=True), "stackLevel": 10}
    case = ProfileCase(1, ALL_MODES, CHARGE_W, DISCHARGE_W, "tx", None, (FLOOR,))
    assert profile_faults(profile, case) == []
    faults = profile_faults(profile, replace(case, abilities=abilities))
    assert [fault.field for fault in faults] == [field]


@pytest.mark.parametrize("wrong", [{"abilities": Abilities(OCPP_2_1)}, {"token": "nobody"}])
def test_only_stations_with_v2x_whose_driver_agreed_are_told_to_discharge(wrong: dict[str, Any]):
    asyncio.run(_not_agreed(wrong.get("abilities", ABLE), wrong.get("token", "driver")))


async def _not_agreed(abilities: Abilities, token: str):
    offline = OfflineStation(registered("cp-1"), abilities=abilities)
    offline.plug_in("tx", token=token)
    both_ways = Session("cp-1", 1, "tx", 11.0, 7.0, 0.0)
    assert await offline.orders.begin(both_ways) is OrderResult.REFUSED
    one_way = Session("cp-1", 1, "tx", 11.0, 0.0, -1.0)
    assert await offline.orders.begin(one_way) is OrderResult.ACCEPTED
    result = await offline.orders.order(PowerOrder("cp-1", 1, "tx", 0.5))
    assert result is OrderResult.REFUSED
    assert all("setpoint" not in json.dumps(payload) for _, payload in offline.sent)

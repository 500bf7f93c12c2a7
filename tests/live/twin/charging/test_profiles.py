"""Which profile a station obeys: stack levels, times, offline expiry, and the reserve."""

import copy
import random
from typing import Any

import pytest

from evergrid.live.twin.charging.battery import Vehicle, charger, whole_steps
from evergrid.live.twin.charging.outlet import Outlet
from evergrid.live.twin.charging.profiles import (
    IDLE,
    ChargingProfile,
    Moment,
    Surroundings,
    chosen,
    composite,
    goal,
    next_change_s,
    on_curve,
    seconds,
    stamp,
)
from tests.live.twin.central_system import default_profile, order_profile

NOW_S = 1_764_547_200.0
AROUND = Surroundings(may_discharge=True, discharge_w=11_040.0)


def order(**changes: Any) -> ChargingProfile:
    wire = copy.deepcopy(order_profile("tx", -8_000.0, NOW_S))
    return ChargingProfile({**wire, **changes}, 1, NOW_S)


def default(**changes: Any) -> ChargingProfile:
    return ChargingProfile({**copy.deepcopy(default_profile()), **changes}, 0, NOW_S)


def at(now_s: float = NOW_S, **more: Any) -> Moment:
    return Moment(now_s, transaction="tx", begun_s=NOW_S, **more)


def test_a_stamp_is_read_back_to_the_millisecond():
    assert seconds(stamp(NOW_S + 0.125)) == NOW_S + 0.125
    with pytest.raises(ValueError, match="no time zone"):
        seconds("2025-12-01T00:00:00")


def test_the_transactions_profile_goes_before_the_default_one_whatever_their_levels():
    found = chosen([default(stackLevel=9), order(stackLevel=1)], at())
    assert found is not None
    assert found.profile.number == 2
    aim = goal([default(), order()], at(), AROUND)
    assert (aim.mode, aim.power_kw, aim.low_kw, aim.high_kw) == (
        "CentralSetpoint",
        8.0,
        -11.04,
        11.04,
    )


def test_of_two_levels_the_higher_counts():
    low, high = order(stackLevel=1, id=7), order(stackLevel=3, id=8)
    for stack in ([high, low], [low, high]):
        found = chosen(stack, at())
        assert found is not None
        assert found.profile.number == 8


def test_a_profile_of_another_transaction_is_none():
    assert chosen([order(transactionId="other")], at()) is None


def test_without_a_valid_profile_the_vehicle_idles():
    assert goal([], at(), AROUND) == IDLE


@pytest.mark.parametrize(("offline_s", "number"), [(0.0, 2), (59.9, 2), (60.0, 1), (1e6, 1)])
def test_offline_for_too_long_falls_to_the_next_lower_valid_profile(offline_s: float, number: int):
    moment = at(NOW_S + offline_s, offline_since_s=NOW_S)
    found = chosen([default(), order()], moment)
    assert found is not None
    assert found.profile.number == number


def test_expiry_passes_over_a_lower_profile_that_has_expired_as_well():
    middle = order(stackLevel=1, id=3, maxOfflineDuration=10)
    found = chosen([default(), middle, order()], at(NOW_S + 61.0, offline_since_s=NOW_S))
    assert found is not None
    assert found.profile.number == 1


def test_zero_is_invalid_at_once_and_absent_never():
    moment = at(NOW_S, offline_since_s=NOW_S)
    assert chosen([order(maxOfflineDuration=0)], moment) is None
    forever = order()
    del forever.wire["maxOfflineDuration"]
    assert chosen([forever], at(NOW_S + 1e7, offline_since_s=NOW_S)) is not None


def test_who_may_not_discharge_does_not_whatever_the_profile_says():
    aim = goal([order()], at(), Surroundings(may_discharge=False, discharge_w=11_040.0))
    assert (aim.power_kw, aim.high_kw) == (0.0, 0.0)


def test_validity_and_periods_follow_the_clock():
    periods = [{"startPeriod": 0, "limit": 5_000.0}, {"startPeriod": 600, "limit": 7_000.0}]
    schedule = {
        "id": 1,
        "chargingRateUnit": "W",
        "startSchedule": stamp(NOW_S),
        "duration": 1_200,
        "chargingSchedulePeriod": periods,
    }
    absolute = default(chargingProfileKind="Absolute", chargingSchedule=[schedule])
    powers = [
        goal([absolute], at(NOW_S + after), AROUND).power_kw
        for after in (-1.0, 0.0, 599.0, 600.0, 1_199.0, 1_200.0)
    ]
    assert powers == [0.0, -5.0, -5.0, -7.0, -7.0, 0.0]
    assert next_change_s([absolute], at(NOW_S + 1.0)) == NOW_S + 600
    recurring = default(
        chargingProfileKind="Recurring", recurrencyKind="Daily", chargingSchedule=[schedule]
    )
    assert goal([recurring], at(NOW_S + 3 * 86_400 + 700), AROUND).power_kw == -7.0
    timed = default(validFrom=stamp(NOW_S + 10), validTo=stamp(NOW_S + 20))
    assert [chosen([timed], at(NOW_S + s)) is not None for s in (9, 10, 19, 20)] == [
        False,
        True,
        True,
        False,
    ]


def test_amperes_are_watts_of_the_phases_in_use():
    schedule = {
        "id": 1,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0, "numberPhases": 3}],
    }
    three = goal([default(chargingSchedule=[schedule])], at(), AROUND)
    one = goal([default(chargingSchedule=[schedule])], at(), Surroundings(phases=1))
    assert (three.power_kw, one.power_kw) == (-6.9, -2.3)


def test_reactive_power_is_inductive_on_the_wire_and_into_the_grid_here():
    found = order()
    period = {**found.schedule["chargingSchedulePeriod"][0], "setpointReactive": 2_000.0}
    found.schedule["chargingSchedulePeriod"] = [period]
    assert goal([found], at(), AROUND).reactive_kvar == -2.0


def test_a_limit_of_the_whole_station_cuts_what_a_transaction_may():
    cap = default(chargingProfilePurpose="ChargingStationMaxProfile", id=9)
    aim = goal([order(), cap], at(), AROUND)
    assert aim.low_kw == -4.14
    assert aim.power_kw == 8.0


def test_who_needs_it_now_charges_at_the_rating_or_by_the_priority_profile():
    hurry = at(priority=True)
    assert goal([default(), order()], hurry, AROUND).power_kw == -11.04
    priority = default(chargingProfilePurpose="PriorityCharging", id=9)
    assert goal([default(), order(), priority], hurry, AROUND).power_kw == -4.14


def test_frequency_and_signal_move_power_along_their_curves():
    period = {
        "startPeriod": 0,
        "operationMode": "LocalFrequency",
        "v2xBaseline": 1_000.0,
        "v2xFreqWattCurve": [
            {"frequency": 49.8, "power": -9_000.0},
            {"frequency": 50.0, "power": 0.0},
            {"frequency": 50.2, "power": 9_000.0},
        ],
    }
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    droop = default(chargingSchedule=[schedule])
    powers = [
        goal([droop], at(), Surroundings(hz, None, True, 11_040.0, 11_040.0)).power_kw
        for hz in (49.7, 49.9, 50.0, 50.1)
    ]
    assert powers == pytest.approx([8.0, 3.5, -1.0, -5.5])
    period = {
        "startPeriod": 0,
        "operationMode": "CentralFrequency",
        "setpoint": 500.0,
        "v2xSignalWattCurve": [{"signal": -100, "power": 5_000.0}, {"signal": 100, "power": -5e3}],
    }
    schedule = {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [period]}
    follows = default(chargingSchedule=[schedule])
    powers = [
        goal([follows], at(), Surroundings(50.0, signal, True, 11_040.0, 11_040.0)).power_kw
        for signal in (None, -100, 50)
    ]
    assert powers == pytest.approx([-0.5, -5.0, 2.5])


def test_a_curve_is_level_beyond_its_ends():
    points = [(0.0, 1.0), (1.0, 3.0)]
    assert [on_curve(points, x) for x in (-1.0, 0.5, 9.0)] == [1.0, 2.0, 3.0]


def test_a_composite_schedule_tells_what_will_be_obeyed():
    timed = order(validTo=stamp(NOW_S + 600))
    found = composite([default(), timed], at(), AROUND, 3_600, "W")
    assert [(p["startPeriod"], p["operationMode"]) for p in found] == [
        (0, "CentralSetpoint"),
        (600, "ChargingOnly"),
    ]
    assert found[0]["setpoint"] == -8_000.0
    assert found[1]["limit"] == 4_140.0


def test_the_reserve_is_never_crossed_in_10000_cases_of_lost_links_and_orders():
    """Whatever is ordered and whenever the link is lost, discharging ends at the reserve."""
    rng = random.Random(7)
    ratings = charger(11.0, 11.0, 3)
    for _ in range(10_000):
        capacity = rng.uniform(20.0, 100.0)
        vehicle = Vehicle(capacity, rng.uniform(0.0, 0.6) * capacity)
        energy = rng.uniform(vehicle.reserve_kwh, capacity)
        offline_s = rng.choice((None, 0, rng.randrange(1, 7_200)))
        wanted_w = rng.uniform(-11_040.0, 11_040.0)
        wire = order_profile("tx", wanted_w, NOW_S)
        if offline_s is None:
            del wire["maxOfflineDuration"]
        else:
            wire["maxOfflineDuration"] = offline_s
        stack = [default(), ChargingProfile(wire, 1, NOW_S)]
        outlet = Outlet(ratings, lambda piece: None, 0.0)
        outlet.plug_in(vehicle, energy, 0.0)
        for after_s in (0.0, rng.uniform(0.0, 7_200.0), rng.uniform(7_200.0, 20_000.0)):
            moment = at(NOW_S + after_s, offline_since_s=NOW_S)
            aim = goal(stack, moment, AROUND)
            held = whole_steps(ratings, aim.power_kw, aim.low_kw, aim.high_kw)
            outlet.order(held, 0.0, after_s)
            if offline_s is not None and after_s >= offline_s:
                assert held <= 0.0, "a fall-back only charges"
        end = outlet.advance(30_000.0)
        assert end.energy_kwh >= vehicle.reserve_kwh - 1e-9

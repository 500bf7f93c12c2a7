"""What is counted is what happened: power tick by tick, departures, sums of many stations."""

import random
from typing import Any

import pytest

from evergrid.live.twin.charging.battery import Piece
from evergrid.live.twin.truth import Departure, FleetTruth, PowerLog, StationRecord, together


def test_power_of_a_tick_is_its_mean_over_pieces_that_come_in_any_order():
    rng = random.Random(3)
    log, ticks, tick_s = PowerLog(100.0, 2.0, 50), [0.0] * 50, 2.0
    for _ in range(500):
        begin_s = rng.uniform(90.0, 205.0)
        end_s = begin_s + rng.choice((rng.uniform(0.0, 1.0), rng.uniform(0.0, 60.0)))
        power_kw = rng.uniform(-11.0, 11.0)
        log.add(Piece(begin_s, end_s, power_kw))
        for tick in range(50):
            low, high = 100.0 + tick * tick_s, 102.0 + tick * tick_s
            ticks[tick] += power_kw * max(min(end_s, high) - max(begin_s, low), 0.0) / tick_s
    assert log.mean_kw() == pytest.approx(ticks, abs=1e-9)


def test_pieces_that_end_on_a_tick_are_whole():
    log = PowerLog(0.0, 2.0, 3)
    log.add(Piece(0.0, 4.0, 5.0))
    log.add(Piece(4.0, 6.0, 7.0))
    assert log.mean_kw() == [5.0, 5.0, 7.0]


def departure(left_s: float = 0.0, **more: float) -> Departure:
    given = {
        "early_s": 0.0,
        "energy_kwh": 40.0,
        "owed_kwh": 50.0,
        "reserve_kwh": 10.0,
        "least_kwh": 12.0,
        "drawn_kwh": 5.0,
        "fed_kwh": 3.0,
        "reachable_kwh": 60.0,
    }
    return Departure("cp", "stay", "card", left_s, **(given | more))


def truth(*left: Departure, **counts: Any) -> FleetTruth:
    return FleetTruth(0.0, 2.0, (), left, 0, 0.0, 0, StationRecord(**counts))


def test_what_could_not_be_reached_is_not_missing():
    assert departure().missing_kwh == 10.0
    assert departure(reachable_kwh=45.0).missing_kwh == 5.0
    assert departure(energy_kwh=55.0).missing_kwh == 0.0
    found = truth(departure(), departure(early_s=100.0), departure(energy_kwh=50.0))
    assert found.short_departures == 1


def test_who_was_discharged_below_the_reserve_is_counted_and_who_came_below_is_not():
    assert truth(departure()).reserve_crossings == 0
    assert truth(departure(least_kwh=9.0)).reserve_crossings == 1
    assert truth(departure(least_kwh=9.0, fed_kwh=0.0)).reserve_crossings == 0


def test_counts_of_stations_add_up_and_departures_are_in_order():
    one, other = StationRecord(orders=2, departures=[departure(5.0)]), StationRecord(orders=3)
    other.departures = [departure(1.0)]
    for record in (one, other):
        for number in range(15):
            record.break_rule("SetChargingProfile", "a rule", str(number))
    both = together([one, other])
    assert both.orders == 5
    assert both.broken == {"SetChargingProfile: a rule": 30}
    assert len(both.examples) == 20
    assert [left.left_s for left in both.departures] == [1.0, 5.0]

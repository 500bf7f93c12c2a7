"""The attack as data, and the measures of what came of it."""

import asyncio

import pytest

from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.twin.fleet import TwinConfig, TwinFleet, drivers
from evergrid.live.twin.guard_attack import Attack, Shape, Target, orders, reversals, steepest_kw
from evergrid.live.twin.truth import FleetTruth
from tests.live.twin.aggregator import Aggregator

TARGETS = (Target("cp-1", "a"), Target("cp-2", "b"))


def test_all_targets_are_told_the_same_at_the_same_moment():
    told = orders(Attack(Shape.STEP, 100.0, length_s=8.0), TARGETS)
    moments = {one.time_s for one in told}
    assert len(told) == 2 * len(moments)
    for moment in moments:
        powers = {one.order.power_kw for one in told if one.time_s == moment}
        assert len(powers) == 1
    assert told[0].order.power_kw == -11.0
    assert told[-1].order.power_kw == 11.0


@pytest.mark.parametrize("shape", list(Shape))
def test_outside_its_time_an_attack_asks_for_nothing(shape: Shape):
    attack = Attack(shape, 100.0, length_s=10.0)
    assert attack.share(99.9) == 0.0
    assert attack.share(110.0) == 0.0
    shares = [attack.share(100.0 + tenth / 10) for tenth in range(100)]
    assert max(shares) == pytest.approx(1.0, abs=0.01)
    assert min(shares) == pytest.approx(-1.0, abs=0.01)


def test_an_attack_without_a_period_is_refused():
    with pytest.raises(InputError, match="period_s must be above 0, got 0"):
        Attack(Shape.SWING, 0.0, period_s=0.0)


def test_the_steepest_change_looks_over_several_ticks():
    assert steepest_kw([0.0, 1.0, 3.0, 3.5], 1) == 2.0
    assert steepest_kw([0.0, 1.0, 3.0, 3.5], 2) == 3.0
    assert steepest_kw([5.0], 3) == 0.0


def test_small_turns_are_no_swing():
    assert reversals([0.0, 10.0, 0.0, 10.0, 0.0], 5.0) == 3
    assert reversals([0.0, 10.0, 8.0, 12.0, 9.0, 15.0], 5.0) == 0
    assert reversals([], 1.0) == 0


def test_without_a_guard_the_attack_swings_the_whole_fleet():
    config = TwinConfig(
        stations=10, hours=0.5, start_utc="2025-12-01T22:00:00Z", shares=(1.0, 0.0, 0.0, 0.0)
    )
    clock = VirtualClock(config.window.begin_s)
    attack = Attack(Shape.SWING, config.window.begin_s + 600.0, length_s=120.0, period_s=20.0)

    async def played() -> tuple[FleetTruth, int]:
        aggregator = Aggregator(clock, drivers(config), tick_s=3600.0)
        async with aggregator.central as central:
            fleet = TwinFleet(config, clock, central.url, {})
            await fleet.start()
            await clock.run(590.0)
            targets = fleet.targets()
            for one in orders(attack, targets):
                await clock.run(one.time_s - config.window.begin_s)
                watts = -one.order.power_kw * 1000.0
                update = {"chargingProfileId": 2, "scheduleUpdate": {"setpoint": watts}}
                await central.call(one.order.station, "UpdateDynamicSchedule", update)
            await clock.run(800.0)
            truth = fleet.truth()
            await fleet.stop()
        return truth, len(targets)

    truth, many = asyncio.run(played())
    assert many >= 3
    assert reversals(truth.power_kw, 5.0 * many) >= 8
    assert steepest_kw(truth.power_kw, 5) > 15.0 * many

"""The controller in virtual time: what it promises drivers and the grid, whatever stations do."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.live.controller import recovery
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.plan import planning
from evergrid.live.devices.adapter import (
    ChargingNeeds,
    MeterReading,
    OrderResult,
    PowerOrder,
    TransactionPart,
)
from evergrid.live.signals.envelope import Limit
from evergrid.live.signals.utility import UtilityLimits
from tests.live.controller_cases import HOUR_S, START_S, Run, prices

TICK_S = 2.0


def wave(wall_s: float) -> float:
    """A signal that moves all the time, within -0.9 and 0.9."""
    return 0.9 * math.sin((wall_s - START_S) / 60.0)


def points(run: Run, begin_s: float, end_s: float) -> list[Any]:
    return [one for one in run.ticker.points if begin_s <= one.time_s - START_S < end_s]


def plugged_in(count: int, **settings: Any) -> Run:
    return Run(count, **settings)


async def all_plug_in(run: Run, **changed: Any) -> None:
    for station in range(len(run.devices)):
        await run.plug_in(station, **changed)


def test_the_signal_is_followed_and_paid_by_the_hour():
    async def scenario(run: Run) -> None:
        await all_plug_in(run)
        await run.until(2 * HOUR_S + 1200)

    run = plugged_in(12, signal=wave)
    run.go(scenario)
    assert run.ticker.awards is not None
    block = run.ticker.awards.blocks[1]  # the first begins before anybody has a plan
    assert block.awarded_kw > 10
    assert block.score is not None
    assert block.score > 0.98
    paid = [line for name, line in run.lines.items() if name.startswith("regulation/")]
    assert block.credit is not None
    assert block.credit > 0
    assert sum(round(100 * line.amount) for line in paid) == round(100 * block.credit)
    assert {line.party for line in paid} == {"aggregator"} | {f"driver-{i}" for i in range(12)}


def test_orders_are_written_before_they_are_sent():
    written: list[int] = []

    async def scenario(run: Run) -> None:
        send = run.stations.order

        async def kept(order: PowerOrder) -> OrderResult:
            written.append(run.log.kinds().get("order", 0))
            return await send(order)

        run.stations.order = kept
        await all_plug_in(run)
        await run.until(HOUR_S + 300)

    run = plugged_in(6, signal=wave)
    run.go(scenario)
    assert len(written) > 50
    assert all(count > sent for sent, count in enumerate(written))


@pytest.mark.parametrize("share", [1.0, -1.0])
def test_a_signal_stuck_at_its_end_leaves_no_driver_short(share: float):
    async def scenario(run: Run) -> None:
        await all_plug_in(run, departure_s=START_S + 4 * HOUR_S)
        await run.until(4 * HOUR_S, meter_every_s=300.0)
        for station in range(8):
            await run.event(station, TransactionPart.ENDED, trigger="EVDeparted")

    run = plugged_in(8, signal=lambda wall_s: share)
    run.go(scenario)
    assert max(one.award_kw for one in run.ticker.points) > 5
    assert len(run.controller.departures.promises) == 8
    assert [one for one in run.controller.departures.promises if one.missing_kwh > 0.05] == []


def test_a_station_that_accepts_and_does_nothing_is_made_up_for():
    async def scenario(run: Run) -> None:
        run.stations.deaf.add("s0")
        await all_plug_in(run)
        await run.until(HOUR_S + 1800)

    run = plugged_in(8, signal=wave)
    run.go(scenario)
    assert not run.controller.fleet.following.follows[0]
    assert "not_following" in {one.kind for one in run.controller.alarms.newest_first()}
    later = points(run, HOUR_S + 900, HOUR_S + 1800)
    truth_kw = sum(run.stations.power_kw.values())
    assert truth_kw == pytest.approx(run.controller.fleet.power_kw)
    assert max(abs(one.response_kw - one.target_kw) for one in later) < 1.0


def test_a_station_that_rejects_is_left_out_and_asked_again():
    async def scenario(run: Run) -> None:
        await all_plug_in(run)
        await run.until(HOUR_S)
        run.stations.rejects.add("s0")
        await run.until(HOUR_S + 600)
        assert "order_refused" in {one.kind for one in run.controller.alarms.newest_first()}
        assert not run.controller.fleet.under_orders(0)
        run.stations.rejects.clear()
        await run.until(HOUR_S + 1200)  # each time it is left alone twice as long
        assert run.controller.fleet.under_orders(0)

    plugged_in(8, signal=wave).go(scenario)


def test_a_message_that_comes_twice_counts_once():
    async def scenario(run: Run) -> None:
        await run.plug_in(0)
        for kwh in (10.0, 12.0):
            run.sequence = 40 if kwh == 10.0 else 41
            for _ in range(3):
                reading = MeterReading(run.clock.now_s(), drawn_kwh=kwh)
                run.sequence -= 1
                await run.event(0, TransactionPart.UPDATED, readings=(reading,))
        await run.event(0, TransactionPart.ENDED, trigger="EVDeparted")

    run = plugged_in(1)
    run.go(scenario)
    (line,) = (one for one in run.lines.values() if one.item == "energy drawn")
    assert line.quantity == pytest.approx(2.0)


def test_a_driver_who_wants_to_charge_now_does_and_the_others_make_up_for_it():
    async def scenario(run: Run) -> None:
        await all_plug_in(run)
        await run.until(HOUR_S + 600)
        await run.controller.set_priority("s3", True)
        assert run.stations.power_kw["s3"] == pytest.approx(-11.04)
        await run.until(HOUR_S + 1500)
        assert run.stations.power_kw["s3"] == pytest.approx(-11.04)

    run = plugged_in(8, signal=wave)
    run.go(scenario)
    later = points(run, HOUR_S + 700, HOUR_S + 1500)
    assert max(abs(one.response_kw - one.target_kw) for one in later) < 1.0


def test_a_station_that_is_lost_is_replaced_in_the_next_tick():
    async def scenario(run: Run) -> None:
        await all_plug_in(run)
        await run.until(HOUR_S + 600)
        run.stations.power_kw["s0"] = 0.0  # what it falls back to
        await run.controller.disconnected("s0")
        await run.until(HOUR_S + 604)
        orders = [one for at_s, one in run.stations.orders if at_s > HOUR_S + 600]
        assert orders
        assert "s0" not in {one.station for one in orders}

    plugged_in(8, signal=wave).go(scenario)


def test_no_step_of_a_hostile_signal_passes_the_guard():
    async def scenario(run: Run) -> None:
        await all_plug_in(run)
        await run.until(HOUR_S + 1200)

    flips = lambda wall_s: 1.0 if (wall_s - START_S) % 4 < 2 else -1.0  # noqa: E731
    run = plugged_in(12, signal=flips, control={"most_step_kw": 5.0})
    run.go(scenario)
    later = [one for one in points(run, HOUR_S + 60, HOUR_S + 1200) if one.award_kw > 10]
    moves = np.abs(np.diff([one.response_kw for one in later]))
    assert len(later) > 500
    assert moves.max() <= 5.0 + 0.7  # and a step of a charger
    assert "step_cut" in {one.kind for one in run.controller.alarms.newest_first()}


def test_the_service_decides_what_a_study_decides():
    """The plan of an hour is that of the same functions on the same records."""
    asked = []

    async def scenario(run: Run) -> None:
        make = run.ticker.plans._planner

        async def keep(request: Any) -> Any:
            asked.append(request)
            return await make(request)

        run.ticker.plans._planner = keep
        await all_plug_in(run)
        await run.until(HOUR_S + 60)

    run = plugged_in(6)
    run.go(scenario)
    request = [one for one in asked if one.market is not None][-1]
    again = planning.make(request)
    followed = run.ticker.plans.now
    assert followed is not None
    np.testing.assert_allclose(followed.award_kw, again.award_kw)
    np.testing.assert_allclose(followed.power_kw, again.power_kw, atol=1e-6)
    state = run.controller.fleet.state
    assert state is not None
    base_kw = state.cars["base_w"][again.row] / 1000.0
    np.testing.assert_allclose(base_kw, again.power_kw[:, 0], atol=1e-3)


def test_open_transactions_come_back_after_a_restart():
    async def scenario(run: Run) -> None:
        await run.plug_in(0)
        await run.plug_in(1)
        for station, kwh in ((0, 100.0), (0, 104.0), (1, 50.0)):
            reading = MeterReading(run.clock.now_s(), drawn_kwh=kwh)
            await run.event(station, TransactionPart.UPDATED, readings=(reading,))
        await run.event(1, TransactionPart.ENDED, trigger="EVDeparted")
        await run.controller.finished()
        fresh = Controller(
            run.config,
            run.clock,
            run.log,
            run._post,
            run.devices,
            run.controller.drivers,
            prices(),
        )
        assert recovery.restore(fresh, run.log.entries) == 1
        fresh.use(run.stations)
        assert set(fresh.transactions) == {"s0"}
        known = fresh.transactions["s0"]
        assert known.driver == run.controller.drivers.named("driver-0")
        assert known.meter.drawn_kwh == pytest.approx(4.0)
        await fresh.connected("s0", "ocpp2.1")
        await fresh.described("s0", run.controller.capabilities["s0"])
        await fresh.finished()
        assert fresh.fleet.vehicles[0].energy_kwh == pytest.approx(30.0 + 4.0 * 0.95)

    plugged_in(2).go(scenario)


def test_who_does_not_agree_is_not_discharged():
    async def scenario(run: Run) -> None:
        await run.controller.connected("s0", "ocpp2.1")
        await run.event(0, TransactionPart.STARTED, token="unknown card")
        needs = ChargingNeeds("s0", 1, START_S, True, None, 11.0, 11.0, to_full_kwh=20.0)
        assert await run.controller.needs(needs)
        await run.controller.finished()
        assert run.stations.begun[-1].max_discharge_kw == 0.0

    plugged_in(1).go(scenario)


def test_a_change_that_cannot_be_is_refused():
    async def scenario(run: Run) -> None:
        await run.plug_in(0)
        await run.controller.finished()
        for changed in ({"owed_kwh": 61.0}, {"departure_s": START_S - 1.0}):
            given = {"owed_kwh": None, "departure_s": None} | changed
            with pytest.raises(InputError, match=next(iter(changed))):
                await run.controller.change_needs("s0", **given)
        with pytest.raises(InputError, match="plugged in"):
            await run.controller.set_priority("nowhere", True)

    plugged_in(1).go(scenario)


def test_the_next_vehicle_does_not_get_the_plan_of_the_last_one():
    async def scenario(run: Run) -> None:
        await all_plug_in(run)
        await run.until(HOUR_S + 60)
        plans, made = run.ticker.plans, run.ticker.plans.now
        assert made is not None
        assert 0 in made.row
        await run.event(0, TransactionPart.ENDED, trigger="EVDeparted")
        known = run.controller.transactions
        assert "s0" not in known
        await run.plug_in(0)
        await run.controller.finished()
        vehicle = replace(run.controller.fleet.vehicles[0], transaction="new")
        run.controller.fleet.vehicles[0] = vehicle
        before = run.controller.fleet.state
        assert before is not None
        plans.follow(run.clock.now_s() + 1800.0)
        assert 0 not in plans.held_kwh(START_S + HOUR_S, START_S + 2 * HOUR_S)
        assert float(before.cars["base_w"][0]) == 0.0

    plugged_in(4).go(scenario)


def test_needs_that_are_told_anew_count():
    async def scenario(run: Run) -> None:
        await run.plug_in(0)
        await run.controller.finished()
        needs = run.controller.transactions["s0"].needs
        assert needs is not None
        later = replace(needs, departure_s=START_S + 7200.0, to_target_kwh=5.0)
        assert await run.controller.needs(later)
        await run.controller.finished()
        vehicle = run.controller.fleet.vehicles[0]
        assert (vehicle.departure_s, vehicle.owed_kwh) == (START_S + 7200.0, 35.0)

    plugged_in(1).go(scenario)


def test_without_a_market_nothing_is_offered():
    async def scenario(run: Run) -> None:
        run.ticker.awards = None
        await all_plug_in(run)
        await run.until(HOUR_S + 60)
        assert run.ticker.held.up_kw > 0

    run = plugged_in(3)
    run.go(scenario)
    assert {one.award_kw for one in run.ticker.points} == {0.0}


def limited_for_ten_minutes() -> Run:
    """Eight vehicles under award whose site may do nearly nothing from 1:10 to 1:20."""

    async def scenario(run: Run) -> None:
        log: Any = run.log
        limits = UtilityLimits({"depot": Limit(1000.0, 1000.0)}, log, run.clock)
        run.ticker.utility = limits
        await all_plug_in(run)
        await run.until(HOUR_S + 600)
        begin_s, end_s = START_S + HOUR_S + 600, START_S + HOUR_S + 1200
        step = {"begin_utc": stamp(begin_s), "end_utc": stamp(end_s)}
        step |= {"import_limit_kw": 5.0, "export_limit_kw": 4.5}
        sites = [{"site_id": "depot", "steps": [step]}]
        document = {"issued_utc": stamp(begin_s), "sites": sites}
        await limits.receive(json.dumps(document).encode(), "utility")
        await run.until(HOUR_S + 1800)

    run = plugged_in(8, signal=wave)
    run.go(scenario)
    return run


def test_a_limit_that_a_utility_sends_holds_from_the_next_tick_until_it_is_over():
    run = limited_for_ten_minutes()
    powers = {
        name: [one.base_kw + one.response_kw for one in points(run, HOUR_S + begin, HOUR_S + end)]
        for name, begin, end in (("before", 0, 600), ("limited", 604, 1196), ("after", 1220, 1800))
    }
    assert min(powers["before"]) < -20
    assert max(powers["limited"]) <= 4.5 + 1e-6
    assert min(powers["limited"]) >= -5.0 - 1e-6
    assert min(powers["after"]) < -20


def test_an_envelope_that_contradicts_an_award_goes_before_it_and_costs_score():
    run = limited_for_ten_minutes()
    limited = points(run, HOUR_S + 604, HOUR_S + 1196)
    asked = [abs(one.award_kw * one.signal) for one in limited]
    assert max(asked) > 4.5 + 5.0  # more than the site may swing
    assert max(one.base_kw + one.response_kw for one in limited) <= 4.5 + 1e-6
    before = points(run, HOUR_S, HOUR_S + 600)
    missed = [_missed(one) for one in limited], [_missed(one) for one in before]
    assert np.mean(missed[0]) > 5 * np.mean(missed[1])


def _missed(point: Any) -> float:
    """Of what the signal asks at one tick, in kW."""
    return abs(point.target_kw - point.response_kw)


def stamp(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).isoformat()

"""Orders wait in line, replace each other, time out, and are never sent twice."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from evergrid.live.clock import VirtualClock
from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.ocpp.charging.abilities import Abilities
from evergrid.live.ocpp.charging.profiles import DEFAULT_ID
from evergrid.live.ocpp.wire.envelope import CallError, Result
from evergrid.live.ocpp.wire.outbox import MOST_WAITING, Answer, Outbox, Priority, Request
from evergrid.live.ocpp.wire.schemas import OCPP_2_1, shipped
from tests.live.ocpp.offline_link import ABLE, OfflineStation
from tests.live.ocpp.recorder import registered

CLEAR = {"chargingProfileId": 1}


class Line:
    """An outbox on a virtual clock; `out` holds what was sent."""

    def __init__(self) -> None:
        self.clock = VirtualClock(0.0)
        self.out: list[list[Any]] = []
        self.outbox = Outbox(
            lambda text: self.out.append(json.loads(text)),
            shipped(OCPP_2_1),
            self.clock,
            lambda action, text: None,
        )

    def put(
        self, number: int, priority: Priority = Priority.HOUSEKEEPING, **more: Any
    ) -> asyncio.Future[Answer]:
        request = Request(
            "UpdateDynamicSchedule", {"n": number}, priority, **{"timeout_s": 10.0, **more}
        )
        return self.outbox.put(request)

    def answer(self, status: str = "Accepted") -> None:
        self.outbox.answered(Result(self.out[-1][1], {"status": status}))

    @property
    def numbers(self) -> list[int]:
        return [message[3]["n"] for message in self.out]

    async def pass_s(self, seconds: float) -> None:
        await self.clock.run(self.clock.monotonic_s() + seconds)


def test_one_request_is_out_at_a_time_and_urgent_ones_go_first():
    async def one():
        line = Line()
        for number, priority in enumerate((2, 2, 1, 0, 1)):
            line.put(number, Priority(priority))
        for _ in range(4):
            line.answer()
        assert line.numbers == [0, 3, 2, 4, 1]

    asyncio.run(one())


def test_a_newer_order_replaces_one_that_waits_and_keeps_its_urgency():
    async def one():
        line = Line()
        line.put(0)
        old = line.put(1, Priority.URGENT, key="a")
        other = line.put(2, Priority.SETPOINT, key="b")
        new = line.put(3, Priority.SETPOINT, key="a")
        assert (await old).result is OrderResult.REPLACED
        for _ in range(3):
            line.answer()
        assert line.numbers == [0, 3, 2]
        assert (await new).accepted
        assert (await other).accepted
        sent = line.put(4, Priority.SETPOINT, key="a")
        line.put(5, Priority.SETPOINT, key="a")
        assert not sent.done()  # what is on its way is not replaced

    asyncio.run(one())


def test_an_answer_that_does_not_come_in_time_is_not_waited_for():
    async def one():
        line = Line()
        first, second = line.put(0), line.put(1)
        await line.pass_s(9.0)
        line.outbox.check()
        assert line.numbers == [0]
        await line.pass_s(1.0)
        line.outbox.check()
        assert (await first).result is OrderResult.TIMED_OUT
        assert line.numbers == [0, 1]
        late = Result(line.out[0][1], {"status": "Accepted"})
        assert line.outbox.answered(late) is None
        assert not second.done()
        line.answer("Rejected")
        assert (await second).order_result is OrderResult.REJECTED

    asyncio.run(one())


def test_what_waits_when_the_link_is_lost_is_answered_offline():
    async def one():
        line = Line()
        waiting = [line.put(number) for number in range(3)]
        line.outbox.close()
        waiting.append(line.put(9))
        assert {(await future).result for future in waiting} == {OrderResult.OFFLINE}
        assert line.numbers == [0]
        await asyncio.wait_for(line.pass_s(5.0), 1.0)  # nothing holds the clock any more
        assert line.clock.stalls == 0

    asyncio.run(one())


def test_no_more_than_a_bound_of_requests_wait():
    async def one():
        line = Line()
        waiting = [line.put(number) for number in range(MOST_WAITING + 2)]
        assert (await waiting[-1]).result is OrderResult.REFUSED
        assert not waiting[-2].done()

    asyncio.run(one())


def test_errors_and_answers_that_break_their_schema_are_rejections():
    async def one():
        line = Line()
        first, second = line.put(0), line.put(1)
        line.outbox.answered(CallError(line.out[-1][1], "InternalError", "no"))
        line.outbox.answered(Result(line.out[-1][1], {"state": "Accepted"}))
        assert (await first).order_result is OrderResult.REJECTED
        assert (await first).error == "InternalError"
        assert (await second).order_result is OrderResult.REJECTED
        assert (await second).error == "FormatViolation"

    asyncio.run(one())


def test_an_unanswered_request_stops_a_virtual_clock_once_only():
    async def one():
        line = Line()
        line.put(0)
        for _ in range(5):
            await line.pass_s(1.0)
            line.outbox.check()
        assert line.clock.stalls == 1

    asyncio.run(one())


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_profile_waits_for_the_rate_that_the_station_takes():
    _run(_rate())


async def _rate():
    clock = VirtualClock(0.0)
    able = Abilities(OCPP_2_1, least_update_s=30.0)
    offline = OfflineStation(registered("cp-1"), abilities=able, clock=clock)
    offline.plug_in("tx")
    first = asyncio.create_task(offline.orders.begin(Session("cp-1", 1, "tx", 11.0, 0.0, -2.0)))
    await asyncio.sleep(0.01)
    assert _powers(offline) == ["floor"]
    for power in (-3.0, -4.0, -5.0):
        await asyncio.sleep(0)
        order = asyncio.create_task(offline.orders.order(PowerOrder("cp-1", 1, "tx", power)))
        await asyncio.sleep(0)
    for seconds, told in ((29.0, 1), (1.0, 2), (29.0, 2)):
        await clock.run(clock.monotonic_s() + seconds)
        offline.link.outbox.check()
        assert len(_powers(offline)) == told
    assert _powers(offline) == ["floor", 5000.0]  # the newest only
    assert await first is OrderResult.REPLACED
    assert await order is OrderResult.ACCEPTED
    last = asyncio.create_task(offline.orders.order(PowerOrder("cp-1", 1, "tx", -6.0)))
    await asyncio.sleep(0.01)
    assert len(_powers(offline)) == 2
    await clock.run(60.0)
    offline.link.outbox.check()
    assert await last is OrderResult.ACCEPTED


def _powers(offline: OfflineStation) -> list[Any]:
    profiles = [
        p["chargingProfile"] for action, p in offline.sent if action == "SetChargingProfile"
    ]
    return [
        "floor"
        if profile["id"] == DEFAULT_ID
        else profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"]
        for profile in profiles
    ]


def test_a_rejected_set_point_is_followed_by_the_whole_profile():
    _run(_rejected())


async def _rejected():
    statuses = {"UpdateDynamicSchedule": "Rejected"}
    offline = OfflineStation(
        registered("cp-1"), answer=lambda action, _: {"status": statuses.get(action, "Accepted")}
    )
    offline.plug_in("tx")
    assert await offline.orders.begin(Session("cp-1", 1, "tx", 11.0, 5.0, 0.0)) == "accepted"
    assert await offline.orders.order(PowerOrder("cp-1", 1, "tx", 1.0)) is OrderResult.REJECTED
    assert await offline.orders.order(PowerOrder("cp-1", 1, "tx", 2.0)) is OrderResult.ACCEPTED
    action, payload = offline.sent[-1]
    assert action == "SetChargingProfile"
    (schedule,) = payload["chargingProfile"]["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"][0]["setpoint"] == -2000.0


def test_without_a_floor_that_the_station_accepts_nothing_discharges():
    _run(_no_floor())


async def _no_floor():
    def answer(action: str, payload: dict[str, Any]) -> dict[str, Any]:
        floor = action == "SetChargingProfile" and payload["chargingProfile"]["id"] == DEFAULT_ID
        return {"status": "Rejected" if floor else "Accepted"}

    offline = OfflineStation(registered("cp-1"), answer=answer)
    offline.plug_in("tx")
    both = Session("cp-1", 1, "tx", 11.0, 5.0, 0.0)
    assert await offline.orders.begin(both) is OrderResult.REFUSED
    one_way = Session("cp-1", 1, "tx", 11.0, 0.0, -1.0)
    assert await offline.orders.begin(one_way) is OrderResult.ACCEPTED


def test_a_driver_who_forbids_discharging_stops_it_at_once():
    _run(_forbidden())


async def _forbidden():
    offline = OfflineStation(registered("cp-1"), abilities=ABLE)
    offline.plug_in("tx")
    await offline.orders.begin(Session("cp-1", 1, "tx", 11.0, 5.0, 4.0))
    assert await offline.orders.allow("cp-1", "tx", False) is OrderResult.ACCEPTED
    (_, update), (action, told) = offline.sent[-2:]
    assert update["scheduleUpdate"] == {"setpoint": 0.0, "dischargeLimit": 0.0}
    assert action == "NotifyAllowedEnergyTransfer"
    assert not [mode for mode in told["allowedEnergyTransfer"] if "BPT" in mode]
    assert await offline.orders.order(PowerOrder("cp-1", 1, "tx", 1.0)) is OrderResult.REFUSED
    again = Session("cp-1", 1, "tx", 11.0, 5.0, 0.0)
    assert await offline.orders.begin(again) is OrderResult.REFUSED
    assert await offline.orders.allow("cp-1", "tx", True) is OrderResult.ACCEPTED
    assert "DC_BPT" in offline.sent[-1][1]["allowedEnergyTransfer"]
    await offline.orders.begin(Session("cp-1", 1, "tx", 11.0, 5.0, 1.0))
    offline.handler.discharging.clear()  # the driver has changed her mind, on the page
    assert await offline.orders.order(PowerOrder("cp-1", 1, "tx", 1.0)) is OrderResult.REFUSED
    assert await offline.orders.order(PowerOrder("cp-1", 1, "tx", -1.0)) is OrderResult.ACCEPTED
    assert await offline.orders.allow("cp-1", "tx", True) is OrderResult.REFUSED

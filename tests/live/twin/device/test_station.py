"""A simulated station against a central system of the tests, over real sockets, in virtual time."""

from dataclasses import replace
from typing import Any

import pytest

from evergrid.live.twin.charging.profiles import seconds
from evergrid.live.twin.charging.station_rules import Abilities
from tests.live.twin.central_system import default_profile, order_profile
from tests.live.twin.device.rig import GET_SOMETHING, NAME, START_S, rig, run, stay, values

Payload = dict[str, Any]


def test_a_stay_from_boot_to_ended_follows_its_set_points_with_exact_energies():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            await clock.run(1860.0)
            update = {"chargingProfileId": 2, "scheduleUpdate": {"setpoint": 6_900.0}}
            answer = await central.call(NAME, "UpdateDynamicSchedule", update)
            await clock.run(3700.0)
        assert answer == {"status": "Accepted"}
        assert one.record.broken == {}
        events = central.of("TransactionEvent")
        assert [event["seqNo"] for event in events] == list(range(len(events)))
        assert [events[0]["eventType"], events[-1]["eventType"]] == ["Started", "Ended"]
        assert not any(event["offline"] for event in events)
        (left,) = one.record.departures
        # 1,799.8 s of feeding and 1,799.8 s of drawing, less the ramps.
        assert left.fed_kwh == pytest.approx(11.04 * 0.5, rel=2e-3)
        assert left.drawn_kwh == pytest.approx(6.9 * 0.5, rel=2e-3)
        last = values(events[-1])
        assert last["Energy.Active.Export.Register"] == pytest.approx(left.fed_kwh * 1000, abs=1e-3)
        assert last["SoC"] == pytest.approx(left.energy_kwh / 60.0 * 100, abs=1e-3)
        # The default profile was overtaken by the order before it took effect.
        assert (one.record.orders, one.record.obeyed, one.record.replaced) == (3, 2, 1)

    run(test)


def test_an_order_takes_effect_after_the_latency_and_the_ramp_and_is_reported_then():
    async def test() -> None:
        async with rig([stay()], setpoint_w=0.0) as (clock, central, _, _):
            await clock.run(600.0)
            before = len(central.of("TransactionEvent"))
            update = {"chargingProfileId": 2, "scheduleUpdate": {"setpoint": -11_040.0}}
            await central.call(NAME, "UpdateDynamicSchedule", update)
            await clock.run(602.0)
        event = central.of("TransactionEvent")[before]
        assert event["triggerReason"] == "ChargingStateChanged"
        assert values(event)["Power.Active.Export"] == 11_040.0
        assert values(event)["Power.Active.Setpoint"] == -11_040.0
        # 0.2 s of latency, and six steps of 2.2 kW every 0.2 s.
        assert seconds(event["timestamp"]) - START_S == pytest.approx(601.2, abs=0.01)

    run(test)


def test_a_vehicle_at_its_reserve_stops_feeding_and_says_so():
    async def test() -> None:
        low = stay(energy_kwh=13.0, reserve_kwh=12.5)
        async with rig([low]) as (clock, central, one, _):
            await clock.run(3700.0)
        (left,) = one.record.departures
        assert left.least_kwh == pytest.approx(12.5, abs=1e-9)
        states = [e["transactionInfo"]["chargingState"] for e in central.of("TransactionEvent")]
        assert states.index("SuspendedEV") > states.index("Charging")
        assert one.record.obeyed == 1

    run(test)


def test_a_driver_who_has_not_agreed_is_never_discharged():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, orders):
            central.discharge = False
            await clock.run(300.0)
            assert orders.answers[-1]["status"] == "Rejected"
            assert one.record.broken
            (needs,) = central.of("NotifyEVChargingNeeds")
            assert needs["chargingNeeds"]["requestedEnergyTransfer"] == "AC_three_phase"
            allowed = {
                "transactionId": orders.transaction,
                "allowedEnergyTransfer": ["AC_three_phase", "AC_BPT"],
            }
            answer = await central.call(NAME, "NotifyAllowedEnergyTransfer", allowed)
            assert answer == {"status": "Accepted"}
            await clock.run(600.0)
            needs = central.of("NotifyEVChargingNeeds")[-1]["chargingNeeds"]
            assert needs["requestedEnergyTransfer"] == "AC_BPT"
            assert needs["v2xChargingParameters"]["maxDischargePower"] == 11_040.0
            assert one.bay.power.outlet.state.power_kw == 11.04
            allowed["allowedEnergyTransfer"] = ["AC_three_phase"]
            await central.call(NAME, "NotifyAllowedEnergyTransfer", allowed)
            await clock.run(660.0)
            assert one.bay.power.advance().power_kw <= 0.0

    run(test)


def test_variables_are_reported_page_by_page_and_can_be_read_and_set():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, _, _):
            await clock.run(50.0)
            asked = {"requestId": 4, "reportBase": "FullInventory"}
            assert await central.call(NAME, "GetBaseReport", asked) == {"status": "Accepted"}
            await clock.run(51.0)
            pages = central.of("NotifyReport")
            assert len(pages) > 2
            assert [page["seqNo"] for page in pages] == list(range(len(pages)))
            assert [page["tbc"] for page in pages] == [True] * (len(pages) - 1) + [False]
            found = {
                (one["component"]["name"], one["variable"]["name"])
                for page in pages
                for one in page["reportData"]
            }
            assert ("SmartChargingCtrlr", "SupportsDynamicProfiles") in found
            assert ("V2XChargingCtrlr", "SupportedOperationModes") in found
            (got,) = (await central.call(NAME, "GetVariables", GET_SOMETHING))["getVariableResult"]
            assert got["attributeValue"] == "true"
            statuses = []
            for name, value in (
                ("TxUpdatedInterval", "5"),
                ("TxUpdatedInterval", "-1"),
                ("TxUpdatedInterval", "often"),
                ("TxUpdatedMeasurands", "SoC"),
                ("TxUpdatedMeasurands", "Colour"),
                ("Nothing", "5"),
            ):
                one = {
                    "component": {"name": "SampledDataCtrlr"},
                    "variable": {"name": name},
                    "attributeValue": value,
                }
                answer = await central.call(NAME, "SetVariables", {"setVariableData": [one]})
                statuses.append(answer["setVariableResult"][0]["attributeStatus"])
            assert statuses == [
                "Accepted",
                "Rejected",
                "Rejected",
                "Accepted",
                "Rejected",
                "UnknownVariable",
            ]
            await clock.run(161.0)
        periodic = [
            event
            for event in central.of("TransactionEvent")
            if event["triggerReason"] == "MeterValuePeriodic"
        ]
        assert len(periodic) == 20
        assert list(values(periodic[0])) == ["SoC"]

    run(test)


def test_profiles_are_reported_as_they_stand_and_a_composite_schedule_is_told():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, _, _):
            await clock.run(300.0)
            update = {"chargingProfileId": 2, "scheduleUpdate": {"setpoint": 6_900.0}}
            await central.call(NAME, "UpdateDynamicSchedule", update)
            asked = {"requestId": 5, "chargingProfile": {}}
            assert await central.call(NAME, "GetChargingProfiles", asked) == {"status": "Accepted"}
            none = {"requestId": 5, "chargingProfile": {"stackLevel": 8}}
            answer = await central.call(NAME, "GetChargingProfiles", none)
            assert answer == {"status": "NoProfiles"}
            await clock.run(301.0)
            reports = central.of("ReportChargingProfiles")
            assert [report["tbc"] for report in reports] == [True, False]
            (wire,) = reports[1]["chargingProfile"]
            assert wire["chargingSchedule"][0]["chargingSchedulePeriod"][0]["setpoint"] == 6_900.0
            asked = {"evseId": 1, "duration": 600}
            schedule = (await central.call(NAME, "GetCompositeSchedule", asked))["schedule"]
            assert schedule["chargingSchedulePeriod"][0]["setpoint"] == 6_900.0

    run(test)


def test_a_driver_who_needs_it_now_charges_at_once_and_everybody_is_told():
    async def test() -> None:
        hurries = replace(stay(), priority_s=START_S + 600.0)
        async with rig([hurries]) as (clock, central, one, orders):
            await clock.run(590.0)
            assert one.bay.power.advance().power_kw == 11.04
            await clock.run(610.0)
            assert one.bay.power.advance().power_kw == -11.04
            assert central.of("NotifyPriorityCharging") == [
                {"transactionId": orders.transaction, "activated": True}
            ]
            use = {"transactionId": orders.transaction, "activate": True}
            assert await central.call(NAME, "UsePriorityCharging", use) == {"status": "NoProfile"}
            use["activate"] = False
            assert await central.call(NAME, "UsePriorityCharging", use) == {"status": "Accepted"}
            await clock.run(620.0)
            assert one.bay.power.advance().power_kw == 11.04

    run(test)


def test_a_remote_stop_ends_the_transaction_and_its_profiles():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, orders):
            await clock.run(600.0)
            stop = {"transactionId": "somebody else's"}
            answer = await central.call(NAME, "RequestStopTransaction", stop)
            assert answer["status"] == "Rejected"
            stop = {"transactionId": orders.transaction}
            answer = await central.call(NAME, "RequestStopTransaction", stop)
            assert answer == {"status": "Accepted"}
            await clock.run(700.0)
            last = central.of("TransactionEvent")[-1]
            assert (last["eventType"], last["triggerReason"]) == ("Ended", "RemoteStop")
            assert [profile.number for profile in one.bay.power.profiles] == [1]
            assert one.bay.power.advance().power_kw == -one.spec.charger.standby_kw

    run(test)


@pytest.mark.parametrize("kind", ["Immediate", "ImmediateAndResume", "OnIdle"])
def test_a_reset_reboots_and_a_transaction_ends_or_goes_on(kind: str):
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            await clock.run(600.0)
            answer = await central.call(NAME, "Reset", {"type": kind})
            assert answer["status"] == ("Scheduled" if kind == "OnIdle" else "Accepted")
            await clock.run(800.0)
            boots = [boot["reason"] for boot in central.of("BootNotification")]
            triggers = [event["triggerReason"] for event in central.of("TransactionEvent")]
            kinds = [event["eventType"] for event in central.of("TransactionEvent")]
            if kind == "OnIdle":
                assert boots == ["PowerUp"]
                await clock.run(3800.0)
                assert [boot["reason"] for boot in central.of("BootNotification")][1:] == [
                    "RemoteReset"
                ]
                return
            assert boots == ["PowerUp", "RemoteReset"]
            assert ("TxResumed" in triggers) == (kind == "ImmediateAndResume")
            assert ("Ended" in kinds) == (kind == "Immediate")
            numbers = [profile.number for profile in one.bay.power.profiles]
            assert numbers == ([1] if kind == "ImmediateAndResume" else [1, 2])
            assert kinds.count("Started") == (2 if kind == "Immediate" else 1)
            assert one.bay.power.running is not None

    run(test)


def test_a_station_that_is_switched_off_says_good_bye():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, _, _):
            await clock.run(300.0)
            socket = central.sockets[NAME]
        assert socket.close_code == 1000

    run(test)


def test_heartbeats_come_as_often_as_the_boot_answer_says_and_then_as_is_set():
    async def test() -> None:
        async with rig([]) as (clock, central, _, _):
            await clock.run(1000.0)
            assert len(central.of("Heartbeat")) == 3
            asked = {
                "component": {"name": "OCPPCommCtrlr"},
                "variable": {"name": "HeartbeatInterval"},
                "attributeValue": "20",
            }
            await central.call(NAME, "SetVariables", {"setVariableData": [asked]})
            await clock.run(1300.0)
            assert len(central.of("Heartbeat")) == 3 + 6

    run(test)


def test_unsafe_profiles_for_discharging_are_counted_though_they_are_allowed():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, orders):
            await clock.run(300.0)
            counted = one.record
            assert (counted.unsupervised, counted.without_fallback) == (0, 0)
            wire = order_profile(orders.transaction, 0.0, clock.now_s())
            del wire["maxOfflineDuration"]
            del wire["chargingSchedule"][0]["startSchedule"]
            profile = {"evseId": 1, "chargingProfile": wire}
            await central.call(NAME, "SetChargingProfile", profile)
            assert (counted.unsupervised, counted.without_fallback) == (1, 0)
            assert counted.without_begin == 1
            await central.call(NAME, "ClearChargingProfile", {"chargingProfileId": 1})
            await central.call(NAME, "SetChargingProfile", profile)
            assert (counted.unsupervised, counted.without_fallback) == (2, 1)
            wire["chargingSchedule"][0]["chargingSchedulePeriod"][0]["dischargeLimit"] = 0.0
            await central.call(NAME, "SetChargingProfile", profile)
            assert (counted.unsupervised, counted.without_fallback) == (2, 1)

    run(test)


def test_a_station_that_is_pending_sends_nothing_but_what_it_is_asked_for():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            central.boot_status = ["Pending", "Rejected", "Accepted"]
            await clock.run(100.0)
            asked = {"requestId": 4, "reportBase": "FullInventory"}
            await central.call(NAME, "GetBaseReport", asked)
            await clock.run(200.0)
            sent = {action for _, action, _ in central.received}
            assert sent == {"BootNotification", "NotifyReport"}
            await clock.run(1000.0)
            assert len(central.of("BootNotification")) == 3
            assert len(central.of("StatusNotification")) == 2
            assert one.bay.power.running is not None

    run(test)


def test_a_card_that_is_not_accepted_charges_nothing():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            central.card_status = "Blocked"
            await clock.run(3700.0)
        assert central.of("TransactionEvent") == []
        assert one.record.turned_away == 1
        (left,) = one.record.departures
        assert left.drawn_kwh < 0.01

    run(test)


def test_a_card_that_is_withdrawn_later_ends_the_transaction():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            await clock.run(290.0)
            assert one.bay.power.running is not None
            central.event_status = "Blocked"
            await clock.run(400.0)
            last = central.of("TransactionEvent")[-1]
            assert (last["eventType"], last["triggerReason"]) == ("Ended", "Deauthorized")
            assert last["transactionInfo"]["stoppedReason"] == "DeAuthorized"
            assert one.bay.power.running is None
            assert one.record.turned_away == 1

    run(test)


def test_every_call_is_answered_even_what_is_none():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            await clock.run(50.0)
            central.strict = False
            for action, payload, code in (
                ("MakeCoffee", {}, "NotImplemented"),
                ("SetChargingProfile", {"evseId": 1}, "FormatViolation"),
                ("UpdateDynamicSchedule", {"chargingProfileId": "two"}, "FormatViolation"),
                ("Reset", {"type": "Softly"}, "FormatViolation"),
            ):
                assert await central.call(NAME, action, payload) == {"error": code}
            socket = central.sockets[NAME]
            for raw in (
                "no json",
                "{}",
                "[]",
                "[2]",
                "7",
                "[" * 100_000,
                '[2,"1",{},{}]',
                '[2,"1","Reset",7]',
            ):
                await socket.send(raw)
            await clock.run(51.0)
            assert (await central.call(NAME, "GetVariables", GET_SOMETHING))["getVariableResult"]
            # Frames that are no OCPP, and actions that nobody knows, have no rule to break.
            assert sum(one.record.broken.values()) == 3

    run(test)


def test_a_station_of_2_0_1_only_charges_and_keeps_its_own_schemas():
    async def test() -> None:
        able = Abilities(v2x=False, dynamic=False, update_rate_s=0.0, external_ids_below=None)
        async with rig([stay()], protocol="ocpp2.0.1", discharge_kw=0.0, able=able) as (
            clock,
            central,
            one,
            orders,
        ):
            orders.wants_orders = False
            await clock.run(600.0)
            assert one.bay.power.advance().power_kw == pytest.approx(-4.14)
            wire = default_profile(8_280.0) | {
                "id": 3,
                "stackLevel": 1,
                "chargingProfilePurpose": "TxProfile",
                "transactionId": orders.transaction,
            }
            profile = {"evseId": 1, "chargingProfile": wire}
            assert (await central.call(NAME, "SetChargingProfile", profile)) == {
                "status": "Accepted"
            }
            await clock.run(700.0)
            assert one.bay.power.advance().power_kw == pytest.approx(-8.28)
            asked = {"evseId": 1, "duration": 600}
            answer = await central.call(NAME, "GetCompositeSchedule", asked)
            assert answer["schedule"]["chargingSchedulePeriod"][0]["limit"] == 8_280.0
            await clock.run(3700.0)

    run(test)


def test_a_profile_with_an_interval_is_asked_for_updates_and_obeys_good_ones():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, orders):
            await clock.run(300.0)
            wire = order_profile(orders.transaction, 0.0, clock.now_s()) | {"dynUpdateInterval": 10}
            profile = {"evseId": 1, "chargingProfile": wire}
            await central.call(NAME, "SetChargingProfile", profile)
            central.pulled = {"setpoint": 6_900.0}
            await clock.run(305.0)
            update = {"chargingProfileId": 2, "scheduleUpdate": {"setpoint": 4_830.0}}
            await central.call(NAME, "UpdateDynamicSchedule", update)
            await clock.run(314.0)
            assert central.of("PullDynamicScheduleUpdate") == []
            await clock.run(320.0)
            assert central.of("PullDynamicScheduleUpdate") == [{"chargingProfileId": 2}]
            assert one.bay.power.advance().power_kw == pytest.approx(-6.9)
            central.pulled = {"setpoint": 60_900.0}
            await clock.run(330.0)
            assert one.bay.power.advance().power_kw == pytest.approx(-6.9)
            assert sum(one.record.broken.values()) == 1

    run(test)


def test_a_central_system_that_answers_badly_or_speaks_otherwise_is_counted():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            central.needs_status = "Perhaps"
            await clock.run(300.0)
            (broken,) = one.record.broken
            assert broken.startswith("NotifyEVChargingNeedsResponse")
        async with rig([stay()], protocol="ocpp1.6") as (clock, central, one, _):
            await clock.run(300.0)
            assert one.record.refused > 3
            assert one.record.connections == 0
            assert central.received == []

    run(test)


def test_a_new_password_is_used_from_the_next_connection_on_and_never_told():
    async def test() -> None:
        async with rig([stay()]) as (clock, central, one, _):
            await clock.run(300.0)
            assert central.passwords == ["secret"]
            statuses = []
            for word in ("short", "a new and longer password"):
                asked = PASSWORD_VARIABLE | {"attributeValue": word}
                answer = await central.call(NAME, "SetVariables", {"setVariableData": [asked]})
                statuses.append(answer["setVariableResult"][0]["attributeStatus"])
            assert statuses == ["Rejected", "Accepted"]
            await clock.run(330.0)
            assert central.passwords == ["secret", "a new and longer password"]
            got = await central.call(NAME, "GetVariables", {"getVariableData": [PASSWORD_VARIABLE]})
            assert got["getVariableResult"][0]["attributeStatus"] == "Rejected"
            await central.call(
                NAME, "GetBaseReport", {"requestId": 4, "reportBase": "FullInventory"}
            )
            await clock.run(331.0)
            assert "longer password" not in str(central.of("NotifyReport"))
            assert one.record.connections == 2

    run(test)


PASSWORD_VARIABLE = {
    "component": {"name": "SecurityCtrlr"},
    "variable": {"name": "BasicAuthPassword"},
}

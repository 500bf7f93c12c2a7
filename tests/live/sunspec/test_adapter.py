"""Stationary batteries over Modbus: found, read, told, and let go when the line is lost."""

import asyncio
import math

import pytest

from evergrid.core.errors import ConfigError, InputError, OutputError
from evergrid.live.devices.adapter import OrderResult, TransactionPart
from tests.live.sunspec.cases import OFFLINE_S, Plant, entry, play

FAMILIES = ("der", "storage")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_battery_is_found_and_described(family: str) -> None:
    async def scene(plant: Plant) -> None:
        handler = plant.handler
        assert handler.online == ["battery-1"]
        assert handler.found["battery-1"].v2x
        assert handler.found["battery-1"].dynamic
        (asked,) = handler.asked
        assert asked.capacity_kwh == pytest.approx(100.0)
        assert asked.soc == pytest.approx(0.5)
        assert asked.max_charge_kw == asked.max_discharge_kw == 50.0
        assert asked.to_reserve_kwh == pytest.approx(10.0 - 50.0)
        assert handler.events[0].part is TransactionPart.STARTED
        assert not handler.refusals

    play(scene, family)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("power_kw", [30.0, -20.0, 0.0])
def test_power_follows_an_order_and_energy_follows_power(family: str, power_kw: float) -> None:
    async def scene(plant: Plant) -> None:
        assert await plant.begin() is OrderResult.ACCEPTED
        before_kwh = plant.battery.energy_kwh
        assert await plant.order(power_kw) is OrderResult.ACCEPTED
        await plant.after(360.0)
        assert plant.battery.power_kw == pytest.approx(power_kw, abs=0.01)
        last = plant.handler.last
        assert last.power_kw == pytest.approx(power_kw, abs=0.01)
        assert last.setpoint_kw == pytest.approx(power_kw, abs=0.01)
        cells_kw = power_kw / 0.95 if power_kw > 0 else power_kw * 0.95
        moved_kwh = before_kwh - plant.battery.energy_kwh
        assert moved_kwh == pytest.approx(cells_kw * 0.1, abs=0.05)
        assert last.fed_kwh is not None
        assert last.drawn_kwh is not None
        assert last.fed_kwh - last.drawn_kwh == pytest.approx(power_kw * 0.1, abs=0.1)
        assert [one.sequence for one in plant.handler.events] == list(
            range(len(plant.handler.events))
        )

    play(scene, family)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_lost_line_ends_the_order(family: str) -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(25.0)
        await plant.after(60.0)
        assert plant.battery.power_kw == pytest.approx(25.0)
        await plant.battery.stop()
        await plant.after(OFFLINE_S + 5.0)
        assert plant.handler.lost == ["battery-1"]
        assert plant.battery.setpoint_kw is None
        assert plant.battery.power_kw == 0.0
        assert await plant.order(10.0) is OrderResult.OFFLINE

    play(scene, family)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("power_kw", [math.nan, math.inf, -math.inf, 50.1, -50.1, 1e308])
def test_what_must_not_leave_is_refused(family: str, power_kw: float) -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(5.0)
        writes = plant.battery.writes
        assert await plant.order(power_kw) is OrderResult.REFUSED
        assert plant.battery.writes == writes
        assert plant.battery.setpoint_kw == pytest.approx(5.0)

    play(scene, family)


def test_an_order_of_another_transaction_is_refused() -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin()
        assert await plant.order(5.0, "another") is OrderResult.REFUSED
        assert plant.battery.setpoint_kw == 0.0

    play(scene)


def test_a_battery_that_comes_back_goes_on_with_its_transaction() -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(5.0)
        port = plant.battery.port
        await plant.battery.stop()
        await plant.after(20.0)
        assert plant.handler.lost == ["battery-1"]
        await plant.battery.start(port=port)
        await plant.after(70.0)
        assert plant.handler.online == ["battery-1", "battery-1"]
        assert len(plant.handler.asked) == 1
        assert {one.transaction for one in plant.handler.events} == {plant.transaction}
        assert await plant.begin(7.0) is OrderResult.ACCEPTED

    play(scene)


def test_of_three_orders_at_once_the_one_in_the_middle_is_never_sent() -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin()
        writes = plant.battery.writes
        results = await asyncio.gather(plant.order(1.0), plant.order(2.0), plant.order(3.0))
        assert results[1] is OrderResult.REPLACED
        assert results[2] is OrderResult.ACCEPTED
        assert plant.battery.setpoint_kw == pytest.approx(3.0)
        assert plant.battery.writes - writes <= 6

    play(scene)


def test_a_silent_battery_is_lost_and_its_orders_time_out() -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(5.0)
        plant.battery.silent = True
        assert await plant.order(8.0) is OrderResult.TIMED_OUT
        assert plant.handler.lost == ["battery-1"]
        assert await plant.order(9.0) is OrderResult.OFFLINE
        plant.battery.silent = False
        await plant.after(10.0)
        assert plant.handler.online == ["battery-1", "battery-1"]

    play(scene)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_standing_order_is_written_again_before_it_would_end(family: str) -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(-5.0)
        for _ in range(20):
            await plant.after(OFFLINE_S / 3)
            assert plant.battery.setpoint_kw == pytest.approx(-5.0)
        assert plant.battery.writes <= 3 * 25
        assert not plant.handler.refusals

    play(scene, family)


def test_without_orders_nothing_is_written() -> None:
    async def scene(plant: Plant) -> None:
        await plant.after(600.0)
        assert plant.battery.writes == 0
        assert plant.handler.events[-1].sequence >= 140

    play(scene)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_set_point_changed_by_somebody_else_is_told_and_written_again(family: str) -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(5.0)
        await plant.battery.stop()
        plant.battery.setpoint_kw = None  # as after a restart of the battery
        await plant.battery.start(port=plant.battery.port)
        await plant.after(8.0)
        assert plant.handler.lost == ["battery-1"]
        await plant.begin(5.0)
        plant.battery.setpoint_kw = None  # somebody else takes it away
        await plant.after(5.0)
        assert plant.battery.setpoint_kw == pytest.approx(5.0)
        (refusal,) = plant.handler.refusals
        assert refusal.rule == "set-point changed by somebody else"

    play(scene, family)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fault_of_the_battery_is_one_alarm_until_it_is_over(family: str) -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(5.0)
        plant.battery.alarm_bits = 1 << 7 | 1 << 10
        await plant.after(12.0)
        plant.battery.alarm_bits = 1 << 10
        await plant.after(12.0)
        plant.battery.alarm_bits = 0
        await plant.after(12.0)
        (begun, ended) = plant.handler.alarms
        assert begun == (
            "battery_fault",
            False,
            "takes no orders, over temperature, AC over-voltage",
        )
        assert ended == ("battery_fault", True, "")

    play(scene, family)


def test_release_gives_the_battery_back() -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(5.0)
        released = await plant.adapter.release("battery-1", 1, plant.transaction)
        assert released is OrderResult.ACCEPTED
        assert plant.battery.setpoint_kw is None
        await plant.after(60.0)
        assert plant.battery.setpoint_kw is None
        assert await plant.order(5.0) is OrderResult.REFUSED

    play(scene)


def test_discharging_ends_where_it_is_no_longer_allowed() -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(5.0)
        assert await plant.adapter.allow("battery-1", plant.transaction, False) is (
            OrderResult.ACCEPTED
        )
        assert plant.battery.setpoint_kw == 0.0
        assert await plant.order(5.0) is OrderResult.REFUSED
        assert await plant.order(-5.0) is OrderResult.ACCEPTED

    play(scene)


def test_an_operator_reads_a_model_and_nothing_else() -> None:
    async def scene(plant: Plant) -> None:
        shown = await plant.adapter.call("battery-1", "ReadModel", {"model": 713})
        assert shown["points"]["SoC"] == pytest.approx(50.0)
        for station, action, model in (
            ("battery-1", "WriteModel", 713),
            ("battery-1", "ReadModel", 64_001),
            ("battery-2", "ReadModel", 713),
        ):
            with pytest.raises(InputError):
                await plant.adapter.call(station, action, {"model": model})

    play(scene)


def test_the_battery_stops_at_empty_and_the_meter_says_so() -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(50.0)
        await plant.after(3600.0)
        assert plant.battery.soc == 0.0
        assert plant.handler.last.power_kw == 0.0
        assert plant.handler.last.fed_kwh == pytest.approx(50.0 * 0.95, abs=0.1)

    play(scene)


def test_plain_modbus_to_another_machine_needs_a_trusted_network() -> None:
    with pytest.raises(ConfigError, match="trusted_network"):
        entry(502, host="192.0.2.7")
    assert entry(502, host="192.0.2.7", trusted_network=True).host == "192.0.2.7"
    assert entry(802, host="192.0.2.7", ca_file="ca.pem").ca_file == "ca.pem"
    with pytest.raises(ConfigError, match="key_file"):
        entry(802, ca_file="ca.pem", certificate_file="ours.pem")


def test_less_than_rated_is_used_where_the_registration_says_so() -> None:
    async def scene(plant: Plant) -> None:
        (asked,) = plant.handler.asked
        assert (asked.max_charge_kw, asked.max_discharge_kw) == (50.0, 10.0)
        assert asked.to_reserve_kwh == pytest.approx(30.0 - 50.0)
        await plant.begin(10.0)
        assert await plant.order(11.0) is OrderResult.REFUSED

    play(scene, discharge_kw=10.0, charge_kw=80.0, reserve_soc=0.3)


@pytest.mark.parametrize("error", [OutputError("the disk is full"), RuntimeError("a mistake")])
def test_what_the_service_cannot_take_in_ends_one_connection_only(error: Exception) -> None:
    async def scene(plant: Plant) -> None:
        await plant.begin(5.0)
        plant.handler.broken = error
        await plant.after(25.0)
        assert plant.handler.lost
        assert type(error).__name__ in str(plant.handler.refusals) or str(error) in str(
            plant.handler.refusals
        )
        assert plant.battery.setpoint_kw is not None  # until its own timer ends it
        await plant.after(OFFLINE_S)
        assert plant.battery.setpoint_kw is None
        plant.handler.broken = None
        await plant.after(70.0)
        assert await plant.begin(7.0) is OrderResult.ACCEPTED
        sequences = [one.sequence for one in plant.handler.events]
        assert sequences == sorted(set(sequences))

    play(scene)

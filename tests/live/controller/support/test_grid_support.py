"""Functions are given, watched and taken away, whatever stations answer and whenever they boot."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.controller.support import curves
from evergrid.live.controller.support.grid_support import GridSupport
from evergrid.live.controller.support.response import ResponseState
from evergrid.live.controller.vehicles.vehicle import PowerRange
from evergrid.live.devices.adapter import Device, MeterReading, OrderResult
from evergrid.live.ocpp import grid_functions
from evergrid.live.ocpp.grid_functions import FreqDroop, GridFunction, VoltVar
from tests.live.controller_cases import START_S, MemoryLog, config

DEVICES = [Device("s0", "depot", 11.0, 11.0), Device("s1", "depot", 11.0, 11.0)]
ABLE = frozenset({"VoltVar", "FreqDroop"})
BOTH_WAYS = PowerRange(-11.0, 11.0, 4.14)


@dataclass
class RecordedFunctions:
    """Stations that take what they are given; `answers` has those that do not."""

    there: dict[tuple[str, str], GridFunction] = field(default_factory=dict)
    answers: dict[str, OrderResult] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)

    async def set(self, station: str, function: GridFunction) -> OrderResult:
        self.calls.append(("set", station, function.control))
        self.there[station, function.control] = function
        return self.answers.get(station, OrderResult.ACCEPTED)

    async def clear(self, station: str, control: str, *, default: bool = False) -> OrderResult:
        self.calls.append(("clear", station, control))
        assert default
        self.there.pop((station, control), None)
        return self.answers.get(station, OrderResult.ACCEPTED)


@dataclass
class RecordedAlarms:
    lasting: dict[tuple[str, str], str] = field(default_factory=dict)

    def raise_alarm(self, kind: str, source: str, text: str) -> None:
        self.lasting.setdefault((kind, source), text)

    def end_alarm(self, kind: str, source: str) -> None:
        self.lasting.pop((kind, source), None)

    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.lasting}


class Rig:
    """Grid support of two stations, with slopes in a table."""

    def __init__(self, folder: Path, *, slope: float | None = 7.0, **given: Any) -> None:
        self.file = folder / "inverters.csv"
        self.table(slope)
        settings = {"grid_strength": {"file": str(self.file)} | given.pop("source", {})}
        self.config = config(**(settings | given))
        self.functions, self.alarms = RecordedFunctions(), RecordedAlarms()
        self.clock, self.log = VirtualClock(START_S), MemoryLog()
        self.support = self.again()

    def again(self) -> GridSupport:
        """The same after a restart."""
        support = GridSupport(
            self.config,
            self.file.parent,
            DEVICES,
            self.functions,
            self.alarms,
            self.log,
            self.clock,
        )
        support.restore(one for one in self.log.entries if one.kind == "grid_function")
        return support

    def table(self, slope: float | None) -> None:
        rows = "" if slope is None else f"depot,100.0,{slope}\n"
        self.file.write_text(f"bus,rating_kva,advised_slope\n{rows}")

    def reading(self, **values: float) -> MeterReading:
        return MeterReading(self.clock.now_s() + 60.0, **({"power_kw": 0.0} | values))


VOLT = curves.CONTROLS["VoltVar"]
FREQ = curves.CONTROLS["FreqDroop"]


def test_a_capable_station_gets_the_safe_slope_when_it_connects_and_again_when_it_boots(
    tmp_path: Path,
):
    rig = Rig(tmp_path)
    asyncio.run(rig.support.described("s0", ABLE))
    asyncio.run(rig.support.described("s1", frozenset({"FreqDroop"})))
    assert rig.functions.calls == [("set", "s0", VOLT)]
    function = rig.functions.there["s0", VOLT]
    assert isinstance(function, VoltVar)
    assert curves.steepest(grid_functions.payload(function)) == pytest.approx(7.0)
    asyncio.run(rig.support.described("s0", ABLE))
    assert rig.functions.calls == 2 * [("set", "s0", VOLT)]


def test_a_droop_is_given_by_itself(tmp_path: Path):
    rig = Rig(tmp_path, grid_strength=None, frequency_droop={"product": "fcr"})
    asyncio.run(rig.support.described("s0", ABLE))
    function = rig.functions.there["s0", FREQ]
    assert isinstance(function, FreqDroop)
    assert function.droop == pytest.approx(0.2 / 50.0)


def test_a_slope_steeper_than_the_safe_one_is_refused(tmp_path: Path):
    rig = Rig(tmp_path, slope=3.0, source={"slope": 4.0})
    asyncio.run(rig.support.described("s0", ABLE))
    assert rig.functions.calls == []
    assert rig.alarms.lasting["grid_function_too_steep", "s0"].startswith("a slope of 4 is steeper")
    flatter = Rig(tmp_path, slope=5.0, source={"slope": 4.0})
    asyncio.run(flatter.support.described("s0", ABLE))
    payload = grid_functions.payload(flatter.functions.there["s0", VOLT])
    assert curves.steepest(payload) == pytest.approx(4.0)


def test_an_operators_own_curve_that_is_steeper_is_refused(tmp_path: Path):
    rig = Rig(tmp_path, slope=3.0)
    steep, flat = (
        grid_functions.payload(VoltVar("own", ((0.9, share), (1.1, -share)), 5.0))
        for share in (0.4, 0.2)
    )
    with pytest.raises(InputError, match="no steeper than 3"):
        rig.support.check("s0", "SetDERControl", steep)
    rig.support.check("s0", "SetDERControl", flat)
    rig.support.check("elsewhere", "SetDERControl", steep)
    rig.support.check("s0", "ClearDERControl", {"isDefault": True})


def test_what_the_table_no_longer_lists_is_taken_away(tmp_path: Path):
    rig = Rig(tmp_path)

    async def scene() -> None:
        await rig.support.described("s0", ABLE)
        await rig.support.look()
        assert len(rig.functions.calls) == 1
        rig.table(2.0)
        await rig.support.look()
        payload = grid_functions.payload(rig.functions.there["s0", VOLT])
        assert curves.steepest(payload) == pytest.approx(2.0)
        rig.table(None)
        await rig.support.look()
        assert rig.functions.there == {}
        assert rig.support.responses["s0"] == {}

    asyncio.run(scene())


def test_a_table_that_is_gone_lists_nobody_and_a_broken_one_changes_nothing(tmp_path: Path):
    rig = Rig(tmp_path)

    async def scene() -> None:
        await rig.support.described("s0", ABLE)
        rig.file.write_text("nonsense")
        await rig.support.look()
        assert ("s0", VOLT) in rig.functions.there
        assert rig.alarms.kinds() == {"grid_strength_file"}
        rig.file.unlink()
        await rig.support.look()
        assert rig.functions.there == {}
        assert rig.alarms.kinds() == set()

    asyncio.run(scene())


def test_what_was_given_before_a_restart_is_taken_away_after_it(tmp_path: Path):
    rig = Rig(tmp_path)
    asyncio.run(rig.support.described("s0", ABLE))
    rig.table(None)
    fresh = rig.again()
    asyncio.run(fresh.described("s1", ABLE))
    assert rig.functions.calls == [("set", "s0", VOLT)]
    asyncio.run(fresh.described("s0", ABLE))
    assert rig.functions.calls[1:] == [("clear", "s0", VOLT)]
    asyncio.run(rig.again().described("s0", ABLE))
    assert len(rig.functions.calls) == 2


def test_what_an_operator_clears_is_not_given_again(tmp_path: Path):
    rig = Rig(tmp_path)

    async def scene() -> None:
        await rig.support.described("s0", ABLE)
        await rig.support.called("s0", "ClearDERControl", {"isDefault": True, "controlId": VOLT})
        await rig.support.described("s0", ABLE)
        await rig.support.described("s1", ABLE)

    asyncio.run(scene())
    assert rig.functions.calls == [("set", "s0", VOLT), ("set", "s1", VOLT)]


def test_a_station_that_rejects_raises_an_alarm_until_it_takes_it(tmp_path: Path):
    rig = Rig(tmp_path)
    rig.functions.answers["s0"] = OrderResult.REJECTED
    asyncio.run(rig.support.described("s0", ABLE))
    assert rig.alarms.kinds() == {"grid_function_refused"}
    assert rig.support.responses.get("s0", {}) == {}
    del rig.functions.answers["s0"]
    asyncio.run(rig.support.described("s0", ABLE))
    assert rig.alarms.kinds() == set()


def test_meters_verify_a_curve_or_raise_an_alarm_after_so_many_values(tmp_path: Path):
    rig = Rig(tmp_path, source={"meter_values": 4})
    asyncio.run(rig.support.described("s0", ABLE))
    response = rig.support.responses["s0"]["VoltVar"]
    low_v = 0.95 * 230.0  # 0.03 pu beyond the dead band: 0.21 of 11 kVA
    good = rig.reading(voltage_v=low_v, reactive_kvar=0.21 * 11.0)
    none = rig.reading(voltage_v=low_v, reactive_kvar=0.0)
    quiet = rig.reading(voltage_v=230.0, reactive_kvar=0.0)

    def show(reading: MeterReading, count: int = 1) -> ResponseState:
        for _ in range(count):
            rig.support.observe("s0", reading, 0.0, BOTH_WAYS)
        return response.state

    assert show(quiet, 10) is ResponseState.UNSEEN
    assert show(good, 2) is ResponseState.VERIFIED
    assert show(none, 3) is ResponseState.VERIFIED
    assert rig.alarms.kinds() == set()
    assert show(none) is ResponseState.UNRESPONSIVE
    assert rig.alarms.kinds() == {"grid_function_unresponsive"}
    assert show(good, 2) is ResponseState.VERIFIED
    assert rig.alarms.kinds() == set()
    stray = rig.reading(voltage_v=230.0, reactive_kvar=3.0)
    assert show(stray, 4) is ResponseState.UNRESPONSIVE


def test_a_value_before_the_response_time_or_without_reactive_power_tells_nothing(tmp_path: Path):
    rig = Rig(tmp_path, source={"meter_values": 1})
    asyncio.run(rig.support.described("s0", ABLE))
    early = MeterReading(rig.clock.now_s() + 2.0, 0.0, 0.0, voltage_v=210.0)
    rig.support.observe("s0", early, 0.0, BOTH_WAYS)
    rig.support.observe("s0", rig.reading(voltage_v=210.0), 0.0, BOTH_WAYS)
    assert rig.alarms.kinds() == set()


@pytest.mark.parametrize(
    ("power_kw", "state"),
    [(5.5, ResponseState.VERIFIED), (0.0, ResponseState.UNRESPONSIVE)],
)
def test_a_droop_is_verified_in_active_power(tmp_path: Path, power_kw: float, state: ResponseState):
    droop = {"deadband_hz": 0.0, "full_hz": 0.2}
    rig = Rig(tmp_path, frequency_droop=droop)
    asyncio.run(rig.support.described("s0", ABLE))
    reading = rig.reading(power_kw=power_kw, frequency_hz=49.9)
    for _ in range(3):
        shift = rig.support.take("s0", reading, 0.0, BOTH_WAYS)
        assert shift == pytest.approx(5.5)
    assert rig.support.responses["s0"]["FreqDroop"].state is state
    assert rig.support.take("s0", reading, 8.0, BOTH_WAYS) == pytest.approx(3.0)
    assert rig.support.shift_kw("s1", 49.0) == 0.0


@pytest.mark.parametrize(
    ("power_kw", "state"),
    [
        (0.0, ResponseState.VERIFIED),  # it rests, as its least current is more than is asked for
        (-4.14, ResponseState.VERIFIED),
        (-4.83, ResponseState.UNRESPONSIVE),
        (-2.07, ResponseState.UNRESPONSIVE),
    ],
)
def test_a_droop_to_below_the_least_current_may_rest(
    tmp_path: Path, power_kw: float, state: ResponseState
):
    rig = Rig(tmp_path, frequency_droop={"deadband_hz": 0.0, "full_hz": 0.2})
    asyncio.run(rig.support.described("s0", ABLE))
    reading = rig.reading(power_kw=power_kw, frequency_hz=49.95)  # 2.75 kW more than ordered
    for _ in range(3):
        rig.support.take("s0", reading, -4.83, BOTH_WAYS)
    assert rig.support.responses["s0"]["FreqDroop"].state is state

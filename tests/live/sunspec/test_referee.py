"""Our map of points, and our simulated battery, read by the SunSpec Alliance's own library."""

import asyncio
import json
from importlib.resources import files
from typing import Any

import pytest

from evergrid.live.clock import VirtualClock
from evergrid.live.sunspec import registers
from evergrid.live.sunspec.models import POINTS
from evergrid.live.sunspec.registers import Text
from evergrid.live.sunspec.simulated import SimulatedBattery
from evergrid.live.sunspec.simulated_map import BatterySize

pytest.importorskip("sunspec2", reason="pysunspec2 is not installed")

KIND = {
    "int16": registers.INT16,
    "uint16": registers.UINT16,
    "enum16": registers.ENUM16,
    "bitfield16": registers.BITS16,
    "sunssf": registers.EXPONENT,
    "int32": registers.INT32,
    "uint32": registers.UINT32,
    "bitfield32": registers.BITS32,
    "uint64": registers.UINT64,
}


def published(model: int) -> dict[str, dict[str, Any]]:
    text = (files("sunspec2") / "models" / "json" / f"model_{model}.json").read_text()
    points, offset = {}, 0
    for point in json.loads(text)["group"]["points"]:
        points[point["name"]] = {**point, "offset": offset}
        offset += point["size"]
    return points


@pytest.mark.parametrize("model", sorted(POINTS))
def test_every_point_stands_where_it_was_published(model: int) -> None:
    theirs = published(model)
    for name, ours in POINTS[model].items():
        assert ours.offset == theirs[name]["offset"], name
        if isinstance(ours, Text):
            assert (theirs[name]["type"], theirs[name]["size"]) == ("string", ours.registers)
            continue
        assert ours.kind == KIND[theirs[name]["type"]], name
        assert ours.scale == theirs[name].get("sf", ""), name


@pytest.mark.parametrize(
    ("family", "models"),
    [("der", {1, 701, 702, 704, 713, 64_001}), ("storage", {1, 103, 120, 124, 802})],
)
def test_the_simulated_battery_is_one_to_the_alliances_library(
    family: Any, models: set[int]
) -> None:
    from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

    async def scene() -> None:
        battery = SimulatedBattery(BatterySize(family=family), VirtualClock(0.0), soc=0.4)
        await battery.start()
        device = SunSpecModbusClientDeviceTCP(
            slave_id=1, ipaddr="127.0.0.1", ipport=battery.port, timeout=2.0
        )
        try:
            await asyncio.to_thread(device.scan)
            found = {int(key) for key in device.models if isinstance(key, int)}
            assert found == models
            if family == "der":
                assert device.models[713][0].points["SoC"].cvalue == pytest.approx(40.0)
                assert device.models[702][0].points["WChaRteMax"].cvalue == 50_000
                control = device.models[704][0]
                control.points["WSetMod"].value = 1
                control.points["WSet"].cvalue = 12_000
                control.points["WSetRvrtTms"].value = 60
                control.points["WSetEna"].value = 1
                await asyncio.to_thread(control.write)
                assert battery.setpoint_kw == 12.0
                assert battery.reverts_s == 60.0
            else:
                assert device.models[124][0].points["ChaState"].cvalue == pytest.approx(40.0)
                assert device.models[802][0].points["WHRtg"].cvalue == 100_000
        finally:
            await asyncio.to_thread(device.close)
            await battery.stop()

    asyncio.run(scene())

"""Devices of several kinds behind one adapter."""

import asyncio

import pytest

from evergrid.core.errors import InputError
from evergrid.live.clock import VirtualClock
from evergrid.live.devices.adapter import OrderResult, PowerOrder, Session
from evergrid.live.devices.routing import DeviceAdapters
from tests.live.controller_cases import SimpleStations


def test_every_device_is_reached_by_the_adapter_of_its_kind() -> None:
    async def scene() -> None:
        usual, batteries = (SimpleStations(VirtualClock(0.0)) for _ in range(2))
        batteries.rejects.add("battery-1")
        routed = DeviceAdapters(usual, (batteries, ["battery-1", "battery-2"]))
        for name in ("s0", "battery-2", "battery-1"):
            result = await routed.order(PowerOrder(name, 1, "t", 5.0))
            assert (result is OrderResult.REJECTED) == (name == "battery-1")
            await routed.begin(Session(name, 1, "t", 5.0, 5.0, 1.0))
            assert await routed.release(name, 1, "t") is OrderResult.ACCEPTED
            assert await routed.allow(name, "t", True) is OrderResult.ACCEPTED
            assert await routed.call(name, "Any", {}) == {"status": "Accepted"}
        assert [one.station for _, one in usual.orders] == ["s0"]
        assert [one.station for one in batteries.begun] == ["battery-2", "battery-1"]

    asyncio.run(scene())


def test_a_device_of_two_kinds_is_refused() -> None:
    usual, one, other = (SimpleStations(VirtualClock(0.0)) for _ in range(3))
    with pytest.raises(InputError, match="battery-1"):
        DeviceAdapters(usual, (one, ["battery-1"]), (other, ["battery-1"]))

"""A station gets a new secret, and is never locked out on the way."""

import asyncio
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from evergrid.live.devices.adapter import OrderResult
from tests.live.ocpp.recorder import SECRET, registered, running
from tests.live.ocpp.station_client import StationClient


def _answer(status: str) -> Any:
    return lambda payload: {
        "setVariableResult": [
            {"attributeStatus": status, "component": one["component"], "variable": one["variable"]}
            for one in payload["setVariableData"]
        ]
    }


async def _connected(port: int, secret: str) -> StationClient:
    station = StationClient("cp-1")
    await station.connect(port, secret=secret)
    return station


def test_the_first_use_of_the_new_secret_makes_the_old_one_void():
    asyncio.run(_rotated())


async def _rotated():
    async with running(registered("cp-1"), boot_wait_s=30.0) as (system, handler, port):
        station = await _connected(port, SECRET)
        await handler.until(lambda: handler.names("cp-1") == ["connected"])
        assert await system.rotation.rotate("cp-1") is OrderResult.ACCEPTED
        new = station.last("SetVariables")["setVariableData"][0]["attributeValue"]
        assert 16 <= len(new) <= 40
        await asyncio.wait_for(station.close(), 5)  # it was asked to come back
        old = await _connected(port, SECRET)  # as one that lost the new secret does
        await old.close()
        fresh = await _connected(port, new)
        await fresh.ask("Heartbeat", {})
        with pytest.raises(InvalidStatus):
            await _connected(port, SECRET)
        assert new not in str([row.text for row in system.messages("cp-1")])
        await fresh.close()


@pytest.mark.parametrize("status", ["Rejected", "UnknownVariable"])
def test_a_station_that_refuses_keeps_its_secret_alone(status: str):
    asyncio.run(_refused(status))


async def _refused(status: str):
    async with running(registered("cp-1"), boot_wait_s=30.0) as (system, _, port):
        station = await _connected(port, SECRET)
        station.on["SetVariables"] = _answer(status)
        await station.ask("Heartbeat", {})
        assert await system.rotation.rotate("cp-1") is OrderResult.REJECTED
        new = station.last("SetVariables")["setVariableData"][0]["attributeValue"]
        with pytest.raises(InvalidStatus):
            await _connected(port, new)
        await station.ask("Heartbeat", {})
        await station.close()


def test_without_an_answer_both_secrets_are_good_until_one_is_used():
    asyncio.run(_silent())


async def _silent():
    async with running(registered("cp-1"), boot_wait_s=30.0, call_timeout_s=0.3) as (
        system,
        _,
        port,
    ):
        station = await _connected(port, SECRET)
        station.on["SetVariables"] = lambda payload: None
        await station.ask("Heartbeat", {})
        assert await system.rotation.rotate("cp-1") is OrderResult.TIMED_OUT
        new = station.last("SetVariables")["setVariableData"][0]["attributeValue"]
        await station.close()
        for secret in (SECRET, new):
            await (await _connected(port, secret)).close()
        assert await system.rotation.rotate("nobody") is OrderResult.OFFLINE

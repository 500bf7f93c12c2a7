"""Grid functions, holds, renewals and messages of stations that are behind gateways."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evergrid.core.errors import InputError
from evergrid.live.clock import WallClock
from evergrid.live.devices.adapter import OrderResult
from evergrid.live.gateway import gateway_functions
from evergrid.live.gateway.gateway_functions import GatewayFunctions, GatewayMaintenance
from evergrid.live.ocpp.admission.authority import Authority
from evergrid.live.ocpp.charging.profiles import LocalFrequency, SignalResponse
from evergrid.live.ocpp.grid_functions import FreqDroop, VoltVar
from evergrid.live.registers.certificate_issuer import CertificateIssuer
from tests.live.controller_cases import MemoryLog
from tests.live.gateway.cases import Scene, grid_client, soon
from tests.live.gateway.memory_broker import MemoryBroker, Network
from tests.live.gateway.test_gateway import SESSION, played
from tests.live.ocpp.certificate_cases import CN, NOW, authority, csr
from tests.live.ocpp.recorder import SECRET
from tests.live.ocpp.station_client import StationClient

VOLT_VAR = VoltVar("vv", ((0.92, 0.44), (0.98, 0.0), (1.02, 0.0), (1.08, -0.44)), 5.0)
DROOP = FreqDroop("fd", 50.02, 49.98, 0.02, 1.0)


async def grid_station(found: Scene, gateway: str = "a") -> StationClient:
    """A station with grid functions that has connected and has been described."""
    client, described = grid_client("cp-1"), found.described("cp-1")
    await client.connect(found.ports[gateway], secret=SECRET)
    await found.handler.until(lambda: found.described("cp-1") > described)
    return client


@pytest.mark.parametrize("function", [VOLT_VAR, DROOP])
def test_a_function_is_given_read_back_and_taken_away(function: VoltVar | FreqDroop):
    async def work(found: Scene, network: Network):
        functions = GatewayFunctions(found.stations)
        assert await functions.set("cp-1", function) is OrderResult.OFFLINE
        station = await grid_station(found)
        assert found.handler.found["cp-1"].grid_functions == {"VoltVar", "FreqDroop"}
        assert await functions.set("cp-1", function) is OrderResult.ACCEPTED
        assert station.count("GetDERControl") == 1
        clear = functions.clear("cp-1", function.control, default=True)
        assert await clear is OrderResult.ACCEPTED
        assert station.last("ClearDERControl") == {
            "isDefault": True,
            "controlId": function.control,
        }
        station.on["SetDERControl"] = lambda payload: {"status": "Rejected"}
        assert await functions.set("cp-1", function) is OrderResult.REJECTED

    played(work)


def test_a_function_that_breaks_a_rule_is_refused_at_the_gateway():
    async def work(found: Scene, network: Network):
        station = await grid_station(found)
        rising = VoltVar("vv", ((0.92, -0.4), (1.08, 0.4)), 5.0)
        refused = await GatewayFunctions(found.stations).set("cp-1", rising)
        assert refused is OrderResult.REFUSED
        await soon(lambda: bool(found.handler.refusals))
        assert found.handler.refusals[0].rule == "grid function breaks rules"
        assert not station.count("SetDERControl")

    played(work)


def test_a_session_follows_the_frequency_or_a_signal_by_itself():
    async def work(found: Scene, network: Network):
        station, orders = await found.station("cp-1", "a"), found.stations
        assert await orders.signal("cp-2", 5) is OrderResult.OFFLINE
        await station.transaction("Started", "tx-1", token="driver")
        droop = LocalFrequency(-1.0, ((49.8, 9.0), (50.0, 0.0), (50.2, -9.0)))
        assert await orders.begin(SESSION, droop) is OrderResult.ACCEPTED
        profile = station.last("SetChargingProfile")["chargingProfile"]
        (period,) = profile["chargingSchedule"][0]["chargingSchedulePeriod"]
        assert period["operationMode"] == "LocalFrequency"
        assert period["v2xFreqWattCurve"][0] == {"frequency": 49.8, "power": -9000.0}
        curve = SignalResponse(0.0, ((-100, -10.0), (100, 10.0)))
        assert await orders.begin(SESSION, curve) is OrderResult.ACCEPTED
        assert await orders.signal("cp-1", 50) is OrderResult.ACCEPTED
        assert station.last("AFRRSignal")["signal"] == 50

    played(work)


def test_messages_and_profiles_of_a_station_come_from_its_gateway():
    async def work(found: Scene, network: Network):
        care = GatewayMaintenance(found.stations)
        assert "no gateway" in (await care.connection("cp-1")).reason
        station = await found.station("cp-1", "b")
        await station.ask("Heartbeat", {})
        known = await care.connection("cp-1")
        assert known.reason == ""
        assert known.security_profile == 1
        assert "Heartbeat" in {row.action for row in known.messages}
        assert [one["id"] for one in known.profiles] == [900]
        assert SECRET not in str(known)

    played(work)


def test_a_gateway_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gateway_functions, "LOOK_PATIENCE_S", 0.3)

    async def work(found: Scene, network: Network):
        care = GatewayMaintenance(found.stations)
        await found.station("cp-1", "a")
        broker = found.brokers["a"]
        assert isinstance(broker, MemoryBroker)
        broker.cut = True
        assert (await care.connection("cp-1")).reason == "its gateway does not answer"
        broker.cut = False

    played(work)


def test_a_hold_holds_at_whichever_gateway_the_station_boots():
    async def work(found: Scene, network: Network):
        care, booted = GatewayMaintenance(found.stations), list[str]()
        with pytest.raises(InputError, match="be a registered one"):
            await care.hold("nobody", True)
        await care.hold("cp-1", True)  # while it is connected nowhere
        station, elsewhere = StationClient("cp-1"), StationClient("cp-1")
        for one, gateway in ((elsewhere, "a"), (station, "b")):
            await one.connect(found.ports[gateway], secret=SECRET)
            booted.append((await one.boot())["status"])
        assert booted == ["Pending", "Pending"]
        assert (await care.connection("cp-1")).pending
        await care.hold("cp-1", False)
        await soon(lambda: station.count("TriggerMessage") == 1)
        assert station.last("TriggerMessage") == {"requestedMessage": "BootNotification"}
        assert (await station.boot())["status"] == "Accepted"
        assert not (await care.connection("cp-1")).pending

    played(work)


def test_a_password_is_renewed_through_a_gateway():
    async def work(found: Scene, network: Network):
        care = GatewayMaintenance(found.stations)
        assert (await care.renew_password("cp-1")).result is OrderResult.OFFLINE
        station = await found.station("cp-1", "a")
        assert (await care.renew_password("cp-1")).result is OrderResult.ACCEPTED
        new = station.last("SetVariables")["setVariableData"][0]["attributeValue"]
        again = StationClient("cp-1")
        await soon(lambda: bool(record(found, "b").next_secret_hmac))
        await again.connect(found.ports["b"], secret=new)

    played(work)


def record(found: Scene, gateway: str) -> Any:
    one = found.gateways[gateway].register.find("cp-1")
    assert one is not None
    return one


def test_a_certificate_is_signed_by_the_service_and_known_at_every_gateway(tmp_path: Path):
    async def work(found: Scene, network: Network):
        log, told = MemoryLog(), found.register
        told.records["cp-1"] = replace(told.records["cp-1"], serial_number="SN1")
        signs = Authority(*authority(tmp_path), now_s=NOW.timestamp())
        found.stations._issuer = CertificateIssuer(signs, told, log, WallClock())
        station = await found.station("cp-1", "a")
        answer = await station.ask("SignCertificate", {"csr": csr((CN, "SN2"))})
        assert answer["statusInfo"]["reasonCode"] == "InvalidCSR"
        answer = await station.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
        assert answer == {"status": "Accepted"}
        await soon(lambda: len(log.entries) == 2)
        assert station.last("CertificateSigned")["certificateChain"].startswith("-----BEGIN")
        await soon(lambda: bool(record(found, "b").next_certificate))
        await found.gateways["b"].register.use_next_certificate("cp-1")
        await soon(lambda: bool(record(found, "a").certificate))
        assert not record(found, "a").next_certificate

    played(work, signs=True)

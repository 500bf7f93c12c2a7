"""A simulated station asks for certificates as OCPP says, and looks at what it gets."""

import asyncio
import itertools
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from evergrid.live.clock import WallClock
from evergrid.live.devices.adapter import OrderResult
from evergrid.live.ocpp.admission.authority import Authority
from evergrid.live.ocpp.admission.tls import server_context
from evergrid.live.ocpp.central_system import Listener
from evergrid.live.registers.certificate_issuer import CertificateIssuer
from evergrid.live.twin.charging.profiles import seconds
from evergrid.live.twin.wire.variables import Name
from tests.live.controller_cases import MemoryLog
from tests.live.ocpp.certificate_cases import CN, NOW, authority, csr, pem_of
from tests.live.ocpp.recorder import Register, registered, running
from tests.live.twin.device.rig import NAME, START_S, rig, run, station

VERSIONS = ("ocpp2.1", "ocpp2.0.1")
BACK_OFF = Name("OCPPCommCtrlr", "RetryBackOffWaitMinimum")
RANGE = Name("OCPPCommCtrlr", "RetryBackOffRandomRange")
TRIGGER = {"requestedMessage": "SignChargingStationCertificate"}


@pytest.fixture(scope="module")
def signs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Good at the rig's time too."""
    files = authority(tmp_path_factory.mktemp("authority"), before=400.0)
    return Authority(*files, now_s=NOW.timestamp())


def alone(name: str) -> list[str]:
    return [NAME]


def chain(signs: Authority, asked: str, serial: str = f"SN-{NAME}", at_s: float = START_S) -> str:
    return signs.sign(asked, serial, alone, at_s).chain


@pytest.mark.parametrize("protocol", VERSIONS)
def test_a_trigger_is_followed_by_a_request_and_a_good_certificate_is_taken(
    signs: Authority, protocol: str
):
    async def test() -> None:
        async with rig([], protocol=protocol) as (clock, central, one, _):
            await clock.run(60.0)
            assert await central.call(NAME, "TriggerMessage", TRIGGER) == {"status": "Accepted"}
            await clock.run(61.0)
            (asked,) = central.of("SignCertificate")
            request = x509.load_pem_x509_csr(asked["csr"].encode())
            assert request.subject.rfc4514_string() == f"CN=SN-{NAME},O=Evergrid"
            told = {
                "certificateChain": chain(signs, asked["csr"]),
                "certificateType": asked["certificateType"],
            }
            if protocol == "ocpp2.1":
                told["requestId"] = asked["requestId"]
            assert await central.call(NAME, "CertificateSigned", told) == {"status": "Accepted"}
            await clock.run(400.0)
            assert len(central.of("SignCertificate")) == 1  # nothing is left to ask for
            assert one.certificate.chain == told["certificateChain"]
            assert not one.record.broken

    run(test)


def test_without_a_certificate_it_asks_again_after_longer_and_longer_and_gives_up():
    async def test() -> None:
        async with rig([]) as (clock, central, one, _):
            times: list[float] = []
            central.hook = lambda name, action, payload: (
                times.append(clock.now_s()) if action == "SignCertificate" else None
            )
            await clock.run(60.0)
            await central.call(NAME, "TriggerMessage", TRIGGER)
            await clock.run(1000.0)
            waits = [after - before for before, after in itertools.pairwise(times)]
            assert waits == pytest.approx([30.0, 60.0, 120.0], abs=0.1)
            assert len(set(one.certificate.requests)) == 4  # each of another key

    run(test)


def test_a_request_that_is_refused_is_not_repeated():
    async def test() -> None:
        async with rig([]) as (clock, central, _, _):
            central.sign_status = "Rejected"
            await clock.run(60.0)
            await central.call(NAME, "TriggerMessage", TRIGGER)
            await clock.run(1000.0)
            assert len(central.of("SignCertificate")) == 1

    run(test)


def test_a_certificate_that_is_not_its_own_is_refused_and_told(signs: Authority):
    async def test() -> None:
        async with rig([]) as (clock, central, one, _):
            await clock.run(60.0)
            other = ec.generate_private_key(ec.SECP256R1())
            mine = chain(signs, csr((CN, f"SN-{NAME}"), key=other))
            asked_for = await central.call(NAME, "CertificateSigned", {"certificateChain": mine})
            assert asked_for["status"] == "Rejected"
            await central.call(NAME, "TriggerMessage", TRIGGER)
            await clock.run(61.0)
            (asked,) = central.of("SignCertificate")
            good = chain(signs, asked["csr"])
            wrong: list[dict[str, Any]] = [
                {"certificateChain": mine},
                {"certificateChain": good, "requestId": asked["requestId"] + 1},
                {"certificateChain": good, "certificateType": "V2GCertificate"},
                {"certificateChain": "nothing"},
                {"certificateChain": good + mine},
                {"certificateChain": chain(signs, asked["csr"], at_s=START_S + 90_000.0)},
            ]
            for told in wrong:
                answer = await central.call(NAME, "CertificateSigned", told)
                assert answer["status"] == "Rejected", told
            await clock.run(62.0)
            events = central.of("SecurityEventNotification")
            assert {one["type"] for one in events} == {"InvalidChargingStationCertificate"}
            assert len(events) == len(wrong) + 1
            assert seconds(events[0]["timestamp"]) == pytest.approx(START_S + 60.0, abs=1.0)
            assert sum(one.record.broken.values()) == len(wrong) + 1
            told = {"certificateChain": good}
            assert await central.call(NAME, "CertificateSigned", told) == {"status": "Accepted"}

    run(test)


@pytest.mark.parametrize("protocol", VERSIONS)
def test_a_station_and_the_service_renew_a_certificate_over_tls(tmp_path: Path, protocol: str):
    asyncio.run(_over_tls(tmp_path, protocol))


async def _over_tls(folder: Path, protocol: str):
    """Security profile 3 in real time, as certificates are checked by the machine's clock."""
    service, clock = trustme.CA(), WallClock()
    files = authority(folder)
    signs, registers = Authority(*files, now_s=NOW.timestamp()), list[Register]()
    server = service.issue_cert("127.0.0.1")
    chain_file, key_file = folder / "server.pem", folder / "server.key"
    chain_file.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    key_file.write_bytes(server.private_key_pem.bytes())
    tls = server_context(chain_file, key_file, station_authorities=files[0])

    def issuer(register: Register) -> CertificateIssuer:
        registers.append(register)
        return CertificateIssuer(signs, register, MemoryLog(), clock)

    def certified(chain: str, key: bytes) -> ssl.SSLContext:
        context = ssl.create_default_context()
        service.configure_trust(context)
        (folder / "own.pem").write_text(chain)
        (folder / "own.key").write_bytes(key)
        context.load_cert_chain(folder / "own.pem", folder / "own.key")
        return context

    key = ec.generate_private_key(ec.SECP256R1())
    first = signs.sign(csr((CN, f"SN-{NAME}"), key=key), f"SN-{NAME}", alone, clock.now_s())
    shown = certified(first.chain, pem_of(key))
    record = registered(NAME, profile=3, serial_number=f"SN-{NAME}")
    async with running(record, listener=Listener(tls=tls), issuer=issuer) as (system, told, port):
        one = station(
            clock,
            f"wss://127.0.0.1:{port}/ocpp",
            [],
            protocol=protocol,
            tls=shown,
            certified=certified,
            password=None,
        )
        one._variables.write(BACK_OFF, "0")
        one._variables.write(RANGE, "0")
        await one.start()
        await told.until(lambda: bool(told.found))
        renewal = await system.maintenance.renew_certificate(NAME)
        assert renewal.result is OrderResult.ACCEPTED, renewal
        await told.until(lambda: told.names(NAME) == ["connected", "disconnected", "connected"])
        await asyncio.sleep(0)
        now = registers[0].records[NAME]
        assert now.certificate
        assert not now.next_certificate
        assert not one.record.broken
        assert told.refusals == []
        await one.stop()

"""A station gets a new certificate, is never locked out on the way, and no other one gets its."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.exceptions import InvalidStatus

from evergrid.live.clock import WallClock
from evergrid.live.devices.adapter import OrderResult
from evergrid.live.ocpp import certificates
from evergrid.live.ocpp.admission.authority import Authority
from evergrid.live.ocpp.admission.tls import server_context
from evergrid.live.ocpp.central_system import CentralSystem, Listener
from evergrid.live.ocpp.certificates import STATION
from evergrid.live.registers.certificate_issuer import KIND, CertificateIssuer
from tests.live.controller_cases import MemoryLog
from tests.live.ocpp.certificate_cases import CN, NOW, authority, csr, pem_of
from tests.live.ocpp.recorder import SECRET, Recorder, Register, registered, running
from tests.live.ocpp.station_client import StationClient

NOW_S = NOW.timestamp()
VERSIONS = ("ocpp2.1", "ocpp2.0.1")
RECORDS = (
    registered("cp-1", serial_number="SN1"),
    registered("cp-2", serial_number="SN2"),
    registered("cp-3"),
)


class Scene:
    """A central system with an authority."""

    def __init__(self, system: CentralSystem, handler: Recorder, port: int) -> None:
        self.system, self.handler, self.port = system, handler, port
        self.log = MemoryLog()
        self.register = Register()

    async def station(self, name: str = "cp-1", version: str = VERSIONS[0]) -> StationClient:
        client = StationClient(name)
        await client.connect(self.port, secret=SECRET, version=version)
        await client.ask("Heartbeat", {})
        return client

    def record(self, name: str = "cp-1") -> Any:
        found = self.register.find(name)
        assert found is not None
        return found

    def states(self) -> list[str]:
        """What the log says of certificates, in order."""
        bodies = (msgspec.json.decode(one.body) for one in self.log.entries if one.kind == KIND)
        return [body["state"] for body in bodies]

    async def sent(self, station: StationClient) -> dict[str, Any]:
        async with asyncio.timeout(5.0):
            while not station.count("CertificateSigned"):
                await asyncio.sleep(0.005)
        return station.last("CertificateSigned")


@contextlib.asynccontextmanager
async def scene(folder: Path, **more: Any) -> AsyncIterator[Scene]:
    log, registers = MemoryLog(), list[Register]()

    def issuer(register: Register) -> CertificateIssuer:
        registers.append(register)
        signs = Authority(*authority(folder), now_s=NOW_S)
        return CertificateIssuer(signs, register, log, WallClock())

    given = {"issuer": issuer, "boot_wait_s": 30.0} | more
    async with running(*RECORDS, **given) as (system, handler, port):
        found = Scene(system, handler, port)
        found.log, found.register = log, registers[0] if registers else Register()
        yield found


def played(folder: Path, work: Any, **more: Any) -> None:
    async def run() -> None:
        async with scene(folder, **more) as found:
            await work(found)

    asyncio.run(run())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_is_signed_and_sent_and_the_answer_is_written_down(tmp_path: Path, version: str):
    async def work(found: Scene):
        station = await found.station(version=version)
        asked: dict[str, Any] = {"csr": csr((CN, "SN1")), "certificateType": STATION}
        if version == "ocpp2.1":
            asked["requestId"] = 7
        assert await station.ask("SignCertificate", asked) == {"status": "Accepted"}
        told = await found.sent(station)
        assert told["certificateType"] == STATION
        assert told.get("requestId") == asked.get("requestId")
        assert told["certificateChain"].startswith("-----BEGIN CERTIFICATE-----")
        await station.ask("Heartbeat", {})
        assert found.states() == ["signed", "accepted"]
        assert found.record().next_certificate
        assert not found.record().certificate  # the one before is good until this one is used
        assert found.handler.refusals == []

    played(tmp_path, work)


def test_a_type_that_is_left_out_is_the_stations(tmp_path: Path):
    async def work(found: Scene):
        station = await found.station()
        answer = await station.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
        assert answer == {"status": "Accepted"}
        assert (await found.sent(station))["certificateType"] == STATION

    played(tmp_path, work)


def test_a_stolen_request_of_another_identity_is_refused_and_told(tmp_path: Path):
    async def work(found: Scene):
        thief = await found.station("cp-2")
        answer = await thief.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
        assert answer["status"] == "Rejected"
        assert answer["statusInfo"]["reasonCode"] == "InvalidCSR"
        both = await thief.ask("SignCertificate", {"csr": csr((CN, "SN2 SN1"))})
        assert "no other station's" in both["statusInfo"]["additionalInfo"]
        nobody = await (await found.station("cp-3")).ask(
            "SignCertificate", {"csr": csr((CN, "SN3"))}
        )
        assert "must be registered" in nobody["statusInfo"]["additionalInfo"]
        assert [one.rule for one in found.handler.refusals] == ["certificate request"] * 3
        assert found.states() == []
        assert not thief.count("CertificateSigned")
        assert not found.record("cp-2").next_certificate

    played(tmp_path, work)


@pytest.mark.parametrize("kind", ["V2GCertificate", "V2G20Certificate"])
def test_other_kinds_of_certificates_are_refused(tmp_path: Path, kind: str):
    async def work(found: Scene):
        station = await found.station()
        asked = {"csr": csr((CN, "SN1")), "certificateType": kind}
        answer = await station.ask("SignCertificate", asked)
        assert answer["statusInfo"]["reasonCode"] == "UnsupportedParam"

    played(tmp_path, work)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_an_authority_a_request_is_rejected_and_said(tmp_path: Path, version: str):
    async def work(found: Scene):
        station = await found.station(version=version)
        answer = await station.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
        assert answer["status"] == "Rejected"
        assert "[certificate_authority]" in answer["statusInfo"]["additionalInfo"]
        assert found.handler.refusals[0].rule == "certificate without an authority"
        renewal = await found.system.maintenance.renew_certificate("cp-1")
        assert renewal.result is OrderResult.REFUSED
        assert not station.count("TriggerMessage")

    played(tmp_path, work, issuer=None)


def test_a_station_that_has_proved_nothing_gets_no_certificate(tmp_path: Path):
    async def run() -> None:
        record = registered("cp-1", profile=0, serial_number="SN1")
        signs = Authority(*authority(tmp_path), now_s=NOW_S)

        def issuer(register: Register) -> CertificateIssuer:
            return CertificateIssuer(signs, register, MemoryLog(), WallClock())

        async with running(record, issuer=issuer, boot_wait_s=30.0) as (_, _, port):
            station = StationClient("cp-1")
            await station.connect(port)
            answer = await station.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
            assert "security profile 0" in answer["statusInfo"]["additionalInfo"]

    asyncio.run(run())


def test_a_certificate_that_the_station_refuses_is_good_for_nothing(tmp_path: Path):
    async def work(found: Scene):
        station = await found.station()
        station.on["CertificateSigned"] = lambda payload: {
            "status": "Rejected",
            "statusInfo": {"reasonCode": "InvalidCertificate"},
        }
        await station.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
        await found.handler.until(lambda: bool(found.handler.refusals))
        refusal = found.handler.refusals[0]
        assert refusal.rule == "certificate not taken"
        assert refusal.detail == "rejected: InvalidCertificate"
        assert found.states() == ["signed", "rejected"]
        assert not found.record().next_certificate

    played(tmp_path, work)


def test_without_an_answer_both_are_good_and_a_repeat_takes_the_place_of_the_first(tmp_path: Path):
    async def work(found: Scene):
        station = await found.station()
        station.on["CertificateSigned"] = lambda payload: None
        await station.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
        await found.handler.until(lambda: bool(found.handler.refusals))
        assert found.handler.refusals[0].detail == "timed_out"
        first = found.record().next_certificate
        assert first
        del station.on["CertificateSigned"]
        await station.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
        async with asyncio.timeout(5.0):
            while found.states() != ["signed", "timed_out", "signed", "accepted"]:
                await asyncio.sleep(0.005)
        assert found.record().next_certificate not in ("", first)

    played(tmp_path, work, call_timeout_s=0.2)


def test_a_station_that_asks_without_end_is_held_off(tmp_path: Path):
    async def work(found: Scene):
        station, asked = await found.station(), {"csr": csr((CN, "SN1"))}
        answers = [await station.ask("SignCertificate", asked) for _ in range(7)]
        assert [one["status"] for one in answers] == ["Accepted"] * 5 + ["Rejected"] * 2
        other = await found.station("cp-2")
        good = await other.ask("SignCertificate", {"csr": csr((CN, "SN2"))})
        assert good["status"] == "Accepted"

    played(tmp_path, work)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_operator_lets_a_station_ask_and_hears_what_became_of_it(tmp_path: Path, version: str):
    async def work(found: Scene):
        station, tasks = await found.station(version=version), set[asyncio.Task[Any]]()

        def triggered(payload: dict[str, Any]) -> dict[str, Any]:
            assert payload == {"requestedMessage": "SignChargingStationCertificate"}
            asked = station.ask("SignCertificate", {"csr": csr((CN, name))})
            tasks.add(asyncio.create_task(asked))
            return {"status": "Accepted"}

        station.on["TriggerMessage"] = triggered
        renew = found.system.maintenance.renew_certificate
        name = "SN1"
        assert (await renew("cp-1")).result is OrderResult.ACCEPTED
        name = "SN9"
        renewal = await renew("cp-1")
        assert renewal.result is OrderResult.REFUSED
        assert "serial number" in renewal.reason
        station.on["TriggerMessage"] = lambda payload: {"status": "NotImplemented"}
        renewal = await renew("cp-1")
        assert renewal.result is OrderResult.REJECTED
        assert renewal.reason == "it does not ask for one: NotImplemented"
        assert (await renew("cp-2")).result is OrderResult.OFFLINE
        await asyncio.gather(*tasks)

    played(tmp_path, work)


def test_a_station_that_says_it_will_ask_and_does_not_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(certificates, "ALL_OF_IT_S", 0.2)

    async def work(found: Scene):
        station, tasks = await found.station(), set[asyncio.Task[Any]]()
        renewal = await found.system.maintenance.renew_certificate("cp-1")
        assert renewal.result is OrderResult.TIMED_OUT
        assert renewal.reason.endswith("has not")

        def triggered(payload: dict[str, Any]) -> dict[str, Any]:
            asked = station.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
            tasks.add(asyncio.create_task(asked))
            return {"status": "Accepted"}

        station.on |= {"TriggerMessage": triggered, "CertificateSigned": lambda payload: None}
        renewal = await found.system.maintenance.renew_certificate("cp-1")
        assert renewal.result is OrderResult.TIMED_OUT
        assert "not answered to its certificate" in renewal.reason

    played(tmp_path, work)


def test_a_lost_link_settles_a_renewal_and_leaves_both_good(tmp_path: Path):
    async def work(found: Scene):
        station = await found.station()
        station.on["CertificateSigned"] = lambda payload: None
        await station.ask("SignCertificate", {"csr": csr((CN, "SN1"))})
        await found.sent(station)
        await station.close()
        await found.handler.until(lambda: found.handler.names("cp-1")[-1] == "disconnected")
        assert found.record().next_certificate

    played(tmp_path, work)


def test_the_first_use_of_the_new_certificate_makes_the_old_one_void(tmp_path: Path):
    asyncio.run(_used(tmp_path))


async def _used(folder: Path):
    """Profile 3 over real TLS, with an authority that issued the first certificate too."""
    service, stations = trustme.CA(), trustme.CA()
    files = {name: folder / f"{name}.pem" for name in ("cert", "key", "ca", "ca-key")}
    server = service.issue_cert("127.0.0.1")
    files["cert"].write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    files["key"].write_bytes(server.private_key_pem.bytes())
    files["ca"].write_bytes(stations.cert_pem.bytes())
    files["ca-key"].touch(mode=0o600)
    files["ca-key"].write_bytes(stations.private_key_pem.bytes())
    tls = server_context(files["cert"], files["key"], station_authorities=files["ca"])
    signs = Authority(files["ca"], files["ca-key"], now_s=NOW_S)
    old, other = (stations.issue_cert("cp", common_name=f"SN{n}") for n in (1, 1))
    registers = list[Register]()

    def issuer(register: Register) -> CertificateIssuer:
        registers.append(register)
        return CertificateIssuer(signs, register, MemoryLog(), WallClock())

    async def connected(context: ssl.SSLContext) -> StationClient:
        station = StationClient("cp-1")
        await station.connect(port, scheme="wss", ssl=context)
        await station.ask("Heartbeat", {})
        return station

    def with_chain(chain: str, key: Any) -> ssl.SSLContext:
        (folder / "own.pem").write_text(chain)
        (folder / "own.key").write_bytes(pem_of(key))
        context = trusting()
        context.load_cert_chain(folder / "own.pem", folder / "own.key")
        return context

    def trusting() -> ssl.SSLContext:
        context = ssl.create_default_context()
        service.configure_trust(context)
        return context

    def of(blob: trustme.LeafCert) -> ssl.SSLContext:
        context = trusting()
        blob.configure_cert(context)
        return context

    record = registered("cp-1", profile=3, serial_number="SN1")
    settings = {"boot_wait_s": 30.0, "reconnects_per_minute": 30}
    listener = Listener(tls=tls)
    async with running(record, listener=listener, issuer=issuer, **settings) as (_, _, port):

        async def renewed(station: StationClient) -> ssl.SSLContext:
            key, count = ec.generate_private_key(ec.SECP256R1()), station.count("CertificateSigned")
            asked = {"csr": csr((CN, "SN1"), key=key)}
            assert await station.ask("SignCertificate", asked) == {"status": "Accepted"}
            async with asyncio.timeout(5.0):
                while station.count("CertificateSigned") == count:
                    await asyncio.sleep(0.005)
            return with_chain(station.last("CertificateSigned")["certificateChain"], key)

        first = await connected(of(old))
        fresh = await renewed(first)
        await (await connected(of(old))).close()  # as one that lost the new one does
        await (await connected(of(other))).close()  # any of the authority's, until one is issued
        second = await connected(fresh)
        record = registers[0].records["cp-1"]
        assert record.certificate
        assert not record.next_certificate
        for gone in (old, other):
            with pytest.raises(InvalidStatus, match="401"):
                await connected(of(gone))
        fresher = await renewed(second)
        await (await connected(fresh)).close()
        await (await connected(fresher)).close()
        assert registers[0].records["cp-1"].certificate != record.certificate
        with pytest.raises(InvalidStatus, match="401"):
            await connected(fresh)

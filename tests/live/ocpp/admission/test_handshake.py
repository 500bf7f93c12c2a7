"""Tests 13, 14 and 15 of the live service: who is let in, and who cannot keep others out."""

import asyncio
import contextlib
import datetime
import random
import socket
import ssl
import time
from itertools import product
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame as NetworkFrame
from websockets.frames import Opcode
from websockets.speedups import apply_mask

from evergrid.live.clock import VirtualClock
from evergrid.live.ocpp.admission.credentials import StationRecord
from evergrid.live.ocpp.admission.handshake import (
    ADDRESS_BURST,
    ADDRESS_REFILL_S,
    PAIR_BURST,
    _whole_text,
)
from evergrid.live.ocpp.admission.rates import RateLimit
from evergrid.live.ocpp.admission.tls import server_context
from evergrid.live.ocpp.central_system import Listener
from evergrid.live.ocpp.stations import connection
from tests.live.ocpp.recorder import SECRET, Register, hashed, registered, running
from tests.live.ocpp.station_client import StationClient

TRIES, ALL_TRIES = 2000, 10_000  # of guessing a secret, from 50 addresses
ADDRESSES = 50


async def _status(port: int, name: str = "cp-1", **options: object) -> int:
    """Of a handshake: 101 where the station is let in, 0 where TLS is refused."""
    station = StationClient(name)
    try:
        await station.connect(port, **options)  # pyright: ignore[reportArgumentType]
    except InvalidStatus as error:
        return error.response.status_code
    except (ssl.SSLError, ConnectionError, InvalidHandshake, EOFError):
        return 0
    with contextlib.suppress(Exception):
        await station.ask("Heartbeat", {})
    await station.close()
    return 101 if station.closed and station.closed[0] == 1000 else 0


def test_paths_and_subprotocols_that_are_none_are_refused():
    asyncio.run(_paths())


async def _paths():
    async with running(registered("cp-1"), registered("a b")) as (system, _, port):
        for name, status in (("a%20b", 404), ("x" * 49, 404), ("", 404), ("..", 401)):
            assert await _status(port, name, secret=SECRET) == status
        assert await _status(port, secret=SECRET, version="ocpp2.0.1") == 101
        assert await _status(port, secret=SECRET, version="ocpp1.6") == 400
        state = system.stations.get("cp-1")
        assert state is not None
        assert state.version == "ocpp2.0.1"  # a short probe changes nothing
        assert await _status(port, secret=SECRET) == 101
        assert state.version == "ocpp2.1"


# Least profile of the record, then what the station shows, and what it gets.
PLAIN = [
    (0, None, 101),
    (0, SECRET, 101),
    (0, "wrong", 401),
    (1, SECRET, 101),
    (1, None, 401),
    (1, "", 401),
    (1, "wrong", 401),
    (2, SECRET, 401),
    (3, SECRET, 401),
]


@pytest.mark.parametrize(("profile", "secret", "status"), PLAIN)
def test_15_without_tls(profile: int, secret: str | None, status: int):
    async def one():
        record = registered("cp-1", profile=profile, serial_number="SN1")
        async with running(record) as (_, handler, port):
            assert await _status(port, secret=secret) == status
            assert (status == 101) == (handler.refusals == [])

    asyncio.run(one())


def test_15_there_is_no_default_secret_and_a_blocked_station_stays_out():
    async def one():
        empty = StationRecord("cp-1", 1)  # no secret was ever set
        blocked = registered("cp-2", blocked=True)
        blank = StationRecord("cp-4", 1, hashed("cp-4", ""))
        async with running(empty, blocked, blank) as (_, _, port):
            assert await _status(port, "cp-4", secret="") == 401
            for secret in ("", "admin", SECRET, hashed("cp-1", "")):
                assert await _status(port, secret=secret) == 401
            assert await _status(port, "cp-2", secret=SECRET) == 401
            assert await _status(port, "cp-3", secret=SECRET) == 401  # not 404: no name is told

    asyncio.run(one())


def test_15_plain_connections_come_from_this_machine_only():
    async def one():
        import evergrid.live.ocpp.admission.handshake as handshake

        async with running(registered("cp-1")) as (_, _, port):
            real, handshake._is_loopback = handshake._is_loopback, lambda address: False
            try:
                assert await _status(port, secret=SECRET) == 401
            finally:
                handshake._is_loopback = real
        assert handshake._is_loopback("127.0.0.9")
        assert handshake._is_loopback("::1")
        assert not handshake._is_loopback("10.0.0.1")
        assert not handshake._is_loopback("")

    asyncio.run(one())


class Authorities:
    """Certificates for the service, and for stations: good, expired, of others, revoked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.service, self.stations, self.others = (trustme.CA() for _ in range(3))
        self.server = self.service.issue_cert("127.0.0.1", "localhost")
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        issue = self.stations.issue_cert
        self.shown = {
            "good": issue("cp", common_name="Evergrid - SN1"),
            "other station": issue("cp", common_name="Evergrid SN2"),
            "longer number": issue("cp", common_name="SN12"),
            "expired": issue(
                "cp",
                common_name="SN1",
                not_before=past - datetime.timedelta(days=9),
                not_after=past,
            ),
            "revoked": issue("cp", common_name="SN1"),
            "other authority": self.others.issue_cert("cp", common_name="SN1"),
        }

    def server_side(self) -> ssl.SSLContext:
        names = {name: self.folder / f"{name}.pem" for name in ("cert", "key", "ca", "crl")}
        names["cert"].write_bytes(b"".join(blob.bytes() for blob in self.server.cert_chain_pems))
        names["key"].write_bytes(self.server.private_key_pem.bytes())
        names["ca"].write_bytes(self.stations.cert_pem.bytes())
        names["crl"].write_bytes(self._revoked())
        return server_context(
            names["cert"], names["key"], station_authorities=names["ca"], revoked=names["crl"]
        )

    def client_side(self, shown: str | None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.service.configure_trust(context)
        if shown is not None:
            self.shown[shown].configure_cert(context)
        return context

    def _revoked(self) -> bytes:
        key = serialization.load_pem_private_key(self.stations.private_key_pem.bytes(), None)
        authority = x509.load_pem_x509_certificate(self.stations.cert_pem.bytes())
        blob = self.shown["revoked"].cert_chain_pems[0].bytes()
        number = x509.load_pem_x509_certificate(blob).serial_number
        now = datetime.datetime.now(datetime.UTC)
        entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(now).build()
        builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
        builder = builder.last_update(now).next_update(now + datetime.timedelta(days=1))
        builder = builder.add_revoked_certificate(entry)
        signed = builder.sign(key, hashes.SHA256())  # pyright: ignore[reportArgumentType]
        return signed.public_bytes(serialization.Encoding.PEM)


# Least profile, secret, certificate, status; 0 where TLS itself refuses.
ENCRYPTED = [
    (0, None, None, 401),  # profile 0 is without TLS
    (1, SECRET, None, 101),
    (2, SECRET, None, 101),
    (2, "wrong", None, 401),
    (2, None, None, 401),
    (2, None, "good", 101),  # a higher profile than it must have
    (2, SECRET, "other station", 101),  # as by its secret
    (3, None, "good", 101),
    (3, SECRET, None, 401),  # a lower one
    (3, None, None, 401),
    (3, None, "other station", 401),
    (3, SECRET, "other station", 401),
    (3, None, "longer number", 401),
    (3, None, "expired", 0),
    (3, None, "revoked", 0),
    (3, None, "other authority", 0),
]


def test_15_with_tls(tmp_path: Path):
    asyncio.run(_with_tls(Authorities(tmp_path)))


async def _with_tls(authorities: Authorities):
    listener = Listener(tls=authorities.server_side())
    escaped: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: escaped.append(context))
    nameless = StationRecord("cp-2", 3)  # no serial number is known
    async with running(nameless, listener=listener) as (_, _, port):
        context = authorities.client_side("good")
        assert await _status(port, "cp-2", scheme="wss", ssl=context) == 401
    for profile, secret, shown, status in ENCRYPTED:
        record = registered("cp-1", profile=profile, serial_number="SN1")
        async with running(record, listener=listener) as (_, _, port):
            context = authorities.client_side(shown)
            got = await _status(port, secret=secret, scheme="wss", ssl=context)
            assert got == status, (profile, secret, shown)
    assert escaped == []


@pytest.mark.parametrize("tries", [TRIES, pytest.param(ALL_TRIES, marks=pytest.mark.soak)])
def test_14_guessing_is_slowed_and_locks_nobody_out(tries: int):
    asyncio.run(_guessing(tries))


async def _guessing(tries: int):
    register = Counting(registered("cp-1"))
    async with running(registered("cp-1")) as (system, handler, port):
        system._handshake._credentials = register  # pyright: ignore[reportAttributeAccessIssue]
        statuses: dict[int, int] = {}
        for number in range(tries):
            source = f"127.0.1.{number % ADDRESSES + 1}"
            name = "cp-1" if number % 2 else f"cp-{number}"
            status = await _guess(port, source, name)
            statuses[status] = statuses.get(status, 0) + 1
        assert set(statuses) == {401, 429}
        for_one = [n for n in register.names if n == "cp-1"]
        assert len(for_one) <= ADDRESSES // 2 * (PAIR_BURST + 1) * 2
        assert len(handler.refusals) <= ADDRESSES * 15  # three rules, five at once
        assert await _status(port, secret=SECRET) == 101  # from elsewhere, on the first try


def test_14_one_address_cannot_try_many_stations():
    asyncio.run(_spraying())


async def _spraying():
    async with running(registered("cp-1")) as (_, _, port):
        began, count = time.monotonic(), ADDRESS_BURST + 70
        tries = [await _guess(port, "127.0.2.1", f"cp-{number}") for number in range(count)]
        again = (time.monotonic() - began) / ADDRESS_REFILL_S
        assert ADDRESS_BURST <= tries.count(401) <= ADDRESS_BURST + again + 1
        assert tries.count(429) == count - tries.count(401)
        assert await _status(port, secret=SECRET) == 101


class Counting(Register):
    """Counts how many secrets were compared."""

    def __init__(self, *records: StationRecord) -> None:
        super().__init__(*records)
        self.names: list[str] = []

    def find(self, station: str) -> StationRecord | None:
        self.names.append(station)
        return super().find(station)


async def _guess(port: int, source: str, name: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    writer.write(
        f"GET /ocpp/{name} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: ocpp2.1\r\nAuthorization: Basic Y3AtMTp3cm9uZw==\r\n\r\n".encode()
    )
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


@pytest.mark.parametrize("size", [1, 125, 126, 127, 133, 65_535, 65_536, 70_000])
def test_a_frame_is_read_as_the_library_reads_it(size: int):
    text = bytes(range(32, 127)) * (size // 95 + 1)
    for opcode, fin, mask in product(
        (Opcode.TEXT, Opcode.BINARY, Opcode.PING), (True, False), (0, 1)
    ):
        if opcode is Opcode.PING and (size > 125 or not fin):
            continue
        data = NetworkFrame(opcode, text[:size], fin).serialize(mask=bool(mask))
        begin = _whole_text(data)
        plain = opcode is Opcode.TEXT and fin and mask == 1 and size < 65_536
        assert bool(begin) == plain
        if begin:
            assert apply_mask(data[begin:], data[begin - 4 : begin]) == text[:size]
        for cut in (1, 5, 7, len(data) - 1):
            assert not _whole_text(data[: min(cut, len(data) - 1)])
        assert not _whole_text(data + b"x")


@pytest.mark.parametrize("cuts", [1, 3, 40])
def test_frames_that_come_in_pieces_or_together_are_all_answered(cuts: int):
    asyncio.run(_pieces(cuts))


async def _pieces(cuts: int):
    chance = random.Random(cuts)
    async with running(registered("cp-1"), boot_wait_s=30.0) as (_, handler, port):
        station = StationClient("cp-1")
        await station.connect(port, secret=SECRET)
        await handler.until(lambda: handler.names("cp-1") == ["connected"])
        assert station.socket is not None
        loop, frames, expected = asyncio.get_running_loop(), [], []
        for number in range(60):
            expected.append(loop.create_future())
            station._waiting[f"p{number}"] = expected[-1]
            text = f'[2,"p{number}","Heartbeat",{{}}]'.encode()
            half = chance.randrange(1, len(text))
            if number % 3:
                frames.append(NetworkFrame(Opcode.TEXT, text).serialize(mask=True))
            else:
                frames.append(NetworkFrame(Opcode.TEXT, text[:half], False).serialize(mask=True))
                frames.append(NetworkFrame(Opcode.PING, b"x").serialize(mask=True))
                frames.append(NetworkFrame(Opcode.CONT, text[half:]).serialize(mask=True))
        stream = b"".join(frames)
        while stream:
            size = chance.randrange(1, max(2, 2 * len(stream) // cuts + 2))
            station.socket.transport.write(stream[:size])
            stream = stream[size:]
            await asyncio.sleep(0.001)
        answers = await asyncio.wait_for(asyncio.gather(*expected), 10)
        assert {message[0] for message in answers} == {3}
        await station.close()


def test_a_limit_of_rate_refills_and_forgets_the_oldest():
    clock = VirtualClock(0.0)
    limit = RateLimit(clock, burst=2, refill_s=10.0, names=2)
    limit.count("a")
    assert limit.allows("a")
    limit.count("a")
    assert not limit.allows("a")
    asyncio.run(clock.run(10.0))
    assert limit.allows("a")
    limit.count("a")
    assert not limit.allows("a")
    limit.count("b")
    limit.count("c")
    assert limit.allows("a")  # forgotten
    assert not RateLimit(clock, burst=0, refill_s=1.0).allows("a")


def test_13_partial_handshakes_and_slow_readers_hold_nobody_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "MESSAGES_PER_S", 1_000_000)
    asyncio.run(_slow())


async def _slow(partial: int = 200, slow: int = 3):
    records = [registered(f"cp-{n}") for n in range(slow + 10)]
    async with running(*records, open_timeout_s=1.5, boot_wait_s=30.0) as (_, _, port):
        halves = [await _half(port) for _ in range(partial)]
        readers = [StationClient(f"cp-{n}") for n in range(slow)]
        for reader in readers:
            await reader.connect(port, secret=SECRET, max_queue=1, sock=_small_socket(port))
            assert reader.socket is not None
            assert reader._task is not None
            reader._task.cancel()
            reader.socket.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        floods = [asyncio.create_task(_flood(reader)) for reader in readers]
        waits = []
        for number in range(slow, slow + 10):
            began = time.monotonic()
            assert await _status(port, f"cp-{number}", secret=SECRET) == 101
            waits.append(time.monotonic() - began)
        assert max(waits) < 1.0
        await asyncio.wait_for(asyncio.gather(*(_end(half) for half in halves)), 10)
        await asyncio.wait_for(asyncio.gather(*floods), 30)  # each was cut off
        for reader in readers:
            assert reader.socket is not None
            reader.socket.transport.abort()


def _small_socket(port: int) -> socket.socket:
    """So that the system's own buffers are soon full."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _half(port: int) -> Streams:
    streams = await asyncio.open_connection("127.0.0.1", port)
    streams[1].write(b"GET /ocpp/cp-1 HTTP/1.1\r\nHost:")
    return streams


async def _end(streams: Streams) -> None:
    with contextlib.suppress(ConnectionError):
        await streams[0].read()
    streams[1].close()


async def _flood(station: StationClient) -> None:
    """Ask, and never read an answer, until the link is cut."""
    assert station.socket is not None
    transport = station.socket.transport
    text = '[2,"' + "x" * 36 + '","NoSuchThing' + "x" * 30 + '",{}]'
    try:
        while not transport.is_closing():
            for _ in range(200):
                await asyncio.wait_for(station.socket.send(text), 5)
            await asyncio.sleep(0)
    except (ConnectionError, TimeoutError):
        return
    except Exception as error:
        assert "Closed" in type(error).__name__  # noqa: PT017

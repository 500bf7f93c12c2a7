"""Who is connecting, and may they? Decided before a connection is upgraded.

Security profiles of OCPP: 0 nothing, 1 a secret, 2 TLS and a secret, 3 TLS and a certificate of the
station's own. A station is accepted under its registered profile or a higher one, never under a
lower one; without TLS, only from this machine unless the settings say otherwise.
"""

import base64
import binascii
import hashlib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple, final
from urllib.parse import unquote

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Event, State
from websockets.speedups import apply_mask

from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import AbstractHandler, Refusal
from evergrid.live.ocpp.admission.authority import holds
from evergrid.live.ocpp.admission.credentials import AbstractCredentials, StationRecord, matches
from evergrid.live.ocpp.admission.rates import RateLimit
from evergrid.live.ocpp.admission.registry import Registry
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.wire.schemas import VERSIONS

TEXT = Opcode.TEXT
CERTIFICATE = 3  # security profile
# RFC 6455, 5.2: a text that is not continued; a masked one; a length that takes two more bytes.
WHOLE_TEXT, MASKED, LENGTH_FOLLOWS = 0x81, 0x80, 126
LONG_LENGTH, LONG_LENGTH_FOLLOWS = 2**16, 127  # one that takes eight more bytes
MASK_BYTES, SHORT_HEAD = 4, 6
IDENTITY = re.compile(r"[A-Za-z0-9._=+|@*-]{1,48}")  # OCPP's identifiers less ":", as in Basic
LONGEST_AUTHORIZATION = 400  # characters
# Wrong secrets that an address may try for one station, and for all: so that one station with a
# wrong secret behind a shared address is held off before its neighbours are.
PAIR_BURST, PAIR_REFILL_S = 5, 30.0
ADDRESS_BURST, ADDRESS_REFILL_S = 50, 2.0


@dataclass(frozen=True)
class Admission:
    """A station that may connect.

    Attributes:
        record: As registered.
        version: Subprotocol.
        profile: Security profile of this connection.
        next_secret: Whether it used the secret that takes the place of the present one.
        next_certificate: Whether it used the certificate that takes the place of the present one.
    """

    record: StationRecord
    version: str
    profile: int
    next_secret: bool
    next_certificate: bool = False


class _Proof(NamedTuple):
    """What a station has shown of itself.

    Attributes:
        profile: Security profile; None for nothing.
        following: Whether by the secret or certificate that takes the place of the present one.
    """

    profile: int | None
    following: bool = False


@final
class Socket(ServerConnection):
    """A connection that knows who was admitted on it.

    A text in one frame, as nearly all are, is handed on as it comes in, which saves a queue and a
    change of tasks for each; what comes in parts waits in the queue. A frame that is all that came
    is read here, in a third of the time that the library's parser takes; all else is the library's.
    """

    admission: Admission | None = None
    take: Callable[[bytes], None] | None = None

    def data_received(self, data: bytes) -> None:
        """Bytes of the link; most often one frame."""
        protocol = self.protocol
        if (
            self.take is not None
            and protocol.state is State.OPEN
            and not protocol.reader.buffer
            and protocol.current_size is None  # no message is under way in parts
            and (begin := _whole_text(data))
        ):
            self.take(apply_mask(data[begin:], data[begin - MASK_BYTES : begin]))
        else:
            super().data_received(data)

    def send_text(self, text: bytes) -> int:
        """Send a text in one frame, unless the end has begun; how much waits for the station."""
        if self.protocol.state is not State.OPEN or self.transport.is_closing():
            return 0
        self.transport.write(_text_frame(text))
        return self.transport.get_write_buffer_size()

    def process_event(self, event: Event) -> None:
        """A frame, or the request of the handshake."""
        take = self.take
        if take is not None and isinstance(event, Frame) and event.opcode is TEXT and event.fin:
            take(bytes(event.data))
        else:
            super().process_event(event)


def _whole_text(data: bytes) -> int:
    """Where the text begins of a masked frame that holds all of it; 0 for anything else."""
    if len(data) < SHORT_HEAD or data[0] != WHOLE_TEXT:
        return 0
    length, begin = data[1] - MASKED, SHORT_HEAD
    if length == LENGTH_FOLLOWS:
        length, begin = int.from_bytes(data[2:4], "big"), SHORT_HEAD + 2
    elif length > LENGTH_FOLLOWS:
        return 0  # more than a station should send at once
    return begin if 0 < length == len(data) - begin else 0


def _text_frame(text: bytes) -> bytes:
    """A text in one frame, as a server sends it: not masked."""
    length = len(text)
    if length < LENGTH_FOLLOWS:
        return bytes((WHOLE_TEXT, length)) + text
    if length < LONG_LENGTH:
        return bytes((WHOLE_TEXT, LENGTH_FOLLOWS)) + length.to_bytes(2, "big") + text
    return bytes((WHOLE_TEXT, LONG_LENGTH_FOLLOWS)) + length.to_bytes(8, "big") + text


class TurnedAwayError(Exception):
    """A handshake is refused, with a status of HTTP and a rule for the log."""

    def __init__(self, status: HTTPStatus, rule: str) -> None:
        super().__init__(rule)
        self.status, self.rule = status, rule


@final
class Handshake:
    """Decides about connections.

    Args:
        credentials: The register of stations.
        handler: Told who is turned away.
        registry: Of the connections there are.
        clock: For limits of rate.
        settings: Bounds.
    """

    def __init__(
        self,
        credentials: AbstractCredentials,
        handler: AbstractHandler,
        registry: Registry[Any],
        clock: AbstractClock,
        settings: Settings,
    ) -> None:
        self._credentials, self._handler, self._registry = credentials, handler, registry
        self._settings = settings
        self._pairs = RateLimit(clock, burst=PAIR_BURST, refill_s=PAIR_REFILL_S)
        self._addresses = RateLimit(clock, burst=ADDRESS_BURST, refill_s=ADDRESS_REFILL_S)
        self._told = RateLimit(clock, burst=1, refill_s=60.0)
        self._told_of = RateLimit(clock, burst=5, refill_s=12.0)

    async def decide(self, socket: ServerConnection, request: Request) -> Response | None:
        """None to go on with the upgrade, or the answer that refuses it."""
        address = str((socket.remote_address or ("",))[0])
        identity = _identity(request.path)
        try:
            admission = self._admission(socket, request, identity, address)
        except TurnedAwayError as away:
            await self._tell(identity, address, away)
            response = socket.respond(away.status, f"{away.status.phrase}\n")
            if away.status is HTTPStatus.UNAUTHORIZED:
                response.headers["WWW-Authenticate"] = 'Basic realm="OCPP", charset="UTF-8"'
            return response
        if isinstance(socket, Socket):
            socket.admission = admission
        return None

    def _admission(
        self, socket: ServerConnection, request: Request, identity: str, address: str
    ) -> Admission:
        if not identity:
            raise TurnedAwayError(HTTPStatus.NOT_FOUND, "no identity of a station in the path")
        if len(self._registry) >= self._settings.connections:
            raise TurnedAwayError(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")
        version = _version(request)
        tls = socket.transport.get_extra_info("ssl_object")
        if tls is None and not (self._settings.plain_beyond_loopback or _is_loopback(address)):
            raise TurnedAwayError(HTTPStatus.UNAUTHORIZED, "no TLS from another machine")
        if not (self._pairs.allows((identity, address)) and self._addresses.allows(address)):
            raise TurnedAwayError(HTTPStatus.TOO_MANY_REQUESTS, "too many wrong secrets")
        record = self._credentials.find(identity)
        profile, following = self._proved(request, identity, record, tls)
        if record is None or profile is None or profile < record.profile or record.blocked:
            self._pairs.count((identity, address))
            self._addresses.count(address)
            raise TurnedAwayError(HTTPStatus.UNAUTHORIZED, _why(record, profile))
        if self._registry.held_off(identity):
            raise TurnedAwayError(HTTPStatus.TOO_MANY_REQUESTS, "connects too often")
        if self._registry.arrives(identity):
            raise TurnedAwayError(HTTPStatus.TOO_MANY_REQUESTS, "connects too often")
        certificate = profile == CERTIFICATE
        return Admission(
            record, version, profile, following and not certificate, following and certificate
        )

    def _proved(
        self, request: Request, identity: str, record: StationRecord | None, tls: Any
    ) -> _Proof:
        """The security profile that was proved, and by what."""
        if tls is not None and record is not None and (by := _certificate(tls, record)):
            return _Proof(CERTIFICATE, by == record.next_certificate)
        told = request.headers.get_all("Authorization")
        secret = _basic(told[0], identity) if len(told) == 1 else None
        present, following = matches(self._credentials, record, identity, secret or "")
        if secret and (present or following):
            return _Proof(1 if tls is None else 2, not present)
        if record is not None and record.profile == 0 and not told and tls is None:
            return _Proof(0)
        return _Proof(None)

    async def _tell(self, identity: str, address: str, away: TurnedAwayError) -> None:
        """At most once a minute for a station, address and rule: a flood does not fill the log."""
        name = (identity, address, away.rule)
        if self._told.allows(name) and self._told_of.allows((address, away.rule)):
            self._told.count(name)
            self._told_of.count((address, away.rule))
            await self._handler.refused(Refusal(identity, away.rule, f"from {address}"))


def _identity(path: str) -> str:
    """The last part of the path; "" where it names no station."""
    name = unquote(path.partition("?")[0].rpartition("/")[2])
    return name if IDENTITY.fullmatch(name) else ""


def _version(request: Request) -> str:
    offered = {
        name.strip()
        for header in request.headers.get_all("Sec-WebSocket-Protocol")
        for name in header.split(",")
    }
    for version in VERSIONS:
        if version in offered:
            return version
    raise TurnedAwayError(HTTPStatus.BAD_REQUEST, "no subprotocol that is known here")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _certificate(tls: Any, record: StationRecord) -> str:
    """SHA-256 of a certificate that TLS has checked and that is this station's; "" for none.

    It names the station's serial number, and is none that another one has replaced.
    """
    certificate = tls.getpeercert() or {}
    names = [
        value
        for part in certificate.get("subject", ())
        for key, value in part
        if key == "commonName"
    ]
    if not any(holds(name, record.serial_number) for name in names):
        return ""
    found = hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest()
    counts = not record.certificate or found in (record.certificate, record.next_certificate)
    return found if counts else ""


def _basic(header: str, identity: str) -> str | None:
    """The secret of a header of Basic authentication in the name of a station."""
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic" or len(header) > LONGEST_AUTHORIZATION:
        return None
    try:
        name, colon, secret = base64.b64decode(coded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return secret if colon and name == identity else None


def _why(record: StationRecord | None, profile: int | None) -> str:
    if record is None:
        return "unknown station"
    if record.blocked:
        return "blocked station"
    return "wrong secret or certificate" if profile is None else "security profile too low"

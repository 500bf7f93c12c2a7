"""A station's end of a web socket that speaks OCPP: calls, answers, and the loss of it.

One call of ours is outstanding at a time; every call of the other end is answered.
"""

import asyncio
import base64
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from evergrid.live.clock import AbstractClock

CALL, RESULT, ERROR = 2, 3, 4
OPEN_TIMEOUT_S, CLOSE_TIMEOUT_S = 10.0, 2.0  # of the wall's clock
LARGEST_BYTES = 1 << 20
CLOSING_PASSES = 10  # of the event loop, in which the other end sees that a connection is gone
COULD_NOT_CONNECT = (OSError, InvalidHandshake, InvalidURI, TimeoutError)


@dataclass(frozen=True)
class Endpoint:
    """Where a station connects, and as whom.

    Attributes:
        url: Without the identity.
        identity: Of the station.
        protocol: Such as ``ocpp2.1``.
        password: For basic authentication; None without.
        tls: Certificates; None for a plain connection.
        certified: Makes the same with another certificate of the station, of its chain and its
            key, PEM; None where it shows none.
    """

    url: str
    identity: str
    protocol: str = "ocpp2.1"
    password: str | None = None
    tls: ssl.SSLContext | None = None
    certified: Callable[[str, bytes], ssl.SSLContext] | None = None


class StationCallError(Exception):
    """The other end answered a call with an error, or a call is answered so.

    Args:
        code: In the words of OCPP-J.
        description: In a few words.
    """

    def __init__(self, code: str, description: str = "") -> None:
        super().__init__(f"{code}: {description}")
        self.code, self.description = code, description


class _OpenCall(NamedTuple):
    number: str
    since_s: float
    answer: asyncio.Future[dict[str, Any]]


Handler = Callable[[str, dict[str, Any]], dict[str, Any]]
Inspector = Callable[[str, dict[str, Any], bool], None]


@final
class Connection:
    """A connection, from its handshake to its loss.

    Args:
        endpoint: Where it goes.
        clock: Of everything.
        handler: Answers a call of the other end; may raise `StationCallError`.
        inspect: Is shown what is said and answered, by the name of its schema and who says it;
            None for nobody.
        delay_s: By which answers are late, as a fault.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: AbstractClock,
        handler: Handler,
        *,
        inspect: Inspector | None = None,
        delay_s: float = 0.0,
    ) -> None:
        self._endpoint, self._clock, self._handler = endpoint, clock, handler
        self._inspect, self._delay_s = inspect, delay_s
        self._socket: ClientConnection | None = None
        self._outstanding: _OpenCall | None = None
        self._count = 0
        self._late: set[asyncio.Task[None]] = set()
        self.deaf = False
        """Whether it neither hears nor is heard, though it looks open."""

    async def open(self) -> None:
        """Connect.

        Raises:
            OSError, InvalidHandshake, TimeoutError: It could not, or not under its protocol.
        """
        end = self._endpoint
        headers = {}
        if end.password is not None:
            pair = f"{end.identity}:{end.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._socket = await connect(
            f"{end.url.rstrip('/')}/{end.identity}",
            subprotocols=[Subprotocol(end.protocol)],
            additional_headers=headers,
            compression=None,
            ping_interval=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=LARGEST_BYTES,
            proxy=None,
            ssl=end.tls,
        )
        if self._socket.subprotocol != end.protocol:
            await self._socket.close()
            raise ConnectionError(f"the central system does not speak {end.protocol}")

    async def read(self) -> None:
        """Take in messages until the connection is lost; an outstanding call then fails."""
        assert self._socket is not None, "open the connection first"
        try:
            while True:
                raw = await self._socket.recv()
                with self._clock.working():
                    await self._take(raw)
        except ConnectionClosed:
            return
        finally:
            for task in self._late:
                task.cancel()
            if self._outstanding is not None and not self._outstanding.answer.done():
                self._outstanding.answer.set_exception(ConnectionError("connection lost"))

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a call, and its answer once that is there.

        Raises:
            StationCallError: The other end answered with an error.
            ConnectionError: The connection is lost.
        """
        assert self._socket is not None, "open the connection first"
        self._count += 1
        number = f"{self._endpoint.identity[-20:]}-{self._count}"
        answer = asyncio.get_running_loop().create_future()
        self._outstanding = _OpenCall(number, self._clock.monotonic_s(), answer)
        if self._inspect is not None:
            self._inspect(f"{action}Request", payload, True)
        try:
            await self._send([CALL, number, action, payload])
            found = await answer
        finally:
            self._outstanding = None
            if answer.done() and not answer.cancelled():
                answer.exception()  # seen, also where sending failed before anybody waited for it
        if self._inspect is not None:
            self._inspect(f"{action}Response", found, False)
        return found

    def overdue(self, longest_s: float) -> bool:
        """Whether a call has waited for its answer for longer than this."""
        out = self._outstanding
        return out is not None and self._clock.monotonic_s() - out.since_s >= longest_s

    def go_deaf(self) -> None:
        """Neither hear nor be heard from now on, with the connection open: packets are lost."""
        self.deaf = True
        if self._socket is not None:
            self._socket.transport.pause_reading()

    async def abort(self) -> None:
        """Be gone without a word."""
        if self._socket is None:
            return
        with self._clock.working():
            self._socket.transport.abort()
            await _passes()

    async def close(self) -> None:
        """Say good-bye."""
        if self._socket is None:
            return
        with self._clock.working():
            await self._socket.close()
            await _passes()

    async def _send(self, frame: list[Any]) -> None:
        assert self._socket is not None
        try:
            await self._socket.send(msgspec.json.encode(frame), text=True)
        except ConnectionClosed:
            raise ConnectionError("connection lost") from None

    async def _take(self, raw: str | bytes) -> None:
        """Take in one message."""
        try:
            frame = msgspec.json.decode(raw)
            kind, number = frame[0], frame[1]
        except (msgspec.DecodeError, RecursionError, TypeError, IndexError, KeyError):
            await self._answer([ERROR, "-1", "RpcFrameworkError", "the message is no OCPP", {}])
            return
        if kind == CALL and len(frame) == 4:
            await self._answer_call(number, frame[2], frame[3])
        elif self._outstanding is not None and number == self._outstanding.number:
            answer = self._outstanding.answer
            if answer.done():
                return
            if kind == RESULT:
                answer.set_result(frame[2])
            else:
                answer.set_exception(StationCallError(*frame[2:4]))

    async def _answer_call(self, number: Any, action: Any, payload: Any) -> None:
        try:
            if not isinstance(action, str) or not isinstance(payload, dict):
                raise StationCallError("FormatViolation", "an action is text, a payload an object")
            found = self._handler(action, payload)
            if self._inspect is not None:
                self._inspect(f"{action}Response", found, True)
            frame = [RESULT, number, found]
        except StationCallError as error:
            frame = [ERROR, number, error.code, error.description[:255], {}]
        if not self._delay_s:
            await self._answer(frame)
            return
        task = asyncio.create_task(self._answer_late(frame))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _answer_late(self, frame: list[Any]) -> None:
        with self._clock.silent(self._endpoint.identity):
            await self._clock.sleep(self._delay_s)
        with self._clock.working():
            await self._answer(frame)

    async def _answer(self, frame: list[Any]) -> None:
        try:
            await self._send(frame)
        except ConnectionError:
            return  # whoever asked sees that the connection is lost


async def _passes() -> None:
    for _ in range(CLOSING_PASSES):
        await asyncio.sleep(0)

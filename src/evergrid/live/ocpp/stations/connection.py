"""What goes back and forth on one connection of a station, from its begin to its end?"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, final

import structlog
from websockets.exceptions import ConnectionClosed

from evergrid.live.clock import AbstractClock
from evergrid.live.ocpp.admission.handshake import Socket
from evergrid.live.ocpp.stations.station import StationState
from evergrid.live.ocpp.wire import envelope
from evergrid.live.ocpp.wire.envelope import (
    BadFrame,
    Call,
    CallError,
    ErrorCode,
    RequestError,
    Result,
)
from evergrid.live.ocpp.wire.outbox import Answer, Outbox, Priority, Request
from evergrid.live.ocpp.wire.reports import Reports
from evergrid.live.ocpp.wire.schemas import Schemas

log = structlog.get_logger()

MOST_CALLS = 16  # of a station that we have not answered; it should wait after each
# Of one station; one that was long without a link has much to tell, one event after the other.
MESSAGES_AT_ONCE, MESSAGES_PER_S, REST_S = 5000, 200, 0.1
LARGEST_UNSENT = 256 * 1024  # bytes, of a station that does not read
CLOSE_POLICY, CLOSE_GOING = 1008, 1001  # RFC 6455, 7.4.1

Answering = Callable[["StationConnection", Call], Awaitable[dict[str, Any]]]


@final
class StationConnection:
    """A connection of a station that was admitted.

    Args:
        socket: Open.
        state: Of the station.
        schemas: Of the version spoken.
        clock: Of the service.
        answering: Does what a request asks and returns the payload of its answer.
        profile: Security profile that the station has proved.
    """

    def __init__(
        self,
        socket: Socket,
        state: StationState,
        schemas: Schemas,
        clock: AbstractClock,
        answering: Answering,
        profile: int = 0,
    ) -> None:
        self.profile = profile
        self.state, self.schemas, self.clock = state, schemas, clock
        self.booted = asyncio.Event()
        self.announced = self.ended = self.pending = False
        self.reports = Reports()
        self._socket, self._answering = socket, answering
        self.outbox = Outbox(self._send, schemas, clock, self._note_sent, state.identity)
        self._calls: deque[Call] = deque()
        self._credit, self._credit_s = MESSAGES_AT_ONCE, clock.monotonic_s()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._call_waits: asyncio.Future[None] | None = None  # set while nothing waits
        self._next_failure_s = -math.inf
        self._paused, self._room = False, asyncio.Event()

    def request(
        self,
        action: str,
        payload: dict[str, Any],
        priority: Priority = Priority.HOUSEKEEPING,
        *,
        timeout_s: float,
        key: str = "",
        earliest_s: float = 0.0,
    ) -> asyncio.Future[Answer]:
        """Send a request when its turn comes; the future always gets an answer."""
        request = Request(
            action, payload, priority, key=key, timeout_s=timeout_s, earliest_s=earliest_s
        )
        return self.outbox.put(request)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let something run beside the messages; it ends with the connection."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("task_failed", station=self.state.identity, exc_info=task.exception())

    async def run(self) -> None:
        """Take messages in until the connection ends; never raises for what a station does."""
        worker = asyncio.create_task(self._work())
        worker.add_done_callback(self._done)
        try:
            while not self.ended:
                self.take(bytes(await self._socket.recv(decode=False)))
        except ConnectionClosed:
            return
        finally:
            self.end()

    def take(self, data: bytes) -> None:
        """Take a message in; a station that sends too much is read no further for a while."""
        if self.ended:
            return
        self._receive(data)
        self._credit -= 1
        if (self._credit < 0 or len(self._calls) >= MOST_CALLS) and not self._paused:
            self._paused = True
            self._socket.transport.pause_reading()
            self.spawn(self._read_on())

    async def _read_on(self) -> None:
        """Read on once the station is within its rate again: others need their share."""
        while self._credit < 0:
            now = self.clock.monotonic_s()
            gained = int((now - self._credit_s) * MESSAGES_PER_S)
            if gained >= MESSAGES_PER_S * REST_S:
                self._credit, self._credit_s = min(self._credit + gained, MESSAGES_AT_ONCE), now
            else:
                await self.clock.sleep(REST_S)
        while len(self._calls) >= MOST_CALLS:
            self._room.clear()
            await self._room.wait()
        self._paused = False
        if not self._socket.transport.is_closing():
            self._socket.transport.resume_reading()

    def end(self) -> None:
        """Nothing is sent or answered any more; what waits is answered OFFLINE."""
        self.ended = True
        self.outbox.close()
        self._calls.clear()
        self._room.set()
        self._wake_worker()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()

    async def close(self, reason: str) -> None:
        """End it and say why; without an answer in time, the link is cut."""
        self.end()
        await self._socket.close(CLOSE_POLICY, reason)

    def _receive(self, data: bytes) -> None:
        frame = self.schemas.read(data)
        now = self.clock.now_s()
        self.state.last_seen_s = now
        if isinstance(frame, Call):
            self.state.messages.add(now, "in", frame.action, data, "")
            self._calls.append(frame)
            self._wake_worker()
            return
        if isinstance(frame, BadFrame):
            self.state.messages.add(now, "in", "", data, frame.code)
            if frame.id is not None:
                self._answer(envelope.error(frame.id, frame.code, frame.reason), "", frame.code)
            return
        self._take_answer(frame, data, now)

    def _take_answer(self, frame: Result | CallError, data: bytes, now: float) -> None:
        if isinstance(frame, CallError) and frame.of_answer:
            self.state.messages.add(now, "in", "", data, frame.code)
            return
        action = self.outbox.answered(frame)
        if isinstance(frame, CallError):
            outcome = frame.code
        else:
            outcome = str(frame.payload.get("status", "accepted"))[:20]
        self.state.messages.add(now, "in", action or "late answer", data, outcome)

    async def _work(self) -> None:
        """Answer requests one after the other, as they came; one task for all of a connection."""
        calls = self._calls
        while not self.ended:
            if not calls:
                self._call_waits = asyncio.get_running_loop().create_future()
                await self._call_waits
            with self.clock.working():
                while calls:
                    call = calls.popleft()
                    if self._paused:
                        self._room.set()
                    await self._do(call)

    def _wake_worker(self) -> None:
        waiting, self._call_waits = self._call_waits, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def _do(self, call: Call) -> None:
        code = ""
        try:
            text = envelope.result(call.id, await self._answering(self, call))
        except RequestError as error:
            code = error.code
            text = envelope.error(call.id, error.code, error.reason)
        except Exception as error:  # whatever it is, the station gets an answer
            code = ErrorCode.INTERNAL_ERROR
            self._log_failure(call.action)
            text = envelope.error(call.id, ErrorCode.INTERNAL_ERROR, type(error).__name__)
        if call.answered:
            self._answer(text, call.action, code)
        elif code:
            self.state.messages.add(self.clock.now_s(), "in", call.action, text, code)

    def _log_failure(self, action: str) -> None:
        """Once a minute: a disk that is full must not fill the log as well."""
        now = self.clock.monotonic_s()
        if now >= self._next_failure_s:
            self._next_failure_s = now + 60.0
            log.exception("message_failed", station=self.state.identity, action=action)

    def _answer(self, text: bytes, action: str, outcome: str) -> None:
        if not self.ended:
            self.state.messages.add(self.clock.now_s(), "out", action, text, outcome)
            self._send(text)

    def _note_sent(self, action: str, text: bytes) -> None:
        self.state.messages.add(self.clock.now_s(), "out", action, text, "")

    def _send(self, text: bytes) -> None:
        """Put a message on the wire; a station that does not read loses its link."""
        if self._socket.send_text(text) > LARGEST_UNSENT:
            log.warning("station_does_not_read", station=self.state.identity)
            self._socket.transport.abort()

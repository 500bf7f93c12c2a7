"""Which request goes to a station next, and what became of it?

A station has one request of ours to answer at a time. Urgent ones go first, then set-points, then
all else; a set-point that still waits is replaced by a newer one. Nothing waits for ever: an
answer that does not come in time is not waited for, and a late one is dropped.
"""

import asyncio
import itertools
import secrets
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, final

from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import OrderResult
from evergrid.live.ocpp.wire import envelope
from evergrid.live.ocpp.wire.envelope import CallError, Result
from evergrid.live.ocpp.wire.schemas import Schemas

MOST_WAITING = 64  # requests for one station
STILL_WORKING_S = 1.0  # after which an unanswered request no longer stops a virtual clock


class Priority(IntEnum):
    """Which request goes first."""

    URGENT = 0
    SETPOINT = 1
    HOUSEKEEPING = 2


@dataclass(frozen=True)
class Answer:
    """What became of a request.

    Attributes:
        result: ACCEPTED where an answer came, whatever its status says.
        payload: The answer; empty without one.
        error: Code of an error in answer to it.
        description: Of the error.
    """

    result: OrderResult
    payload: dict[str, Any]
    error: str = ""
    description: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the station answered that it accepts."""
        return self.result is OrderResult.ACCEPTED and self.payload.get("status") == "Accepted"

    @property
    def order_result(self) -> OrderResult:
        """The result, REJECTED where the station answered anything but that it accepts."""
        if self.result is not OrderResult.ACCEPTED or self.accepted:
            return self.result
        return OrderResult.REJECTED


@final
class Request:
    """A request that waits to be sent or answered."""

    __slots__ = (
        "action",
        "deadline_s",
        "earliest_s",
        "future",
        "id",
        "key",
        "payload",
        "priority",
        "sent_s",
        "timeout_s",
        "work",
    )

    def __init__(
        self,
        action: str,
        payload: dict[str, Any],
        priority: Priority,
        *,
        key: str = "",
        timeout_s: float,
        earliest_s: float = 0.0,
    ) -> None:
        self.action, self.payload, self.priority = action, payload, priority
        self.key, self.timeout_s, self.earliest_s = key, timeout_s, earliest_s
        self.future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.id = ""
        self.sent_s = self.deadline_s = 0.0
        self.work: AbstractContextManager[None] | None = None


@final
class Outbox:
    """The requests to one connection.

    Args:
        send: Puts a message on the wire.
        schemas: Of the connection's version, to check answers.
        clock: For time-outs.
        sent: Told each request as it goes out, with its text.
        peer: The station, for a virtual clock that knows whether it is silent.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        schemas: Schemas,
        clock: AbstractClock,
        sent: Callable[[str, bytes], None],
        peer: str = "",
    ) -> None:
        self._peer = peer
        self._send, self._schemas, self._clock, self._sent = send, schemas, clock, sent
        self._waiting: tuple[deque[Request], ...] = tuple(deque() for _ in Priority)
        self._by_key: dict[str, Request] = {}
        self._out: Request | None = None
        self._ids = (f"{secrets.token_hex(4)}-{n}" for n in itertools.count())
        self.closed = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is out."""
        return self._out is None and not any(self._waiting)

    def waiting(self, key: str) -> Request | None:
        """The request of a key that is not sent yet."""
        return self._by_key.get(key)

    def put(self, request: Request) -> asyncio.Future[Answer]:
        """Send a request as soon as its turn comes; the future always gets an answer."""
        if self.closed:
            request.future.set_result(Answer(OrderResult.OFFLINE, {}))
            return request.future
        if request.key:
            self._replace(request)
        if sum(map(len, self._waiting)) >= MOST_WAITING:
            too_many = f"{MOST_WAITING} requests wait for this station already"
            request.future.set_result(Answer(OrderResult.REFUSED, {}, "", too_many))
            return request.future
        if request.key:
            self._by_key[request.key] = request
        self._waiting[request.priority].append(request)
        self.pump()
        return request.future

    def _replace(self, request: Request) -> None:
        """A newer request takes the place of a waiting one, and is at least as urgent."""
        older = self._by_key.pop(request.key, None)
        if older is None:
            return
        self._waiting[older.priority].remove(older)
        request.priority = min(request.priority, older.priority)
        _end(older, Answer(OrderResult.REPLACED, {}))

    def pump(self) -> None:
        """Send what may go now."""
        while self._out is None and not self.closed:
            request = self._next()
            if request is None:
                return
            if request.future.cancelled():
                continue
            self._go(request)

    def _next(self) -> Request | None:
        now = self._clock.monotonic_s()
        for queue in self._waiting:
            for place, request in enumerate(queue):
                if request.earliest_s <= now:
                    del queue[place]
                    if request.key and self._by_key.get(request.key) is request:
                        del self._by_key[request.key]
                    return request
        return None

    def _go(self, request: Request) -> None:
        now = self._clock.monotonic_s()
        request.id = next(self._ids)
        request.sent_s, request.deadline_s = now, now + request.timeout_s
        self._out = request
        request.work = self._clock.working(self._peer)
        request.work.__enter__()
        text = envelope.call(request.id, request.action, request.payload)
        self._sent(request.action, text)
        self._send(text)

    def answered(self, message: Result | CallError) -> str | None:
        """Take an answer in; the action that it answers, None where nobody waits for it."""
        request = self._out
        if request is None or request.id != message.id:
            return None
        self._out = None
        if isinstance(message, CallError):
            answer = Answer(OrderResult.REJECTED, {}, message.code, message.description)
        else:
            fault = self._schemas.response_fault(request.action, message.payload)
            answer = (
                Answer(OrderResult.ACCEPTED, message.payload)
                if fault is None
                else Answer(OrderResult.REJECTED, {}, fault.code, fault.reason)
            )
        _end(request, answer)
        self.pump()
        return request.action

    def check(self) -> None:
        """End what has waited too long; call it every second or so."""
        if self.idle:
            return
        request, now = self._out, self._clock.monotonic_s()
        if request is not None:
            if now >= request.deadline_s:
                self._out = None
                _end(request, Answer(OrderResult.TIMED_OUT, {}))
            elif now >= request.sent_s + STILL_WORKING_S:
                _release(request)
        self.pump()

    def close(self) -> None:
        """Nothing more is sent; what waits is answered OFFLINE."""
        self.closed = True
        waiting = [request for queue in self._waiting for request in queue]
        if self._out is not None:
            waiting.append(self._out)
        for queue in self._waiting:
            queue.clear()
        self._by_key.clear()
        self._out = None
        for request in waiting:
            _end(request, Answer(OrderResult.OFFLINE, {}))


def _release(request: Request) -> None:
    if request.work is not None:
        request.work.__exit__(None, None, None)
        request.work = None


def _end(request: Request, answer: Answer) -> None:
    if not request.future.done():
        request.future.set_result(answer)
    _release(request)

"""Messages that a station has to send: one after the other, kept in order while it is offline."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from typing import Any, NamedTuple, final

from evergrid.live.clock import AbstractClock
from evergrid.live.twin.wire.connection import Connection, StationCallError

MOST_KEPT = 20_000  # messages of a station that is offline: two weeks at one a minute
AnswerCallback = Callable[[dict[str, Any]], None]


class Message(NamedTuple):
    """A call that waits.

    Attributes:
        action: Of OCPP.
        payload: Its fields.
        kept: Whether it is sent later when the station is offline now.
        before_boot: Whether it may be sent before the station is accepted.
        dispensable: Whether it may be dropped where too many wait.
        answered: Is given the answer.
        failed: Is given the code of an error that answered it.
    """

    action: str
    payload: dict[str, Any]
    kept: bool = False
    before_boot: bool = False
    dispensable: bool = False
    answered: AnswerCallback | None = None
    failed: Callable[[str], None] | None = None


@final
class Outbox:
    """The queue of one station.

    Args:
        clock: Of everything; it stands still while messages wait that can be sent.
        timeout_s: After which a call without an answer means that the connection is lost.
        attempts: To send what has to be kept, where it is answered with an error.
        attempt_s: Until the second of them; the next ones wait for as much longer each.
    """

    def __init__(
        self, clock: AbstractClock, timeout_s: float, *, attempts: int = 3, attempt_s: float = 10.0
    ) -> None:
        self._clock, self._timeout_s = clock, timeout_s
        self._attempts, self._attempt_s = attempts, attempt_s
        self._failures = 0  # of the first message
        self._waiting: deque[Message] = deque()
        self._wake = asyncio.Event()
        self._hold: ExitStack | None = None
        self._open = False
        self._paused = False
        self.accepted = False
        """Whether the central system has accepted the station."""
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def holds_transaction_events(self) -> bool:
        """Whether events of a transaction wait."""
        return any(message.action == "TransactionEvent" for message in self._waiting)

    def put(self, message: Message) -> None:
        """Send a message after those that wait."""
        if not self._open and not message.kept:
            return
        if len(self._waiting) >= MOST_KEPT:
            self._drop_one()
        self._waiting.append(message)
        self._go()

    def put_first(self, message: Message) -> None:
        """Send a message before those that wait, such as BootNotification."""
        self._waiting.appendleft(message)
        self._go()

    def accept(self) -> None:
        """The central system has accepted the station: everything may be sent."""
        self.accepted = True
        self._go()

    def open(self) -> None:
        """There is a connection: from now on everything is taken, and sent once it runs."""
        self._open = True
        self._go()

    async def run(self, connection: Connection) -> None:
        """Send over a connection until it is lost; what has to be kept stays for the next one."""
        try:
            while True:
                message = self._next()
                if message is None:
                    self._release()
                    self._wake.clear()
                    await self._wake.wait()
                elif connection.deaf:
                    await self._pause(self._timeout_s)
                    await connection.abort()
                    return
                else:
                    await self._send(connection, message)
        except ConnectionError:
            return
        finally:
            self._open = self._paused = False
            self._release()
            kept = [message for message in self._waiting if message.kept]
            self._waiting = deque(kept)

    async def _send(self, connection: Connection, message: Message) -> None:
        try:
            answer = await connection.call(message.action, message.payload)
        except StationCallError as error:
            if message.failed is not None:
                message.failed(error.code)
            self._failures += 1
            if message.kept and self._failures < self._attempts:
                await self._pause(self._attempt_s * self._failures)
            else:
                self._sent(message)
            return
        self._sent(message)
        if message.answered is not None:
            message.answered(answer)

    def _sent(self, message: Message) -> None:
        self._failures = 0
        self._waiting.remove(message)

    async def _pause(self, seconds: float) -> None:
        """Send nothing for a while, in which time goes on."""
        self._paused = True
        self._release()
        await self._clock.sleep(seconds)
        self._paused = False
        self._go()

    def _next(self) -> Message | None:
        """The first message that may be sent."""
        if self.accepted:
            return self._waiting[0] if self._waiting else None
        return next((message for message in self._waiting if message.before_boot), None)

    def _drop_one(self) -> None:
        """Drop the oldest message that can be spared, or else the oldest; the first may be sent."""
        after = list(islice(self._waiting, 1, None))
        self._waiting.remove(next((one for one in after if one.dispensable), after[0]))
        self.dropped += 1

    def _go(self) -> None:
        can_send = self._open and not self._paused
        if can_send and self._hold is None and self._next() is not None:
            self._hold = ExitStack()
            self._hold.enter_context(self._clock.working())
        self._wake.set()

    def _release(self) -> None:
        if self._hold is not None:
            self._hold.close()
            self._hold = None

"""Questions and answers over a broker that may lose frames: asked until answered, done once.

What is asked in one turn of the event loop travels in one frame, as do its answers: a tick's orders
to a gateway are one message. A question has a number; whoever answers remembers the answers to
those that the asker has not settled yet, and gives the same answer to one that comes again. All of
it is bounded: so many open questions, and whoever asks beyond that waits.
"""

import asyncio
import secrets
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import final

import msgspec
import structlog

from evergrid.core.errors import EvergridError
from evergrid.live.clock import AbstractClock
from evergrid.live.gateway.broker import AbstractBroker

log = structlog.get_logger()

MOST_OPEN = 4096  # questions of one process that are not answered yet
MOST_PEERS = 1000  # whose questions are remembered
LARGEST_FRAME = 256 * 1024  # bytes of bodies; NATS takes 1 MiB by default
RESEND_S, LONGEST_RESEND_S = 1.0, 8.0
LOOK_S = 0.25  # between two looks at what must be sent again


class NoAnswerError(EvergridError, OSError):
    """Nobody has answered in time, or the other end could not do what was asked."""


class Question(msgspec.Struct, array_like=True, frozen=True):
    """What is asked.

    Attributes:
        number: Counts up in the life of the asker.
        kind: What kind of question.
        body: Its content.
    """

    number: int
    kind: str
    body: bytes


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """What is answered.

    Attributes:
        life: Of the asker.
        number: Of the question.
        fault: Why it could not be done; "" where it was.
        body: The content.
    """

    life: str
    number: int
    fault: str
    body: bytes


class Frame(msgspec.Struct, array_like=True):
    """What travels at once.

    Attributes:
        sender: Subject that an answer goes to.
        life: Of the sender: another one after each start.
        settled: Questions of the sender below this number are answered and need no memory.
        questions: In the order of asking.
        replies: To questions of the receiver.
        notices: Kind and body; nobody answers, and one that is lost is not sent again.
    """

    sender: str
    life: str
    settled: int
    questions: list[Question] = []
    replies: list[Reply] = []
    notices: list[tuple[str, bytes]] = []


_encode, _frames = msgspec.msgpack.encode, msgspec.msgpack.Decoder(Frame)


class FaultError(Exception):
    """What was asked cannot be done; the asker is told the fault."""


@dataclass(eq=False, slots=True)
class _Open:
    """A question that waits for its answer."""

    subject: str
    question: Question
    future: asyncio.Future[Reply]
    next_s: float
    until_s: float
    wait_s: float = RESEND_S


@dataclass(eq=False, slots=True)
class _Peer:
    """Whose questions were answered."""

    life: str
    replies: dict[int, Reply | None] = field(default_factory=dict)  # None while it is being done
    settled: int = 0


Answering = Callable[[str, str, bytes], Awaitable[bytes]]
"""Does what a sender asks, by kind and body; the content of the answer."""
Noticing = Callable[[str, str, bytes], None]
"""Takes a notice of a sender, by kind and body."""


@final
class Exchange:
    """One end.

    Args:
        broker: That carries frames.
        subject: Where this end listens.
        clock: For what is sent again.
        answering: Does what others ask. A `FaultError` is told to the asker in its own words, any
            other error by its name.
        noticing: Takes notices.
    """

    def __init__(
        self,
        broker: AbstractBroker,
        subject: str,
        clock: AbstractClock,
        answering: Answering,
        noticing: Noticing,
    ) -> None:
        self.subject, self.life = subject, secrets.token_urlsafe(9)
        self._broker, self._clock = broker, clock
        self._answering, self._noticing = answering, noticing
        self._number = self._oldest = 0
        self._open: dict[int, _Open] = {}
        self._room = asyncio.Semaphore(MOST_OPEN)
        self._peers = OrderedDict[str, _Peer]()
        self._out: dict[str, Frame] = {}
        self._sizes: dict[str, int] = defaultdict(int)
        self._wake = asyncio.Event()
        self._works: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []

    async def start(self, *subjects: str) -> None:
        """Listen, on other subjects too, and send."""
        for subject in (self.subject, *subjects):
            await self._broker.listen(subject, self._take)
        self._loops = [asyncio.create_task(self._send()), asyncio.create_task(self._repeat())]

    async def stop(self) -> None:
        """End; questions that are open fail."""
        for task in (*self._loops, *self._works):
            task.cancel()
        await asyncio.gather(*self._loops, *self._works, return_exceptions=True)
        for one in tuple(self._open.values()):
            if not one.future.done():
                one.future.set_exception(NoAnswerError("the service stops"))

    async def ask(self, subject: str, kind: str, body: bytes, *, patience_s: float) -> bytes:
        """Ask until it is answered; the content of the answer.

        Raises:
            NoAnswerError: Nobody answered in so long, to within a quarter of a second.
            FaultError: It could not be done.
        """
        async with self._room:
            self._number += 1
            question = Question(self._number, kind, body)
            future = asyncio.get_running_loop().create_future()
            now = self._clock.monotonic_s()
            one = _Open(subject, question, future, now + RESEND_S, now + patience_s)
            self._open[question.number] = one
            self._put(subject).questions.append(question)
            self._note_size(subject, len(body))
            try:
                reply = await future
            finally:
                self._settle(question.number)
        if reply.fault:
            raise FaultError(reply.fault)
        return reply.body

    def notice(self, subject: str, kind: str, body: bytes) -> None:
        """Say something once; it may be lost."""
        self._put(subject).notices.append((kind, body))
        self._note_size(subject, len(body))

    def _settle(self, number: int) -> None:
        self._open.pop(number, None)
        self._oldest = min(self._open, default=self._number + 1)

    def _put(self, subject: str) -> Frame:
        frame = self._out.get(subject)
        if frame is None:
            frame = self._out[subject] = Frame(self.subject, self.life, 0)
            frame.questions, frame.replies, frame.notices = [], [], []
        self._wake.set()
        return frame

    def _note_size(self, subject: str, size: int) -> None:
        """A frame that is full leaves at once, and the next one begins."""
        self._sizes[subject] += size
        if self._sizes[subject] > LARGEST_FRAME:
            frame = self._out.pop(subject)
            self._sizes[subject] = 0
            self._work(self._sent(subject, frame))

    async def _send(self) -> None:
        """Send what was put since the last turn."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(0)  # whoever else asks in this turn travels along
            self._wake.clear()
            out, self._out = self._out, {}
            self._sizes.clear()
            for subject, frame in out.items():
                await self._sent(subject, frame)

    async def _sent(self, subject: str, frame: Frame) -> None:
        frame.settled = self._oldest
        await self._broker.send(subject, _encode(frame))

    async def _repeat(self) -> None:
        """Ask again what was not answered; while the broker is down, nothing is."""
        was_up = True
        while True:
            await self._clock.sleep(LOOK_S)
            now = self._clock.monotonic_s()
            self._give_up(now)
            if not self._broker.up:
                was_up = False
                continue
            for one in tuple(self._open.values()):
                if was_up and now < one.next_s:
                    continue
                one.wait_s = min(2 * one.wait_s, LONGEST_RESEND_S) if was_up else RESEND_S
                one.next_s = now + one.wait_s
                self._put(one.subject).questions.append(one.question)
                self._note_size(one.subject, len(one.question.body))
            was_up = True

    def _give_up(self, now_s: float) -> None:
        for one in tuple(self._open.values()):
            if now_s >= one.until_s and not one.future.done():
                kind = one.question.kind
                one.future.set_exception(NoAnswerError(f"nobody answered {kind} in time"))

    def _take(self, data: bytes) -> None:
        try:
            frame = _frames.decode(data)
        except msgspec.DecodeError:
            log.warning("frame_unreadable", subject=self.subject, size=len(data))
            return
        for reply in frame.replies:
            known = self._open.get(reply.number) if reply.life == self.life else None
            if known is not None and not known.future.done():
                known.future.set_result(reply)
        if frame.questions:
            self._take_questions(frame)
        for kind, body in frame.notices:
            self._noticing(frame.sender, kind, body)

    def _take_questions(self, frame: Frame) -> None:
        peer = self._peers.get(frame.sender)
        if peer is None or peer.life != frame.life:
            peer = self._peers[frame.sender] = _Peer(frame.life)
            if len(self._peers) > MOST_PEERS:
                self._peers.popitem(last=False)
        self._peers.move_to_end(frame.sender)
        if frame.settled > peer.settled:
            peer.settled = frame.settled
            for number in [one for one in peer.replies if one < frame.settled]:
                del peer.replies[number]
        for question in frame.questions:
            if question.number < peer.settled:
                continue  # a late copy of one that was answered
            if question.number in peer.replies:
                reply = peer.replies[question.number]
                if reply is not None:
                    self._put(frame.sender).replies.append(reply)
                continue
            peer.replies[question.number] = None
            self._work(self._answer(frame.sender, peer, question))

    async def _answer(self, sender: str, peer: _Peer, question: Question) -> None:
        fault, body = "", b""
        try:
            with self._clock.working():
                body = await self._answering(sender, question.kind, question.body)
        except FaultError as error:
            fault = str(error)
        except Exception as error:  # whatever it is, the asker gets an answer
            fault = f"{type(error).__name__}: {error}"
        reply = Reply(peer.life, question.number, fault, body)
        if question.number in peer.replies:
            peer.replies[question.number] = reply
        self._put(sender).replies.append(reply)
        self._note_size(sender, len(body))

    def _work(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        task = asyncio.create_task(run())
        self._works.add(task)
        task.add_done_callback(self._works.discard)

"""How zones are spoken to: what each is told and answers, and how a lost one is made up for."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, final, runtime_checkable

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import WorkerError
from evergrid.engine.interior_point.interior_point import Iterate, Run
from evergrid.engine.interior_point.store_state import Start
from evergrid.engine.interior_point.zones import Powers, Reach, Totals
from evergrid.engine.program import Program

MOST_REPLACED = 3  # times that the worker of one zone may be replaced

Message = tuple[Any, ...]  # the name of a method of `Zone`, then its arguments


@dataclass(frozen=True)
class Setting:
    """What a zone is made from.

    Attributes:
        program: Its stores and nodes below one root, which nothing limits.
        start: Where the whole program begins.
    """

    program: Program
    start: Start


@final
class Zone:
    """A zone at its own place; every answer is a pure function of all it was told before."""

    def __init__(self, setting: Setting) -> None:
        self.run = Run(setting.program, 1.0, begin=setting.start, outer=True)
        self.root = int(np.flatnonzero(setting.program.parent < 0)[0])

    def hear(self, message: Message) -> Any:
        """Answer one message."""
        name, *arguments = message
        return getattr(self, name)(*arguments)

    def catch_up(self, sent: Sequence[Message], message: Message) -> Any:
        """Come to where the messages sent so far led, and answer the next one."""
        for earlier in sent:
            self.hear(earlier)
        return self.hear(message)

    def begin(self) -> tuple[Float[Array, " 1"], Float[Array, "1 step"]]:
        """How many products it has, and its net power at first."""
        return self.run.count[[self.root]], self.run.net[[self.root]]

    def factor(self, price: Float[Array, " step"]) -> Float[Array, "1 step step"]:
        """How its net power answers a change of the price above."""
        self.run.factor(price)
        return self.run.nodes.seen_from_outside()

    def ask(self, goal: float) -> Float[Array, "1 step"]:
        """Change of its net power at an unchanged price above."""
        self.run.ask(self._everywhere(goal))
        return self.run.change[[self.root]]

    def direct(self, dprice: Float[Array, " step"], predict: bool) -> Reach:
        """How far its step reaches once the price above has changed."""
        reach, at = self.run.direct(dprice, predict=predict), [self.root]
        return Reach(reach.primal[at], reach.dual[at], reach.gap[:, at])

    def move(self, primal: float, dual: float) -> tuple[Powers, Totals]:
        """Take the step."""
        far = (self._everywhere(primal), self._everywhere(dual))
        totals, at = self.run.move(Reach(*far, np.zeros((4, len(far[0]))))), [self.root]
        powers = Powers(self.run.net[at], self.run.lift[at])
        return powers, Totals(*(getattr(totals, field.name)[at] for field in fields(totals)))

    def read(self, price: Float[Array, " step"]) -> Iterate:
        """Its part of the schedule, under the price above."""
        return self.run.result(price)

    def _everywhere(self, value: float) -> Float[Array, " node"]:
        return np.full(self.run.program.nodes, value)


@runtime_checkable
class AbstractWorkers(Protocol):
    """Places that hold one zone each and answer its messages in turn; any may be lost."""

    def start(self, zone: int) -> None:
        """Make the zone, in place of the one there was."""
        ...

    def send(self, zone: int, message: Message) -> None:
        """Pass a message on; the answer is fetched by `receive`."""
        ...

    def receive(self, zone: int) -> Any:
        """The answer to the last message.

        Raises:
            WorkerError: The worker is lost.
        """
        ...


@dataclass(frozen=True)
class Traffic:
    """What passed between a program and its zones until its schedule was read.

    Attributes:
        messages: Sent to zones.
        sent_bytes: Numbers in these.
        heard_bytes: Numbers in the answers.
        replaced: Workers that were lost and replaced.
    """

    messages: int
    sent_bytes: int
    heard_bytes: int
    replaced: int


@final
class RemoteZones:
    """Zones that answer through workers; all that was sent is kept, to replace a worker with."""

    def __init__(self, above: Int[Array, " zone"], workers: AbstractWorkers) -> None:
        self.above = above
        self.workers = workers
        self.sent: list[list[Message]] = [[] for _ in above]
        self.replaced = np.zeros(len(above), np.int64)
        self.sent_bytes = self.heard_bytes = 0
        for zone in range(len(above)):
            workers.start(zone)
        begun = self._call("begin", [()] * len(above))
        self.count = np.concatenate([count for count, _ in begun])
        self.net = np.concatenate([net for _, net in begun])

    @property
    def traffic(self) -> Traffic:
        """What has passed so far."""
        messages = sum(len(sent) for sent in self.sent)
        replaced = int(self.replaced.sum())
        return Traffic(messages, self.sent_bytes, self.heard_bytes, replaced)

    def factor(self, price: Float[Array, "zone step"]) -> Float[Array, "zone step step"]:
        """How each zone's net power answers a change of the price above, given that price."""
        return np.concatenate(self._call("factor", [(row,) for row in price]))

    def ask(self, goal: Float[Array, " zone"]) -> Float[Array, "zone step"]:
        """Change of net power at an unchanged price above."""
        return np.concatenate(self._call("ask", [(value,) for value in goal.tolist()]))

    def direct(self, dprice: Float[Array, "zone step"], *, predict: bool) -> Reach:
        """Take in the change of the price above; how far the zone's step reaches."""
        answers = self._call("direct", [(row, predict) for row in dprice])
        return _joined(answers)

    def move(self, reach: Reach) -> tuple[Powers, Totals]:
        """Take the step."""
        steps = zip(reach.primal.tolist(), reach.dual.tolist(), strict=True)
        answers = self._call("move", list(steps))
        net = np.concatenate([powers.net for powers, _ in answers])
        lift = np.concatenate([powers.lift for powers, _ in answers])
        return Powers(net, lift), _joined([totals for _, totals in answers])

    def read(self, price: Float[Array, "zone step"]) -> list[Iterate]:
        """Each zone's part of the schedule."""
        return self._call("read", [(row,) for row in price], counted=False)

    def _call(self, name: str, arguments: list[Message], *, counted: bool = True) -> list[Any]:
        """The answers of all zones, which work side by side."""
        messages = [(name, *given) for given in arguments]
        for zone, message in enumerate(messages):
            self.workers.send(zone, message)
        answers = [self._answer(zone, message) for zone, message in enumerate(messages)]
        if counted:
            for zone, message in enumerate(messages):
                self.sent[zone].append(message)
            self.sent_bytes += _size(messages)
            self.heard_bytes += _size(answers)
        return answers

    def _answer(self, zone: int, message: Message) -> Any:
        """The answer to a message that was sent, from a new worker if need be."""
        while True:
            try:
                return self.workers.receive(zone)
            except WorkerError:
                if self.replaced[zone] == MOST_REPLACED:
                    raise
                self.replaced[zone] += 1
                self.workers.start(zone)
                self.workers.send(zone, ("catch_up", self.sent[zone], message))


def _joined(answers: list[Any]) -> Any:
    """Records of one zone each as one record of all."""
    kind = type(answers[0])
    columns = (
        np.concatenate([getattr(answer, field.name) for answer in answers], axis=-1)
        for field in fields(kind)
    )
    return kind(*columns)


def _size(thing: Any) -> int:
    """Bytes of the numbers in messages or answers; names are left out."""
    if isinstance(thing, np.ndarray):
        return thing.nbytes
    if isinstance(thing, (list, tuple)):
        return sum(map(_size, thing))
    if isinstance(thing, (Reach, Powers, Totals)):
        return sum(_size(getattr(thing, field.name)) for field in fields(thing))
    return 8 if isinstance(thing, (int, float)) else 0

"""Tells many viewers what changes, at the cost of one: made once, sent to all, waiting for none."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, final

import structlog

from evergrid.live.api.failure import note_failure
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.updates.backlog import Backlog, first_rows, said
from evergrid.live.api.updates.event import HEARTBEAT, RETRY, event
from evergrid.live.api.updates.moment import Moment
from evergrid.live.clock import AbstractClock
from evergrid.live.view import AbstractView

DECIMALS = 3  # of the overview
WAITING = 8  # updates that wait for a viewer, who is dropped with one more
MOST_ASKED = 100  # stations that a viewer may name

log = structlog.get_logger()


@dataclass(frozen=True)
class Ask:
    """What a viewer wants to be told.

    Attributes:
        topics: By name.
        stations: Those to be told of; empty for all.
    """

    topics: tuple[str, ...]
    stations: frozenset[str] = frozenset()


Topic = Callable[[Moment, Ask, bool], Any]
"""What is sent of a moment, None for nothing; the last argument is whether it is the first."""


@final
class Viewer:
    """Somebody who is told.

    Args:
        ask: What.
    """

    def __init__(self, ask: Ask) -> None:
        self.ask, self.first = ask, True
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue(WAITING + 1)

    def put(self, text: str) -> bool:
        """Leave an update; False where too many wait already."""
        if self._waiting.qsize() >= WAITING:
            return False
        self._waiting.put_nowait(text)
        return True

    def end(self) -> None:
        """Leave word that nothing more comes, instead of what still waits."""
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def get(self, wait_s: float) -> str | None:
        """The next update, or a sign of life after a while; None at the end."""
        # Not `wait_for`, which in Python 3.11 loses a cancellation that comes with an update.
        try:
            async with asyncio.timeout(wait_s):
                return await self._waiting.get()
        except TimeoutError:
            return HEARTBEAT


@final
class Stream:
    """Updates for all who look.

    Nothing is made while nobody looks. Viewers with the same `Ask` share one text.

    Args:
        view: Of the service.
        clock: Of the wall.
        update_s: Between two updates.
        update_bytes: Of an update of all stations.
        most: Viewers at the same time.
    """

    def __init__(
        self,
        view: AbstractView,
        clock: AbstractClock,
        *,
        update_s: float,
        update_bytes: int,
        most: int,
    ) -> None:
        self._view, self._clock = view, clock
        self._update_s, self._bytes, self._most = update_s, update_bytes, most
        self._viewers: set[Viewer] = set()
        self._task: asyncio.Task[None] | None = None
        self._moment, self._backlog = Moment(view), Backlog(update_bytes)
        self._of_all: tuple[Any] | None = None
        self._made: dict[tuple[Ask, bool], tuple[str, bool]] = {}
        self.dropped = 0
        """Viewers who took too long to take what they were sent."""
        self.topics: dict[str, Topic] = {
            "overview": _overview,
            "stations": self._stations,
            "series": _series,
        }
        """What can be asked for; the console adds its own."""

    @property
    def viewers(self) -> int:
        """Who look now."""
        return len(self._viewers)

    def join(self, ask: Ask) -> Viewer:
        """Begin to tell somebody.

        Raises:
            RefusedError: A topic is unknown, too many stations are named, or too many look already.
        """
        unknown = sorted(set(ask.topics) - set(self.topics))
        if unknown or not ask.topics:
            raise RefusedError(422, f"topics must be of {', '.join(self.topics)}.")
        if len(ask.stations) > MOST_ASKED:
            raise RefusedError(422, f"stations must be {MOST_ASKED} at most.")
        if len(self._viewers) >= self._most:
            headers = {"Retry-After": "10"}
            raise RefusedError(503, f"{self._most} viewers look already.", headers=headers)
        viewer = Viewer(ask)
        self._viewers.add(viewer)
        if self._task is None or self._task.done():
            self._moment, self._backlog = Moment(self._view), Backlog(self._bytes)
            self._made = {}
            self._task = asyncio.create_task(self._run())
        else:  # so that a page need not wait for the next update
            self._tell(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Tell somebody no more."""
        self._viewers.discard(viewer)
        viewer.end()

    async def close(self) -> None:
        """End every stream and begin no other, as the service stops."""
        self._most = 0
        for viewer in tuple(self._viewers):
            viewer.end()
        self._viewers.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._viewers:
            began_s = self._clock.monotonic_s()
            self._tell_all()
            await self._clock.sleep_until(began_s + self._update_s)

    def _tell_all(self) -> None:
        self._moment, self._of_all, self._made = self._moment.next(), None, {}
        for viewer in tuple(self._viewers):
            self._tell(viewer)

    def _tell(self, viewer: Viewer) -> None:
        key = viewer.ask, viewer.first
        if key not in self._made:
            self._made[key] = self._text(*key)
        text, whole = self._made[key]
        if text and not viewer.put(text):
            self.drop(viewer)
        viewer.first = not whole

    def drop(self, viewer: Viewer) -> None:
        """End a viewer who is too slow."""
        if viewer in self._viewers:
            self.dropped += 1
            self._viewers.discard(viewer)
            viewer.end()
            log.info("slow_viewer_dropped", viewers=self.viewers)

    def _text(self, ask: Ask, first: bool) -> tuple[str, bool]:
        """The update, and whether every topic of it could be made."""
        parts, whole = [RETRY] if first else [], True
        for name in ask.topics:
            try:
                data = self.topics[name](self._moment, ask, first)
            except Exception as error:  # of one topic: the others go on, and this begins anew
                note_failure("update_failed", error, topic=name)
                whole = False
                continue
            if data is not None:
                parts.append(event(name, data))
        return "".join(parts), whole

    def _stations(self, moment: Moment, ask: Ask, first: bool) -> Any:
        """Rows that changed: those asked for, or as many of all as an update may hold."""
        if first:
            return first_rows(moment, sorted(ask.stations))
        if ask.stations:
            names = sorted(ask.stations & moment.changed.keys())
            return said(moment, {name: moment.changed[name] for name in names}) if names else None
        if self._of_all is None:
            self._of_all = (self._backlog.take(moment),)
        return self._of_all[0]


def _overview(moment: Moment, _ask: Ask, _first: bool) -> Any:
    fields = asdict(moment.overview).items()
    return {name: round(v, DECIMALS) if isinstance(v, float) else v for name, v in fields}


def _series(moment: Moment, _ask: Ask, first: bool) -> Any:
    points = moment.recent if first else moment.points
    return asdict(points) if points.time_s else None

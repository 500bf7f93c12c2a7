"""Which events count now: the newest form of each, the more important where two overlap.

An older form of an event, or one that was cancelled, does not come back. What the server no longer
lists is cancelled.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import pairwise

from evergrid.live.signals.openadr.events import LIMITS, Event, Kind, Span

MOST_REMEMBERED = 20_000  # events, with those that are over or were cancelled
Rank = tuple[int, float, float, str, int]


@dataclass(frozen=True)
class EventStore:
    """Events of one program.

    Attributes:
        events: In force, by identity.
        seen_s: Newest modification of each event that was ever there; the oldest are forgotten.
        older: How often an older form of an event came.
        changed: How often an event changed without a newer modification.
    """

    events: dict[str, Event] = field(default_factory=dict)
    seen_s: dict[str, float] = field(default_factory=dict)
    older: int = 0
    changed: int = 0

    def with_all(self, listed: Iterable[Event]) -> "EventStore":
        """The events after the server has listed all of its events; what it left out has ended."""
        events: dict[str, Event] = {}
        seen, older, changed = dict(self.seen_s), self.older, self.changed
        for event in listed:
            before = self.events.get(event.event)
            newest_s = seen.get(event.event)
            if newest_s is not None and event.modified_s < newest_s:
                older += 1
                if before is not None:
                    events[event.event] = before
                continue
            if newest_s is not None and event.modified_s == newest_s:
                if before is None:  # cancelled, and here again as it was
                    older += 1
                    continue
                changed += before.digest != event.digest
                event = before
            events[event.event] = event
            seen[event.event] = event.modified_s
        return replace(self, events=events, seen_s=_bounded(seen), older=older, changed=changed)

    def at(self, kind: Kind, time_s: float) -> Span | None:
        """What counts at a moment; None where nothing does."""
        there = [one for one in self._ranked(kind) if one[1].begin_s <= time_s < one[1].end_s]
        return min(there, key=lambda one: one[0])[1] if there else None

    def steps(self, kind: Kind, begin_s: float, end_s: float) -> tuple[Span, ...]:
        """What counts from one moment to another, cut where it changes; gaps are left out."""
        there = [one for one in self._ranked(kind) if one[1].begin_s < end_s]
        there = sorted((one for one in there if one[1].end_s > begin_s), key=_begin)
        ends = {min(max(at_s, begin_s), end_s) for _, one in there for at_s in _ends(one)}
        found, waiting, nth = [], [], 0
        for first_s, last_s in pairwise(sorted(ends)):
            while nth < len(there) and there[nth][1].begin_s <= first_s:
                heappush(waiting, (*there[nth][0], nth, there[nth][1]))
                nth += 1
            while waiting and waiting[0][-1].end_s <= first_s:
                heappop(waiting)
            if waiting:
                found.append(replace(waiting[0][-1], begin_s=first_s, end_s=last_s))
        return tuple(found)

    def _ranked(self, kind: Kind) -> Iterator[tuple[Rank, Span]]:
        """Spans of a kind, each with what it counts: the least rank counts most."""
        for event in self.events.values():
            for nth, span in enumerate(event.spans):
                if span.kind is kind:
                    # Of two events of one priority the tighter limit counts, or the later word;
                    # in one event the interval that stands first.
                    tightest = span.value if kind in LIMITS else 0.0
                    yield (event.priority, tightest, -event.modified_s, event.event, nth), span


def _begin(one: tuple[Rank, Span]) -> float:
    return one[1].begin_s


def _ends(span: Span) -> tuple[float, float]:
    return span.begin_s, span.end_s


def _bounded(seen: dict[str, float]) -> dict[str, float]:
    if len(seen) <= MOST_REMEMBERED:
        return seen
    return dict(sorted(seen.items(), key=lambda one: one[1])[-MOST_REMEMBERED:])

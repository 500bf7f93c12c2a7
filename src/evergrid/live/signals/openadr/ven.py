"""Our side of OpenADR: looks at the events of a program, and says what they ask for now."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.clock import AbstractClock
from evergrid.live.signals.openadr import reports
from evergrid.live.signals.openadr.entry import OpenAdrEntry
from evergrid.live.signals.openadr.event_store import EventStore
from evergrid.live.signals.openadr.events import Event, Kind, Span, identity, read
from evergrid.live.signals.openadr.reports import MeteredKwh
from evergrid.live.signals.openadr.vtn import Vtn, VtnError
from evergrid.live.signals.signal import AbstractSignalSource, SignalValue, TroubleReport

LONGEST_BACK_OFF_S = 300.0
MOST_SPANS = 20_000  # of all events
MOST_TOLD = 1_000  # different refusals
SKEW_S = 5.0  # of the server's clock, from which it is told

AfterLook = Callable[[EventStore], Awaitable[None]]
"""Given the events in force."""


@dataclass(frozen=True)
class Limits:
    """What a site may draw and feed at a moment, by the events in force.

    Attributes:
        site: Whose.
        begin_s: Since when, at the latest.
        end_s: Until when, at least.
        import_kw: Most that it may draw; None for no limit.
        export_kw: Most that it may feed; None for no limit.
    """

    site: str
    begin_s: float
    end_s: float
    import_kw: float | None
    export_kw: float | None


@final
class Ven:
    """One program, looked at again and again.

    Args:
        entry: Of its server.
        clock: The service's clock.
        folder: What relative paths start from.
        told: Told of events that are refused, and of a server that fails.
        looked: Called after each look that succeeded, such as to hand limits on.
        metered: Energy that the site drew, for reports; none are made where absent.

    Raises:
        InputError: An address that may not be asked, or a certificate that cannot be read.
    """

    def __init__(
        self,
        entry: OpenAdrEntry,
        clock: AbstractClock,
        *,
        folder: Path = Path(),
        told: TroubleReport | None = None,
        looked: AfterLook | None = None,
        metered: MeteredKwh | None = None,
    ) -> None:
        self._entry, self._clock, self._told, self._looked = entry, clock, told, looked
        self._vtn = Vtn(entry, clock, folder)
        self._read_s: float | None = None
        self._refused: set[str] = set()
        self._metered, self._reported = metered, dict[str, int]()
        self._skewed = False
        self.events = EventStore()
        """Events in force."""
        self.failures = 0
        """Looks in a row that failed."""
        self.refused = 0
        """Events that broke a rule when they were last listed."""

    @property
    def age_s(self) -> float | None:
        """Since the last look that succeeded; None before the first."""
        return None if self._read_s is None else self._clock.monotonic_s() - self._read_s

    @property
    def skew_s(self) -> float | None:
        """The server's clock less ours."""
        return self._vtn.skew_s

    async def run(self) -> None:
        """Look until cancelled; after a failure ever less often."""
        try:
            while True:
                wait_s = await self.look()
                await self._clock.sleep(wait_s)
        finally:
            await self.close()

    async def close(self) -> None:
        """Hang up."""
        await self._vtn.close()

    async def look(self) -> float:
        """Look once; how long to wait before the next look.

        What was known before a look that failed stays in force until it ends by itself.
        """
        try:
            with self._clock.working():
                await self._take_in()
                if self._looked is not None:
                    await self._looked(self.events)
                await self._report()
        except VtnError as error:
            self.failures += 1
            if self.failures == 1:
                self._tell("server", str(error))
            back_off_s = self._entry.poll_s * 2.0 ** min(self.failures, 10)
            longest_s = max(LONGEST_BACK_OFF_S, self._entry.poll_s)
            return max(min(back_off_s, longest_s), error.wait_s)
        self.failures = 0
        return self._entry.poll_s

    def prices(self, kind: Kind, begin_s: float, end_s: float) -> tuple[Span, ...]:
        """Steps of a price per MWh; times without a price are left out."""
        return self.events.steps(kind, begin_s, end_s)

    def limits(self, time_s: float) -> Limits:
        """What the site may draw and feed at a moment."""
        draws = self.events.at(Kind.IMPORT_LIMIT, time_s)
        feeds = self.events.at(Kind.EXPORT_LIMIT, time_s)
        found = [one for one in (draws, feeds) if one is not None]
        return Limits(
            self._entry.site,
            max((one.begin_s for one in found), default=time_s),
            min((one.end_s for one in found), default=time_s),
            None if draws is None else draws.value,
            None if feeds is None else feeds.value,
        )

    def setpoint_kw(self, time_s: float) -> float | None:
        """Power into the grid that is asked for; None where none is."""
        span = self.events.at(Kind.SETPOINT, time_s)
        return None if span is None else span.value

    async def _take_in(self) -> None:
        """All events of the server, each that is understood."""
        program = await self._vtn.program()
        listed = await self._vtn.events()
        now_s = self._clock.now_s()
        events: dict[str, Event] = {}
        spans, self.refused = 0, 0
        for raw in listed:
            try:
                event = read(raw, self._entry, program, now_s=now_s)
            except InputError as error:
                self.refused += 1
                self._refuse(str(error))
                kept = self.events.events.get(identity(raw))
                if kept is not None:  # its last form that was understood stays in force
                    events[kept.event] = kept
                continue
            spans += len(event.spans)
            if spans > MOST_SPANS:
                self._refuse(f"more than {MOST_SPANS} intervals in all events")
                break
            same = events.get(event.event)
            if same is None or same.modified_s < event.modified_s:
                events[event.event] = event
        before = self.events
        self.events = before.with_all(events.values())
        self._read_s = self._clock.monotonic_s()
        skew_s = self._vtn.skew_s
        if skew_s is not None and abs(skew_s) > SKEW_S and not self._skewed:
            self._tell("clock", f"the server's clock differs by {skew_s:+.0f} s")
        self._skewed = skew_s is not None and abs(skew_s) > SKEW_S
        if self.events.older > before.older:
            self._tell("event", "an older form of an event came, and was ignored")
        if self.events.changed > before.changed:
            self._tell("event", "an event changed without a newer modification, and was ignored")

    async def _report(self) -> None:
        """Hand in the reports that are due; one that is not taken is due again.

        Raises:
            VtnError: One was not taken.
        """
        if self._metered is None:
            return
        entry, now_s = self._entry, self._clock.now_s()
        for event in self.events.events.values():
            first = self._reported.get(event.event, 0)
            stop = reports.due(event, first, now_s)
            if not stop:
                continue
            content = reports.report(
                event, first, stop, entry.program_id, entry.ven_name, entry.site, self._metered
            )
            if content is not None:
                await self._vtn.report(content)
            self._reported[event.event] = stop

    def _refuse(self, text: str) -> None:
        """Tell of what is refused once, however often it is listed."""
        if text not in self._refused and len(self._refused) < MOST_TOLD:
            self._refused.add(text)
            self._tell("event refused", text)

    def _tell(self, rule: str, text: str) -> None:
        if self._told is not None:
            self._told(rule, text)


@final
class Dispatch(AbstractSignalSource):
    """Set-points of a program as a regulation signal: a share of the award every tick.

    A value comes only while the server answers, so that an old set-point fades as any signal does;
    0 comes where it answers and asks for nothing.

    Args:
        ven: The program.
        entry: Of its server, with `dispatch_full_kw`.
        clock: The service's clock.
        tick_s: Between two values.
        stale_s: After which the events are too old to be followed.

    Raises:
        InputError: The entry does not say which power is the whole award.
    """

    def __init__(
        self, ven: Ven, entry: OpenAdrEntry, clock: AbstractClock, *, tick_s: float, stale_s: float
    ) -> None:
        if entry.dispatch_full_kw is None:
            fix = "Set the power of a DISPATCH_SETPOINT that is the whole award."
            raise InputError("config", [Fault("dispatch_full_kw", "be given", fix=fix)])
        self._ven, self._clock, self._source = ven, clock, entry.url
        self._full_kw = entry.dispatch_full_kw
        self._tick_s, self._stale_s = tick_s, stale_s

    async def values(self) -> AsyncIterator[SignalValue]:
        """The set-point of each tick."""
        sequence = 0
        while True:
            age_s, now_s = self._ven.age_s, self._clock.now_s()
            setpoint_kw = self._ven.setpoint_kw(now_s)
            if age_s is not None and age_s <= self._stale_s:
                share = min(max((setpoint_kw or 0.0) / self._full_kw, -1.0), 1.0)
                yield SignalValue(now_s, sequence, share, self._source)
                sequence += 1
            await self._clock.sleep(self._tick_s)

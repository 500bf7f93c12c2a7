"""The OpenADR programs of a service: their limits are in force, and their set-points a signal."""

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol, final, runtime_checkable

from evergrid.live.clock import AbstractClock
from evergrid.live.signals.openadr import outputs
from evergrid.live.signals.openadr.entry import OpenAdrEntry
from evergrid.live.signals.openadr.event_store import EventStore
from evergrid.live.signals.openadr.events import LIMITS, PRICES, Kind, Span
from evergrid.live.signals.openadr.reports import SiteEnergy
from evergrid.live.signals.openadr.ven import SKEW_S, Dispatch, Ven
from evergrid.live.signals.utility import UtilityLimits
from evergrid.model.prices import Prices

AHEAD_S = 4 * 86_400.0  # for which limits are put into force at once: longer than any plan looks
METER_S = 10.0  # between two readings of a site's power
STALE_LOOKS = 3  # of which none succeeds until events count as old


@runtime_checkable
class AbstractProgramAlarms(Protocol):
    """Who is told what is wrong with a program."""

    def begin(self, rule: str, program: str, text: str) -> None:
        """Something is wrong, by a rule in a few words."""
        ...

    def end(self, rule: str, program: str) -> None:
        """It no longer is."""
        ...


@final
class OpenAdrPrograms:
    """Every program that is followed. What is wrong with one is an alarm, and stops no other.

    Args:
        entries: The programs, each with its server.
        limits: Where limits of sites are put into force.
        clock: Of the service.
        folder: What relative paths start from.
        alarms: Told of events that are refused, and of servers that fail.
        prices: What energy costs without an event.
        priced: Told of new prices.
        site_kw: Power of a site into the grid, now, by its meters.

    Raises:
        InputError: An address that may not be asked, or a certificate that cannot be read.
    """

    def __init__(
        self,
        entries: Sequence[OpenAdrEntry],
        limits: UtilityLimits,
        clock: AbstractClock,
        *,
        folder: Path,
        alarms: AbstractProgramAlarms,
        prices: Prices,
        priced: Callable[[Prices], None],
        site_kw: Callable[[str], float],
    ) -> None:
        self._entries = {one.program_id: one for one in entries}
        self._limits, self._clock, self._alarms = limits, clock, alarms
        self._prices, self._priced = prices, priced
        self._site_kw = site_kw
        self._energy = {one.site: SiteEnergy() for one in entries}
        self._price_spans: tuple[Span, ...] = ()
        self._sent: dict[str, tuple[tuple[Span, ...], float]] = {}
        self.vens = {
            name: Ven(
                entry,
                clock,
                folder=folder,
                told=partial(self._tell, name),
                looked=partial(self._looked, name),
                metered=self._energy[entry.site].drawn_kwh,
            )
            for name, entry in self._entries.items()
        }
        """Our side of each program, by its identity."""

    async def run(self) -> None:
        """Look at all programs until cancelled."""
        async with asyncio.TaskGroup() as group:
            for name in self.vens:
                group.create_task(self._follow(name))
            group.create_task(self._meter())

    async def _meter(self) -> None:
        """Count the energy of the sites, for reports."""
        while True:
            for site, energy in self._energy.items():
                energy.note(self._clock.now_s(), self._site_kw(site))
            await self._clock.sleep(METER_S)

    def dispatch(self, program: str, tick_s: float) -> Dispatch:
        """The set-points of a program as the signal that is followed.

        Raises:
            InputError: The program does not say which power is the whole award.
        """
        entry = self._entries[program]
        return Dispatch(
            self.vens[program], entry, self._clock, tick_s=tick_s, stale_s=_stale_s(entry)
        )

    async def _follow(self, name: str) -> None:
        """Look at one program; a fault of ours is told, and the next look comes nevertheless."""
        ven, entry = self.vens[name], self._entries[name]
        try:
            while True:
                wait_s = entry.poll_s
                try:
                    wait_s = await ven.look()
                    self._alarms.end("fault", name)
                except Exception as error:  # whatever it is, the next look comes
                    self._alarms.begin("fault", name, f"{type(error).__name__}: {error}")
                self._check_age(name)
                await self._clock.sleep(wait_s)
        finally:
            await ven.close()

    def _check_age(self, name: str) -> None:
        age_s = self.vens[name].age_s
        if age_s is not None and age_s > _stale_s(self._entries[name]):
            text = f"the events of {name} are {age_s:.0f} s old: they hold until they end"
            self._alarms.begin("stale", name, text)
        elif age_s is not None:
            self._alarms.end("stale", name)

    async def _looked(self, name: str, events: EventStore) -> None:
        """Events were read: what they ask for holds from now on."""
        ven, entry = self.vens[name], self._entries[name]
        self._alarms.end("server", name)
        if not ven.refused:
            self._alarms.end("event refused", name)
        if ven.skew_s is None or abs(ven.skew_s) <= SKEW_S:
            self._alarms.end("clock", name)
        if "limits" in entry.follows:
            await self._put_limits(entry, events)
        if "prices" in entry.follows:
            self._put_prices(events)

    def _put_prices(self, events: EventStore) -> None:
        """Have the prices of a program in place of others, where they differ from those before.

        Raises:
            InputError: They are in another currency; those before stay.
        """
        spans = tuple(span for kind in PRICES for span in events.steps(kind, 0.0, math.inf))
        if spans == self._price_spans:
            return
        self._priced(outputs.over(self._prices, events))
        self._price_spans = spans

    async def _put_limits(self, entry: OpenAdrEntry, events: EventStore) -> None:
        """Put the limits of a program into force, where they differ from what it said last.

        Raises:
            InputError: They break a rule; those before stay in force.
            StoreError: They could not be written; likewise.
        """
        now_s = self._clock.now_s()
        ahead = tuple(span for kind in LIMITS for span in _ahead(events, kind, now_s))
        before = self._sent.get(entry.program_id)
        if before is not None and before[0] == ahead and before[1] > now_s + AHEAD_S / 2:
            return
        default, until_s = self._limits.known.defaults[entry.site], now_s + AHEAD_S
        document = outputs.envelope(events, entry.site, default, now_s=now_s, until_s=until_s)
        await self._limits.receive(document, f"openadr {entry.program_id}")
        self._sent[entry.program_id] = (ahead, until_s)

    def _tell(self, name: str, rule: str, text: str) -> None:
        self._alarms.begin(rule, name, text)


def _ahead(events: EventStore, kind: Kind, now_s: float) -> tuple[Span, ...]:
    """What counts from now on, with the begin that it has."""
    steps = events.steps(kind, 0.0, now_s + 2 * AHEAD_S)
    return tuple(span for span in steps if span.end_s > now_s)


def _stale_s(entry: OpenAdrEntry) -> float:
    return STALE_LOOKS * entry.poll_s + entry.timeout_s

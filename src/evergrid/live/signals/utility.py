"""The limits that utilities issued: written to the log before they are in force, and read back.

A document is taken as a whole or refused as a whole. Who hands it in, and whether they may, is the
business of whoever receives it.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import final

import msgspec

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.text.printable import printable
from evergrid.live.clock import AbstractClock
from evergrid.live.signals import compliance, envelope
from evergrid.live.signals.compliance import ComplianceReport, MeteredPower
from evergrid.live.signals.envelope import Envelopes, Limit
from evergrid.live.store.entry import AbstractLog, Entry

KIND, REFUSED_KIND = "envelope", "envelope_refused"
LONGEST_REASON = 2000


@final
class UtilityLimits:
    """What sites may draw and feed.

    Args:
        defaults: Safe default of each site that a utility may limit.
        log: Where documents are written.
        clock: What time it is.

    Raises:
        InputError: A default that is below 0 or not finite.
    """

    def __init__(
        self, defaults: Mapping[str, Limit], log: AbstractLog, clock: AbstractClock
    ) -> None:
        self.known: Envelopes = envelope.start(defaults)
        """In force."""
        self._log, self._clock = log, clock
        self._one = asyncio.Lock()

    async def receive(self, document: bytes, sender: str) -> tuple[str, ...]:
        """Put a document into force; the sites that it limits.

        Args:
            document: As `envelope.parse` reads it.
            sender: Who handed it in.

        Raises:
            InputError: It breaks a rule; nothing has changed, and the refusal is in the log.
            StoreError: It could not be written; nothing has changed.
        """
        async with self._one:
            now_s = self._clock.now_s()
            try:
                after, sites = _accepted(self.known, document, now_s)
            except InputError as error:
                await self._log.append([_refusal(str(error), sender, now_s)])
                raise
            await self._log.append([Entry(KIND, now_s, body=document)])
            self.known = after
            return sites

    def restore(self, entries: Iterable[Entry]) -> int:
        """Take up the documents of the log, in its order, after a restart; how many.

        Sites that no utility limits any more are left out.
        """
        count = 0
        for entry in entries:
            for one in envelope.parse(entry.body):
                if one.site in self.known.defaults:
                    self.known = envelope.accept(self.known, one, entry.time_s)
            count += 1
        return count

    def limit(self, site: str) -> Limit:
        """What a site may do now.

        Raises:
            InputError: A site that no utility limits.
        """
        return envelope.limit_at(self.known, site, self._clock.now_s())

    def strictest_on(
        self, site: str, begin_s: float, step_s: float, steps: int
    ) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
        """Limits that a plan keeps; see `envelope.strictest_on`."""
        return envelope.strictest_on(self.known, site, begin_s, step_s, steps)

    def report(self, site: str, metered: Iterable[MeteredPower]) -> ComplianceReport:
        """How the limits were kept; see `compliance.report`."""
        return compliance.report(self.known, site, metered)


def _accepted(known: Envelopes, document: bytes, now_s: float) -> tuple[Envelopes, tuple[str, ...]]:
    """All envelopes of a document in force, or none."""
    found = envelope.parse(document)
    for one in found:
        known = envelope.accept(known, one, now_s)
    return known, tuple(one.site for one in found)


def _refusal(reason: str, sender: str, now_s: float) -> Entry:
    body = {"sender": printable(sender), "reason": reason[:LONGEST_REASON]}
    return Entry(REFUSED_KIND, now_s, body=msgspec.json.encode(body))

"""A vehicle leaves: what became of its promise, what is written down, and who is paid what."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict
from typing import final

from evergrid.live.controller import records
from evergrid.live.controller.books import ledger_lines
from evergrid.live.controller.books.transactions import MET_KWH, OpenTransaction, Promise
from evergrid.live.controller.offers import past_stays
from evergrid.live.controller.service_state import ServiceState
from evergrid.live.view import LedgerLine

PostLines = Callable[[Sequence[tuple[str, LedgerLine]]], Awaitable[None]]
"""Books ledger lines, each under a name that is booked once only."""


@final
class Departures:
    """What vehicles that left were owed, and the ledger.

    Args:
        state: Of the service.
        post_lines: Books ledger lines.
    """

    def __init__(self, state: ServiceState, post_lines: PostLines) -> None:
        self._state, self._post = state, post_lines
        self.promises: list[Promise] = []
        self.lines: list[LedgerLine] = []
        self.earned = 0.0  # credits of regulation, of drivers and aggregator together

    async def left(
        self,
        station: str,
        known: OpenTransaction,
        *,
        early_end: bool,
        ended_s: float | None = None,
    ) -> None:
        """A vehicle has left: what became of its promise, and what it is paid.

        Args:
            station: Where it was.
            known: Its transaction.
            early_end: Whether nobody told that it had left.
            ended_s: When it left, where that is only told now.
        """
        now_s = self._state.clock.now_s()
        if self._state.transactions.get(station) is known:
            del self._state.transactions[station]
        row = self._state.fleet.row.get(station, -1)
        self._state.unplanned.discard(row)
        gone = self._state.fleet.unplug(station)
        unreachable_kwh = self._state.unreachable_kwh.pop(station, 0.0)
        kinds = ("not_following", "out_of_reach", "profile_refused", "order_refused")
        for kind in (*kinds, "station_offline"):
            self._state.end_alarm(kind, station)
        if gone is not None:
            vehicle, missing_kwh = gone
            early = early_end or now_s < vehicle.departure_s - 60.0
            promise = Promise(
                station,
                known.transaction,
                vehicle.driver,
                now_s,
                vehicle.owed_kwh,
                missing_kwh,
                early,
                missing_kwh <= unreachable_kwh + MET_KWH and unreachable_kwh > 0,
            )
            self.promises.append(promise)
            entries = [records.of_what("promise", now_s, asdict(promise), station)]
            left_s = min(now_s, ended_s or now_s)
            entries += past_stays.entries(
                vehicle,
                known.first_needs,
                known.cancelled_s,
                self._state.fleet.devices[row],
                self._state.config.vehicle,
                left_s,
            )
            await self._state.log.append(entries)
        party = "unknown" if known.driver is None else known.driver.driver
        lines = ledger_lines.of_energy(party, now_s, known.meter)
        await self.post(
            [(f"energy/{station}/{known.transaction}/{one.item}", one) for one in lines]
        )

    async def post(self, named: Sequence[tuple[str, LedgerLine]]) -> None:
        """Post ledger lines, each once by its name."""
        if named:
            await self._post(named)
            self.keep(line for _, line in named)

    def keep(self, lines: Iterable[LedgerLine]) -> None:
        """Hold lines that are in the ledger ready to be shown."""
        for line in lines:
            self.lines.append(line)
            self.earned += line.amount if line.item == "regulation" else 0.0

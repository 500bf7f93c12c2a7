"""The ledger in the store: lines of the controller, in whole cents, posted once."""

from collections.abc import Awaitable, Callable, Sequence

from evergrid.live.store import ledger
from evergrid.live.store.ledger import Booking, whole_cents
from evergrid.live.store.store import Store
from evergrid.live.view import LedgerLine

CENTS = 100.0
READ_AT_ONCE = 10_000


def posting(
    store: Store, currency: str
) -> Callable[[Sequence[tuple[str, LedgerLine]]], Awaitable[None]]:
    """What posts lines, each under a name; a name that is there is not posted again."""

    async def post(named: Sequence[tuple[str, LedgerLine]]) -> None:
        await ledger.post(store, [_booking(name, line, currency) for name, line in named])

    return post


async def kept(store: Store) -> list[LedgerLine]:
    """All lines, oldest first."""
    found, offset = list[Booking](), 0
    while part := await ledger.newest(store, limit=READ_AT_ONCE, offset=offset):
        found += part
        offset += len(part)
    return [_line(one) for one in reversed(found)]


def _booking(name: str, line: LedgerLine, currency: str) -> Booking:
    return Booking(
        name,
        line.time_s,
        line.party,
        line.item,
        line.quantity,
        line.unit,
        whole_cents(line.amount),
        currency,
        line.rule,
    )


def _line(one: Booking) -> LedgerLine:
    amount = one.cents / CENTS
    return LedgerLine(one.time_s, one.party, one.item, one.quantity, one.unit, amount, one.rule)

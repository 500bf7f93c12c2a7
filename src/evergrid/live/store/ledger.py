"""Who is paid how much, and by which rule: booked once, in whole cents, never changed."""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from decimal import ROUND_HALF_EVEN, Decimal

from sqlalchemy import Connection, func, insert, select

from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.live.store import schema
from evergrid.live.store.store import Store

MOST_READ = 10_000
MOST_CENTS = 10**15
LONGEST = {"entry": 128, "party": 64, "unit": 16}
CENT = Decimal("0.01")
NAMES_IN_QUERY = 500  # SQLite takes some thousands


@dataclass(frozen=True)
class Booking:
    """A line of the ledger.

    Attributes:
        entry: Its name, such as ``cp-4/tx-7/energy``; a second booking of that name is ignored.
        time_s: When it was booked, UTC seconds since 1970.
        party: Pseudonym of a driver, or ``aggregator``.
        item: What is paid.
        quantity: How much.
        unit: Of the quantity.
        cents: Above 0 for income of the party.
        currency: ISO 4217.
        rule: By which rule.
    """

    entry: str
    time_s: float
    party: str
    item: str
    quantity: float
    unit: str
    cents: int
    currency: str
    rule: str


async def post(store: Store, bookings: Sequence[Booking]) -> int:
    """Post lines, all or none; how many were new, once they are on the disk.

    Raises:
        InputError: A line that breaks a rule, or one whose name is booked with another amount:
            what was booked is not changed, a correction is a line of its own.
        StoreError: They could not be written.
    """
    raise_if_any("ledger", [fault for one in bookings for fault in _faults(one)])
    given = {one.entry: one for one in bookings}
    raise_if_any("ledger", [_twice(one) for one in bookings if not _same(given[one.entry], one)])
    if not given:
        return 0
    return await store.write(lambda connection: _insert_new(connection, given))


async def newest(
    store: Store, *, party: str | None = None, limit: int = 100, offset: int = 0
) -> tuple[Booking, ...]:
    """Lines of everybody or of one party, newest first.

    Args:
        store: Where they are.
        party: Only of this one.
        limit: How many at most, up to `MOST_READ`.
        offset: How many of the newest are left out.
    """
    columns = [schema.ledger.c[one.name] for one in fields(Booking)]
    query = select(*columns).order_by(schema.ledger.c.number.desc())
    query = query.limit(min(max(limit, 0), MOST_READ)).offset(max(offset, 0))
    if party is not None:
        query = query.where(schema.ledger.c.party == party)
    return await store.read(lambda c: tuple(Booking(*row) for row in c.execute(query)))


async def sums(store: Store, currency: str) -> dict[str, int]:
    """Whole cents of each party in a currency."""
    table = schema.ledger.c
    query = (
        select(table.party, func.sum(table.cents))
        .where(table.currency == currency)
        .group_by(table.party)
        .order_by(table.party)
    )
    return await store.read(lambda c: {party: int(cents) for party, cents in c.execute(query)})


async def balance(store: Store, party: str) -> dict[str, int]:
    """Whole cents of one party, by currency."""
    table = schema.ledger.c
    query = (
        select(table.currency, func.sum(table.cents))
        .where(table.party == party)
        .group_by(table.currency)
        .order_by(table.currency)
    )
    return await store.read(lambda c: {name: int(cents) for name, cents in c.execute(query)})


def whole_cents(amount: float) -> int:
    """An amount of money in whole cents, half a cent to the even one.

    Raises:
        InputError: It is not finite, or too large to be money.
    """
    if not math.isfinite(amount) or abs(amount) * 100 > MOST_CENTS:
        raise InputError("ledger", [Fault("amount", "be finite and below 10^13", (amount,))])
    return int(Decimal(str(amount)).quantize(CENT, ROUND_HALF_EVEN).scaleb(2))


def _insert_new(connection: Connection, given: dict[str, Booking]) -> int:
    there = _there(connection, list(given))
    raise_if_any(
        "ledger", [_twice(given[one.entry]) for one in there if not _same(given[one.entry], one)]
    )
    known = {one.entry for one in there}
    names = [one.name for one in fields(Booking)]
    new = [one for one in given.values() if one.entry not in known]
    if new:
        rows = [dict(zip(names, astuple(one), strict=True)) for one in new]
        connection.execute(insert(schema.ledger), rows)
    return len(new)


def _there(connection: Connection, entries: list[str]) -> list[Booking]:
    """Lines of these names that are booked."""
    columns = [schema.ledger.c[one.name] for one in fields(Booking)]
    found = []
    for first in range(0, len(entries), NAMES_IN_QUERY):
        some = entries[first : first + NAMES_IN_QUERY]
        query = select(*columns).where(schema.ledger.c.entry.in_(some))
        found += [Booking(*row) for row in connection.execute(query)]
    return found


def _same(one: Booking, other: Booking) -> bool:
    """Whether two lines of a name say the same."""
    return (one.party, one.cents, one.currency) == (other.party, other.cents, other.currency)


def _twice(one: Booking) -> Fault:
    rule = "be booked with one amount only"
    fix = "Book the difference under a name of its own."
    return Fault("cents", rule, (one.cents,), (one.entry,), fix=fix)


def _faults(one: Booking) -> list[Fault]:
    name = (one.entry,)
    faults = [
        Fault(field, f"have 1 to {most} characters", (getattr(one, field),), name)
        for field, most in LONGEST.items()
        if not 0 < len(getattr(one, field)) <= most
    ]
    for field in ("time_s", "quantity"):
        if not math.isfinite(getattr(one, field)):
            faults.append(Fault(field, "be finite", (getattr(one, field),), name))
    if not -MOST_CENTS <= one.cents <= MOST_CENTS:
        faults.append(Fault("cents", "lie within 10^15", (one.cents,), name))
    if not (len(one.currency) == 3 and one.currency.isascii() and one.currency.isupper()):
        faults.append(Fault("currency", "be three capitals, such as EUR", (one.currency,), name))
    return faults

"""How long the log is kept: what is older goes, and what settlement needs stays longer.

A transaction goes as a whole, once its last entry is old enough. The ledger and the audit log stay.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection, delete, func, select

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.live.store import schema
from evergrid.live.store.accounts import access_tokens
from evergrid.live.store.entry import Entry
from evergrid.live.store.store import Store

DAY_S = 86_400.0
SETTLEMENT = ("transaction_event", "order", "offer", "award", "signal", "envelope", "plan")
# Later offers rest on stays; what stations were given they may still hold, and wait for.
LONG_KEPT = (*SETTLEMENT, "stay", "grid_function", "hold", "certificate")
WINDOW = 1000  # entries in one transaction, so that nobody waits long for it


@dataclass(frozen=True)
class RetentionRules:
    """For how long entries of the log are kept.

    Attributes:
        settlement_kinds: Kinds that a bill or a dispute may need.
        settlement_s: For these.
        other_s: For all others.

    Raises:
        InputError: A period below a day, or settlement kept shorter than the rest.
    """

    settlement_kinds: frozenset[str] = field(default_factory=lambda: frozenset(LONG_KEPT))
    settlement_s: float = 1100 * DAY_S
    other_s: float = 90 * DAY_S

    def __post_init__(self) -> None:
        faults = [
            Fault(name, "be a day or more", (getattr(self, name),))
            for name in ("settlement_s", "other_s")
            if not getattr(self, name) >= DAY_S
        ]
        if self.settlement_s < self.other_s:
            faults.append(Fault("settlement_s", "not be below other_s", (self.settlement_s,)))
        raise_if_any("retention", faults)


@dataclass(frozen=True)
class RetentionReport:
    """What was deleted.

    Attributes:
        deleted: Entries of the log, by kind.
        tokens: Access tokens that had expired.
        left: Entries of the log that are still there.
    """

    deleted: Mapping[str, int]
    tokens: int
    left: int


async def apply(store: Store, rules: RetentionRules) -> RetentionReport:
    """Delete what is older than the rules say, and write an entry that says what.

    It is done in small parts, between which others write.

    Raises:
        StoreError: It could not be written.
    """
    now_s, deleted = store.clock.now_s(), {}
    for kind in await _kinds(store):
        keep_s = rules.settlement_s if kind in rules.settlement_kinds else rules.other_s
        count = await _delete(store, kind, now_s - keep_s)
        if count:
            deleted[kind] = count
    tokens = await access_tokens.remove_expired(store)
    report = RetentionReport(deleted, tokens, await store.log.count())
    if deleted:
        body = json.dumps(asdict(report)).encode()
        await store.log.append([Entry("retention", now_s, body=body)])
    return report


async def _kinds(store: Store) -> Sequence[str]:
    query = select(schema.log.c.kind).distinct().order_by(schema.log.c.kind)
    return await store.read(lambda connection: connection.execute(query).scalars().all())


async def _delete(store: Store, kind: str, before_s: float) -> int:
    """Delete entries of a kind; how many.

    Entries come nearly in the order of time: the walk ends at the first part without an old one.
    """
    after, count = 0, 0
    while True:
        last, old, gone = await store.write(lambda c, at=after: _window(c, kind, at, before_s))
        count += gone
        if not old:
            return count
        after = last


def _window(connection: Connection, kind: str, after: int, before_s: float) -> tuple[int, int, int]:
    """Delete in the next part: its last number, how many in it were old, how many were deleted."""
    log = schema.log.c
    newest = connection.execute(select(func.max(log.number))).scalar_one() or 0
    query = (
        select(log.number, log.time_s, log.station, log.transaction)
        .where(log.kind == kind, log.number > after)
        .where(log.number < newest)  # numbers would be given anew if the last one went
        .order_by(log.number)
        .limit(WINDOW)
    )
    rows = connection.execute(query).all()
    old = [row for row in rows if row.time_s < before_s]
    young = _young(connection, kind, {(row.station, row.transaction) for row in old}, before_s)
    numbers = [row.number for row in old if (row.station, row.transaction) not in young]
    for first in range(0, len(numbers), 500):
        some = numbers[first : first + 500]
        connection.execute(delete(schema.log).where(log.number.in_(some)))
    return (rows[-1].number if rows else after), len(old), len(numbers)


def _young(
    connection: Connection, kind: str, transactions: set[tuple[str, str]], before_s: float
) -> set[tuple[str, str]]:
    """Which of the transactions have an entry that is not old."""
    log, found = schema.log.c, set()
    for station, transaction in transactions:
        if not transaction:
            continue
        query = (
            select(log.number)
            .where(log.kind == kind, log.station == station, log.transaction == transaction)
            .where(log.time_s >= before_s)
            .limit(1)
        )
        if connection.execute(query).first() is not None:
            found.add((station, transaction))
    return found

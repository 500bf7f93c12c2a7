"""Who did what, from where, and how it ended: written once, never changed.

Drivers stand here under their pseudonyms.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from evergrid.live.store import schema
from evergrid.live.store.store import Store

MOST_READ = 1000
LONGEST_PERSON = LONGEST_ADDRESS = 64
LONGEST_ACTION, LONGEST_OUTCOME = 200, 16
LONGEST_DETAIL = 4000


@dataclass(frozen=True)
class AuditEntry:
    """Something that somebody did, or tried.

    Attributes:
        number: Counts up.
        time_s: UTC seconds since 1970.
        person: The name, or a pseudonym; "" for somebody who is not known.
        address: From where.
        action: Such as ``log in`` or ``POST /stations/cp-4/ocpp/Reset``.
        detail: What was asked, without secrets.
        outcome: ``asked``, ``done``, ``refused`` or ``failed``.
    """

    number: int
    time_s: float
    person: str
    address: str
    action: str
    detail: str
    outcome: str


async def append(
    store: Store, person: str, address: str, action: str, detail: str, outcome: str
) -> None:
    """Write an entry; returns once it is on the disk. Texts that are too long are cut.

    Raises:
        StoreError: It could not be written.
    """
    values = {
        "time_s": store.clock.now_s(),
        "person": person[:LONGEST_PERSON],
        "address": address[:LONGEST_ADDRESS],
        "action": action[:LONGEST_ACTION],
        "detail": detail[:LONGEST_DETAIL],
        "outcome": outcome[:LONGEST_OUTCOME],
    }

    def write(connection: Connection) -> None:
        connection.execute(insert(schema.audit).values(**values))

    await store.write(write)


async def newest(
    store: Store, *, person: str | None = None, limit: int = 100, offset: int = 0
) -> tuple[AuditEntry, ...]:
    """Entries, newest first.

    Args:
        store: Where they are.
        person: Only of this one.
        limit: How many at most, up to `MOST_READ`.
        offset: How many of the newest are left out.
    """
    table = schema.audit
    bounded = min(max(limit, 0), MOST_READ)
    query = select(table).order_by(table.c.number.desc()).limit(bounded).offset(max(offset, 0))
    if person is not None:
        query = query.where(table.c.person == person)
    return await store.read(lambda c: tuple(AuditEntry(*row) for row in c.execute(query)))

"""Tokens that stand for somebody who logged in; only their SHA-256 is kept.

A token is 256 random bits, so that a plain hash of it cannot be guessed back.
"""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.store import schema
from evergrid.live.store.accounts.people import Role
from evergrid.live.store.store import Store

TOKEN_BYTES = 32
LONGEST_S = 366 * 86_400.0
MOST_PER_PERSON = 100  # the oldest ends when one more is issued


@dataclass(frozen=True)
class Holder:
    """For whom a token stands.

    Attributes:
        person: The name.
        role: What it may do, as of now.
        driver: Pseudonym, for the role driver; else "".
        purpose: For which the token was issued, such as ``console`` or ``interface``.
        expires_s: UTC seconds since 1970.
    """

    person: str
    role: Role
    driver: str
    purpose: str
    expires_s: float


async def issue(store: Store, person: str, purpose: str, expires_s: float) -> str:
    """A new token for somebody, which is not kept and not shown again.

    Raises:
        InputError: There is nobody of that name, or it would last too long, or not at all.
        StoreError: It could not be written.
    """
    token, now_s = secrets.token_urlsafe(TOKEN_BYTES), store.clock.now_s()
    if not now_s < expires_s <= now_s + LONGEST_S:
        rule = "be later than now, by a year at most"
        raise InputError("access_tokens", [Fault("expires_s", rule, (expires_s,))])
    values = {
        "token_hash": hashed(token),
        "person": person,
        "purpose": purpose,
        "created_s": now_s,
        "expires_s": expires_s,
    }

    def write(connection: Connection) -> None:
        people = select(schema.people.c.person).where(schema.people.c.person == person)
        if connection.execute(people).one_or_none() is None:
            raise InputError("access_tokens", [Fault("person", "be known", (person,))])
        _make_room(connection, person)
        connection.execute(insert(schema.access_tokens).values(**values))

    await store.write(write)
    return token


async def look_up(store: Store, token: str, purpose: str) -> Holder | None:
    """For whom a token stands.

    None where it is not known, has expired, was revoked or issued for another purpose, or where
    its holder is blocked.
    """
    tokens, people = schema.access_tokens.c, schema.people.c
    query = (
        select(people.person, people.role, people.driver, tokens.purpose, tokens.expires_s)
        .join_from(schema.access_tokens, schema.people)
        .where(tokens.token_hash == hashed(token), tokens.purpose == purpose)
        .where(people.blocked.is_(False), tokens.expires_s > store.clock.now_s())
    )
    row = await store.read(lambda connection: connection.execute(query).one_or_none())
    if row is None:
        return None
    return Holder(row.person, Role(row.role), row.driver, row.purpose, row.expires_s)


async def revoke(store: Store, token: str) -> bool:
    """End a token; whether there was one."""
    tokens = schema.access_tokens
    return await _delete(store, tokens.c.token_hash == hashed(token)) > 0


async def revoke_all(store: Store, person: str) -> int:
    """End all tokens of somebody; how many there were."""
    return await _delete(store, schema.access_tokens.c.person == person)


async def remove_expired(store: Store) -> int:
    """Forget tokens that are over; how many there were."""
    return await _delete(store, schema.access_tokens.c.expires_s <= store.clock.now_s())


def hashed(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


async def _delete(store: Store, condition: ColumnElement[bool]) -> int:
    statement = delete(schema.access_tokens).where(condition)
    return await store.write(lambda connection: connection.execute(statement).rowcount)


def _make_room(connection: Connection, person: str) -> None:
    """End the oldest tokens of somebody who has too many."""
    tokens = schema.access_tokens
    count = select(func.count()).where(tokens.c.person == person)
    surplus = connection.execute(count).scalar_one() - MOST_PER_PERSON + 1
    if surplus > 0:
        oldest = (
            select(tokens.c.token_hash)
            .where(tokens.c.person == person)
            .order_by(tokens.c.created_s)
            .limit(surplus)
        )
        connection.execute(delete(tokens).where(tokens.c.token_hash.in_(oldest)))

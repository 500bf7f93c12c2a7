"""The people who may log in: their roles, and passwords that argon2 keeps.

argon2 takes a quarter of a second on purpose; it runs in threads, two at a time, so that somebody
who guesses passwords holds up no one but those who log in. There is no default password.
"""

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, insert, select, update

from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.live.store import schema
from evergrid.live.store.store import Store

LEAST_PASSWORD = 12
LONGEST_PASSWORD = 256  # so that nobody makes us hash a book
LONGEST_NAME = 64
HASHER = PasswordHasher()


class Role(StrEnum):
    """What somebody may do."""

    OPERATOR = "operator"
    VIEWER = "viewer"
    DRIVER = "driver"


@dataclass(frozen=True)
class Person:
    """Somebody who may log in.

    Attributes:
        person: The name to log in with.
        role: What it may do.
        driver: Pseudonym, for the role driver; else "".
        blocked: Whether it is turned away.
        created_s: Since when it is known, UTC seconds since 1970.
    """

    person: str
    role: Role
    driver: str
    blocked: bool
    created_s: float


async def add(store: Store, person: str, password: str, role: Role, *, driver: str = "") -> Person:
    """Let somebody log in from now on.

    Raises:
        InputError: A name that is taken or too long, a password that is too short or too long, or
            a driver without pseudonym.
        StoreError: It could not be written.
    """
    faults = _name_faults(person) + _driver_faults(person, role, driver)
    raise_if_any("people", faults + _password_faults(password))
    made = Person(person, role, driver, False, store.clock.now_s())
    hashed = await _hash(store, password)

    def write(connection: Connection) -> None:
        if connection.execute(_one(person)).one_or_none() is not None:
            raise InputError("people", [Fault("person", "be new", (person,))])
        connection.execute(insert(schema.people).values(password_hash=hashed, **_values(made)))

    await store.write(write)
    return made


def check(person: str, password: str) -> None:
    """Refuse a name or a password that nobody could have, before anything is written.

    Raises:
        InputError: One of them breaks a rule.
    """
    raise_if_any("people", _name_faults(person) + _password_faults(password))


async def verify(store: Store, person: str, password: str) -> Person | None:
    """Who logs in with a name and a password; None where they do not belong together.

    Takes as long for a name that is not known, or blocked, as for one that is.
    """
    row = await store.read(lambda connection: connection.execute(_one(person)).one_or_none())
    async with store.hashing:
        hashed = row.password_hash if row is not None else await asyncio.to_thread(_nobody)
        same = await asyncio.to_thread(_same, hashed, password[: LONGEST_PASSWORD + 1])
    return _person(row) if row is not None and same and not row.blocked else None


async def find(store: Store, person: str) -> Person | None:
    """Somebody by name; None where nobody is called so."""

    def read(connection: Connection) -> Person | None:
        row = connection.execute(_one(person)).one_or_none()
        return None if row is None else _person(row)

    return await store.read(read)


async def every(store: Store) -> tuple[Person, ...]:
    """Everybody, by name."""
    query = select(schema.people).order_by(schema.people.c.person)
    return await store.read(lambda c: tuple(_person(row) for row in c.execute(query)))


async def block(store: Store, person: str, blocked: bool = True) -> None:
    """Turn somebody away from now on, with all tokens, or no longer.

    Raises:
        InputError: There is nobody of that name.
    """
    await _change(store, person, {"blocked": blocked}, end_tokens=blocked)


async def change_role(store: Store, person: str, role: Role) -> None:
    """Give somebody another role; tokens of the old one end.

    Raises:
        InputError: There is nobody of that name.
    """
    await _change(store, person, {"role": role.value}, end_tokens=True)


async def change_password(store: Store, person: str, password: str) -> None:
    """Give somebody another password; all tokens end.

    Raises:
        InputError: There is nobody of that name, or the password is too short or too long.
    """
    raise_if_any("people", _password_faults(password))
    hashed = await _hash(store, password)
    await _change(store, person, {"password_hash": hashed}, end_tokens=True)


async def remove(store: Store, person: str) -> None:
    """Forget somebody, with all tokens.

    Raises:
        InputError: There is nobody of that name.
    """

    def write(connection: Connection) -> None:
        statement = delete(schema.people).where(schema.people.c.person == person)
        _needed(connection.execute(statement).rowcount, person)

    await store.write(write)


async def _change(store: Store, person: str, values: dict[str, Any], *, end_tokens: bool) -> None:
    tokens = schema.access_tokens

    def write(connection: Connection) -> None:
        statement = update(schema.people).where(schema.people.c.person == person)
        _needed(connection.execute(statement.values(**values)).rowcount, person)
        if end_tokens:
            connection.execute(delete(tokens).where(tokens.c.person == person))

    await store.write(write)


def _needed(count: int, person: str) -> None:
    if not count:
        raise InputError("people", [Fault("person", "be known", (person,))])


def _one(person: str) -> Any:
    return select(schema.people).where(schema.people.c.person == person)


async def _hash(store: Store, password: str) -> str:
    async with store.hashing:
        return await asyncio.to_thread(HASHER.hash, password)


_hash_of_nobody: list[str] = []


def _nobody() -> str:
    """The hash of a password that nobody has, made once."""
    if not _hash_of_nobody:
        _hash_of_nobody.append(HASHER.hash("nobody has this password"))
    return _hash_of_nobody[0]


def _same(hashed: str, password: str) -> bool:
    try:
        return HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _name_faults(person: str) -> list[Fault]:
    if len(person.strip()) > 0 and len(person) <= LONGEST_NAME and person.isprintable():
        return []
    rule = f"have 1 to {LONGEST_NAME} characters that can be printed"
    return [Fault("person", rule, (person,))]


def _driver_faults(person: str, role: Role, driver: str) -> list[Fault]:
    if (role is Role.DRIVER) == bool(driver):
        return []
    rule = "be a pseudonym for the role driver, and empty for any other"
    return [Fault("driver", rule, (driver,), (person,))]


def _password_faults(password: str) -> list[Fault]:
    """The password itself is never part of a message."""
    if LEAST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return []
    rule = f"have {LEAST_PASSWORD} to {LONGEST_PASSWORD} characters"
    return [Fault("password", rule, (f"{len(password)} characters",))]


def _values(person: Person) -> dict[str, Any]:
    return {
        "person": person.person,
        "role": person.role.value,
        "driver": person.driver,
        "blocked": person.blocked,
        "created_s": person.created_s,
    }


def _person(row: Any) -> Person:
    return Person(row.person, Role(row.role), row.driver, row.blocked, row.created_s)

"""Drivers under pseudonyms: found by the keyed hash of a card or contract, and erasable.

Everything else (log, ledger, audit) holds the pseudonym alone. Once a driver is erased, nothing
leads from the pseudonym back to a person.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.live.store import schema
from evergrid.live.store.key import DRIVER
from evergrid.live.store.store import Store

LONGEST_TOKEN = 255  # of an idToken of OCPP 2.1


@dataclass(frozen=True)
class Driver:
    """A driver.

    Attributes:
        driver: Pseudonym.
        name: Of the person; "" where not told or erased.
        contact: Of the person; "" where not told or erased.
        may_discharge: Whether the vehicle may be told to discharge, by contract.
        opted_out: Whether the driver has taken it out for now.
    """

    driver: str
    name: str
    contact: str
    may_discharge: bool
    opted_out: bool


@dataclass(frozen=True)
class Contract:
    """A driver to register.

    Attributes:
        token: Of the card or contract.
        may_discharge: Whether the vehicle may be told to discharge.
        name: Of the person; may be left out.
        contact: Of the person; may be left out.
        driver: Pseudonym; one is made where "".
    """

    token: str
    may_discharge: bool = False
    name: str = ""
    contact: str = ""
    driver: str = ""


async def register(store: Store, contracts: list[Contract]) -> dict[str, str]:
    """Register drivers, in one commit; the pseudonym of each token.

    Raises:
        InputError: A token that is empty, too long, or known already; none is registered.
        StoreError: They could not be written.
    """
    raise_if_any("drivers", [fault for one in contracts for fault in _faults(one)])
    rows = [_values(store, one) for one in contracts]

    def write(connection: Connection) -> None:
        known = set(connection.execute(select(schema.drivers.c.token_hmac)).scalars())
        for row in rows:
            if row["token_hmac"] in known:
                raise InputError("drivers", [Fault("token", "be new", ids=(row["driver"],))])
            known.add(row["token_hmac"])
        connection.execute(insert(schema.drivers), rows)

    if rows:
        await store.write(write)
    return {one.token: row["driver"] for one, row in zip(contracts, rows, strict=True)}


async def find(store: Store, token: str) -> Driver | None:
    """The driver with a token; None where nobody has it."""
    return await _first(store, schema.drivers.c.token_hmac == token_hmac(store, token))


async def named(store: Store, driver: str) -> Driver | None:
    """The driver of a pseudonym; None where there is none."""
    return await _first(store, schema.drivers.c.driver == driver)


async def by_token_hmac(store: Store) -> dict[str, Driver]:
    """All drivers by the keyed hashes of their tokens (`token_hmac`), to be held in memory."""
    table = schema.drivers
    query = select(table).where(table.c.token_hmac != "")
    return await store.read(lambda c: {row.token_hmac: _driver(row) for row in c.execute(query)})


async def change(
    store: Store, driver: str, *, may_discharge: bool | None = None, opted_out: bool | None = None
) -> None:
    """Change what a driver agrees to.

    Raises:
        InputError: There is no such driver.
    """
    given = {"may_discharge": may_discharge, "opted_out": opted_out}
    values = {name: value for name, value in given.items() if value is not None}

    def write(connection: Connection) -> None:
        statement = update(schema.drivers).where(schema.drivers.c.driver == driver)
        _needed(connection.execute(statement.values(**values)).rowcount, driver)

    if values:
        await store.write(write)


async def erase(store: Store, driver: str) -> bool:
    """Erase what leads from a pseudonym to a person: name, contact, card, and log-in.

    The pseudonym stays, and with it log and ledger. What was erased is overwritten in the files,
    but for backups made before; False where a slow reader put that off to a later commit.

    Raises:
        InputError: There is no such driver.
    """
    people, audit, drivers = schema.people, schema.audit, schema.drivers
    gone = {"name": "", "contact": "", "token_hmac": "", "may_discharge": False}

    def write(connection: Connection) -> None:
        statement = update(drivers).where(drivers.c.driver == driver).values(**gone)
        _needed(connection.execute(statement).rowcount, driver)
        names = select(people.c.person).where(people.c.driver == driver)
        connection.execute(update(audit).where(audit.c.person.in_(names)).values(person=driver))
        connection.execute(delete(people).where(people.c.driver == driver))

    await store.write(write)
    return await store.forget()


def token_hmac(store: Store, token: str) -> str:
    """The keyed hash of a token."""
    return store.key.hashed(DRIVER, "", token)


async def _first(store: Store, condition: Any) -> Driver | None:
    query = select(schema.drivers).where(condition)

    def read(connection: Connection) -> Driver | None:
        row = connection.execute(query).first()
        return None if row is None else _driver(row)

    return await store.read(read)


def _needed(count: int, driver: str) -> None:
    if not count:
        raise InputError("drivers", [Fault("driver", "be known", (driver,))])


def _faults(one: Contract) -> list[Fault]:
    if 0 < len(one.token) <= LONGEST_TOKEN:
        return []
    return [Fault("token", f"have 1 to {LONGEST_TOKEN} characters", (len(one.token),))]


def _values(store: Store, one: Contract) -> dict[str, Any]:
    return {
        "driver": one.driver or str(uuid.uuid4()),
        "token_hmac": token_hmac(store, one.token),
        "name": one.name,
        "contact": one.contact,
        "may_discharge": one.may_discharge,
        "opted_out": False,
    }


def _driver(row: Any) -> Driver:
    return Driver(row.driver, row.name, row.contact, row.may_discharge, row.opted_out)

"""People, tokens and the audit trail of the store, as the interface asks for them."""

from collections.abc import Callable
from typing import final

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.live.api.access.accounts import (
    AbstractAccounts,
    AuditRow,
    NewPerson,
    Person,
    PersonRow,
    Purpose,
    Role,
)
from evergrid.live.store.accounts import access_tokens, audit, people
from evergrid.live.store.registry import drivers
from evergrid.live.store.registry.drivers import Contract, Driver
from evergrid.live.store.store import Store

FIRST_OPERATOR = "operator"


@final
class StoreAccounts(AbstractAccounts):
    """Whoever the store knows.

    Args:
        store: Where they stand.
        registered: Told of each card that becomes known, or whose driver has agreed to something
            else, with its driver.
    """

    def __init__(
        self, store: Store, registered: Callable[[str, Driver], None] = lambda card, driver: None
    ) -> None:
        self._store, self._registered = store, registered

    async def verify(self, person: str, password: str) -> Person | None:
        """Who this is."""
        found = await people.verify(self._store, person, password)
        return None if found is None else _person(found.person, found.role, found.driver)

    async def issue(self, person: Person, purpose: Purpose, valid_s: float) -> str:
        """A new token."""
        expires_s = self._store.clock.now_s() + valid_s  # by its clock, which may be simulated
        return await access_tokens.issue(self._store, person.person, purpose, expires_s)

    async def lookup(self, token: str, purpose: Purpose) -> Person | None:
        """Whose token this is."""
        found = await access_tokens.look_up(self._store, token, purpose)
        return None if found is None else _person(found.person, found.role, found.driver)

    async def revoke(self, token: str) -> None:
        """End a token."""
        await access_tokens.revoke(self._store, token)

    async def everybody(self) -> tuple[PersonRow, ...]:
        """By name."""
        return tuple(
            PersonRow(one.person, Role(one.role), one.driver, one.blocked, one.created_s)
            for one in await people.every(self._store)
        )

    async def add(self, new: NewPerson) -> None:
        """Let somebody in; the vehicle of a driver becomes known."""
        people.check(new.person, new.password)
        if await people.find(self._store, new.person) is not None:
            raise InputError("people", [Fault("person", "be new", (new.person,))])
        driver = await self._driver(new) if new.role is Role.DRIVER else new.driver
        role = people.Role(new.role)
        await people.add(self._store, new.person, new.password, role, driver=driver)

    async def _driver(self, new: NewPerson) -> str:
        """The pseudonym of a driver who is added, whose card becomes known.

        Raises:
            InputError: Neither a card nor a pseudonym that is known.
        """
        if bool(new.card) == bool(new.driver):
            fix = "Give the token of the card, or the pseudonym of a driver who is registered."
            fault = Fault("card", "be given for a driver, or driver", ids=(new.person,), fix=fix)
            raise InputError("people", [fault])
        if new.driver:
            if await drivers.named(self._store, new.driver) is None:
                raise InputError("people", [Fault("driver", "be known", (new.driver,))])
            return new.driver
        known = await drivers.find(self._store, new.card)
        if known is None:
            await drivers.register(self._store, [Contract(new.card, new.may_discharge)])
        elif known.may_discharge != new.may_discharge:
            await drivers.change(self._store, known.driver, may_discharge=new.may_discharge)
        found = await drivers.find(self._store, new.card)
        assert found is not None, "the card was registered"
        self._registered(new.card, found)
        return found.driver

    async def disable(self, person: str, disabled: bool) -> None:
        """Turn away, or no longer."""
        await people.block(self._store, person, disabled)

    async def change_password(self, person: str, password: str) -> None:
        """Another password."""
        await people.change_password(self._store, person, password)

    async def audit(self, row: AuditRow) -> None:
        """Write down what was asked for."""
        await audit.append(
            self._store,
            person=row.person,
            address=row.address,
            action=row.action,
            detail=row.detail,
            outcome=row.outcome,
        )

    async def audit_trail(self, limit: int, offset: int = 0) -> tuple[AuditRow, ...]:
        """The trail, newest first."""
        found = await audit.newest(self._store, limit=limit, offset=offset)
        return tuple(
            AuditRow(one.time_s, one.person, one.address, one.action, one.detail, one.outcome)
            for one in found
        )


def _person(person: str, role: str, driver: str) -> Person:
    return Person(person, Role(role), driver)

"""People, tokens and the audit trail of the store, as the interface asks for them."""

from typing import final

from evergrid.live.api.accounts import AbstractAccounts, AuditRow, Person, Purpose, Role
from evergrid.live.store.accounts import access_tokens, audit, people
from evergrid.live.store.store import Store

FIRST_OPERATOR = "operator"


@final
class StoreAccounts(AbstractAccounts):
    """Whoever the store knows.

    Args:
        store: Where they stand.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

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

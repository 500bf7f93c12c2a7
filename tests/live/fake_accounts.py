"""People, tokens and an audit trail in memory."""

import hashlib
import secrets

from evergrid.live.api.accounts import AbstractAccounts, AuditRow, Person, Purpose, Role
from evergrid.live.clock import AbstractClock, WallClock

PASSWORD = "correct horse battery staple"
PEOPLE = (
    Person("olga", Role.OPERATOR),
    Person("victor", Role.VIEWER),
    Person("dora", Role.DRIVER, "driver-0"),
)


class FakeAccounts(AbstractAccounts):
    """Three people with one password."""

    def __init__(self, clock: AbstractClock | None = None) -> None:
        self._clock = clock or WallClock()
        self.people = {person.person: person for person in PEOPLE}
        self.tokens: dict[str, tuple[Person, Purpose, float]] = {}
        self.trail: list[AuditRow] = []

    async def verify(self, person: str, password: str) -> Person | None:
        """Who this is."""
        return self.people.get(person) if password == PASSWORD else None

    async def issue(self, person: Person, purpose: Purpose, valid_s: float) -> str:
        """A new token."""
        token = secrets.token_urlsafe(32)
        self.tokens[_hash(token)] = (person, purpose, self._clock.now_s() + valid_s)
        return token

    async def lookup(self, token: str, purpose: Purpose) -> Person | None:
        """Whose it is."""
        person, of, expires_s = self.tokens.get(_hash(token), (None, purpose, 0.0))
        return person if of == purpose and self._clock.now_s() < expires_s else None

    async def revoke(self, token: str) -> None:
        """No longer."""
        self.tokens.pop(_hash(token), None)

    async def audit(self, row: AuditRow) -> None:
        """Kept."""
        self.trail.append(row)

    async def audit_trail(self, limit: int, offset: int = 0) -> tuple[AuditRow, ...]:
        """Newest first."""
        return tuple(reversed(self.trail))[offset : offset + limit]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""People, tokens and an audit trail in memory."""

import hashlib
import secrets

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
        self.passwords = dict.fromkeys(self.people, PASSWORD)
        self.disabled: set[str] = set()

    async def verify(self, person: str, password: str) -> Person | None:
        """Who this is."""
        same = self.passwords.get(person) == password and person not in self.disabled
        return self.people.get(person) if same else None

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

    async def everybody(self) -> tuple[PersonRow, ...]:
        """By name."""
        return tuple(
            PersonRow(one.person, one.role, one.driver, one.person in self.disabled, 0.0)
            for _, one in sorted(self.people.items())
        )

    async def add(self, new: NewPerson) -> None:
        """Somebody new."""
        if new.person in self.people:
            raise InputError("people", [Fault("person", "be new", (new.person,))])
        driver = new.driver or (f"driver of {new.card}" if new.card else "")
        if (new.role is Role.DRIVER) != bool(driver):
            raise InputError("people", [Fault("card", "be given for a driver")])
        self.people[new.person] = Person(new.person, new.role, driver)
        self.passwords[new.person] = new.password

    async def disable(self, person: str, disabled: bool) -> None:
        """Turned away, or no longer."""
        self._known(person)
        (self.disabled.add if disabled else self.disabled.discard)(person)
        self._end_tokens(person, disabled)

    async def change_password(self, person: str, password: str) -> None:
        """Another one."""
        self._known(person)
        if len(password) < 12:
            raise InputError("people", [Fault("password", "have 12 characters at least")])
        self.passwords[person] = password
        self._end_tokens(person, True)

    def _known(self, person: str) -> None:
        if person not in self.people:
            raise InputError("people", [Fault("person", "be known", (person,))])

    def _end_tokens(self, person: str, end: bool) -> None:
        if end:
            self.tokens = {
                key: held for key, held in self.tokens.items() if held[0].person != person
            }

    async def audit(self, row: AuditRow) -> None:
        """Kept."""
        self.trail.append(row)

    async def audit_trail(self, limit: int, offset: int = 0) -> tuple[AuditRow, ...]:
        """Newest first."""
        return tuple(reversed(self.trail))[offset : offset + limit]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""Who may do what: people, their tokens, and the trail of what they asked for.

Whoever keeps people implements `AbstractAccounts`; pages and interface know nothing else of them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What a person is to the service."""

    OPERATOR = "operator"  # sees all, sends orders, takes alarms
    VIEWER = "viewer"  # sees all
    DRIVER = "driver"  # sees and changes the own session


class Purpose(StrEnum):
    """What a token is for; one for pages is no use to a program, and the other way round."""

    CONSOLE = "console"
    INTERFACE = "interface"


@dataclass(frozen=True)
class Person:
    """Somebody who has shown who they are.

    Attributes:
        person: Name to log in with.
        role: What they may do.
        driver: Pseudonym under which sessions and ledger know a driver; "" for other roles.
    """

    person: str
    role: Role
    driver: str = ""


@dataclass(frozen=True)
class PersonRow:
    """Somebody who may log in, as a list shows them.

    Attributes:
        person: Name to log in with.
        role: What they may do.
        driver: Pseudonym of a driver; "" for other roles.
        disabled: Whether they are turned away.
        created_s: Since when they are known, UTC seconds since 1970.
    """

    person: str
    role: Role
    driver: str
    disabled: bool
    created_s: float


@dataclass(frozen=True)
class NewPerson:
    """Somebody who may log in from now on.

    Attributes:
        person: Name to log in with.
        role: What they may do.
        password: To log in with.
        card: Of a driver: the token that the vehicle is charged with; it is registered where it is
            not known.
        driver: Pseudonym of a driver who is registered, instead of a card.
        may_discharge: Whether a driver with a card has agreed to discharging.
    """

    person: str
    role: Role
    password: str = field(repr=False)
    card: str = field(default="", repr=False)
    driver: str = ""
    may_discharge: bool = False


@dataclass(frozen=True)
class AuditRow:
    """Something that a person asked for.

    Attributes:
        time_s: When, UTC seconds since 1970.
        person: Who, for a driver the pseudonym; for a failed log-in, the name that was given.
        address: From where.
        action: In a few words, such as ``log in`` or ``ocpp Reset``.
        detail: About what, without secrets.
        outcome: ``asked`` before it is done, then ``done``, ``refused`` or ``failed``.
    """

    time_s: float
    person: str
    address: str
    action: str
    detail: str
    outcome: str


class AbstractAccounts(ABC):
    """People, tokens and the audit trail. Slow work, such as hashing, is off the event loop."""

    @abstractmethod
    async def verify(self, person: str, password: str) -> Person | None:
        """Who this is; None for an unknown name, a wrong password or a blocked person.

        Takes as long for an unknown name as for a wrong password.
        """

    @abstractmethod
    async def issue(self, person: Person, purpose: Purpose, valid_s: float) -> str:
        """A new token, unguessable, of which only a hash is kept; it holds for so long from now."""

    @abstractmethod
    async def lookup(self, token: str, purpose: Purpose) -> Person | None:
        """Whose token this is; None where it is unknown, over, or its person is blocked."""

    @abstractmethod
    async def revoke(self, token: str) -> None:
        """End a token; nothing happens where there is none."""

    @abstractmethod
    async def everybody(self) -> tuple[PersonRow, ...]:
        """All who may log in, by name."""

    @abstractmethod
    async def add(self, new: NewPerson) -> None:
        """Let somebody log in from now on.

        Raises:
            InputError: A name that is taken, a password that is too short, or a driver without a
                vehicle.
        """

    @abstractmethod
    async def disable(self, person: str, disabled: bool) -> None:
        """Turn somebody away with all their tokens, or no longer.

        Raises:
            InputError: There is nobody of that name.
        """

    @abstractmethod
    async def change_password(self, person: str, password: str) -> None:
        """Give somebody another password; all their tokens end.

        Raises:
            InputError: There is nobody of that name, or the password is too short.
        """

    @abstractmethod
    async def audit(self, row: AuditRow) -> None:
        """Write down what was asked for. Returns once it is on the disk."""

    @abstractmethod
    async def audit_trail(self, limit: int, offset: int = 0) -> tuple[AuditRow, ...]:
        """The trail, newest first."""

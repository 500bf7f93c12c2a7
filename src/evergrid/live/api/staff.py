"""Who may log in: what operators change about others, and everybody about themselves."""

import secrets
from dataclasses import replace

from evergrid.live.api.access.accounts import NewPerson, Role
from evergrid.live.api.problem import FaultOf, RefusedError, too_often
from evergrid.live.api.service import Service, Visitor, carry_out

PASSWORD_BYTES = 15
WRONG = "The present password is wrong."


def made_password() -> str:
    """A password that cannot be guessed; it is told once, and only its hash is kept."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


async def add(service: Service, visitor: Visitor, new: NewPerson) -> str:
    """Let somebody log in; the password that was made for them.

    Raises:
        RefusedError: A name that is taken or cannot be, a driver without a vehicle, or too many
            changes.
    """
    with_password = replace(new, password=made_password())
    if new.role is not Role.DRIVER and (new.card or new.driver):
        fault = FaultOf(field="card", rule="be empty for other roles than driver")
        raise RefusedError(422, "Only a driver has a vehicle.", [fault])

    async def command() -> None:
        await service.accounts.add(with_password)

    await carry_out(service, visitor, "add person", f"{new.person} as {new.role}", command)
    return with_password.password


async def disable(service: Service, visitor: Visitor, person: str, disabled: bool) -> None:
    """Turn somebody away, or no longer; nobody can turn away themselves.

    Raises:
        RefusedError: There is nobody of that name, it is the one who asks, or too many changes.
    """
    if person == visitor.person.person:
        raise RefusedError(409, "You cannot disable yourself: another operator can.")

    async def command() -> None:
        await service.accounts.disable(person, disabled)

    action = "disable person" if disabled else "enable person"
    await carry_out(service, visitor, action, person, command)


async def reset_password(service: Service, visitor: Visitor, person: str) -> str:
    """A new password for somebody, whose log-ins all end.

    Raises:
        RefusedError: There is nobody of that name, or too many changes.
    """
    password = made_password()

    async def command() -> None:
        await service.accounts.change_password(person, password)

    await carry_out(service, visitor, "reset password", person, command)
    return password


async def change_own_password(
    service: Service, visitor: Visitor, present: str, password: str
) -> None:
    """Change the own password; all own log-ins end. Tries count as log-ins do.

    Raises:
        RefusedError: The present password is wrong, the new one too short, or too many tries.
    """
    wait_s = service.logins.wait_s(visitor.address, service.clock.monotonic_s())
    if wait_s or service.passwords.full:
        raise too_often(wait_s or 1)
    name = visitor.person.person
    async with service.passwords.enter():
        found = await service.accounts.verify(name, present)
    if found is None:
        raise RefusedError(409, WRONG)

    async def command() -> None:
        await service.accounts.change_password(name, password)

    await carry_out(service, visitor, "change password", "own", command)

"""What the interface shows, asks and guards, in one record, and who is asking."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPBearer

from evergrid.core.errors import InputError
from evergrid.live.api.access.accounts import AbstractAccounts, AuditRow, Person, Purpose, Role
from evergrid.live.api.access.guard import COOKIE, address, bearer
from evergrid.live.api.access.rate import Gate, Rate
from evergrid.live.api.problem import RefusedError, of_input, too_often
from evergrid.live.api.settings import Settings, ShownTable
from evergrid.live.api.updates.stream import Stream
from evergrid.live.clock import AbstractClock
from evergrid.live.view import AbstractCommands, AbstractView

LONGEST_DETAIL = 1000  # characters in the audit trail
LONGEST_NAME = 64  # as the table of people has it

Answer = TypeVar("Answer")
Check = Callable[[], str]


@dataclass(frozen=True)
class Service:
    """Behind every page and operation.

    Attributes:
        view: What can be seen.
        commands: What can be asked.
        accounts: Who may.
        settings: Limits.
        clock: Of tokens, rates and the audit trail; the wall's, whatever the fleet's clock.
        stream: Updates.
        checks: By name, each "" where that part is ready, or why it is not.
        logins: Log-ins that addresses have left.
        changes: Changes that people have left.
        passwords: Through which goes who has a password checked.
        configuration: Of the service, without secrets.
    """

    view: AbstractView
    commands: AbstractCommands
    accounts: AbstractAccounts
    settings: Settings
    clock: AbstractClock
    stream: Stream
    checks: Mapping[str, Check]
    logins: Rate
    changes: Rate
    passwords: Gate
    configuration: tuple[ShownTable, ...] = ()


@dataclass(frozen=True)
class Visitor:
    """Who is asking.

    Attributes:
        person: Who.
        address: From where.
        token: By which they showed it.
        purpose: Of the token.
    """

    person: Person
    address: str
    token: str = field(repr=False)
    purpose: Purpose


def service_of(request: Request) -> Service:
    """The service behind a request."""
    return request.app.state.service


async def visitor_of(request: Request) -> Visitor | None:
    """Who is asking: by a token in the header, else by the cookie of the console."""
    accounts = service_of(request).accounts
    token, purpose = bearer(request.headers), Purpose.INTERFACE
    if not token:
        token, purpose = request.cookies.get(COOKIE, ""), Purpose.CONSOLE
    person = await accounts.lookup(token, purpose) if token else None
    return Visitor(person, address(request.scope), token, purpose) if person else None


_BEARER = HTTPBearer(auto_error=False, description="A token of `/login`.")
_COOKIE = APIKeyCookie(name=COOKIE, auto_error=False, description="Of a log-in to the console.")
"""Named in the description of the interface; `visitor_of` reads them."""


def require(*roles: Role) -> Callable[..., Awaitable[Visitor]]:
    """A dependency that lets these roles in, and says who it is."""

    async def allowed(
        request: Request,
        _bearer: Annotated[Any, Depends(_BEARER)],
        _cookie: Annotated[Any, Depends(_COOKIE)],
    ) -> Visitor:
        visitor = await visitor_of(request)
        if visitor is None:
            raise RefusedError(401, "Log in first.", headers={"WWW-Authenticate": "Bearer"})
        if visitor.person.role not in roles:
            raise RefusedError(403, f"This is for {' and '.join(roles)} only.")
        return visitor

    return allowed


async def noted(service: Service, visitor: Visitor, action: str, detail: str, outcome: str) -> None:
    """Write to the audit trail, in which drivers stand under their pseudonyms."""
    person = visitor.person.driver or visitor.person.person
    row = (person, visitor.address, action, detail[:LONGEST_DETAIL], outcome)
    await service.accounts.audit(AuditRow(service.clock.now_s(), *row))


async def carry_out(
    service: Service,
    visitor: Visitor,
    action: str,
    detail: str,
    command: Callable[[], Awaitable[Answer]],
) -> Answer:
    """Do what a person asks, written down before and after.

    Raises:
        RefusedError: Too many changes, no answer in time, or it breaks a rule as things stand.
    """
    wait_s = service.changes.wait_s(visitor.person.person, service.clock.monotonic_s())
    if wait_s:
        raise too_often(wait_s)
    await noted(service, visitor, action, detail, "asked")
    outcome = "failed"
    try:
        async with asyncio.timeout(service.settings.command_s):
            answer = await command()
        outcome = "done"
    except InputError as error:
        outcome = "refused"
        raise of_input(error, 409) from error
    except TimeoutError as error:
        text = f"No answer within {service.settings.command_s:g} s; it may still be carried out."
        raise RefusedError(504, text) from error
    finally:
        await noted(service, visitor, action, detail, outcome)
    return answer

"""Who comes in: passwords checked a few at a time, tried a few times a minute, written down."""

from evergrid.live.api.access.accounts import AuditRow, Person, Purpose
from evergrid.live.api.problem import RefusedError, too_often
from evergrid.live.api.service import LONGEST_NAME, Service, Visitor, noted

LONGEST_PASSWORD = 256  # characters; hashing more costs more
BUSY_S = 5  # after which it is worth trying again
WRONG = "Name or password is wrong."


async def log_in(
    service: Service, address: str, name: str, password: str, purpose: Purpose
) -> tuple[Visitor, float]:
    """Who this is, with a new token, and until when it holds.

    Tries are counted by address alone, so that nobody can lock somebody else out.

    Raises:
        RefusedError: Too many tries, or name or password is wrong.
    """
    wait_s = service.logins.wait_s(address, service.clock.monotonic_s())
    if wait_s or service.passwords.full:
        raise too_often(wait_s or BUSY_S)
    person: Person | None = None
    if len(name) <= LONGEST_NAME and len(password) <= LONGEST_PASSWORD:
        async with service.passwords.enter():
            person = await service.accounts.verify(name, password)
    if person is None:
        row = (name[:LONGEST_NAME], address, "log in", str(purpose), "refused")
        await service.accounts.audit(AuditRow(service.clock.now_s(), *row))
        raise RefusedError(401, WRONG)
    valid_s = service.settings.session_s
    token = await service.accounts.issue(person, purpose, valid_s)
    visitor = Visitor(person, address, token, purpose)
    await noted(service, visitor, "log in", str(purpose), "done")
    return visitor, service.clock.now_s() + valid_s


async def log_out(service: Service, visitor: Visitor) -> None:
    """End the token that somebody came with."""
    await service.accounts.revoke(visitor.token)
    await noted(service, visitor, "log out", str(visitor.purpose), "done")

"""The interface of a running service on its socket, with pages where they are given."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from evergrid.core.timegrid import zone
from evergrid.live.accounts import FIRST_OPERATOR, StoreAccounts
from evergrid.live.api import app, server
from evergrid.live.api.settings import Settings
from evergrid.live.service import Service
from evergrid.live.store.accounts import people
from evergrid.live.store.accounts.people import Role
from evergrid.live.store.key import new_password

SESSION_S = 12 * 3600.0  # that a log-in holds
SIMULATED_SESSION_S = 60 * 86_400.0  # of a clock that may run hundreds of times faster
LOOK_S = 0.01  # between two looks at whether the server listens


@asynccontextmanager
async def serving(
    service: Service, pages: Callable[[FastAPI], None] | None = None
) -> AsyncIterator[str]:
    """The interface for as long as the context lasts; where it can be reached.

    Args:
        service: That is shown.
        pages: Adds the console to the interface.
    """
    listen, simulated = service.config.listen, service.view.overview().simulated
    secure = listen.certificate_file is not None
    made = app.create(
        service.view,
        service.commands,
        StoreAccounts(service.store),
        Settings(
            secure=secure,
            zone=zone(service.config.time_zone),
            session_s=SIMULATED_SESSION_S if simulated else SESSION_S,
        ),
        checks={"store": lambda: service.store.reason},
    )
    if pages is not None:
        pages(made)
    socket = server.listening(listen.address, listen.http_port)
    certificate = Path(listen.certificate_file) if listen.certificate_file else None
    key = Path(listen.key_file) if listen.key_file else None
    serves = server.server(made, certificate=certificate, key=key)
    task = asyncio.create_task(serves.serve([socket]))
    try:
        while not serves.started and not task.done():
            await asyncio.sleep(LOOK_S)
        port = socket.getsockname()[1]
        yield f"{'https' if secure else 'http'}://{listen.address}:{port}"
    finally:
        await serves.stop()
        await asyncio.gather(task, return_exceptions=True)


async def first_operator(service: Service) -> str | None:
    """The password of a first operator, where nobody can log in yet; it is not shown again."""
    if await people.every(service.store):
        return None
    password = new_password()
    await people.add(service.store, FIRST_OPERATOR, password, Role.OPERATOR)
    return password

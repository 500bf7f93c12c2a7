"""The interface of a running service on its socket, with pages where they are given."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from evergrid.core.timegrid import zone
from evergrid.live import shown_configuration
from evergrid.live.api import app, server
from evergrid.live.api.settings import Settings
from evergrid.live.controller.books.drivers import Driver
from evergrid.live.deployment.listening import files
from evergrid.live.registers.accounts import FIRST_OPERATOR, StoreAccounts
from evergrid.live.service import Service
from evergrid.live.store.accounts import people
from evergrid.live.store.accounts.people import Role
from evergrid.live.store.key import new_password
from evergrid.live.store.registry.drivers import Driver as StoredDriver

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
        StoreAccounts(service.store, partial(_put_driver, service)),
        Settings(
            secure=secure,
            zone=zone(service.config.time_zone),
            session_s=SIMULATED_SESSION_S if simulated else SESSION_S,
        ),
        checks={"store": lambda: service.store.reason},
        configuration=shown_configuration.tables(service.config),
    )
    if pages is not None:
        pages(made)
    socket = server.listening(listen.address, listen.http_port)
    encrypted = files(listen, service.folder)
    serves = server.server(
        made,
        certificate=None if encrypted is None else encrypted.certificate,
        key=None if encrypted is None else encrypted.key,
    )
    task = asyncio.create_task(serves.serve([socket]))
    try:
        while not serves.started and not task.done():
            await asyncio.sleep(LOOK_S)
        port = socket.getsockname()[1]
        yield f"{'https' if secure else 'http'}://{listen.address}:{port}"
    finally:
        await serves.stop()
        await asyncio.gather(task, return_exceptions=True)


def _put_driver(service: Service, card: str, driver: StoredDriver) -> None:
    """A driver may charge at once whose card became known."""
    known = Driver(driver.driver, driver.may_discharge, driver.opted_out)
    service.controller.drivers.put(card, known)


async def first_operator(service: Service) -> tuple[str, str] | None:
    """Name and password of a first operator, where there is none; it is not shown again."""
    known = await people.every(service.store)
    if any(one.role is Role.OPERATOR for one in known):
        return None
    names, name = {one.person for one in known}, FIRST_OPERATOR
    while name in names:
        name += "-"
    password = new_password()
    await people.add(service.store, name, password, Role.OPERATOR)
    return name, password

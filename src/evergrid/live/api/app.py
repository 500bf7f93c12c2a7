"""The interface of the service over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from evergrid.core.units import S_PER_MIN
from evergrid.live.api import problem
from evergrid.live.api.access.accounts import AbstractAccounts
from evergrid.live.api.access.guard import Guard
from evergrid.live.api.access.rate import Gate, Rate
from evergrid.live.api.routes import driver, fleet, health, operate, people, staff, updates
from evergrid.live.api.service import Check, Service
from evergrid.live.api.settings import Settings, ShownTable
from evergrid.live.api.updates.stream import Stream
from evergrid.live.clock import AbstractClock, WallClock
from evergrid.live.view import AbstractCommands, AbstractView

PREFIX = "/api/v1"


def create(
    view: AbstractView,
    commands: AbstractCommands,
    accounts: AbstractAccounts,
    settings: Settings | None = None,
    *,
    clock: AbstractClock | None = None,
    checks: Mapping[str, Check] | None = None,
    configuration: tuple[ShownTable, ...] = (),
) -> FastAPI:
    """The interface, under ``/api/v1``; `evergrid.console.mount` adds the pages.

    Args:
        view: What can be seen.
        commands: What can be asked.
        accounts: Who may.
        settings: Limits.
        clock: Of tokens, rates and updates: the wall's, also where the fleet's is virtual.
        checks: Parts that must be ready, by name: each says "" or why it is not.
        configuration: Of the service, without secrets.
    """
    settings, clock = settings or Settings(), clock or WallClock()
    stream = Stream(
        view,
        clock,
        update_s=settings.update_s,
        update_bytes=settings.update_bytes,
        most=settings.viewers,
    )
    service = Service(
        view=view,
        commands=commands,
        accounts=accounts,
        settings=settings,
        clock=clock,
        stream=stream,
        checks=dict(checks or {}),
        configuration=configuration,
        logins=Rate(settings.logins_per_min / S_PER_MIN, settings.logins_burst),
        changes=Rate(settings.changes_per_min / S_PER_MIN, settings.changes_burst),
        passwords=Gate(settings.logins_at_once, settings.logins_waiting),
    )
    app = FastAPI(
        title="Evergrid",
        summary="A fleet of parked electric vehicles as one power plant.",
        description="Power is positive into the grid. Times are UTC seconds since 1970.",
        version="1",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page loads scripts of others
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.service = service
    problem.install(app)
    for part in (operate, fleet, driver, people, staff, updates, health):
        app.include_router(part.router, prefix=PREFIX)
    app.add_middleware(Guard, settings=settings, clock=clock)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.service.stream.close()

"""What can be seen of the fleet."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from evergrid.live.api import search
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.problem import RefusedError, answers
from evergrid.live.api.search import MOST_LINES, Page
from evergrid.live.api.service import require, service_of
from evergrid.live.view import (
    Alarm,
    LedgerLine,
    Offer,
    Overview,
    PlanView,
    Series,
    SessionRow,
    StationDetail,
    StationRow,
)

SEES = Depends(require(Role.OPERATOR, Role.VIEWER))
router = APIRouter(dependencies=[SEES], tags=["fleet"], responses=answers(401, 403, 422, 429))

Kind = StrEnum("Kind", list(search.KINDS))
Offset = Annotated[int, Query(ge=0, le=10_000_000)]
Limit = Annotated[int, Query(ge=1, le=MOST_LINES)]
Points = Annotated[int, Query(ge=1, le=3600)]
Text = Annotated[str, Query(max_length=64)]


@router.get("/fleet")
async def fleet(request: Request) -> Overview:
    """The fleet as a whole."""
    return service_of(request).view.overview()


@router.get("/stations")
async def stations(
    request: Request,
    text: Text = "",
    kind: Kind | None = None,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Page[StationRow]:
    """Stations by name, those that hold a text and are of a kind."""
    found = search.stations(service_of(request).view.stations(), text, kind or "")
    return search.page(found, offset, limit)


@router.get("/stations/{station:path}", responses=answers(404))
async def station(request: Request, station: str) -> StationDetail:
    """One station."""
    found = await service_of(request).view.station(station)
    if found is None:
        raise RefusedError(404, "There is no such station.")
    return found


@router.get("/sessions")
async def sessions(request: Request, offset: Offset = 0, limit: Limit = 100) -> Page[SessionRow]:
    """Vehicles that are plugged in, and what their drivers were promised."""
    return search.page(service_of(request).view.sessions(), offset, limit)


@router.get("/series")
async def series(request: Request, points: Points = 600) -> Series:
    """Signal, target, response and plan of the last while."""
    return service_of(request).view.series(points)


@router.get("/plan")
async def plan(request: Request) -> PlanView:
    """The plan in force."""
    return service_of(request).view.plan()


@router.get("/offers")
async def offers(request: Request, offset: Offset = 0, limit: Limit = 100) -> Page[Offer]:
    """Offers and awards, newest first."""
    return search.page(service_of(request).view.offers(), offset, limit)


@router.get("/alarms")
async def alarms(request: Request, offset: Offset = 0, limit: Limit = 100) -> Page[Alarm]:
    """Alarms, newest first."""
    return search.page(service_of(request).view.alarms(), offset, limit)


@router.get("/ledger")
async def ledger(request: Request, offset: Offset = 0, limit: Limit = 100) -> Page[LedgerLine]:
    """What is paid to whom, newest first."""
    return search.page(service_of(request).view.ledger(), offset, limit)

"""Vehicles that are plugged in, and what their drivers were promised."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from evergrid.console import words
from evergrid.console.paging import paged
from evergrid.console.render import SEERS, page
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.view import SessionRow

router = APIRouter(include_in_schema=False)
Seer = Annotated[Visitor, Depends(require(*SEERS))]


@router.get("/sessions")
async def sessions(
    request: Request,
    visitor: Seer,
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """The page: promises in danger first, then by departure."""
    service = service_of(request)
    rows = sorted(service.view.sessions(), key=lambda row: (row.reachable, row.departure_s))
    return page(
        request,
        visitor,
        "sessions.html",
        sentence=sentence(rows),
        now_s=service.view.overview().time_s,
        list=paged(rows, number, "/sessions"),
    )


def sentence(rows: list[SessionRow]) -> str:
    """How the promises stand."""
    if not rows:
        return "No vehicle is plugged in."
    kept = sum(row.reachable for row in rows)
    lost = len(rows) - kept
    vehicles = words.counted(len(rows), "vehicle is", "vehicles are")
    if not lost:
        return f"{vehicles} plugged in; every promise can be kept."
    return f"{vehicles} plugged in; {kept:,} promises can be kept, {lost:,} cannot."

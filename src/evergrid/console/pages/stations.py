"""The list of stations, and messages to many of them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import Response

from evergrid.console import messages, station_words
from evergrid.console.paging import PAGE_LINES, paged
from evergrid.console.render import SEERS, page
from evergrid.live.api import search
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.service import Visitor, require, service_of

router = APIRouter(include_in_schema=False)
Seer = Annotated[Visitor, Depends(require(*SEERS))]
Operator = Annotated[Visitor, Depends(require(Role.OPERATOR))]
AT_ONCE = 20  # messages under way
KIND_NAMES = {
    "": "All",
    "online": "Online",
    "offline": "Offline",
    "deviating": "Not following",
    "plugged": "Plugged in",
    "v2x": "Can discharge",
}


@router.get("/stations")
async def stations(
    request: Request,
    visitor: Seer,
    text: Annotated[str, Query(max_length=64)] = "",
    kind: Annotated[str, Query(max_length=16)] = "",
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """The page."""
    service = service_of(request)
    everything = service.view.stations()
    found = search.stations(everything, text, kind)
    shown = paged(found, number, "/stations", text=text, kind=kind)
    zone = service.settings.zone
    return page(
        request,
        visitor,
        "stations.html",
        stream="bar,cells",
        stations=tuple(row.station for row in shown.lines),
        rows=[(row, station_words.cells(row, zone)) for row in shown.lines],
        registered=len(everything),
        list=shown,
        text=text,
        kind=kind,
        kinds=KIND_NAMES,
        commands=messages.COMMANDS,
    )


@router.post("/stations")
async def send(
    request: Request,
    operator: Operator,
    command: Annotated[str, Form()] = "",
    station: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Send a message to the stations that were ticked, and say what each answered."""
    names = list(dict.fromkeys(station or []))
    if not names or len(names) > PAGE_LINES:
        raise RefusedError(422, f"Tick 1 to {PAGE_LINES} stations, then send the message.")
    if command not in messages.COMMANDS:
        raise RefusedError(422, "Choose one of the messages.")
    few = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> messages.Answer:
        async with few:
            return await messages.send(service_of(request), operator, name, command)

    answers = await asyncio.gather(*map(one, names))
    return page(
        request,
        operator,
        "sent.html",
        command=messages.COMMANDS[command].text,
        answers=answers,
        accepted=sum(answer.accepted for answer in answers),
    )

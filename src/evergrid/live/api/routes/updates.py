"""What changes, as it changes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from evergrid.live.api.access.accounts import Role
from evergrid.live.api.problem import answers_in_json
from evergrid.live.api.service import Visitor, require, service_of, visitor_of
from evergrid.live.api.updates.event_response import EventResponse
from evergrid.live.api.updates.stream import MOST_ASKED, Ask

router = APIRouter(tags=["fleet"])
# Of each event of the stream: its kind, and JSON.
EVENT = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
}
Seer = Annotated[Visitor, Depends(require(Role.OPERATOR, Role.VIEWER))]


@router.get(
    "/events",
    status_code=200,  # FastAPI cannot read it off this response class
    response_class=EventResponse,
    responses=answers_in_json(401, 403, 422, 429, 503),
    openapi_extra={"responses": {"200": {"content": {"text/event-stream": {"schema": EVENT}}}}},
)
async def events(
    request: Request,
    viewer: Seer,
    station: Annotated[list[str], Query(max_length=MOST_ASKED, default_factory=list)],
    topics: Annotated[str, Query(max_length=200)] = "overview,stations,series",
) -> EventResponse:
    """Server-sent events, at most one update a second.

    ``overview`` holds the fleet as a whole. ``series`` holds the points since the last update.
    ``stations`` holds what changed: ``rows`` whole, ``power`` where nothing else did, as station,
    ordered_kw, accepted_kw, measured_kw, following, soc. Name up to 100 stations to begin with
    their whole rows and to be told of these alone. Without names, an update is 10 kB at most, and
    ``waiting`` says how many stations come with the next: begin to listen first, then read
    ``/stations``.
    """
    service = service_of(request)
    asked = tuple(dict.fromkeys(name for name in topics.split(",") if name))
    joined = service.stream.join(Ask(asked, frozenset(station)))

    async def may_see() -> bool:
        return await visitor_of(request) is not None

    return EventResponse(service.stream, joined, service.settings, service.clock, may_see)

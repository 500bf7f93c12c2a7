"""The first page: what goes on, in a sentence, a few figures and a chart."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from evergrid.console import charts, fleet_words
from evergrid.console.render import SEERS, page, part
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.api.updates.moment import Moment

router = APIRouter(include_in_schema=False)
Anybody = Annotated[Visitor, Depends(require(*Role))]
LISTED = 5  # alarms


@router.get("/")
async def overview(request: Request, visitor: Anybody) -> Response:
    """The page."""
    if visitor.person.role not in SEERS:
        return RedirectResponse("/driver", 303)
    service = service_of(request)
    view, zone = service.view, service.settings.zone
    alarms = part("alarms", view.alarms)
    return page(
        request,
        visitor,
        "overview.html",
        stream="bar,words,series",
        said=part("overview", lambda: fleet_words.first_page(Moment(view))),
        overview=part("overview", view.overview),
        chart=part("series", lambda: charts.fleet(view.series(charts.POINTS), zone)),
        alarms=None if alarms is None else [a for a in alarms if a.ended_s is None][:LISTED],
    )

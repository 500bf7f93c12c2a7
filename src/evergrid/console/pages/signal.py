"""The signal, how well the fleet followed it, and what was offered and awarded."""

from datetime import tzinfo
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from evergrid.console import charts, fleet_words, words
from evergrid.console.render import SEERS, page, part
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.view import Overview, Series

router = APIRouter(include_in_schema=False)
Seer = Annotated[Visitor, Depends(require(*SEERS))]
BLOCKS = 48


@router.get("/signal")
async def signal(request: Request, visitor: Seer) -> Response:
    """The page."""
    service = service_of(request)
    view, zone = service.view, service.settings.zone
    overview = view.overview()
    series = part("series", lambda: view.series(charts.POINTS))
    return page(
        request,
        visitor,
        "signal.html",
        stream="bar,words,series",
        sentence=sentence(overview),
        said=fleet_words.figures(overview),
        failed=series is None,
        drawings=[one for one in charts_of(series, zone) if one.drawn],
        offers=part("offers", lambda: view.offers()[:BLOCKS]),
        currency=overview.currency,
    )


def charts_of(series: Series | None, zone: tzinfo) -> list[charts.Chart]:
    """The charts of the page."""
    drawn = (charts.signal, charts.response, charts.score)
    return [] if series is None else [draw(series, zone) for draw in drawn]


def sentence(overview: Overview) -> str:
    """How the signal and the score stand."""
    if overview.signal is None:
        return "There is no signal: the fleet follows its plan."
    age = words.duration(overview.signal_age_s)
    if overview.score is None:
        return f"The signal is {age} old. The first score comes at the end of this interval."
    return f"The score of the day is {words.number(overview.score, 3)}; the signal is {age} old."

"""The signal, how well the fleet followed it, and what was offered and awarded."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from evergrid.console import charts, fleet_words, words
from evergrid.console.render import SEERS, page, part
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.view import Offer, Overview, Series

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
    offers = part("offers", lambda: view.offers()[:BLOCKS])
    return page(
        request,
        visitor,
        "signal.html",
        stream="bar,words,series",
        sentence=sentence(overview),
        said=fleet_words.figures(overview),
        failed=series is None,
        drawings=[one for one in charts_of(series, offers, zone) if one.drawn],
        offers=offers,
        currency=overview.currency,
    )


def charts_of(
    series: Series | None, offers: Sequence[Offer] | None, zone: tzinfo
) -> list[charts.Chart]:
    """The charts of the page."""
    drawn = [] if series is None else [charts.signal(series, zone), charts.response(series, zone)]
    return drawn if offers is None else [*drawn, charts.score(offers, zone)]


def sentence(overview: Overview) -> str:
    """How the signal and the score stand."""
    if overview.signal is None:
        return "There is no signal: the fleet follows its plan."
    age = words.duration(overview.signal_age_s)
    if overview.score is None:
        return f"The signal is {age} old. The first score comes at the end of this interval."
    return f"The score of the day is {words.number(overview.score, 3)}; the signal is {age} old."

"""What is paid to whom, and by which rule."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from evergrid.console.paging import paged
from evergrid.console.render import SEERS, page
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.view import LedgerLine

router = APIRouter(include_in_schema=False)
Seer = Annotated[Visitor, Depends(require(*SEERS))]
AGGREGATOR = "aggregator"


@router.get("/ledger")
async def ledger(
    request: Request,
    visitor: Seer,
    party: Annotated[str, Query(max_length=64)] = "",
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """The page."""
    service = service_of(request)
    wanted = party.strip()
    lines = service.view.ledger(wanted or None)
    drivers = [line for line in lines if line.party != AGGREGATOR]
    return page(
        request,
        visitor,
        "ledger.html",
        party=wanted,
        to_drivers=total(drivers),
        to_aggregator=total([line for line in lines if line.party == AGGREGATOR]),
        parties=len({line.party for line in drivers}),
        currency=service.view.overview().currency,
        list=paged(lines, number, "/ledger", party=wanted),
    )


def total(lines: list[LedgerLine]) -> float:
    """The sum, exact to the cent."""
    return sum(round(100 * line.amount) for line in lines) / 100

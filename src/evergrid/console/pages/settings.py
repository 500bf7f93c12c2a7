"""The configuration of the service as it was resolved, without secrets; nothing changes here."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from evergrid.console.render import page
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.api.settings import ShownTable

router = APIRouter(include_in_schema=False)
Operator = Annotated[Visitor, Depends(require(Role.OPERATOR))]
MOST_SHOWN = 50  # tables of one kind, such as stations; the rest is counted


@router.get("/settings")
async def show(request: Request, operator: Operator) -> Response:
    """The page."""
    found = grouped(service_of(request).configuration)
    return page(request, operator, "settings.html", groups=found, most=MOST_SHOWN)


def grouped(tables: tuple[ShownTable, ...]) -> list[tuple[str, list[ShownTable]]]:
    """Tables by the kind that their title begins with, in their order."""
    groups: dict[str, list[ShownTable]] = {}
    for table in tables:
        if table.rows:
            groups.setdefault(table.title.partition(".")[0].partition(" ")[0], []).append(table)
    return list(groups.items())

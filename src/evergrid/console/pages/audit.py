"""What people asked for."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from evergrid.console.paging import PAGE_LINES
from evergrid.console.render import page
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.service import Visitor, require, service_of

router = APIRouter(include_in_schema=False)
Operator = Annotated[Visitor, Depends(require(Role.OPERATOR))]


@router.get("/audit")
async def audit(
    request: Request,
    operator: Operator,
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """The page."""
    accounts = service_of(request).accounts
    offset = (number - 1) * PAGE_LINES
    rows = await accounts.audit_trail(PAGE_LINES + 1, offset)  # one more: is there a next page?
    return page(
        request,
        operator,
        "audit.html",
        rows=rows[:PAGE_LINES],
        number=number,
        more=len(rows) > PAGE_LINES,
    )

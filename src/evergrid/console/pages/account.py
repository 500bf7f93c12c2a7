"""The own account: who I am here, and my password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from evergrid.console.pages.people import said
from evergrid.console.render import page
from evergrid.live.api import login, staff
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.access.guard import COOKIE
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.service import Visitor, require, service_of

router = APIRouter(include_in_schema=False)
Anybody = Annotated[Visitor, Depends(require(*Role))]
Password = Annotated[str, Form(max_length=login.LONGEST_PASSWORD)]


@router.get("/account")
async def show(request: Request, visitor: Anybody) -> Response:
    """The page."""
    return page(request, visitor, "account.html")


@router.post("/account")
async def change(
    request: Request,
    visitor: Anybody,
    present: Password = "",
    password: Password = "",
    again: Password = "",
) -> Response:
    """Change the own password, and log in anew."""
    try:
        if password != again:
            raise RefusedError(422, "The new password was not written twice the same.")
        await staff.change_own_password(service_of(request), visitor, present, password)
    except RefusedError as refused:
        return page(request, visitor, "account.html", status=refused.status, error=said(refused))
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer

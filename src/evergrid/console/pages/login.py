"""How a person comes in and goes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from evergrid.console import render
from evergrid.live.api import login
from evergrid.live.api.access.accounts import Purpose, Role
from evergrid.live.api.access.guard import COOKIE, address, whole_seconds
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.service import Visitor, require, service_of

router = APIRouter(include_in_schema=False)
Anybody = Annotated[Visitor, Depends(require(*Role))]


def local(path: str) -> str:
    """A page of ours; the first one where another site is named."""
    ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if ours else "/"


@router.get("/login")
async def ask(next: str = "/") -> Response:
    """The form."""
    return render.plain("login.html", next=local(next), name="", error="")


@router.post("/login")
async def log_in(
    request: Request,
    person: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Check name and password, and go where the person wanted to."""
    service = service_of(request)
    try:
        visitor, _ = await login.log_in(
            service, address(request.scope), person, password, Purpose.CONSOLE
        )
    except RefusedError as refused:
        shown = {"next": local(next), "name": person, "error": refused.error}
        answer = render.plain("login.html", refused.status, **shown)
        answer.headers.update(refused.headers)
        return answer
    wanted = "/driver" if visitor.person.role is Role.DRIVER else local(next)
    answer = RedirectResponse(wanted, 303)
    answer.set_cookie(
        COOKIE,
        visitor.token,
        max_age=whole_seconds(service.settings.session_s),
        path="/",
        secure=service.settings.secure,
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/logout")
async def log_out(request: Request, visitor: Anybody) -> Response:
    """End the log-in."""
    await login.log_out(service_of(request), visitor)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer

"""Who may log in: everybody, somebody new, and a password anew."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from evergrid.console.render import page
from evergrid.live.api import staff
from evergrid.live.api.access.accounts import NewPerson, Role
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.routes.staff import LONGEST_CARD
from evergrid.live.api.service import LONGEST_NAME, Visitor, require, service_of

router = APIRouter(include_in_schema=False)
Operator = Annotated[Visitor, Depends(require(Role.OPERATOR))]
Name = Annotated[str, Form(min_length=1, max_length=LONGEST_NAME)]


@router.get("/people")
async def show(request: Request, operator: Operator) -> Response:
    """The page."""
    return await _page(request, operator)


async def _page(
    request: Request,
    operator: Visitor,
    *,
    status: int = 200,
    error: str = "",
    made: tuple[str, str] | None = None,
    written: tuple[str, str] = ("", "viewer"),
) -> Response:
    """The page, with a password that was made just now where one was."""
    answer = page(
        request,
        operator,
        "people.html",
        status=status,
        error=error,
        rows=await service_of(request).accounts.everybody(),
        roles=tuple(Role),
        made=made,
        name=written[0],
        role=written[1],
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/people")
async def add(
    request: Request,
    operator: Operator,
    person: Annotated[str, Form(max_length=LONGEST_NAME)] = "",
    role: Annotated[str, Form(max_length=16)] = "",
    card: Annotated[str, Form(max_length=LONGEST_CARD)] = "",
    may_discharge: Annotated[bool, Form()] = False,
) -> Response:
    """Let somebody log in."""
    if role not in tuple(Role):
        raise RefusedError(422, "Choose one of the roles.")
    kind = Role(role)
    new = NewPerson(person.strip(), kind, "", card=card.strip(), may_discharge=may_discharge)
    try:
        password = await staff.add(service_of(request), operator, new)
    except RefusedError as refused:
        written = (person, role)
        return await _page(
            request, operator, status=refused.status, error=said(refused), written=written
        )
    return await _page(request, operator, made=(new.person, password))


@router.post("/people/password")
async def reset(request: Request, operator: Operator, person: Name) -> Response:
    """A new password for somebody."""
    try:
        password = await staff.reset_password(service_of(request), operator, person)
    except RefusedError as refused:
        return await _page(request, operator, status=refused.status, error=said(refused))
    return await _page(request, operator, made=(person, password))


@router.post("/people/disable")
async def disable(
    request: Request, operator: Operator, person: Name, disabled: Annotated[bool, Form()]
) -> Response:
    """Turn somebody away, or no longer."""
    try:
        await staff.disable(service_of(request), operator, person, disabled)
    except RefusedError as refused:
        return await _page(request, operator, status=refused.status, error=said(refused))
    return RedirectResponse(f"/people?done={'disabled' if disabled else 'enabled'}", 303)


def said(refused: RefusedError) -> str:
    """Why something was refused, with the way out."""
    found = (fault.fix or f"{fault.field} must {fault.rule}." for fault in refused.faults)
    return " ".join(found) or refused.error

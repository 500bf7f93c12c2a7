"""How a program comes in and goes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from evergrid.live.api import login
from evergrid.live.api.access.accounts import Purpose, Role
from evergrid.live.api.access.guard import address
from evergrid.live.api.problem import RequestBody, answers
from evergrid.live.api.service import LONGEST_NAME, Visitor, require, service_of

router = APIRouter(tags=["people"], responses=answers(400, 401, 403, 408, 413, 422, 429))
Anybody = Annotated[Visitor, Depends(require(*Role))]


class Credentials(RequestBody):
    """What a person shows."""

    person: str = Field(max_length=LONGEST_NAME)
    password: str = Field(max_length=login.LONGEST_PASSWORD)


class Token(BaseModel):
    """What a program shows from now on, as ``Authorization: Bearer ...``."""

    token: str
    role: Role
    expires_s: float


class Myself(BaseModel):
    """Who is asking."""

    person: str
    role: Role
    driver: str


@router.post("/login")
async def log_in(request: Request, shown: Credentials) -> Token:
    """A token for a name and a password."""
    visitor, expires_s = await login.log_in(
        service_of(request),
        address(request.scope),
        shown.person,
        shown.password,
        Purpose.INTERFACE,
    )
    return Token(token=visitor.token, role=visitor.person.role, expires_s=expires_s)


@router.post("/logout", status_code=204)
async def log_out(request: Request, visitor: Anybody) -> None:
    """End the token."""
    await login.log_out(service_of(request), visitor)


@router.get("/me")
async def me(visitor: Anybody) -> Myself:
    """Who is asking."""
    person = visitor.person
    return Myself(person=person.person, role=person.role, driver=person.driver)

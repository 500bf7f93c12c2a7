"""Who may log in, for operators; and the own password, for everybody."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from evergrid.live.api import login, staff
from evergrid.live.api.access.accounts import NewPerson, PersonRow, Role
from evergrid.live.api.problem import RequestBody, answers
from evergrid.live.api.service import LONGEST_NAME, Visitor, require, service_of
from evergrid.live.api.settings import ShownTable

LONGEST_CARD = 255  # of an idToken of OCPP 2.1
REFUSALS = answers(400, 401, 403, 408, 409, 413, 422, 429, 504)
router = APIRouter(tags=["people"], responses=REFUSALS)
Operator = Annotated[Visitor, Depends(require(Role.OPERATOR))]
Anybody = Annotated[Visitor, Depends(require(*Role))]


class PersonToAdd(RequestBody):
    """Somebody to let in."""

    person: str = Field(min_length=1, max_length=LONGEST_NAME)
    role: Role = Field(strict=False)
    card: str = Field(default="", max_length=LONGEST_CARD)
    driver: str = Field(default="", max_length=LONGEST_NAME)
    may_discharge: bool = False


class PersonName(RequestBody):
    """Whom it is about."""

    person: str = Field(min_length=1, max_length=LONGEST_NAME)


class PersonToDisable(PersonName):
    """Who is turned away, or no longer."""

    disabled: bool


class PasswordChange(RequestBody):
    """The present password, and the one in its place."""

    present: str = Field(max_length=login.LONGEST_PASSWORD)
    password: str = Field(max_length=login.LONGEST_PASSWORD)


class NewPassword(BaseModel):
    """A password that was made, and is told this once."""

    person: str
    password: str


@router.get("/people")
async def everybody(request: Request, operator: Operator) -> tuple[PersonRow, ...]:
    """All who may log in, by name."""
    return await service_of(request).accounts.everybody()


@router.post("/people")
async def add(request: Request, operator: Operator, new: PersonToAdd) -> NewPassword:
    """Let somebody log in; a driver comes with the token of a card, or a known pseudonym."""
    person = NewPerson(new.person, new.role, "", new.card, new.driver, new.may_discharge)
    password = await staff.add(service_of(request), operator, person)
    return NewPassword(person=new.person, password=password)


@router.post("/people/disable", status_code=204)
async def disable(request: Request, operator: Operator, who: PersonToDisable) -> None:
    """Turn somebody away with all log-ins, or no longer."""
    await staff.disable(service_of(request), operator, who.person, who.disabled)


@router.post("/people/password")
async def reset_password(request: Request, operator: Operator, who: PersonName) -> NewPassword:
    """A new password for somebody, whose log-ins all end."""
    password = await staff.reset_password(service_of(request), operator, who.person)
    return NewPassword(person=who.person, password=password)


@router.put("/me/password", status_code=204)
async def change_own(request: Request, visitor: Anybody, change: PasswordChange) -> None:
    """Change the own password; all own log-ins end."""
    await staff.change_own_password(service_of(request), visitor, change.present, change.password)


@router.get("/configuration")
async def configuration(request: Request, operator: Operator) -> tuple[ShownTable, ...]:
    """The configuration of the service as resolved, without secrets."""
    return service_of(request).configuration

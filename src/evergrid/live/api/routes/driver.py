"""What a driver may see and change: the own sessions, and what they earned."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from evergrid.live.api import orders
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.problem import RefusedError, RequestBody, answers
from evergrid.live.api.search import MOST_LINES
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.view import LedgerLine, SessionRow

DRIVES = Depends(require(Role.DRIVER))
Driver = Annotated[Visitor, DRIVES]
router = APIRouter(
    prefix="/driver",
    dependencies=[DRIVES],
    tags=["driver"],
    responses=answers(400, 401, 403, 404, 408, 409, 413, 422, 429, 504),
)
LATEST_S = 4102444800.0  # 2100-01-01T00:00:00Z
MOST_KWH = 2000.0  # of a battery on wheels


class Needs(RequestBody):
    """What a driver needs; what is left out stays as it is."""

    departure_s: float | None = Field(None, ge=0, le=LATEST_S)
    owed_kwh: float | None = Field(None, ge=0, le=MOST_KWH)


class Switch(RequestBody):
    """On or off."""

    active: bool


@router.get("/sessions")
async def sessions(request: Request, driver: Driver) -> tuple[SessionRow, ...]:
    """The own sessions."""
    return orders.own_sessions(service_of(request), driver)


@router.get("/earnings")
async def earnings(request: Request, driver: Driver) -> tuple[LedgerLine, ...]:
    """What was earned, newest first."""
    return service_of(request).view.ledger(driver.person.driver)[:MOST_LINES]


@router.put("/sessions/{session}/needs", status_code=204)
async def change_needs(request: Request, driver: Driver, session: str, needs: Needs) -> None:
    """Change departure or least energy."""
    service = service_of(request)
    if needs.departure_s is None and needs.owed_kwh is None:
        raise RefusedError(409, "Nothing would change: give departure_s, owed_kwh, or both.")
    await orders.change_needs(service, driver, session, needs.departure_s, needs.owed_kwh)


@router.put("/sessions/{session}/priority", status_code=204)
async def set_priority(request: Request, driver: Driver, session: str, wanted: Switch) -> None:
    """Charge now, or as planned again."""
    await orders.set_priority(service_of(request), driver, session, wanted.active)


@router.put("/sessions/{session}/opt-out", status_code=204)
async def opt_out(request: Request, driver: Driver, session: str, wanted: Switch) -> None:
    """Take the vehicle out of discharging and services, or back in."""
    await orders.opt_out(service_of(request), driver, session, wanted.active)

"""A driver's page: when I leave, what I need, what I earned."""

from datetime import UTC, datetime, tzinfo
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from evergrid.console import words
from evergrid.console.render import page
from evergrid.live.api import orders
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.view import SessionRow

router = APIRouter(include_in_schema=False)
Driver = Annotated[Visitor, Depends(require(Role.DRIVER))]
LISTED = 20  # lines of the ledger


@router.get("/driver")
async def show(request: Request, driver: Driver) -> Response:
    """The page."""
    return _page(request, driver)


def _page(request: Request, driver: Visitor, *, status: int = 200, error: str = "") -> Response:
    service = service_of(request)
    view = service.view
    overview = view.overview()
    lines = view.ledger(driver.person.driver) if driver.person.driver else ()
    rows = orders.own_sessions(service, driver)
    return page(
        request,
        driver,
        "driver.html",
        status=status,
        error=error,
        cars=[(row, promise(row, overview.time_s, service.settings.zone)) for row in rows],
        earned=sum(round(100 * line.amount) for line in lines) / 100,
        currency=overview.currency,
        lines=lines[:LISTED],
        now_s=overview.time_s,
    )


def promise(row: SessionRow, now_s: float, zone: tzinfo) -> str:
    """What the driver can count on."""
    at = words.hour_minute(row.departure_s, zone)
    share = words.share(row.owed_kwh / row.capacity_kwh if row.capacity_kwh > 0 else None)
    if row.priority:
        return f"Charging now, as fast as the station can, until {share}."
    if not row.reachable:
        missing = words.energy(row.missing_kwh)
        return f"Leaving at {at}, {share} cannot be reached: {missing} are missing now."
    if row.missing_kwh <= 0:
        return f"Ready: there is at least {share} in it until you leave at {at}."
    left = words.duration(row.departure_s - now_s)
    return f"It will hold at least {share} when you leave at {at}, in {left}."


@router.post("/driver/{session}/needs")
async def needs(
    request: Request,
    driver: Driver,
    session: str,
    departure: Annotated[str, Form(max_length=20)] = "",
    percent: Annotated[float | None, Form(ge=0, le=100)] = None,
) -> Response:
    """Change departure and least energy."""
    service = service_of(request)
    try:
        departure_s = utc_seconds(departure, service.settings.zone) if departure else None
        owed_kwh = None
        if percent is not None:
            rows = orders.own_sessions(service, driver)
            capacity_kwh = sum(row.capacity_kwh for row in rows if row.session == session)
            owed_kwh = capacity_kwh * percent / 100
        await orders.change_needs(service, driver, session, departure_s, owed_kwh)
    except RefusedError as error:
        return _page(request, driver, status=409, error=_said(error))
    return RedirectResponse("/driver?done=needs", 303)


@router.post("/driver/{session}/priority")
async def priority(
    request: Request, driver: Driver, session: str, active: Annotated[bool, Form()]
) -> Response:
    """Charge now, or as planned again."""
    try:
        await orders.set_priority(service_of(request), driver, session, active)
    except RefusedError as error:
        return _page(request, driver, status=409, error=_said(error))
    return RedirectResponse(f"/driver?done={'now' if active else 'planned'}", 303)


@router.post("/driver/{session}/opt-out")
async def opt_out(
    request: Request, driver: Driver, session: str, out: Annotated[bool, Form()]
) -> Response:
    """Take the car out of services, or back in."""
    try:
        await orders.opt_out(service_of(request), driver, session, out)
    except RefusedError as error:
        return _page(request, driver, status=409, error=_said(error))
    return RedirectResponse(f"/driver?done={'out' if out else 'in'}", 303)


def _said(refused: RefusedError) -> str:
    """What a driver can do about it, without the names of a program."""
    said = (fault.fix or f"{fault.field} must {fault.rule}." for fault in refused.faults)
    return " ".join(said) or refused.error


def utc_seconds(text: str, zone: tzinfo) -> float:
    """A time of the place as seconds since 1970.

    Raises:
        RefusedError: It is no time, or one that a change of clocks leaves out.
    """
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        raise RefusedError(422, "Departure must be a day and a time.") from error
    if local.tzinfo is not None:
        raise RefusedError(422, "Departure must be a time of the place, without a time zone.")
    at = local.replace(tzinfo=zone).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) != local:
        raise RefusedError(422, f"{text} does not exist: clocks go forward. Choose another time.")
    return at.timestamp()

"""Alarms: those that last, those kept quiet, and those that were."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from evergrid.console import words
from evergrid.console.paging import paged
from evergrid.console.render import SEERS, page
from evergrid.live.api import orders
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.view import Alarm

router = APIRouter(include_in_schema=False)
Seer = Annotated[Visitor, Depends(require(*SEERS))]
Operator = Annotated[Visitor, Depends(require(Role.OPERATOR))]
MOST_SHOWN = 200  # of those that last; more are counted


@router.get("/alarms")
async def alarms(
    request: Request,
    visitor: Seer,
    number: Annotated[int, Query(alias="page", ge=1, le=1_000_000)] = 1,
) -> Response:
    """The page."""
    service = service_of(request)
    now_s = service.view.overview().time_s
    everything = service.view.alarms()
    active = [alarm for alarm in everything if lasts(alarm) and not quiet(alarm, now_s)]
    shelved = [alarm for alarm in everything if lasts(alarm) and quiet(alarm, now_s)]
    return page(
        request,
        visitor,
        "alarms.html",
        sentence=sentence(active),
        active=active[:MOST_SHOWN],
        more=max(len(active) - MOST_SHOWN, 0),
        shelved=shelved[:MOST_SHOWN],
        now_s=now_s,
        list=paged([alarm for alarm in everything if not lasts(alarm)], number, "/alarms"),
    )


def lasts(alarm: Alarm) -> bool:
    """Whether it has not ended."""
    return alarm.ended_s is None


def quiet(alarm: Alarm, now_s: float) -> bool:
    """Whether it is shelved."""
    return alarm.shelved_until_s is not None and alarm.shelved_until_s > now_s


def sentence(active: list[Alarm]) -> str:
    """How many there are, and how many nobody has looked at."""
    if not active:
        return "Nothing is wrong."
    new = sum(not alarm.acknowledged_by for alarm in active)
    count = words.counted(len(active), "active alarm", "active alarms")
    if new == len(active):
        return f"{count}, not acknowledged yet."
    return f"{count}, {new:,} not acknowledged yet." if new else f"{count}, all acknowledged."


@router.post("/alarms/{number}/acknowledge")
async def acknowledge(request: Request, operator: Operator, number: int) -> Response:
    """Take note of one."""
    await orders.acknowledge(service_of(request), operator, number)
    return RedirectResponse("/alarms?done=acknowledged", 303)


@router.post("/alarms/{number}/shelve")
async def shelve(
    request: Request,
    operator: Operator,
    number: int,
    minutes: Annotated[float, Form(gt=0, le=10_080)],
) -> Response:
    """Keep one quiet for a while."""
    await orders.shelve(service_of(request), operator, number, minutes)
    return RedirectResponse("/alarms?done=shelved", 303)

"""The plan in force."""

from datetime import tzinfo
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from evergrid.console import charts, words
from evergrid.console.render import SEERS, page
from evergrid.live.api.service import Visitor, require, service_of
from evergrid.live.view import PlanView

router = APIRouter(include_in_schema=False)
Seer = Annotated[Visitor, Depends(require(*SEERS))]
MOST_STEPS = 400  # in the table


@router.get("/plan")
async def plan(request: Request, visitor: Seer) -> Response:
    """The page."""
    service = service_of(request)
    zone = service.settings.zone
    found = service.view.plan()
    return page(
        request,
        visitor,
        "plan.html",
        sentence=sentence(found, zone),
        plan=found,
        drawings=charts.plan(found, zone) if found.rows else (),
        rows=found.rows[:MOST_STEPS],
    )


def sentence(plan: PlanView, zone: tzinfo) -> str:
    """How good the plan is, and how old."""
    if plan.made_s is None:
        return "There is no plan yet."
    made = f"made at {words.hour_minute(plan.made_s, zone)}"
    solved = "" if plan.solve_s is None else f", solved in {words.number(plan.solve_s, 1)} s"
    gap = "" if plan.gap is None else f", at most {words.number(100 * plan.gap, 2)} % off the best"
    return f"The plan is {plan.status}{gap}; {made}{solved}."

"""Whether the service lives and is ready, and its figures for a monitor."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from evergrid.live.api import metrics
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.problem import RefusedError, answers, answers_in_json
from evergrid.live.api.service import Service, require, service_of

router = APIRouter(tags=["health"])
SEES = Depends(require(Role.OPERATOR, Role.VIEWER))


class Health(BaseModel):
    """Good news; bad news has another status."""

    status: str


@router.get("/healthz", responses=answers(429))
async def healthz() -> Health:
    """Whether the process answers."""
    return Health(status="alive")


@router.get("/readyz", responses=answers(429, 503))
async def readyz(request: Request) -> Health:
    """Whether the service does its work; else why not."""
    reasons = not_ready(service_of(request))
    if reasons:
        raise RefusedError(503, "; ".join(reasons))
    return Health(status="ready")


def not_ready(service: Service) -> list[str]:
    """Why the service does not do its work; empty where it does."""
    said = ((name, check()) for name, check in service.checks.items())
    reasons = [f"{name}: {why}" for name, why in said if why]
    age_s, late_s = service.view.overview().tick_age_s, service.settings.tick_late_s
    if not age_s <= late_s:
        reasons.append(f"controller: it decided last {age_s:.0f} s ago, more than {late_s:g} s")
    return reasons


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    dependencies=[SEES],
    responses=answers_in_json(401, 403, 429),
)
async def figures(request: Request) -> PlainTextResponse:
    """Figures in the text form of Prometheus."""
    service = service_of(request)
    text = metrics.text(service.view.overview(), service.stream)
    return PlainTextResponse(text, media_type=metrics.MEDIA_TYPE)

"""What operators alone may do and see; all of it is written to the audit trail."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from pydantic import Field

from evergrid.live.api import orders
from evergrid.live.api.access.accounts import AuditRow, Role
from evergrid.live.api.problem import RequestBody, answers
from evergrid.live.api.search import MOST_LINES
from evergrid.live.api.service import Visitor, require, service_of

OPERATES = Depends(require(Role.OPERATOR))
Operator = Annotated[Visitor, OPERATES]
router = APIRouter(
    dependencies=[OPERATES],
    tags=["operation"],
    responses=answers(400, 401, 403, 404, 408, 409, 413, 422, 429, 504),
)

Number = Annotated[int, Path(ge=0, le=2**53)]
Action = Annotated[str, Path(pattern=r"^[A-Za-z0-9]{1,64}$")]


class Shelving(RequestBody):
    """How long an alarm is kept quiet."""

    minutes: float = Field(gt=0, le=7 * 24 * 60)


class Holding(RequestBody):
    """Whether a station is to boot only later."""

    on_hold: bool


@router.post("/stations/{station:path}/ocpp/{action}")
async def call_station(
    request: Request,
    operator: Operator,
    station: str,
    action: Action,
    payload: Annotated[dict[str, Any], Body()],
) -> dict[str, Any]:
    """Send a message of OCPP to a station, and give its answer."""
    return await orders.call_station(service_of(request), operator, station, action, payload)


@router.post("/stations/{station:path}/hold", status_code=204)
async def hold(request: Request, operator: Operator, station: str, how: Holding) -> None:
    """Let a station boot only later, or let it go: its boot is then accepted.

    It holds from its next boot on, over a restart of the service too.
    """
    await orders.hold(service_of(request), operator, station, how.on_hold)


@router.post("/stations/{station:path}/renew-password", status_code=204)
async def renew_password(request: Request, operator: Operator, station: str) -> None:
    """Give a station another password, which is shown to nobody; the old one ends with its use."""
    await orders.renew_password(service_of(request), operator, station)


@router.post("/stations/{station:path}/renew-certificate", status_code=204)
async def renew_certificate(request: Request, operator: Operator, station: str) -> None:
    """Let a station ask for another certificate, and sign it; the old one ends with its use."""
    await orders.renew_certificate(service_of(request), operator, station)


@router.post("/stations/{station:path}/forget-certificates", status_code=204)
async def forget_certificates(request: Request, operator: Operator, station: str) -> None:
    """Let any certificate of the authority that names a station be good again.

    For a station that has lost the certificate that it was sent, such as by a factory reset.
    """
    await orders.forget_certificates(service_of(request), operator, station)


@router.post("/alarms/{number}/acknowledge", status_code=204)
async def acknowledge(request: Request, operator: Operator, number: Number) -> None:
    """Take note of an alarm."""
    await orders.acknowledge(service_of(request), operator, number)


@router.post("/alarms/{number}/shelve", status_code=204)
async def shelve(request: Request, operator: Operator, number: Number, how: Shelving) -> None:
    """Keep an alarm quiet for a while."""
    await orders.shelve(service_of(request), operator, number, how.minutes)


@router.post("/limits")
async def limit_sites(
    request: Request, operator: Operator, document: Annotated[dict[str, Any], Body()]
) -> tuple[str, ...]:
    """Put limits that a utility sent into force (an operating envelope); the sites they are for.

    ``{"issued_utc": "2026-07-01T12:00:00Z", "sites": [{"site_id": "depot", "steps": [{"begin_utc":
    ..., "end_utc": ..., "import_limit_kw": 80, "export_limit_kw": 20}]}]}``
    """
    return await orders.limit_sites(service_of(request), operator, document)


@router.get("/audit")
async def audit(
    request: Request,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_LINES)] = 100,
) -> tuple[AuditRow, ...]:
    """What people asked for, newest first."""
    return await service_of(request).accounts.audit_trail(limit, offset)

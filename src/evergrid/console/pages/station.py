"""One station: what it was told, what it accepted, what it does, and what was said."""

import json
from typing import Annotated, Any, final

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from evergrid.console import charts, grid_words, messages, station_words, upkeep
from evergrid.console.render import SEERS, page
from evergrid.live.api import orders
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.service import Service, Visitor, require, service_of
from evergrid.live.api.updates.moment import Moment, newer
from evergrid.live.api.updates.stream import Ask
from evergrid.live.view import Series, StationDetail

router = APIRouter(include_in_schema=False)
Seer = Annotated[Visitor, Depends(require(*SEERS))]
Operator = Annotated[Visitor, Depends(require(Role.OPERATOR))]
MESSAGES = 30
FIRST_POINTS = 30  # that may have come since the page was made
LONGEST_PAYLOAD = 20_000  # characters


async def _detail(service: Service, station: str) -> StationDetail:
    found = await service.view.station(station)
    if found is None:
        raise RefusedError(404, "There is no such station.")
    return found


@router.get("/stations/{station:path}")
async def show(request: Request, visitor: Seer, station: str) -> Response:
    """The page."""
    return _page(request, visitor, await _detail(service_of(request), station))


def _page(
    request: Request,
    visitor: Visitor,
    detail: StationDetail,
    *,
    status: int = 200,
    error: str = "",
    answer: str = "",
    written: tuple[str, str] = ("", "{}"),
) -> Response:
    zone = service_of(request).settings.zone
    name = detail.row.station
    return page(
        request,
        visitor,
        "station.html",
        stream="bar,cells,station",
        stations=(name,),
        status=status,
        error=error,
        answer=answer,
        action=written[0],
        payload=written[1],
        row=detail.row,
        cells=station_words.cells(detail.row, zone),
        detail=detail,
        said=detail.messages[:MESSAGES],
        chart=charts.station(detail.series, zone),
        profiles=[(_title(one), json.dumps(one, indent=2)) for one in detail.profiles],
        commands=messages.COMMANDS,
        upkeep=upkeep.of(detail),
        boot=upkeep.boot(detail),
        functions=[grid_words.line(one, zone) for one in detail.grid_functions],
    )


def _title(profile: dict[str, Any]) -> str:
    parts = ("chargingProfilePurpose", "chargingProfileKind")
    words = [str(profile[part]) for part in parts if part in profile]
    return f"Stack level {profile.get('stackLevel', '?')}: {', '.join(words) or 'profile'}"


@router.post("/stations/{station:path}")
async def send(
    request: Request,
    operator: Operator,
    station: str,
    command: Annotated[str, Form()] = "",
    care: Annotated[str, Form()] = "",
    action: Annotated[str, Form(max_length=64)] = "",
    payload: Annotated[str, Form(max_length=LONGEST_PAYLOAD)] = "{}",
) -> Response:
    """Send one of the named messages, or one that the operator wrote."""
    service = service_of(request)
    detail = await _detail(service, station)
    if command:
        if command not in messages.COMMANDS:
            raise RefusedError(422, "Choose one of the messages.")
        answer = await messages.send(service, operator, station, command)
        if answer.accepted:
            return RedirectResponse(f"{request.url.path}?done=sent", 303)
        return _page(request, operator, detail, status=409, error=f"Refused: {answer.text}")
    if care:
        try:
            await upkeep.carry_out(service, operator, station, care)
        except RefusedError as error:
            if error.status == 422:
                raise
            return _page(request, operator, detail, status=409, error=f"Refused: {error}")
        return RedirectResponse(f"{request.url.path}?done=upkeep", 303)
    written = (action, payload)
    try:
        content = _parsed(payload)
        said = await orders.call_station(service, operator, station, action, content)
    except RefusedError as error:
        return _page(request, operator, detail, status=409, error=str(error), written=written)
    text = json.dumps(said, indent=2)
    return _page(request, operator, detail, answer=text, written=written)


def _parsed(payload: str) -> dict[str, Any]:
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise RefusedError(422, "The message must be JSON.") from error
    if not isinstance(content, dict):
        raise RefusedError(422, "The message must be a JSON object, such as {}.")
    return content


@final
class StationTopic:
    """Tells the points of one station's chart that came since the last update."""

    def __init__(self) -> None:
        self._moment: Moment | None = None
        self._last: dict[str, float | None] = {}
        self._before: dict[str, float | None] = {}

    def __call__(self, moment: Moment, ask: Ask, first: bool) -> Any:
        """Points of the only station asked for."""
        if len(ask.stations) != 1:
            return None
        if moment is not self._moment:
            self._moment, self._before, self._last = moment, self._last, {}
        (name,) = ask.stations
        series = moment.view.station_series(name)
        if series is None:
            return None
        times = series.time_s
        self._last[name] = times[-1] if times else None
        points = _tail(series) if first else newer(series, self._before.get(name))
        return {"time_s": points.time_s, "values": points.values} if points.time_s else None


def _tail(series: Series) -> Series:
    values = {name: values[-FIRST_POINTS:] for name, values in series.values.items()}
    return Series(series.time_s[-FIRST_POINTS:], values)

"""Makes a page from a template and what a view shows, for one who may see it."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.types import Scope

from evergrid.console import assets, fleet_words, words
from evergrid.live.api.access.accounts import Role
from evergrid.live.api.failure import note_failure
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.service import Visitor, service_of
from evergrid.live.api.updates.event import text_of

Part = TypeVar("Part")


class Place(NamedTuple):
    """A page that the navigation names.

    Attributes:
        path: Its address.
        name: What it is called.
        roles: Who may see it.
    """

    path: str
    name: str
    roles: tuple[Role, ...]


SEERS = (Role.OPERATOR, Role.VIEWER)
PLACES = (
    Place("/", "Overview", SEERS),
    Place("/stations", "Stations", SEERS),
    Place("/sessions", "Sessions", SEERS),
    Place("/signal", "Signal and score", SEERS),
    Place("/plan", "Plan", SEERS),
    Place("/alarms", "Alarms", SEERS),
    Place("/ledger", "Ledger", SEERS),
    Place("/audit", "Audit", (Role.OPERATOR,)),
    Place("/people", "People", (Role.OPERATOR,)),
    Place("/settings", "Settings", (Role.OPERATOR,)),
    Place("/driver", "My car", (Role.DRIVER,)),
)
DONE = {
    "acknowledged": "The alarm is acknowledged.",
    "shelved": "The alarm is shelved.",
    "sent": "The station accepted the message.",
    "upkeep": "It is done.",
    "disabled": "That person can no longer log in, and all log-ins have ended.",
    "enabled": "That person may log in again.",
    "needs": "Your needs are saved. The plan follows them.",
    "now": "Your car charges now.",
    "planned": "Your car charges by the plan again.",
    "out": "Your car only charges: it takes no part in services.",
    "in": "Your car takes part again.",
}
"""What a page says after a change, by the word in its address."""


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("evergrid.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": words.number,
        "power": words.power,
        "energy": words.energy,
        "share": words.share,
        "duration": words.duration,
        "path": lambda text: quote(text, safe=""),
        "data": _data,
    }
    made.globals |= {"words": words, "dash": words.NOTHING, "static": f"/static/{assets.VERSION}"}
    return made


def _data(value: Any) -> Markup:
    """JSON that cannot end the element it stands in, whatever texts it holds."""
    text = text_of(value)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)


def stream_path(topics: str, stations: tuple[str, ...] = ()) -> str:
    """Where a page hears what changes."""
    named = [("topics", topics), *(("station", name) for name in stations)]
    return f"/api/v1/events?{urlencode(named)}"


def page(
    request: Request,
    visitor: Visitor,
    template: str,
    *,
    stream: str = "bar",
    stations: tuple[str, ...] = (),
    status: int = 200,
    error: str = "",
    **shown: Any,
) -> HTMLResponse:
    """A page for somebody who is logged in.

    Args:
        request: For it.
        visitor: Who asks.
        template: Its file.
        stream: Topics that change it.
        stations: Those to be told of.
        status: Of HTTP.
        error: What was refused, "" where nothing was.
        shown: What the template shows.
    """
    service = service_of(request)
    role, zone = visitor.person.role, service.settings.zone
    seer = role in SEERS
    top = part("bar", lambda: fleet_words.bar(service.view.overview(), zone)) if seer else None
    text = (
        _environment()
        .get_template(template)
        .render(
            visitor=visitor.person,
            operator=role is Role.OPERATOR,
            places=[place for place in PLACES if role in place.roles],
            here=request.url.path,
            bar=top or {"time": words.NOTHING, "alarms": "", "late": ""},
            zone=zone,
            zone_name=str(zone),
            stream=stream_path(stream, stations) if seer else "",
            done=DONE.get(request.query_params.get("done", ""), ""),
            error=error,
            **shown,
        )
    )
    return HTMLResponse(text, status)


def part(name: str, make: Callable[[], Part]) -> Part | None:
    """A part of a page; None where the service fails at it, which spoils no other part."""
    try:
        return make()
    except Exception as error:  # whatever it is, the page says that this part is missing
        note_failure("part_failed", error, part=name)
        return None


def plain(template: str, code: int = 200, **shown: Any) -> HTMLResponse:
    """A page for somebody who is not logged in, or for whom no other can be made."""
    return HTMLResponse(_environment().get_template(template).render(**shown), code)


def refusal(_scope: Scope, refused: RefusedError) -> HTMLResponse:
    """A page that says why another is not shown."""
    shown = plain("refused.html", refused.status, status=refused.status, text=refused.error)
    shown.headers.update(refused.headers)
    return shown

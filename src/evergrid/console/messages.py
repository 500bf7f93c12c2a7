"""Messages that an operator may send from a page, and what stations answer."""

from dataclasses import dataclass
from typing import Any

from evergrid.live.api import orders
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.service import Service, Visitor

ACCEPTED = ("Accepted", "Scheduled", "AcceptedCanceled")


@dataclass(frozen=True)
class Command:
    """A message by a name that says what it does.

    Attributes:
        text: What it does.
        action: Of OCPP.
        payload: Of OCPP.
    """

    text: str
    action: str
    payload: dict[str, Any]


COMMANDS = {
    "meter": Command("Ask for meter values", "TriggerMessage", {"requestedMessage": "MeterValues"}),
    "status": Command(
        "Ask for the status", "TriggerMessage", {"requestedMessage": "StatusNotification"}
    ),
    "restart": Command("Restart once nobody charges", "Reset", {"type": "OnIdle"}),
    "stop": Command(
        "Take out of service", "ChangeAvailability", {"operationalStatus": "Inoperative"}
    ),
    "start": Command("Put into service", "ChangeAvailability", {"operationalStatus": "Operative"}),
}


@dataclass(frozen=True)
class Answer:
    """What became of a message.

    Attributes:
        station: Whom it was for.
        accepted: Whether the station accepted it.
        text: Its answer, or why there is none.
    """

    station: str
    accepted: bool
    text: str


async def send(service: Service, operator: Visitor, station: str, command: str) -> Answer:
    """Send one of `COMMANDS`; a refusal is an answer too, so that others go on."""
    chosen = COMMANDS[command]
    try:
        said = await orders.call_station(service, operator, station, chosen.action, chosen.payload)
    except RefusedError as error:
        return Answer(station, False, str(error))
    status = str(said.get("status", "answered"))
    return Answer(station, status in ACCEPTED, status)

"""How does a message of a station read as an alarm?"""

from typing import Any

from evergrid.live.ocpp.stations.station import StationState

MOST_FAULTS = 100  # connectors of one station that can be out of order at once


def der_text(payload: dict[str, Any]) -> str:
    """What tripped a function for the grid."""
    parts = (payload.get("gridEventFault", ""), payload.get("extraInfo", ""))
    return ": ".join(part for part in parts if part) or "no fault named"


def of_event(event: dict[str, Any]) -> tuple[str, str]:
    """Kind and text of an event of the device model."""
    component, variable = event["component"]["name"], event["variable"]["name"]
    detail = event.get("techInfo", "")
    text = f"{component}.{variable} is {event['actualValue'][:80]}"
    return f"station_{component}_{variable}", f"{text}: {detail[:120]}" if detail else text


def note_fault(state: StationState, place: tuple[int, int], faulted: bool) -> None:
    """Remember that a connector is out of order, or no longer."""
    if not faulted:
        state.faulted.discard(place)
    elif len(state.faulted) < MOST_FAULTS:
        state.faulted.add(place)

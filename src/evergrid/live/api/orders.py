"""What people ask of the service, from pages and programs alike, each checked and written down."""

import json
from typing import Any

from evergrid.core.units import S_PER_MIN
from evergrid.live.api.problem import RefusedError
from evergrid.live.api.service import Service, Visitor, carry_out
from evergrid.live.view import SessionRow

SECRET_KEYS = frozenset({"attributeValue", "basicAuthPassword", "idToken", "password", "value"})


def without_secrets(payload: Any) -> Any:
    """A message as it may be written down: values that may hold a password are left out."""
    match payload:
        case dict():
            hidden = SECRET_KEYS & payload.keys()
            kept = {key: without_secrets(value) for key, value in payload.items()}
            return kept | dict.fromkeys(hidden, "...")
        case list():
            return [without_secrets(value) for value in payload]
    return payload


def check_written(payload: dict[str, Any]) -> None:
    """Refuse a message that cannot be written down: halves of characters, numbers without end.

    Raises:
        RefusedError: It holds one.
    """
    try:
        json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise RefusedError(422, "Text must be whole characters: it holds half of one.") from error
    except (ValueError, RecursionError) as error:
        raise RefusedError(422, "Numbers must be finite, and tables not too deep.") from error


async def call_station(
    service: Service, visitor: Visitor, station: str, action: str, payload: dict[str, Any]
) -> dict[str, Any]:
    """Send a message of the station's protocol.

    Raises:
        RefusedError: There is no such station or it is not connected, the message breaks the
            protocol, too many changes, or no answer in time.
    """
    _check_station(service, station)
    check_written(payload)
    detail = f"{station} {json.dumps(without_secrets(payload))}"

    async def command() -> dict[str, Any]:
        return await service.commands.call_station(station, action, payload)

    return await carry_out(service, visitor, f"ocpp {action}", detail, command)


async def hold(service: Service, visitor: Visitor, station: str, on_hold: bool) -> None:
    """Let a station boot only later, or let it go.

    Raises:
        RefusedError: There is no such charging station, or too many changes.
    """
    _check_station(service, station)

    async def command() -> None:
        await service.commands.hold(station, on_hold)

    await carry_out(service, visitor, "hold" if on_hold else "let go", station, command)


async def renew_password(service: Service, visitor: Visitor, station: str) -> None:
    """Give a station another password.

    Raises:
        RefusedError: There is no such station, it has not taken it, or too many changes.
    """
    _check_station(service, station)

    async def command() -> None:
        await service.commands.renew_password(station)

    await carry_out(service, visitor, "renew password", station, command)


async def renew_certificate(service: Service, visitor: Visitor, station: str) -> None:
    """Let a station ask for another certificate, and sign it.

    Raises:
        RefusedError: There is no such station, it has not taken one, or too many changes.
    """
    _check_station(service, station)

    async def command() -> None:
        await service.commands.renew_certificate(station)

    await carry_out(service, visitor, "renew certificate", station, command)


async def forget_certificates(service: Service, visitor: Visitor, station: str) -> None:
    """Any certificate of a station's name is good again.

    Raises:
        RefusedError: There is no such charging station, or too many changes.
    """
    _check_station(service, station)

    async def command() -> None:
        await service.commands.forget_certificates(station)

    await carry_out(service, visitor, "forget certificates", station, command)


def _check_station(service: Service, station: str) -> None:
    if all(row.station != station for row in service.view.stations()):
        raise RefusedError(404, "There is no such station.")


async def acknowledge(service: Service, visitor: Visitor, number: int) -> None:
    """Take note of an alarm.

    Raises:
        RefusedError: There is no such alarm, or too many changes.
    """
    _check_alarm(service, number)

    async def command() -> None:
        await service.commands.acknowledge(number, visitor.person.person)

    await carry_out(service, visitor, "acknowledge alarm", str(number), command)


async def shelve(service: Service, visitor: Visitor, number: int, minutes: float) -> None:
    """Keep an alarm quiet for a while.

    Raises:
        RefusedError: There is no such alarm, or too many changes.
    """
    _check_alarm(service, number)
    until_s = service.view.overview().time_s + minutes * S_PER_MIN

    async def command() -> None:
        await service.commands.shelve(number, visitor.person.person, until_s)

    await carry_out(service, visitor, "shelve alarm", f"{number} for {minutes:g} min", command)


async def limit_sites(
    service: Service, visitor: Visitor, document: dict[str, Any]
) -> tuple[str, ...]:
    """Put limits of a utility into force.

    Raises:
        RefusedError: The document breaks a rule, or too many changes.
    """
    check_written(document)

    async def command() -> tuple[str, ...]:
        return await service.commands.limit_sites(document, visitor.person.person)

    issued = str(document.get("issued_utc", ""))[:40]
    return await carry_out(service, visitor, "limit sites", f"issued {issued}", command)


def _check_alarm(service: Service, number: int) -> None:
    if all(alarm.number != number for alarm in service.view.alarms()):
        raise RefusedError(404, "There is no such alarm.")


def own_sessions(service: Service, visitor: Visitor) -> tuple[SessionRow, ...]:
    """The sessions of a driver."""
    driver = visitor.person.driver
    return tuple(row for row in service.view.sessions() if driver and row.driver == driver)


def _check_own(service: Service, visitor: Visitor, session: str) -> None:
    """Somebody else's session is answered as one that is not there."""
    if all(row.session != session for row in own_sessions(service, visitor)):
        raise RefusedError(404, "You have no such session.")


async def change_needs(
    service: Service,
    visitor: Visitor,
    session: str,
    departure_s: float | None,
    owed_kwh: float | None,
) -> None:
    """A driver changes departure or energy of the own session.

    Raises:
        RefusedError: It is not the driver's session, cannot be reached, or too many changes.
    """
    _check_own(service, visitor, session)

    async def command() -> None:
        await service.commands.change_needs(session, departure_s=departure_s, owed_kwh=owed_kwh)

    detail = f"{session} departure_s={departure_s} owed_kwh={owed_kwh}"
    await carry_out(service, visitor, "change needs", detail, command)


async def set_priority(service: Service, visitor: Visitor, session: str, active: bool) -> None:
    """A driver wants to charge now, or no longer.

    Raises:
        RefusedError: It is not the driver's session, or too many changes.
    """
    _check_own(service, visitor, session)

    async def command() -> None:
        await service.commands.set_priority(session, active)

    await carry_out(service, visitor, "priority", f"{session} {active}", command)


async def opt_out(service: Service, visitor: Visitor, session: str, out: bool) -> None:
    """A driver takes the vehicle out of services, or back in.

    Raises:
        RefusedError: It is not the driver's session, or too many changes.
    """
    _check_own(service, visitor, session)

    async def command() -> None:
        await service.commands.opt_out(session, out)

    await carry_out(service, visitor, "opt out", f"{session} {out}", command)

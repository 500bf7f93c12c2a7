"""What does each message of a station mean, and what is it answered?

One function for each action that stations send. It takes the payload, which keeps its schema, as a
record (`schemas.AS_RECORD`) or a dictionary, and returns the payload of the answer.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import (
    AbstractHandler,
    MeterReading,
    Refusal,
    TransactionEvent,
    TransactionPart,
)
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.certificates import Certificates
from evergrid.live.ocpp.charging import transfers
from evergrid.live.ocpp.charging.needs import NeedsError, charging_needs, is_direct_current
from evergrid.live.ocpp.charging.readings import meter_values
from evergrid.live.ocpp.orders import Orders
from evergrid.live.ocpp.stations import alarms
from evergrid.live.ocpp.stations.connection import StationConnection
from evergrid.live.ocpp.stations.station import LiveTransaction, Stations, StationState
from evergrid.live.ocpp.wire.envelope import Call, ErrorCode, RequestError
from evergrid.live.ocpp.wire.schemas import OCPP_2_1
from evergrid.live.ocpp.wire.times import TimestampError, utc_s, utc_text

Payload = dict[str, Any]
Action = Callable[["Context", StationConnection, Payload], Awaitable[Payload]]

_PARTS = {
    "Started": TransactionPart.STARTED,
    "Updated": TransactionPart.UPDATED,
    "Ended": TransactionPart.ENDED,
}
_WHILE_PENDING = ("BootNotification", "NotifyReport")  # OCPP 2.1, B02.FR.09
_VALID, _INVALID = {"status": "Accepted"}, {"status": "Invalid"}


@dataclass(frozen=True)
class Context:
    """Whom the actions serve.

    Attributes:
        handler: Told what happens.
        stations: All of them.
        orders: To give a station its profile again.
        certificates: To sign its certificate.
        clock: Of the service.
        settings: Intervals.
    """

    handler: AbstractHandler
    stations: Stations
    orders: Orders
    certificates: Certificates
    clock: AbstractClock
    settings: Settings


async def answer(context: Context, link: StationConnection, call: Call) -> Payload:
    """Do what a request asks; the payload of its answer.

    Raises:
        RequestError: It is unknown, breaks its schema, or is not the station's to ask.
    """
    action = call.action
    if not link.schemas.knows(action):
        raise RequestError(ErrorCode.NOT_IMPLEMENTED, f"no action {action[:50]}")
    function = ACTIONS.get(action)
    if function is None:
        raise RequestError(ErrorCode.NOT_SUPPORTED, f"{action} is not supported here")
    if link.pending and action not in _WHILE_PENDING:
        raise RequestError(ErrorCode.SECURITY_ERROR, "the boot has not been accepted")
    payload = link.schemas.checked(call)
    try:
        return await function(context, link, payload)
    except (TimestampError, NeedsError) as error:
        raise RequestError(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, str(error)) from error


async def boot_notification(context: Context, link: StationConnection, payload: Payload) -> Payload:
    """The station has started; it may have forgotten what it was told."""
    record = link.state.record
    told = payload["chargingStation"].get("serialNumber", "")
    if record.serial_number and told and told != record.serial_number:
        await _refused(context, link, "serial number of another station", told)
    link.state.forget_profiles()
    link.pending = link.state.on_hold
    if not link.pending:
        link.booted.set()
    return {
        "currentTime": utc_text(context.clock.now_s()),
        "interval": context.settings.heartbeat_s,
        "status": "Pending" if link.pending else "Accepted",
    }


async def heartbeat(context: Context, link: StationConnection, payload: Payload) -> Payload:
    """The station is there, and asks for the time."""
    return {"currentTime": utc_text(context.clock.now_s())}


async def authorize(context: Context, link: StationConnection, payload: Payload) -> Payload:
    """Whether a driver may charge, and whether the vehicle may discharge."""
    token = payload["idToken"]["idToken"]
    if not await context.handler.authorized(link.state.identity, token):
        return {"idTokenInfo": _INVALID}
    result: Payload = {"idTokenInfo": _VALID}
    if link.state.version == OCPP_2_1 and context.handler.may_discharge(token):
        result["allowedEnergyTransfer"] = transfers.both_ways(link.state.abilities)
    return result


async def transaction_event(context: Context, link: StationConnection, payload: Any) -> Payload:
    """Something happened in a transaction of this station."""
    state, now = link.state, context.clock.now_s()
    transaction = payload.transactionInfo.transactionId
    owner = context.stations.owner(transaction)
    if owner is not None and owner != state.identity:
        await _refused(context, link, "transaction of another station", transaction)
        raise RequestError(ErrorCode.SECURITY_ERROR, "the transaction is of another station")
    meter = meter_values(payload.meterValue or ())
    event = _event(state.identity, payload, meter.readings, now)
    # A thousand messages may wait for the disk. Without their values they take a tenth of the
    # memory, and what is given back at once is still in the processor's cache for the next one.
    payload.meterValue = UNSET
    if not event.offline:
        state.clock_skew_s = event.time_s - now
    if _leaves_a_gap(state, event):
        link.request(
            "GetTransactionStatus",
            {"transactionId": transaction},
            timeout_s=context.settings.call_timeout_s,
        )
    context.stations.note(state, event)
    if meter.faults:
        await _refused(context, link, "meter value of no use", "; ".join(meter.faults[:4]))
    await context.handler.transaction(event)
    if event.trigger == "TxResumed":
        context.orders.renew(link, transaction)
    if event.token is None:
        return {}
    valid = await context.handler.authorized(state.identity, event.token)
    return {"idTokenInfo": _VALID if valid else _INVALID}


def _leaves_a_gap(state: StationState, event: TransactionEvent) -> bool:
    """Whether a transaction ends before all its events came: does the station still hold them?"""
    live = state.transactions.get(event.transaction)
    if live is None or live.sequence is None or event.part is not TransactionPart.ENDED:
        return False
    return event.sequence > live.sequence + 1


def _event(
    station: str, payload: Any, readings: tuple[MeterReading, ...], now_s: float
) -> TransactionEvent:
    info, evse, token = payload.transactionInfo, payload.evse, payload.idToken
    return TransactionEvent(
        station,
        info.transactionId,
        payload.seqNo,
        _PARTS[payload.eventType],
        payload.triggerReason,
        utc_s(payload.timestamp),
        now_s,
        evse.id if evse else None,
        payload.offline or False,
        (token.idToken or None) if token else None,  # "" is no driver
        info.chargingState or None,
        readings,
    )


async def meter_values_message(context: Context, link: StationConnection, payload: Any) -> Payload:
    """Meter values outside a transaction."""
    meter = meter_values(payload.meterValue)
    if meter.faults:
        await _refused(context, link, "meter value of no use", "; ".join(meter.faults[:4]))
    await context.handler.readings(link.state.identity, payload.evseId, meter.readings)
    return {}


async def notify_ev_charging_needs(
    context: Context, link: StationConnection, payload: Payload
) -> Payload:
    """A vehicle says what it asks for; the plan follows."""
    state = link.state
    needs = charging_needs(state.identity, payload, received_s=context.clock.now_s())
    live = state.at(needs.evse)
    if live is not None:
        mode = payload["chargingNeeds"]["requestedEnergyTransfer"]
        live.direct_current = is_direct_current(mode)
    if await context.handler.needs(needs):
        return {"status": "Accepted"}
    return {"status": "NoChargingProfile" if state.version == OCPP_2_1 else "Rejected"}


async def notify_ev_charging_schedule(
    context: Context, link: StationConnection, payload: Payload
) -> Payload:
    """What a vehicle means to do; the meter shows whether it does."""
    return {"status": "Accepted"}


async def notify_priority_charging(
    context: Context, link: StationConnection, payload: Payload
) -> Payload:
    """A driver wants to charge now, or no longer."""
    live = await _own(context, link, payload["transactionId"])
    await context.handler.priority(link.state.identity, live.transaction, payload["activated"])
    return {}


async def pull_dynamic_schedule_update(
    context: Context, link: StationConnection, payload: Payload
) -> Payload:
    """The station asks for the set-point of a profile of its own."""
    change = context.orders.present_update(link.state, payload["chargingProfileId"])
    if change is None:
        await _refused(context, link, "profile of another station", str(payload)[:60])
        return {"status": "Rejected"}
    return {"status": "Accepted", "scheduleUpdate": change}


async def notify_der_alarm(context: Context, link: StationConnection, payload: Payload) -> Payload:
    """A function for the grid has tripped, or works again."""
    kind, text = f"der_{payload['controlType']}", alarms.der_text(payload)
    ended = payload.get("alarmEnded", False)
    await context.handler.alarm(link.state.identity, kind, ended, text)
    return {}


async def report_der_control(
    context: Context, link: StationConnection, payload: Payload
) -> Payload:
    """Part of what was asked for by GetDERControl."""
    if not link.reports.add(payload):
        await _refused(context, link, "report that was not asked for", str(payload["requestId"]))
    return {}


async def security_event_notification(
    context: Context, link: StationConnection, payload: Payload
) -> Payload:
    """Something that touches the station's security."""
    kind = f"security_{payload['type']}"
    await context.handler.alarm(link.state.identity, kind, False, payload.get("techInfo", ""))
    return {}


async def sign_certificate(context: Context, link: StationConnection, payload: Payload) -> Payload:
    """The station asks for a new certificate."""
    return await context.certificates.requested(link, payload)


async def status_notification(
    context: Context, link: StationConnection, payload: Payload
) -> Payload:
    """The state of a connector; a fault, and its end, is an alarm."""
    place = (payload["evseId"], payload["connectorId"])
    faulted, known = payload["connectorStatus"] == "Faulted", place in link.state.faulted
    if faulted != known:
        text = f"connector {place[1]} of outlet {place[0]}"
        await context.handler.alarm(link.state.identity, "connector_faulted", not faulted, text)
        alarms.note_fault(link.state, place, faulted)
    return {}


async def notify_event(context: Context, link: StationConnection, payload: Payload) -> Payload:
    """Events of the device model; those that alert are alarms."""
    for event in payload["eventData"]:
        if event["trigger"] == "Alerting":
            kind, text = alarms.of_event(event)
            ended = event.get("cleared", False)
            await context.handler.alarm(link.state.identity, kind, ended, text)
    return {}


async def data_transfer(context: Context, link: StationConnection, payload: Payload) -> Payload:
    """Vendors' own messages: none are known here."""
    return {"status": "UnknownVendorId"}


async def open_periodic_event_stream(
    context: Context, link: StationConnection, payload: Payload
) -> Payload:
    """Streams are not taken: readings come with transactions."""
    return {"status": "Rejected"}


async def noted(context: Context, link: StationConnection, payload: Payload) -> Payload:
    """A message that is answered and kept among the last messages, and has no other effect."""
    return {}


async def _own(context: Context, link: StationConnection, transaction: str) -> LiveTransaction:
    """The station's own live transaction.

    Raises:
        RequestError: It has none of that name.
    """
    live = link.state.transactions.get(transaction)
    if live is None:
        other = context.stations.owner(transaction) is not None
        rule = "transaction of another station" if other else "transaction that is not live"
        await _refused(context, link, rule, transaction)
        raise RequestError(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, "no live transaction of yours")
    return live


async def _refused(context: Context, link: StationConnection, rule: str, detail: str) -> None:
    await context.handler.refused(Refusal(link.state.identity, rule, detail))


ACTIONS: Mapping[str, Action] = {
    "Authorize": authorize,
    "BootNotification": boot_notification,
    "ClearedChargingLimit": noted,
    "DataTransfer": data_transfer,
    "FirmwareStatusNotification": noted,
    "Heartbeat": heartbeat,
    "LogStatusNotification": noted,
    "MeterValues": meter_values_message,
    "NotifyChargingLimit": noted,
    "NotifyCustomerInformation": noted,
    "NotifyDERAlarm": notify_der_alarm,
    "NotifyDERStartStop": noted,
    "NotifyDisplayMessages": noted,
    "NotifyEVChargingNeeds": notify_ev_charging_needs,
    "NotifyEVChargingSchedule": notify_ev_charging_schedule,
    "NotifyEvent": notify_event,
    "NotifyMonitoringReport": noted,
    "NotifyPeriodicEventStream": noted,
    "NotifyPriorityCharging": notify_priority_charging,
    "NotifyReport": noted,
    "NotifySettlement": noted,
    "NotifyWebPaymentStarted": noted,
    "OpenPeriodicEventStream": open_periodic_event_stream,
    "PublishFirmwareStatusNotification": noted,
    "PullDynamicScheduleUpdate": pull_dynamic_schedule_update,
    "ReportChargingProfiles": noted,
    "ReportDERControl": report_der_control,
    "ReservationStatusUpdate": noted,
    "SecurityEventNotification": security_event_notification,
    "SignCertificate": sign_certificate,
    "StatusNotification": status_notification,
    "TransactionEvent": transaction_event,
}

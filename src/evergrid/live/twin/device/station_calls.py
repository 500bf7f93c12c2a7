"""How a simulated station answers the calls of a central system."""

from collections.abc import Callable, Sequence
from typing import Any

from evergrid.live.twin.charging import der_controls, profiles, station_rules
from evergrid.live.twin.charging.der_controls import FIELD_OF_KIND, SUPPORTED, DerControl
from evergrid.live.twin.charging.station_rules import Rejection
from evergrid.live.twin.device.bay import Bay
from evergrid.live.twin.wire import messages
from evergrid.live.twin.wire.connection import StationCallError
from evergrid.live.twin.wire.variables import PASSWORD

PROFILES_PER_MESSAGE, CONTROLS_PER_MESSAGE = 2, 4  # few, so that reports have several pages
ONLY_2_1 = frozenset(
    {
        "UpdateDynamicSchedule",
        "AFRRSignal",
        "NotifyAllowedEnergyTransfer",
        "UsePriorityCharging",
        "SetDERControl",
        "GetDERControl",
        "ClearDERControl",
    }
)
Answer = dict[str, Any]
ACCEPTED: Answer = {"status": "Accepted"}
FOR_ANY = frozenset({"ClearChargingProfile", "ClearDERControl", "AFRRSignal"})
FOR_ALL = FOR_ANY | {"SetDERControl"}


def answer(bays: Sequence[Bay], action: str, payload: dict[str, Any]) -> Answer:
    """The answer of a station to a call, from the outlets that it is for.

    What is for all outlets is done by each; the station has not accepted what one has refused.

    Raises:
        StationCallError: The station does not know the action.
    """
    if action not in ACTIONS or (action in ONLY_2_1 and bays[0].spec.protocol != "ocpp2.1"):
        raise StationCallError("NotImplemented", f"no {action} here")
    answers = [ACTIONS[action](bay, payload) for bay in _asked(bays, action, payload)]
    good = [one for one in answers if one.get("status") == "Accepted"]
    if action in FOR_ANY and good:
        return good[0]
    return next((one for one in answers if one not in good), answers[0])


def _asked(bays: Sequence[Bay], action: str, payload: dict[str, Any]) -> Sequence[Bay]:
    """The outlets that a call is for; the first where it names none that there is."""
    if action in FOR_ALL or (action == "SetChargingProfile" and payload.get("evseId") == 0):
        return bays
    number = payload.get("evseId", payload.get("evse", {}).get("id"))
    profile, transaction = payload.get("chargingProfileId"), payload.get("transactionId")
    for bay in bays:
        running = bay.power.running
        if number == bay.spec.evse or (running is not None and running.number == transaction):
            return (bay,)
        if any(found.number == profile for found in bay.power.profiles):
            return (bay,)
    return bays[:1]


def _refused(bay: Bay, action: str, found: Rejection, payload: dict[str, Any]) -> Answer:
    """The answer to a message that breaks a rule, which is counted."""
    bay.record.break_rule(action, found.rule, str(payload))
    return rejected(found)


def rejected(found: Rejection) -> Answer:
    """The answer to a message that is refused."""
    info = {"reasonCode": found.reason_code[:20], "additionalInfo": found.rule}
    return {"status": "Rejected", "statusInfo": info}


BROKEN = Rejection("InternalError", "the station is broken")  # no fault of who asked


def _set_profile(bay: Bay, payload: dict[str, Any]) -> Answer:
    if bay.spec.behaviour.refuses:
        return rejected(BROKEN)
    wire, evse = payload["chargingProfile"], payload["evseId"]
    now = bay.power.circumstances()
    if found := station_rules.profile_rejection(evse, wire, bay.spec.able, now):
        return _refused(bay, "SetChargingProfile", found, payload)
    bay.power.stored_s[station_rules.store_key(wire)] = now.now_s
    if wire["chargingProfilePurpose"] == "TxProfile":
        bay.planned()
    bay.power.put_profile(evse, wire)
    bay.pull_later(wire["id"])
    return ACCEPTED


def _update_dynamic(bay: Bay, payload: dict[str, Any]) -> Answer:
    if bay.spec.behaviour.refuses:
        return rejected(BROKEN)
    number, update = payload["chargingProfileId"], payload["scheduleUpdate"]
    now = bay.power.circumstances()
    if found := station_rules.update_rejection(number, update, bay.spec.able, now):
        return _refused(bay, "UpdateDynamicSchedule", found, payload)
    bay.power.update_profile(number, update)
    bay.pull_later(number)
    return ACCEPTED


def _signal(bay: Bay, payload: dict[str, Any]) -> Answer:
    if found := station_rules.signal_rejection(bay.power.profiles):
        return _refused(bay, "AFRRSignal", found, payload)
    bay.power.signal = payload["signal"]
    bay.power.reconsider()
    return ACCEPTED


def _clear_profile(bay: Bay, payload: dict[str, Any]) -> Answer:
    criteria = payload.get("chargingProfileCriteria", {})
    number = payload.get("chargingProfileId")
    kept = [
        profile
        for profile in bay.power.profiles
        if number not in (None, profile.number)
        or criteria.get("evseId") not in (None, profile.evse)
        or criteria.get("chargingProfilePurpose") not in (None, profile.purpose)
        or criteria.get("stackLevel") not in (None, profile.stack_level)
    ]
    if len(kept) == len(bay.power.profiles):
        return {"status": "Unknown"}
    bay.power.profiles = kept
    bay.power.reconsider()
    return ACCEPTED


def _get_profiles(bay: Bay, payload: dict[str, Any]) -> Answer:
    criteria, number = payload["chargingProfile"], payload["requestId"]
    found = [
        profile
        for profile in _of_station(bay)
        if payload.get("evseId") in (None, profile.evse)
        and criteria.get("chargingProfilePurpose") in (None, profile.purpose)
        and criteria.get("stackLevel") in (None, profile.stack_level)
        and profile.number in criteria.get("chargingProfileId", [profile.number])
    ]
    if not found:
        return {"status": "NoProfiles"}
    for evse in sorted({profile.evse for profile in found}):
        wires = [_as_it_stands(profile) for profile in found if profile.evse == evse]
        for begin in range(0, len(wires), PROFILES_PER_MESSAGE):
            last = evse == max(profile.evse for profile in found)
            more = begin + PROFILES_PER_MESSAGE < len(wires) or not last
            report = {
                "requestId": number,
                "chargingLimitSource": "CSO",
                "evseId": evse,
                "chargingProfile": wires[begin : begin + PROFILES_PER_MESSAGE],
                "tbc": more,
            }
            bay.call("ReportChargingProfiles", report)
    return ACCEPTED


def _of_station(bay: Bay) -> list[profiles.ChargingProfile]:
    """Profiles of all outlets of a station; one for the whole station once."""
    places = {
        (profile.evse, profile.number): profile
        for outlet in reversed(bay.outlets)
        for profile in outlet.power.profiles
    }
    return list(places.values()) if len(bay.outlets) > 1 else bay.power.profiles


def _as_it_stands(profile: profiles.ChargingProfile) -> dict[str, Any]:
    """A profile in the words of OCPP, with what updates have changed."""
    if not profile.updates:
        return profile.wire
    first = {**profile.schedule["chargingSchedulePeriod"][0], **profile.updates}
    schedule = {**profile.schedule, "chargingSchedulePeriod": [first]}
    return {**profile.wire, "chargingSchedule": [schedule]}


def _composite(bay: Bay, payload: dict[str, Any]) -> Answer:
    if payload["evseId"] not in (0, bay.spec.evse):
        return rejected(Rejection("UnknownEvse", "the outlet exists"))
    unit, length_s = payload.get("chargingRateUnit", "W"), payload["duration"]
    power = bay.power
    periods = profiles.composite(power.profiles, power.moment(), power.around(), length_s, unit)
    if bay.spec.protocol != "ocpp2.1":
        names = ("startPeriod", "limit", "numberPhases")
        periods = [{name: period[name] for name in names} for period in periods]
    schedule = {
        "evseId": payload["evseId"],
        "duration": length_s,
        "scheduleStart": profiles.stamp(power.now_s()),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": periods,
    }
    return {"status": "Accepted", "schedule": schedule}


def _allow_transfer(bay: Bay, payload: dict[str, Any]) -> Answer:
    running = bay.power.running
    if running is None or running.number != payload["transactionId"]:
        found = Rejection("TxNotFound", "the transaction runs")
        return _refused(bay, "NotifyAllowedEnergyTransfer", found, payload)
    before = running.may_discharge
    bay.allow(payload["allowedEnergyTransfer"])
    if running.may_discharge != before:
        bay.ask()
    return ACCEPTED


def _stop_transaction(bay: Bay, payload: dict[str, Any]) -> Answer:
    running = bay.power.running
    if running is None or running.number != payload["transactionId"]:
        return rejected(Rejection("TxNotFound", "the transaction runs"))
    bay.power.advance()
    bay.end("RemoteStop", "Remote")
    return ACCEPTED


def _start_transaction(bay: Bay, payload: dict[str, Any]) -> Answer:
    return rejected(Rejection("NotEnabled", "a driver begins with a card here"))


def _use_priority(bay: Bay, payload: dict[str, Any]) -> Answer:
    running = bay.power.running
    if running is None or running.number != payload["transactionId"]:
        return rejected(Rejection("TxNotFound", "the transaction runs"))
    known = any(profile.purpose == "PriorityCharging" for profile in bay.power.profiles)
    if payload["activate"] and not known:
        return {"status": "NoProfile"}
    bay.power.priority = payload["activate"]
    bay.power.reconsider()
    return ACCEPTED


def _transaction_status(bay: Bay, payload: dict[str, Any]) -> Answer:
    running, number = bay.power.running, payload.get("transactionId")
    found: Answer = {"messagesInQueue": bay.events_wait()}
    if number is not None:
        found["ongoingIndicator"] = running is not None and running.number == number
    return found


def _get_variables(bay: Bay, payload: dict[str, Any]) -> Answer:
    return {"getVariableResult": [bay.variables.get(one) for one in payload["getVariableData"]]}


def _set_variables(bay: Bay, payload: dict[str, Any]) -> Answer:
    results = [bay.variables.set(one) for one in payload["setVariableData"]]
    if any(one["variable"]["name"] == "TxUpdatedInterval" for one in results):
        for outlet in bay.outlets:
            outlet.meter()
    for asked, result in zip(payload["setVariableData"], results, strict=True):
        accepted = result["attributeStatus"] == "Accepted"
        if accepted and result["variable"]["name"] == PASSWORD.variable:
            bay.renew_password(asked["attributeValue"])
    return {"setVariableResult": results}


def _base_report(bay: Bay, payload: dict[str, Any]) -> Answer:
    pages = list(bay.variables.report())
    for number, page in enumerate(pages):
        report = {
            "requestId": payload["requestId"],
            "generatedAt": profiles.stamp(bay.power.now_s()),
            "seqNo": number,
            "tbc": number + 1 < len(pages),
            "reportData": page,
        }
        bay.call("NotifyReport", report, before_boot=True)
    return ACCEPTED


def _trigger(bay: Bay, payload: dict[str, Any]) -> Answer:
    wanted = payload["requestedMessage"]
    if wanted == "StatusNotification":
        bay.tell_status()
    elif wanted == "Heartbeat":
        bay.call("Heartbeat", {})
    elif wanted == "TransactionEvent":
        if bay.power.running is None:
            return {"status": "Rejected"}
        bay.event("Updated", "Trigger", context="Trigger")
    elif wanted == "MeterValues":
        names = bay.variables.names("SampledDataCtrlr", "TxUpdatedMeasurands")
        values = messages.meter_value(bay.shown(), names, bay.power.now_s(), "Trigger")
        bay.call("MeterValues", {"evseId": bay.spec.evse, "meterValue": values})
    else:
        return {"status": "NotImplemented"}
    return ACCEPTED


def _set_der(bay: Bay, payload: dict[str, Any]) -> Answer:
    if not bay.spec.able.v2x or payload["controlType"] not in SUPPORTED:
        return {"status": "NotSupported"}
    if found := der_controls.rejection(payload):
        return _refused(bay, "SetDERControl", found, payload)
    superseded = bay.power.controls.put(payload, bay.power.now_s())
    bay.power.reconsider()
    return {**ACCEPTED, "supersededIds": superseded} if superseded else ACCEPTED


def _clear_der(bay: Bay, payload: dict[str, Any]) -> Answer:
    kind, number = payload.get("controlType"), payload.get("controlId")
    if not bay.power.controls.clear(payload["isDefault"], kind, number):
        return {"status": "NotFound"}
    bay.power.reconsider()
    return ACCEPTED


def _get_der(bay: Bay, payload: dict[str, Any]) -> Answer:
    controls = bay.power.controls
    found = controls.found(
        payload.get("isDefault"), payload.get("controlType"), payload.get("controlId")
    )
    if not found:
        return {"status": "NotFound"}
    now_s = bay.power.now_s()
    for begin in range(0, len(found), CONTROLS_PER_MESSAGE):
        report: dict[str, Any] = {"requestId": payload["requestId"]}
        for control in found[begin : begin + CONTROLS_PER_MESSAGE]:
            in_force = controls.in_force(control.kind, now_s) is control
            field = FIELD_OF_KIND.get(control.kind, "curve")
            report.setdefault(field, []).append(_reported(control, field, in_force))
        report["tbc"] = begin + CONTROLS_PER_MESSAGE < len(found)
        bay.call("ReportDERControl", report)
    return ACCEPTED


def _reported(control: DerControl, field: str, in_force: bool) -> dict[str, Any]:
    """A control in the words of ReportDERControl."""
    found = {
        "id": control.number,
        "isDefault": control.default,
        "isSuperseded": not in_force,
        field: control.wire,
    }
    return {**found, "curveType": control.kind} if field == "curve" else found


ACTIONS: dict[str, Callable[[Bay, dict[str, Any]], Answer]] = {
    "SetChargingProfile": _set_profile,
    "UpdateDynamicSchedule": _update_dynamic,
    "AFRRSignal": _signal,
    "ClearChargingProfile": _clear_profile,
    "GetChargingProfiles": _get_profiles,
    "GetCompositeSchedule": _composite,
    "NotifyAllowedEnergyTransfer": _allow_transfer,
    "RequestStopTransaction": _stop_transaction,
    "RequestStartTransaction": _start_transaction,
    "UsePriorityCharging": _use_priority,
    "GetTransactionStatus": _transaction_status,
    "GetVariables": _get_variables,
    "SetVariables": _set_variables,
    "GetBaseReport": _base_report,
    "TriggerMessage": _trigger,
    "SetDERControl": _set_der,
    "ClearDERControl": _clear_der,
    "GetDERControl": _get_der,
}

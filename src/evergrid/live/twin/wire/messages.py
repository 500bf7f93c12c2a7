"""The messages that a station sends, in the words of OCPP 2.1 and 2.0.1.

Powers are in kW into the grid until here; on the wire a station counts import and export apart, or
charging as positive.
"""

from typing import Any, NamedTuple

from evergrid.core.units import W_PER_KW
from evergrid.live.twin.charging.battery import OutletState, StationCharger
from evergrid.live.twin.charging.profiles import Goal, stamp
from evergrid.live.twin.driver import Stay

V2X_TRANSFER, V2X_TRANSFER_DC = "AC_BPT", "DC_BPT"
DC_VOLTAGE_V = 400.0  # of a vehicle, that its greatest current is told with
MEASURANDS = (
    "Power.Active.Import",
    "Power.Active.Export",
    "Energy.Active.Import.Register",
    "Energy.Active.Export.Register",
    "SoC",
    "Voltage",
    "Frequency",
    "Power.Active.Setpoint",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
)
NOT_IN_2_0_1 = frozenset({"Power.Active.Setpoint"})
UNITS = {"Power": "W", "Energy": "Wh", "SoC": "Percent", "Voltage": "V", "Frequency": "Hz"}


class StationReading(NamedTuple):
    """What a meter shows.

    Attributes:
        power_kw: Into the grid.
        reactive_kvar: Into the grid.
        drawn_kwh: Register.
        fed_kwh: Register.
        soc: 0 to 1; None without a vehicle.
        voltage_v: From phase to neutral.
        frequency_hz: Of the grid.
        setpoint_kw: That the station goes for, into the grid.
    """

    power_kw: float
    reactive_kvar: float
    drawn_kwh: float
    fed_kwh: float
    soc: float | None
    voltage_v: float
    frequency_hz: float
    setpoint_kw: float


def reading(
    state: OutletState, soc: float | None, setpoint_kw: float, volt: float, hz: float
) -> StationReading:
    """What an honest meter shows."""
    return StationReading(
        state.power_kw,
        state.reactive_kvar,
        state.drawn_kwh,
        state.fed_kwh,
        soc,
        volt,
        hz,
        setpoint_kw,
    )


def _values(shown: StationReading) -> dict[str, float | None]:
    return {
        "Power.Active.Import": round(max(-shown.power_kw, 0.0) * W_PER_KW, 1),
        "Power.Active.Export": round(max(shown.power_kw, 0.0) * W_PER_KW, 1),
        "Energy.Active.Import.Register": round(shown.drawn_kwh * W_PER_KW, 3),
        "Energy.Active.Export.Register": round(shown.fed_kwh * W_PER_KW, 3),
        "SoC": None if shown.soc is None else round(shown.soc * 100, 3),
        "Voltage": round(shown.voltage_v, 2),
        "Frequency": round(shown.frequency_hz, 4),
        "Power.Active.Setpoint": round(-shown.setpoint_kw * W_PER_KW, 1) + 0.0,
        "Power.Reactive.Export": round(max(shown.reactive_kvar, 0.0) * W_PER_KW, 1),
        "Power.Reactive.Import": round(max(-shown.reactive_kvar, 0.0) * W_PER_KW, 1),
    }


def sampled(
    shown: StationReading, measurands: tuple[str, ...], context: str
) -> list[dict[str, Any]]:
    """Sampled values of a reading."""
    values = _values(shown)
    found = []
    for name in measurands:
        value = values.get(name)
        if value is None:
            continue
        unit = "var" if "Reactive" in name else UNITS[name.partition(".")[0]]
        found.append(
            {
                "value": value,
                "measurand": name,
                "context": context,
                "unitOfMeasure": {"unit": unit},
            }
        )
    return found


def meter_value(
    shown: StationReading, measurands: tuple[str, ...], time_s: float, context: str
) -> list[dict[str, Any]]:
    """One meter value; none where no measurand is wanted."""
    values = sampled(shown, measurands, context)
    return [{"timestamp": stamp(time_s), "sampledValue": values}] if values else []


def boot(model: str, vendor: str, serial: str, reason: str) -> dict[str, Any]:
    """BootNotification."""
    station = {
        "model": model[:20],
        "vendorName": vendor[:50],
        "serialNumber": serial[-25:],
        "firmwareVersion": "1.0",
    }
    return {"reason": reason, "chargingStation": station}


def status(occupied: bool, time_s: float, evse: int = 1) -> dict[str, Any]:
    """StatusNotification of the only connector of an outlet."""
    return {
        "timestamp": stamp(time_s),
        "connectorStatus": "Occupied" if occupied else "Available",
        "evseId": evse,
        "connectorId": 1,
    }


def token(identity: str) -> dict[str, Any]:
    """The card of a driver."""
    return {"idToken": identity, "type": "ISO14443"}


class EventHead(NamedTuple):
    """What a TransactionEvent says besides its meter values.

    Attributes:
        part: Started, Updated or Ended.
        trigger: Why it is sent.
        time_s: When it happened, by the station's clock.
        sequence: Counts from 0.
        transaction: Its id.
        charging_state: In the words of OCPP.
        offline: Whether it happened offline.
        mode: Operation mode; None where the protocol has none, or for no news.
        stopped: Why the transaction ended; None while it runs.
        card: Of the driver; None for no news.
        evse: Number of the outlet.
    """

    part: str
    trigger: str
    time_s: float
    sequence: int
    transaction: str
    charging_state: str
    offline: bool = False
    mode: str | None = None
    stopped: str | None = None
    card: dict[str, Any] | None = None
    evse: int = 1


def transaction_event(head: EventHead, values: list[dict[str, Any]]) -> dict[str, Any]:
    """TransactionEvent."""
    info: dict[str, Any] = {
        "transactionId": head.transaction,
        "chargingState": head.charging_state,
    }
    if head.mode is not None:
        info["operationMode"] = head.mode
    if head.stopped is not None:
        info["stoppedReason"] = head.stopped
    event: dict[str, Any] = {
        "eventType": head.part,
        "timestamp": stamp(head.time_s),
        "triggerReason": head.trigger,
        "seqNo": head.sequence,
        "offline": head.offline,
        "transactionInfo": info,
        "evse": {"id": head.evse, "connectorId": 1},
    }
    if values:
        event["meterValue"] = values
    if head.card is not None:
        event["idToken"] = head.card
    return event


def needs(
    stay: Stay,
    charger: StationCharger,
    energy_kwh: float,
    v2x: bool,
    protocol: str,
    *,
    evse: int = 1,
) -> dict[str, Any]:
    """NotifyEVChargingNeeds: what a vehicle asks for, given what is in its cells."""
    wanted: dict[str, Any] = {
        "requestedEnergyTransfer": _transfer(charger, v2x),
        "departureTime": stamp(stay.departure_s),
    }
    if v2x:
        wanted["v2xChargingParameters"] = _v2x(stay, charger, energy_kwh)
    elif charger.direct_current:
        wanted["dcChargingParameters"] = _direct(stay, charger, energy_kwh)
    else:
        amount = max(stay.owed_kwh - energy_kwh, 0.0) * W_PER_KW
        wanted["acChargingParameters"] = {
            "energyAmount": round(amount),
            "evMinCurrent": round(charger.least_a),
            "evMaxCurrent": round(charger.most_a),
            "evMaxVoltage": 400,
        }
    if protocol == "ocpp2.1":
        wanted["controlMode"] = "DynamicControl"
        wanted["availableEnergyTransfer"] = transfers(charger, v2x)
    return {"evseId": evse, "chargingNeeds": wanted}


def transfers(charger: StationCharger, v2x: bool) -> list[str]:
    """Ways of transfer that a charger has, charging alone first."""
    if charger.direct_current:
        return ["DC", V2X_TRANSFER_DC] if v2x else ["DC"]
    usual = "AC_single_phase" if charger.phases == 1 else "AC_three_phase"
    return [usual, V2X_TRANSFER] if v2x else [usual]


def _transfer(charger: StationCharger, v2x: bool) -> str:
    return transfers(charger, v2x)[-1]


def _direct(stay: Stay, charger: StationCharger, energy_kwh: float) -> dict[str, Any]:
    """What a vehicle asks for that only charges, with direct current."""
    return {
        "evMaxCurrent": round(charger.most_kw * W_PER_KW / DC_VOLTAGE_V),
        "evMaxVoltage": round(DC_VOLTAGE_V),
        "evMaxPower": round(charger.most_kw * W_PER_KW),
        "evEnergyCapacity": round(stay.capacity_kwh * W_PER_KW),
        "energyAmount": round(max(stay.owed_kwh - energy_kwh, 0.0) * W_PER_KW),
        "stateOfCharge": round(energy_kwh / stay.capacity_kwh * 100),
    }


def _v2x(stay: Stay, charger: StationCharger, energy_kwh: float) -> dict[str, Any]:
    """What a vehicle asks for that takes power both ways; energies are into the cells."""
    least_kw = charger.least_steps * charger.step_kw

    return {
        "minChargePower": round(least_kw * W_PER_KW, 1),
        "maxChargePower": round(charger.most_kw * W_PER_KW, 1),
        "minDischargePower": round(least_kw * W_PER_KW, 1),
        "maxDischargePower": round(charger.discharge_kw * W_PER_KW, 1),
        "evTargetEnergyRequest": _until_wh(stay.owed_kwh, energy_kwh),
        "evMinEnergyRequest": _until_wh(stay.reserve_kwh, energy_kwh),
        "evMaxEnergyRequest": _until_wh(stay.capacity_kwh, energy_kwh),
        "evMinV2XEnergyRequest": _until_wh(stay.reserve_kwh, energy_kwh),
        "evMaxV2XEnergyRequest": _until_wh(stay.capacity_kwh, energy_kwh),
        "targetSoC": round(stay.owed_kwh / stay.capacity_kwh * 100),
    }


def _until_wh(goal_kwh: float, energy_kwh: float) -> float:
    return round((goal_kwh - energy_kwh) * W_PER_KW, 1)


def operation_mode(aim: Goal, protocol: str) -> str | None:
    """The mode that a transaction reports; OCPP 2.0.1 has none."""
    return aim.mode if protocol == "ocpp2.1" else None

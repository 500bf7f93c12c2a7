"""Stations that send and answer as fast as they can, in a process of their own.

Called with a port, a number of stations and a number of events that each sends.
"""

import asyncio
import base64
import json
import sys

import uvloop
from websockets.asyncio.client import connect

SECRET = "a secret of sixteen"
TIME = "2026-11-29T12:00:00.000Z"
SAMPLES = (
    ("Power.Active.Import", "W", 7200.5),
    ("Power.Active.Export", "W", 0.0),
    ("Energy.Active.Import.Register", "Wh", 123456.7),
    ("Energy.Active.Export.Register", "Wh", 2345.6),
    ("SoC", "Percent", 55.5),
    ("Voltage", "V", 231.2),
    ("Frequency", "Hz", 49.98),
    ("Power.Active.Setpoint", "W", 7200.0),
)
VARIABLES = {
    ("V2XChargingCtrlr", "Enabled"): "true",
    ("V2XChargingCtrlr", "SupportedOperationModes"): "ChargingOnly,CentralSetpoint",
    ("SmartChargingCtrlr", "SupportsDynamicProfiles"): "true",
}


def event(transaction: str, sequence: int, kind: str) -> dict:
    """A TransactionEvent with eight samples, 1.2 kB."""
    samples = [
        {
            "value": value,
            "measurand": measurand,
            "context": "Sample.Periodic",
            "unitOfMeasure": {"unit": unit},
        }
        for measurand, unit, value in SAMPLES
    ]
    payload = {
        "eventType": kind,
        "timestamp": TIME,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": sequence,
        "transactionInfo": {"transactionId": transaction, "chargingState": "Charging"},
        "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": TIME, "sampledValue": samples}],
    }
    if kind == "Started":
        payload["idToken"] = {"idToken": "driver", "type": "ISO14443"}
    return payload


def answer(action: str, payload: dict) -> dict:
    """What a station answers."""
    if action == "GetVariables":
        results = []
        for data in payload["getVariableData"]:
            value = VARIABLES.get((data["component"]["name"], data["variable"]["name"]))
            told = {"attributeStatus": "Accepted", "attributeValue": value} if value else {}
            results.append({"attributeStatus": "UnknownVariable", **data, **told})
        return {"getVariableResult": results}
    if action == "SetVariables":
        keys = ("component", "variable")
        return {
            "setVariableResult": [
                {"attributeStatus": "Accepted", **{key: data[key] for key in keys}}
                for data in payload["setVariableData"]
            ]
        }
    return {"status": "Accepted"}


async def station(port: int, number: int, events: int) -> None:
    """Connect, start a transaction, send events one after the other, then answer orders."""
    name = f"cp-{number}"
    word = base64.b64encode(f"{name}:{SECRET}".encode()).decode()
    socket = await connect(
        f"ws://127.0.0.1:{port}/ocpp/{name}",
        subprotocols=["ocpp2.1"],  # pyright: ignore[reportArgumentType]
        additional_headers={"Authorization": f"Basic {word}"},
        compression=None,
        proxy=None,
        open_timeout=60.0,
        ping_interval=None,
    )
    texts = [
        json.dumps([2, str(n), "TransactionEvent", event(f"tx-{number}", n, kind)])
        for n, kind in enumerate(["Started"] + ["Updated"] * events)
    ]
    pending = iter(texts)
    await socket.send(next(pending))
    async for text in socket:
        message = json.loads(text)
        if message[0] == 2:
            await socket.send(json.dumps([3, message[1], answer(message[2], message[3])]))
        elif (follows := next(pending, None)) is not None:
            await socket.send(follows)


async def main(port: int, stations: int, events: int) -> None:
    """All of them, until the central system closes."""
    await asyncio.gather(*(station(port, n, events) for n in range(stations)))


if __name__ == "__main__":
    uvloop.run(main(*(int(word) for word in sys.argv[1:4])))

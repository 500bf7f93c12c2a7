"""A charging station for tests: it says what it is told to, and answers what it is asked."""

import asyncio
import base64
import contextlib
import itertools
import json
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Payload = dict[str, Any]

V2X_VARIABLES = {
    ("V2XChargingCtrlr", "Enabled"): "true",
    ("V2XChargingCtrlr", "SupportedOperationModes"): (
        "ChargingOnly,CentralSetpoint,CentralFrequency,LocalFrequency,Idle"
    ),
    ("V2XChargingCtrlr", "SupportedEnergyTransferModes"): "DC,DC_BPT",
    ("SmartChargingCtrlr", "Enabled"): "true",
    ("SmartChargingCtrlr", "SupportsDynamicProfiles"): "true",
    ("SmartChargingCtrlr", "RateUnit"): "W",
}
TIME = "2026-11-29T12:00:00.000Z"


class StationClient:
    """A station; `variables` are those of its device model, `on` its answers by action."""

    def __init__(
        self, identity: str, *, variables: dict[tuple[str, str], str] | None = None
    ) -> None:
        self.identity = identity
        self.variables = dict(V2X_VARIABLES if variables is None else variables)
        self.received: list[tuple[str, Payload]] = []
        self.on: dict[str, Callable[[Payload], Payload | None]] = {
            "GetVariables": self._get_variables,
            "SetVariables": _set_variables,
        }
        self.socket: ClientConnection | None = None
        self.closed: tuple[int, str] | None = None
        self._ids = itertools.count()
        self._waiting: dict[str, asyncio.Future[list[Any]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._sequence = itertools.count()

    async def connect(
        self,
        port: int,
        *,
        secret: str | None = None,
        version: str = "ocpp2.1",
        scheme: str = "ws",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        sent = dict(headers or {})
        if secret is not None:
            word = base64.b64encode(f"{self.identity}:{secret}".encode()).decode()
            sent["Authorization"] = f"Basic {word}"
        self.socket = await connect(
            f"{scheme}://127.0.0.1:{port}/ocpp/{self.identity}",
            subprotocols=[version],  # pyright: ignore[reportArgumentType]
            additional_headers=sent,
            compression=None,
            proxy=None,
            **options,
        )
        self._task = asyncio.create_task(self._read())

    @property
    def reading(self) -> asyncio.Task[None] | None:
        """Ends with the connection."""
        return self._task

    async def call(self, action: str, payload: Payload) -> list[Any]:
        """The whole message in answer."""
        id_ = f"c{next(self._ids)}"
        future = self._waiting[id_] = asyncio.get_running_loop().create_future()
        assert self.socket is not None
        await self.socket.send(json.dumps([2, id_, action, payload]))
        return await asyncio.wait_for(future, 10)

    async def ask(self, action: str, payload: Payload) -> Payload:
        """The payload of the answer, which must not be an error."""
        message = await self.call(action, payload)
        assert message[0] == 3, message
        return message[2]

    async def boot(self) -> Payload:
        station = {"model": "m", "vendorName": "v"}
        return await self.ask("BootNotification", {"chargingStation": station, "reason": "PowerUp"})

    async def transaction(self, kind: str, transaction: str, **more: Any) -> Payload:
        return await self.ask("TransactionEvent", self.event(kind, transaction, **more))

    def event(
        self,
        kind: str,
        transaction: str,
        *,
        trigger: str = "MeterValuePeriodic",
        token: str | None = None,
        power_w: float | None = None,
    ) -> Payload:
        payload: Payload = {
            "eventType": kind,
            "timestamp": TIME,
            "triggerReason": trigger,
            "seqNo": next(self._sequence),
            "transactionInfo": {"transactionId": transaction, "chargingState": "Charging"},
            "evse": {"id": 1},
        }
        if token is not None:
            payload["idToken"] = {"idToken": token, "type": "ISO14443"}
        if power_w is not None:
            sample = {"value": power_w, "measurand": "Power.Active.Import"}
            sample["unitOfMeasure"] = {"unit": "W"}
            payload["meterValue"] = [{"timestamp": TIME, "sampledValue": [sample]}]
        return payload

    def last(self, action: str) -> Payload:
        """The newest payload that was received of an action."""
        return next(payload for name, payload in reversed(self.received) if name == action)

    def count(self, action: str) -> int:
        return sum(name == action for name, _ in self.received)

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        if self._task is not None:
            await self._task

    async def _read(self) -> None:
        assert self.socket is not None
        with contextlib.suppress(ConnectionClosed):
            async for text in self.socket:
                message = json.loads(text)
                if message[0] != 2:
                    waiting = self._waiting.pop(message[1], None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(message)
                    continue
                _, id_, action, payload = message
                self.received.append((action, payload))
                answer = self.on.get(action, _accept)(payload)
                if answer is not None:
                    await self.socket.send(json.dumps([3, id_, answer]))
        self.closed = (self.socket.close_code or 0, self.socket.close_reason or "")

    def _get_variables(self, payload: Payload) -> Payload:
        results = []
        for data in payload["getVariableData"]:
            name = (data["component"]["name"], data["variable"]["name"])
            value = self.variables.get(name)
            result = {**data, "attributeStatus": "Accepted" if value else "UnknownVariable"}
            if value:
                result["attributeValue"] = value
            results.append(result)
        return {"getVariableResult": results}


def _set_variables(payload: Payload) -> Payload:
    return {
        "setVariableResult": [
            {
                "attributeStatus": "Accepted",
                "component": data["component"],
                "variable": data["variable"],
            }
            for data in payload["setVariableData"]
        ]
    }


def _accept(payload: Payload) -> Payload:
    return {"status": "Accepted"}

"""A central system of a few lines, which the stations of these tests connect to."""

import asyncio
import base64
import ssl
from collections.abc import Callable
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from evergrid.live.clock import AbstractClock
from evergrid.live.twin.charging.profiles import stamp
from evergrid.live.twin.wire.schema_checks import schema_fault

Hook = Callable[[str, str, dict[str, Any]], None]


class CentralSystem:
    """Accepts everybody, remembers every message, and sends what a test tells it."""

    def __init__(
        self,
        clock: AbstractClock,
        hook: Hook | None = None,
        *,
        protocols: tuple[str, ...] = ("ocpp2.1", "ocpp2.0.1"),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.tls = tls
        self.clock, self.hook, self.protocols = clock, hook, protocols
        self.received: list[tuple[str, str, dict[str, Any]]] = []
        self.faults: list[str] = []
        self.discharge = True
        self.card_status = "Accepted"
        self.event_status = ""
        self.ignored = ""
        self.refused = ""
        self.needs_status = "Processing"
        self.pulled: dict[str, Any] = {}
        self.sign_status = "Accepted"
        self.passwords: list[str] = []
        self.answer_authorize: Callable[[dict[str, Any]], bool] | None = None
        self.boot_status = ["Accepted"]
        self.sockets: dict[str, ServerConnection] = {}
        self.asking: dict[str, asyncio.Future[Any]] = {}
        self.count = 0
        self.strict = True
        self.url = ""

    async def __aenter__(self) -> "CentralSystem":
        self.server = await serve(
            self._serve,
            "127.0.0.1",
            0,
            subprotocols=[Subprotocol(one) for one in self.protocols] or None,
            ping_interval=None,
            ssl=self.tls,
        )
        port = self.server.sockets[0].getsockname()[1]
        self.url = f"{'wss' if self.tls else 'ws'}://127.0.0.1:{port}/ocpp"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        station = socket.request.path.rsplit("/", 1)[1]
        self.sockets[station] = socket
        if "Authorization" in socket.request.headers:
            pair = base64.b64decode(socket.request.headers["Authorization"].split()[1]).decode()
            self.passwords.append(pair.partition(":")[2])
        try:
            async for raw in socket:
                with self.clock.working():
                    await self._take(socket, station, msgspec.json.decode(raw))
        except ConnectionClosed:
            return
        finally:
            mine = [number for number in self.asking if number.startswith(f"{station}:")]
            for number in mine:
                self.asking.pop(number).set_exception(ConnectionError(station))

    async def _take(self, socket: ServerConnection, station: str, frame: list[Any]) -> None:
        if frame[0] != 2:
            if (waiting := self.asking.pop(frame[1], None)) is not None:
                waiting.set_result(frame)
            return
        _, number, action, payload = frame
        self.received.append((station, action, payload))
        if self.strict and (
            fault := schema_fault(str(socket.subprotocol), f"{action}Request", payload)
        ):
            self.faults.append(f"{action}: {fault}")
        if action == self.ignored:
            return
        if action == self.refused:
            error = [4, number, "InternalError", "the disk is full", {}]
            await socket.send(msgspec.json.encode(error), text=True)
            return
        await socket.send(
            msgspec.json.encode([3, number, self._answer(socket, action, payload)]), text=True
        )
        if self.hook is not None:
            self.hook(station, action, payload)

    def _answer(
        self, socket: ServerConnection, action: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        if action == "BootNotification":
            status = self.boot_status.pop(0) if len(self.boot_status) > 1 else self.boot_status[0]
            now = stamp(self.clock.now_s())
            return {"currentTime": now, "interval": 300, "status": status}
        if action == "Heartbeat":
            return {"currentTime": stamp(self.clock.now_s())}
        if action == "Authorize":
            agreed = self.discharge
            if self.answer_authorize is not None:
                agreed = self.answer_authorize(payload)
            modes = ["AC_three_phase"] + (["AC_BPT"] if agreed else [])
            info = {"idTokenInfo": {"status": self.card_status}}
            v2x = socket.subprotocol == "ocpp2.1"
            return info | ({"allowedEnergyTransfer": modes} if v2x else {})
        if action == "TransactionEvent" and self.event_status:
            return {"idTokenInfo": {"status": self.event_status}}
        if action == "NotifyEVChargingNeeds":
            return {"status": self.needs_status}
        if action == "SignCertificate":
            return {"status": self.sign_status}
        if action == "PullDynamicScheduleUpdate":
            return {"status": "Accepted", "scheduleUpdate": self.pulled}
        return {}

    async def call(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a call and wait for its answer."""
        with self.clock.working(station):
            socket = self.sockets[station]
            if self.strict and (
                fault := schema_fault(str(socket.subprotocol), f"{action}Request", payload)
            ):
                self.faults.append(f"{action}: {fault}")
            self.count += 1
            number = f"{station}:{self.count}"
            self.asking[number] = waiting = asyncio.get_running_loop().create_future()
            frame = [2, number, action, payload]
            try:
                await socket.send(msgspec.json.encode(frame), text=True)
            except ConnectionClosed:
                del self.asking[number]
                raise ConnectionError(station) from None
            answer = await waiting
            if answer[0] == 4:
                return {"error": answer[2]}
            if self.strict and (
                fault := schema_fault(str(socket.subprotocol), f"{action}Response", answer[2])
            ):
                self.faults.append(f"{action} answer: {fault}")
            return answer[2]

    def of(self, action: str, station: str | None = None) -> list[dict[str, Any]]:
        """Messages of a kind, in order."""
        return [
            payload
            for sender, name, payload in self.received
            if name == action and station in (None, sender)
        ]


def default_profile(limit_w: float = 4_140.0) -> dict[str, Any]:
    """A profile that every transaction can fall back to."""
    return {
        "id": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": [
            {
                "id": 1,
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_w}],
            }
        ],
    }


def order_profile(
    transaction: str, setpoint_w: float, now_s: float, *, number: int = 2, offline_s: int = 60
) -> dict[str, Any]:
    """A dynamic profile of a transaction with a set-point."""
    return {
        "id": number,
        "stackLevel": 2,
        "chargingProfilePurpose": "TxProfile",
        "chargingProfileKind": "Dynamic",
        "transactionId": transaction,
        "maxOfflineDuration": offline_s,
        "chargingSchedule": [
            {
                "id": 2,
                "startSchedule": stamp(now_s),
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [
                    {
                        "startPeriod": 0,
                        "operationMode": "CentralSetpoint",
                        "setpoint": setpoint_w,
                        "limit": 11_040.0,
                        "dischargeLimit": -11_040.0,
                    }
                ],
            }
        ],
    }

"""A connection without a socket: what is sent is kept, and answered at once."""

import json
from collections.abc import Callable
from typing import Any

from evergrid.live.clock import AbstractClock, WallClock
from evergrid.live.ocpp.admission.credentials import StationRecord
from evergrid.live.ocpp.admission.handshake import Socket
from evergrid.live.ocpp.admission.registry import Registry
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.charging.abilities import Abilities
from evergrid.live.ocpp.orders import Orders
from evergrid.live.ocpp.stations.connection import StationConnection
from evergrid.live.ocpp.stations.gate import Gate
from evergrid.live.ocpp.stations.station import LiveTransaction, Stations
from evergrid.live.ocpp.wire.envelope import Call, Result, read
from evergrid.live.ocpp.wire.outbox import Outbox
from evergrid.live.ocpp.wire.schemas import OCPP_2_1, shipped
from tests.live.ocpp.recorder import Recorder

ABLE = Abilities(
    OCPP_2_1,
    v2x=True,
    dynamic=True,
    operation_modes=frozenset({"ChargingOnly", "CentralSetpoint", "LocalFrequency", "Idle"}),
)


class OfflineStation:
    """Orders, and the one station that they go to; `sent` holds what it was sent."""

    def __init__(
        self,
        record: StationRecord,
        *,
        abilities: Abilities = ABLE,
        clock: AbstractClock | None = None,
        answer: Callable[[str, dict[str, Any]], dict[str, Any] | None] | None = None,
    ) -> None:
        self.clock = clock or WallClock()
        self.handler = Recorder()
        self.stations = Stations()
        self.registry: Registry[StationConnection] = Registry(self.clock)
        self.settings = Settings()
        self.gate = Gate(self.handler)
        self.orders = Orders(self.registry, self.gate, self.handler, self.clock, self.settings)
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.state = self.stations.admit(record, abilities.version)
        self.state.abilities = abilities
        self.answer = answer or (lambda action, payload: {"status": "Accepted"})
        self.link = StationConnection(
            Socket.__new__(Socket),  # nothing is opened
            self.state,
            shipped(abilities.version),
            self.clock,
            _never,
        )
        self.link.outbox = Outbox(
            self._take, self.link.schemas, self.clock, lambda action, text: None
        )
        self.registry.put(record.station, self.link)

    def plug_in(self, transaction: str, *, token: str = "driver") -> LiveTransaction:
        """A vehicle at outlet 1."""
        return self.stations.resume(self.state, transaction, 1, token)

    def _take(self, text: bytes) -> None:
        message = json.loads(text)
        self.sent.append((message[2], message[3]))
        answer = self.answer(message[2], message[3])
        if answer is not None:
            frame = read(json.dumps([3, message[1], answer]).encode())
            assert isinstance(frame, Result)
            self.link.outbox.answered(frame)


async def _never(link: StationConnection, call: Call) -> dict[str, Any]:
    raise AssertionError("nothing is asked of a station without a socket")

"""How do stations follow voltage and frequency by themselves, and how is that read back?

What must act faster than an order can travel is given to the station as a curve: reactive power
by voltage (VoltVar), active power by frequency (FreqDroop). An answer "Accepted" is not enough:
the function is read back from the station and compared.
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, final

import msgspec

from evergrid.live.clock import AbstractClock
from evergrid.live.devices.adapter import AbstractHandler, OrderResult, Refusal
from evergrid.live.ocpp.admission.registry import Registry
from evergrid.live.ocpp.admission.settings import Settings
from evergrid.live.ocpp.stations.connection import StationConnection
from evergrid.live.ocpp.stations.gate import Gate
from evergrid.live.ocpp.wire.outbox import Priority
from evergrid.live.ocpp.wire.times import utc_text

PERCENT = 100.0
SAME = 1e-6  # relative, of numbers that a station reports back


class VoltVar(msgspec.Struct, frozen=True, tag=True):
    """Reactive power by voltage.

    Attributes:
        control: Its name, at most 36 characters.
        points: Voltage per unit of the nominal one, and reactive power into the grid as a share
            of the greatest; the power must not rise with the voltage.
        response_s: Until nine tenths of a change are there.
        start_s: From when, UTC; None for the station's default function.
        duration_s: For how long; None for the default function.
        priority: 0 is the highest.
    """

    control: str
    points: tuple[tuple[float, float], ...]
    response_s: float
    start_s: float | None = None
    duration_s: float | None = None
    priority: int = 0


class FreqDroop(msgspec.Struct, frozen=True, tag=True):
    """Active power by frequency.

    Attributes:
        control: Its name, at most 36 characters.
        over_hz: Above it, power is taken back.
        under_hz: Below it, power is added.
        droop: Change of frequency per unit for all of the power.
        response_s: Until nine tenths of a change are there.
        start_s: From when, UTC; None for the station's default function.
        duration_s: For how long; None for the default function.
        priority: 0 is the highest.
    """

    control: str
    over_hz: float
    under_hz: float
    droop: float
    response_s: float
    start_s: float | None = None
    duration_s: float | None = None
    priority: int = 0


GridFunction = VoltVar | FreqDroop


def payload(function: GridFunction) -> dict[str, Any]:
    """Of SetDERControl. Reactive power into the grid is positive there too (IEEE 1547)."""
    told: dict[str, Any] = {"priority": function.priority, "responseTime": function.response_s}
    if function.start_s is not None:
        told["startTime"] = utc_text(function.start_s)
    if function.duration_s is not None:
        told["duration"] = function.duration_s
    default = function.start_s is None and function.duration_s is None
    head = {"isDefault": default, "controlId": function.control}
    if isinstance(function, VoltVar):
        told["yUnit"] = "PctMaxVar"
        told["curveData"] = [
            {"x": voltage * PERCENT, "y": share * PERCENT} for voltage, share in function.points
        ]
        return {**head, "controlType": "VoltVar", "curve": told}
    told |= {
        "overFreq": function.over_hz,
        "underFreq": function.under_hz,
        "overDroop": function.droop,
        "underDroop": function.droop,
    }
    return {**head, "controlType": "FreqDroop", "freqDroop": told}


@final
class GridFunctions:
    """Sets functions, reads them back and takes them away.

    Args:
        registry: Of connections.
        gate: Of what may leave.
        handler: Told what is refused.
        clock: Of the service.
        settings: Time-outs.
    """

    def __init__(
        self,
        registry: Registry[StationConnection],
        gate: Gate,
        handler: AbstractHandler,
        clock: AbstractClock,
        settings: Settings,
    ) -> None:
        self._registry, self._gate, self._handler = registry, gate, handler
        self._clock, self._settings = clock, settings
        self._numbers = itertools.count(1)

    async def set(self, station: str, function: GridFunction) -> OrderResult:
        """Give a station a function and read it back.

        ACCEPTED means that the station reports the function as it was given. Whether it does what
        the function says, its meter shows.
        """
        link = self._registry.get(station)
        if link is None:
            return OrderResult.OFFLINE
        told = payload(function)
        wrong = self._wrong(link, told)
        if wrong:
            await self._handler.refused(Refusal(station, "grid function breaks rules", wrong[:300]))
            return OrderResult.REFUSED
        answer = await link.request(
            "SetDERControl", told, Priority.SETPOINT, timeout_s=self._settings.order_timeout_s
        )
        if not answer.accepted:
            return answer.order_result
        reported = await self.reported(station, function.control)
        if reported is None:
            return OrderResult.TIMED_OUT
        return OrderResult.ACCEPTED if _agrees(told, reported) else OrderResult.REJECTED

    def _wrong(self, link: StationConnection, told: dict[str, Any]) -> str:
        """What is wrong with a function for this station; "" for nothing."""
        if not link.schemas.knows("SetDERControl"):
            return f"{link.schemas.version} has no grid functions"
        fault = link.schemas.request_fault("SetDERControl", told)
        if fault is not None:
            return fault.reason
        return "; ".join(
            str(fault) for fault in self._gate.faults(link.state, "SetDERControl", told)
        )

    async def clear(self, station: str, control: str, *, default: bool = False) -> OrderResult:
        """Take a function away; ACCEPTED also where the station does not have it."""
        link = self._registry.get(station)
        if link is None:
            return OrderResult.OFFLINE
        answer = await link.request(
            "ClearDERControl",
            {"isDefault": default, "controlId": control},
            Priority.SETPOINT,
            timeout_s=self._settings.order_timeout_s,
        )
        gone = answer.payload.get("status") == "NotFound"
        return OrderResult.ACCEPTED if gone else answer.order_result

    async def reported(self, station: str, control: str) -> dict[str, list[Any]] | None:
        """What a station reports of a function, by field; None where it does not in time."""
        link = self._registry.get(station)
        if link is None:
            return None
        number = next(self._numbers)
        report = link.reports.expect(number)
        timer = asyncio.ensure_future(self._clock.sleep(self._settings.call_timeout_s))
        try:
            answer = await link.request(
                "GetDERControl",
                {"requestId": number, "controlId": control},
                timeout_s=self._settings.call_timeout_s,
            )
            if not answer.accepted:
                return None
            await asyncio.wait((report, timer), return_when=asyncio.FIRST_COMPLETED)
            return report.result() if report.done() else None
        finally:
            timer.cancel()
            link.reports.forget(number)


_REPORTED: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "VoltVar": ("curve", lambda one: one["curve"]),
    "FreqDroop": ("freqDroop", lambda one: one["freqDroop"]),
}


def _agrees(told: dict[str, Any], reported: dict[str, list[Any]]) -> bool:
    """Whether a report holds the function as it was given, and in force."""
    field, inner = _REPORTED[told["controlType"]]
    found = [one for one in reported[field] if one["id"] == told["controlId"]]
    return any(not one["isSuperseded"] and _same(told[field], inner(one)) for one in found)


def _same(told: Any, reported: Any) -> bool:
    """A report may say more than it was told, and round."""
    if isinstance(told, dict):
        return isinstance(reported, dict) and all(
            name in reported and _same(value, reported[name]) for name, value in told.items()
        )
    if isinstance(told, list):
        return len(told) == len(reported) and all(map(_same, told, reported))
    if isinstance(told, (int, float)) and isinstance(reported, (int, float)):
        return abs(told - reported) <= SAME * max(abs(told), 1.0)
    return told == reported or (isinstance(told, str) and told[:19] == str(reported)[:19])

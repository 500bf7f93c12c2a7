"""Grid support that a station gives by itself: droop over frequency, reactive power over voltage.

Controls are set by SetDERControl, default ones and scheduled ones. Of one kind, the one that holds
with the smallest priority number counts, a scheduled one before a default one; the others wait.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, final

from evergrid.live.twin.charging.profiles import on_curve, seconds
from evergrid.live.twin.charging.station_rules import Rejection

NOMINAL_HZ = 50.0
FULL = 100.0  # percent
FIELD_OF_KIND = {
    "EnterService": "enterService",
    "FreqDroop": "freqDroop",
    "FixedPFAbsorb": "fixedPFAbsorb",
    "FixedPFInject": "fixedPFInject",
    "FixedVar": "fixedVar",
    "Gradients": "gradient",
    "LimitMaxDischarge": "limitMaxDischarge",
}  # every other kind has a curve
FIELDS = (*FIELD_OF_KIND.values(), "curve")
SUPPORTED = frozenset({"FreqDroop", "VoltVar", "VoltWatt", "FixedVar", "LimitMaxDischarge"})
UNITS_OF_KIND = {
    "VoltVar": frozenset({"PctMaxVar", "PctVarAvail"}),
    "VoltWatt": frozenset({"PctMaxW", "PctWAvail"}),
}


@dataclass(frozen=True)
class DerControl:
    """A control that was set.

    Attributes:
        number: Its id.
        kind: In the words of OCPP.
        default: Whether it holds where no scheduled one does.
        wire: Its settings, as they were sent.
    """

    number: str
    kind: str
    default: bool
    wire: dict[str, Any]

    @property
    def priority(self) -> int:
        """0 goes first."""
        return self.wire["priority"]

    def holds(self, now_s: float) -> bool:
        """Whether it is in force by its own times."""
        if "startTime" not in self.wire:
            return True
        begin = seconds(self.wire["startTime"])
        return begin <= now_s < begin + self.wire.get("duration", math.inf)


class Support(NamedTuple):
    """What grid support makes of a power.

    Attributes:
        power_kw: Into the grid.
        reactive_kvar: Into the grid.
    """

    power_kw: float
    reactive_kvar: float


def rejection(wire: dict[str, Any]) -> Rejection | None:
    """The first rule that a SetDERControl breaks; None where it may be obeyed."""
    kind = wire["controlType"]
    field = FIELD_OF_KIND.get(kind, "curve")
    given = [name for name in FIELDS if name in wire]
    if given != [field]:
        return Rejection("InvalidValue", f"{kind} has {field}, and nothing else")
    settings = wire[field]
    timed = "startTime" in settings or "duration" in settings
    if wire["isDefault"] and timed:
        return Rejection("InvalidValue", "a default control has no times")
    scheduled = not wire["isDefault"] and kind not in ("EnterService", "Gradients")
    if scheduled and not ("startTime" in settings and "duration" in settings):
        return Rejection("MissingParam", "a scheduled control has startTime and duration")
    return _of_curve(kind, settings) if field == "curve" else _of_droop(kind, settings)


def _of_curve(kind: str, curve: dict[str, Any]) -> Rejection | None:
    points = curve["curveData"]
    if not all(math.isfinite(value) for point in points for value in (point["x"], point["y"])):
        return Rejection("InvalidValue", "points of a curve are finite")
    if len(points) < 2 or any(after["x"] < before["x"] for before, after in pairwise(points)):
        return Rejection("InvalidValue", "a curve has two points or more, in order")
    if kind in UNITS_OF_KIND and curve["yUnit"] not in UNITS_OF_KIND[kind]:
        return Rejection("InvalidValue", f"{kind} is in its unit")
    return None


def _of_droop(kind: str, settings: dict[str, Any]) -> Rejection | None:
    if kind == "FreqDroop":
        if not (settings["overDroop"] > 0 and settings["underDroop"] > 0):
            return Rejection("InvalidValue", "droops are above 0")
        if not settings["underFreq"] <= settings["overFreq"]:
            return Rejection("InvalidValue", "underFreq is not above overFreq")
    if kind == "LimitMaxDischarge":
        share = settings.get("pctMaxDischargePower", FULL)
        if not 0 <= share <= FULL:
            return Rejection("InvalidValue", "pctMaxDischargePower is from 0 to 100")
    return None


@final
class DerControls:
    """The controls of one station."""

    def __init__(self) -> None:
        self._controls: dict[str, DerControl] = {}

    def __len__(self) -> int:
        return len(self._controls)

    def put(self, wire: dict[str, Any], now_s: float) -> list[str]:
        """Take a control in, or replace that of its id; ids of those that now give way to it."""
        kind = wire["controlType"]
        settings = wire[FIELD_OF_KIND.get(kind, "curve")]
        new = DerControl(wire["controlId"], kind, wire["isDefault"], settings)
        self._controls[new.number] = new
        in_force = self.in_force(kind, now_s)
        if in_force is not new:
            return []
        return [
            control.number
            for control in self._controls.values()
            if control.kind == kind and control is not new and control.default == new.default
        ]

    def clear(self, default: bool, kind: str | None, number: str | None) -> int:
        """Remove controls; how many there were."""
        found = [
            control.number
            for control in self._controls.values()
            if control.default == default
            and kind in (None, control.kind)
            and number in (None, control.number)
        ]
        for name in found:
            del self._controls[name]
        return len(found)

    def found(self, default: bool | None, kind: str | None, number: str | None) -> list[DerControl]:
        """Controls that fit."""
        return [
            control
            for control in self._controls.values()
            if default in (None, control.default)
            and kind in (None, control.kind)
            and number in (None, control.number)
        ]

    def in_force(self, kind: str, now_s: float) -> DerControl | None:
        """The control of a kind that counts; the newest of equals."""
        holding = [
            control
            for control in reversed(self._controls.values())
            if control.kind == kind and control.holds(now_s)
        ]
        return min(holding, key=lambda found: (found.default, found.priority), default=None)

    def scheduled(self, now_s: float) -> frozenset[str]:
        """Ids of controls with times of their own that are in force."""
        holding = (
            self.in_force(kind, now_s)
            for kind in {control.kind for control in self._controls.values()}
        )
        return frozenset(one.number for one in holding if one is not None and not one.default)

    def next_change_s(self, now_s: float) -> float:
        """When a control begins or ends by its own times; infinite for never."""
        moments = [math.inf]
        for control in self._controls.values():
            if "startTime" in control.wire:
                begin = seconds(control.wire["startTime"])
                moments += [begin, begin + control.wire.get("duration", math.inf)]
        return float(min(moment for moment in moments if moment > now_s))

    def support(
        self,
        power_kw: float,
        rating_kw: float,
        discharge_kw: float,
        *,
        now_s: float,
        frequency_hz: float,
        voltage_pu: float,
    ) -> Support:
        """What the controls in force make of a power. Limits of the vehicle are not applied.

        Args:
            power_kw: That is meant, into the grid.
            rating_kw: Greatest power drawn, and apparent power.
            discharge_kw: Greatest power fed.
            now_s: By the station's clock.
            frequency_hz: At the outlet.
            voltage_pu: At the outlet, of the nominal.
        """
        if not self._controls:
            return Support(power_kw, 0.0)
        if droop := self.in_force("FreqDroop", now_s):
            power_kw += droop_kw(droop.wire, frequency_hz, rating_kw)
        if limit := self.in_force("LimitMaxDischarge", now_s):
            share = limit.wire.get("pctMaxDischargePower", FULL) / FULL
            power_kw = min(power_kw, share * discharge_kw)
        if watt := self.in_force("VoltWatt", now_s):
            share = _on_der_curve(watt.wire, voltage_pu) / FULL
            power_kw = min(power_kw, share * discharge_kw)
        power_kw = min(max(power_kw, -rating_kw), discharge_kw)
        return Support(float(power_kw), self._kvar(power_kw, rating_kw, now_s, voltage_pu))

    def _kvar(self, power_kw: float, rating_kw: float, now_s: float, voltage_pu: float) -> float:
        """Reactive power into the grid, within what the power leaves of the rating."""
        room = math.sqrt(max(rating_kw**2 - power_kw**2, 0.0))
        wanted = 0.0
        if curve := self.in_force("VoltVar", now_s):
            full = room if curve.wire["yUnit"] == "PctVarAvail" else rating_kw
            wanted = _on_der_curve(curve.wire, voltage_pu) / FULL * full
        elif fixed := self.in_force("FixedVar", now_s):
            full = room if fixed.wire["unit"] == "PctVarAvail" else rating_kw
            wanted = fixed.wire["setpoint"] / FULL * full
        return float(min(max(wanted, -room), room))


def droop_kw(droop: dict[str, Any], frequency_hz: float, rating_kw: float) -> float:
    """More power into the grid at a frequency, by IEEE 1547: below 0 where that is high."""
    over, under = frequency_hz - droop["overFreq"], droop["underFreq"] - frequency_hz
    if over > 0:
        return float(-over / (NOMINAL_HZ * droop["overDroop"]) * rating_kw)
    if under > 0:
        return float(under / (NOMINAL_HZ * droop["underDroop"]) * rating_kw)
    return 0.0


def _on_der_curve(curve: dict[str, Any], voltage_pu: float) -> float:
    """The value of a curve over voltage in percent of its reference."""
    reference = curve.get("reactivePowerParams", {}).get("vRef", FULL)
    points = [(float(point["x"]), float(point["y"])) for point in curve["curveData"]]
    return on_curve(points, float(voltage_pu * FULL * FULL / reference))

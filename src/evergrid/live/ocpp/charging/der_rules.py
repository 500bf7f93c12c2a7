"""Which rules of OCPP 2.1 does a grid function (SetDERControl) break that its schema lets pass?"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evergrid.core.faults import Fault

FIELDS: Mapping[str, str] = {
    "EnterService": "enterService",
    "FreqDroop": "freqDroop",
    "FixedPFAbsorb": "fixedPFAbsorb",
    "FixedPFInject": "fixedPFInject",
    "FixedVar": "fixedVar",
    "Gradients": "gradient",
    "LimitMaxDischarge": "limitMaxDischarge",
}
CURVE = "curve"  # the field of every other type
ALL_FIELDS = frozenset(FIELDS.values()) | {CURVE}
LEAST_POINTS = 2
LARGEST_PERCENT = 100.0
VOLTAGE_PERCENT = (50.0, 150.0)  # of the nominal one; beyond it a function has nothing to do
FREQUENCY_HZ = (45.0, 65.0)
DROOP = (0.002, 1.0)  # per unit; below it, a function would hunt


def der_faults(payload: Mapping[str, Any], named: frozenset[str]) -> list[Fault]:
    """Every rule that a grid function breaks; its payload keeps the schema already.

    Args:
        payload: Of SetDERControl.
        named: Types of function that the station says it has.
    """
    kind = payload["controlType"]
    wanted = FIELDS.get(kind, CURVE)
    told = sorted(ALL_FIELDS & set(payload))
    if told != [wanted]:
        return [Fault(wanted, f"be there for {kind}, and no other field", tuple(told))]
    faults = [*_of_station(kind, named), *_of_time(payload, payload[wanted], kind)]
    faults += [Fault(wanted, "hold finite numbers")] if not _finite(payload[wanted]) else []
    if faults:
        return faults
    if wanted == CURVE:
        return list(_of_curve(kind, payload[CURVE]))
    return list(_of_droop(payload[wanted])) if kind == "FreqDroop" else []


def _of_station(kind: str, named: frozenset[str]) -> Iterator[Fault]:
    if kind not in named:
        yield Fault("controlType", "be one that the station names", (kind,))


def _of_time(payload: Mapping[str, Any], control: Mapping[str, Any], kind: str) -> Iterator[Fault]:
    """A function that is not the default one has a begin and an end, where its type knows them."""
    if kind in ("EnterService", "Gradients"):
        return
    timed = {"startTime", "duration"} & set(control)
    if payload["isDefault"] and timed:
        yield Fault("startTime", "not be there for a default function")
    if not payload["isDefault"] and len(timed) < 2:
        yield Fault("startTime", "be there with duration, as for every function but a default one")
    if not control.get("duration", 1.0) > 0:
        yield Fault("duration", "be above 0", (control["duration"],))


def _finite(control: Any) -> bool:
    if isinstance(control, Mapping):
        return all(_finite(value) for value in control.values())
    if isinstance(control, Sequence) and not isinstance(control, str):
        return all(_finite(value) for value in control)
    return not isinstance(control, float) or math.isfinite(control)


def _of_curve(kind: str, curve: Mapping[str, Any]) -> Iterator[Fault]:
    xs = [point["x"] for point in curve["curveData"]]
    ys = [point["y"] for point in curve["curveData"]]
    if len(xs) < LEAST_POINTS:
        yield Fault("curveData", f"have at least {LEAST_POINTS} points", (len(xs),))
    if xs != sorted(xs):
        yield Fault("curveData", "not decrease in x", tuple(xs[:4]))
    if kind not in ("VoltVar", "VoltWatt"):
        return
    low, high = VOLTAGE_PERCENT
    if not all(low <= x <= high for x in xs):
        yield Fault("curveData", f"have voltages within [{low:g}, {high:g}] %", tuple(xs[:4]))
    if not all(abs(y) <= LARGEST_PERCENT for y in ys):
        yield Fault("curveData", f"be within {LARGEST_PERCENT:g} %", tuple(ys[:4]))
    if ys != sorted(ys, reverse=True):
        yield Fault(
            "curveData", "not rise with voltage, which would lift it further", tuple(ys[:4])
        )
    unit = curve["yUnit"]
    if kind == "VoltVar" and unit not in ("PctMaxVar", "PctVarAvail", "PctMaxW"):
        yield Fault("yUnit", "be a share of reactive power", (unit,))
    if kind == "VoltWatt" and unit not in ("PctMaxW", "PctWAvail"):
        yield Fault("yUnit", "be a share of active power", (unit,))


def _of_droop(droop: Mapping[str, Any]) -> Iterator[Fault]:
    low, high = FREQUENCY_HZ
    over, under = droop["overFreq"], droop["underFreq"]
    if not low <= under <= over <= high:
        rule = f"be within [{low:g}, {high:g}] Hz, underFreq not above overFreq"
        yield Fault("overFreq", rule, (under, over))
    for name in ("overDroop", "underDroop"):
        if not DROOP[0] <= droop[name] <= DROOP[1]:
            yield Fault(name, f"be within [{DROOP[0]:g}, {DROOP[1]:g}] per unit", (droop[name],))
    if droop["responseTime"] < 0:
        yield Fault("responseTime", "be 0 or more", (droop["responseTime"],))

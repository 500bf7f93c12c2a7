"""The greatest lasting current of a line, where its files state one.

OpenDSS gives a line without a rating 400 A, and 600 A in an emergency, or -1 A where wires at a
spacing have none. Where a line has these, what the files gave it, its line code, its geometry or
its wires tells whether they state them.
"""

import json
from typing import Any

UNSTATED_A = ((400.0, 600.0), (-1.0, -1.0))  # normal and emergency amps where none is given
NORMAL, EMERGENCY = "NormAmps", "EmergAmps"  # properties, as OpenDSS writes them
SOURCES = {"LineCode": "linecode", "Geometry": "linegeometry"}  # whose ratings a line takes
WIRES = "Conductors"


def rating_a(circuit: Any, name: str) -> float:
    """The rating, or NaN where the files state none.

    A line that states the very numbers of OpenDSS, both of them, beside a line code or a geometry
    without ratings cannot be told from one that states none.

    Args:
        circuit: Of OpenDSS.
        name: Of the line, with its class.
    """
    stated = is_stated(circuit, name)
    rating = float(circuit.Lines.NormAmps)
    return rating if stated and rating != 0 else float("nan")


def is_stated(circuit: Any, name: str) -> bool:
    """Whether the files state the rating of a line; it is the active one then."""
    lines = circuit.Lines
    lines.Name = name.split(".", 1)[1]
    if (lines.NormAmps, lines.EmergAmps) not in UNSTATED_A:
        return True
    circuit.SetActiveElement(name)
    stated = _states(circuit, _given(circuit))
    lines.Name = name.split(".", 1)[1]
    return stated


def _given(circuit: Any) -> dict[str, Any]:
    """Properties that the files gave the active object, in the order in which they did."""
    return json.loads(circuit.ActiveDSSElement.ToJSON())


def _states(circuit: Any, given: dict[str, Any]) -> bool:
    """Whether properties, or those of what they refer to, hold a normal rating."""
    order = list(given)
    taken = [(kind, str(given[key])) for key, kind in SOURCES.items() if key in given]
    taken += [tuple(str(wire).split(".", 1)) for wire in dict.fromkeys(given.get(WIRES) or ())]
    if NORMAL in given and not taken:
        return True
    # What a line takes from elsewhere it is given in this order; what it states itself comes later.
    both = NORMAL in given and EMERGENCY in given
    if both and order.index(NORMAL) > order.index(EMERGENCY):
        return True
    return any(_states(circuit, _of(circuit, kind, name)) for kind, name in taken)


def _of(circuit: Any, kind: str, name: str) -> dict[str, Any]:
    circuit.SetActiveClass(kind)
    circuit.ActiveClass.Name = name
    return _given(circuit)

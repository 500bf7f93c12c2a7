"""What of OpenDSS is modelled, held as it is, or named to the user: kinds, properties, settings."""

from collections.abc import Iterable
from typing import Any

from evergrid.core.text.name_list import name_list

MODELLED = {
    "vsource": "its voltage behind its impedance",
    "isource": "its current",
    "line": "its admittance, open conductors among it; codes, geometry and spacing are in it",
    "transformer": "its admittance at its taps; any number of windings",
    "autotrans": "its admittance at its taps",
    "reactor": "its admittance, in series or to ground",
    "capacitor": "its admittance, in series or to ground, switched by its control",
    "fault": "its admittance while it is on",
    "gictransformer": "its admittance",
    "load": "its law of voltage, each phase or pair of phases apart",
    "regcontrol": "moves taps",
    "capcontrol": "switches banks",
}
"""Kinds that the power flow follows, and how."""

HELD = {
    "generator": "power",
    "pvsystem": "power",
    "storage": "power",
    "indmach012": "power",
    "windgen": "power",
    "upfc": "power at each conductor",
    "vccs": "power at each conductor",
    "vsconverter": "power at each conductor",
    "dynamicexp": "power at each conductor",
    "generic5": "power at each conductor",
    "gicline": "power at each conductor",
    "gicsource": "power at each conductor",
}
"""Kinds that go on with what they draw or feed in the solved circuit; each is named."""

STILL = {
    "invcontrol": "moves the power of inverters with the voltage",
    "expcontrol": "moves the reactive power of inverters with the voltage",
    "storagecontroller": "charges and discharges storage",
    "espvlcontrol": "steers solar and storage",
    "upfccontrol": "steers UPFCs",
    "gendispatcher": "dispatches generators",
    "swtcontrol": "opens and closes switches",
    "relay": "opens and closes switches",
    "recloser": "opens and closes switches",
    "fuse": "opens switches",
}
"""Controls that act in OpenDSS: what they have done to the solved circuit stays; each is named."""

HARMLESS = {
    "energymeter": "measures",
    "monitor": "measures",
    "sensor": "measures",
}
"""Kinds that change no solution."""

BRANCHES = tuple(name for name in MODELLED if not name.endswith(("control", "source", "load")))
"""Kinds that join nodes by an admittance; banks are joined to them one by one."""

PROPERTIES = {
    "load": {
        "status": ("variable", "stands at its power whatever the load multiplier; a study's share "
                   "of loads scales it"),
        "cvrcurve": ("", "exponents follow a curve over time, which the base case does not leave"),
        "rneut": ("-1", "states an impedance of its neutral, which OpenDSS leaves out of a power "
                  "flow: tie the neutral with a Reactor"),
    },
    "vsource": {
        "daily": ("", "follows a shape over the day; it stays as in the base case"),
        "yearly": ("", "follows a shape over the year; it stays as in the base case"),
        "duty": ("", "follows a duty cycle; it stays as in the base case"),
    },
    "fault": {
        "temporary": ("no", "clears itself in time; it stays on"),
    },
}  # fmt: skip
"""Properties by kind that change a solution and are not followed: harmless value, what is said."""

ADMITTANCE = 2  # of OpenDSS' ways to solve: every load a constant impedance
ALL_IMPEDANCES = "Set LoadModel=Admittance: every load is a constant impedance."
MOST_NAMED = 5  # elements in one note


def is_held(kind: str) -> bool:
    """Whether an element goes on with the power it has; what is not known does."""
    return kind in HELD or not any(kind in known for known in (MODELLED, STILL, HARMLESS))


def notes(names: Iterable[str], property_of: Any, solution: Any) -> list[str]:
    """What a user must know of the elements and settings of a circuit.

    Args:
        names: Of its enabled elements, such as ``invcontrol.one``.
        property_of: Tells a property by the element's name and its own.
        solution: The settings of OpenDSS.
    """
    settings = [ALL_IMPEDANCES] if solution.LoadModel == ADMITTANCE else []
    said: dict[str, list[str]] = {}
    for name in names:
        kind = name.split(".", 1)[0]
        if kind in STILL:
            text = f"{STILL[kind]} in OpenDSS; here what it has done to the base case stays"
            said.setdefault(text, []).append(name)
        for key, (harmless, text) in PROPERTIES.get(kind, {}).items():
            value = str(property_of(name, key)).lower()
            if value not in ("", harmless, "no", "false"):
                said.setdefault(f"{text} ({key}={value})", []).append(name)
    return settings + [f"{name_list(found, MOST_NAMED)}: {text}." for text, found in said.items()]

"""The base case of an OpenDSS circuit: one snapshot, whatever mode its files end in.

Files that are meant for a day or for harmonics leave OpenDSS in that mode, where the next solution
would be a day's, or one of the last harmonic. What they leave otherwise is told.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Bool
from evergrid.core.units import consumption_from_grid_power
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.feeder.reader.controls import is_connected, switch

SNAPSHOT = 0  # mode of solution
OFF, STATIC = -1, 0  # modes of controls
CONTROL_MODES = {1: "event", 2: "time", 3: "multirate"}  # in which no control acts in a snapshot
LOOKS = 6  # at controls that hunt, to see which they are
VARIABLE = 0  # status of a load that follows the load multiplier


def enter(engine: Any) -> tuple[str, ...]:
    """Turn a compiled circuit to a snapshot with controls that settle; tell what was otherwise.

    Taps and banks stay where the files leave them.
    """
    circuit, solution = engine.ActiveCircuit, engine.ActiveCircuit.Solution
    told = []
    if solution.Mode != SNAPSHOT:
        told.append(f"The files end in the mode {solution.ModeID.lower()}: one snapshot is solved.")
        banks = _names(circuit.Capacitors)
        connected = [is_connected(circuit, name) for name in banks]
        solution.Mode = SNAPSHOT
        for name, on in zip(banks, connected, strict=True):  # a mode puts banks back
            if is_connected(circuit, name) != on:
                switch(circuit, name, on)
    if solution.ControlMode in CONTROL_MODES:
        mode = CONTROL_MODES[solution.ControlMode]
        told.append(f"The files end with controls in the mode {mode}: here they settle at once.")
        solution.ControlMode = STATIC
    if solution.ControlMode == OFF:
        told.append("The files end with controls off: taps and banks stay as the files have them.")
    if solution.LoadMult != 1:
        told.append(f"The files end with LoadMult={solution.LoadMult:g}: the loads have it.")
    if solution.Year != 0:
        told.append(f"The files end in the year {solution.Year}: the loads have grown until then.")
    return tuple(told)


def hunting(engine: Any, solve: Callable[[Any], bool]) -> tuple[str, ...]:
    """Controls of taps and banks that go on moving, in a circuit whose controls found no rest.

    All of them where none is seen to move.

    Args:
        engine: With the circuit.
        solve: Solves once more, though controls find no rest.
    """
    circuit, moved = engine.ActiveCircuit, {}
    before = _positions(circuit)
    for look in range(LOOKS):
        # One round of actions or two, lest a bank be seen only where it comes back to.
        circuit.Solution.MaxControlIterations = 2 + look % 2
        solve(engine)
        after = _positions(circuit)
        moved |= {name: None for name in before if before[name] != after[name]}
        before = after
    return tuple(moved or before)


def _positions(circuit: Any) -> dict[str, float]:
    """What each control of taps and banks has brought about."""
    found: dict[str, float] = {}
    controls, windings = circuit.RegControls, circuit.Transformers
    for name in _names(controls):
        controls.Name = name
        windings.Name, number = controls.Transformer, controls.TapWinding
        windings.Wdg = number
        found[f"regcontrol.{name}"] = float(windings.Tap)
    for name in _names(circuit.CapControls):
        circuit.CapControls.Name = name
        found[f"capcontrol.{name}"] = float(is_connected(circuit, circuit.CapControls.Capacitor))
    return found


def _names(collection: Any) -> list[str]:
    """Names of the elements of a kind; OpenDSS tells one that is "none" where there are none."""
    return [name.lower() for name in collection.AllNames if name.lower() != "none"]


def own_powers(circuit: Any, feeder: Feeder) -> None:
    """Give the loads of a circuit the powers that the feeder has, without any multiplier.

    What multiplies them in the files (a load multiplier, growth, a status) is in these powers, so
    that a load multiplier of a circuit afterwards is the share of the loads that is on.
    """
    circuit.Solution.LoadMult, circuit.Solution.Year = 1.0, 0
    branches = feeder.branches
    for name in dict.fromkeys(branches.name[branches.is_load].tolist()):
        mine = branches.is_load & (branches.name == name)
        circuit.Loads.Name = name
        circuit.Loads.Status = VARIABLE
        whole = whole_load(circuit, mine)
        drawn = map(consumption_from_grid_power, (branches.power_kw, branches.reactive_kvar))
        circuit.Loads.kW, circuit.Loads.kvar = (whole * float(own[mine].sum()) for own in drawn)


def whole_load(circuit: Any, mine: Bool[Array, " branch"]) -> float:
    """What OpenDSS counts as the power of the active load, over that of its branches.

    It spreads a power over all phases of a load, those without voltage among them, which are no
    branches.
    """
    return circuit.Loads.Phases / int(mine.sum())


def put(circuit: Any, feeder: Feeder, state: State) -> None:
    """Put the taps and banks of a circuit where they are to stand."""
    for regulator, tap in zip(feeder.regulators, state.tap, strict=True):
        circuit.Transformers.Name = regulator.transformer
        circuit.Transformers.Wdg = regulator.tapped_winding
        circuit.Transformers.Tap = regulator.ratio(tap)
    for bank, on in zip(feeder.capacitors, state.connected, strict=True):
        switch(circuit, bank.name, on)


def ratios(circuit: Any, feeder: Feeder) -> np.ndarray:
    """Ratios of turns where the regulators stand."""
    found = []
    for regulator in feeder.regulators:
        circuit.Transformers.Name = regulator.transformer
        circuit.Transformers.Wdg = regulator.tapped_winding
        found.append(float(circuit.Transformers.Tap))
    return np.array(found)


def state_of(circuit: Any, feeder: Feeder) -> State:
    """Where taps and banks stand."""
    pairs = zip(feeder.regulators, ratios(circuit, feeder), strict=True)
    taps = tuple(regulator.tap(ratio) for regulator, ratio in pairs)
    return State(taps, tuple(is_connected(circuit, bank.name) for bank in feeder.capacitors))

"""The one door to OpenDSS: reads a feeder from its files, and runs it as a referee.

What the files hold is judged first (`reader.command_check`); OpenDSS runs in a child
(`isolation.process`).

OpenDSS counts power into an element as positive and stores loads as consumption; both are turned
here into power into the grid. What it says when it refuses a file is passed on.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.files import given_file
from evergrid.core.units import consumption_from_grid_power
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.feeder.isolation.process import RUN_S, apart
from evergrid.grid.feeder.reader import command_check, snapshot
from evergrid.grid.feeder.reader.circuit import connected, voltages
from evergrid.grid.feeder.reader.command_check import Command, Script
from evergrid.grid.feeder.reader.feeder import Reader

__all__ = ["opened", "read", "settled", "solved", "version", "voltages", "with_source"]

CONTROL_ITERATIONS = 200  # feeders with several regulators need more than OpenDSS' default of 15
ITERATIONS = 500
TOLERANCE = 1e-9
VERSION = re.compile(r"(?<=C-API Library version )[\d.]+|SVN \d+")
COMMAND = re.compile(r'Unknown Command: ".*"', re.IGNORECASE)
# Where OpenDSS' first line names its own function only, and what it adds to each such message.
DESCRIBED = re.compile(r"Error Description: ?\n([^\n]*)\n\s*Probable Cause: ?\n([^\n]*)")
ANY_CAUSE = "Error in command string or circuit data."
LONG_QUOTE = re.compile(r'"[^"]{41,}"')  # longer than any name
HUNTING = "Max Control Iterations Exceeded"  # what OpenDSS says when controls do not come to rest
DEAD_V = 1e-3  # a feeder whose highest voltage is lower is driven by nothing

lacking: tuple[str, ...] = ()  # barriers that this system has not, in the child


def version() -> str:
    """Version of the engine, such as "0.14.5, OpenDSS SVN 3723"; loads it into this process."""
    return ", OpenDSS ".join(VERSION.findall(str(_dss().DSS.Version)))


def _dss() -> Any:
    """The package, imported where it is used: who asks the child never loads native code."""
    import dss

    return dss


def opened(path: Path, commands: Sequence[str] = ()) -> Any:
    """An OpenDSS engine of its own with the feeder compiled and solved, controls settled.

    Whatever mode the files end in, one snapshot is solved. It runs in this process: for functions
    that are marked with `apart`, and for referees that trust their files.

    Args:
        path: The feeder's master file.
        commands: OpenDSS commands after compiling, before solving; they edit the circuit only.

    Raises:
        MissingFileError: There is no such file.
        InputError: A file or a command is not allowed, or OpenDSS refuses it; its message is
            passed on.
    """
    return _opened(path, command_check.script(path, commands))[0]


def _opened(path: Path, script: Script) -> tuple[Any, tuple[str, ...]]:
    """The engine, and what the files left otherwise than a snapshot wants it."""
    engine = _dss().DSS.NewContext()
    engine.AllowForms = False
    engine.AllowEditor = False
    engine.AllowChangeDir = False
    _run(engine, script.commands, path)
    if engine.NumCircuits == 0:
        raise _no_circuit(path)
    left = snapshot.enter(engine)
    setting = Command(f"set maxcontroliter={CONTROL_ITERATIONS}", command_check.COMMANDS, 0)
    _run(engine, (*script.further, setting), path)
    engine.ActiveCircuit.Solution.MaxIterations = ITERATIONS
    engine.ActiveCircuit.Solution.Tolerance = TOLERANCE
    _run(engine, (Command("solve", path.name, 0),), path)
    circuit = engine.ActiveCircuit
    if circuit.NumNodes == 0:
        raise _no_circuit(path)
    raise_if_any(given_file.name(path), _without_voltage(engine))
    if not circuit.Solution.Converged:
        fix = "Its wires cannot carry its loads, a control hunts, or a part is fed by nothing."
        raise InputError(given_file.name(path), [Fault("file", "converge in OpenDSS", fix=fix)])
    for name, (x, y) in script.places.items():
        if circuit.SetActiveBus(name) >= 0:  # files may place buses that are none of the circuit's
            circuit.ActiveBus.x, circuit.ActiveBus.y = x, y
    return engine, left


def _no_circuit(path: Path) -> InputError:
    fix = "Name the master file, which begins with New Circuit."
    return InputError(given_file.name(path), [Fault("file", "define a circuit", fix=fix)])


def _run(engine: Any, commands: Sequence[Command], master: Path) -> None:
    """Give OpenDSS one command after the other, until it refuses one."""
    text, refused = engine.Text, _dss().DSSException
    for command in commands:
        try:
            text.Command = command.text
        except refused as fault:
            if HUNTING in str(fault.args[-1]):
                names = snapshot.hunting(engine, solved)
                fix = "Widen a band, or set apart the voltages at which they act."
                restless = Fault("controls", "come to rest in OpenDSS", names, fix=fix)
                raise InputError(given_file.name(master), [restless]) from fault
            fix = "The message is OpenDSS' own; mend the file it names."
            said = _said(str(fault.args[-1]), command)
            rule = f"be a feeder that OpenDSS accepts; it says: {said}"
            raise InputError(given_file.name(master), [Fault("file", rule, fix=fix)]) from fault


def _said(message: str, command: Command) -> str:
    """What OpenDSS says and where, without lines of the file it stumbled over.

    A file that is no feeder at all, named by mistake, is nothing to be shown.
    """
    said = message.splitlines()[0]
    if described := DESCRIBED.search(message):
        said = ": ".join(part for part in described.groups() if part != ANY_CAUSE)
    said = COMMAND.sub("Unknown command", said).strip()
    place = f" ({command.file}, line {command.line})" if command.line else ""
    return LONG_QUOTE.sub('"..."', said) + place


def _without_voltage(engine: Any) -> list[Fault]:
    """Why what OpenDSS tells of a circuit is no solution; none where it may be one.

    A node without an admittance makes its matrix singular: it then says that it has converged and
    tells what its memory held before.
    """
    names, found = np.array(engine.ActiveCircuit.YNodeOrder), np.abs(voltages(engine))
    loose, lost = (
        tuple(name.lower() for name in names[wrong])
        for wrong in (~connected(engine), ~np.isfinite(found))
    )
    if loose:
        named = " and ".join(_controls_at(engine, loose)) or "a control"
        fix = f"Correct the bus or the phases where {named} measures, or connect something there."
        return [Fault("bus", "be connected to an element of the circuit", loose, fix=fix)]
    if lost and (senseless := _senseless(engine)):
        rule = "have values from which a current follows"
        fix = (
            "One of its values, or one that multiplies it, is no number, or 0 where it may not be."
        )
        return [Fault("element", rule, senseless, fix=fix)]
    if lost:
        fix = "Close a switch towards it, or take what is connected there out of the files."
        return [Fault("bus", "have a voltage that OpenDSS can find", lost, fix=fix)]
    if found.max() < DEAD_V:
        fix = (
            "Set DefaultBaseFrequency before New Circuit, or give the source the grid's frequency."
        )
        return [Fault("source", "drive a voltage", (0.0,), fix=fix)]
    return []


def _senseless(engine: Any) -> tuple[str, ...]:
    """Elements that no current follows from: their admittance or their voltage is no number."""
    circuit, found = engine.ActiveCircuit, []
    for name in circuit.AllElementNames:
        circuit.SetActiveElement(name)
        element = circuit.ActiveCktElement
        found += [name.lower()] if element.Enabled and not np.isfinite(element.Yprim).all() else []
    for name in circuit.Vsources.AllNames:
        circuit.Vsources.Name = name
        drives = (circuit.Vsources.BasekV, circuit.Vsources.pu, circuit.Vsources.AngleDeg)
        found += [] if np.isfinite(drives).all() else [f"vsource.{name.lower()}"]
    return tuple(dict.fromkeys(found))


def _controls_at(engine: Any, nodes: Sequence[str]) -> tuple[str, ...]:
    """Controls that stand or measure at the buses of some nodes."""
    circuit, found = engine.ActiveCircuit, []
    buses = {node.rsplit(".", 1)[0] for node in nodes}
    for name in circuit.AllElementNames:
        if name.split(".")[0].lower().endswith("control"):
            circuit.SetActiveElement(name)
            at = {bus.split(".")[0].lower() for bus in circuit.ActiveCktElement.BusNames}
            found += [name.lower()] if at & buses else []
    return tuple(found)


def solved(engine: Any) -> bool:
    """Solve once more; whether voltages were found before controls ran out of iterations."""
    solution = engine.ActiveCircuit.Solution
    try:
        engine.Text.Command = "solve"  # which goes on after a solution without rest
    except _dss().DSSException:
        return False
    return bool(solution.Converged)


@apart()
def read(path: Path, *, source_pu: float | None = None, commands: Sequence[str] = ()) -> Feeder:
    """A feeder from OpenDSS files, its taps and capacitors where OpenDSS settles them.

    Generators, solar and storage of the files go on with the power they have there.

    Args:
        path: The feeder's master file.
        source_pu: Voltage of the source, instead of the file's.
        commands: Further OpenDSS commands after compiling, such as ``Transformer.T1.tap=1.025``.

    Raises:
        MissingFileError: There is no such file.
        InputError: A file or a command is not allowed, OpenDSS refuses the files, crashes or takes
            too long, a bus has no voltage base, a load is fed by nothing or stands to ground
            where nothing else does, or a rating or resistance is below 0.
    """
    script = command_check.script(path, with_source(commands, source_pu))
    engine, left = _opened(path, script)
    feeder = Reader(engine).feeder()
    without = (f"Read without {' and '.join(lacking)}, as this system has none.",)
    notes = (*left, *feeder.notes, *script.notes, *(without if lacking else ()))
    return replace(feeder, notes=notes)


def with_source(commands: Sequence[str], source_pu: float | None) -> tuple[str, ...]:
    """The commands, and the one that sets the source's voltage where it is given."""
    if source_pu is None:
        return tuple(commands)
    return (*commands, f"edit vsource.source pu={source_pu}")


@apart(limit_s=RUN_S)
def settled(
    path: Path,
    feeder: Feeder,
    power_kw: Float[Array, "branch step"],
    reactive_kvar: Float[Array, "branch step"],
    *,
    commands: Sequence[str] = (),
) -> list[State]:
    """Where OpenDSS' own controls settle taps and banks at each step, one step after the other.

    Args:
        path: The feeder's master file.
        feeder: The same feeder, as read.
        power_kw: Power of its branches, into the grid; what is no load keeps that of the files.
        reactive_kvar: The same, reactive.
        commands: Further OpenDSS commands after compiling.
    """
    circuit = opened(path, commands).ActiveCircuit
    snapshot.own_powers(circuit, feeder)
    loads = feeder.branches.is_load
    names, of_name = np.unique(feeder.branches.name[loads].astype(str), return_inverse=True)
    drawn_kw, drawn_kvar = np.zeros((2, len(names), power_kw.shape[1]))
    np.add.at(drawn_kw, of_name, consumption_from_grid_power(power_kw[loads]))
    np.add.at(drawn_kvar, of_name, consumption_from_grid_power(reactive_kvar[loads]))
    for row, name in enumerate(names):
        circuit.Loads.Name = name
        whole = snapshot.whole_load(circuit, of_name == row)
        drawn_kw[row] *= whole
        drawn_kvar[row] *= whole
    found = []
    for step in range(power_kw.shape[1]):
        for row, name in enumerate(names):
            circuit.Loads.Name = name
            circuit.Loads.kW = drawn_kw[row, step]
            circuit.Loads.kvar = drawn_kvar[row, step]
        circuit.Solution.Solve()
        found.append(snapshot.state_of(circuit, feeder))
    return found

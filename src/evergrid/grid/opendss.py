"""The one door to OpenDSS: reads a feeder from its files, and runs it as a referee.

OpenDSS counts power into an element as positive and stores loads as consumption; both are turned
here into power into the grid. What it says when it refuses a file is passed on.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from dss import DSS, DSSException

from evergrid.core import given_file
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import consumption_from_grid_power
from evergrid.grid import opendss_snapshot
from evergrid.grid.feeder import Feeder, State
from evergrid.grid.opendss_circuit import voltages
from evergrid.grid.opendss_feeder import Reader

__all__ = ["opened", "read", "settled", "solved", "version", "voltages", "with_source"]

CONTROL_ITERATIONS = 200  # feeders with several regulators need more than OpenDSS' default of 15
ITERATIONS = 500
TOLERANCE = 1e-9
VERSION = re.compile(r"(?<=C-API Library version )[\d.]+|SVN \d+")
PLACE = re.compile(r'\[file: "([^"]*)", line: (\d+)\]')  # in what OpenDSS says
COMMAND = re.compile(r'Unknown Command: ".*"', re.IGNORECASE)
PRIMITIVE_CAUSE = re.compile(r"(Matrix Inversion Error for [^\n]*)\n\s*Probable Cause: \n([^\n]*)")
LONG_QUOTE = re.compile(r'"[^"]{41,}"')  # longer than any name
HUNTING = "Max Control Iterations Exceeded"  # what OpenDSS says when controls do not come to rest
DEAD_V = 1e-3  # a feeder whose highest voltage is lower is driven by nothing


def version() -> str:
    """Version of the engine, such as "0.14.5, OpenDSS SVN 3723"."""
    return ", OpenDSS ".join(VERSION.findall(str(DSS.Version)))


def opened(path: Path, commands: Sequence[str] = ()) -> Any:
    """An OpenDSS engine of its own with the feeder compiled and solved, controls settled.

    Whatever mode the files end in, one snapshot is solved.

    Args:
        path: The feeder's master file.
        commands: OpenDSS commands after compiling, before solving.

    Raises:
        MissingFileError: There is no such file.
        InputError: OpenDSS refuses the files or a command; its message is passed on.
    """
    return _opened(path, commands)[0]


def _opened(path: Path, commands: Sequence[str]) -> tuple[Any, tuple[str, ...]]:
    """The engine, and what the files left otherwise than a snapshot wants it."""
    given_file.size_bytes(path, way_out="Name the feeder's master .dss file.")
    engine = DSS.NewContext()
    engine.AllowForms = False
    engine.AllowEditor = False
    engine.AllowChangeDir = False
    try:
        engine.Text.Command = f'compile "{path.resolve()!s}"'
        left = opendss_snapshot.enter(engine)
        for command in (*commands, f"set maxcontroliter={CONTROL_ITERATIONS}"):
            engine.Text.Command = command
        engine.ActiveCircuit.Solution.MaxIterations = ITERATIONS
        engine.ActiveCircuit.Solution.Tolerance = TOLERANCE
        engine.ActiveCircuit.Solution.Solve()
    except DSSException as refused:
        if HUNTING in str(refused.args[-1]):
            names = opendss_snapshot.hunting(engine, solved)
            fix = "Widen a band, or set apart the voltages at which they act."
            fault = Fault("controls", "come to rest in OpenDSS", names, fix=fix)
            raise InputError(given_file.name(path), [fault]) from refused
        fix = "The message is OpenDSS' own; mend the file it names."
        said = _said(str(refused.args[-1]), path)
        fault = Fault("file", f"be a feeder that OpenDSS accepts; it says: {said}", fix=fix)
        raise InputError(given_file.name(path), [fault]) from refused
    circuit = engine.ActiveCircuit
    if circuit is None or circuit.NumNodes == 0:
        fix = "Name the master file, which begins with New Circuit."
        raise InputError(given_file.name(path), [Fault("file", "define a circuit", fix=fix)])
    if np.abs(voltages(engine)).max() < DEAD_V:
        fix = (
            "Set DefaultBaseFrequency before New Circuit, or give the source the grid's frequency."
        )
        raise InputError(
            given_file.name(path), [Fault("source", "drive a voltage", (0.0,), fix=fix)]
        )
    if not circuit.Solution.Converged:
        fix = "Its wires cannot carry its loads, a control hunts, or a part is fed by nothing."
        raise InputError(given_file.name(path), [Fault("file", "converge in OpenDSS", fix=fix)])
    return engine, left


def _said(message: str, master: Path) -> str:
    """What OpenDSS says and where, without folders and without lines of the file it stumbled over.

    A file that is no feeder at all, named by mistake, is nothing to be shown.
    """
    said = COMMAND.sub("Unknown command", message.splitlines()[0]).strip()
    if "primitive Y" in said and (cause := PRIMITIVE_CAUSE.search(message)):
        said += f" {cause[1]}: {cause[2]}"
    shown = {master.name: Path(given_file.name(master)).name}
    places = [
        f"{shown.get(Path(file).name, Path(file).name)}, line {line}"
        for file, line in PLACE.findall(message)
    ]
    return " ".join([LONG_QUOTE.sub('"..."', said), *(f"({place})" for place in places)])


def solved(engine: Any) -> bool:
    """Solve once more; whether voltages were found before controls ran out of iterations."""
    solution = engine.ActiveCircuit.Solution
    try:
        engine.Text.Command = "solve"  # which goes on after a solution without rest
    except DSSException:
        return False
    return bool(solution.Converged)


def read(path: Path, *, source_pu: float | None = None, commands: Sequence[str] = ()) -> Feeder:
    """A feeder from OpenDSS files, its taps and capacitors where OpenDSS settles them.

    Generators, solar and storage of the files go on with the power they have there.

    Args:
        path: The feeder's master file.
        source_pu: Voltage of the source, instead of the file's.
        commands: Further OpenDSS commands after compiling, such as ``Transformer.T1.tap=1.025``.

    Raises:
        MissingFileError: There is no such file.
        InputError: OpenDSS refuses the files, a bus has no voltage base, or a load is fed by
            nothing or stands to ground where nothing else does.
    """
    engine, left = _opened(path, with_source(commands, source_pu))
    feeder = Reader(engine).feeder()
    return replace(feeder, notes=(*left, *feeder.notes))


def with_source(commands: Sequence[str], source_pu: float | None) -> tuple[str, ...]:
    """The commands, and the one that sets the source's voltage where it is given."""
    if source_pu is None:
        return tuple(commands)
    return (*commands, f"edit vsource.source pu={source_pu}")


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
    opendss_snapshot.own_powers(circuit, feeder)
    loads = feeder.branches.is_load
    names, of_name = np.unique(feeder.branches.name[loads].astype(str), return_inverse=True)
    drawn_kw, drawn_kvar = np.zeros((2, len(names), power_kw.shape[1]))
    np.add.at(drawn_kw, of_name, consumption_from_grid_power(power_kw[loads]))
    np.add.at(drawn_kvar, of_name, consumption_from_grid_power(reactive_kvar[loads]))
    found = []
    for step in range(power_kw.shape[1]):
        for row, name in enumerate(names):
            circuit.Loads.Name = name
            circuit.Loads.kW = drawn_kw[row, step]
            circuit.Loads.kvar = drawn_kvar[row, step]
        circuit.Solution.Solve()
        found.append(opendss_snapshot.state_of(circuit, feeder))
    return found

"""Runs as files: where they were taken, and the row of every case."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.plan import machine
from benchmarks.plan.case import Row
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.replan import Replan
from benchmarks.plan.solvers.registry import SOLVERS


@dataclass(frozen=True)
class Results:
    """Rows of runs on one machine.

    Attributes:
        machine: Cores, processor, memory.
        versions: Of everything that matters to a time.
        rows: Of cases.
        replans: Of plans that begin from the last one.
        gpus: Names of the machine's GPUs.
    """

    machine: str
    versions: str
    rows: tuple[Row, ...] = ()
    replans: tuple[Replan, ...] = ()
    gpus: tuple[str, ...] = ()


def taken_here(rows: Sequence[Row] = (), replans: Sequence[Replan] = ()) -> Results:
    """These rows with this machine's description."""
    gpus = tuple(machine.gpus())
    return Results(machine.description(), machine.versions(), tuple(rows), tuple(replans), gpus)


def text(results: Results) -> str:
    """The JSON of a run."""
    return json.dumps(asdict(results), indent=1) + "\n"


def read(path: Path) -> Results:
    """The run in a JSON file."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Results(
        machine=raw["machine"],
        versions=raw["versions"],
        rows=tuple(Row(**row) for row in raw["rows"]),
        replans=tuple(Replan(**row) for row in raw["replans"]),
        gpus=tuple(raw["gpus"]),
    )


def merged(runs: Sequence[Results]) -> Results:
    """Runs on one machine as one, in the order of families, sizes and solvers.

    Raises:
        ValueError: They come from different machines or versions, differ in steps or seed, or time
            a case twice.
    """
    places = {(run.machine, run.versions, run.gpus) for run in runs}
    if len(places) != 1:
        raise ValueError(f"runs on different machines or versions have no common table: {places}")
    rows = sorted((row for run in runs for row in run.rows), key=_place)
    if len({(row.steps, row.seed) for row in rows}) > 1:
        raise ValueError("runs with different steps or seeds have no common table")
    twice = [a for a, b in pairwise(rows) if _place(a) == _place(b)]
    if twice:
        names = ", ".join(f"{row.family} {row.sessions} {row.solver}" for row in twice)
        raise ValueError(f"timed more than once: {names}. Leave one of the files out.")
    (described, versions, gpus) = places.pop()
    replans = tuple(replan for run in runs for replan in run.replans)
    return Results(described, versions, tuple(rows), replans, gpus)


def _place(row: Row) -> tuple[int, int, int]:
    families, solvers = list(FAMILIES), list(SOLVERS)
    return families.index(row.family), row.sessions, solvers.index(row.solver)

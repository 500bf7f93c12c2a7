"""A run as a file: where it was taken, and the row of every case."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.plan import machine
from benchmarks.plan.case import Row


@dataclass(frozen=True)
class Results:
    """Rows of one run on one machine."""

    machine: str
    versions: str
    rows: tuple[Row, ...]


def taken_here(rows: Sequence[Row]) -> Results:
    """These rows with this machine's description."""
    return Results(machine.description(), machine.versions(), tuple(rows))


def text(results: Results) -> str:
    """The JSON of a run."""
    return json.dumps(asdict(results), indent=1) + "\n"


def read(path: Path) -> Results:
    """The run in a JSON file."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Results(raw["machine"], raw["versions"], tuple(Row(**row) for row in raw["rows"]))

"""Coordinates of buses in a file that stands beside a feeder, found by its name."""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

from evergrid.core.files import given_file

ENDINGS = (".csv", ".dss", ".dat", ".txt", ".xy")
NAMES = ("buscoord", "busxy")  # in the file's name, letters only
MOST_BYTES = 50_000_000


@dataclass(frozen=True)
class CoordinateFile:
    """A file of coordinates.

    Attributes:
        name: Its name, without folders.
        place: Horizontal and vertical coordinate by lower-case name of the bus.
    """

    name: str
    place: dict[str, tuple[float, float]]


def beside(master: Path) -> list[CoordinateFile]:
    """The files beside a feeder's master file whose names say that they hold coordinates.

    Such names hold ``buscoord`` or ``busxy``, whatever stands around them: ``BusCoords.csv``,
    ``Buscoords_ckt5.dss``, ``IEEE13Node_BusXY.csv``. Files in which no line is a bus with two
    numbers are left out, and so is what cannot be read: without it a study only has no map.

    Args:
        master: The feeder's master file.
    """
    try:
        paths = sorted(path for path in master.resolve().parent.iterdir() if _named_so(path))
    except OSError:
        return []
    found = [_read(path) for path in paths if path.name != master.name]
    return [file for file in found if file.place]


def _named_so(path: Path) -> bool:
    letters = re.sub(r"[^a-z]", "", path.stem.lower())
    return path.suffix.lower() in ENDINGS and any(name in letters for name in NAMES)


def _read(path: Path) -> CoordinateFile:
    """Lines of a bus and two numbers, between commas, semicolons, tabs or blanks."""
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return CoordinateFile(path.name, {})
        text = given_file.decoded(path.read_bytes())
    except OSError:
        return CoordinateFile(path.name, {})
    place = {}
    for line in text.splitlines():
        cells = _cells(re.split("//|!", line, maxsplit=1)[0])
        if len(cells) == 3 and (at := _place(cells[1], cells[2])) is not None:
            place[cells[0].lower()] = at
    return CoordinateFile(path.name, place)


def _cells(line: str) -> list[str]:
    """The cells of a line, without quotes and empty cells at its end."""
    tidy = re.sub(r"[;\t]", ",", line) if "," not in line else line
    tidy = tidy if "," in tidy else ",".join(tidy.split())
    cells = next(csv.reader([tidy], skipinitialspace=True), [])
    cells = [cell.strip().strip("'\"").strip() for cell in cells]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _place(x: str, y: str) -> tuple[float, float] | None:
    """Two finite numbers, or None."""
    try:
        at = float(x), float(y)
    except ValueError:
        return None
    return at if all(map(math.isfinite, at)) else None

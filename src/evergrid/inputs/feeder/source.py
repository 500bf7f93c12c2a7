"""Which feeder a study of the wires is about, and what its files do not tell."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
from pydantic import Field

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.data.files import bus_coordinates
from evergrid.data.files.locate import locate
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import base_case

BUILT_IN = ("ieee13",)


class LineRating(BaseConfig):
    """Greatest lasting current of the lines of one line code."""

    code: str = Field(examples=["4c_70"])
    """Name of the line code."""
    rating_a: float = Field(examples=[190.0], gt=0)
    """Greatest lasting current of a conductor, amperes."""


class FeederSource(BaseConfig):
    """The feeder, in OpenDSS files."""

    file: str = "ieee13"
    """Master file of OpenDSS, or "ieee13" for the IEEE 13-node feeder that is built in."""
    source_pu: float | None = Field(default=None, examples=[1.0], ge=0.8, le=1.2)
    """Voltage of the source, per unit, instead of the one in the files."""
    commands: tuple[str, ...] = Field(default=(), examples=[["Transformer.TR1.tap=1.025"]])
    """OpenDSS commands after compiling; they edit the circuit, where it differs from the files."""
    default_rating_a: float | None = Field(default=None, examples=[200.0], gt=0)
    """Greatest lasting current of lines without a rating; by default they are not judged."""
    line_rating: tuple[LineRating, ...] = ()
    """Greatest lasting current by line code, where the files tell none."""
    accept_base_case: bool = False
    """Whether to go on where our base case differs from the voltages that OpenDSS itself finds by
    more than 0.001 pu."""

    def read(self, folder: Path) -> Feeder:
        """The feeder, its base case held against OpenDSS' own, ratings and coordinates filled in.

        Args:
            folder: What a relative path starts from.

        Raises:
            MissingFileError: There is no such file.
            InputError: OpenDSS refuses it, a rating is for a line code that it has not, or our base
                case differs from OpenDSS' by more than is accepted.
        """
        path = self.path(folder)
        found = base_case.compared(opendss.read(path, commands=self.all_commands))
        base_case.check(found, accepted=self.accept_base_case)
        told = replace(found, notes=(*found.notes, *base_case.note(found)))
        return self._rated(_located(told, path))

    @property
    def all_commands(self) -> tuple[str, ...]:
        """OpenDSS commands after compiling, the source's voltage among them."""
        return opendss.with_source(self.commands, self.source_pu)

    def path(self, folder: Path) -> Path:
        """Where the master file is."""
        if self.file in BUILT_IN:
            return Path(
                str(resources.files("evergrid.grid.feeder") / "built_in" / f"{self.file}.dss")
            )
        return locate(self.file, folder)

    def _rated(self, feeder: Feeder) -> Feeder:
        lines = feeder.lines
        known = sorted(set(lines.code) - {""})
        faults = [
            Fault("feeder.line_rating.code", "be a line code of the feeder", (entry.code,), fix=fix)
            for entry in self.line_rating
            if entry.code.lower() not in known
            for fix in (f"Its line codes are {', '.join(known)}.",)
        ]
        raise_if_any("config", faults)
        rating_a = lines.rating_a.copy()
        for entry in self.line_rating:
            rating_a[lines.code == entry.code.lower()] = entry.rating_a
        bare = np.isnan(rating_a)
        notes = list(feeder.notes)
        if bare.any():
            said = f"{bare.sum():,} of {len(lines):,} lines state no rating"
            said += " (or the 400 A that OpenDSS takes then)"
            if self.default_rating_a is None:
                notes.append(f"{said}; their current is not judged.")
            else:
                notes.append(f"{said}; {self.default_rating_a:g} A is assumed.")
                rating_a[bare] = self.default_rating_a
        rated = replace(lines, rating_a=rating_a)
        return replace(feeder, lines=rated, notes=tuple(notes))


def _located(feeder: Feeder, master: Path) -> Feeder:
    """The feeder with coordinates from a file beside its master, where it has none of its own.

    Of several such files the one that names most buses is taken. What was taken is noted.
    """
    buses = feeder.buses
    if (np.isfinite(buses.x) & np.isfinite(buses.y)).any():
        return feeder
    files = bus_coordinates.beside(master)
    if not files:
        return feeder
    names = [str(name) for name in buses.name]
    best = max(files, key=lambda file: sum(name in file.place for name in names))
    at = np.array([best.place.get(name, (np.nan, np.nan)) for name in names])
    known = int(np.isfinite(at[:, 0]).sum())
    note = f"{best.name} beside the feeder's master file "
    if known:
        note += f"gives coordinates of {known:,} of {len(names):,} buses; the master does not "
        note += "read it, so they are used for figures alone."
    else:
        note += "names none of the feeder's buses; it is not used for the map."
    placed = replace(buses, x=at[:, 0], y=at[:, 1])
    return replace(feeder, buses=placed, notes=(*feeder.notes, note))

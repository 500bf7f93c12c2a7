"""What a power system generated, by type, as its operator published it."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.timegrid import TimeGrid
from evergrid.model import stamps
from evergrid.model.series import mean_on

STORAGE = "storage"  # in the name of a type that may draw


@dataclass(frozen=True)
class GenerationByType:
    """Generation of each type, without gaps; a value holds from its stamp to the next.

    Attributes:
        time_utc: Start of each interval.
        unit_type: Names of the types.
        generation_mw: Of each type; below 0 where a storage draws and the operator nets it.

    Raises:
        InputError: Unordered, repeated or missing stamps, values that are not finite, or negative
            for a type that is no storage.
    """

    time_utc: Shaped[Array, " interval"]
    unit_type: Shaped[Array, " type"]
    generation_mw: Float[Array, "type interval"]

    def __post_init__(self) -> None:
        records.check(self, "generation_by_type")
        faults = stamps.faults(self.time_utc)
        for name, values in zip(self.unit_type, self.generation_mw, strict=True):
            least = -np.inf if STORAGE in str(name) else 0.0
            good = np.asarray((values >= least) & np.isfinite(values))
            rule = "be finite, and at least 0 unless it is a storage"
            faults += broken(str(name), good, rule, values=values)
        raise_if_any("generation_by_type", faults)

    def on(self, grid: TimeGrid) -> Float[Array, "type step"]:
        """Generation in each step: held over finer steps, averaged over coarser.

        Raises:
            InputError: The series does not cover the grid.
        """
        return mean_on(grid, self.time_utc, self.generation_mw, source="generation_by_type")

    def of(self, *unit_types: str) -> Float[Array, " interval"]:
        """Generation of these types together.

        Raises:
            InputError: A type that is not among them.
        """
        missing = [name for name in unit_types if name not in set(self.unit_type.tolist())]
        if missing:
            rule = f"be among {', '.join(str(name) for name in self.unit_type)}"
            raise InputError("generation_by_type", [Fault("unit_type", rule, tuple(missing))])
        return self.generation_mw[np.isin(self.unit_type, unit_types)].sum(axis=0)

"""What a power system must serve in each step, and what wind, sun and water offer for nothing."""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.timegrid import TimeGrid

HOURS = {False: 8760, True: 8784}  # of a year, by whether it is a leap year


@dataclass(frozen=True)
class SystemLoad:
    """Load of a system, and generation that is available without cost and may be curtailed.

    Attributes:
        grid: The steps.
        load_mw: Load in each step.
        source: Names of what is available, such as ``wind``.
        available_mw: What each could give.

    Raises:
        InputError: Lengths that do not fit the grid, values that are negative or not finite.
    """

    grid: TimeGrid
    load_mw: Float[Array, " step"]
    source: Shaped[Array, " source"]
    available_mw: Float[Array, "source step"]

    def __post_init__(self) -> None:
        records.check(self, "system_load", step=lambda: self.grid.steps)
        faults: list[Fault] = []
        for name, values in (
            ("load_mw", self.load_mw),
            *zip(self.source, self.available_mw, strict=True),
        ):
            good = np.asarray((values >= 0) & np.isfinite(values))
            faults += broken(str(name), good, "be finite and at least 0", values=values)
        raise_if_any("system_load", faults)

    @property
    def net_load_mw(self) -> Float[Array, " step"]:
        """Load less all that is available; below 0 the rest is curtailed."""
        return self.load_mw - self.available_mw.sum(axis=0)


def year_grid(year: int, values: int, *, field: str) -> TimeGrid:
    """The hours of a year in UTC, for a series of that many values.

    Raises:
        InputError: The series is not as long as the year, such as 8,760 values in a leap year.
    """
    leap = calendar.isleap(year)
    if values != HOURS[leap]:
        rule = f"have the {HOURS[leap]:,} hours of {year}{', a leap year' if leap else ''}"
        fix = "A missing day is not guessed, and a day too many is not cut off: give another year."
        raise InputError("system_load", [Fault(field, rule, (f"{values:,} values",), fix=fix)])
    return TimeGrid(datetime(year, 1, 1, tzinfo=UTC), 1.0, values)

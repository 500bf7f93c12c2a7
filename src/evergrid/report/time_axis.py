"""How steps lie on a figure's time axis: the reader's clock, fewer points where many."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, zone
from evergrid.core.units import S_PER_H

MOST_POINTS = 1500  # more than pixels across; keeps every figure far below 1 MB


@dataclass(frozen=True)
class TimeAxis:
    """The steps of a grid as points on an axis; long grids have several steps to a point.

    Attributes:
        grid: The steps.
        time_zone: IANA zone whose clock the axis shows.
        most: Points at most.

    Raises:
        InputError: No zone has that name.
    """

    grid: TimeGrid
    time_zone: str = "UTC"
    most: int = MOST_POINTS

    @property
    def group(self) -> int:
        """How many steps a point stands for; the last may stand for fewer."""
        return -(-self.grid.steps // self.most)

    @property
    def note(self) -> str:
        """What a reader must know where points stand for several steps; else empty."""
        if self.group == 1:
            return ""
        minutes = self.group * self.grid.step_h * 60
        return f"One point stands for {self.group} steps ({minutes:g} min)"

    @cached_property
    def first(self) -> Int[Array, " point"]:
        """First step of each point."""
        return np.arange(0, self.grid.steps, self.group)

    @cached_property
    def edges(self) -> Shaped[Array, " edge"]:
        """Local clock at the start of each point, and at the end of the last.

        The offset from UTC is that of the grid's start throughout, so that time neither jumps
        nor runs twice when clocks change; the title says so.
        """
        edges = np.append(self.first, self.grid.steps)
        step_s = round(self.grid.step_h * S_PER_H)
        start = np.datetime64(self.grid.start_utc.replace(tzinfo=None), "s")
        return start + (edges * step_s + self._offset_s(start=True)).astype("timedelta64[s]")

    @property
    def title(self) -> str:
        """Axis title naming the year, the zone and its offset."""
        offset_s = self._offset_s(start=True)
        first, last = (str(edge)[:4] for edge in self.edges[[0, -2]])
        years = first if first == last else f"{first} and {last}"
        if self.time_zone == "UTC":
            return f"Time in {years} (UTC)"
        sign = "+" if offset_s >= 0 else "-"
        hours, minutes = divmod(abs(offset_s) // 60, 60)
        offset = f"UTC{sign}{hours:02d}:{minutes:02d}"
        if offset_s == self._offset_s(start=False):
            return f"Local time in {years} ({self.time_zone}, {offset})"
        return f"Time in {years} ({self.time_zone}, {offset} throughout; clocks change)"

    def _offset_s(self, *, start: bool) -> int:
        moment = self.grid.start_utc if start else self.grid.end_utc - self.grid.step
        offset = moment.astimezone(zone(self.time_zone)).utcoffset()
        return 0 if offset is None else round(offset.total_seconds())

    def mean(self, values: Float[Array, "*row step"]) -> Float[Array, "*row point"]:
        """Mean of the steps of each point."""
        self._check(values)
        counts = np.diff(np.append(self.first, self.grid.steps))
        return np.add.reduceat(values, self.first, axis=-1) / counts

    def lowest(self, values: Float[Array, "*row step"]) -> Float[Array, "*row point"]:
        """Smallest of the steps of each point."""
        self._check(values)
        return np.minimum.reduceat(values, self.first, axis=-1)

    def extreme(self, values: Float[Array, "*row step"]) -> Float[Array, "*row point"]:
        """Value farthest from zero among the steps of each point: a peak stays a peak."""
        self._check(values)
        highest = np.maximum.reduceat(values, self.first, axis=-1)
        lowest = np.minimum.reduceat(values, self.first, axis=-1)
        return np.where(np.abs(highest) >= np.abs(lowest), highest, lowest)

    def last(self, values: Shaped[Array, "*row step"]) -> Shaped[Array, "*row point"]:
        """Value of the last step of each point."""
        self._check(values)
        return values[..., np.append(self.first[1:], self.grid.steps) - 1]

    def _check(self, values: Shaped[Array, "..."]) -> None:
        if values.shape[-1] != self.grid.steps:
            rule = f"have one value for each of the {self.grid.steps} steps"
            raise InputError("figure", [Fault("values", rule, got=(values.shape[-1],))])


def held(values: Float[Array, " point"]) -> Float[Array, " edge"]:
    """Values at edges, for lines drawn as steps: the last one is held to the end."""
    return np.append(values, values[-1:])


def runs(mask: Sequence[bool] | Shaped[Array, " step"]) -> list[tuple[int, int]]:
    """First and one past the last position of each unbroken run of true values."""
    turns = np.flatnonzero(np.diff(np.concatenate([[False], np.asarray(mask, bool), [False]])))
    return [(int(first), int(stop)) for first, stop in turns.reshape(-1, 2)]

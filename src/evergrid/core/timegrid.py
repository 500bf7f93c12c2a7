"""Time: UTC instants, and the half-open steps that everything is planned in."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H


def utc(instant: datetime | str, *, field: str = "time") -> datetime:
    """The instant in UTC.

    Raises:
        InputError: A time stamp without a zone, or text that is no ISO 8601 time stamp.
    """
    try:
        moment = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        if not isinstance(moment, datetime):
            raise ValueError
    except ValueError:
        fault = Fault(field, "be an ISO 8601 time stamp", got=(instant,))
        raise InputError(field, [fault]) from None
    if moment.tzinfo is None:
        fix = "Add the offset, such as 2022-07-04T00:00:00+00:00 or a trailing Z."
        raise InputError(field, [Fault(field, "carry a time zone", got=(instant,), fix=fix)])
    return moment.astimezone(UTC)


def datetime64(instant: datetime) -> np.datetime64:
    """The zone-aware instant as ``datetime64[us]`` in UTC, the form arrays hold."""
    return np.datetime64(utc(instant).replace(tzinfo=None), "us")


def stamp(time: np.datetime64) -> str:
    """The UTC instant as text, with seconds or parts of them only where there are any."""
    for unit in ("m", "s", "ms"):
        if time == time.astype(f"datetime64[{unit}]"):
            return f"{np.datetime_as_string(time, unit=unit)}Z"
    return f"{np.datetime_as_string(time, unit='us')}Z"


def span(start: datetime, end: datetime) -> str:
    """Two zone-aware instants as "2022-07-04T00:00Z to 2022-07-05T00:00Z"."""
    return f"{stamp(datetime64(start))} to {stamp(datetime64(end))}"


def zone(name: str, *, field: str = "time_zone") -> ZoneInfo:
    """The IANA time zone of that name.

    Raises:
        InputError: No zone has that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fault = Fault(field, "be an IANA zone such as Europe/Oslo", got=(name,))
        raise InputError(field, [fault]) from None


def local_midnight(day: date, zone_name: str) -> datetime:
    """The UTC instant at which the local day begins; days may last 23 or 25 hours."""
    return datetime.combine(day, time(0), tzinfo=zone(zone_name)).astimezone(UTC)


@dataclass(frozen=True)
class TimeGrid:
    """Equal, half-open steps ``[start + k step, start + (k + 1) step)``, stamped at their start.

    Attributes:
        start_utc: Start of the first step, zone-aware.
        step_h: Length of a step; a whole number of seconds, from one second to a day.
        steps: How many steps.
    """

    start_utc: datetime
    step_h: float
    steps: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "start_utc", utc(self.start_utc, field="start_utc"))
        records.check(self, "time grid")
        step_s = self.step_h * S_PER_H
        faults = []
        if not (1 <= step_s <= 24 * S_PER_H and abs(step_s - round(step_s)) < 1e-6):
            rule = "be a whole number of seconds between one second and a day"
            fix = "Give 0.25 for a quarter of an hour."
            faults.append(Fault("step_h", rule, got=(self.step_h,), fix=fix))
        if self.steps < 1:
            faults.append(Fault("steps", "be at least 1", got=(self.steps,)))
        if not faults and self.steps * step_s > self._seconds_left():
            fix = "Choose fewer steps, or shorter ones."
            faults.append(Fault("steps", "end before the year 10000", (self.steps,), fix=fix))
        if faults:
            raise InputError("time grid", faults)

    def _seconds_left(self) -> float:
        """From the start to the last instant that a calendar knows."""
        return (datetime.max.replace(tzinfo=UTC) - self.start_utc).total_seconds()

    @property
    def step(self) -> timedelta:
        """Length of a step."""
        return timedelta(seconds=round(self.step_h * S_PER_H))

    @property
    def end_utc(self) -> datetime:
        """End of the last step."""
        return self.start_utc + self.steps * self.step

    @property
    def horizon_h(self) -> float:
        """Length of all steps together."""
        return self.steps * self.step_h

    @cached_property
    def times(self) -> Shaped[Array, " step"]:
        """Start of each step, ``datetime64[us]`` in UTC."""
        offsets = np.arange(self.steps) * np.timedelta64(self.step)
        return datetime64(self.start_utc) + offsets.astype("timedelta64[us]")

    def position(self, times: Shaped[Array, "..."]) -> Float[Array, "..."]:
        """Where instants lie on the grid, in steps from its start (2.5 = middle of the third)."""
        since = times.astype("datetime64[us]") - datetime64(self.start_utc)
        return since / np.timedelta64(self.step)

    def window(
        self, arrival: Shaped[Array, " row"], departure: Shaped[Array, " row"]
    ) -> tuple[Int[Array, " row"], Int[Array, " row"]]:
        """First step and one past the last step that each interval touches, within the grid.

        An interval outside the grid gets an empty window (first == stop).
        """
        since, until = (np.clip(self.position(t), 0, self.steps) for t in (arrival, departure))
        first = np.floor(since + 1e-9).astype(np.int64)
        stop = np.ceil(until - 1e-9).astype(np.int64)
        inside = until > since  # however short, it touches the step in which it begins
        first = np.where(inside, np.minimum(first, self.steps - 1), first)
        return first, np.maximum(stop, first + inside)

    def part(self, first: int, stop: int) -> "TimeGrid":
        """The grid of steps ``first`` to ``stop - 1``."""
        return TimeGrid(self.start_utc + first * self.step, self.step_h, stop - first)

"""Values held over equal intervals: what makes a series whole, and what it is over other steps."""

from datetime import datetime

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault, broken
from evergrid.core.timegrid import TimeGrid, datetime64


def interval_h(time_utc: Shaped[Array, " interval"]) -> float:
    """Length of the intervals: the usual distance of stamps; an hour where there is only one."""
    steps = np.diff(time_utc)
    steps = steps[steps > np.timedelta64(0, "us")]
    return float(np.median(steps) / np.timedelta64(1, "h")) if len(steps) else 1.0


def time_faults(time_utc: Shaped[Array, " interval"]) -> list[Fault]:
    """Faults of stamps that repeat, run backwards or leave a gap."""
    if len(time_utc) == 0:
        return [Fault("time_utc", "have at least one row")]
    usual_h = interval_h(time_utc)
    step_h = np.diff(time_utc) / np.timedelta64(1, "h")
    faults = []
    for ok, rule, fix in (
        (step_h != 0, "not repeat", "Keep one row per interval."),
        (step_h >= 0, "rise from row to row", "Sort the rows by time."),
        (
            (step_h <= 0) | (np.abs(step_h - usual_h) < 1e-9),
            f"follow the row before by {usual_h * 60:g} min",
            "Fill the gap: a missing value is not guessed.",
        ),
    ):
        faults += broken("time_utc", np.append(True, ok), rule, values=time_utc, fix=fix)
    return faults


def mean_on(
    grid: TimeGrid,
    time_utc: Shaped[Array, " interval"],
    values: Float[Array, "*row interval"],
    *,
    source: str,
) -> Float[Array, "*row step"]:
    """Mean over each step of values that hold from their stamp to the next.

    Raises:
        InputError: The intervals do not cover the grid.
    """
    at, whole = _edges(grid, time_utc, source)
    summed = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, -1)], axis=-1)
    area = summed[..., whole] + (at - whole) * values[..., whole]
    within_one = at[1:] <= whole[:-1] + 1 + 1e-9  # then the held value itself, free of rounding
    return np.where(within_one, values[..., whole[:-1]], np.diff(area, axis=-1) / np.diff(at))


def least_on(
    grid: TimeGrid,
    time_utc: Shaped[Array, " interval"],
    values: Float[Array, "*row interval"],
    *,
    source: str,
) -> Float[Array, "*row step"]:
    """Least value over each step of values that hold from their stamp to the next.

    Raises:
        InputError: The intervals do not cover the grid.
    """
    at, whole = _edges(grid, time_utc, source)
    last = np.ceil(at[1:] - 1e-9).astype(np.int64)  # the interval after the last one touched
    closed = np.concatenate([values, np.full((*values.shape[:-1], 1), np.inf)], axis=-1)
    pairs = np.stack([whole[:-1], np.maximum(last, whole[:-1] + 1)], axis=1).ravel()
    return np.minimum.reduceat(closed, pairs, axis=-1)[..., ::2]


def _edges(
    grid: TimeGrid, time_utc: Shaped[Array, " interval"], source: str
) -> tuple[Float[Array, " edge"], Int[Array, " edge"]]:
    """Where the edges of the steps lie among the intervals, and the interval each lies in.

    Raises:
        InputError: The intervals do not cover the grid.
    """
    width_h = interval_h(time_utc)
    end = time_utc[-1] + np.timedelta64(round(width_h * 3600), "s")
    if datetime64(grid.start_utc) < time_utc[0] or datetime64(grid.end_utc) > end:
        rule = f"cover the horizon {span(grid.start_utc, grid.end_utc)}"
        fix = "Choose a horizon inside it, or data that reaches further."
        got = (f"{_text(time_utc[0])} to {_text(end)}",)
        raise InputError(source, [Fault("time_utc", rule, got=got, fix=fix)])
    edges = np.append(grid.times, datetime64(grid.end_utc))
    at = (edges - time_utc[0]) / np.timedelta64(1, "h") / width_h
    return at, np.clip(np.floor(at + 1e-9).astype(np.int64), 0, len(time_utc) - 1)


def span(start: datetime, end: datetime) -> str:
    """Two zone-aware instants as "2022-07-04T00:00Z to 2022-07-05T00:00Z"."""
    return f"{_text(datetime64(start))} to {_text(datetime64(end))}"


def _text(time: np.datetime64) -> str:
    return f"{np.datetime_as_string(time, unit='m')}Z"

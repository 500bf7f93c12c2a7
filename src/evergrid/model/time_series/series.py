"""Values held over intervals: what they are over the steps of a grid."""

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, datetime64, span, stamp
from evergrid.model.time_series.stamps import widths


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
    at, whole, width = _edges(grid, time_utc, source)
    into = (at - whole) * width[whole]
    summed = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values * width, -1)], -1)
    area = summed[..., whole] + into * values[..., whole]
    held = np.concatenate([[0.0], np.cumsum(width)])[whole] + into
    within_one = at[1:] <= whole[:-1] + 1 + 1e-9  # then the held value itself, free of rounding
    return np.where(within_one, values[..., whole[:-1]], np.diff(area, axis=-1) / np.diff(held))


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
    at, whole, _ = _edges(grid, time_utc, source)
    last = np.ceil(at[1:] - 1e-9).astype(np.int64)  # the interval after the last one touched
    closed = np.concatenate([values, np.full((*values.shape[:-1], 1), np.inf)], axis=-1)
    pairs = np.stack([whole[:-1], np.maximum(last, whole[:-1] + 1)], axis=1).ravel()
    return np.minimum.reduceat(closed, pairs, axis=-1)[..., ::2]


def _edges(
    grid: TimeGrid, time_utc: Shaped[Array, " interval"], source: str
) -> tuple[Float[Array, " edge"], Int[Array, " edge"], Float[Array, " interval"]]:
    """Where the edges of the steps lie among the intervals, counted in intervals from the first.

    Beside it the interval that each lies in, and how long each interval is, as a multiple of the
    shortest.

    Raises:
        InputError: The intervals do not cover the grid.
    """
    long = widths(time_utc)
    end = time_utc[-1] + long[-1]
    if datetime64(grid.start_utc) < time_utc[0] or datetime64(grid.end_utc) > end:
        rule = f"cover the horizon {span(grid.start_utc, grid.end_utc)}"
        fix = "Choose a horizon inside it, or data that reaches further."
        got = (f"{stamp(time_utc[0])} to {stamp(end)}",)
        raise InputError(source, [Fault("time_utc", rule, got=got, fix=fix)])
    edges = np.append(grid.times, datetime64(grid.end_utc))
    whole = np.clip(np.searchsorted(time_utc, edges, side="right") - 1, 0, len(time_utc) - 1)
    return whole + (edges - time_utc[whole]) / long[whole], whole, long / long.min()

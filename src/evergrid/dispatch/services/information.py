"""What is known when an offer is made: no decision sees a price that is published later."""

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid


def persistence(
    grid: TimeGrid,
    values: Float[Array, " step"],
    published_utc: Shaped[Array, " step"],
    decided_utc: np.datetime64,
    wanted: int,
) -> Float[Array, " wanted"]:
    """For each of the last steps the value of the same time of the latest day that is known.

    Args:
        grid: The steps of all values, past ones first.
        values: Of each step.
        published_utc: When each is published.
        decided_utc: When the offer is made.
        wanted: How many steps, the last of the grid, are forecast; known ones are what they are.

    Raises:
        InputError: Steps of which no day before is known.
    """
    known: Bool[Array, " step"] = published_utc <= decided_utc
    day = round(24.0 / grid.step_h)
    first = grid.steps - wanted
    made = np.full(wanted, np.nan)
    for days in range(first // day + 1):
        at = np.arange(first, grid.steps) - days * day
        usable = np.isnan(made) & (at >= 0)
        usable[usable] = known[at[usable]]
        made[usable] = values[at[usable]]
    missing = np.isnan(made)
    if missing.any():
        rule = f"be known for the same time of one of the {first // day} days before"
        fix = "Give prices that begin earlier and look back further, or plan with foresight."
        got = (str(grid.times[first:][missing][0]),)
        raise InputError("information", [Fault("prices", rule, got, fix=fix)])
    return made

"""What is known when an offer is made, as a configuration names it, and what that lets expect."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from evergrid.core.arrays import Array, Float
from evergrid.core.config import Config
from evergrid.core.errors import InputError
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import H_PER_DAY
from evergrid.dispatch.services.information import persistence
from evergrid.inputs.assembly import read_prices
from evergrid.inputs.tables import PriceSource
from evergrid.model.prices import Prices


class Information(Config):
    """What is known when offers are made."""

    prices: Literal["foresight", "persistence"] = "foresight"
    """"foresight" plans on the prices that come; "persistence" on those of the latest day known."""
    gate_h: float = Field(default=12.0, ge=0, le=168)
    """Hours before the horizon at which offers are made."""
    look_back_days: int = Field(default=7, ge=1, le=31)
    """Days before the horizon whose prices are read; they must be there."""
    published_h: float = Field(default=0.0, ge=-48, le=168)
    """Hours after an interval begins at which its price is published; below 0 for ahead of it."""


def with_days_before(information: Information, grid: TimeGrid) -> TimeGrid:
    """The grid with the days before it that persistence may look back to."""
    days = information.look_back_days
    start = grid.start_utc - timedelta(days=days)
    return TimeGrid(start, grid.step_h, grid.steps + round(H_PER_DAY * days / grid.step_h))


@contextmanager
def reaching_back(information: Information) -> Iterator[None]:
    """Says of prices that are not there that they must begin before the horizon.

    Raises:
        InputError: What was raised, with that way out.
    """
    try:
        yield
    except InputError as error:
        days = information.look_back_days
        fix = (
            f"Give prices that begin {days} days before the horizon, look back fewer days "
            "(information.look_back_days), or plan with foresight."
        )
        faults = [replace(fault, fix=fix) for fault in error.faults]
        raise InputError(error.source, faults, more=error.more) from None


def expected(
    information: Information, grid: TimeGrid, values: Float[Array, " known"]
) -> Float[Array, " step"]:
    """What is expected in the horizon of values from the days before on.

    Args:
        information: What is known.
        grid: The horizon.
        values: On `with_days_before`.

    Raises:
        InputError: Steps of which no day before is known.
    """
    longer = with_days_before(information, grid)
    published = longer.times + np.timedelta64(timedelta(hours=information.published_h))
    gate = grid.times[0] - np.timedelta64(timedelta(hours=information.gate_h))
    return persistence(longer, values, published, gate, grid.steps)


def expected_energy(
    information: Information, source: PriceSource, grid: TimeGrid, folder: Path
) -> Prices:
    """Prices of energy as they are expected in the horizon.

    Raises:
        InputError: Prices that break rules, or do not begin as many days before.
    """
    longer = with_days_before(information, grid)
    with reaching_back(information):
        read, _ = read_prices(source, longer, folder)
        known = read.on(longer).columns()
    columns = {
        name: values if name == "time_utc" else expected(information, grid, values)
        for name, values in known.items()
    }
    columns["time_utc"] = grid.times
    return Prices(currency=read.currency, **columns)

"""The blocks that a market sells within a horizon, on its own clock."""

from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from evergrid.core.arrays import Array, Int
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import H_PER_DAY, S_PER_H
from evergrid.markets.rules.product import Market


class Blocks(NamedTuple):
    """Whole blocks, each some steps of a grid in a row.

    Attributes:
        first: First step of each.
        steps: How many steps each has; a block of four hours has three or five when clocks change.
        days: Market day of each.
    """

    first: Int[Array, " block"]
    steps: Int[Array, " block"]
    days: list[date]


def whole_blocks(grid: TimeGrid, market: Market, block_h: float) -> Blocks:
    """The blocks that lie within the horizon as a whole.

    Blocks of more than an hour follow the market's wall clock, others the hours of UTC. A block
    shorter than a step is taken to be as long as the step.
    """
    zone = ZoneInfo(market.time_zone)
    start_s = grid.start_utc.timestamp()
    every_s = grid.step_h * S_PER_H
    label = np.array(
        [
            _label(start_s + k * every_s, zone, market.block_begins_h, max(block_h, grid.step_h))
            for k in range(-1, grid.steps + 1)
        ]
    )
    begins = np.flatnonzero(label[1:] != label[:-1])  # step k begins where k - 1 has another
    first, stop = begins[:-1], begins[1:]
    days = [
        datetime.fromtimestamp(start_s + int(k) * every_s, UTC).astimezone(zone).date()
        for k in first
    ]
    return Blocks(first, stop - first, days)


def _label(time_s: float, zone: ZoneInfo, begins_h: float, block_h: float) -> int:
    """A number that all instants of a block share."""
    if block_h <= 1.0:
        return int(np.floor(time_s / S_PER_H / block_h + 1e-9))
    local = datetime.fromtimestamp(time_s, UTC).astimezone(zone)
    hours = local.hour + local.minute / 60.0 + local.second / S_PER_H
    since_h = local.date().toordinal() * H_PER_DAY + hours - begins_h
    return int(np.floor(since_h / block_h + 1e-9))

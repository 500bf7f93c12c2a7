"""What meters show in a stretch of time."""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float


class MeterRow(NamedTuple):
    """Samples of a stretch, in the order and with the meaning of `IslandSamples`."""

    time_s: Array
    frequency: Array
    voltage: Array
    unit_frequency: Array
    power_kw: Array
    reactive_kvar: Array
    current: Array
    block_kw: Array
    connected: Array


def dark_row(time_s: Float[Array, " sample"], units: int, blocks: int) -> MeterRow:
    """Samples of an island without a unit."""
    samples = len(time_s)
    none, zero = np.full(samples, np.nan), np.zeros(samples)
    each = np.zeros((samples, units))
    return MeterRow(
        time_s,
        none,
        zero,
        np.full((samples, units), np.nan),
        each,
        each,
        each,
        np.zeros((samples, blocks)),
        np.zeros((samples, blocks), bool),
    )

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


def effective_pu(voltage_pu: Float[Array, " sample"], window: int) -> Float[Array, " late_sample"]:
    """Effective value of a voltage over the last samples, as relays and meters take it.

    As a breaker closes, inductances first share the voltage among them, until current flows: for
    microseconds where the load is almost a resistance. Nothing reacts to such an instant.

    Args:
        voltage_pu: Length of the voltage vector; a sample stands for the time before it.
        window: How many samples a value is taken over. There are so many fewer values, less one.
    """
    return np.sqrt(np.convolve(voltage_pu**2, np.full(window, 1.0 / window), mode="valid"))


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

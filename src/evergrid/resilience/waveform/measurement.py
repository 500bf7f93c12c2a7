"""What instruments would read from sampled waveforms: rms, frequency, phasors, sequences."""

import math
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

TURN = np.exp(2j * math.pi / 3)


def cycle_rms(
    values: Float[Array, "phase sample"], sample_s: float, nominal_hz: float
) -> Float[Array, "phase window"]:
    """Rms over one nominal cycle that slides from sample to sample.

    The last part of a cycle that is no whole sample counts by its share, so that a steady sine of
    that frequency has a steady rms.

    Args:
        values: Voltages or currents.
        sample_s: Between samples.
        nominal_hz: One cycle of it is the window.

    Returns:
        One value for each window that lies within the record; none where it is shorter.
    """
    length = 1.0 / (nominal_hz * sample_s)
    whole, rest = int(length), length - int(length)
    count = values.shape[1] - whole
    if count < 1:
        return np.zeros((values.shape[0], 0))
    summed = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values**2, axis=1)], axis=1)
    square = summed[:, whole : whole + count] - summed[:, :count] + rest * values[:, whole:] ** 2
    return np.sqrt(np.maximum(square, 0.0) / length)

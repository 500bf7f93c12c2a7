"""What instruments would read from sampled waveforms: rms, frequency, phasors, sequences."""

import math
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

TURN = np.exp(2j * math.pi / 3)
SEQUENCES = np.array([[1, 1, 1], [1, TURN, TURN**2], [1, TURN**2, TURN]]) / 3


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
    whole = int(length)
    count = values.shape[1] - whole
    if count < 1:
        return np.zeros((values.shape[0], 0))
    summed = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values**2, axis=1)], axis=1)
    last = (length - whole) * values[:, whole:] ** 2
    square = summed[:, whole : whole + count] - summed[:, :count] + last
    return np.sqrt(np.maximum(square, 0.0) / length)


def space_vector(values: Float[Array, "phase sample"]) -> Array:
    """The three phases as one rotating complex number, whose size is the amplitude."""
    return 2 / 3 * (values[0] + TURN * values[1] + TURN**2 * values[2])


def frequency_hz(
    values: Float[Array, "phase sample"], sample_s: float, *, window_s: float
) -> Float[Array, " window"]:
    """Mean frequency of the space vector over a window that slides from sample to sample.

    Args:
        values: Voltages of three phases, none of them dead.
        sample_s: Between samples.
        window_s: Over which the angle is followed; a cycle or more.

    Raises:
        InputError: A record that is shorter than the window.
    """
    width = round(window_s / sample_s)
    if not 0 < width < values.shape[1]:
        rule = "be longer than a sample and shorter than the record"
        raise_if_any("frequency", [Fault("window_s", rule, (window_s,))])
    angle = np.unwrap(np.angle(space_vector(values)))
    return (angle[width:] - angle[:-width]) / (2 * math.pi * width * sample_s)


@dataclass(frozen=True)
class SequenceComponents:
    """Symmetrical components of three phasors.

    Attributes:
        zero: Equal in all phases.
        positive: In the order abc.
        negative: In the order acb.

    Source:
        C. Fortescue (1918), Method of symmetrical co-ordinates applied to the solution of polyphase
        networks, Transactions of the AIEE 37(2).
    """

    zero: complex
    positive: complex
    negative: complex

    @property
    def negative_share(self) -> float:
        """Negative over positive sequence: the voltage unbalance factor."""
        return abs(self.negative) / abs(self.positive)

    @property
    def zero_share(self) -> float:
        """Zero over positive sequence."""
        return abs(self.zero) / abs(self.positive)


def sequence_components(phasors: Array) -> SequenceComponents:
    """Split three phasors.

    Args:
        phasors: Complex, of phase a, b and c.

    Raises:
        InputError: Phasors without a positive sequence, or not three.
    """
    if phasors.shape != (3,) or not np.isfinite(phasors).all():
        rule = "be three finite complex numbers"
        raise_if_any("sequences", [Fault("phasors", rule, (str(phasors),))])
    zero, positive, negative = (complex(value) for value in SEQUENCES @ phasors)
    if positive == 0:
        fix = "Is the order of the phases acb?"
        raise_if_any("sequences", [Fault("phasors", "have a positive sequence", fix=fix)])
    return SequenceComponents(zero, positive, negative)

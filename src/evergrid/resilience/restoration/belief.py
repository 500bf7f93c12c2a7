"""What a policy believes of an outage that goes on: how long it lasts, and who still comes."""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault

SHORTEST_H = 1e-9  # mean that is counted with where 0 is given


class OutageBelief(NamedTuple):
    """Probabilities and means over outages, the same whatever becomes of one of them.

    Attributes:
        lasting: Share of each step for which outages last on average: near the probability that
            one lasts to it. It never rises.
        tail_h: Mean time for which outages that outlast those steps last on, exponentially
            distributed; 0 where none does.
        coming_kwh: Mean AC energy of the vehicles that come after the beginning of each step.
    """

    lasting: Float[Array, " step"]
    tail_h: float
    coming_kwh: Float[Array, " step"]


def exponential(expected_h: float, steps: int, step_h: float) -> OutageBelief:
    """Outages of exponential length with that mean, to which nobody comes who is not there yet."""
    means = step_h / max(expected_h, SHORTEST_H)  # in a step
    lasting = np.exp(-means * np.arange(steps)) * min(-np.expm1(-means) / means, 1.0)
    return OutageBelief(lasting, expected_h, np.zeros(steps))


def drawn(
    length_h: Float[Array, " scenario"],
    arrival_h: Float[Array, " vehicle"],
    energy_kwh: Float[Array, " vehicle"],
    steps: int,
    step_h: float,
) -> OutageBelief:
    """Means over outages that were drawn, none of which is longer than the steps.

    Args:
        length_h: Of each outage.
        arrival_h: Of each vehicle of every outage.
        energy_kwh: That each could feed.
        steps: Steps.
        step_h: Length of one.

    Raises:
        InputError: No outage.
    """
    if not len(length_h):
        raise InputError("belief", [Fault("length_h", "hold at least one outage")])
    begin = np.arange(steps) * step_h
    lasts = np.clip(length_h[:, None] - begin, 0.0, step_h)
    later = np.sort(arrival_h)
    left = np.concatenate([[0.0], np.cumsum(energy_kwh[np.argsort(arrival_h)])])
    coming = left[-1] - left[np.searchsorted(later, begin, side="right")]
    lasting = np.minimum.accumulate(np.minimum(lasts.mean(axis=0) / step_h, 1.0))
    return OutageBelief(lasting, 0.0, coming / len(length_h))


def check(belief: OutageBelief, steps: int) -> None:
    """Refuse a belief that is none.

    Raises:
        InputError: Another number of steps, probabilities that rise or are none, a negative tail.
    """
    faults = []
    for name in ("lasting", "coming_kwh"):
        if (shape := getattr(belief, name).shape) != (steps,):
            faults.append(Fault(name, f"have one value for each step, {steps} in all", shape))
    lasting, coming = belief.lasting, belief.coming_kwh
    if not ((lasting >= 0) & (lasting <= 1)).all() or (np.diff(lasting) > 1e-12).any():
        faults.append(Fault("lasting", "be probabilities that never rise"))
    if not ((coming >= 0) & np.isfinite(coming)).all():
        faults.append(Fault("coming_kwh", "be finite numbers of at least 0"))
    if not 0 <= belief.tail_h < np.inf:
        faults.append(Fault("tail_h", "be finite and at least 0", (belief.tail_h,)))
    if faults:
        raise InputError("belief", faults)

"""What power does a fleet deliver, and with what probability?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken

# Probabilities are sums of rounded numbers. One this near to a threshold counts as reaching it, so
# that the answer does not depend on the last bit; it is far below anything a fleet can be held to.
TIE = 1e-12
MOST_CONFIDENCE = 1 - 1e-9  # beyond it, rounding in the masses would decide
ON_LATTICE = 1e-9  # of a step: powers this near to a lattice point are on it
SUM_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Distribution:
    """Powers on a lattice with their probabilities.

    Attributes:
        step_kw: Distance between lattice points.
        first: Index of the first point given; its power is ``first * step_kw``.
        mass: Probability of each point from there on. Points not given have none.

    Raises:
        InputError: A step that is not positive, a mass that is negative or NaN, or masses that do
            not sum to one.
    """

    step_kw: float
    first: int
    mass: Float[Array, " point"]

    def __post_init__(self) -> None:
        faults = step_faults(self.step_kw)
        faults += broken("mass", self.mass >= 0, "be at least 0", values=self.mass)
        faults += one_faults("mass", self.mass)
        raise_if_any("distribution", faults)

    @property
    def power_kw(self) -> Float[Array, " point"]:
        """Power of each point."""
        return self.step_kw * (self.first + np.arange(len(self.mass)))

    @property
    def mean_kw(self) -> float:
        """Expected power."""
        return float(self.mass @ self.power_kw)

    @property
    def sd_kw(self) -> float:
        """Standard deviation of the power."""
        return float(np.sqrt(self.mass @ (self.power_kw - self.mean_kw) ** 2))

    def probability_of(self, power_kw: float) -> float:
        """Probability that at least this power is delivered."""
        point = self._point(power_kw)
        below, above = self.mass[:point].sum(), self.mass[point:].sum()
        return float(above if above < below else 1.0 - below)  # the smaller sum is the exact one

    def tail(self, points: int) -> Float[Array, " {points}"]:
        """Probability that at least 0, 1, 2, ... steps are delivered."""
        kept = 1.0 - self._below
        ones, zeros = np.ones(max(self.first, 0)), np.zeros(points)
        return np.concatenate([ones, kept[max(-self.first, 0) :], zeros])[:points]

    def firm_kw(self, confidence: float) -> float:
        """Greatest power on the lattice that is delivered with at least this probability.

        Raises:
            InputError: A confidence outside (0, 1), or too near to 1 for rounded sums.
        """
        return float(self.power_kw[self._firm_point(confidence)])

    def cvar_kw(self, confidence: float) -> float:
        """Mean power of the worst outcomes, which together have probability 1 - confidence.

        The outcome at `firm_kw` counts with as much of its mass as makes the share up.

        Raises:
            InputError: As in `firm_kw`.

        Source:
            Rockafellar and Uryasev (2002), Conditional value-at-risk for general loss
            distributions, J. Banking & Finance 26, proposition 8, doi
            10.1016/S0378-4266(02)00271-6.
        """
        point, share = self._firm_point(confidence), 1.0 - confidence
        worse, power_kw = self.mass[:point], self.power_kw
        partly = share - worse.sum()
        return float((worse @ power_kw[:point] + partly * power_kw[point]) / share)

    def shortfall_kw(self, offer_kw: float) -> float:
        """Expected power by which deliveries stay below an offer."""
        return float(self.mass @ np.maximum(offer_kw - self.power_kw, 0.0))

    def shortfall_cvar_kw(self, offer_kw: float, confidence: float) -> float:
        """Mean shortfall below an offer in the worst outcomes, as `cvar_kw` counts them.

        Raises:
            InputError: As in `firm_kw`.
        """
        point, share = self._firm_point(confidence), 1.0 - confidence
        short_kw = np.maximum(offer_kw - self.power_kw, 0.0)
        worse = self.mass[:point]
        partly = share - worse.sum()
        return float((worse @ short_kw[:point] + partly * short_kw[point]) / share)

    def _point(self, power_kw: float) -> int:
        """Position of the first point at or above a power, the end where there is none."""
        index = np.ceil(power_kw / self.step_kw - ON_LATTICE) - self.first
        return int(np.clip(index, 0, len(self.mass)))

    @property
    def _below(self) -> Float[Array, " point"]:
        """Probability of less than each point, added up from the tail that is small."""
        return np.append(0.0, np.cumsum(self.mass[:-1]))

    def _firm_point(self, confidence: float) -> int:
        raise_if_any("confidence", confidence_faults(np.array([confidence])))
        return int(np.searchsorted(self._below, 1.0 - confidence + TIE, side="right")) - 1


def mixed(
    distributions: Sequence[Distribution], weights: Float[Array, " distribution"]
) -> Distribution:
    """The distribution of a draw from one of several, each with its probability.

    Raises:
        InputError: No distributions, or of different steps, or weights that are negative, too few
            or too many, or do not sum to one.
    """
    raise_if_any("mixture", _mixture_faults(distributions, weights))
    first = min(one.first for one in distributions)
    stop = max(one.first + len(one.mass) for one in distributions)
    mass = np.zeros(stop - first)
    for one, weight in zip(distributions, weights, strict=True):
        at = one.first - first
        mass[at : at + len(one.mass)] += weight * one.mass
    return Distribution(distributions[0].step_kw, first, mass)


def _mixture_faults(
    distributions: Sequence[Distribution], weights: Float[Array, " weight"]
) -> list[Fault]:
    if len(distributions) == 0 or len(distributions) != len(weights):
        got = (len(distributions), len(weights))
        return [Fault("weights", "be as many as the distributions, and at least one", got)]
    steps = np.array([one.step_kw for one in distributions])
    faults = broken("step_kw", steps == steps[0], "be the same for all", values=steps)
    faults += broken("weights", weights >= 0, "be at least 0", values=weights)
    return faults + one_faults("weights", weights)


def step_faults(step_kw: float) -> list[Fault]:
    """The fault of a lattice step that is not a positive number."""
    if 0 < step_kw < np.inf:
        return []
    return [Fault("step_kw", "be above 0 and finite", (step_kw,), fix="1 kW suits most fleets.")]


def one_faults(field: str, shares: Float[Array, " share"]) -> list[Fault]:
    """The fault of shares that do not sum to one."""
    total = float(shares.sum())
    if abs(total - 1.0) <= SUM_TOLERANCE:
        return []
    return [Fault(field, "sum to 1", (total,), fix="Divide them by their sum.")]


def confidence_faults(confidence: Float[Array, " confidence"]) -> list[Fault]:
    """The fault of confidences outside (0, 1), or nearer to 1 than sums can tell."""
    ok = (confidence > 0) & (confidence <= MOST_CONFIDENCE)
    fix = "Pass a probability such as 0.99, not a percent."
    rule = "be above 0 and at most 1 - 1e-9"
    return broken("confidence", ok, rule, values=confidence, fix=fix)

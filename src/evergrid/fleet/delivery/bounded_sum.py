"""Between which bounds does the distribution of a large sum lie, without forming it?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import make_interp_spline
from scipy.special import ndtr, xlog1py

from evergrid.core.arrays import Array, Float
from evergrid.fleet.delivery.common_factor import AbstractFactor, Nodes
from evergrid.fleet.delivery.probability_bins import Bins

# Constant of the Berry-Esseen inequality for summands that are not alike. Source: Shevtsova
# (2010), An improvement of convergence rate estimates in the Lyapunov theorem, Doklady
# Mathematics 82(3), 862-864, doi 10.1134/S1064562410060062.
BERRY_ESSEEN = 0.5600
# Moments are worked out in the factor's states for a fleet of this size, and between them by a
# spline of fifth degree. For probabilities from 0.05 to 0.99 and correlations up to 0.9 it is off
# by 4e-9 at most; SLACK, a share of the fleet's power, is what the bounds allow for.
SMOOTH_FOR = 300.0
DEGREE = 5
SLACK = 1e-7
HALVINGS = 30  # of the fleet's power, when a power is sought between bounds
LEAST_SD = 1e-9  # of the greatest vehicle: keeps sums that are certain from dividing by zero

Together = Callable[[Float[Array, "node step"]], Float[Array, " step"]]


@dataclass(frozen=True)
class Moments:
    """What is known of the sums of independent vehicles, in each state of the common factor.

    Attributes:
        mean_kw: Expected sum.
        variance_kw2: Of the sum.
        third_kw3: Sum of the third absolute central moments of the vehicles.
        greatest_kw: Greatest power of a single vehicle.
    """

    mean_kw: Float[Array, "node step"]
    variance_kw2: Float[Array, "node step"]
    third_kw3: Float[Array, "node step"]
    greatest_kw: Float[Array, " step"]

    def normal(self, power_kw: Float[Array, " step"]) -> Float[Array, "node step"]:
        """Probability that a normal variable of the same moments stays below a power."""
        return ndtr((power_kw - self.mean_kw) / self._sd_kw)

    def normal_below_kw(self, power_kw: Float[Array, " step"]) -> Float[Array, "node step"]:
        """Mean of that normal variable where it is below the power, and 0 elsewhere."""
        z = (power_kw - self.mean_kw) / self._sd_kw
        density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        return self.mean_kw * ndtr(z) - self._sd_kw * density

    def at_most(self, power_kw: Float[Array, " step"]) -> Float[Array, "node step"]:
        """Upper bound on the probability that the sum stays below a power."""
        by_normal = self.normal(power_kw) + self._normal_error
        return np.minimum(by_normal, self._tail(self.mean_kw - power_kw))

    def at_least(self, power_kw: Float[Array, " step"]) -> Float[Array, "node step"]:
        """Lower bound on the probability that the sum stays below a power."""
        by_normal = self.normal(power_kw) - self._normal_error
        return np.maximum(by_normal, 1.0 - self._tail(power_kw - self.mean_kw))

    @cached_property
    def _sd_kw(self) -> Float[Array, "node step"]:
        return np.maximum(np.sqrt(self.variance_kw2), LEAST_SD * self._scale_kw)

    @cached_property
    def _scale_kw(self) -> Float[Array, " step"]:
        return np.where(self.greatest_kw > 0, self.greatest_kw, 1.0)

    @cached_property
    def _normal_error(self) -> Float[Array, "node step"]:
        """Most by which the normal distribution function is off; see ``BERRY_ESSEEN``."""
        certain = self._sd_kw <= LEAST_SD * self._scale_kw
        return np.where(
            certain, 1.0, np.minimum(BERRY_ESSEEN * self.third_kw3 / self._sd_kw**3, 1.0)
        )

    def _tail(self, beyond_kw: Float[Array, "node step"]) -> Float[Array, "node step"]:
        """Bound on the probability that the sum is this far beyond its mean, on either side.

        Source:
            Bennett's inequality in Boucheron, Lugosi and Massart (2013), Concentration
            Inequalities, theorem 2.9.
        """
        beyond = np.maximum(beyond_kw, 0.0) / self._scale_kw
        variance = (self._sd_kw / self._scale_kw) ** 2
        u = beyond / variance
        tail = np.exp(-variance * (xlog1py(1 + u, u) - u))
        return np.where(self.variance_kw2 > 0, tail, beyond == 0)  # what is certain is never beyond


@dataclass(frozen=True)
class Sandwich:
    """A fleet between one whose probabilities are rounded down and one with them rounded up.

    In every state the fleet delivers more than the first, and less than the second, in the sense
    of first-order stochastic dominance: probabilities in a state rise with those of the vehicles.

    Attributes:
        nodes: States of the common factor.
        low: Moments with probabilities rounded down to the lowest of their bin.
        middle: Moments with probabilities as they are, linear in between.
        high: Moments with probabilities rounded up to the highest of their bin.
    """

    nodes: Nodes
    low: Moments
    middle: Moments
    high: Moments


def sandwich(bins: Bins, factor: AbstractFactor, *, vehicles: float) -> Sandwich:
    """Moments of a gathered fleet in the states of a common factor.

    Args:
        bins: The fleet.
        factor: What moves it as a whole.
        vehicles: How finely the factor is resolved; see `AbstractFactor.nodes`.
    """
    nodes, fine = factor.nodes(SMOOTH_FOR), factor.nodes(vehicles)
    used = bins.highest >= bins.lowest
    lowest, highest, sums = bins.lowest[used], bins.highest[used], bins.sums[:, used]
    above = _above(sums, lowest, highest)[:, :, None]
    down, up = factor.given(lowest, nodes), factor.given(highest, nodes)
    low, high = _moments(down, sums), _moments(up, sums)
    middle = _moments(down, sums * (1 - above)) + _moments(up, sums * above)
    refined = [_refined(each, nodes, fine) for each in (low, middle, high)]
    rounded = [Moments(*each, greatest_kw=bins.greatest_kw) for each in refined]
    return Sandwich(fine, *rounded)


def bracket(
    between: Sandwich,
    most_kw: Float[Array, " step"],
    confidence: Float[Array, " confidence"],
    together: Together,
) -> Float[Array, "3 confidence step"]:
    """Estimate, lower and upper bound of the greatest power that is missed rarely enough."""
    slack_kw = SLACK * most_kw
    found = []
    for share in (1 - confidence).tolist():
        low_kw, _ = greatest(lambda kw: together(between.low.at_most(kw)), most_kw, share)
        _, high_kw = greatest(lambda kw: together(between.high.at_least(kw)), most_kw, share)
        firm_kw, _ = greatest(lambda kw: together(between.middle.normal(kw)), most_kw, share)
        low_kw = np.maximum(low_kw - slack_kw, 0.0)
        high_kw = np.minimum(high_kw + slack_kw, most_kw)
        found.append((np.clip(firm_kw, low_kw, high_kw), low_kw, high_kw))
    return np.moveaxis(np.array(found), 1, 0)


def greatest(
    missed: Callable[[Float[Array, " step"]], Float[Array, " step"]],
    most_kw: Float[Array, " step"],
    share: float,
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Powers just below and above the greatest that is missed with at most this probability."""
    kept_kw, over_kw = np.zeros_like(most_kw), most_kw
    for _ in range(HALVINGS):
        middle_kw = (kept_kw + over_kw) / 2
        kept = missed(middle_kw) <= share
        kept_kw = np.where(kept, middle_kw, kept_kw)
        over_kw = np.where(kept, over_kw, middle_kw)
    return kept_kw, over_kw


def normal_cvar_kw(
    normal: Moments, weight: Float[Array, " node"], firm_kw: Float[Array, " step"], level: float
) -> Float[Array, " step"]:
    """Mean power of the worst outcomes when each state is normal."""
    share = 1 - level
    worse = weight @ normal.normal_below_kw(firm_kw)
    partly = share - weight @ normal.normal(firm_kw)
    return np.maximum(worse + partly * firm_kw, 0.0) / share


def _above(
    sums: Float[Array, "step bin 4"], lowest: Float[Array, " bin"], highest: Float[Array, " bin"]
) -> Float[Array, "step bin"]:
    """Where the mean probability of each bin lies between its ends, from 0 to 1."""
    width, power_kw = highest - lowest, sums[:, :, 0]
    mean = sums[:, :, 1] / np.where(power_kw > 0, power_kw, 1.0)
    return np.clip((mean - lowest) / np.where(width > 0, width, 1.0), 0.0, 1.0)


def _moments(
    given: Float[Array, "node bin"], sums: Float[Array, "step bin 4"]
) -> Float[Array, "3 node step"]:
    """Mean, variance and third absolute central moment of sums of Bernoulli variables."""
    failing = 1 - given
    variance = given * failing
    shares = (given, variance, variance * (given**2 + failing**2))
    columns = (sums[:, :, 0], sums[:, :, 2], sums[:, :, 3])
    return np.array([share @ column.T for share, column in zip(shares, columns, strict=True)])


def _refined(
    moments: Float[Array, "3 node step"], nodes: Nodes, fine: Nodes
) -> Float[Array, "3 fine step"]:
    """The moments in more states, along the score in each regime."""
    found = np.empty((3, len(fine.score), moments.shape[2]))
    for share in np.unique(fine.share):
        here, there = nodes.share == share, fine.share == share
        if here.sum() > DEGREE:
            curve = make_interp_spline(nodes.score[here], moments[:, here], k=DEGREE, axis=1)
            found[:, there] = curve(fine.score[there])
        else:  # no score: the one state of the regime
            found[:, there] = moments[:, here]
    return np.maximum(found, 0.0)

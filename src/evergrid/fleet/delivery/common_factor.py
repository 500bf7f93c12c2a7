"""What moves all vehicles at once: weather, holidays, outages?"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import final

import numpy as np
from scipy.special import betainccinv, betaincinv, ndtr, ndtri, owens_t

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken, unique
from evergrid.fleet.delivery.distribution import one_faults

# The factor is a standard normal score, and the mean over it a sum over equally spaced scores. The
# sum converges faster than any power of the spacing once that is about the width of the fleet's
# own noise, seen as a score. A spacing of 1.25 widths leaves 3e-6 of what lies in one step of the
# sum. Source: Trefethen and Weideman (2014), The exponentially convergent trapezoidal rule, SIAM
# Review 56, theorem 5.1, doi 10.1137/130932132.
SPACING = 1.25
REACH = 6.5  # scores beyond have a probability of 8e-11
WIDEST = 0.6  # spacing for a fleet of one vehicle


@dataclass(frozen=True)
class Nodes:
    """States of a common factor.

    Attributes:
        weight: Their probabilities.
        score: The state as a standard normal score, low when few vehicles deliver.
        share: What the regime of the state leaves of every vehicle's probability.
    """

    weight: Float[Array, " node"]
    score: Float[Array, " node"]
    share: Float[Array, " node"]

    def where(self, chosen: Bool[Array, " node"]) -> "Nodes":
        """Some of the states."""
        return Nodes(self.weight[chosen], self.score[chosen], self.share[chosen])


class AbstractFactor(ABC):
    """What all vehicles share; given its state, each delivers independently of the others."""

    @abstractmethod
    def nodes(self, vehicles: float) -> Nodes:
        """States in whose mean a distribution function is exact to about 1e-6.

        Args:
            vehicles: Size of the fleet: the larger, the finer. For unequal powers, the number of
                equal vehicles with as much noise, ``sum(power)**2 / sum(power**2)``.
        """

    @abstractmethod
    def given(
        self, probability: Float[Array, " vehicle"], nodes: Nodes
    ) -> Float[Array, "node vehicle"]:
        """Probability that each vehicle delivers in each state.

        It rises with the vehicle's own probability and with the score.
        """


@final
@dataclass(frozen=True)
class Independent(AbstractFactor):
    """No common factor."""

    def nodes(self, vehicles: float) -> Nodes:
        """One state; see `AbstractFactor.nodes`."""
        del vehicles
        return _one_node()

    def given(
        self, probability: Float[Array, " vehicle"], nodes: Nodes
    ) -> Float[Array, "node vehicle"]:
        """Everywhere the vehicle's own probability."""
        return np.tile(probability, (len(nodes.weight), 1))


@dataclass(frozen=True)
class CorrelatedFactor(AbstractFactor):
    """A factor that is known by one correlation.

    Attributes:
        rho: Of two vehicles, from 0 to below 1.

    Raises:
        InputError: A correlation outside [0, 1).
    """

    rho: float

    def __post_init__(self) -> None:
        raise_if_any("common factor", rho_faults(self.rho))


@final
@dataclass(frozen=True)
class BetaMixing(CorrelatedFactor):
    """Probabilities that move together along beta distributions.

    In each state all vehicles stand at the same quantile of a beta distribution, whose mean is
    their own probability and whose spread makes ``rho`` the correlation of two vehicles with equal
    probabilities. The deliveries of a fleet of equal vehicles are beta-binomial.

    Attributes:
        rho: Intraclass correlation of delivering or not, from 0 to below 1.

    Raises:
        InputError: A correlation outside [0, 1).

    Source:
        Skellam (1948), A probability distribution derived from the binomial distribution by
        regarding the probability of success as variable between the sets of trials, J. Royal
        Statistical Society B 10, doi 10.1111/j.2517-6161.1948.tb00014.x, for equal vehicles. One
        quantile for unequal ones is our choice: no other coupling makes the sum more variable.
    """

    def nodes(self, vehicles: float) -> Nodes:
        """Scores of the quantile; see `AbstractFactor.nodes`."""
        if self.rho == 0:
            return _one_node()
        return _scores(np.sqrt(vehicles * self.rho) / (1 - self.rho))

    def given(
        self, probability: Float[Array, " vehicle"], nodes: Nodes
    ) -> Float[Array, "node vehicle"]:
        """The quantile of each vehicle's beta distribution at each score."""
        found = np.tile(probability, (len(nodes.weight), 1))
        uncertain = (probability > 0) & (probability < 1)
        if self.rho == 0 or not uncertain.any():
            return found
        different, alike = np.unique(probability[uncertain], return_inverse=True)
        found[:, uncertain] = self._quantiles(different, nodes.score)[:, alike]
        return found

    def _quantiles(
        self, mean: Float[Array, " mean"], score: Float[Array, " node"]
    ) -> Float[Array, "node mean"]:
        """Quantiles of the betas of these means, each tail from the end at which it is small."""
        precision = 1 / self.rho - 1
        a, b, low = precision * mean, precision * (1 - mean), score < 0
        found = np.empty((len(score), len(mean)))
        found[low] = betaincinv(a, b, ndtr(score[low])[:, None])
        found[~low] = betainccinv(a, b, ndtr(-score[~low])[:, None])
        return found


@final
@dataclass(frozen=True)
class GaussianFactor(CorrelatedFactor):
    """Latent normal strengths of vehicles that share one factor.

    A vehicle delivers when its latent strength, part common and part its own, exceeds a threshold
    that its probability sets. ``rho`` correlates the strengths; the correlation of delivering or
    not is smaller, see `binary_correlation`.

    Attributes:
        rho: Correlation of two latent strengths, from 0 to below 1.

    Raises:
        InputError: A correlation outside [0, 1).

    Source:
        Vasicek (2002), Loan portfolio value, Risk 15(12), 160-162.
    """

    def nodes(self, vehicles: float) -> Nodes:
        """Scores of the common part; see `AbstractFactor.nodes`."""
        if self.rho == 0:
            return _one_node()
        return _scores(np.sqrt(vehicles * self.rho / (1 - self.rho)))

    def given(
        self, probability: Float[Array, " vehicle"], nodes: Nodes
    ) -> Float[Array, "node vehicle"]:
        """Probability that the own part makes up for the common one."""
        strength = ndtri(probability) + np.sqrt(self.rho) * nodes.score[:, None]
        return ndtr(strength / np.sqrt(1 - self.rho))


@final
@dataclass(frozen=True)
class Regimes(AbstractFactor):
    """Normal days and rare bad ones, such as outages of the network or of a feeder.

    A regime leaves a share of every vehicle's probability, which is the one of a normal day: an
    outage of probability 0.02 in which 0.70 becomes 0.42 is ``Regimes((0.98, 0.02), (1.0, 0.6))``.

    Attributes:
        probability: How probable each regime is.
        share: What it leaves of the probabilities, from 0 to 1.
        within: The factor that acts inside every regime.

    Raises:
        InputError: Probabilities that are negative or do not sum to one, shares outside [0, 1], or
            not as many shares as probabilities, or two that are the same.
    """

    probability: tuple[float, ...]
    share: tuple[float, ...]
    within: Independent | BetaMixing | GaussianFactor = field(default_factory=Independent)

    def __post_init__(self) -> None:
        raise_if_any("regimes", self._faults())

    def _faults(self) -> list[Fault]:
        probability, share = np.array(self.probability, float), np.array(self.share, float)
        faults = broken("probability", probability >= 0, "be at least 0", values=probability)
        faults += one_faults("probability", probability)
        ok, fix = (share >= 0) & (share <= 1), "1 is a normal day, 0 the loss of all vehicles."
        faults += broken("share", ok, "be in [0, 1]", values=share, fix=fix)
        faults += unique("share", share, fix="Add up the probabilities of regimes that are alike.")
        if len(share) != len(probability):
            faults.append(Fault("share", "be as many as the probabilities", (len(share),)))
        return faults

    def nodes(self, vehicles: float) -> Nodes:
        """Every state of the inner factor in every regime; see `AbstractFactor.nodes`."""
        inner = self.within.nodes(vehicles)
        return Nodes(
            np.outer(self.probability, inner.weight).ravel(),
            np.tile(inner.score, len(self.share)),
            np.repeat(np.array(self.share, float), len(inner.score)),
        )

    def given(
        self, probability: Float[Array, " vehicle"], nodes: Nodes
    ) -> Float[Array, "node vehicle"]:
        """What the inner factor makes of the share that is left."""
        found = np.empty((len(nodes.weight), len(probability)))
        for share in np.unique(nodes.share):
            chosen = nodes.share == share
            found[chosen] = self.within.given(share * probability, nodes.where(chosen))
        return found


def binary_correlation(latent: float, probability: float) -> float:
    """Correlation of delivering or not that a `GaussianFactor` gives equal vehicles.

    Args:
        latent: Correlation of the latent strengths.
        probability: That a vehicle delivers, inside (0, 1).

    Raises:
        InputError: A latent correlation outside [0, 1) or a probability outside (0, 1).

    Source:
        Owen (1956), Tables for computing bivariate normal probabilities, Annals of Mathematical
        Statistics 27, doi 10.1214/aoms/1177728074: the bivariate normal from his T function.
    """
    faults = rho_faults(latent)
    if not 0 < probability < 1:
        faults.append(Fault("probability", "be inside (0, 1)", (probability,)))
    raise_if_any("correlation", faults)
    tilt = np.sqrt((1 - latent) / (1 + latent))
    together = probability - 2 * owens_t(ndtri(probability), tilt)
    return float((together - probability**2) / (probability * (1 - probability)))


def _one_node() -> Nodes:
    return Nodes(np.ones(1), np.zeros(1), np.ones(1))


def _scores(sharpness: float) -> Nodes:
    """Equally spaced scores, for a factor that many times as strong as the fleet's own noise."""
    spacing = SPACING / (SPACING / WIDEST + sharpness)
    side = int(np.ceil(REACH / spacing))
    score = np.linspace(-REACH, REACH, 2 * side + 1)
    weight = np.exp(-(score**2) / 2)
    return Nodes(weight / weight.sum(), score, np.ones(len(score)))


def rho_faults(rho: float) -> list[Fault]:
    """The fault of a correlation outside [0, 1)."""
    if 0 <= rho < 1:
        return []
    return [Fault("rho", "be in [0, 1)", (rho,), fix="0 is no common factor, and 1 cannot be.")]

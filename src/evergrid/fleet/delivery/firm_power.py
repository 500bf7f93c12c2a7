"""How much power can be promised at a stated confidence?"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.fleet.delivery import poisson_binomial
from evergrid.fleet.delivery.bounded_sum import bracket, normal_cvar_kw, sandwich
from evergrid.fleet.delivery.common_factor import AbstractFactor, Nodes
from evergrid.fleet.delivery.distribution import (
    ON_LATTICE,
    TIE,
    Distribution,
    confidence_faults,
    mixed,
    step_faults,
)
from evergrid.fleet.delivery.poisson_binomial import fleet_faults, lattice_points
from evergrid.fleet.delivery.probability_bins import Bins, gather

# Sums are exact up to this many lattice points of single vehicles, times states of the factor,
# times steps: a quarter of a minute. That is 1,000 vehicles in 96 steps under a factor of 0.01.
EXACT_WORK = 5e7
GIVEN = 4_000_000  # probabilities in states of the factor that are held at a time

Powers = Float[Array, " vehicle"] | Float[Array, "vehicle step"]


@dataclass(frozen=True)
class Offers:
    """What a fleet can promise in each step, by itself.

    Attributes:
        confidence: Levels.
        firm_kw: Greatest power that is delivered with that probability.
        low_kw: Proven lower bound on it, the same where the sum is exact.
        high_kw: Proven upper bound.
        cvar_kw: Mean power of the worst outcomes, which together have probability 1 - confidence.
        mean_kw: Expected power.
        sd_kw: Its standard deviation.
        exact: Whether sums were formed exactly rather than bounded.
    """

    confidence: Float[Array, " confidence"]
    firm_kw: Float[Array, "confidence step"]
    low_kw: Float[Array, "confidence step"]
    high_kw: Float[Array, "confidence step"]
    cvar_kw: Float[Array, "confidence step"]
    mean_kw: Float[Array, " step"]
    sd_kw: Float[Array, " step"]
    exact: bool

    @property
    def shortfall_cvar_kw(self) -> Float[Array, "confidence step"]:
        """Mean shortfall of the worst outcomes when the firm power was promised."""
        return self.firm_kw - self.cvar_kw


@dataclass(frozen=True)
class JointOffers:
    """What a fleet can promise in all steps of a block together.

    Attributes:
        confidence: Levels.
        firm_kw: Greatest power that is delivered in every step, with that probability.
        low_kw: Proven lower bound on it, the same where the sum is exact.
        high_kw: Proven upper bound.
        exact: Whether sums were formed exactly rather than bounded.
    """

    confidence: Float[Array, " confidence"]
    firm_kw: Float[Array, " confidence"]
    low_kw: Float[Array, " confidence"]
    high_kw: Float[Array, " confidence"]
    exact: bool


def distribution(
    probability: Float[Array, " vehicle"],
    power_kw: Float[Array, " vehicle"],
    factor: AbstractFactor,
    *,
    step_kw: float,
    count: Int[Array, " vehicle"] | None = None,
) -> Distribution:
    """Exact distribution of the power of a fleet with a common factor.

    Vehicles are summed in every state of the factor, as in `poisson_binomial.distribution`, which
    also tells what a power does that is no multiple of the step.

    Args:
        probability: That a vehicle delivers.
        power_kw: What it then delivers.
        factor: What moves all vehicles at once.
        step_kw: Distance between the points of the lattice.
        count: Vehicles in each row, where rows are classes of like vehicles; one by default.

    Raises:
        InputError: A probability outside [0, 1], a power or count that is negative, NaN or
            infinite, or a step that is not positive.
    """
    count = _counts(power_kw, count)
    faults = fleet_faults(probability, power_kw, count) + step_faults(step_kw)
    raise_if_any("fleet", faults)
    nodes = factor.nodes(_like_vehicles(power_kw, count))
    each = _each(probability, power_kw, factor, nodes, step_kw, count)
    return mixed(each, nodes.weight)


def offers(
    probability: Float[Array, "vehicle step"],
    power_kw: Powers,
    factor: AbstractFactor,
    confidence: Float[Array, " confidence"],
    *,
    step_kw: float,
    count: Int[Array, " vehicle"] | None = None,
) -> Offers:
    """What a fleet can promise in each of many steps.

    Small fleets are summed exactly, on the lattice. Large ones are gathered into bins of like
    probability, as in `offers_of_bins`, and the lattice is not used.

    Args:
        probability: That a vehicle delivers in a step.
        power_kw: What it then delivers.
        factor: What moves all vehicles at once.
        confidence: Levels, each a probability such as 0.99.
        step_kw: Distance between the points of the lattice.
        count: Vehicles in each row, where rows are classes of like vehicles; one by default.

    Raises:
        InputError: As in `distribution`, or a confidence outside (0, 1).
    """
    count = _counts(power_kw, count)
    _check(probability, power_kw, count, confidence, step_kw)
    if not _small(probability, power_kw, factor, step_kw, count):
        return offers_of_bins(gather(probability, power_kw, count=count), factor, confidence)
    columns = np.broadcast_to(power_kw.T, probability.T.shape)
    found = [
        distribution(p, kw, factor, step_kw=step_kw, count=count)
        for p, kw in zip(probability.T, columns, strict=True)
    ]
    firm_kw = np.array([[one.firm_kw(level) for one in found] for level in confidence.tolist()])
    cvar_kw = np.array([[one.cvar_kw(level) for one in found] for level in confidence.tolist()])
    mean_kw = np.array([one.mean_kw for one in found])
    sd_kw = np.array([one.sd_kw for one in found])
    return Offers(confidence, firm_kw, firm_kw, firm_kw, cvar_kw, mean_kw, sd_kw, exact=True)


def offers_of_bins(
    bins: Bins, factor: AbstractFactor, confidence: Float[Array, " confidence"]
) -> Offers:
    """What a gathered fleet can promise, between proven bounds.

    In every state of the factor the sum is nearly normal. The bounds round probabilities to the
    ends of their bins and allow for all that the normal distribution may be off there; what is
    promised at the lower one is kept. The estimate between them is that of the normal
    distributions, and so is ``cvar_kw``.

    Raises:
        InputError: A confidence outside (0, 1).
    """
    raise_if_any("confidence", confidence_faults(confidence))
    between = sandwich(bins, factor, vehicles=float(bins.like_vehicles.max(initial=1.0)))
    weight, middle = between.nodes.weight, between.middle
    firm_kw, low_kw, high_kw = bracket(between, bins.total_kw, confidence, lambda f: weight @ f)
    rows = zip(confidence.tolist(), firm_kw, strict=True)
    cvar_kw = np.array([normal_cvar_kw(middle, weight, kw, level) for level, kw in rows])
    mean_kw = weight @ middle.mean_kw
    variance = weight @ (middle.variance_kw2 + (middle.mean_kw - mean_kw) ** 2)
    return Offers(
        confidence, firm_kw, low_kw, high_kw, cvar_kw, mean_kw, np.sqrt(variance), exact=False
    )


def joint(
    probability: Float[Array, "vehicle step"],
    power_kw: Powers,
    factor: AbstractFactor,
    confidence: Float[Array, " confidence"],
    *,
    step_kw: float,
    count: Int[Array, " vehicle"] | None = None,
) -> JointOffers:
    """What a fleet can promise to deliver in every step of a block.

    The factor stands where it is through the block, and in each state of it the vehicles are drawn
    anew in every step. Vehicles that persist, so that one that fails now is likelier to fail next,
    make the steps alike, and steps that are alike are kept together more often than steps drawn
    anew: the offer is then on the safe side. It would not be if vehicles took turns.

    Args:
        probability: That a vehicle delivers in a step.
        power_kw: What it then delivers.
        factor: What moves all vehicles at once.
        confidence: Levels, each a probability such as 0.99.
        step_kw: Distance between the points of the lattice.
        count: Vehicles in each row, where rows are classes of like vehicles; one by default.

    Raises:
        InputError: As in `offers`, or no steps.

    Source:
        Esary, Proschan and Walkup (1967), Association of random variables, with applications,
        Annals of Mathematical Statistics 38, theorem 5.1, doi 10.1214/aoms/1177698701.
    """
    count = _counts(power_kw, count)
    _check(probability, power_kw, count, confidence, step_kw)
    if probability.shape[1] == 0:
        raise_if_any("block", [Fault("steps", "be at least one", (0,))])
    if _small(probability, power_kw, factor, step_kw, count):
        firm_kw = _exact_joint_kw(probability, power_kw, factor, confidence, step_kw, count)
        return JointOffers(confidence, firm_kw, firm_kw, firm_kw, exact=True)
    bins = gather(probability, power_kw, count=count)
    return JointOffers(confidence, *_bounded_joint_kw(bins, factor, confidence), exact=False)


def _counts(power_kw: Powers, count: Int[Array, " vehicle"] | None) -> Int[Array, " vehicle"]:
    return np.ones(len(power_kw), np.int64) if count is None else count


def _check(
    probability: Float[Array, "vehicle step"],
    power_kw: Powers,
    count: Int[Array, " vehicle"],
    confidence: Float[Array, " confidence"],
    step_kw: float,
) -> None:
    faults = fleet_faults(probability, power_kw, count) + step_faults(step_kw)
    raise_if_any("fleet", faults + confidence_faults(confidence))


def _columns(power_kw: Powers) -> Float[Array, "column vehicle"]:
    """The powers of each step, or once those of all; views, because a fleet may fill the memory."""
    return power_kw.T if power_kw.ndim == 2 else power_kw[None]


def _like_vehicles(power_kw: Powers, count: Int[Array, " vehicle"]) -> float:
    """Most of the numbers of equal vehicles that vary as much as the fleet in a step."""
    square = [float(count @ kw**2) for kw in _columns(power_kw)]
    total = [float(count @ kw) for kw in _columns(power_kw)]
    return max([1.0, *(kw**2 / kw2 for kw, kw2 in zip(total, square, strict=True) if kw2 > 0)])


def _small(
    probability: Float[Array, "vehicle step"],
    power_kw: Powers,
    factor: AbstractFactor,
    step_kw: float,
    count: Int[Array, " vehicle"],
) -> bool:
    """Whether exact sums are quick."""
    states = len(factor.nodes(_like_vehicles(power_kw, count)).weight)
    columns = _columns(power_kw)
    points = [float(lattice_points(kw / step_kw, count).sum()) for kw in columns]
    times = probability.shape[1] / max(len(columns), 1)
    return sum(points) * times * states <= EXACT_WORK


def _each(
    probability: Float[Array, " vehicle"],
    power_kw: Float[Array, " vehicle"],
    factor: AbstractFactor,
    nodes: Nodes,
    step_kw: float,
    count: Int[Array, " vehicle"],
) -> list[Distribution]:
    """The distribution in each state of the factor."""
    found = []
    at_once = max(GIVEN // max(len(probability), 1), 1)
    number = np.arange(len(nodes.weight))
    for at in range(0, len(number), at_once):
        some = nodes.where((number >= at) & (number < at + at_once))
        given = factor.given(probability, some)
        found += poisson_binomial.distributions(given, power_kw, step_kw=step_kw, count=count)
    return found


def _exact_joint_kw(
    probability: Float[Array, "vehicle step"],
    power_kw: Powers,
    factor: AbstractFactor,
    confidence: Float[Array, " confidence"],
    step_kw: float,
    count: Int[Array, " vehicle"],
) -> Float[Array, " confidence"]:
    """Greatest lattice point that is kept in every step."""
    nodes = factor.nodes(_like_vehicles(power_kw, count))
    columns = np.broadcast_to(power_kw.T, probability.T.shape)
    kept = np.ones((len(nodes.weight), 1 + int((columns @ count).min() / step_kw + ON_LATTICE)))
    for p, kw in zip(probability.T, columns, strict=True):
        each = _each(p, kw, factor, nodes, step_kw, count)
        kept *= [one.tail(kept.shape[1]) for one in each]
    missed = nodes.weight @ (1 - kept)
    return step_kw * (np.searchsorted(missed, 1 - confidence + TIE, side="right") - 1.0)


def _bounded_joint_kw(
    bins: Bins, factor: AbstractFactor, confidence: Float[Array, " confidence"]
) -> Float[Array, "3 confidence"]:
    """Estimate and bounds of what is kept in every step, each step bounded by itself."""
    between = sandwich(bins, factor, vehicles=float(bins.like_vehicles.max()))
    weight = between.nodes.weight
    most_kw = np.full(len(bins.total_kw), bins.total_kw.min())

    def missed(below: Float[Array, "node step"]) -> Float[Array, " step"]:
        kept = np.prod(1 - np.clip(below, 0, 1), axis=1)
        return np.full(below.shape[1], weight @ (1 - kept))

    return bracket(between, most_kw, confidence, missed)[:, :, 0]

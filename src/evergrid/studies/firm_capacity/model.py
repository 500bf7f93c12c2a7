"""What a model of vehicles with a common factor adds: other confidences, other fleets."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.fleet.delivery import concentration
from evergrid.fleet.delivery.common_factor import AbstractFactor, BetaMixing, Independent, Regimes
from evergrid.fleet.delivery.diversity import diversity_floor
from evergrid.fleet.delivery.firm_power import joint, offers, offers_of_bins
from evergrid.fleet.delivery.probability_bins import gather
from evergrid.fleet.firm_capacity import day_ahead
from evergrid.fleet.firm_capacity.day_ahead import Past
from evergrid.fleet.firm_capacity.outages import Outage
from evergrid.fleet.history.availability import Availability, availability
from evergrid.fleet.history.day_kind import ODD
from evergrid.fleet.history.past_days import History

LEVELS = (0.5, 0.9, 0.99, 0.999)
NAIVE = LEVELS.index(0.99)  # the level at which independence is compared
SIZES = (1, 3, 10, 30, 100, 300, 1_000, 10_000, 100_000, 1_000_000)
LATTICE_SHARE = 20  # lattice steps per vehicle's power
BOUNDS = {  # textbook bounds for independent vehicles, as comparisons
    "normal": concentration.normal_kw,
    "Chernoff": concentration.chernoff_kw,
    "Bernstein": concentration.bernstein_kw,
    "Hoeffding": concentration.hoeffding_kw,
}
BOUNDED_FROM = 3_000  # vehicles; exact sums of more take seconds that a figure is not worth


@dataclass(frozen=True)
class Growth:
    """Firm power of fleets of one kind and many sizes, at the busiest step.

    Attributes:
        vehicles: Sizes.
        independent_kw: Firm power if vehicles were independent.
        common_kw: Firm power under the common factor.
        low_kw: Proven lower bound on it.
        high_kw: Proven upper bound.
        mean_kw: Expected power of one vehicle.
        floor_kw: Firm power of one vehicle in an endless fleet.
        confidence: Of all of them.
    """

    vehicles: Int[Array, " size"]
    independent_kw: Float[Array, " size"]
    common_kw: Float[Array, " size"]
    low_kw: Float[Array, " size"]
    high_kw: Float[Array, " size"]
    mean_kw: float
    floor_kw: float
    confidence: float


@dataclass(frozen=True)
class Model:
    """The vehicles of one coming day, and what they could promise.

    Attributes:
        ahead: Which coming day, from 0: the first that is no odd one.
        busiest: The step of it of which most is expected.
        times: Start of each of its steps.
        vehicles: Each vehicle on that day.
        factor: What moves all of them.
        correlation: Of two vehicles' availability; one for all steps.
        firm_kw: Firm power at `LEVELS`.
        independent_kw: The same if vehicles were independent.
        methods: Firm power at the busiest step by method, at each confidence asked.
        growth: How firm power grows with the fleet.
    """

    ahead: int
    busiest: int
    times: Shaped[Array, " step"]
    vehicles: Availability
    factor: AbstractFactor
    correlation: float
    firm_kw: Float[Array, "confidence step"]
    independent_kw: Float[Array, "confidence step"]
    methods: Mapping[str, Float[Array, " asked"]]
    growth: Growth


def model(
    record: History,
    past: Past,
    times: Shaped[Array, "coming step"],
    expected_kw: Float[Array, "coming step"],
    outages: tuple[Outage, ...],
    asked: tuple[float, ...],
    grown: float,
) -> Model:
    """The model of the first coming day that is no odd one.

    Args:
        record: What could have been delivered.
        past: The same by day and step, with the coming days.
        times: Start of each step of the coming days.
        expected_kw: What is told of them.
        outages: Events that the record does not show; regimes of the model.
        asked: Confidences at which methods are compared.
        grown: Confidence at which the fleet is grown.
    """
    usual = np.flatnonzero(past.kinds.group[len(record.days) :] != ODD)
    ahead = int(usual[0]) if len(usual) else 0
    vehicles = _vehicles(record, past, ahead)
    step = int(np.argmax(expected_kw[ahead]))
    all_kw = _all_kw(record, vehicles, len(past.known))
    rho = day_ahead.correlation(past, day_ahead.told(past).mean_kw, all_kw)
    factor = _factor(rho, outages)
    firm, alone = (_firm_kw(vehicles, of, LEVELS) for of in (factor, Independent()))
    methods = _methods(vehicles, factor, step, asked)
    growth = _growth(vehicles, factor, step, grown)
    return Model(ahead, step, times[ahead], vehicles, factor, rho, firm, alone, methods, growth)


def promises(
    record: History, past: Past, factor: AbstractFactor, confidence: float, blocks: int
) -> tuple[Float[Array, "coming step"], Float[Array, "coming block"]]:
    """What the model would promise for each coming step, and for all steps of each block together.

    Nothing is promised for odd days, as nowhere.
    """
    steps = record.steps
    firm, together = np.zeros((past.coming, steps)), np.zeros((past.coming, blocks))
    for ahead in np.flatnonzero(past.kinds.group[len(record.days) :] != ODD):
        vehicles = _vehicles(record, past, int(ahead))
        firm[ahead] = _firm_kw(vehicles, factor, (confidence,))[0]
        for block in range(blocks):
            part = slice(block * steps // blocks, (block + 1) * steps // blocks)
            together[ahead, block] = joint(
                vehicles.probability[:, part],
                vehicles.power_kw[:, part],
                factor,
                np.array([confidence]),
                step_kw=_lattice_kw(vehicles.power_kw),
            ).firm_kw[0]
    return firm, together


def _vehicles(record: History, past: Past, ahead: int) -> Availability:
    """Each vehicle on a coming day, told from the days known by now."""
    first = len(record.days)
    lead_days = past.lead_days(ahead)
    weights = day_ahead.told(past, lead_days).weights[first + ahead, :first]
    return availability(record, weights)


def _factor(rho: float, outages: tuple[Outage, ...]) -> AbstractFactor:
    """The common factor, in normal times and in outages; outages that leave the same are one."""
    inner = BetaMixing(rho) if rho > 0 else Independent()
    if not outages:
        return inner
    chances = {1.0: 1.0 - sum(outage.probability for outage in outages)}
    for outage in outages:
        chances[outage.share] = chances.get(outage.share, 0.0) + outage.probability
    return Regimes(tuple(chances.values()), tuple(chances), within=inner)


def _firm_kw(
    vehicles: Availability, factor: AbstractFactor, levels: tuple[float, ...]
) -> Float[Array, "confidence step"]:
    lattice_kw = _lattice_kw(vehicles.power_kw)
    asked = np.array(levels)
    return offers(
        vehicles.probability, vehicles.power_kw, factor, asked, step_kw=lattice_kw
    ).firm_kw


def _all_kw(record: History, vehicles: Availability, days: int) -> Float[Array, "day step"]:
    """Power of all vehicles that had been seen by each day, were all of them there."""
    seen = np.zeros((days, record.steps))
    np.add.at(seen, record.first_day, vehicles.power_kw)
    return np.cumsum(seen, axis=0)


def _methods(
    vehicles: Availability, factor: AbstractFactor, step: int, asked: tuple[float, ...]
) -> dict[str, Float[Array, " asked"]]:
    """Firm power of the same vehicles in one step by method, from boldest to most careful."""
    probability, power = vehicles.probability[:, step], vehicles.power_kw[:, step]
    levels, lattice_kw = np.array(asked), _lattice_kw(vehicles.power_kw)
    alone, common = (
        offers(probability[:, None], power, of, levels, step_kw=lattice_kw).firm_kw[:, 0]
        for of in (Independent(), factor)
    )
    bounds = {
        name: np.array([bound(probability, power, level) for level in asked])
        for name, bound in BOUNDS.items()
    }
    return {"exact": alone, **bounds, "common factor": common}


def _lattice_kw(power_kw: Float[Array, "..."]) -> float:
    """Step of the lattice, a small share of a vehicle's power."""
    some = power_kw[power_kw > 0]
    return float(some.mean()) / LATTICE_SHARE if some.size else 1.0


def _growth(vehicles: Availability, factor: AbstractFactor, step: int, confidence: float) -> Growth:
    """Fleets made of the same kinds of vehicles as the real one."""
    probability, power = vehicles.probability[:, step], vehicles.power_kw[:, step]
    level = np.array([confidence])
    rows: list[tuple[float, ...]] = []
    for size in SIZES:
        count = _spread_out(probability * power, size)
        some = count > 0
        fleet = (probability[some][:, None], power[some], count[some])
        (alone,), (common,) = (_sized(fleet, of, level) for of in (Independent(), factor))
        rows.append((alone[0], *common))
    independent, found, low, high = np.array(rows).T
    return Growth(
        vehicles=np.array(SIZES),
        independent_kw=independent,
        common_kw=found,
        low_kw=low,
        high_kw=high,
        mean_kw=float((probability * power).mean()),
        floor_kw=float(power.mean()) * diversity_floor(probability, power, factor, confidence),
        confidence=confidence,
    )


def _sized(
    fleet: tuple[Array, Array, Array], factor: AbstractFactor, level: Float[Array, " confidence"]
) -> Float[Array, "confidence 3"]:
    """Firm power of a fleet with counts, and its bounds."""
    probability, power, count = fleet
    if count.sum() >= BOUNDED_FROM:
        made = offers_of_bins(gather(probability, power, count=count), factor, level)
    else:
        lattice_kw = _lattice_kw(power)
        made = offers(probability, power, factor, level, step_kw=lattice_kw, count=count)
    return np.stack([made.firm_kw[:, 0], made.low_kw[:, 0], made.high_kw[:, 0]], axis=1)


def _spread_out(value: Float[Array, " vehicle"], size: int) -> Int[Array, " vehicle"]:
    """How often each vehicle counts in a fleet of that size: equally, the rest evenly in value."""
    count = np.full(len(value), size // len(value))
    order, rest = np.argsort(value), size % len(value)
    places = ((np.arange(rest) + 0.5) * len(value) / max(rest, 1)).astype(np.int64)
    count[order[places]] += 1
    return count

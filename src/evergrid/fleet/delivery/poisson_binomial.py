"""What power do vehicles deliver together, when each fails on its own?"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.fft import next_fast_len

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.fleet.delivery.distribution import (
    ON_LATTICE,
    SUM_TOLERANCE,
    Distribution,
    step_faults,
)

# Sums are kept on a window that Bernstein's inequality proves to hold all mass but this much.
OUTSIDE = 1e-20
DIRECT = 16  # points up to which a convolution is summed directly rather than transformed
BLOCK = 200_000  # lattice points that a stack of vehicles begins with: bounds the memory


@dataclass(frozen=True)
class _Sums:
    """Distributions of independent sums in lattice steps: rows to be added, state by state.

    Attributes:
        first: Lattice index of the first point of each window.
        mass: Probabilities from there on.
        mean: Expected sum.
        variance: Its variance.
        jump: Greatest contribution of a single vehicle.
    """

    first: Int[Array, "state row"]
    mass: Float[Array, "state row point"]
    mean: Float[Array, "state row"]
    variance: Float[Array, "state row"]
    jump: Float[Array, " row"]

    def __len__(self) -> int:
        return len(self.jump)

    @property
    def width(self) -> int:
        return self.mass.shape[-1]

    def rows(self, chosen: slice) -> "_Sums":
        return _Sums(
            self.first[:, chosen],
            self.mass[:, chosen],
            self.mean[:, chosen],
            self.variance[:, chosen],
            self.jump[chosen],
        )


def distribution(
    probability: Float[Array, " vehicle"],
    power_kw: Float[Array, " vehicle"],
    *,
    step_kw: float,
    count: Int[Array, " vehicle"] | None = None,
) -> Distribution:
    """Exact distribution of the sum of vehicles that deliver their power, or nothing.

    Sums are formed pairwise up a tree, by convolution. A power that is no multiple of the step is
    split between the two lattice points beside it: vehicles of a class are dealt to both, and one
    is left that delivers either at random. The mean is kept. The variance grows, by at most a
    quarter of the squared step per vehicle, so the firm power errs to the low side for the usual
    confidences; a step that divides all powers avoids it.

    Args:
        probability: That a vehicle delivers, independently of the others.
        power_kw: What it then delivers.
        step_kw: Distance between the points of the lattice.
        count: Vehicles in each row, where rows are classes of like vehicles; one by default.

    Raises:
        InputError: A probability outside [0, 1], a power or count that is negative, NaN or
            infinite, or a step that is not positive.

    Source:
        The definition of independent sums. Windows: Bernstein's inequality in Boucheron, Lugosi
        and Massart (2013), Concentration Inequalities, corollary 2.11.
    """
    return distributions(probability[None], power_kw, step_kw=step_kw, count=count)[0]


def distributions(
    probability: Float[Array, "state vehicle"],
    power_kw: Float[Array, " vehicle"],
    *,
    step_kw: float,
    count: Int[Array, " vehicle"] | None = None,
) -> list[Distribution]:
    """The distribution of the same vehicles in several states; see `distribution`.

    Raises:
        InputError: As in `distribution`.
    """
    count = np.ones(len(power_kw), np.int64) if count is None else count.astype(np.int64)
    raise_if_any("fleet", [*fleet_faults(probability.T, power_kw, count), *step_faults(step_kw)])
    felt = (probability > 0).any(axis=0) & (power_kw > 0) & (count > 0)
    p, height, count = probability[:, felt], power_kw[felt] / step_kw, count[felt]
    points = lattice_points(height, count)
    at_once = max(int(BLOCK / max(points.sum(), 1.0)), 1)
    found = []
    for at in range(0, len(p), at_once):
        states, rows = p[at : at + at_once], _blocks(points)
        parts = [_total(_leaves(states[:, some], height[some], count[some])) for some in rows]
        found += _as_distributions(parts, len(states), step_kw)
    return found


def lattice_points(
    height: Float[Array, "..."], count: Int[Array, "..."] | Float[Array, "..."]
) -> Float[Array, "..."]:
    """About as many points as the masses of each class take up; sums take time in proportion.

    Args:
        height: Power of a vehicle in lattice steps.
        count: Vehicles in the class. Masses of many lie within ten standard deviations.
    """
    return 2 + height * np.minimum(count, 10 * np.sqrt(count))


def distribution_on_lattice(mass: Float[Array, "vehicle point"], *, step_kw: float) -> Distribution:
    """Exact distribution of the sum of vehicles whose power is itself random.

    Args:
        mass: Probability that a vehicle delivers 0, 1, 2, ... steps.
        step_kw: Power of one step.

    Raises:
        InputError: A negative mass, a row that does not sum to one, or a step that is not positive.
    """
    raise_if_any("fleet", [*_mass_faults(mass), *step_faults(step_kw)])
    height = np.arange(mass.shape[1], dtype=float)
    mean = mass @ height
    variance = np.maximum(mass @ height**2 - mean**2, 0.0)
    zero, jump = np.zeros((1, len(mass)), np.int64), np.full(len(mass), height[-1])
    each = _Sums(zero, mass[None], mean[None], variance[None], jump)
    rows = _blocks(np.full(len(mass), float(mass.shape[1])))
    return _as_distributions([_total([each.rows(some)]) for some in rows], 1, step_kw)[0]


def fleet_faults(
    probability: Float[Array, "vehicle ..."],
    power_kw: Float[Array, "vehicle ..."],
    count: Int[Array, " vehicle"],
) -> list[Fault]:
    """What is wrong with the vehicles of a fleet."""
    fix = "Pass a fraction, not a percent."
    faults = _outside("probability", probability, 1.0, "be in [0, 1]", fix)
    fix = "Power into the grid is positive; a vehicle that cannot deliver has 0."
    greatest = np.finfo(float).max
    faults += _outside("power_kw", power_kw, greatest, "be at least 0 and finite", fix)
    return faults + broken("count", count >= 0, "be at least 0", values=count)


def _outside(
    field: str, values: Float[Array, "vehicle ..."], most: float, rule: str, fix: str
) -> list[Fault]:
    """The fault of the vehicles with a value outside [0, most], with the first such of each."""
    if values.size == 0 or (values.min() >= 0 and values.max() <= most):  # without a copy of them
        return []
    wrong = ~((values >= 0) & (values <= most)).reshape(len(values), -1)
    first = values.reshape(len(values), -1)[np.arange(len(values)), wrong.argmax(axis=1)]
    return broken(field, wrong.sum(axis=1) == 0, rule, values=first, fix=fix)


def _mass_faults(mass: Float[Array, "vehicle point"]) -> list[Fault]:
    if mass.shape[1] == 0:
        return [Fault("mass", "have at least one lattice point", (0,))]
    least, total = mass.min(axis=1, initial=np.inf), mass.sum(axis=1)
    faults = broken("mass", least >= 0, "be at least 0", values=least)
    ok, rule = np.abs(total - 1) <= SUM_TOLERANCE, "sum to 1 for each vehicle"
    return faults + broken("mass", ok, rule, values=total)


def _blocks(points: Float[Array, " row"]) -> list[slice]:
    """Rows that are summed at a time, so that they begin with about ``BLOCK`` points."""
    block = (np.cumsum(points) / BLOCK).astype(np.int64)
    edges = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(points)]
    return [slice(*pair) for pair in pairwise(edges) if pair[0] < pair[1]]


def _as_distributions(parts: list[_Sums], states: int, step_kw: float) -> list[Distribution]:
    if not parts:  # no vehicle delivers anything
        return [Distribution(step_kw, 0, np.ones(1))] * states
    whole = _total(parts)
    mass = np.maximum(whole.mass[:, 0], 0.0)  # transforms leave rounding of either sign
    first = whole.first[:, 0].tolist()
    return [Distribution(step_kw, *each) for each in zip(first, mass, strict=True)]


def _leaves(
    probability: Float[Array, "state row"], height: Float[Array, " row"], count: Int[Array, " row"]
) -> list[_Sums]:
    """Each class on the lattice, split between neighbours where its power is no multiple."""
    lower = np.floor(height + ON_LATTICE)
    share = height - lower
    share[share < ON_LATTICE] = 0.0
    upper = np.floor(count * share + ON_LATTICE).astype(np.int64)
    left = np.maximum(count * share - upper, 0.0)  # of the one vehicle that delivers either
    split = left > ON_LATTICE
    jump = np.concatenate([lower, lower + 1]).astype(np.int64)
    many = np.concatenate([count - upper - split, upper])
    some = (many > 0) & (jump > 0)
    p = np.concatenate([probability, probability], axis=1)[:, some]
    splits = _splits(probability[:, split], lower[split].astype(np.int64), left[split])
    return _binomials(p, jump[some], many[some]) + splits


def _splits(
    probability: Float[Array, "state row"], lower: Int[Array, " row"], share: Float[Array, " row"]
) -> list[_Sums]:
    """Single vehicles that deliver ``lower`` steps or, with their share, one more."""
    groups = []
    for rows in _alike(lower + 2):
        p, low, more = probability[:, rows], lower[rows], share[rows]
        mass = np.zeros((*p.shape, int(low.max()) + 2))
        row = np.arange(len(low))
        mass[:, :, 0] = 1 - p
        mass[:, row, low] += p * (1 - more)
        mass[:, row, low + 1] += p * more
        mean = p * (low + more)
        variance = p * (1 - p) * (low + more) ** 2 + p * more * (1 - more)
        groups.append(_Sums(np.zeros(p.shape, np.int64), mass, mean, variance, low + 1.0))
    return groups


def _binomials(
    probability: Float[Array, "state row"], jump: Int[Array, " row"], count: Int[Array, " row"]
) -> list[_Sums]:
    """Classes of like vehicles: binomial masses, ``jump`` lattice steps apart."""
    mean, variance = count * probability, count * probability * (1 - probability)
    lowest, highest = _window(mean, variance, np.ones(len(count)))
    lowest, highest = np.maximum(lowest, 0), np.minimum(highest, count)
    most = (highest - lowest).max(axis=0)
    lowest = np.minimum(lowest, count - most)
    groups = []
    for rows in _alike(jump * most + 1):
        low, stride = lowest[:, rows], jump[rows]
        pmf = _binomial_mass(probability[:, rows], count[rows], low, int(most[rows].max()) + 1)
        row, many = np.nonzero(np.arange(pmf.shape[2]) <= most[rows, None])
        mass = np.zeros((*low.shape, int((stride * most[rows]).max()) + 1))
        mass[:, row, stride[row] * many] = pmf[:, row, many]
        moments = mean[:, rows] * stride, variance[:, rows] * stride**2
        groups.append(_Sums(low * stride, mass, *moments, stride.astype(float)))
    return groups


def _binomial_mass(
    probability: Float[Array, "state row"],
    count: Int[Array, " row"],
    low: Int[Array, "state row"],
    width: int,
) -> Float[Array, "state row point"]:
    """Binomial probabilities of ``low``, ``low + 1``, ..., from their ratios to one another."""
    odds = probability / np.maximum(1 - probability, np.finfo(float).tiny)
    reached = low[:, :, None] + np.arange(width - 1)
    left = np.maximum(count[:, None] - reached, 0)
    with np.errstate(divide="ignore"):  # beyond the count the logarithm is that of zero
        ratio = np.log(left / (reached + 1)) + np.log(odds)[:, :, None]
    logs = np.pad(np.cumsum(ratio, axis=2), ((0, 0), (0, 0), (1, 0)))
    mass = np.exp(logs - logs.max(axis=2, keepdims=True))
    return mass / mass.sum(axis=2, keepdims=True)


def _alike(width: Int[Array, " row"]) -> list[Int[Array, " some"]]:
    """Rows whose widths share a power of two, so that little of a stack of them is padding."""
    kind = np.frexp(width - 0.5)[1]
    return [np.flatnonzero(kind == one) for one in np.unique(kind)]


def _total(groups: list[_Sums]) -> _Sums:
    """The sum over all rows of all groups: the narrowest are always added first."""
    while len(groups) > 1 or len(groups[0]) > 1:
        groups.sort(key=lambda group: group.width)
        narrowest = groups.pop(0)
        if len(narrowest) == 1:
            narrowest = _stacked(narrowest, groups.pop(0))
        groups.append(_paired(narrowest))
    return groups[0]


def _stacked(one: _Sums, other: _Sums) -> _Sums:
    """The rows of both, padded to one width."""
    mass = np.zeros((len(one.mass), len(one) + len(other), max(one.width, other.width)))
    mass[:, : len(one), : one.width] = one.mass
    mass[:, len(one) :, : other.width] = other.mass
    columns = {
        name: np.concatenate([getattr(one, name), getattr(other, name)], axis=1)
        for name in ("first", "mean", "variance")
    }
    return _Sums(mass=mass, jump=np.append(one.jump, other.jump), **columns)


def _paired(sums: _Sums) -> _Sums:
    """Sums of the rows two by two; an odd one out is kept as it is."""
    even = len(sums) // 2 * 2
    one, other = sums.rows(slice(0, even, 2)), sums.rows(slice(1, even, 2))
    pairs = _Sums(
        one.first + other.first,
        _convolved(one.mass, other.mass),
        one.mean + other.mean,
        one.variance + other.variance,
        np.maximum(one.jump, other.jump),
    )
    pairs = _windowed(pairs)
    return pairs if even == len(sums) else _stacked(sums.rows(slice(even, None)), pairs)


def _convolved(
    one: Float[Array, "state row point"], other: Float[Array, "state row point"]
) -> Float[Array, "state row sum"]:
    width = one.shape[-1]
    if width > DIRECT:
        size = next_fast_len(2 * width - 1, real=True)
        product = np.fft.rfft(one, size) * np.fft.rfft(other, size)
        return np.fft.irfft(product, size)[..., : 2 * width - 1]
    mass = np.zeros((*one.shape[:2], 2 * width - 1))
    for point in range(width):
        mass[..., point : point + width] += one[..., point, None] * other
    return mass


def _windowed(sums: _Sums) -> _Sums:
    """Sums without the points outside the windows that hold their mass."""
    last = sums.first + sums.width - 1
    lowest, highest = _window(sums.mean, sums.variance, sums.jump)
    lowest, highest = np.maximum(lowest, sums.first), np.minimum(highest, last)
    width = int((highest - lowest).max()) + 1
    if width >= sums.width:
        return sums
    begin = np.minimum(lowest - sums.first, sums.width - width)
    mass = np.take_along_axis(sums.mass, begin[..., None] + np.arange(width), axis=2)
    return replace(sums, first=sums.first + begin, mass=mass)


def _window(
    mean: Float[Array, "state row"], variance: Float[Array, "state row"], jump: Float[Array, " row"]
) -> tuple[Int[Array, "state row"], Int[Array, "state row"]]:
    """Lattice points between which a sum lies, but for a probability of ``OUTSIDE``."""
    rarity = np.log(2 / OUTSIDE)
    reach = rarity * jump / 3
    reach = reach + np.sqrt(reach**2 + 2 * rarity * variance)
    lowest, highest = np.floor(mean - reach), np.ceil(mean + reach)
    return lowest.astype(np.int64), highest.astype(np.int64)

"""How sure tonnes are: a band from errors of the factors as they came, block by block.

Errors of factors hang together over hours, so that those of neighbouring steps do not cancel.
Blocks of past errors, longer than they hang together, are drawn with replacement and put beside
what the fleet did; what the sums of the draws spread over is the band.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import KWH_PER_MWH

REPLICATES = 2000
LEAST_BLOCKS = 10  # in the history of errors; fewer say little of how far sums spread
CORRELATED = 2.0  # standard errors of a correlation above which it is no chance
LONGEST_SHARE = 1.0 / LEAST_BLOCKS  # of the history that a block may be
MOST_BLOCKS = 64  # that a horizon is cut into: longer blocks do no harm, more of them take time


@dataclass(frozen=True)
class Band:
    """How far a sum may lie from where it is expected.

    Attributes:
        expected_kg: The sum with the factors as they are.
        low_kg: Lower end of the band.
        high_kg: Upper end.
        level: Probability that the sum lies in it.
        reduction_probability: That the sum is below 0.
        block_steps: Length of the blocks.
    """

    expected_kg: float
    low_kg: float
    high_kg: float
    level: float
    reduction_probability: float
    block_steps: int


def band(
    energy_kwh: Float[Array, " step"],
    factor_kg_per_mwh: Float[Array, " step"],
    error_kg_per_mwh: Float[Array, " past"],
    *,
    key: np.random.Generator,
    level: float = 0.9,
    replicates: int = REPLICATES,
    block_steps: int | None = None,
    certain_kg: float = 0.0,
) -> Band:
    """The band of ``sum(energy * factor)`` by a circular block bootstrap of past errors.

    Args:
        energy_kwh: What the factors are multiplied with, drawn less fed, in each step.
        factor_kg_per_mwh: Expected factors.
        error_kg_per_mwh: What came less what was expected, in steps of the same length, in order.
        key: Of the draws.
        level: Probability of the band.
        replicates: How many draws.
        block_steps: Length of blocks; by default as long as errors hang together.
        certain_kg: What comes on top whatever the factors are.

    Raises:
        InputError: A history that is too short for its correlation.

    Source:
        Politis and Romano (1992), A circular block-resampling procedure for stationary data;
        block length after Politis and White (2004), Automatic block-length selection, doi
        10.1081/ETC-120028836, whose window this takes simpler.
    """
    expected = float(energy_kwh @ factor_kg_per_mwh) / KWH_PER_MWH + certain_kg
    _check_length(error_kg_per_mwh, 1)
    error = error_kg_per_mwh - error_kg_per_mwh.mean()
    block = block_steps or max(_block_steps(error), -(-len(energy_kwh) // MOST_BLOCKS))
    _check_length(error, block)
    # The mean of the history is itself uncertain; drawing blocks spreads it as it should.
    sums = _sums(energy_kwh, error, block, key, replicates) / KWH_PER_MWH
    draws = expected + sums
    low, high = np.quantile(draws, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Band(expected, float(low), float(high), level, float((draws < 0).mean()), block)


def _check_length(error_kg_per_mwh: Float[Array, " past"], block: int) -> None:
    """Raise unless a history has enough blocks of so many steps."""
    if len(error_kg_per_mwh) < LEAST_BLOCKS * block:
        rule = f"have at least {LEAST_BLOCKS * block:,} steps, {LEAST_BLOCKS} blocks of {block:,}"
        fix = "Give a longer history of errors."
        fault = Fault("error_kg_per_mwh", rule, (len(error_kg_per_mwh),), fix=fix)
        raise_if_any("uncertainty", [fault])


def assumed_band(
    drawn_kg: float,
    fed_kg: float,
    share: float,
    *,
    level: float = 0.9,
    certain_kg: float = 0.0,
) -> Band:
    """The band where no errors of factors are known but by how much they are wrong, assumed.

    Factors of the hours of charging are taken to be wrong independently of those of feeding.

    Args:
        drawn_kg: What energy drawn causes.
        fed_kg: What energy fed displaces.
        share: Half width of the band of a factor, such as 0.3; to be told as an assumption.
        level: Probability that it is taken to have.
        certain_kg: What comes on top whatever the factors are.
    """
    expected = drawn_kg - fed_kg + certain_kg
    half = share * float(np.hypot(drawn_kg, fed_kg))
    if half == 0:
        return Band(expected, expected, expected, level, float(expected < 0), 0)
    spread = NormalDist(expected, half / NormalDist().inv_cdf((1.0 + level) / 2.0))
    return Band(expected, expected - half, expected + half, level, spread.cdf(0.0), 0)


def _sums(
    energy_kwh: Float[Array, " step"],
    error: Float[Array, " past"],
    block: int,
    key: np.random.Generator,
    replicates: int,
) -> Float[Array, " replicate"]:
    """Sums of energy times errors, each block of steps with a block of the past.

    Every block beside every place of the past is computed once, a correlation; a draw then only
    picks one place for each block.
    """
    past = len(error)
    total = np.zeros(replicates)
    circle = np.fft.rfft(error)
    for first in range(0, len(energy_kwh), block):
        part = energy_kwh[first : first + block]
        if not part.any():
            continue
        padded = np.zeros(past)
        padded[: len(part)] = part
        beside = np.fft.irfft(circle * np.conj(np.fft.rfft(padded)), past)
        total += beside[key.integers(past, size=replicates)]
    return total


def _block_steps(error: Float[Array, " past"]) -> int:
    """Blocks as long as errors hang together, and as a history of this length asks for.

    The optimal length is ``(2 G^2 / D)^(1/3) past^(1/3)`` with ``G = sum |k| r(k)`` and ``D = 4/3
    (sum r(k))^2`` over the lags at which the correlation is no chance.
    """
    past = len(error)
    longest = max(1, int(past * LONGEST_SHARE))
    spectrum = np.fft.rfft(error, 2 * past)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2)[: longest + 1] / past
    if covariance[0] <= 0:
        return 1
    r = covariance / covariance[0]
    chance = CORRELATED * np.sqrt(np.log10(past) / past)
    small = np.abs(r[1:]) < chance
    run = max(5, int(np.sqrt(np.log10(past))))
    quiet = np.flatnonzero(np.convolve(small, np.ones(run), "valid") >= run)
    last = int(quiet[0]) if len(quiet) else longest
    lag = np.arange(1, min(2 * last, longest) + 1)
    if not len(lag):
        return 1
    window = np.clip(2.0 * (1.0 - lag / (2.0 * max(last, 1))), 0.0, 1.0)
    g = 2.0 * float((window * lag * r[lag]).sum())
    d = 4.0 / 3.0 * (1.0 + 2.0 * float((window * r[lag]).sum())) ** 2
    best = (2.0 * g**2 / d) ** (1.0 / 3.0) * past ** (1.0 / 3.0) if d > 0 else longest
    return int(np.clip(round(best), 1, longest))

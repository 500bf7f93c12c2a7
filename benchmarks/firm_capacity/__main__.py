"""``python -m benchmarks.firm_capacity``: exact sums, offers of a million, years of promises.

NumPy's threads are best kept to one (``OPENBLAS_NUM_THREADS=1``); the pass over the vehicles uses
every core.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from benchmarks.plan import machine, memory
from evergrid.core.arrays import Array
from evergrid.fleet.delivery import firm_power, poisson_binomial
from evergrid.fleet.delivery.common_factor import AbstractFactor, BetaMixing, Independent
from evergrid.fleet.delivery.probability_bins import Bins, gather
from evergrid.fleet.firm_capacity.risk_control import PowerForecast, promises
from evergrid.fleet.firm_capacity.spread import root_spread

Made = TypeVar("Made")

SEED = 0
STEPS = 96
EXACT = (1000, 10_000)
PARTS, PART = 10, 100_000  # a million vehicles, never in memory as a whole
REPEATS = 3
DAYS, HOURS = 1_300, 24  # of record, in which every day is promised at one level
LEVELS = np.array([0.9, 0.99, 0.999])
FACTORS: dict[str, AbstractFactor] = {
    "independent": Independent(),
    "correlation 0.01": BetaMixing(0.01),
    "correlation 0.2": BetaMixing(0.2),
}


@dataclass(frozen=True)
class Row:
    """One thing that was timed.

    Attributes:
        what: In words.
        seconds: Shortest of the repeats.
        peak_mb: Most memory held by the process until then.
        width: Widest bracket as a share of what is firm, at each level; empty where there is none.
    """

    what: str
    seconds: float
    peak_mb: float
    width: tuple[float, ...] = ()


def rows() -> Iterator[Row]:
    """Everything timed, one after the other."""
    for vehicles in EXACT:
        probability, power_kw = _drawn(np.random.default_rng(SEED), vehicles, 1)
        yield _exact(probability[:, 0], power_kw)
    seconds, bins = _gathered()
    yield Row(f"gather {PARTS * PART:,} vehicles x {STEPS} steps", seconds, memory.peak_mb())
    for name, factor in FACTORS.items():
        yield _offered(bins, name, factor)
    yield from _promised()


def _exact(probability: Array, power_kw: Array) -> Row:
    seconds, _ = _timed(lambda: poisson_binomial.distribution(probability, power_kw, step_kw=1.0))
    return Row(f"exact sum of {len(power_kw):,} vehicles", seconds, memory.peak_mb())


def _gathered() -> tuple[float, Bins]:
    """The fleet part by part, and the time that takes without drawing it."""
    rng = np.random.default_rng(SEED)
    bins = gather(*_drawn(rng, 1, STEPS))  # compiles
    seconds = 0.0
    for _ in range(PARTS):
        part = _drawn(rng, PART, STEPS)
        begin = time.perf_counter()
        bins = bins + gather(*part)
        seconds += time.perf_counter() - begin
    return seconds, bins


def _offered(bins: Bins, name: str, factor: AbstractFactor) -> Row:
    seconds, found = _timed(lambda: firm_power.offers_of_bins(bins, factor, LEVELS))
    width = ((found.high_kw - found.low_kw) / found.firm_kw).max(axis=1)
    return Row(f"offers of the million, {name}", seconds, memory.peak_mb(), tuple(width.tolist()))


def _promised() -> Iterator[Row]:
    """Risk control over years of days, at one level, and the spread it needs."""
    rng = np.random.default_rng(SEED)
    mean_kw = np.tile(100 + 80 * np.sin(np.arange(HOURS) * 2 * np.pi / HOURS), (DAYS, 1))
    came_kw = np.maximum(mean_kw * (1 + 0.2 * rng.standard_normal((DAYS, 1))), 0.0)
    every = np.ones(DAYS, dtype=bool)
    what = f"of {DAYS:,} days x {HOURS} h"
    seconds, spread = _timed(lambda: root_spread(came_kw, mean_kw, every, lead_days=2, car_kw=11.0))
    yield Row(f"spread {what}", seconds, memory.peak_mb())
    forecast = PowerForecast(mean_kw, spread, 11.0)
    for name, proven in (("risk control", False), ("proven risk control", True)):
        seconds, _ = _timed(
            partial(
                promises,
                came_kw,
                forecast,
                every,
                wanted=every,
                confidence=(0.99,),
                lead_days=2,
                proven=proven,
            )
        )
        yield Row(f"{name} {what}, one level", seconds, memory.peak_mb())


def _drawn(rng: np.random.Generator, vehicles: int, steps: int) -> tuple[Array, Array]:
    return rng.beta(7, 3, (vehicles, steps)), rng.choice([3.0, 7.0, 11.0], vehicles)


def _timed(run: Callable[[], Made]) -> tuple[float, Made]:
    taken, made = [], run()
    for _ in range(REPEATS):
        begin = time.perf_counter()
        made = run()
        taken.append(time.perf_counter() - begin)
    return min(taken), made


def main() -> None:
    """Print the machine and the table."""
    levels = ", ".join(f"{level:.1%}" for level in LEVELS.tolist())
    print(f"{machine.description()}\n\n| what | s | peak MB | bracket at {levels} |")
    print("| --- | --- | --- | --- |")
    for row in rows():
        width = ", ".join(f"{share:.3%}" for share in row.width) or "-"
        print(f"| {row.what} | {row.seconds:.3f} | {row.peak_mb:.0f} | {width} |", flush=True)


if __name__ == "__main__":
    main()

"""The identity of welfare over many random systems: the worst that parties miss real costs by."""

import sys

import numpy as np

from evergrid.impact.welfare import change
from tests.impact import welfare_cases


def worst_residual(cases: int, *, seed: int) -> float:
    """As a share of the largest amount in either ledger.

    Args:
        cases: Random pairs of runs, with losses, tax, lost load, imports, vehicles and storage.
        seed: What draws them.
    """
    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(cases):
        without, with_it = welfare_cases.pair(rng)
        found = change.of(without, with_it)
        worst = max(worst, abs(found.residual) / found.scale)
    return worst


if __name__ == "__main__":
    count = int(sys.argv[1])
    sys.stdout.write(f"{count} {worst_residual(count, seed=7):.3e}\n")

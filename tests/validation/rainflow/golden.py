"""Makes the golden numbers with the package rainflow, in an environment of its own.

``python tests/validation/rainflow/golden.py`` with rainflow 3.2.0.
"""

import csv
import importlib
import sys
from pathlib import Path

import numpy as np

PROFILES, SEED = 30, 20_261


def profiles() -> list[np.ndarray]:
    """Random states of charge: walks, noise, steps with plateaus, and ones on a coarse grid."""
    draw = np.random.default_rng(SEED)
    found = []
    for number in range(PROFILES):
        points = int(draw.integers(2, 97))
        kind = number % 4
        if kind == 0:
            series = 0.5 + np.cumsum(draw.normal(0.0, 0.05, points))
        elif kind == 1:
            series = draw.uniform(0.0, 1.0, points)
        elif kind == 2:
            series = np.repeat(draw.uniform(0.0, 1.0, points), draw.integers(1, 4, points))
        else:
            series = draw.integers(0, 6, points) / 8.0  # ties, exact in binary
        found.append(series)
    return found


def main() -> None:
    """Write golden.csv."""
    theirs = importlib.import_module("rainflow")  # in another environment than ours
    rows = [
        (number, repr(float(depth)), repr(float(mean)), weight)
        for number, series in enumerate(profiles())
        for depth, mean, weight, _, _ in theirs.extract_cycles(series)
    ]
    with Path(__file__).with_name("golden.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("profile", "depth", "mean", "weight"), *rows])
    sys.stdout.write(f"{len(rows)} rows\n")


if __name__ == "__main__":
    main()

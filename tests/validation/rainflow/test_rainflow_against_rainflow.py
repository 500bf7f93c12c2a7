"""Cycles of random profiles are those of the package rainflow, to the last bit."""

import csv
from pathlib import Path

import pytest

from evergrid.battery.ageing.rainflow import cycles, sum_of_powers
from tests.validation.rainflow.golden import PROFILES, profiles

Row = tuple[float, float, float]


def golden() -> list[list[Row]]:
    rows: list[list[Row]] = [[] for _ in range(PROFILES)]
    path = Path(__file__).with_name("golden.csv")
    for row in csv.DictReader(path.read_text().splitlines()):
        cycle = float(row["depth"]), float(row["mean"]), float(row["weight"])
        rows[int(row["profile"])].append(cycle)
    return rows


GOLDEN = golden()
SERIES = profiles()


@pytest.mark.parametrize("number", range(PROFILES))
def test_cycles_are_those_of_the_package(number: int):
    found = cycles(SERIES[number])
    ours = list(zip(found.depth.tolist(), found.mean.tolist(), found.weight.tolist(), strict=True))
    theirs = [row for row in GOLDEN[number] if row[0] > 0]
    assert sorted(row for row in ours if row[0] > 0) == sorted(theirs)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0])
def test_sums_of_powers_are_those_of_its_cycles(power: float):
    for series, rows in zip(SERIES, GOLDEN, strict=True):
        theirs = sum(weight * depth**power for depth, _, weight in rows)
        assert sum_of_powers(series[None], power)[0] == pytest.approx(theirs, rel=1e-13)

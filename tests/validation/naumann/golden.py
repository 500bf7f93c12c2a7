"""Makes the golden numbers with the degradation classes of SimSES, in an environment of its own.

``python tests/validation/naumann/golden.py`` with simses 1.3.12 on the path, and pandas and scipy.
"""

import csv
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

Row = tuple[str, int, str, str]

DAYS, CYCLES, SEED = 30, 40, 2_018
ROOM = "simses.technology.lithium_ion.degradation"
FILES = "data/lithium_ion/cell/CLFP_Sony_US26650_{}_param.csv"


def rests() -> list[tuple[float, float]]:
    """State of charge and temperature in C of some days at rest."""
    draw = np.random.default_rng(SEED)
    return [(float(draw.uniform(0, 1)), float(draw.uniform(0, 55))) for _ in range(DAYS)]


def half_cycles() -> list[tuple[float, float]]:
    """Depth and current over capacity, 1/h, of some half cycles, down and up in turns."""
    draw = np.random.default_rng(SEED + 1)
    steps = draw.integers(1, 10, CYCLES) / 10.0
    return [(float(depth), 1.0) for depth in steps]


def main() -> None:
    """Write golden.csv."""
    root = Path(importlib.import_module("simses").__file__ or "").parent
    settings = SimpleNamespace(
        lfp_sony_degradation_capacity_file=root / FILES.format("capacity_decrease"),
        lfp_sony_degradation_resistance_file=root / FILES.format("resistance_increase"),
    )
    chosen = SimpleNamespace(degradation_model_number=1)  # Naumann's own constants
    cell = SimpleNamespace(
        get_nominal_capacity=lambda: 1.0,
        get_calendar_capacity_loss_start=lambda: 0.0,
        get_cyclic_capacity_loss_start=lambda: 0.0,
    )
    rows = [*_calendar(cell, settings, chosen), *_cyclic(cell, settings, chosen)]
    with Path(__file__).with_name("golden.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("part", "number", "loss", "gain"), *rows])
    sys.stdout.write(f"{len(rows)} rows\n")


def _calendar(cell: Any, settings: Any, chosen: Any) -> Iterator[Row]:
    known = importlib.import_module(f"{ROOM}.calendar.lfp_sony").SonyLFPCalendarDegradationModel
    model = known(cell, settings, chosen)
    loss = gain = 0.0
    for number, (soc, celsius) in enumerate(rests()):
        state = SimpleNamespace(time=0.0, soc=soc, temperature=celsius + 273.15)
        model.calculate_degradation(86_400.0, state)
        model.calculate_resistance_increase(86_400.0, state)
        loss, gain = loss + model.get_degradation(), gain + model.get_resistance_increase()
        yield "calendar", number, repr(float(loss)), repr(float(gain))


def _cyclic(cell: Any, settings: Any, chosen: Any) -> Iterator[Row]:
    known = importlib.import_module(f"{ROOM}.cyclic.lfp_sony").SonyLFPCyclicDegradationModel
    found = SimpleNamespace()
    model = known(cell, found, settings, chosen)
    state = SimpleNamespace(capacity=1.0, nominal_voltage=1.0)
    loss = gain = 0.0
    for number, (depth, c_rate) in enumerate(half_cycles()):
        found.get_crate = lambda c_rate=c_rate: c_rate / 3600.0
        found.get_depth_of_cycle = lambda depth=depth: depth
        found.get_delta_full_equivalent_cycle = lambda depth=depth: depth / 2.0
        model.calculate_degradation(state)
        model.calculate_resistance_increase(state)
        loss, gain = loss + model.get_degradation(), gain + model.get_resistance_increase()
        yield "cycle", number, repr(float(loss)), repr(float(gain))


if __name__ == "__main__":
    main()

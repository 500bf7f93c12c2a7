"""Feeders and days that several tests of time series share."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np

from evergrid.grid.devices.time_series import Day
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Control

MASTERS = {
    "ieee13": "13Bus/IEEE13Nodeckt.dss",
    "ieee34": "34Bus/ieee34Mod1.dss",
    "ieee123": "123Bus/IEEE123Master.dss",
    "eulv": "LVTestCase/Master.dss",
}


def master(data_folder: Path, name: str) -> Path:
    """The master file of a shared feeder."""
    return data_folder / "feeders" / MASTERS[name]


def built_in(*commands: str) -> Feeder:
    """The feeder that is built in."""
    with resources.as_file(resources.files("evergrid.grid.feeder") / "built_in/ieee13.dss") as path:
        return opendss.read(path, commands=commands)


def frozen(feeder: Feeder) -> Feeder:
    """The same with regulators that never move."""
    still = [
        replace(r, controls=tuple(replace(c, frozen=True) for c in r.controls))
        for r in feeder.regulators
    ]
    return replace(feeder, regulators=tuple(still))


def fleet(feeder: Feeder, steps: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ratings of vehicles at 30 % of the branches, 40 % of the load, and their noisy powers."""
    draw = np.random.default_rng(seed)
    count = len(feeder.branches)
    chosen = draw.permutation(count)[: max(1, round(0.3 * count))]
    rating = np.zeros(count)
    rating[chosen] = -0.4 * feeder.branches.power_kw.sum() / len(chosen)
    noise = np.clip(0.5 * draw.standard_normal(steps), -1, 1)
    return rating, rating[:, None] * noise


def load_shape(steps: int) -> np.ndarray:
    """A load that rises and falls once."""
    return 0.75 + 0.25 * np.sin(2 * np.pi * np.arange(steps) / steps)


def a_day(
    feeder: Feeder, controls: Sequence[Control], *, steps: int, step_s: float = 60.0, seed: int = 0
) -> Day:
    """A day of noisy vehicles, one scenario for each way of control."""
    rating, power = fleet(feeder, steps, seed=seed)
    count = len(controls)
    inverters = volt_var.Inverters(np.tile(rating, (count, 1)), tuple(controls), np.arange(count))
    return Day(step_s, np.tile(power, (count, 1, 1)), inverters, load_shape(steps)[None, None])

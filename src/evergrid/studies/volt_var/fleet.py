"""Vehicles on a feeder, what is asked of them over a day, and the load beside them."""

from pathlib import Path

import numpy as np
from pydantic import Field

from evergrid.core.arrays import Array, Float
from evergrid.core.config import Config as BaseConfig
from evergrid.data.files import column
from evergrid.data.files.locate import locate
from evergrid.grid.feeder.feeder import Feeder

HOUR_S = 3600.0


class Fleet(BaseConfig):
    """Where vehicles are, and how many."""

    place_share: float = Field(default=0.3, gt=0, le=1)
    """Share of the feeder's load points that have vehicles; which ones is drawn at random."""
    power_share: float = Field(default=0.4, gt=0, le=5)
    """Rated power of all vehicles together over the feeder's load."""
    power_kw: float | None = Field(default=None, gt=0, examples=[50.0])
    """Rated power at each of these points, instead of ``power_share``."""
    kva_per_kw: float = Field(default=1.1, ge=1, le=2)
    """Rated apparent power of the inverters over their rated power."""


class Signal(BaseConfig):
    """What is asked of the vehicles, as a share of their rated power."""

    file: str | None = Field(default=None, examples=["signal.csv"])
    """CSV file with a column ``power_pu``, a row per step, positive into the grid; the other keys
    generate one instead."""
    noise: float = Field(default=0.3, ge=0, le=1)
    """Standard deviation of a part like a frequency regulation signal."""
    noise_min: float = Field(default=2.0, gt=0, le=60)
    """Minutes over which that part forgets its past."""
    evening: float = Field(default=0.5, ge=-1, le=1)
    """Highest share of the discharge in the evening."""
    evening_hour: float = Field(default=19.0, ge=0, le=24)
    """Hour of the day at which it is highest."""
    evening_hours: float = Field(default=3.0, gt=0, le=12)
    """Hours for which it is above a half of that."""


class Load(BaseConfig):
    """The feeder's own load over the day, as a share of what the files state."""

    file: str | None = Field(default=None, examples=["load.csv"])
    """CSV file with a column ``load_pu``, a row per step; the other keys generate one instead."""
    lowest: float = Field(default=0.5, ge=0, le=2)
    """Least share, twelve hours from the peak."""
    highest: float = Field(default=1.0, ge=0, le=2)
    """Greatest share."""
    peak_hour: float = Field(default=18.0, ge=0, le=24)
    """Hour of the day at which it is greatest."""


def places(feeder: Feeder, fleet: Fleet, seed: int) -> Float[Array, " branch"]:
    """Rated power of the vehicles at each branch; a load on several phases shares them evenly.

    Args:
        feeder: The feeder.
        fleet: How many vehicles.
        seed: Of the draw of places.
    """
    (loads,) = np.nonzero(feeder.branches.is_load)
    names, owner = np.unique(feeder.branches.name[loads].astype(str), return_inverse=True)
    draw = np.random.default_rng([seed, 0])
    count = max(1, round(fleet.place_share * len(names)))
    chosen = np.zeros(len(names), bool)
    chosen[draw.permutation(len(names))[:count]] = True
    load_kw = -float(feeder.branches.power_kw[loads].sum())
    each = fleet.power_share * load_kw / count if fleet.power_kw is None else fleet.power_kw
    phases = np.bincount(owner, minlength=len(names))
    rated_kw = np.zeros(len(feeder.branches))
    rated_kw[loads] = np.where(chosen[owner], max(each, 0.0) / phases[owner], 0.0)
    return rated_kw


def signal_pu(
    signal: Signal, step_s: float, steps: int, seed: int, folder: Path
) -> Float[Array, " step"]:
    """What is asked of every vehicle, as a share of its rated power, within [-1, 1].

    Raises:
        MissingFileError: There is no such file.
        InputError: The file lacks the column, or has too few rows.
    """
    if signal.file is not None:
        return np.clip(column.read(locate(signal.file, folder), "power_pu", steps), -1, 1)
    draw = np.random.default_rng([seed, 1]).standard_normal(steps)
    kept = float(np.exp(-step_s / (60 * signal.noise_min)))
    noise, now = np.empty(steps), draw[0]
    for k in range(steps):
        now = kept * now + (1 - kept**2) ** 0.5 * draw[k]
        noise[k] = now
    hour = _hours(step_s, steps)
    away = np.abs((hour - signal.evening_hour + 12) % 24 - 12)
    bell = np.exp(-np.log(2) * (2 * away / signal.evening_hours) ** 2)
    return np.clip(signal.noise * noise + signal.evening * bell, -1, 1)


def load_pu(load: Load, step_s: float, steps: int, folder: Path) -> Float[Array, " step"]:
    """Share of the feeder's own load that is on.

    Raises:
        MissingFileError: There is no such file.
        InputError: The file lacks the column, or has too few rows.
    """
    if load.file is not None:
        return column.read(locate(load.file, folder), "load_pu", steps)
    turn = 2 * np.pi * (_hours(step_s, steps) - load.peak_hour) / 24
    middle, swing = (load.highest + load.lowest) / 2, (load.highest - load.lowest) / 2
    return middle + swing * np.cos(turn)


def _hours(step_s: float, steps: int) -> Float[Array, " step"]:
    return (np.arange(steps) + 0.5) * step_s / HOUR_S

"""How hot a transformer's winding gets and how fast that ages its insulation.

Source:
    IEEE Std C57.91-1995, Guide for loading mineral-oil-immersed transformers, clause 7 (top oil
    and hottest spot) and clause 5 (ageing acceleration for 65 C rise insulation, 110 C). The
    winding follows its load at once here: its own time constant of some minutes is left out,
    which errs towards hotter. The standard's loading is that of three equal phases; where they
    differ, the oil is heated by the losses of all windings, which go with the mean of their
    squared loadings, and each winding rises over it by its own.
"""

from dataclasses import dataclass
from typing import Any, no_type_check

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.computing.kernels import kernel
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

REFERENCE_K = 383.0  # 110 C, where insulation ages at the normal rate
AGEING_K = 15000.0
ZERO_C_K = 273.0
# Inlined for the reason that `volt_var_kernels.INLINED` gives.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "forceinline": True}


@dataclass(frozen=True)
class Thermal:
    """Thermal data of a transformer cooled by oil and air on their own.

    Attributes:
        oil_rise_c: Rise of the top oil over the air at rated load.
        winding_rise_c: Rise of the hottest spot over the top oil at rated load.
        loss_ratio: Losses under rated load over those without load.
        oil_exponent: n, of the oil's rise.
        winding_exponent: m, of the winding's rise.
        oil_h: Time constant of the oil.
    """

    oil_rise_c: float = 65.0
    winding_rise_c: float = 15.0
    loss_ratio: float = 5.0
    oil_exponent: float = 0.8
    winding_exponent: float = 0.8
    oil_h: float = 2.0

    def __post_init__(self) -> None:
        faults = [
            Fault(name, "be above 0", (value,)) for name, value in vars(self).items() if value <= 0
        ]
        raise_if_any("thermal", faults)

    def numbers(self) -> Float[Array, " number"]:
        """The data as the compiled loop wants them."""
        return np.array(list(vars(self).values()))


@kernel(**OPTIONS)
@no_type_check
def shared_heating(loading, owner):
    """Mean square of the loadings that share a transformer's oil, by transformer and step.

    Each is taken to lose as much as any other at its rated current.

    Args:
        loading: Of each place at which a transformer is judged, by step.
        owner: Row of the transformer of each.
    """
    count = owner.max() + 1 if len(owner) > 0 else 0
    places, square = np.zeros(count), np.zeros((count, loading.shape[1]))
    for p in range(len(owner)):
        places[owner[p]] += 1.0
        for step in range(loading.shape[1]):
            square[owner[p], step] += loading[p, step] ** 2
    for t in range(count):
        for step in range(loading.shape[1]):
            square[t, step] /= max(places[t], 1.0)
    return square


@kernel(**OPTIONS)
@no_type_check
def oil_rises(heating, step_h, thermal, twice):
    """Rise of each transformer's top oil over the air, by step; its windings share it.

    Args:
        heating: Mean square of the loadings that share its oil, `shared_heating`.
        step_h: Length of a step.
        thermal: `Thermal.numbers`.
        twice: Whether the path repeats, so that it begins as warm as it ends.
    """
    oil_rise, _, ratio, n, _, oil_h = thermal
    decay, found = np.exp(-step_h / oil_h), np.empty_like(heating)
    for t in range(len(heating)):
        for step in range(heating.shape[1]):  # where it would end
            lost = (heating[t, step] * ratio + 1.0) / (ratio + 1.0)
            found[t, step] = oil_rise * lost**n
        rise = found[t, 0]
        if twice:
            for step in range(heating.shape[1]):
                rise = found[t, step] + (rise - found[t, step]) * decay
        for step in range(heating.shape[1]):
            rise = found[t, step] + (rise - found[t, step]) * decay
            found[t, step] = rise
    return found


@kernel(**OPTIONS)
@no_type_check
def hottest(loading, oil_rise_c, ambient_c, thermal):
    """Hottest spot over a path of loading, and hours of life lost per hour.

    Args:
        loading: Load over rating of a winding at each step.
        oil_rise_c: Rise of its oil over the air at each step, `oil_rises`.
        ambient_c: Air at each step.
        thermal: `Thermal.numbers`.

    Returns:
        The highest temperature, its step, and the mean rate of ageing.
    """
    winding_rise, m = thermal[1], thermal[4]
    highest, when, ageing = -np.inf, 0, 0.0
    for step in range(len(loading)):
        spot = ambient_c[step] + oil_rise_c[step] + winding_rise * loading[step] ** (2.0 * m)
        ageing += np.exp(AGEING_K / REFERENCE_K - AGEING_K / (spot + ZERO_C_K))
        if spot > highest:
            highest, when = spot, step
    return highest, when, ageing / len(loading)


@kernel(**OPTIONS)
@no_type_check
def highest_average(path, window):
    """Highest mean of ``window`` steps in a row of a path that repeats, and where it ends."""
    total = 0.0
    for t in range(window):
        total += path[t - window]
    highest, when = total, len(path) - 1
    for t in range(len(path)):
        total += path[t] - path[t - window]
        if total > highest:
            highest, when = total, t
    return highest / window, when

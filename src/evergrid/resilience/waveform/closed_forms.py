"""Flux and inrush of one core at a stiff source, in closed form; per unit of V / w.

V is the amplitude of the voltage, w its angular frequency; the voltage is V sin(w t + angle), and
there is no resistance. Inductances and currents are per unit of the transformer.
"""

import math

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault


def step_flux_pu(
    time_s: Float[Array, " sample"],
    *,
    nominal_hz: float,
    angle_rad: float,
    residual_pu: float = 0.0,
) -> Float[Array, " sample"]:
    """Flux after a hard closing: l_r + cos(angle) - cos(w t + angle).

    Args:
        time_s: Since the closing.
        nominal_hz: Of the source.
        angle_rad: Of the voltage at the closing, 0 at its rising zero crossing.
        residual_pu: Flux before.
    """
    turned = 2 * math.pi * nominal_hz * time_s + angle_rad
    return residual_pu + math.cos(angle_rad) - np.cos(turned)


def worst_step_flux_pu(residual_pu: float = 0.0) -> float:
    """Largest flux after a closing at the zero crossing: 2 V / w and what was there before."""
    return 2.0 + abs(residual_pu)


def ramp_flux_offset_pu(duration_s: float, *, nominal_hz: float, angle_rad: float = 0.0) -> float:
    """Direct flux that a linear ramp of the voltage leaves: [sin(w T + angle) - sin angle] / (w T).

    It is zero for a whole number of cycles, and 2 / (w T) at most.

    Args:
        duration_s: T, of the ramp.
        nominal_hz: Of the source.
        angle_rad: Of the voltage at the start.

    Raises:
        InputError: A duration that is not above 0.
    """
    if not (math.isfinite(duration_s) and duration_s > 0):
        fix = "For a step see step_flux_pu."
        fault = Fault("duration_s", "be above 0 and finite", (duration_s,), fix=fix)
        raise_if_any("ramp", [fault])
    turned = 2 * math.pi * nominal_hz * duration_s
    return (math.sin(turned + angle_rad) - math.sin(angle_rad)) / turned


def core_current_pu(
    flux_pu: float, *, knee_pu: float, air_core_pu: float, magnetising_pu: float = math.inf
) -> float:
    """Current of a core with two slopes: what flux beyond the knee asks of the air core.

    Args:
        flux_pu: Of the core.
        knee_pu: Where the slopes meet.
        air_core_pu: Inductance beyond.
        magnetising_pu: Inductance below.
    """
    size = abs(flux_pu)
    current = min(size, knee_pu) / magnetising_pu + max(size - knee_pu, 0.0) / air_core_pu
    return math.copysign(current, flux_pu)

"""Fade that grows as a power of time or throughput, under stress that changes."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float


@dataclass(frozen=True)
class PowerLaw:
    """Fade is ``rate * (amount / unit) ** power`` while the stress is the same.

    Attributes:
        power: Of the law.
        unit: Amount of days or cycles that the rate is for.
    """

    power: float
    unit: float = 1.0


def advanced(
    fade: Float[Array, "*battery"],
    rate: Float[Array, "*battery"],
    amount: Float[Array, "*battery"],
    law: PowerLaw,
) -> Float[Array, "*battery"]:
    """Fade after some more time or throughput under a stress.

    Where the stress changes, a battery goes on as if it had reached its present fade under the new
    stress: from the amount at which that curve stands there. So the length of steps does not
    matter while the stress is the same. A battery under no stress stays as it is.

    Args:
        fade: Before, as a share of the new battery's capacity or resistance.
        rate: Of the law, from the stress.
        amount: Days or cycles that are added.
        law: Power and unit.

    Source:
        Equivalent age; e.g. Smith et al. (2021), J. Electrochem. Soc. 168, 100530.
    """
    stressed = rate > 0
    curve = np.where(stressed, rate, 1.0)
    reached = (fade / curve) ** (1.0 / law.power)
    return np.where(stressed, curve * (reached + amount / law.unit) ** law.power, fade)


def slope(
    fade: Float[Array, "*battery"], rate: Float[Array, "*battery"], law: PowerLaw
) -> Float[Array, "*battery"]:
    """Fade per day or cycle that a battery adds next, at its present fade.

    Zero where there is no stress; infinite for a new battery where fade grows slower than in
    proportion.
    """
    stressed = rate > 0
    curve = np.where(stressed, rate, 1.0)
    with np.errstate(divide="ignore"):
        steep = law.power * curve * (fade / curve) ** ((law.power - 1.0) / law.power) / law.unit
    return np.where(stressed, steep, 0.0)

"""Will inverters that answer voltage with reactive power hunt, and how steep may they be?

Each inverter moves a share of the way to its droop in every step, ``q += alpha (f(v) - q)`` with
``f(v) = -slope (v - reference)``. Around an equilibrium that is ``q -> (1 - alpha - alpha K) q``
with the loop gain ``K = diag(slope rating) dV/dQ``: what comes back of a unit of reactive power.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken

RESPONSE_LEFT = 0.1  # of a change that is left after the response time


@dataclass(frozen=True)
class Droop:
    """How inverters answer to voltage.

    Attributes:
        slope: Reactive power over rating per voltage in pu, each inverter's.
        rating_kva: Of each inverter.
        most: Greatest reactive power over rating.
        step_weight: Share of the way that is made in a step, above 0 and at most 1.
    """

    slope: Float[Array, " connection"]
    rating_kva: Float[Array, " connection"]
    most: float
    step_weight: float

    def __post_init__(self) -> None:
        faults = broken("slope", self.slope >= 0, "be at least 0", values=self.slope)
        ok = self.rating_kva > 0
        faults += broken("rating_kva", ok, "be above 0", values=self.rating_kva)
        weight = np.array([self.step_weight])
        ok = (weight > 0) & (weight <= 1)
        faults += broken("step_weight", ok, "be above 0 and at most 1", values=weight)
        raise_if_any("droop", faults)

    def answer_kvar(
        self, above_pu: Float[Array, "*more connection"]
    ) -> Float[Array, "*more connection"]:
        """Reactive power it aims at, that much above its reference."""
        return np.clip(-self.slope * above_pu, -self.most, self.most) * self.rating_kva


@dataclass(frozen=True)
class Loop:
    """Inverters and grid closed in a loop, for small changes.

    Attributes:
        gain: Change of the reactive power aimed at by a row per that of a column, turned round.
        step_weight: As in `Droop`.
    """

    gain: Float[Array, "connection connection"]
    step_weight: float

    @cached_property
    def eigenvalues(self) -> Complex[Array, " connection"]:
        """Of the gain."""
        return np.linalg.eigvals(self.gain).astype(np.complex128)

    @property
    def spectral_radius(self) -> float:
        """The gain of the strongest joint movement; of one inverter its loop gain."""
        return float(np.abs(self.eigenvalues).max())

    @property
    def growth_per_step(self) -> float:
        """Factor by which the worst movement grows or shrinks in a step."""
        weight = self.step_weight
        return float(np.abs(1.0 - weight - weight * self.eigenvalues).max())

    @property
    def hunts(self) -> bool:
        """Whether a small change grows instead of dying out."""
        return self.growth_per_step >= 1.0

    @property
    def stable_gain(self) -> float:
        """Gain at which hunting begins."""
        return stable_gain(self.step_weight)

    @property
    def damping(self) -> float:
        """How much faster than one inverter alone the slowest movement dies out without steps.

        In continuous time ``q' = (f(v) - q) / tau`` is stable where this is above 0.
        """
        return float(1.0 + np.real(self.eigenvalues).min())


def step_weight(step_s: float, response_s: float) -> float:
    """Share of the way made in a step by a first-order answer, 90 % after its response time."""
    return 1.0 - RESPONSE_LEFT ** (step_s / response_s)


def stable_gain(step_weight: float) -> float:
    """Gain at which hunting begins: ``(2 - alpha) / alpha``.

    Source:
        ``|1 - alpha - alpha k| < 1`` for a gain k of at least 0.
    """
    return (2.0 - step_weight) / step_weight


def loop(droop: Droop, rise_pu_per_kvar: Float[Array, "connection connection"]) -> Loop:
    """Inverters and grid closed in a loop, all of them on their slopes."""
    gain = (droop.slope * droop.rating_kva)[:, None] * rise_pu_per_kvar
    return Loop(gain, droop.step_weight)


def steepest(
    rating_kva: Float[Array, " connection"],
    rise_pu_per_kvar: Float[Array, "connection connection"],
    *,
    most_gain: float,
) -> Float[Array, " connection"]:
    """Slope of each inverter with which the gain of all together is at most that.

    The weaker the place, the flatter the slope. It holds for any flatter slopes and for any of
    the inverters alone as well.

    Args:
        rating_kva: Of each inverter.
        rise_pu_per_kvar: Between all inverters.
        most_gain: Spectral radius to be kept.

    Source:
        The spectral radius is at most the largest row sum; scaled by the ratings, the sum of a
        row is the slope times the rise at the inverter when all give their rating.
    """
    return most_gain / (np.abs(rise_pu_per_kvar) @ rating_kva)

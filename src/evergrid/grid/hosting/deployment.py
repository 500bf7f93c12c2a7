"""Who has a vehicle: random places and behaviours on a feeder, from nobody to everybody.

A *slot* is a place for one vehicle. A *draw* gives the slots a random order and each a random
*profile*, the power of one vehicle over the steps. At a *level* the first of them have a vehicle,
so that within a draw vehicles are only added from level to level.
"""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault


@dataclass(frozen=True)
class Slots:
    """Places for vehicles.

    Attributes:
        branch: Branches that each slot is connected to, up to three; -1 for none. A vehicle
            shares its power evenly over them.
    """

    branch: Int[Array, "slot 3"]

    def __len__(self) -> int:
        return len(self.branch)


@dataclass(frozen=True)
class Deployments:
    """Draws of who has which vehicle, at each level.

    Attributes:
        slots: Places for vehicles.
        counts: Vehicles at each level, rising.
        order: Slots of each draw in the order in which they get a vehicle.
        profile: Row of the profile that the slot has in its draw.
    """

    slots: Slots
    counts: Int[Array, " level"]
    order: Int[Array, "draw slot"]
    profile: Int[Array, "draw slot"]

    @property
    def levels(self) -> int:
        """How many levels there are."""
        return len(self.counts)

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return len(self.order)

    def part(self, first: int, stop: int) -> "Deployments":
        """The draws from one to before another."""
        rows = slice(first, stop)
        return replace(self, order=self.order[rows], profile=self.profile[rows])

    def power_kw(
        self, level: int, draw: int, profiles_kw: Float[Array, "profile step"], branches: int
    ) -> Float[Array, "step branch"]:
        """Power of the vehicles of one draw at one level, by branch."""
        has = self.order[draw, : self.counts[level]]
        power = np.zeros((branches, profiles_kw.shape[1]))
        for at in self.slots.branch[has].T:
            used = at >= 0
            phases = (self.slots.branch[has[used]] >= 0).sum(axis=1)
            share = profiles_kw[self.profile[draw, has[used]]] / phases[:, None]
            np.add.at(power, at[used], share)
        return power.T


def draw(slots: Slots, *, levels: int, draws: int, profiles: int, seed: int) -> Deployments:
    """Random deployments from nobody to everybody in equal steps.

    Args:
        slots: Places for vehicles.
        levels: Levels, the first without a vehicle and the last with one everywhere.
        draws: Independent draws.
        profiles: How many profiles there are to choose from, with replacement.
        seed: Of the draws.

    Raises:
        InputError: No place, fewer than two levels, no draw or no profile.
    """
    faults = [
        Fault(name, f"be at least {least}", (value,))
        for name, value, least in (
            ("slots", len(slots), 1),
            ("levels", levels, 2),
            ("draws", draws, 1),
            ("profiles", profiles, 1),
        )
        if value < least
    ]
    if faults:
        raise InputError("deployments", faults)
    random = np.random.default_rng(seed)
    order = random.permuted(np.tile(np.arange(len(slots)), (draws, 1)), axis=1)
    chosen = random.integers(profiles, size=(draws, len(slots)))
    counts = np.round(np.linspace(0, len(slots), levels)).astype(np.int64)
    return Deployments(slots, counts, order, chosen)

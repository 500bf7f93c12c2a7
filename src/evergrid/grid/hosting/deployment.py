"""Who has a vehicle: random places and behaviours on a feeder, from nobody to everybody.

A *draw* gives the parking places a random order and each a random *profile*, the power of one
vehicle over the steps. For each number of vehicles the first of them have one, so that within a
draw vehicles are only added.
"""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault


@dataclass(frozen=True)
class ParkingPlaces:
    """Places for one vehicle each.

    Attributes:
        branch: Branches that each parking place is connected to, up to three; -1 for none. A
            vehicle shares its power evenly over them.
    """

    branch: Int[Array, "parking 3"]

    def __len__(self) -> int:
        return len(self.branch)


@dataclass(frozen=True)
class Deployments:
    """Draws of who has which vehicle, for each number of vehicles.

    Attributes:
        parking: Places for vehicles.
        vehicles: Numbers of vehicles, rising.
        order: Parking places of each draw in the order in which they get a vehicle.
        profile: Row of the profile that the parking place has in its draw.
    """

    parking: ParkingPlaces
    vehicles: Int[Array, " count"]
    order: Int[Array, "draw parking"]
    profile: Int[Array, "draw parking"]

    @property
    def counts(self) -> int:
        """How many numbers of vehicles there are."""
        return len(self.vehicles)

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return len(self.order)

    def part(self, first: int, stop: int) -> "Deployments":
        """The draws from one to before another."""
        rows = slice(first, stop)
        return replace(self, order=self.order[rows], profile=self.profile[rows])

    def power_kw(
        self, count: int, draw: int, profiles_kw: Float[Array, "profile step"], branches: int
    ) -> Float[Array, "step branch"]:
        """Power of the vehicles of one draw, by branch.

        Args:
            count: Row of the number of vehicles.
            draw: Row of the draw.
            profiles_kw: Power of each profile, into the grid.
            branches: How many branches the feeder has.
        """
        occupied = self.order[draw, : self.vehicles[count]]
        power = np.zeros((branches, profiles_kw.shape[1]))
        for at in self.parking.branch[occupied].T:
            used = at >= 0
            phases = (self.parking.branch[occupied[used]] >= 0).sum(axis=1)
            share = profiles_kw[self.profile[draw, occupied[used]]] / phases[:, None]
            np.add.at(power, at[used], share)
        return power.T


def draw(
    parking: ParkingPlaces, *, counts: int, draws: int, profiles: int, seed: int
) -> Deployments:
    """Random deployments from nobody to everybody in equal steps.

    Args:
        parking: Places for vehicles.
        counts: Numbers of vehicles, the first none and the last one at every parking place.
        draws: Independent draws.
        profiles: How many profiles there are to choose from, with replacement.
        seed: Of the draws.

    Raises:
        InputError: No parking place, fewer than two numbers, no draw or no profile.
    """
    faults = [
        Fault(name, f"be at least {least}", (value,))
        for name, value, least in (
            ("parking places", len(parking), 1),
            ("vehicle_counts", counts, 2),
            ("draws", draws, 1),
            ("profiles", profiles, 1),
        )
        if value < least
    ]
    if faults:
        raise InputError("deployments", faults)
    random = np.random.default_rng(seed)
    order = random.permuted(np.tile(np.arange(len(parking)), (draws, 1)), axis=1)
    chosen = random.integers(profiles, size=(draws, len(parking)))
    vehicles = np.round(np.linspace(0, len(parking), counts)).astype(np.int64)
    return Deployments(parking, vehicles, order, chosen)

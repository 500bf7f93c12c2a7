"""The carbon inventory of stored energy: what each kWh in a battery carries, and where it goes.

Energy drawn brings the average emissions of its step along, those of charging losses included.
What leaves takes its share of what is stored: fed energy, the energy of trips, and what is lost
while standing. What is lost in discharging is carried by what is fed. So nothing appears and
nothing vanishes: charged + at the start = fed + driven + standing losses + at the end.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.units import KWH_PER_MWH

EMPTY_KWH = 1e-9  # below which a battery is empty and carries nothing


@dataclass(frozen=True)
class StoredCarbon:
    """Carbon that went into batteries and where it went.

    Attributes:
        charged_kg: With energy drawn, of each session in each step.
        fed_kg: With energy fed.
        standing_kg: With energy lost while standing.
        brought_kg: In the battery of each session when it begins.
        driven_kg: Between this session and the next of the same asset, with the energy of the trip;
            below 0 where the vehicle came back with more than it left with.
        left_kg: In the battery of each session when it ends.
        intensity_kg_per_mwh: Of what is stored, at the end of each step; 0 where nothing is.
    """

    charged_kg: Float[Array, "session step"]
    fed_kg: Float[Array, "session step"]
    standing_kg: Float[Array, "session step"]
    brought_kg: Float[Array, " session"]
    driven_kg: Float[Array, " session"]
    left_kg: Float[Array, " session"]
    intensity_kg_per_mwh: Float[Array, "session step"]

    @property
    def imbalance_kg(self) -> float:
        """What appeared from nowhere, over all sessions: 0 but for rounding."""
        into = self.charged_kg.sum() + self.brought_kg.sum()
        out = self.fed_kg.sum() + self.standing_kg.sum() + self.left_kg.sum()
        return float(into - out)


@dataclass(frozen=True)
class Stays:
    """Who is where when, as the inventory needs it.

    Attributes:
        asset: Number of the vehicle or battery of each session.
        first: First step of each session.
        stop: Step after its last.
        energy_begin_kwh: In the battery when the session begins.
    """

    asset: Int[Array, " session"]
    first: Int[Array, " session"]
    stop: Int[Array, " session"]
    energy_begin_kwh: Float[Array, " session"]


def inventory(
    stays: Stays,
    drawn_kwh: Float[Array, "session step"],
    fed_cells_kwh: Float[Array, "session step"],
    standing_kwh: Float[Array, "session step"],
    stored_kwh: Float[Array, "session step"],
    factor_kg_per_mwh: Float[Array, " step"],
    *,
    elsewhere_kg_per_mwh: float,
) -> StoredCarbon:
    """The inventory of each session, carried from one session of an asset to its next.

    Args:
        stays: The sessions; those of one asset follow one another.
        drawn_kwh: Energy drawn at the AC terminals in each step.
        fed_cells_kwh: Energy taken out of the cells to feed, losses included.
        standing_kwh: Energy lost from the cells while standing.
        stored_kwh: Energy in the cells at the end of each step.
        factor_kg_per_mwh: Average factors.
        elsewhere_kg_per_mwh: Of energy that was charged elsewhere, or before the first session.
    """
    elsewhere = elsewhere_kg_per_mwh / KWH_PER_MWH
    charged = drawn_kwh * (factor_kg_per_mwh / KWH_PER_MWH)
    fed, standing, intensity = (np.zeros(drawn_kwh.shape) for _ in range(3))
    brought, left, kg = (np.zeros(len(stays.asset)) for _ in range(3))
    assets = int(stays.asset.max(initial=-1)) + 1
    carried = np.full(assets, elsewhere)  # kg per kWh with which each asset left
    remains = np.zeros(assets)  # kWh with which it left
    for step in range(drawn_kwh.shape[1]):
        arrives = np.flatnonzero(stays.first == step)
        asset, begin_kwh = stays.asset[arrives], stays.energy_begin_kwh[arrives]
        own_kwh = np.minimum(begin_kwh, remains[asset])
        kg[arrives] = own_kwh * carried[asset] + (begin_kwh - own_kwh) * elsewhere
        brought[arrives] = kg[arrives]

        here = np.flatnonzero((stays.first <= step) & (step < stays.stop))
        now_kg = kg[here] + charged[here, step]
        # What leaves in a step, fed or lost, is the mean of all that is in the battery in it.
        out, lost = fed_cells_kwh[here, step], standing_kwh[here, step]
        per_kwh = _ratio(now_kg, stored_kwh[here, step] + out + lost)
        fed[here, step] = np.minimum(per_kwh * out, now_kg)
        standing[here, step] = np.minimum(per_kwh * lost, now_kg - fed[here, step])
        kg[here] = now_kg - fed[here, step] - standing[here, step]
        intensity[here, step] = KWH_PER_MWH * _ratio(kg[here], stored_kwh[here, step])

        leaves = np.flatnonzero(stays.stop == step + 1)
        left[leaves] = kg[leaves]
        carried[stays.asset[leaves]] = _ratio(kg[leaves], stored_kwh[leaves, step])
        remains[stays.asset[leaves]] = stored_kwh[leaves, step]
    driven = _trips(stays, brought, left)
    return StoredCarbon(charged, fed, standing, brought, driven, left, intensity)


def _trips(
    stays: Stays, brought_kg: Float[Array, " session"], left_kg: Float[Array, " session"]
) -> Float[Array, " session"]:
    """What a vehicle left with and does not bring back to its next session."""
    driven = np.zeros(len(left_kg))
    order = np.lexsort((stays.first, stays.asset))
    follows = np.flatnonzero(np.diff(stays.asset[order]) == 0)
    here, then = order[follows], order[follows + 1]
    driven[here] = left_kg[here] - brought_kg[then]
    return driven


def _ratio(part: Float[Array, " row"], whole: Float[Array, " row"]) -> Float[Array, " row"]:
    """Part of a whole; 0 of nothing."""
    some: Bool[Array, " row"] = whole > EMPTY_KWH
    return np.where(some, part / np.where(some, whole, 1.0), 0.0)

"""How old the batteries of a fleet are, and how much they have been used."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import between, unique

MOST_YEARS, MOST_CYCLES = 50.0, 100_000.0  # more is no battery of a car


@dataclass(frozen=True)
class BatteryStates:
    """State of the batteries of some assets, one row each.

    Attributes:
        asset_id: The vehicle or battery.
        age_years: Time since the battery was new.
        full_cycles: Energy taken out so far, over the capacity when new.

    Raises:
        InputError: An asset named twice, an age or cycles out of range.
    """

    asset_id: Shaped[Array, " asset"]
    age_years: Float[Array, " asset"]
    full_cycles: Float[Array, " asset"]

    def __post_init__(self) -> None:
        records.check(self, "battery_states")
        ids = self.asset_id
        faults = unique("asset_id", ids, fix="Give each battery one state.")
        for name, most in (("age_years", MOST_YEARS), ("full_cycles", MOST_CYCLES)):
            rule = f"be in [0, {most:g}]"
            faults += between(name, getattr(self, name), 0.0, most, ids=ids, rule=rule)
        raise_if_any("battery_states", faults)

    def row(self, asset_id: Shaped[Array, " other"]) -> Int[Array, " other"]:
        """Row of each asset; -1 where it is not among them."""
        row = {name: k for k, name in enumerate(self.asset_id)}
        return np.array([row.get(name, -1) for name in asset_id], dtype=np.int64)

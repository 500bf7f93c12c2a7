"""What makers of batteries allow: how much energy each vehicle may feed within the horizon."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import between, unique


@dataclass(frozen=True)
class Warranties:
    """Energy that vehicles and batteries may feed, each in all its sessions together.

    Attributes:
        asset_id: The vehicle or battery; one that is not named may feed without end.
        fed_kwh: Most energy fed, at the plug.

    Raises:
        InputError: An asset named twice, an energy below 0.
    """

    asset_id: Shaped[Array, " asset"]
    fed_kwh: Float[Array, " asset"]

    def __post_init__(self) -> None:
        records.check(self, "warranties")
        faults = unique("asset_id", self.asset_id, fix="Give each asset one warranty.")
        rule = "be at least 0 and finite"
        most = np.finfo(float).max
        faults += between("fed_kwh", self.fed_kwh, 0.0, most, ids=self.asset_id, rule=rule)
        raise_if_any("warranties", faults)

    def __len__(self) -> int:
        return len(self.asset_id)

    def row(self, asset_id: Shaped[Array, " session"]) -> Int[Array, " session"]:
        """Warranty of each session's asset; -1 where it has none."""
        row = {name: k for k, name in enumerate(self.asset_id)}
        return np.array([row.get(name, -1) for name in asset_id], dtype=np.int64)

    def beyond_kwh(
        self, asset_id: Shaped[Array, " session"], fed_kwh: Float[Array, " session"]
    ) -> Float[Array, " asset"]:
        """By how much sessions feed more than each warranty allows; below 0 within it."""
        row = self.row(asset_id)
        return np.bincount(row[row >= 0], fed_kwh[row >= 0], len(self)) - self.fed_kwh

    def after(
        self, asset_id: Shaped[Array, " session"], fed_kwh: Float[Array, " session"]
    ) -> "Warranties":
        """What is left once sessions have fed so much."""
        return replace(self, fed_kwh=np.maximum(-self.beyond_kwh(asset_id, fed_kwh), 0.0))

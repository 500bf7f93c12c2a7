"""Load blocks that are on or off: off-times, interruptions, and energy not served by tier.

With constant loads, M_D is the sum over blocks of power times off-time, which holds for every
record here and is tested.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.resilience.metrics.performance import PerformanceCurves


@dataclass(frozen=True)
class BlockTimelines:
    """Which blocks are supplied, in each scenario, at the times where that changes.

    A state holds from its time until the next one, the last one to the horizon. All blocks were
    supplied before the event.

    Attributes:
        time_h: Of the states; the first one is the event.
        supplied: Whether each block is.
        horizon_h: Until when each scenario is followed.
        power_kw: Of each block, constant.
        tier: Name of each block's tier, such as ``life_safety``.
        weight: What a kWh that a block misses counts for.
        customers: Served by each block.

    Raises:
        InputError: No scenario or block, times out of order or not finite, a horizon before the
            last state, negative power, weight or number of customers.
    """

    time_h: Float[Array, "scenario knot"]
    supplied: Bool[Array, "scenario knot block"]
    horizon_h: Float[Array, " scenario"]
    power_kw: Float[Array, " block"]
    tier: Shaped[Array, " block"]
    weight: Float[Array, " block"]
    customers: Int[Array, " block"]

    def __post_init__(self) -> None:
        records.check(self, "blocks")
        if self.supplied.size == 0:
            fix = "Give at least one scenario, state and block."
            raise_if_any("blocks", [Fault("supplied", "not be empty", fix=fix)])
        faults: list[Fault] = []
        for name in ("power_kw", "weight", "customers"):
            values = getattr(self, name)
            ok = (values >= 0) & (values < np.inf)
            faults += broken(name, ok, "be at least 0 and finite", values=values)
        times = np.hstack([self.time_h, self.horizon_h[:, None]])
        finite = np.asarray(np.isfinite(times).all(axis=1))
        faults += broken("time_h", finite, "be finite", values=list(times))
        if not faults:
            ordered = np.asarray((np.diff(times, axis=1) >= 0).all(axis=1))
            fix = "Sort the states; the horizon is not before the last one."
            faults += broken("time_h", ordered, "rise to the horizon", values=list(times), fix=fix)
        raise_if_any("blocks", faults)

    @property
    def _length_h(self) -> Float[Array, "scenario knot"]:
        return np.diff(np.hstack([self.time_h, self.horizon_h[:, None]]), axis=1)

    @property
    def off_h(self) -> Float[Array, "scenario block"]:
        """How long each block is off."""
        return np.einsum("sk,skb->sb", self._length_h, ~self.supplied)

    @property
    def interruptions(self) -> Int[Array, "scenario block"]:
        """How often each block is switched off, by the event itself or later."""
        held = self._length_h > 0
        held[:, -1] = True  # a change at the horizon itself has no length
        count = np.zeros((len(self.horizon_h), len(self.power_kw)), dtype=np.int64)
        before = np.ones_like(count, dtype=bool)
        for knot in range(self.time_h.shape[1]):
            now = np.where(held[:, knot, None], self.supplied[:, knot], before)
            count += before & ~now
            before = now
        return count

    @property
    def unserved_kwh(self) -> Float[Array, "scenario block"]:
        """Energy that each block misses."""
        return self.off_h * self.power_kw

    @property
    def weighted_kwh(self) -> Float[Array, " scenario"]:
        """M_D with the weight of each block."""
        return self.unserved_kwh @ self.weight

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the tiers, in the order in which blocks name them."""
        return tuple(dict.fromkeys(self.tier.tolist()))

    @property
    def unserved_by_tier_kwh(self) -> Float[Array, "scenario tier"]:
        """Energy that each tier misses, in the order of `tiers`."""
        member = np.array([self.tier == name for name in self.tiers], dtype=np.float64)
        return self.unserved_kwh @ member.T

    @property
    def survived_by_tier(self) -> Bool[Array, "scenario tier"]:
        """Whether no block of a tier is ever off, in the order of `tiers`."""
        off_h = self.off_h
        return np.column_stack(
            [(off_h[:, self.tier == name] == 0).all(axis=1) for name in self.tiers]
        )

    @property
    def mean_off_h(self) -> Float[Array, " scenario"]:
        """Off-time per customer in each scenario, as the index SAIDI counts it.

        Raises:
            InputError: No customers.

        Source:
            IEEE Std 1366, system average interruption duration index, of one event.
        """
        everybody = self.customers.sum()
        if everybody == 0:
            raise_if_any("blocks", [Fault("customers", "not all be 0", (0,))])
        return self.off_h @ self.customers / everybody

    def performance(self) -> PerformanceCurves:
        """Power of the supplied blocks against that of all."""
        served = self.supplied @ self.power_kw
        demand = np.full_like(served, self.power_kw.sum())
        return PerformanceCurves(
            self.time_h, served, demand, self.time_h[:, 0].copy(), self.horizon_h
        )

"""Limits on weighted sums of several places' power: what wires that they share can carry."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken


@dataclass(frozen=True)
class Flowgates:
    """Limits of one step each, such as that of a voltage, a current or a transformer.

    In its step, the sum over sites of ``weight`` times the net power of the sessions at and below
    them, positive into the grid and less what generation there is curtailed by, is at most
    ``limit_kw``. Load and generation are no part of it: what they do is in the limit.

    Attributes:
        step: Step of each.
        weight: Share of each site's power that counts; negative where drawing is limited.
        limit_kw: Greatest weighted sum; below 0 where generation must be curtailed.

    Raises:
        InputError: Steps below 0, numbers that are not finite, lengths that do not fit.
    """

    step: Int[Array, " flowgate"]
    weight: Float[Array, "flowgate place"]
    limit_kw: Float[Array, " flowgate"]

    def __post_init__(self) -> None:
        records.check(self, "flowgates")
        faults = broken("step", self.step >= 0, "be at least 0", values=self.step)
        faults += broken("limit_kw", np.isfinite(self.limit_kw), "be finite", values=self.limit_kw)
        total = np.abs(self.weight).sum(axis=1)
        faults += broken("weight", np.isfinite(total), "be finite", values=total)
        raise_if_any("flowgates", faults)

    def __len__(self) -> int:
        return len(self.step)

    def rows(self, which: Bool[Array, " flowgate"] | Int[Array, " some"]) -> "Flowgates":
        """Some of them."""
        return Flowgates(self.step[which], self.weight[which], self.limit_kw[which])

    def part(self, first: int, stop: int) -> "Flowgates":
        """Those of the steps ``first .. stop - 1``, counted from ``first``."""
        inside = self.rows((self.step >= first) & (self.step < stop))
        return Flowgates(inside.step - first, inside.weight, inside.limit_kw)

    def beyond_kw(self, net_kw: Float[Array, "place step"]) -> Float[Array, " flowgate"]:
        """How far each limit is passed by the net power of the sites; negative where it is kept."""
        return np.einsum("rs,rs->r", self.weight, net_kw[:, self.step].T) - self.limit_kw

    def curtailed_kw(self, most_kw: Float[Array, "place step"]) -> Float[Array, " flowgate"]:
        """By how much each sum falls where generation is curtailed by the most that it may be."""
        return np.einsum("rs,rs->r", np.maximum(self.weight, 0.0), most_kw[:, self.step].T)

    def price_of_power(
        self, price: Float[Array, " flowgate"], steps: int
    ) -> Float[Array, "place step"]:
        """What prices of the limits add to the price of each site's power in each step."""
        total = np.zeros((steps, self.weight.shape[1]))
        np.add.at(total, self.step, price[:, None] * self.weight)
        return total.T

"""Awards in the interior point: what all stores hold together is the same in each step of a block.

The price of an award in a step makes stores hold it. With M how what is held answers prices, H
what is held and R the awards of blocks, which E deals out to steps, one system of as many rows as
steps and blocks tells the changes of both::

    M dprice - E dR = E R - H,     E' (price + dprice) = (aim of limits) - (stiffness) dR

It is solved as it is: M need not be inverted, so that steps in which all is decided do no harm.
"""

from typing import final

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.interior_point.store_kernels import UNBLOCKED

ROOM_SHARE = 0.1  # of a limit that is left to begin with
LEAST_SCALE = 1e-12  # of an answer, by which its row is scaled
FIXED_KW = 1e-9  # limits that are no further apart fix an award


@final
class Awards:
    """Awards by block, with the barriers of their limits.

    Args:
        block: Of each award and step; -1 where nothing can be held.
        least_kw: Of each block.
        most_kw: Of each block; infinite where there is no limit.
        held_kw: What is held to begin with.
        centre: Product to begin with.
    """

    def __init__(
        self,
        block: Int[Array, "award step"],
        least_kw: Float[Array, " block"],
        most_kw: Float[Array, " block"],
        held_kw: Float[Array, "award step"],
        centre: float,
    ) -> None:
        self.at = np.flatnonzero(block.ravel() >= 0)
        self.of = block.ravel()[self.at]
        self.price = np.zeros(block.shape)
        self.fixed = most_kw - least_kw <= FIXED_KW
        bounds = np.stack([least_kw, most_kw])
        self.limited: Bool[Array, "2 block"] = np.isfinite(bounds) & ~self.fixed
        self.limited[0] &= least_kw > 0
        kw = np.full(len(least_kw), np.inf)
        np.minimum.at(kw, self.of, held_kw.ravel()[self.at])
        margin = ROOM_SHARE * np.maximum(np.minimum(most_kw - least_kw, 1.0), 0.0)
        kw = np.clip(kw, least_kw + margin, most_kw - margin)
        self.kw: Float[Array, " block"] = np.where(self.fixed, most_kw, kw)
        free = np.stack([self.kw - least_kw, most_kw - self.kw])
        self.slack = np.where(self.limited, free, 1.0)
        self.multiplier = np.where(self.limited, centre / self.slack, 0.0)
        self.products = np.zeros(self.slack.shape)

    @property
    def count(self) -> int:
        """How many products there are."""
        return int(self.limited.sum())

    def missed(self, held_kw: Float[Array, "award step"]) -> Float[Array, " row"]:
        """By how much less is held than the award, in each step of a block."""
        return self.kw[self.of] - held_kw.ravel()[self.at]

    def solve(
        self,
        answer: Float[Array, "column column"],
        ahead_kw: Float[Array, "award step"],
        goal: float,
    ) -> Float[Array, "award step"]:
        """Changes of the prices of awards; the step of all else is kept.

        Args:
            answer: How what is held answers prices, M.
            ahead_kw: What would be held at present prices.
            goal: Product to aim at; 0 to predict.
        """
        rows, blocks = len(self.at), np.flatnonzero(~self.fixed)
        inner = answer[np.ix_(self.at, self.at)]
        scale = 1.0 / np.sqrt(np.maximum(np.diag(inner), LEAST_SCALE))
        deal = (self.of[:, None] == blocks).astype(float)
        stiff = (self.multiplier / self.slack).sum(axis=0)[blocks]
        aim = np.where(self.limited, (goal - self.products) / self.slack, 0.0) if goal > 0 else 0.0
        aim = aim * np.ones(self.slack.shape)
        asked = (aim[0] - aim[1])[blocks]
        of_block = 1.0 / np.sqrt((scale[:, None] ** 2 * deal).sum(axis=0))
        # Answers of steps differ by many orders of size: both sides are scaled by the diagonal, and
        # what the solution still misses is solved for once more.
        square = np.zeros((rows + len(blocks),) * 2)
        square[:rows, :rows] = scale[:, None] * inner * scale
        square[:rows, rows:] = -scale[:, None] * deal * of_block
        square[rows:, :rows] = square[:rows, rows:].T
        square[rows:, rows:] = -np.diag(of_block**2 * stiff)
        now = self.price.ravel()[self.at]
        right = np.concatenate([scale * self.missed(ahead_kw), of_block * (deal.T @ now - asked)])
        found = np.linalg.solve(square, right)
        found += np.linalg.solve(square, right - square @ found)
        dprice = np.zeros(self.price.size)
        dprice[self.at] = scale * found[:rows]
        self.dprice = dprice.reshape(self.price.shape)
        self.dkw = np.zeros(len(self.kw))
        self.dkw[blocks] = of_block * found[rows:]
        self.dslack = np.where(self.limited, np.stack([self.dkw, -self.dkw]), 0.0)
        bend = self.multiplier / self.slack
        self.dmultiplier = np.where(self.limited, aim - bend * self.dslack - self.multiplier, 0.0)
        if goal == 0:
            self.products = self.dslack * self.dmultiplier
        return self.dprice

    def longest(self) -> tuple[float, float]:
        """The longest primal and dual step."""
        pairs = ((self.slack, self.dslack), (self.multiplier, self.dmultiplier))
        return tuple(_longest(value[self.limited], by[self.limited]) for value, by in pairs)  # type: ignore[return-value]

    def gaps(self) -> Float[Array, " 4"]:
        """Sum of the products, and its change with the primal step, the dual step and both."""
        s, z, ds, dz = self.slack, self.multiplier, self.dslack, self.dmultiplier
        return np.array([(s * z).sum(), (ds * z).sum(), (s * dz).sum(), (ds * dz).sum()])

    def gap(self) -> float:
        """Sum of the products."""
        return float((self.slack * self.multiplier).sum())

    def move(self, primal: float, dual: float, common: tuple[float, float]) -> None:
        """Take the step: typical ones of stores where nothing limits an award, else common ones."""
        limited = self.limited.any(axis=0)
        steps = np.where(limited, min(primal, common[0]), primal)
        self.price = self.price + dual * self.dprice
        self.kw = self.kw + steps * self.dkw
        self.slack = self.slack + steps * self.dslack
        self.multiplier = self.multiplier + min(dual, common[1]) * self.dmultiplier


def _longest(value: Float[Array, " row"], change: Float[Array, " row"]) -> float:
    ratio = float((change / value).min(initial=0.0))
    return -1.0 / ratio if ratio < -1.0 / UNBLOCKED else UNBLOCKED

"""What of each product a fleet can sell, block by block, and what keeps it from selling more."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import KW_PER_MW
from evergrid.dispatch.services.firm_power import EvenPlan, FirmPower, firm_power
from evergrid.markets.rules.product import Market, Product
from evergrid.model.portfolio import Portfolio
from evergrid.studies.rule_books.blocks import Blocks, whole_blocks

CAUSES = ("power", "energy", "block", "size")


@dataclass(frozen=True)
class Offer:
    """What of a product is sold in each block.

    Attributes:
        market: Where.
        product: What.
        blocks: When.
        hours: Length of each block.
        award_mw: Sold.
        lost_mw: By cause, what is not sold of the power that the fleet has in the directions of the
            product on average through the block: "power" in hand beside the award or the other way,
            "energy" that must last, "block" length, as the least of a block counts, and "size", the
            least one and its steps. With what is sold they add up to that power.
        refused: Why nothing can be sold; empty where the rules are in force.
    """

    market: Market
    product: Product
    blocks: Blocks
    hours: Float[Array, " block"]
    award_mw: Float[Array, " block"]
    lost_mw: dict[str, Float[Array, " block"]]
    refused: str

    @property
    def sold_mwh(self) -> float:
        """Awards times hours."""
        return float(self.award_mw @ self.hours)

    @property
    def power_mwh(self) -> float:
        """Power of the fleet in the directions of the product, times hours."""
        return self.sold_mwh + sum(self.lost_mwh.values())

    @property
    def lost_mwh(self) -> dict[str, float]:
        """By cause, times hours."""
        return {cause: float(lost @ self.hours) for cause, lost in self.lost_mw.items()}

    @property
    def mean_mw(self) -> float:
        """Mean award over all blocks, those without one included."""
        hours = float(self.hours.sum())
        return self.sold_mwh / hours if hours else 0.0

    def blocks_lost(self) -> dict[str, int]:
        """How many blocks have no award, by the cause without which they would.

        A block is lost to its size where not even the mean power of the fleet makes the least
        award; else to the first cause, in the order of `CAUSES`, that leaves too little.
        """
        counts: dict[str, int] = dict.fromkeys(CAUSES, 0)
        least = self.product.least_mw.value - 1e-9
        left = self.award_mw + sum(self.lost_mw.values())
        none = self.award_mw == 0
        small = none & (left < least)
        counts["size"], open_ = int(small.sum()), none & ~small
        for cause in ("power", "energy", "block"):
            left = left - self.lost_mw[cause]
            now = open_ & (left < least)
            counts[cause], open_ = int(now.sum()), open_ & ~now
        counts["size"] += int(open_.sum())
        return counts

    def worst_cause(self) -> str:
        """What most is lost to; empty where all is sold."""
        lost = self.lost_mwh
        cause = max(lost, key=lambda name: lost[name])
        return cause if lost[cause] > 1e-9 else ""


def find(
    portfolio: Portfolio, plan: EvenPlan, products: Sequence[tuple[Market, Product]]
) -> list[Offer]:
    """What of each product the fleet can sell."""
    known: dict[float, FirmPower] = {}
    for hours in (0.0, *(product.energy_h.value for _, product in products)):
        if hours not in known:
            known[hours] = firm_power(portfolio, plan, hours)
    return [
        offer(portfolio.grid, market, product, known[0.0], known[product.energy_h.value])
        for market, product in products
    ]


def offer(
    grid: TimeGrid, market: Market, product: Product, power: FirmPower, lasting: FirmPower
) -> Offer:
    """What of one product is sold.

    Args:
        grid: The steps.
        market: Where.
        product: What.
        power: Of the fleet, whatever lasts.
        lasting: Of the fleet, for as long as the product asks.
    """
    blocks = whole_blocks(grid, market, product.block_h.value)
    in_force = np.array([product.holds_on(day) for day in blocks.days], dtype=bool)
    refused = ""
    if not len(in_force):
        refused = f"no whole block of {product.block_h.value:g} h lies in the horizon"
    elif not in_force.all():
        refused = f"not in force on {blocks.days[int(np.argmin(in_force))]}: {product.why}"
    up, down = power.up_kw / KW_PER_MW, power.down_kw / KW_PER_MW
    raw = {"up": up, "down": down, "both": np.minimum(up, down)}[product.direction]
    in_hand = np.minimum(product.firm_mw(up, down), raw)
    lasts = product.firm_mw(lasting.up_kw / KW_PER_MW, lasting.down_kw / KW_PER_MW)
    lasts = np.minimum(lasts, in_hand)
    stages = [_mean(series, blocks) for series in (raw, in_hand, lasts)]
    firm = np.array(
        [lasts[k : k + n].min() for k, n in zip(blocks.first, blocks.steps, strict=True)]
    )
    stages += [firm, product.rounded_mw(firm)]
    if refused:
        stages = [np.zeros(len(firm))] * len(stages)
    lost = {
        cause: before - after
        for cause, before, after in zip(CAUSES, stages[:-1], stages[1:], strict=True)
    }
    hours = blocks.steps * grid.step_h
    return Offer(market, product, blocks, hours, stages[-1], lost, refused)


def _mean(series: Float[Array, " step"], blocks: Blocks) -> Float[Array, " block"]:
    return np.array(
        [series[k : k + n].mean() for k, n in zip(blocks.first, blocks.steps, strict=True)]
    )

"""Segments of a unit as the merit order may use them: in the order in which a unit runs.

Average heat rates at minimum output often exceed the incremental ones above it. A merit order that
takes segments as they are runs the cheap increments of a unit before its dear first block, which
no unit can do. The lower convex hull of a unit's cost, standing still included, does away with
that: neighbouring segments are pooled until none is cheaper than one before it.

As given <= hull <= commitment with whole units, in cost: the first two are bounds from below.
"""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.model.generators import GeneratorFleet

TREATMENTS = ("hull", "as_given")


class Blocks(NamedTuple):
    """Blocks of output, each at a marginal cost that does not fall over it.

    Attributes:
        unit: Row of the unit of each block.
        width_mw: How much it gives.
        low_price_per_mwh: Marginal cost where it begins.
        high_price_per_mwh: Marginal cost where it ends.
        emissions_kg_per_mwh: Mean over the block.
    """

    unit: Int[Array, " block"]
    width_mw: Float[Array, " block"]
    low_price_per_mwh: Float[Array, " block"]
    high_price_per_mwh: Float[Array, " block"]
    emissions_kg_per_mwh: Float[Array, "pollutant block"]


def blocks(
    fleet: GeneratorFleet, treatment: str, extra_cost_per_mwh: Float[Array, " segment"]
) -> Blocks:
    """The blocks of a fleet.

    Args:
        fleet: The units.
        treatment: ``hull`` pools what does not rise; ``as_given`` takes every segment by itself.
        extra_cost_per_mwh: Added to the marginal cost, such as that of carbon.
    """
    low = fleet.cost_per_mwh + extra_cost_per_mwh
    high = low + fleet.cost_rise_per_mwh
    as_given = Blocks(fleet.segment_unit, fleet.segment_mw, low, high, fleet.emissions_kg_per_mwh)
    return as_given if treatment == "as_given" else _pooled(as_given)


def _pooled(given: Blocks) -> Blocks:
    """Blocks with those pooled that begin below the end of the one before, at their mean cost.

    Pooling adjacent violators: a block joins the one before it as long as it would begin below
    that one's end. A pooled block has one price, even where its parts rose: the hull of two rising
    parts is taken as their chord, which is exact at the ends.
    """
    members: list[list[int]] = []  # segments of each block
    prices: list[tuple[float, float]] = []
    for segment, unit in enumerate(given.unit):
        inside = [segment]
        low, high = given.low_price_per_mwh[segment], given.high_price_per_mwh[segment]
        while members and given.unit[members[-1][0]] == unit and low < prices[-1][1]:
            inside = members.pop() + inside
            prices.pop()
            low = high = _mean_price(given, inside)
        members.append(inside)
        prices.append((float(low), float(high)))
    first = np.array([inside[0] for inside in members])
    width = np.add.reduceat(given.width_mw, first)
    emitted = np.add.reduceat(given.emissions_kg_per_mwh * given.width_mw, first, axis=1)
    low, high = np.array(prices).T
    alone = np.array([len(inside) == 1 for inside in members])
    factor = np.where(alone, given.emissions_kg_per_mwh[:, first], emitted / width)
    return Blocks(given.unit[first], width, low, high, factor)


def _mean_price(given: Blocks, inside: list[int]) -> float:
    width = given.width_mw[inside]
    middle = (given.low_price_per_mwh[inside] + given.high_price_per_mwh[inside]) / 2
    return float(width @ middle / width.sum())

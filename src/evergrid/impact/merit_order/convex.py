"""Segments of a unit as the merit order may use them: in the order in which a unit runs.

Average heat rates at minimum output often exceed the incremental ones above it. A merit order that
takes segments as they are runs the cheap increments of a unit before its dear first block, which
no unit can do. The lower convex hull of a unit's cost, standing still included, does away with
that: neighbouring segments are pooled until none is cheaper than one before it.

As given <= hull <= commitment with whole units, in cost: the first two are bounds from below.
"""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.model.generators import GeneratorFleet

TREATMENTS = ("hull", "as_given")


class CostBlocks(NamedTuple):
    """CostBlocks of output, each at a marginal cost that does not fall over it.

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
) -> CostBlocks:
    """The blocks of a fleet.

    Args:
        fleet: The units.
        treatment: ``hull`` pools what does not rise; ``as_given`` takes every segment by itself;
            ``above_minimum`` pools what does not rise above the minimum output of a unit, and
            leaves the block below it alone.
        extra_cost_per_mwh: Added to the marginal cost, such as that of carbon.

    Raises:
        InputError: Segments that rise and would have to be pooled.
    """
    low = fleet.cost_per_mwh + extra_cost_per_mwh
    high = low + fleet.cost_rise_per_mwh
    as_given = CostBlocks(
        fleet.segment_unit, fleet.segment_mw, low, high, fleet.emissions_kg_per_mwh
    )
    if treatment == "as_given":
        return as_given
    alone = np.zeros(len(low), bool)
    if treatment == "above_minimum":
        alone[fleet.first_segment] = fleet.minimum_mw > 0
    return _pooled(as_given, alone)


def _pooled(given: CostBlocks, alone: Bool[Array, " segment"]) -> CostBlocks:
    """Blocks with those pooled that begin below the end of the one before, at their mean cost.

    Pooling adjacent violators: a block joins the one before it as long as it would begin below
    that one's end. No block joins one that stays alone.
    """
    members: list[list[int]] = []  # segments of each block
    prices: list[tuple[float, float]] = []
    for segment, unit in enumerate(given.unit):
        inside = [segment]
        low, high = given.low_price_per_mwh[segment], given.high_price_per_mwh[segment]
        while members and low < prices[-1][1]:
            before = members[-1][0]
            if given.unit[before] != unit or alone[before]:
                break
            inside = members.pop() + inside
            prices.pop()
            low = high = _mean_price(given, inside)
        members.append(inside)
        prices.append((float(low), float(high)))
    first = np.array([inside[0] for inside in members])
    width = np.add.reduceat(given.width_mw, first)
    emitted = np.add.reduceat(given.emissions_kg_per_mwh * given.width_mw, first, axis=1)
    low, high = np.array(prices).T
    single = np.array([len(inside) == 1 for inside in members])
    _raise_if_rising(given, [inside for inside in members if len(inside) > 1])
    factor = np.where(single, given.emissions_kg_per_mwh[:, first], emitted / width)
    return CostBlocks(given.unit[first], width, low, high, factor)


def _raise_if_rising(given: CostBlocks, pooled: list[list[int]]) -> None:
    """Refuse to pool what rises: the hull of it is no line.

    Raises:
        InputError: Segments that rise and do not begin above the one before.
    """
    rise = given.high_price_per_mwh - given.low_price_per_mwh
    bad = [segment for inside in pooled for segment in inside if rise[segment] > 0]
    if bad:
        rule = "be 0 where a segment begins below the end of the one before it"
        fix = "Split it into flat segments, or let each segment of the unit begin where one ends."
        got, rows = tuple(rise[bad].tolist()), tuple(segment + 1 for segment in bad)
        fault = Fault("cost_rise_per_mwh", rule, got, rows=rows, fix=fix)
        raise InputError("merit_order", [fault])


def _mean_price(given: CostBlocks, inside: list[int]) -> float:
    width = given.width_mw[inside]
    middle = (given.low_price_per_mwh[inside] + given.high_price_per_mwh[inside]) / 2
    return float(width @ middle / width.sum())

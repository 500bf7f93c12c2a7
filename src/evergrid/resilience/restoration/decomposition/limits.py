"""What the patterns of all blocks must keep to together where one fleet is the only source."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.resilience.restoration.program import FleetCut, fleet_limits, source_limits
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.steps import StepTables


class PatternLimits(NamedTuple):
    """Blocks, and what their fleet can do in each step.

    Attributes:
        power_kw: Of each block once it is warm.
        worth: Of a kWh of each block in a step times its power, weighted by the probability that
            the outage lasts to it.
        parent: Place of each block's parent; -1 for none.
        scale: Apparent over active power.
        cold_mean: Excess of a block as a share of its power, mean over a step, by age in steps.
        cold_first: The same at the start of a step.
        feed_kw: Most that the fleet feeds.
        fed_kwh: Most that it feeds to the end of a step.
        pickup_kw: Most that blocks which are closed in a step may draw at first.
        first_kw: Most that all may draw as a step begins.
        first_kva: The same as apparent power.
        forming: Whether a battery is there that forms the grid.
        cut: Steps over which the fleet can feed at most `cut_kwh` together.
        cut_kwh: Of each such set of steps.
        closings: Most blocks that are closed in a step.
        trips: Whether a block may be opened.
        interruption_h: That an opening counts as.
        step_h: Length of a step.
    """

    power_kw: Float[Array, " block"]
    worth: Float[Array, "block step"]
    parent: Int[Array, " block"]
    scale: Float[Array, " block"]
    cold_mean: Float[Array, "block step"]
    cold_first: Float[Array, "block step"]
    feed_kw: Float[Array, " step"]
    fed_kwh: Float[Array, " step"]
    pickup_kw: Float[Array, " step"]
    first_kw: Float[Array, " step"]
    first_kva: Float[Array, " step"]
    forming: Bool[Array, " step"]
    cut: Bool[Array, "cut step"]
    cut_kwh: Float[Array, " cut"]
    closings: int
    trips: bool
    interruption_h: float
    step_h: float


def applies(table: StepTables) -> bool:
    """Whether all batteries are one fleet, the only sources, and start what they can form.

    Where some form the grid and cannot start it, whether a step is dead ties all blocks together.
    """
    others = table.diesel_there.any() or table.solar_kw.any()
    return not others and not (table.grid_forming & ~table.black_start).any()


def pattern_limits(
    table: StepTables,
    rule: RestorationRule,
    pickup_share: Float[Array, " step"],
    lasting: Float[Array, " step"],
    cuts: Sequence[FleetCut],
) -> PatternLimits:
    """The limits of a site whose batteries are one fleet, with what has been learnt of it."""
    feed_kw, fed_kwh = fleet_limits(table, np.zeros(len(table.energy_kwh), bool))
    sources = source_limits(table)
    return PatternLimits(
        power_kw=table.power_kw,
        worth=(table.weight * table.power_kw)[:, None] * lasting,
        parent=table.parent,
        scale=1 / table.power_factor,
        cold_mean=table.cold_mean,
        cold_first=table.cold_first,
        feed_kw=feed_kw,
        fed_kwh=fed_kwh,
        pickup_kw=pickup_share * sources.power_kw,
        first_kw=sources.power_kw - (sources.largest_kw if rule.reserve_for_largest else 0.0),
        first_kva=sources.apparent_kva,
        forming=sources.forming,
        cut=np.array([cut.steps for cut in cuts], bool).reshape(len(cuts), table.steps),
        cut_kwh=np.array([cut.most_kwh for cut in cuts], float),
        closings=rule.closings_per_step,
        trips=rule.planned_trips,
        interruption_h=rule.interruption_h,
        step_h=table.step_h,
    )

"""What the patterns of all blocks must keep to together, with what the sources of a site can do."""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.resilience.restoration.program import fleet_limits, own_columns, source_limits
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.steps import StepTables


class PatternLimits(NamedTuple):
    """Blocks, and what their sources can do in each step.

    Batteries count as one fleet. Where a sun or diesel sets may charge them, no single one of them
    can do more than what is said here of all.

    Attributes:
        power_kw: Of each block once it is warm.
        worth: Of a kWh of each block in a step times its power, weighted by the probability that
            the outage lasts to it.
        parent: Place of each block's parent; -1 for none.
        scale: Apparent over active power.
        cold_mean: Excess of a block as a share of its power, mean over a step, by age in steps.
        cold_first: The same at the start of a step.
        feed_kw: Most that the fleet feeds.
        fed_kwh: Most that it feeds to the end of a step, of what it came with.
        charge_kw: Most that it draws from others.
        charge_gain: Of a kWh that it draws, the most that it feeds later.
        fills: Least that a kWh drawn fills cells.
        empties: Most that a kWh fed empties them.
        room_kwh: In the cells of those that have come by a step, above what they came with.
        pickup_share: Of the power of all sources, what blocks closed in a step may draw at first.
        pickup_kw: That share of the batteries.
        battery_kw: Of batteries that count as sources.
        first_kw: Most that all may draw as a step begins, of batteries alone.
        first_kva: The same as apparent power.
        forming: Whether a battery is there that forms the grid.
        reserve_for_largest: Whether the load is carried without the largest source.
        solar_kw: Available.
        diesel_there: Whether a set can be loaded in the step.
        diesel_kw: Rating.
        fuel_kwh: Of each set.
        idle_share: Of each set.
        least_share: Of each set.
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
    charge_kw: Float[Array, " step"]
    charge_gain: float
    fills: float
    empties: float
    room_kwh: Float[Array, " step"]
    pickup_share: Float[Array, " step"]
    pickup_kw: Float[Array, " step"]
    battery_kw: Float[Array, " step"]
    first_kw: Float[Array, " step"]
    first_kva: Float[Array, " step"]
    forming: Bool[Array, " step"]
    reserve_for_largest: bool
    solar_kw: Float[Array, " step"]
    diesel_there: Bool[Array, "set step"]
    diesel_kw: Float[Array, " set"]
    fuel_kwh: Float[Array, " set"]
    idle_share: Float[Array, " set"]
    least_share: Float[Array, " set"]
    closings: int
    trips: bool
    interruption_h: float
    step_h: float


def applies(table: StepTables) -> bool:
    """Whether batteries can start what they can form.

    Where some form the grid and cannot start it, whether a step is dead ties all blocks together.
    """
    return not (table.grid_forming & ~table.black_start).any()


def pattern_limits(
    table: StepTables,
    rule: RestorationRule,
    pickup_share: Float[Array, " step"],
    lasting: Float[Array, " step"],
) -> PatternLimits:
    """The limits of a site, its batteries as one fleet."""
    feed_kw, fed_kwh = fleet_limits(table, np.zeros(len(table.energy_kwh), bool))
    sources, own = source_limits(table), own_columns(table)
    # The room of a battery that may charge counts from when it first comes.
    come = np.logical_or.accumulate(table.there[own], axis=1)
    room = np.maximum(table.capacity_kwh - table.energy_kwh, 0.0)[own]
    gain = (table.cells_in / table.cells_out)[own]
    return PatternLimits(
        power_kw=table.power_kw,
        worth=(table.weight * table.power_kw)[:, None] * lasting,
        parent=table.parent,
        scale=1 / table.power_factor,
        cold_mean=table.cold_mean,
        cold_first=table.cold_first,
        feed_kw=feed_kw,
        fed_kwh=fed_kwh,
        charge_kw=table.charge_kw[own] @ table.there[own],
        charge_gain=float(gain.max(initial=0.0)),
        fills=float(table.cells_in[own].min(initial=1.0)),
        empties=float(table.cells_out.max(initial=1.0)),
        room_kwh=room @ come,
        pickup_share=pickup_share,
        pickup_kw=pickup_share * sources.power_kw,
        battery_kw=sources.power_kw,
        first_kw=sources.power_kw - (sources.largest_kw if rule.reserve_for_largest else 0.0),
        first_kva=sources.apparent_kva,
        forming=sources.forming,
        reserve_for_largest=rule.reserve_for_largest,
        solar_kw=table.solar_kw,
        diesel_there=table.diesel_there,
        diesel_kw=table.diesel_kw,
        fuel_kwh=table.fuel_kwh,
        idle_share=table.idle_share,
        least_share=table.least_share,
        closings=rule.closings_per_step,
        trips=rule.planned_trips,
        interruption_h=rule.interruption_h,
        step_h=table.step_h,
    )

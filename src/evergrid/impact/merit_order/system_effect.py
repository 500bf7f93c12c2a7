"""What a fleet does to a power system: cost, prices and emissions with it less those without."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.impact.merit_order.clearing import MeritOrderDispatch, dispatch, row_of
from evergrid.impact.merit_order.stack import Stack


@dataclass(frozen=True)
class SystemEffect:
    """The system with a fleet against the system without; a change is with less without.

    Attributes:
        without: Generators for the load alone.
        with_fleet: Generators for the load less what the fleet feeds.
        cost_change: Of generation and lost load in each step; wear of vehicles is not in it.
        price_change_per_mwh: Of the price in each step.
        pollutant: Names of what is emitted.
        emissions_change_kg: In each step.
        curtailed_change_mwh: In each step.
        lost_load_change_mwh: In each step.
        net_fed_mwh: By the fleet over all steps; below 0 by losses and driving.
    """

    without: MeritOrderDispatch
    with_fleet: MeritOrderDispatch
    cost_change: Float[Array, " step"]
    price_change_per_mwh: Float[Array, " step"]
    pollutant: Shaped[Array, " pollutant"]
    emissions_change_kg: Float[Array, "pollutant step"]
    curtailed_change_mwh: Float[Array, " step"]
    lost_load_change_mwh: Float[Array, " step"]
    net_fed_mwh: float

    def emissions_change_of(self, pollutant: str) -> Float[Array, " step"]:
        """Kilograms of one pollutant in each step.

        Raises:
            InputError: The generators do not know it.
        """
        return self.emissions_change_kg[row_of(self.pollutant, pollutant)]


def effect(
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    power_mw: Float[Array, " fleet_step"],
    *,
    step_h: float = 1.0,
    voll_per_mwh: float | None = None,
) -> SystemEffect:
    """What a schedule does to the system, whether it was made for it or not.

    Args:
        stack: All units in order of cost.
        net_load_mw: Load without the fleet.
        power_mw: Of the fleet, positive into the grid.
        step_h: Length of a step.
        voll_per_mwh: Value of lost load.

    Raises:
        InputError: Lengths that differ, and what `dispatch` refuses.
    """
    if len(power_mw) != len(net_load_mw):
        rule = f"have a value for every step of the load, {len(net_load_mw):,} in all"
        raise InputError("effect", [Fault("power_mw", rule, (len(power_mw),))])
    without, with_fleet = (
        dispatch(stack, load, step_h=step_h, voll_per_mwh=voll_per_mwh)
        for load in (net_load_mw, net_load_mw - power_mw)
    )
    lost = step_h * (with_fleet.lost_load_mw - without.lost_load_mw)
    generation = with_fleet.generation_cost - without.generation_cost
    return SystemEffect(
        without=without,
        with_fleet=with_fleet,
        cost_change=generation + with_fleet.lost_load_cost - without.lost_load_cost,
        price_change_per_mwh=with_fleet.price_per_mwh - without.price_per_mwh,
        pollutant=stack.pollutant,
        emissions_change_kg=with_fleet.emissions_kg - without.emissions_kg,
        curtailed_change_mwh=step_h * (with_fleet.curtailed_mw - without.curtailed_mw),
        lost_load_change_mwh=lost,
        net_fed_mwh=float(step_h * np.sum(power_mw)),
    )

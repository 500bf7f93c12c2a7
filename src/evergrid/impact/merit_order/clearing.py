"""What a stack gives for a load in each step: cost, price, generation, emissions, and what is left.

Load net of what is available for nothing is met from the cheapest unit up. Where the net load is
below 0 the rest is curtailed and the price is 0; where it exceeds all capacity, load is lost at its
value and sets the price. At an edge between two pieces the price is a set: from the cost of the
last MW served to that of the next.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.impact.merit_order.stack import Stack
from evergrid.model.generators import CO2

NEAR = 1e-9  # share of the capacity within which a load meets an edge


@dataclass(frozen=True)
class MeritOrderDispatch:
    """A load met by a stack, step by step.

    Attributes:
        net_load_mw: Load less what was available for nothing.
        step_h: Length of a step.
        price_per_mwh: Cost of the last MW served; 0 where generation is curtailed, the value of
            lost load where load is lost.
        low_price_per_mwh: Least price that clears the step: the same.
        high_price_per_mwh: Greatest price that clears it: the cost of the next MW. Infinite where
            all capacity is used and no value of lost load is given.
        generation_cost: Of each step.
        lost_load_cost: Of each step, at the value of lost load.
        unit_type: Names of the types.
        generation_mw: Of each type.
        pollutant: Names of what is emitted.
        emissions_kg: In each step.
        price_setter_kg_per_mwh: Factor of the unit that serves the last MW; 0 where generation is
            curtailed or load is lost. It is the marginal emission of a small change downwards; see
            `marginal_emissions` for a change of any size.
        curtailed_mw: What was available and is not used.
        lost_load_mw: What is not served.
        currency: ISO 4217 code.
    """

    net_load_mw: Float[Array, " step"]
    step_h: float
    price_per_mwh: Float[Array, " step"]
    low_price_per_mwh: Float[Array, " step"]
    high_price_per_mwh: Float[Array, " step"]
    generation_cost: Float[Array, " step"]
    lost_load_cost: Float[Array, " step"]
    unit_type: Shaped[Array, " type"]
    generation_mw: Float[Array, "type step"]
    pollutant: Shaped[Array, " pollutant"]
    emissions_kg: Float[Array, "pollutant step"]
    price_setter_kg_per_mwh: Float[Array, "pollutant step"]
    curtailed_mw: Float[Array, " step"]
    lost_load_mw: Float[Array, " step"]
    currency: str

    @property
    def cost(self) -> float:
        """Generation and lost load, over all steps."""
        return float(self.generation_cost.sum() + self.lost_load_cost.sum())

    @property
    def carbon_free(self) -> Bool[Array, " step"]:
        """Steps in which no unit that emits CO2 runs, so that no ratio of factors means anything.

        Raises:
            InputError: The generators do not know CO2.
        """
        return self.emissions_of(CO2) == 0

    def emissions_of(self, pollutant: str) -> Float[Array, " step"]:
        """Kilograms of one pollutant in each step.

        Raises:
            InputError: The generators do not know it.
        """
        return self.emissions_kg[row_of(self.pollutant, pollutant)]


def dispatch(
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    *,
    step_h: float = 1.0,
    voll_per_mwh: float | None = None,
) -> MeritOrderDispatch:
    """The cheapest generation that serves a load in each step by itself.

    Args:
        stack: All units in order of cost.
        net_load_mw: Load less what is available for nothing; below 0 the rest is curtailed.
        step_h: Length of a step.
        voll_per_mwh: Value of lost load; without one, a load above all capacity is refused.

    Raises:
        InputError: A load that is not finite, or above all capacity without a value of lost load;
            units dearer than lost load.
    """
    raise_if_wrong(stack, net_load_mw, step_h=step_h, voll_per_mwh=voll_per_mwh)
    served = np.clip(net_load_mw, 0.0, stack.capacity_mw)
    piece, into = _place(stack, served)
    low, high = _price_set(stack, net_load_mw, piece, into, voll_per_mwh)
    lost = np.maximum(net_load_mw - stack.capacity_mw, 0.0)
    emitted, setter = _filled(stack, stack.emissions_kg_per_mwh, piece, into)
    setter *= (net_load_mw > 0) & (lost == 0)
    return MeritOrderDispatch(
        net_load_mw=net_load_mw,
        step_h=step_h,
        price_per_mwh=low,
        low_price_per_mwh=low,
        high_price_per_mwh=high,
        generation_cost=step_h * _cost_per_h(stack, piece, into),
        lost_load_cost=step_h * lost * (voll_per_mwh or 0.0),
        unit_type=stack.unit_type,
        generation_mw=_filled(stack, stack.type_share, piece, into)[0],
        pollutant=stack.pollutant,
        emissions_kg=step_h * emitted,
        price_setter_kg_per_mwh=setter,
        curtailed_mw=np.maximum(-net_load_mw, 0.0),
        lost_load_mw=lost,
        currency=stack.currency,
    )


def cost_per_h(stack: Stack, net_load_mw: Float[Array, " step"]) -> Float[Array, " step"]:
    """Cost of an hour of each load, as far as there is capacity."""
    return _cost_per_h(stack, *_place(stack, np.clip(net_load_mw, 0.0, stack.capacity_mw)))


def marginal_emissions(
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    pollutant: str,
    *,
    change_mw: Float[Array, " step"] | float = 1.0,
) -> Float[Array, " step"]:
    """Change of the emissions of a system per MWh by which its load changes, in kg/MWh.

    This is a difference of totals: it crosses edges, and is 0 where the change only curtails more
    or less, or where load is lost. A change of 0 is taken as a small one upwards.

    Args:
        stack: All units in order of cost.
        net_load_mw: Load before the change.
        pollutant: What is counted.
        change_mw: Of the load; a fleet that feeds lowers it.

    Raises:
        InputError: The generators do not know the pollutant.
    """
    rows = stack.emissions_kg_per_mwh[[row_of(stack.pollutant, pollutant)]]
    least = 1e-6 * stack.capacity_mw
    change = np.where(np.asarray(change_mw) == 0, least, change_mw)
    before, after = (
        _filled(stack, rows, *_place(stack, np.clip(load, 0.0, stack.capacity_mw)))[0][0]
        for load in (net_load_mw, net_load_mw + change)
    )
    return (after - before) / change


def row_of(names: Shaped[Array, " pollutant"], pollutant: str) -> int:
    """Where a pollutant stands among those that are known.

    Raises:
        InputError: It is not among them.
    """
    rows = np.flatnonzero(names == pollutant)
    if not len(rows):
        rule = f"be one of {', '.join(str(name) for name in names)}"
        raise InputError("merit_order", [Fault("pollutant", rule, (pollutant,))])
    return int(rows[0])


def raise_if_wrong(
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    *,
    step_h: float,
    voll_per_mwh: float | None,
) -> None:
    """Refuse loads and values of lost load that a stack cannot meet.

    Raises:
        InputError: Every fault found.
    """
    faults: list[Fault] = []
    if not (step_h > 0 and np.isfinite(step_h)):
        faults.append(Fault("step_h", "be finite and above 0", (step_h,)))
    finite = np.isfinite(net_load_mw)
    faults += broken("net_load_mw", finite, "be finite", values=net_load_mw)
    if voll_per_mwh is None:
        served = ~(net_load_mw > stack.capacity_mw)
        fix = "Give voll_per_mwh, the value of lost load, to have it lost at that price."
        rule = f"not exceed the capacity of {stack.capacity_mw:g} MW"
        faults += broken("net_load_mw", served, rule, values=net_load_mw, fix=fix)
    elif not (voll_per_mwh >= stack.highest_price_per_mwh and np.isfinite(voll_per_mwh)):
        rule = f"be at least the cost of the dearest unit, {stack.highest_price_per_mwh:g}"
        fix = "A price above the value of lost load would never be paid: raise it."
        faults.append(Fault("voll_per_mwh", rule, (voll_per_mwh,), fix=fix))
    raise_if_any("merit_order", faults)


def _place(
    stack: Stack, served_mw: Float[Array, " step"]
) -> tuple[Int[Array, " step"], Float[Array, " step"]]:
    """Piece that serves the last MW, and how far into it."""
    last = len(stack.low_price_per_mwh) - 1
    near = NEAR * stack.capacity_mw  # a load that exceeds an edge by rounding has not passed it
    piece = np.searchsorted(stack.edge_mw, served_mw - near, side="left") - 1
    piece = np.clip(piece, 0, last)
    return piece, served_mw - stack.edge_mw[piece]


def _price_set(
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    piece: Int[Array, " step"],
    into: Float[Array, " step"],
    voll_per_mwh: float | None,
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Least and greatest price that clear each step."""
    width = np.diff(stack.edge_mw)
    begin, end = stack.low_price_per_mwh, stack.high_price_per_mwh
    low = begin[piece] + (end - begin)[piece] * np.minimum(into / width[piece], 1.0)
    beyond = np.inf if voll_per_mwh is None else voll_per_mwh
    following = np.append(begin[1:], beyond)[piece]
    near = NEAR * stack.capacity_mw
    high = np.where(into >= width[piece] - near, following, low)
    low = np.where(net_load_mw <= near, 0.0, low)
    high = np.where(net_load_mw <= near, np.where(net_load_mw < -near, 0.0, begin[0]), high)
    lost = net_load_mw > stack.capacity_mw + near
    return np.where(lost, beyond, low), np.where(lost, beyond, high)


def _cost_per_h(
    stack: Stack, piece: Int[Array, " step"], into: Float[Array, " step"]
) -> Float[Array, " step"]:
    bend = (stack.high_price_per_mwh - stack.low_price_per_mwh) / np.diff(stack.edge_mw) / 2
    rise = stack.low_price_per_mwh[piece] + bend[piece] * into
    return stack.cost_per_h[piece] + rise * into


def _filled(
    stack: Stack,
    per_mw: Float[Array, "row piece"],
    piece: Int[Array, " step"],
    into: Float[Array, " step"],
) -> tuple[Float[Array, "row step"], Float[Array, "row step"]]:
    """What all pieces up to the last MW give of something, and its rate at that MW.

    Args:
        stack: All units in order of cost.
        per_mw: What a MW of each piece gives.
        piece: That serves the last MW.
        into: How far that MW is into it.
    """
    below = np.zeros_like(per_mw)
    np.cumsum((per_mw * np.diff(stack.edge_mw))[:, :-1], axis=1, out=below[:, 1:])
    rate = np.take(per_mw, piece, axis=1)
    total = rate * into
    total += np.take(below, piece, axis=1)
    return total, rate

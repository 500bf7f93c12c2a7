"""The supply stack: all units of a fleet in order of marginal cost, as one curve of power."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.impact.merit_order.convex import TREATMENTS, CostBlocks, blocks
from evergrid.model.generators import GeneratorFleet


@dataclass(frozen=True)
class Stack:
    """Marginal cost over output, in pieces; it never falls, and jumps between pieces only.

    Units of one price share a piece in proportion to what they can give.

    Attributes:
        edge_mw: Output where pieces begin and end, from 0 to the capacity.
        low_price_per_mwh: Marginal cost where a piece begins.
        high_price_per_mwh: Marginal cost where it ends; linear between.
        cost_per_h: Cost of an hour at each edge.
        unit_type: Names of the types.
        type_share: Part of each type in a piece.
        pollutant: Names of what is emitted.
        emissions_kg_per_mwh: Within a piece.
        carbon_price_per_tonne: Price of CO2 in these costs, with what the fleet's already held.
        currency: ISO 4217 code.
        treatment: What was done about heat rates that fall.
        remarks: What is allowed and yet worth a look.
    """

    edge_mw: Float[Array, " edge"]
    low_price_per_mwh: Float[Array, " piece"]
    high_price_per_mwh: Float[Array, " piece"]
    cost_per_h: Float[Array, " edge"]
    unit_type: Shaped[Array, " type"]
    type_share: Float[Array, "type piece"]
    pollutant: Shaped[Array, " pollutant"]
    emissions_kg_per_mwh: Float[Array, "pollutant piece"]
    carbon_price_per_tonne: float
    currency: str
    treatment: str
    remarks: tuple[str, ...] = ()

    @property
    def capacity_mw(self) -> float:
        """What all units give together."""
        return float(self.edge_mw[-1])

    @property
    def highest_price_per_mwh(self) -> float:
        """Marginal cost of the last MW."""
        return float(self.high_price_per_mwh[-1])


def supply_stack(
    fleet: GeneratorFleet, *, treatment: str = "hull", carbon_price_per_tonne: float = 0.0
) -> Stack:
    """All units of a fleet in order of marginal cost.

    Args:
        fleet: The units; start cost, ramps and minimum output are not looked at here.
        treatment: ``hull`` where no unit runs an increment before the block below it, ``as_given``
            where every segment stands by itself, as published results of the RTS take it.
        carbon_price_per_tonne: Of CO2, added to the marginal cost of what emits it.

    Raises:
        InputError: A carbon price where the costs already hold one, marginal costs below 0, an
            unknown treatment.
    """
    _raise_if_wrong(fleet, treatment, carbon_price_per_tonne)
    extra = fleet.carbon_cost_per_mwh(carbon_price_per_tonne)
    made = blocks(fleet, treatment, extra)
    if (made.low_price_per_mwh < 0).any():
        at = np.flatnonzero(made.low_price_per_mwh < 0)
        got, ids = made.low_price_per_mwh[at], fleet.unit_id[made.unit[at]]
        fix = "Negative factors times the carbon price exceed the cost; lower that price."
        rule = "be at least 0 for every unit"
        fault = Fault("marginal cost", rule, tuple(got.tolist()), tuple(ids.tolist()), fix=fix)
        raise InputError("merit_order", [fault])
    return _joined(fleet, made, treatment, carbon_price_per_tonne)


def _raise_if_wrong(fleet: GeneratorFleet, treatment: str, carbon_price: float) -> None:
    faults = []
    if treatment not in TREATMENTS:
        rule = f"be {' or '.join(TREATMENTS)}"
        faults.append(Fault("treatment", rule, (treatment,)))
    if not (carbon_price >= 0 and np.isfinite(carbon_price)):
        rule = "be finite and at least 0"
        faults.append(Fault("carbon_price_per_tonne", rule, (carbon_price,)))
    elif carbon_price > 0 and fleet.carbon_price_per_tonne > 0:
        rule = f"be 0 where costs already hold {fleet.carbon_price_per_tonne:g} per tonne"
        fix = "It would be counted twice: give costs without it, or no price here."
        faults.append(Fault("carbon_price_per_tonne", rule, (carbon_price,), fix=fix))
    if faults:
        raise InputError("merit_order", faults)


def _joined(fleet: GeneratorFleet, made: CostBlocks, treatment: str, carbon_price: float) -> Stack:
    """CostBlocks added up sideways: at each price, how much more they give together.

    CostBlocks of one price make a piece of that price. Between two prices at which any block begins
    or ends, the rising ones give in proportion to the price, which makes one rising piece.
    """
    low, high, width = made.low_price_per_mwh, made.high_price_per_mwh, made.width_mw
    prices = np.unique(np.concatenate([low, high]))
    flat = low == high
    given = np.zeros((2 * len(prices) - 1, len(width)))  # MW of each block in each piece
    given[2 * np.searchsorted(prices, low[flat]), np.flatnonzero(flat)] = width[flat]
    for block in np.flatnonzero(~flat):
        inside = slice(*np.searchsorted(prices, (low[block], high[block])))
        steps = np.diff(prices)[inside] / (high[block] - low[block])
        given[1:-1:2][inside, block] = width[block] * steps
    pieces = np.zeros((2 * len(prices) - 1, 2))
    pieces[::2] = prices[:, None]
    pieces[1:-1:2, 0], pieces[1:-1:2, 1] = prices[:-1], prices[1:]
    total = given.sum(axis=1)
    given, pieces, total = given[total > 0], pieces[total > 0], total[total > 0]
    names, kind = np.unique(fleet.unit_type[made.unit].astype(str), return_inverse=True)
    of_type = np.stack([given[:, kind == k].sum(axis=1) for k in range(len(names))])
    return Stack(
        edge_mw=np.append(0.0, np.cumsum(total)),
        low_price_per_mwh=pieces[:, 0],
        high_price_per_mwh=pieces[:, 1],
        cost_per_h=np.append(0.0, np.cumsum(total * pieces.mean(axis=1))),
        unit_type=names,
        type_share=of_type / total,
        pollutant=fleet.pollutant,
        emissions_kg_per_mwh=made.emissions_kg_per_mwh @ given.T / total,
        carbon_price_per_tonne=carbon_price + fleet.carbon_price_per_tonne,
        currency=fleet.currency,
        treatment=treatment,
        remarks=fleet.remarks(),
    )

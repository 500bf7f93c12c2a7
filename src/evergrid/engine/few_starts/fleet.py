"""What all stores do in one direction, slot by slot, with what limits them and what it costs."""

from typing import NamedTuple

from evergrid.core.arrays import Array, Bool, Float, Int

SAME_COST = 1e-12  # money per kWh by which slots that cost the same may differ
ON_KW = 1e-6  # above which a store is on
ROUNDING_KW = 1e-9
ROUNDING_KWH = 1e-8
# Only loops over stores are called from outside; the rest needs no way in from the interpreter,
# which takes longer to compile than the loops themselves.
OUTER = {"nogil": True, "error_model": "numpy"}
INNER = {**OUTER, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class Fleet(NamedTuple):
    """All stores and nodes, drawing or feeding.

    Power counts in the direction that is looked at. ``amount_kw``, ``held_kwh`` and ``net_kw``
    change as stores are looked at.

    Attributes:
        begin: First slot of each store.
        end: Last slot of each store.
        first: First step of each store.
        node: Node of each store.
        parent: Node above each; -1 for a root.
        depth: How many nodes lie above each.
        root: Topmost node above each store.
        on_before: Whether each store is on when the program begins.
        amount_kw: Power of each slot, at least 0.
        least_kw: Power of each slot below which the store should not be on.
        limit_kw: Greatest power of each slot.
        cost: Of a kWh in each slot, with what meters at and above it add.
        by_cost: Slots store by store, in the order of that cost.
        fixed: Whether a slot stays as it is: its cost rises with its power, or it runs the other
            way.
        partial: Whether the store is there for a part of a slot only, so that a kW stores less.
        stored: Energy that a store has more per kW.
        held_kwh: Energy at the end of each slot.
        floor_kwh: Least energy at the end of each slot.
        full_kwh: Most energy of each store.
        net_kw: Net power of each node.
        bottom_kw: Net power of each node below which a peak, meter or limit makes it cost more.
        top_kw: The same above.
    """

    begin: Int[Array, " store"]
    end: Int[Array, " store"]
    first: Int[Array, " store"]
    node: Int[Array, " store"]
    parent: Int[Array, " node"]
    depth: Int[Array, " node"]
    root: Int[Array, " store"]
    on_before: Bool[Array, " store"]
    amount_kw: Float[Array, " slot"]
    least_kw: Float[Array, " slot"]
    limit_kw: Float[Array, " slot"]
    cost: Float[Array, " slot"]
    by_cost: Int[Array, " slot"]
    fixed: Bool[Array, " slot"]
    partial: Bool[Array, " slot"]
    stored: Float[Array, " slot"]
    held_kwh: Float[Array, " slot"]
    floor_kwh: Float[Array, " slot"]
    full_kwh: Float[Array, " store"]
    net_kw: Float[Array, "node step"]
    bottom_kw: Float[Array, "node step"]
    top_kw: Float[Array, "node step"]

"""The records that the compiled kernels take: stores, the tree of nodes, and what is asked."""

from typing import NamedTuple

from evergrid.core.arrays import Array, Bool, Float, Int


class StoreLayout(NamedTuple):
    """The stores of a program, sorted by node, as the kernels see them.

    Attributes:
        chunks: First store, stop, and node of each chunk.
        stores: First slot, stop, and first step of each store.
        ends: Energy that each store begins with, and the worth of a kWh that is left.
        data: What the program gives, by slot.
    """

    chunks: Int[Array, "chunk 3"]
    stores: Int[Array, "store 3"]
    ends: Float[Array, "store 2"]
    data: Float[Array, "8 slot"]


class StorePoint(NamedTuple):
    """Where the iterate is, and what an iteration works in.

    Attributes:
        point: Slacks, multipliers, energy and its price, by slot.
        work: Factors, right-hand sides, step and products.
    """

    point: Float[Array, "12 slot"]
    work: Float[Array, "20 slot"]


class Steps(NamedTuple):
    """How far a step is taken.

    Attributes:
        reach: Longest step of each store by itself, primal and dual.
        primal: Step that each node's whole tree can take.
        dual: The same of multipliers.
        own: Weight of a store's own step against that of its tree.
    """

    reach: Float[Array, "store 2"]
    primal: Float[Array, " node"]
    dual: Float[Array, " node"]
    own: float


class ChunkSums(NamedTuple):
    """What each chunk reports.

    Attributes:
        nets: Net power.
        lifts: By how much that rises when powers are cancelled to one direction.
        report: The columns that `evergrid.engine.interior_point.store_kernels` names.
    """

    nets: Float[Array, "chunk step"]
    lifts: Float[Array, "chunk step"]
    report: Float[Array, "chunk 9"]


class Request(NamedTuple):
    """What is asked of the stores of each node.

    Attributes:
        target: Product to aim at.
        active: Whether its tree is still worked on.
    """

    target: Float[Array, " node"]
    active: Bool[Array, " node"]


class RowStiffness(NamedTuple):
    """How the rows of all nodes hold their net power back.

    Attributes:
        stiff: Second derivative of the barriers of each node and step, S.
        shift: Added to net power, it undoes the offsets of slacks.
        pool: Stiffness of the sum over all steps; 0 without a budget.
        peak: Row of each node in the arrays of peaks; -1 for none.
        peak_bend: Second derivative of the barriers of peaks alone.
        rise_bend: The same of each peak's rise.
        peak_total: Sum of both over all steps.
        ties: p and a of each peak.
    """

    stiff: Float[Array, "node step"]
    shift: Float[Array, "node step"]
    pool: Float[Array, " node"]
    peak: Int[Array, " node"]
    peak_bend: Float[Array, "peak step"]
    rise_bend: Float[Array, " peak"]
    peak_total: Float[Array, " peak"]
    ties: Float[Array, "peak parameter"]


class TreeFactors(NamedTuple):
    """What the elimination keeps of all nodes.

    Attributes:
        answers: How net power answers a change of each node's own price, G.
        home: Row of each node in the answers.
        factors: Upper factor of each node's felt rows.
        felt: Steps in which rows are felt, the first ``counts`` of each node.
        counts: How many there are.
        held: What rows take up of a price, by felt step, and then by the budget.
        above: Row of each node's parent in the changes of price.
        root: Whether nothing lies above.
    """

    answers: Float[Array, "home step step"]
    home: Int[Array, " node"]
    factors: Float[Array, "node rank rank"]
    felt: Int[Array, "node step"]
    counts: Int[Array, " node"]
    held: Float[Array, "node rank"]
    above: Int[Array, " node"]
    root: Bool[Array, " node"]

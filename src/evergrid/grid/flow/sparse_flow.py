"""Voltages of a large feeder in many scenarios at once: the same fixed point, by sparse factors.

From some hundreds of branches on, the dense impedance between them costs more than solving with
the factors of the sparse admittance. Nodes where nothing enters or leaves are eliminated first as
long as that brings no new entries.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Complex
from scipy import sparse
from scipy.sparse.linalg import splu

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.computing.all_cores import on_all_cores
from evergrid.core.errors import raise_if_any
from evergrid.grid.feeder.feeder import GROUND, Branches, Feeder, State, incidence
from evergrid.grid.flow import sparse_flow_kernels as kernels
from evergrid.grid.flow.power_flow import (
    CAREFUL_ITERATIONS,
    CAREFUL_SHARE,
    ITERATIONS,
    Factor,
    Flow,
    own_loads,
    power_faults,
    scenarios_of,
)
from evergrid.grid.flow.power_flow_kernels import Search, Solutions

MOST_NEIGHBOURS = 6  # of a node that is eliminated: two buses of three phases
KVA = 1000.0
FACTOR = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.0}


@dataclass(frozen=True)
class SparseNetwork:
    """A large feeder with everything that switches in one position, factorised.

    Attributes:
        feeder: What it was made of.
        branches: Where power enters or leaves.
        state: Where taps and banks stand.
        open_pu: Voltages of the branches without load.
        lower: Unit lower factor by rows, without its diagonal.
        upper: Upper factor by rows, without its diagonal.
        diagonal: Of the upper factor.
        node: Row of each branch's first node among the factors'.
        other: Row of its second, or `GROUND`.
        scale: Bases of the two nodes over the branch's.
    """

    feeder: Feeder
    branches: Branches
    state: State
    open_pu: Complex[Array, " branch"]
    lower: sparse.csr_array
    upper: sparse.csr_array
    diagonal: Complex[Array, " kept"]
    node: Int[Array, " branch"]
    other: Int[Array, " branch"]
    scale: Float[Array, "2 branch"]


def reduce(
    feeder: Feeder, branches: Branches | None = None, state: State | None = None
) -> SparseNetwork:
    """A feeder factorised for the branches where power enters or leaves.

    Args:
        feeder: The feeder.
        branches: Where power may enter or leave; the feeder's own loads by default.
        state: Where taps and banks stand; as in the feeder by default.
    """
    branches = feeder.branches if branches is None else branches
    state = feeder.state if state is None else state
    base_v = feeder.base_v
    scale = sparse.diags_array(base_v)
    admittance = sparse.csc_array(scale @ feeder.at(state) @ scale) / KVA
    ends = np.concatenate([branches.node, branches.other[branches.other != GROUND]])
    needed = np.zeros(len(feeder.nodes), dtype=bool)
    needed[ends] = True
    kept, smaller = _eliminated(admittance, needed)
    # In per unit. The pivots stay on the diagonal: rows and columns are in one order, and `place`
    # finds a node in both.
    factors = splu(smaller, **FACTOR, options={"SymmetricMode": True})
    place = np.full(len(feeder.nodes), GROUND)
    place[kept] = factors.perm_c
    lower, upper = sparse.csr_array(factors.L), sparse.csr_array(factors.U)
    grounded = branches.other == GROUND
    other = np.where(grounded, GROUND, place[branches.other])
    other_v = np.where(grounded, 0.0, base_v[branches.other])
    across = incidence(branches, len(feeder.nodes))
    return SparseNetwork(
        feeder=feeder,
        branches=branches,
        state=state,
        open_pu=across @ Factor(feeder, state).open_v / branches.base_v,
        lower=sparse.csr_array(sparse.tril(lower, -1)),
        upper=sparse.csr_array(sparse.triu(upper, 1)),
        diagonal=upper.diagonal(),
        node=place[branches.node],
        other=other,
        scale=np.stack([base_v[branches.node], other_v]) / branches.base_v,
    )


def solve(
    network: SparseNetwork,
    power_kw: Float[Array, "scenario branch"],
    reactive_kvar: Float[Array, "scenario branch"],
    *,
    load_share: Float[Array, "scenario branch"] | None = None,
    tolerance_pu: float = 1e-6,
) -> Flow:
    """Voltages of many scenarios of a large feeder; as `power_flow.solve`.

    Raises:
        InputError: Powers that are no numbers.
    """
    raise_if_any("power flow", power_faults(power_kw, reactive_kvar))
    size = np.abs(power_kw).sum(axis=1) + np.abs(reactive_kvar).sum(axis=1)
    order = np.argsort(size, kind="stable")
    found = Solutions(
        np.empty(power_kw.shape, np.complex128),
        np.zeros(len(order), np.int64),
        np.full(len(order), np.inf),
        np.zeros((2, 0, 0)),
    )
    given = (
        (_factors(network, np.float32), _factors(network, np.float64)),
        (_ends(network, np.float32), _ends(network, np.float64)),
        scenarios_of(power_kw, reactive_kvar, load_share),
        own_loads(network.branches, load_share is not None),
    )
    for share, limit in ((1.0, ITERATIONS), (CAREFUL_SHARE, CAREFUL_ITERATIONS)):
        search = Search(share, tolerance_pu, limit)
        work = partial(kernels.solve, *given, order, search, found)
        on_all_cores(work, math.ceil(len(order) / kernels.LANES))
        order = np.flatnonzero(~(found.error_pu <= tolerance_pu))
        if len(order) == 0:
            break
    settled = found.error_pu <= tolerance_pu
    return Flow(found.voltage, settled, found.iterations, found.error_pu)


def _factors(network: SparseNetwork, kind: type) -> kernels.Factors:
    """Factors and voltages without load as the kernels want them."""
    parts: list[Array] = []
    for factor in (network.lower, network.upper):
        parts += [factor.indptr.astype(np.int64), factor.indices.astype(np.int64)]
        values = np.asarray(factor.data)
        parts += [np.real(values).astype(kind), np.imag(values).astype(kind)]
    inverse = 1.0 / network.diagonal
    parts += [np.real(inverse).astype(kind), np.imag(inverse).astype(kind)]
    parts += [np.real(network.open_pu).astype(kind), np.imag(network.open_pu).astype(kind)]
    return kernels.Factors(*parts)


def _ends(network: SparseNetwork, kind: type) -> kernels.Ends:
    scale = network.scale.astype(kind)
    return kernels.Ends(network.node, network.other, scale[0], scale[1])


def _eliminated(
    admittance: sparse.csc_array, needed: Bool[Array, " node"]
) -> tuple[Int[Array, " kept"], sparse.csc_array]:
    """The admittance without nodes that only pass current on, as far as that keeps it sparse."""
    columns: list[dict[int, complex]] = [{} for _ in needed]
    entries = sparse.coo_array(admittance)
    for i, j, value in zip(*entries.coords, entries.data, strict=True):
        columns[int(j)][int(i)] = complex(value)
    gone = np.zeros(len(needed), dtype=bool)
    pending = [int(node) for node in np.flatnonzero(~needed)]
    # Kron reduction, node by node: Y_ij -= Y_ik Y_kj / Y_kk for the neighbours i and j of k, which
    # draws nothing of its own. With few neighbours that brings hardly a new entry; neighbours of
    # one that is gone may have fewer now, so they are tried again.
    while pending:
        again = []
        for node in pending:
            own = columns[node]
            around = [k for k in own if k != node]
            if len(around) > MOST_NEIGHBOURS:
                continue
            for j in around:
                column = columns[j]
                factor = column.pop(node) / own[node]
                for i in around:
                    column[i] = column.get(i, 0j) - own[i] * factor
            gone[node] = True
            again += around
        pending = [k for k in dict.fromkeys(again) if not needed[k] and not gone[k]]
    (kept,) = np.nonzero(~gone)
    row = np.full(len(needed), -1)
    row[kept] = np.arange(len(kept))
    rows = [row[i] for j in kept for i in columns[j]]
    of = [row[j] for j in kept for _ in columns[j]]
    values = [value for j in kept for value in columns[j].values()]
    shape = (len(kept), len(kept))
    return kept, sparse.csc_array(sparse.coo_array((values, (rows, of)), shape=shape))

"""How strong the grid is at a place: the impedance it is seen through, and what follows from it.

Loads are left out, as is usual for short circuits; the source's own impedance is in. Impedances
are in per unit of voltage per kVA, so that no base power has to be chosen.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex
from scipy import sparse

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import broken
from evergrid.core.units import kw_from_w
from evergrid.grid.feeder.connections import Connections
from evergrid.grid.feeder.feeder import Feeder, State, fed_nodes, incidence
from evergrid.grid.flow.power_flow import Factor, Network
from evergrid.grid.strength import strength_kernels as kernels

WEAK_SCR = 3.0  # below, a place counts as weak: NERC (2017), refers to inverter-based plants


@dataclass(frozen=True)
class Strength:
    """The strength of the grid at places, each by one number.

    Attributes:
        name: Of each place.
        impedance: Rise of its voltage per power into the grid at 1 pu, pu per kVA; NaN where no
            source feeds the place. At a three-phase place it is the positive sequence's.
    """

    name: Shaped[Array, " place"]
    impedance: Complex[Array, " place"]

    def __post_init__(self) -> None:
        rule = "be an impedance other than zero"
        fix = "The place lies on an ideal source; give the source its impedance (R1, X1)."
        ok = self.impedance != 0
        raise_if_any(
            "strength", broken("impedance", ok, rule, values=self.impedance, ids=self.name, fix=fix)
        )

    @property
    def short_circuit_kva(self) -> Float[Array, " place"]:
        """Power of a short circuit there at nominal voltage, of all the place's phases."""
        return 1.0 / np.abs(self.impedance)

    @property
    def x_over_r(self) -> Float[Array, " place"]:
        """Reactance over resistance; infinite without resistance."""
        with np.errstate(divide="ignore"):
            return np.imag(self.impedance) / np.real(self.impedance)

    @property
    def rise_pu_per_kw(self) -> Float[Array, " place"]:
        """Rise of the voltage per power at 1 pu: on the rating it is cos(theta) / SCR."""
        return np.real(self.impedance)

    @property
    def rise_pu_per_kvar(self) -> Float[Array, " place"]:
        """Rise of the voltage per reactive power at 1 pu: on the rating it is sin(theta) / SCR."""
        return np.imag(self.impedance)

    def scr(self, rating_kva: Float[Array, " place"]) -> Float[Array, " place"]:
        """Short-circuit ratio of an inverter at each place: short-circuit power over rating."""
        return self.short_circuit_kva / rating_kva


def strength_at(feeder: Feeder, connections: Connections, state: State | None = None) -> Strength:
    """The strength of the grid at each of many places, one by one.

    Only the entries of the impedance matrix that are needed are computed.

    Args:
        feeder: The feeder.
        connections: The places.
        state: Where taps and banks stand; as in the feeder by default.
    """
    state = feeder.state if state is None else state
    factor = Factor(feeder, state)
    scale = sparse.diags_array(factor.base_v)
    driven = sparse.csc_array(scale @ _driven(feeder, connections, factor.open_v))
    impedance = np.empty(len(connections), dtype=np.complex128)
    lower, upper = _columns(factor.lu.L), _columns(factor.lu.U.T)
    orders = (factor.lu.perm_r, factor.lu.perm_c)
    kernels.quadratic_forms(lower, upper, *orders, _columns(driven), impedance)
    alive = fed_nodes(feeder, state)[connections.branches.node[connections.row]]
    dead = np.bincount(connections.owner, ~alive, len(connections)) > 0
    dead |= np.bincount(connections.owner, minlength=len(connections)) == 0  # neutrals alone
    return Strength(connections.name, np.where(dead, np.nan, impedance / kw_from_w(1.0)))


def interaction(
    network: Network, connections: Connections
) -> Complex[Array, "connection connection"]:
    """Rise of each connection's voltage per power of each connection at 1 pu, pu per kVA.

    Args:
        network: A feeder reduced to the connections' branches, with others or without.
        connections: The places.
    """
    share = connections.balanced(network.open_pu)
    return share.conj() @ (share @ network.impedance.T).T


def scr_with_others(
    impedance: Complex[Array, "connection connection"], rating_kva: Float[Array, " connection"]
) -> Float[Array, " connection"]:
    """Short-circuit ratio with interaction factors: all inverters share what is there.

    Source:
        NERC (2017), Integrating inverter-based resources into low short circuit strength systems,
        SCRIF; its interaction factors are ratios of the impedances here.
    """
    return 1.0 / (np.abs(impedance) @ rating_kva)


def weighted_scr(
    short_circuit_kva: Float[Array, " connection"], rating_kva: Float[Array, " connection"]
) -> float:
    """One ratio for a group of inverters that are close to each other, weighted by rating.

    It takes them as standing at one place: it is pessimistic for inverters that are electrically
    far apart.

    Source:
        Zhang et al. (2014), Evaluating system strength for large-scale wind plant integration,
        doi 10.1109/PESGM.2014.6939043.
    """
    return float((short_circuit_kva * rating_kva).sum() / rating_kva.sum() ** 2)


def _driven(
    feeder: Feeder, connections: Connections, open_v: Complex[Array, " node"]
) -> sparse.csc_array:
    """Currents into nodes of 1 W in each connection at 1 pu, amperes.

    They are the weights too with which node voltages make up the connection's per unit voltage.
    """
    across = incidence(connections.branches, len(feeder.nodes))
    base_v = connections.branches.base_v
    share = connections.balanced(across @ open_v / base_v)
    return sparse.csc_array((share @ sparse.diags_array(1.0 / base_v) @ across).T)


def _columns(matrix: sparse.sparray) -> tuple[Array, Array, Array]:
    """Starts, rows and values of a matrix by column, rows ascending."""
    by_column = sparse.csc_array(matrix)
    by_column.sort_indices()
    return by_column.indptr, by_column.indices, by_column.data.astype(np.complex128)

"""Voltages of a feeder in many scenarios at once, exact for unbalanced three-phase wires.

With Z the impedance between the branches where power enters or leaves, and w their voltages
without load, the voltages u satisfy ``u = w + Z conj(s / u)``. The iteration works on these
branches alone; every other voltage or current is linear in the branches' currents.
"""

import math
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from jaxtyping import Complex
from scipy import sparse
from scipy.sparse.linalg import splu

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.computing.all_cores import on_all_cores
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.grid.feeder.feeder import Branches, Feeder, State, incidence
from evergrid.grid.feeder.load_law import COLUMNS
from evergrid.grid.flow import power_flow_kernels as kernels
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Inverters
from evergrid.grid.inverters.volt_var_kernels import COLUMNS as CONTROL_COLUMNS
from evergrid.grid.inverters.volt_var_kernels import InverterLanes

ITERATIONS = 100
CAREFUL_SHARE, CAREFUL_ITERATIONS = 0.5, 1000  # second try of what did not settle
LOST_PU = 1e-8  # of a voltage without load, from where on solutions are refined


@dataclass(frozen=True)
class Network:
    """A feeder with everything that switches in one position, reduced to its branches.

    Attributes:
        feeder: What it was made of.
        branches: Where power enters or leaves.
        state: Where taps and banks stand.
        open_pu: Voltages of the branches without load.
        impedance: Rise of the branches' voltages per current of the branches, pu per kVA.
    """

    feeder: Feeder
    branches: Branches
    state: State
    open_pu: Complex[Array, " branch"]
    impedance: Complex[Array, "branch branch"]

    @cached_property
    def factor(self) -> "Factor":
        """The factorised admittance, for maps of further voltages and currents."""
        return Factor(self.feeder, self.state)


class Factor:
    """A feeder's admittance, factorised near per unit.

    Otherwise near-zero impedances would scale it badly. Where they cost too many digits, what a
    solution leaves over is solved for once more.

    Attributes:
        base_v: Power of two near the base of each node, by which rows and columns are scaled.
        lu: Factors of the admittance scaled so.
        open_v: Voltages of the nodes without load.
    """

    def __init__(self, feeder: Feeder, state: State) -> None:
        # Powers of two: any other factor would round entries of 1e9 S, each its own way, by more
        # than what leaks to ground.
        self.base_v = np.exp2(np.round(np.log2(feeder.base_v)))
        scale = sparse.diags_array(self.base_v)
        self._admittance = sparse.csr_array(scale @ feeder.at(state) @ scale)
        self.lu = splu(sparse.csc_array(self._admittance))
        self._refines = False
        self.open_v = self.voltage(feeder.source_a)
        lost_v = self.voltage(feeder.source_a - feeder.at(state) @ self.open_v)
        if np.abs(lost_v / self.base_v).max() > LOST_PU:
            self._refines = True
            self.open_v = self.open_v + lost_v

    def voltage(self, current_a: Complex[Array, "node *more"]) -> Complex[Array, "node *more"]:
        """Voltages in volts that currents into the nodes drive."""
        base_v = self.base_v.reshape(-1, *[1] * (current_a.ndim - 1))
        driven = np.ascontiguousarray(current_a * base_v)
        found = self.lu.solve(driven)
        if self._refines:
            found += self.lu.solve(driven - self._admittance @ found)
        return found * base_v


@dataclass(frozen=True)
class Flow:
    """Voltages of scenarios.

    Attributes:
        voltage_pu: At each branch; meaningless where not ``settled``.
        settled: Whether the voltages were found; where not, the wires cannot carry the power.
        iterations: Taken by the scenario, or the slowest beside it.
        error_pu: Error that is left by the speed at which changes shrank.
        inverter_kw: Power of the inverters, what volt-watt let through of it; None without any.
        inverter_kvar: Their reactive power.
    """

    voltage_pu: Complex[Array, "scenario branch"]
    settled: Bool[Array, " scenario"]
    iterations: Int[Array, " scenario"]
    error_pu: Float[Array, " scenario"]
    inverter_kw: Float[Array, "scenario branch"] | None = None
    inverter_kvar: Float[Array, "scenario branch"] | None = None


def reduce(feeder: Feeder, branches: Branches | None = None, state: State | None = None) -> Network:
    """A feeder reduced to the branches where power enters or leaves.

    Args:
        feeder: The feeder.
        branches: Where power may enter or leave; the feeder's own loads by default.
        state: Where taps and banks stand; as in the feeder by default.
    """
    branches = feeder.branches if branches is None else branches
    state = feeder.state if state is None else state
    factor = Factor(feeder, state)
    across = incidence(branches, len(feeder.nodes))
    base_v = branches.base_v
    response = factor.voltage(across.T.toarray().astype(np.complex128))
    impedance = (across @ response) * 1000.0 / (base_v[:, None] * base_v[None, :])
    return Network(feeder, branches, state, across @ factor.open_v / base_v, impedance)


def solve(
    network: Network,
    power_kw: Float[Array, "scenario branch"],
    reactive_kvar: Float[Array, "scenario branch"],
    *,
    load_share: Float[Array, "scenario branch"] | None = None,
    inverters: Inverters | None = None,
    inverter_kw: Float[Array, "scenario branch"] | None = None,
    tolerance_pu: float = 1e-6,
) -> Flow:
    """Voltages of many scenarios.

    Args:
        network: The feeder, reduced.
        power_kw: Power into the grid that does not depend on voltage.
        reactive_kvar: The same, reactive.
        load_share: Share of the feeder's own loads that is on, each answering to its voltage;
            none of them by default.
        inverters: Inverters that answer to the voltage, beside ``power_kw``: the equilibrium of
            all of them is found.
        inverter_kw: Power into the grid that is asked of them.
        tolerance_pu: Error that may be left in a voltage, and in an inverter's power as a share
            of its rating.

    Raises:
        InputError: Powers that are no numbers.

    Source:
        Fixed point of the current injections; the maps are Kirchhoff's laws.
    """
    raise_if_any("power flow", power_faults(power_kw, reactive_kvar))
    size = np.abs(power_kw).sum(axis=1) + np.abs(reactive_kvar).sum(axis=1)
    order = np.argsort(size, kind="stable")
    found = kernels.Solutions(
        np.empty(power_kw.shape, np.complex128),
        np.zeros(len(order), np.int64),
        np.full(len(order), np.inf),
        np.zeros((2, *power_kw.shape) if inverters is not None else (2, 0, 0)),
    )
    given = (
        *network_arrays(network),
        scenarios_of(power_kw, reactive_kvar, load_share),
        own_loads(network.branches, load_share is not None),
        inverter_lanes(network, inverters, inverter_kw),
    )
    for share, limit in ((1.0, ITERATIONS), (CAREFUL_SHARE, CAREFUL_ITERATIONS)):
        search = kernels.Search(share, tolerance_pu, limit)
        work = partial(kernels.solve, *given, order, search, found)
        on_all_cores(work, math.ceil(len(order) / kernels.LANES))
        order = np.flatnonzero(~(found.error_pu <= tolerance_pu))
        if len(order) == 0:
            break
    made = (None, None) if inverters is None else tuple(found.inverter_power)
    settled = found.error_pu <= tolerance_pu
    return Flow(found.voltage, settled, found.iterations, found.error_pu, *made)


def scenarios_of(
    power_kw: Float[Array, "scenario branch"],
    reactive_kvar: Float[Array, "scenario branch"],
    load_share: Float[Array, "scenario branch"] | None,
) -> kernels.Scenarios:
    """Scenarios as the kernels want them."""
    share = np.ones((1, 1)) if load_share is None else load_share
    return kernels.Scenarios(*map(np.ascontiguousarray, (power_kw, reactive_kvar, share)))


def inverter_lanes(
    network: Network,
    inverters: Inverters | None,
    inverter_kw: Float[Array, "scenario branch"] | None,
) -> InverterLanes:
    """Inverters by scenario and branch as the kernels want them; no rows where there are none.

    Raises:
        InputError: Inverters without powers, or powers without inverters, or of another shape.
    """
    none = np.zeros((0, 0))
    no_power = np.zeros((2, 0, 0))  # powers are kept chunk by chunk
    if inverters is None and inverter_kw is None:
        laws = np.zeros((0, 0, CONTROL_COLUMNS))
        control, damping = np.zeros(0, np.int64), np.zeros(0)
        return InverterLanes(laws, control, none, none, none, damping, no_power)
    if inverters is None or inverter_kw is None or inverter_kw.shape != inverters.rating_kva.shape:
        fix = "Give inverters and inverter_kw together, a power for each."
        raise InputError("power flow", [Fault("inverter_kw", "stand beside inverters", fix=fix)])
    gain = volt_var.loop_gain(inverters, network.impedance, network.open_pu)
    return InverterLanes(
        volt_var.laws(inverters.controls, network.impedance),
        inverters.control,
        np.ascontiguousarray(inverters.rating_kva),
        np.ascontiguousarray(inverter_kw),
        inverters.moved_pu(),
        volt_var.damping(gain),
        no_power,
    )


def power_faults(
    power_kw: Float[Array, "scenario branch"], reactive_kvar: Float[Array, "scenario branch"]
) -> list[Fault]:
    """Faults of scenarios whose powers are no numbers."""
    faults = []
    for name, values in (("power_kw", power_kw), ("reactive_kvar", reactive_kvar)):
        total = values.sum(axis=1)
        faults += broken(name, np.isfinite(total), "be finite in every scenario", values=total)
    return faults


def network_arrays(network: Network) -> tuple[kernels.NetworkArrays, kernels.NetworkArrays]:
    """Impedance and voltages without load as the kernels want them, in single and in double."""
    count = len(network.branches)
    even = count + count % 2
    gain = np.zeros((even, even), dtype=np.complex128)
    gain[:count, :count] = network.impedance
    unloaded = np.ones(even, dtype=np.complex128)  # 1 pu where padded, so that nothing divides by 0
    unloaded[:count] = network.open_pu
    parts = (gain.real, gain.imag, unloaded.real, unloaded.imag)
    double = kernels.NetworkArrays(*(np.ascontiguousarray(part) for part in parts))
    return kernels.NetworkArrays(*(part.astype(np.float32) for part in double)), double


def own_loads(branches: Branches, used: bool) -> kernels.OwnLoads:
    """The feeder's own loads and how they answer to voltage; no rows where they are unused."""
    if not used:
        return kernels.OwnLoads(np.zeros((2, 0)), np.zeros((0, COLUMNS)))
    power = np.stack([branches.power_kw, branches.reactive_kvar])
    return kernels.OwnLoads(power, branches.law)

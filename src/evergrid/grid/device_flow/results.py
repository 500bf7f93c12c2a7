"""What was asked for, from what devices find: voltages, or the worst places against limits."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.grid.device_flow import layout, run
from evergrid.grid.device_flow.device_results import DeviceResults
from evergrid.grid.device_flow.layout import Common, InverterScenarios, Scenarios
from evergrid.grid.device_flow.loads import loads
from evergrid.grid.flow.power_flow import Flow, Network
from evergrid.grid.inverters.volt_var_kernels import InverterLanes
from evergrid.grid.limits.day_limits import DayLimits
from evergrid.grid.limits.kinds import OF_STEP, Kind

# Power and reactive power that do not depend on voltage; share of the feeder's own loads, or None.
Inputs = tuple[
    Float[Array, "scenario branch"],
    Float[Array, "scenario branch"],
    Float[Array, "scenario branch"] | None,
]


def flow(
    network: Network,
    given: Inputs,
    inverters: InverterLanes | None,
    tolerance_pu: float,
    devices: Sequence[Any] | None,
) -> Flow:
    """Voltages of every scenario."""
    shape = given[0].shape
    voltage = np.empty(shape, np.complex128)
    answers = () if inverters is None else (np.empty(shape), np.empty(shape))
    with jax.enable_x64(True):
        common, scenarios = _laid_out(network, given, inverters)
        filled = (voltage, *answers)
        iterations, error = run.through(common, scenarios, filled, tolerance_pu, devices)
    return Flow(voltage, error <= tolerance_pu, iterations, error, *answers)


def worst(
    limits: DayLimits,
    state: int,
    given: Inputs,
    inverters: InverterLanes | None,
    tolerance_pu: float,
    devices: Sequence[Any] | None,
) -> DeviceResults:
    """Every scenario against the limits."""
    count, places = len(given[0]), _transformer_places(limits)
    kinds = list(OF_STEP)
    excess, where = np.empty((count, len(kinds))), np.empty((count, len(kinds)), np.int64)
    loading = np.empty((count, places))
    with jax.enable_x64(True):
        common, scenarios = _laid_out(limits.case.networks[state], given, inverters)
        read = (
            layout.monitored(limits.evaluator.limited[state]),
            layout.bounds(limits),
        )
        common, filled = common._replace(read=read), (excess, where, loading)
        _, error = run.through(common, scenarios, filled, tolerance_pu, devices)
    settled = error <= tolerance_pu
    loading[~settled] = np.nan
    of_kind, of_place = np.full((count, len(Kind)), -np.inf), np.full((count, len(Kind)), -1)
    of_kind[:, kinds] = np.where(settled[:, None], excess, -np.inf)
    of_place[:, kinds] = np.where(settled[:, None], where, -1)
    of_kind[:, Kind.NO_SOLUTION] = np.where(settled, -1.0, 1.0)
    of_place[:, Kind.NO_SOLUTION] = np.where(settled, -1, 0)
    return DeviceResults(of_kind, of_place, loading, error)


def _laid_out(
    network: Network, given: Inputs, inverters: InverterLanes | None
) -> tuple[Common, Scenarios]:
    """What scenarios have in common, and what each has of its own."""
    laws = None if inverters is None else jnp.asarray(inverters.laws).swapaxes(1, 2)[..., None]
    own_loads = None if given[2] is None else loads(network.branches)
    of_scenario = None if inverters is None else InverterScenarios(*inverters[1:-1])
    return Common(layout.wires(network), own_loads, laws, None), Scenarios(*given, of_scenario)


def _transformer_places(limits: DayLimits) -> int:
    """How many places there are at which transformers are evaluated."""
    of = limits.rows.of(Kind.TRANSFORMER)
    return of.stop - of.start

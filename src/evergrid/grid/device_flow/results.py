"""What was asked for, from what devices find: voltages, or the worst places against limits."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.grid.device_flow import layout, run
from evergrid.grid.device_flow.layout import Asked, Common, Scenarios
from evergrid.grid.device_flow.loads import loads
from evergrid.grid.device_flow.record import Worst
from evergrid.grid.flow.power_flow import Flow, Network
from evergrid.grid.hosting.hosting_capacity import KINDS, Judge

INSTANT = ("low voltage", "high voltage", "line", "transformer", "unbalance")  # as in `limits`
# Power and reactive power that do not depend on voltage; share of the feeder's own loads, or None.
Given = tuple[
    Float[Array, "scenario branch"],
    Float[Array, "scenario branch"],
    Float[Array, "scenario branch"] | None,
]


def flow(
    network: Network,
    given: Given,
    answering: tuple[Array, ...] | None,
    tolerance_pu: float,
    devices: Sequence[Any] | None,
) -> Flow:
    """Voltages of every scenario."""
    shape = given[0].shape
    voltage = np.empty(shape, np.complex128)
    answers = () if answering is None else (np.empty(shape), np.empty(shape))
    with jax.enable_x64(True):
        common, scenarios = _laid_out(network, given, answering)
        told = (voltage, *answers)
        iterations, error = run.through(common, scenarios, told, tolerance_pu, devices)
    return Flow(voltage, error <= tolerance_pu, iterations, error, *answers)


def worst(
    judge: Judge,
    state: int,
    given: Given,
    answering: tuple[Array, ...] | None,
    tolerance_pu: float,
    devices: Sequence[Any] | None,
) -> Worst:
    """Every scenario against the limits."""
    count, places = len(given[0]), len(judge.bounds.instant)
    kinds = [KINDS.index(name) for name in INSTANT]
    excess, where = np.empty((count, len(kinds))), np.empty((count, len(kinds)), np.int64)
    loading = np.empty((count, places))
    with jax.enable_x64(True):
        common, scenarios = _laid_out(judge.case.networks[state], given, answering)
        read = layout.watched(judge.judged[state]), layout.limits(judge.bounds)
        common, told = common._replace(read=read), (excess, where, loading)
        _, error = run.through(common, scenarios, told, tolerance_pu, devices)
    settled = error <= tolerance_pu
    loading[~settled] = np.nan
    of_kind, of_place = np.full((count, len(KINDS)), -np.inf), np.full((count, len(KINDS)), -1)
    of_kind[:, kinds] = np.where(settled[:, None], excess, -np.inf)
    of_place[:, kinds] = np.where(settled[:, None], where, -1)
    of_kind[:, KINDS.index("no solution")] = np.where(settled, -1.0, 1.0)
    return Worst(of_kind, of_place, loading, error)


def _laid_out(
    network: Network, given: Given, answering: tuple[Array, ...] | None
) -> tuple[Common, Scenarios]:
    """What scenarios have in common, and what each has of its own."""
    laws = None if answering is None else jnp.asarray(answering[0]).swapaxes(1, 2)[..., None]
    own_loads = None if given[2] is None else loads(network.branches)
    asked = None if answering is None else Asked(*answering[1:])
    return Common(layout.wires(network), own_loads, laws, None), Scenarios(*given, asked)

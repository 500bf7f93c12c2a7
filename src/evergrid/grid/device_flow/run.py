"""Scenarios through the devices: dealt out chunk by chunk, tried twice, gathered."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from evergrid.core.arrays import Array, Float, Int
from evergrid.grid.device_flow import fixed_point, limits
from evergrid.grid.device_flow.fixed_point import Search
from evergrid.grid.device_flow.layout import Common, Scenarios, powers
from evergrid.grid.flow.power_flow import CAREFUL_ITERATIONS, CAREFUL_SHARE, ITERATIONS

AXIS = "scenario"
EACH, SAME = PartitionSpec(AXIS), PartitionSpec()
CPU_LANES = 1024  # scenarios that a CPU takes at a time
GPU_CELLS = 2**23  # branches times scenarios that any other device takes: some GB there
LEAST_LANES = 64  # fewer are not worth compiling for
IN_FLIGHT = 2  # chunks: one is solved while another is carried

Arrays = tuple[Array, ...]


def through(
    common: Common,
    scenarios: Scenarios,
    filled: Arrays,
    tolerance_pu: float,
    devices: Sequence[Any] | None,
) -> tuple[Int[Array, " scenario"], Float[Array, " scenario"]]:
    """Solve every scenario, and once more, with half steps, those that did not settle.

    Args:
        common: What they have in common.
        scenarios: What each has of its own.
        filled: Filled by scenario: voltages and, where there are any, powers of inverters; or,
            where limits are read, what `limits.LaneResults` has.
        tolerance_pu: Error that may be left.
        devices: On which; all of this process by default.

    Returns:
        Iterations and error that is left.
    """
    count = len(scenarios.power_kw)
    iterations, error = np.zeros(count, np.int64), np.full(count, np.inf)
    size = np.abs(scenarios.power_kw).sum(axis=1) + np.abs(scenarios.reactive_kvar).sum(axis=1)
    order = np.argsort(size, kind="stable")  # similar ones settle together
    mesh = Mesh(np.array(jax.local_devices() if devices is None else devices), (AXIS,))
    common = jax.device_put(common, NamedSharding(mesh, SAME))
    for share, limit in ((1.0, ITERATIONS), (CAREFUL_SHARE, CAREFUL_ITERATIONS)):
        search = Search(*map(jnp.asarray, (share, tolerance_pu, limit)))
        solve = partial(_compiled(mesh), common, search)
        for rows, found in _chunks(solve, mesh, scenarios, order):
            for whole, part in zip((iterations, error, *filled), found, strict=True):
                whole[rows] = part
        order = np.flatnonzero(~(error <= tolerance_pu))
        if len(order) == 0:
            break
    return iterations, error


def _chunks(
    solve: Callable[[Scenarios], Any],
    mesh: Mesh,
    scenarios: Scenarios,
    order: Int[Array, " some"],
) -> Iterator[tuple[Int[Array, " row"], Arrays]]:
    """Rows of each chunk with what was found there, in order, a few of them under way."""
    chunk = mesh.size * _lanes(mesh, scenarios.power_kw.shape[1], len(order))
    under_way = deque()
    for begin in range(0, len(order), chunk):
        rows = order[begin : begin + chunk]
        carried = jax.device_put(_padded(scenarios, rows, chunk), NamedSharding(mesh, EACH))
        under_way.append((rows, solve(carried)))
        if len(under_way) == IN_FLIGHT:
            yield _brought(*under_way.popleft())
    for rows, found in under_way:
        yield _brought(rows, found)


def _brought(rows: Int[Array, " row"], found: Any) -> tuple[Int[Array, " row"], Arrays]:
    return rows, tuple(np.asarray(part)[: len(rows)] for part in jax.tree.leaves(found))


def _padded(scenarios: Scenarios, rows: Int[Array, " row"], chunk: int) -> Scenarios:
    """Some scenarios, and others without any power to fill the chunk, which settle at once."""

    def some(of: Array) -> Array:
        part = np.zeros((chunk, *of.shape[1:]), of.dtype)
        part[: len(rows)] = of[rows]
        return part

    return jax.tree.map(some, scenarios)


def _lanes(mesh: Mesh, branches: int, count: int) -> int:
    """Scenarios that a device takes at a time, a power of two so that few sizes are compiled."""
    needed = -(-count // mesh.size)
    most = CPU_LANES
    if mesh.devices.flat[0].platform != "cpu":
        most = max(LEAST_LANES, GPU_CELLS // branches)
    return 1 << (max(LEAST_LANES, min(needed, most)) - 1).bit_length()


@lru_cache(maxsize=8)
def _compiled(mesh: Mesh) -> Callable[..., Any]:
    """The solver over these devices; each size of chunk compiles when first met."""

    def solve(common: Common, search: Search, lanes: Scenarios) -> Any:
        given = powers(common, lanes, search.share)
        state = fixed_point.settle(common.wires, given, search)
        here = state.left.shape
        head = (jnp.full(here, state.iterations), state.left)
        if common.read is None:
            return *head, _complex(state.voltage), *_powers_of(state.power)
        entering = fixed_point.current(given, state.voltage, state.power)
        return *head, *limits.evaluate(*common.read, state.voltage, entering)

    specs = {"in_specs": (SAME, SAME, EACH), "out_specs": EACH}
    return jax.jit(jax.shard_map(solve, mesh=mesh, check_vma=False, **specs))


def _complex(double: fixed_point.Double) -> jax.Array:
    """Pairs as complex numbers, lanes first."""
    return jax.lax.complex(*jnp.split(double, 2)).T


def _powers_of(power: fixed_point.Double | None) -> tuple[jax.Array, ...]:
    """Power and reactive power of inverters, lanes first."""
    return () if power is None else tuple(part.T for part in jnp.split(power, 2))

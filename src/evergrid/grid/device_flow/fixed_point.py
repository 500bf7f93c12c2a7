"""Voltages of scenarios side by side, a *lane* each, on one device.

Complex columns are pairs of real ones, the imaginary parts below the real ones: a *double*. The
product with the impedance is then one product of real matrices, which every device does fastest.
The rules of iteration are those of `evergrid.grid.flow.power_flow_kernels`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from evergrid.grid.device_flow import inverters as answering
from evergrid.grid.device_flow.inverters import Inverters
from evergrid.grid.device_flow.loads import Loads, drawn
from evergrid.grid.flow.power_flow_kernels import (
    AWAY,
    LEAST_LEFT,
    SAFETY,
    SINGLE_ERROR,
    SINGLE_LIMIT,
    SLOW,
    STILL,
)

Double = Float[jax.Array, "double lane"]
PerLane = Float[jax.Array, " lane"]
Number = Float[jax.Array, ""]


class Wires(NamedTuple):
    """A network: its impedance as a real matrix, and the branches' voltages without load."""

    gain: Float[jax.Array, "double double"]
    open_pu: Float[jax.Array, "double 1"]


class Powers(NamedTuple):
    """What enters or leaves: fixed powers, and where there are any, loads and inverters."""

    fixed: Double
    share: Float[jax.Array, "branch lane"] | None
    loads: Loads | None
    inverters: Inverters | None


class Search(NamedTuple):
    """Share of the way that an iteration goes, error that may be left, most iterations."""

    share: Number
    tolerance: Number
    limit: Int[jax.Array, ""]


class State(NamedTuple):
    """Where the iteration is: voltages, powers of inverters, last change, least error left."""

    iterations: Int[jax.Array, ""]
    voltage: Double
    power: Double | None
    change: PerLane
    left: PerLane


def settle(wires: Wires, powers: Powers, search: Search) -> State:
    """Iterate from the voltages without load: most of the way in single precision."""
    single, single_powers = _single(wires), _single(powers)
    single_search = _single(
        Search(search.share, jnp.asarray(SINGLE_ERROR), jnp.asarray(SINGLE_LIMIT))
    )
    first = _iterate(single, single_powers, single_search, _start(single, single_powers))
    fresh = _start(wires, powers)
    kept = jnp.isfinite(first.change)
    near = jax.tree.map(lambda new, old: jnp.where(kept, new, old), first, fresh)
    begun = near._replace(iterations=first.iterations, left=fresh.left)
    return _iterate(wires, powers, search, begun)


def current(powers: Powers, voltage: Double, power: Double | None) -> Double:
    """Currents ``conj(s / u)`` of the powers at voltages, kVA at 1 pu."""
    re, im = jnp.split(voltage, 2)
    square = re * re + im * im
    s = powers.fixed
    if powers.loads is not None and powers.share is not None:
        s += drawn(powers.loads, powers.share, jnp.sqrt(square))
    if power is not None:
        s += power
    p, q = jnp.split(s, 2)
    return jnp.concatenate([p * re + q * im, p * im - q * re]) / jnp.concatenate([square, square])


def product(
    gain: Float[jax.Array, "row column"], lanes: Float[jax.Array, "column lane"]
) -> Float[jax.Array, "row lane"]:
    """A product of matrices in their full precision, which GPUs do not take by default."""
    return jnp.matmul(gain, lanes, precision="highest")


def size(voltage: Double) -> Float[jax.Array, "branch lane"]:
    """Sizes of complex columns."""
    re, im = jnp.split(voltage, 2)
    return jnp.sqrt(re * re + im * im)


def _start(wires: Wires, powers: Powers) -> State:
    lanes = powers.fixed.shape[1]
    kind = wires.gain.dtype
    power = None if powers.inverters is None else answering.start(powers.inverters)
    return State(
        iterations=jnp.asarray(0),
        voltage=jnp.broadcast_to(wires.open_pu, (len(wires.open_pu), lanes)),
        power=power,
        change=jnp.ones(lanes, kind),
        left=jnp.full(lanes, jnp.inf, kind),
    )


def _iterate(wires: Wires, powers: Powers, search: Search, begun: State) -> State:
    """Iterate until the error that is left is tolerable in every lane, or too often."""
    most = begun.iterations + search.limit

    def going(state: State) -> jax.Array:
        return (state.iterations < most) & ~jnp.all(state.left <= search.tolerance)

    return jax.lax.while_loop(going, lambda state: _step(wires, powers, search, state), begun)


def _step(wires: Wires, powers: Powers, search: Search, state: State) -> State:
    power, gap, damping = state.power, jnp.zeros_like(state.change), 1.0
    if powers.inverters is not None and power is not None:
        power, gap = answering.drive(powers.inverters, power, size(state.voltage))
        damping = powers.inverters.damping
    flowing = current(powers, state.voltage, power)
    new = product(wires.gain, flowing) + wires.open_pu
    step = new - state.voltage
    away = ~(jnp.abs(new[0]) < AWAY)  # every branch feels every current
    change = jnp.where(away, jnp.inf, jnp.maximum(size(step).max(axis=0), gap))
    return State(
        iterations=state.iterations + 1,
        voltage=state.voltage + search.share * step,
        power=power,
        change=change,
        left=jnp.minimum(state.left, _error_left(change, state.change, damping)),
    )


def _error_left(change: PerLane, before: PerLane, damping: PerLane | float) -> PerLane:
    """Error after a change, from how fast the changes shrink; infinite while they do not."""
    ratio = change / before
    left = change * jnp.maximum(SAFETY * ratio / (1.0 - ratio), LEAST_LEFT)
    left = jnp.where(ratio < 1.0 - SLOW * damping, left, jnp.inf)  # also where either is NaN
    return jnp.where(change < STILL, change, left)


def _single(tree: Any) -> Any:
    """Numbers in single precision; whole ones stay what they are."""
    return jax.tree.map(
        lambda a: a.astype(jnp.float32) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree
    )

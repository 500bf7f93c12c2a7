"""The worst place of each lane against limits of voltage, lines, transformers and unbalance."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Float, Int

from evergrid.grid.device_flow.fixed_point import Double, product, size

Rows = Float[jax.Array, "row lane"]


class ReadingPairs(NamedTuple):
    """Complex readings that are linear in currents, as pairs of real ones like these."""

    gain: Float[jax.Array, "double column"]
    offset: Float[jax.Array, "double 1"]


class MonitoredLanes(NamedTuple):
    """What is monitored beside voltages; `evergrid.grid.flow.monitored` has the same.

    Attributes:
        loading: Loading of lines by conductor.
        phase: Loading of transformers by phase and winding.
        voltage: Voltages at the conductors of transformers.
        current: Currents into these.
        member: Whether a conductor is one of a transformer's.
        positive: Positive sequence of the voltages of buses.
        negative: Negative sequence.
    """

    loading: ReadingPairs
    phase: ReadingPairs
    voltage: ReadingPairs
    current: ReadingPairs
    member: Float[jax.Array, "transformer conductor"]
    positive: ReadingPairs
    negative: ReadingPairs


class Bounds(NamedTuple):
    """The highest value allowed at each place; of `low`, the lowest."""

    low: Float[jax.Array, "branch 1"]
    high: Float[jax.Array, "branch 1"]
    line: Float[jax.Array, "loading 1"]
    transformer: Float[jax.Array, "place 1"]
    unbalance: Float[jax.Array, "bus 1"]


class LaneResults(NamedTuple):
    """Results of each lane, by kind of limit and by place of transformers."""

    excess: Float[jax.Array, "lane kind"]
    where: Int[jax.Array, "lane kind"]
    transformer: Float[jax.Array, "lane place"]


def evaluate(
    monitored: MonitoredLanes, bounds: Bounds, voltage: Double, current: Double
) -> LaneResults:
    """Lanes against limits, at voltages and currents of the branches."""
    size_pu = size(voltage)
    entering = current.astype(monitored.member.dtype)
    phase, total = size(_of(monitored.phase, entering)), _loading(monitored, entering)
    loading = jnp.concatenate([phase, total])
    unbalance = size(_of(monitored.negative, entering)) / size(_of(monitored.positive, entering))
    rows = (
        bounds.low - size_pu,
        size_pu - bounds.high,
        size(_of(monitored.loading, entering)) - bounds.line,
        loading - bounds.transformer,
        unbalance - bounds.unbalance,
    )
    excess, where = zip(*(_worst(of_kind) for of_kind in rows), strict=True)
    return LaneResults(jnp.stack(excess, 1), jnp.stack(where, 1), loading.T.astype(size_pu.dtype))


def _of(readings: ReadingPairs, entering: Double) -> Float[jax.Array, "twice lane"]:
    return product(readings.gain, entering) + readings.offset


def _loading(monitored: MonitoredLanes, entering: Double) -> Float[jax.Array, "transformer lane"]:
    """Apparent power into each transformer over its rating."""
    v_re, v_im = jnp.split(_of(monitored.voltage, entering), 2)
    i_re, i_im = jnp.split(_of(monitored.current, entering), 2)
    real = product(monitored.member, v_re * i_re + v_im * i_im)
    imaginary = product(monitored.member, v_im * i_re - v_re * i_im)
    return jnp.sqrt(real * real + imaginary * imaginary)


def _worst(excess: Rows) -> tuple[Float[jax.Array, " lane"], Int[jax.Array, " lane"]]:
    """The greatest of the rows and which it is; -1 where there are none."""
    lanes = excess.shape[1]
    if len(excess) == 0:
        return jnp.full(lanes, -jnp.inf), jnp.full(lanes, -1)
    return excess.max(axis=0).astype(float), jnp.argmax(excess, axis=0)

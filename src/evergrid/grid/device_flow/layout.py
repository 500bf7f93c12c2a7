"""A feeder and its scenarios as devices take them, with pairs of real numbers for complex ones."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float

from evergrid.core.arrays import Array
from evergrid.grid.device_flow.fixed_point import Powers, Wires
from evergrid.grid.device_flow.inverters import Inverters
from evergrid.grid.device_flow.limits import Bounds, MonitoredLanes, ReadingPairs
from evergrid.grid.device_flow.loads import Loads
from evergrid.grid.flow.monitored import MonitoredElements, ReadingMap
from evergrid.grid.flow.power_flow import Network
from evergrid.grid.limits.day_limits import DayLimits
from evergrid.grid.limits.kinds import OF_STEP, Kind


class Common(NamedTuple):
    """What all scenarios have in common.

    Attributes:
        wires: The network.
        loads: The feeder's own loads; None where they are left out.
        laws: What inverters do, ``control column branch 1``; None without any.
        read: What is monitored, and its limits; None where voltages are brought back.
    """

    wires: Wires
    loads: Loads | None
    laws: Any
    read: tuple[MonitoredLanes, Bounds] | None


class InverterScenarios(NamedTuple):
    """What inverters have of their own in each scenario; the names are those of `Inverters`."""

    control: Any
    rating_kva: Any
    wanted_kw: Any
    moved_pu: Any
    damping: Any


class Scenarios(NamedTuple):
    """What each scenario has of its own; every array begins with the axis of scenarios.

    Attributes:
        power_kw: Into the grid at each branch.
        reactive_kvar: The same, reactive.
        load_share: Share of the feeder's own loads that is on; None for none of them.
        inverters: What inverters have; None without any.
    """

    power_kw: Any
    reactive_kvar: Any
    load_share: Any
    inverters: InverterScenarios | None


def powers(common: Common, lanes: Scenarios, share: Any) -> Powers:
    """Powers with a column per scenario; of the way to their answers inverters go a share."""
    inverters = None
    if lanes.inverters is not None:
        control, *cells, damping = lanes.inverters
        rating, wanted, moved = (cell.T for cell in cells)
        inverters = Inverters(common.laws, control, rating, wanted, moved, share * damping)
    return Powers(
        fixed=jnp.concatenate([lanes.power_kw.T, lanes.reactive_kvar.T]),
        share=None if lanes.load_share is None else lanes.load_share.T,
        loads=common.loads,
        inverters=inverters,
    )


def wires(network: Network) -> Wires:
    """A network's impedance and voltages without load."""
    return Wires(_product(network.impedance), _column(network.open_pu))


def monitored(elements: MonitoredElements) -> MonitoredLanes:
    """What is monitored, in single precision."""
    member = jnp.arange(elements.totals)[:, None] == elements.transformer
    return MonitoredLanes(
        loading=_readings(elements.loading),
        phase=_readings(elements.phase),
        voltage=_readings(elements.voltage),
        current=_readings(elements.current),
        member=member.astype(jnp.float32),
        positive=_readings(elements.positive),
        negative=_readings(elements.negative),
    )


def bounds(limits: DayLimits) -> Bounds:
    """Bounds of what one step alone tells; currents are read in single precision."""
    of = {kind: limits.bound[limits.rows.of(kind)][:, None] for kind in OF_STEP}
    single = (Kind.LINE, Kind.TRANSFORMER, Kind.UNBALANCE)
    return Bounds(
        jnp.asarray(-of[Kind.LOW_VOLTAGE]),
        jnp.asarray(of[Kind.HIGH_VOLTAGE]),
        *(jnp.asarray(of[kind], jnp.float32) for kind in single),
    )


def _readings(readings: ReadingMap) -> ReadingPairs:
    gain, offset = _product(readings.gain), _column(readings.offset)
    return ReadingPairs(gain.astype(jnp.float32), offset.astype(jnp.float32))


def _product(gain: Complex[Array, "row column"]) -> Float[jax.Array, "double two"]:
    """The real matrix that does to pairs what a complex one does."""
    real, imaginary = np.real(gain), np.imag(gain)
    return jnp.asarray(np.block([[real, -imaginary], [imaginary, real]]))


def _column(values: Complex[Array, " row"]) -> Float[jax.Array, "double 1"]:
    return jnp.concatenate([np.real(values), np.imag(values)])[:, None]

"""The power flow for accelerators: one source for CPUs and GPUs, scenarios dealt out to devices.

It is the method of `evergrid.grid.flow.power_flow`, written for JAX, which this package imports
only when it is asked to solve. Scenarios pass through the devices a chunk at a time, so the memory
that is taken there does not grow with their number.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.grid.device_flow.device_results import DeviceResults
from evergrid.grid.flow.power_flow import Flow, Network, inverter_lanes, power_faults
from evergrid.grid.inverters.volt_var import Inverters
from evergrid.grid.inverters.volt_var_kernels import InverterLanes
from evergrid.grid.limits.day_limits import DayLimits

__all__ = ["DeviceResults", "solve", "worst"]


def solve(
    network: Network,
    power_kw: Float[Array, "scenario branch"],
    reactive_kvar: Float[Array, "scenario branch"],
    *,
    load_share: Float[Array, "scenario branch"] | None = None,
    inverters: Inverters | None = None,
    inverter_kw: Float[Array, "scenario branch"] | None = None,
    tolerance_pu: float = 1e-6,
    devices: Sequence[Any] | None = None,
) -> Flow:
    """Voltages of many scenarios, as `power_flow.solve` finds them.

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
        devices: Of `jax.local_devices`; all of them by default.

    Raises:
        InputError: Powers that are no numbers, inverters without powers, or JAX is not installed.

    Source:
        Fixed point of the current injections; the maps are Kirchhoff's laws.
    """
    given = (power_kw, reactive_kvar, load_share)
    answering = _checked(network, given, inverters, inverter_kw)
    from evergrid.grid.device_flow import results

    return results.flow(network, given, answering, tolerance_pu, devices)


def worst(
    limits: DayLimits,
    power_kw: Float[Array, "scenario branch"],
    reactive_kvar: Float[Array, "scenario branch"],
    *,
    state: int = 0,
    load_share: Float[Array, "scenario branch"] | None = None,
    inverters: Inverters | None = None,
    inverter_kw: Float[Array, "scenario branch"] | None = None,
    tolerance_pu: float = 1e-6,
    devices: Sequence[Any] | None = None,
) -> DeviceResults:
    """Many scenarios against limits; their voltages and currents stay on the devices.

    It is what `Evaluator` finds by powers alone. Limits of averages and of heat are left
    out: they follow from the loadings of transformers over time.

    Args:
        limits: The feeder and its limits.
        power_kw: As in `solve`.
        reactive_kvar: As in `solve`.
        state: Row of the network that the scenarios meet.
        load_share: As in `solve`.
        inverters: As in `solve`.
        inverter_kw: As in `solve`.
        tolerance_pu: As in `solve`; currents are read in single precision.
        devices: As in `solve`.

    Raises:
        InputError: Powers that are no numbers, inverters without powers, or JAX is not installed.

    Source:
        As `solve`.
    """
    given = (power_kw, reactive_kvar, load_share)
    answering = _checked(limits.case.networks[state], given, inverters, inverter_kw)
    from evergrid.grid.device_flow import results

    return results.worst(limits, state, given, answering, tolerance_pu, devices)


def _checked(
    network: Network,
    given: tuple[Array, Array, Array | None],
    inverters: Inverters | None,
    inverter_kw: Float[Array, "scenario branch"] | None,
) -> InverterLanes | None:
    """Inverters as kernels want them, None without any, after everything has been checked."""
    raise_if_any("power flow", power_faults(given[0], given[1]))
    answering = inverter_lanes(network, inverters, inverter_kw)
    if find_spec("jax") is None:
        rule = "be run with its packages installed"
        fix = 'Install "evergrid[device]", or "evergrid[cuda]" for GPUs of NVIDIA.'
        raise InputError("power flow", [Fault("device_flow", rule, fix=fix)])
    return None if inverters is None else answering

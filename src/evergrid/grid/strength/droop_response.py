"""What inverters with droop do after the source's voltage has moved, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.grid.feeder.connections import Connections
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.power_flow import Network
from evergrid.grid.flow.sensitivity import OperatingPoint, Sensitivity
from evergrid.grid.strength.droop import Droop

TAP_STEP_PU = 0.00625  # of a regulator with 32 steps over +-10 %
LAST_SHARE = 0.25  # of the steps, in which the swing is measured
TOLERANCE_PU = 1e-8

Settings = Float[Array, "setting connection"]
Grid = Callable[[Settings], Settings]  # voltages that reactive powers make, by setting


@dataclass(frozen=True)
class Response:
    """Voltages and reactive powers before the move and after each step.

    Attributes:
        voltage_pu: Of each inverter; NaN from where the wires cannot carry the powers.
        reactive_kvar: Of each inverter at the same instants, into the grid.
    """

    voltage_pu: Float[Array, "setting connection instant"]
    reactive_kvar: Float[Array, "setting connection instant"]

    @property
    def swing_pu(self) -> Settings:
        """Between the highest and the lowest voltage of the last quarter; NaN on a collapse."""
        last = max(2, int(LAST_SHARE * self.voltage_pu.shape[2]))
        return np.ptp(self.voltage_pu[:, :, -last:], axis=2)


def respond(
    grid: Grid, reference_pu: Float[Array, " connection"], droops: Sequence[Droop], *, steps: int
) -> Response:
    """Inverters that rest at their references when the voltage moves.

    The voltage of an instant is that before the inverters answer to it.

    Args:
        grid: What the voltages are after the move.
        reference_pu: Voltage of each inverter before, at which it gives no reactive power; so it
            is with one whose reference has followed the voltage.
        droops: Settings to compare.
        steps: How many steps to follow.
    """
    q = np.zeros((len(droops), len(reference_pu)))
    voltages, reactives = [np.tile(reference_pu, (len(droops), 1))], [q]
    weight = np.array([[droop.step_weight] for droop in droops])
    for _ in range(steps):
        v = grid(q)
        voltages.append(v)
        reactives.append(q)
        above = v - reference_pu
        aims = [droop.answer_kvar(row) for droop, row in zip(droops, above, strict=True)]
        q = q + weight * (np.stack(aims) - q)
    return Response(np.stack(voltages, axis=2), np.stack(reactives, axis=2))


def by_power_flow(
    network: Network, connections: Connections, operating: OperatingPoint, source_step_pu: float
) -> Grid:
    """The full power flow, after the source's voltage has risen by a share of itself.

    Args:
        network: The feeder, reduced to ``connections.branches``.
        connections: The inverters.
        operating: Powers and loads.
        source_step_pu: The rise.
    """
    moved = replace(network, open_pu=network.open_pu * (1.0 + source_step_pu))

    def voltage(reactive_kvar: Settings) -> Settings:
        settings = len(reactive_kvar)
        flow = power_flow.solve(
            moved,
            np.tile(operating.power_kw, (settings, 1)),
            np.nan_to_num(reactive_kvar) @ connections.share,
            load_share=np.tile(operating.load_share, (settings, 1)),
            tolerance_pu=TOLERANCE_PU,
        )
        size = np.where(flow.settled[:, None], np.abs(flow.voltage_pu), np.nan)
        return size @ connections.share.T

    return voltage


def by_sensitivity(sensitivity: Sensitivity, source_step_pu: float) -> Grid:
    """The linearised grid, for feeders too large to solve again and again.

    Args:
        sensitivity: Of the inverters' voltages.
        source_step_pu: By which share the source's voltage rises.
    """
    moved = sensitivity.voltage_pu * (1.0 + source_step_pu)

    def voltage(reactive_kvar: Settings) -> Settings:
        return moved + reactive_kvar @ sensitivity.rise_pu_per_kvar.T

    return voltage

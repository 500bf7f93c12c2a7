"""Named models with the parameters that others published and tested, all at 60 Hz."""

import numpy as np

from evergrid.resilience.inverter.circuit import InfiniteBus, LclFilter
from evergrid.resilience.inverter.model import (
    CurrentControl,
    GridFollowingInverter,
    GridFormingInverter,
    PowerControl,
    ReducedPll,
)
from evergrid.resilience.inverter.outer_control import (
    KauraPll,
    PowerDroop,
    ReactiveDroop,
    VirtualOscillator,
    VirtualSynchronousMachine,
)
from evergrid.resilience.inverter.voltage_control import CascadedVoltageControl

# PowerSimulationsDynamics.jl (NREL, BSD-3), commit d94d74e, test/data_tests/dynamic_test_data.jl.
BUS = InfiniteBus(1.00001, (0.075 + 5e-6) * 2.75 / 100.0)
VOLTAGE_CONTROL = CascadedVoltageControl(
    voltage_gain=0.59,
    voltage_integral_per_s=736.0,
    current_gain=1.27,
    current_integral_per_s=14.3,
    virtual_resistance_pu=0.0,
    virtual_inductance_pu=0.2,
    current_feedforward=0.0,
    voltage_feedforward=0.0,
    damping_rad_per_s=50.0,
    damping_gain=0.2,
)
LCL = LclFilter(0.08, 0.003, 0.074, 0.2, 0.01)
REACTIVE_DROOP = ReactiveDroop(0.2, 1000.0)

DROOP = GridFormingInverter(PowerDroop(0.05, 2 * np.pi * 5, REACTIVE_DROOP), VOLTAGE_CONTROL, LCL)
VIRTUAL_SYNCHRONOUS_MACHINE = GridFormingInverter(
    VirtualSynchronousMachine(2.0, 400.0, 20.0, REACTIVE_DROOP, KauraPll(500.0, 0.084, 4.69)),
    VOLTAGE_CONTROL,
    LCL,
)
VIRTUAL_OSCILLATOR = GridFormingInverter(
    VirtualOscillator(0.0033, 0.0796, np.pi / 4),
    VOLTAGE_CONTROL,
    LclFilter(0.0196, 0.0139, 0.1086, 0.0196, 0.0139),
)
_POWER_CONTROL = PowerControl(2.0, 30.0, 0.132 * 2 * np.pi * 50)
GRID_FOLLOWING = GridFollowingInverter(
    _POWER_CONTROL,
    _POWER_CONTROL,
    CurrentControl(0.37, 0.7),
    ReducedPll(1.32 * 2 * np.pi * 50, 2.0, 20.0),
    LclFilter(0.009, 0.016, 2.5, 0.002, 0.003),
)

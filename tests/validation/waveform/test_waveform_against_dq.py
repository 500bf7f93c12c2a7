"""A load step instant by instant against averages in dq by an independent program."""

import numpy as np
import pytest

from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.measurement import space_vector
from evergrid.resilience.waveform.network import PhaseLoad
from evergrid.resilience.waveform.simulation import Waveform, simulate
from evergrid.resilience.waveform.sources import EmtInverter, VoltageRamp, Wires
from tests.validation.waveform.dq_averaged import DqInverter, DqLoad, follow

STEP_S = 0.3
TOLERANCE = 0.02  # of the largest change after the step


@pytest.mark.parametrize("wires", ["four_wire", "three_wire"])
def test_a_load_step_is_that_of_the_averages(wires: Wires) -> None:
    inverter = EmtInverter(wires=wires)
    loads = (
        PhaseLoad("motors", (10.0, 10.0, 10.0), (5.0, 5.0, 5.0)),
        PhaseLoad("lights", (5.0, 5.0, 5.0)),
        PhaseLoad("ward", (15.0, 15.0, 15.0), close_s=STEP_S),
    )
    went = simulate(WaveformCase(inverter, 0.5, VoltageRamp(0.1), loads=loads))
    expected = referee(inverter, went)
    found = (
        np.abs(space_vector(went.bus_v)) / inverter.peak_voltage_v,
        went.power_kw / inverter.rating_kva,
        went.frequency_hz,
    )
    after = went.time_s > STEP_S
    for ours, theirs in zip(found, expected, strict=True):
        change = np.abs(theirs[after] - theirs[after][0]).max()
        assert change > 0.05
        assert np.abs(ours - theirs)[after].max() < TOLERANCE * change


def referee(inverter: EmtInverter, went: Waveform) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same island by the other program; numbers are written out, not taken over."""
    per_phase_ohm = 480.0**2 / 3 / 1000 / (10 + 5j).conjugate()
    branch = complex(per_phase_ohm) / (480.0**2 / 125_000)
    gains = inverter.control
    other = DqInverter(
        filter_l=0.1,
        filter_r=0.005,
        bus_c=0.05 + 0.005,
        delay_s=1.5e-4,
        current_gain=gains.current_gain_pu,
        voltage_gain=gains.voltage_gain_pu,
        voltage_integral=gains.voltage_integral_per_s,
        negative_integral=gains.negative_integral_per_s,
        frequency_droop=0.01,
        power_filter=31.41,
        ramp_s=0.1,
    )
    load = DqLoad(15 / 125, branch.real, branch.imag, STEP_S, 45 / 125)
    return follow(other, load, went.time_s)

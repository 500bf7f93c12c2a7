"""Islands that the tests of waveforms share."""

import math

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.network import Connection, PhaseLoad, SaturableTransformer
from evergrid.resilience.waveform.simulation import Waveform
from evergrid.resilience.waveform.sources import (
    EmtInverter,
    Modulation,
    StiffSource,
    VoltageRamp,
    Wires,
)

RESIDUAL = (0.6, -0.3, -0.3)


def hard_closing(
    rating_kva: float,
    *,
    residual_flux_pu: tuple[float, float, float] = (0.0, 0.0, 0.0),
    wires: Wires = "four_wire",
    connection: Connection = "Yg-yg",
) -> WaveformCase:
    """A transformer closed at the zero crossing of phase a onto an inverter at full voltage."""
    transformer = SaturableTransformer(
        rating_kva,
        connection=connection,
        residual_flux_pu=residual_flux_pu,
        close_s=0.2,
        close_angle_deg=0.0,
    )
    return WaveformCase(EmtInverter(wires=wires), 0.5, VoltageRamp(0.05), transformer)


def soft_start(
    rating_kva: float, ramp_s: float, residual_flux_pu: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> WaveformCase:
    """A transformer that rises with the voltage."""
    transformer = SaturableTransformer(rating_kva, residual_flux_pu=residual_flux_pu)
    return WaveformCase(EmtInverter(), ramp_s + 0.2, VoltageRamp(ramp_s), transformer)


def stiff(
    ramp_s: float,
    *,
    angle_deg: float = 0.0,
    close_s: float = 0.0,
    close_angle_deg: float | None = None,
    residual_flux_pu: tuple[float, float, float] = (0.0, 0.0, 0.0),
    duration_s: float = 0.3,
    nominal_hz: float = 60.0,
) -> WaveformCase:
    """A core on a source without impedance; only its air core draws current."""
    transformer = SaturableTransformer(
        300.0,
        nominal_hz=nominal_hz,
        residual_flux_pu=residual_flux_pu,
        close_s=close_s,
        close_angle_deg=close_angle_deg,
        magnetising_pu=1e7,
        core_loss_pu=1e7,
    )
    source = StiffSource(300.0, nominal_hz=nominal_hz, angle_deg=angle_deg)
    return WaveformCase(source, duration_s, VoltageRamp(ramp_s), transformer)


def loaded(
    modulation: Modulation = "averaged", wires: Wires = "four_wire", kw_per_phase: float = 37.0
) -> WaveformCase:
    """A transformer with a resistive load, brought up in 0.1 s."""
    load = PhaseLoad("wards", (kw_per_phase, kw_per_phase, kw_per_phase))
    inverter = EmtInverter(modulation=modulation, wires=wires)
    return WaveformCase(inverter, 0.8, VoltageRamp(0.1), SaturableTransformer(125.0), (load,))


def bus_pu(waveform: Waveform) -> Float[Array, "phase sample"]:
    """Voltages over the nominal amplitude of a phase."""
    return waveform.bus_v / (waveform.line_voltage_v * math.sqrt(2 / 3))


def last_cycle_rms_pu(waveform: Waveform) -> Float[Array, " phase"]:
    """Rms of each phase over the last cycle, over nominal."""
    count = round(1 / waveform.nominal_hz / waveform.sample_s)
    return np.sqrt(2 * np.mean(bus_pu(waveform)[:, -count:] ** 2, axis=1))

"""The transformer upstream closed onto a live site: its inrush, and do the inverters stand it?"""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Bool
from evergrid.model.microgrid import UnitTransformer
from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.measurement import cycle_rms
from evergrid.resilience.waveform.network import SaturableTransformer
from evergrid.resilience.waveform.simulation import Waveform, simulate
from evergrid.resilience.waveform.sources import EmtControl, EmtInverter, VoltageRamp

AFTER_S = 0.3  # followed after the closing
QUIET_S = 0.2  # at full voltage before it
BETWEEN_S = 0.05  # in which the voltage is there before
LEAST_LIMIT_PU = 0.5  # of the current that blocks leave; less is no range of the control
RAILS_PER_VOLT = 900.0 / 480.0  # DC voltage over line-to-line voltage


@dataclass(frozen=True)
class HardClosing:
    """A transformer that is closed at full voltage onto inverters that run.

    Attributes:
        wave: Of all connected inverters as one of their ratings together, without blocks.
        rating_kva: Of that one.
        current_pu: Greatest current into the transformer, over the rated one of all inverters.
        voltage_pu: Lowest rms of a phase over a cycle.
        load_pu: Current of the blocks that are on, over the rated one.
    """

    wave: Waveform
    rating_kva: float
    current_pu: float
    voltage_pu: float
    load_pu: float

    def below_s(self, limit_pu: float) -> float:
        """Longest time for which the rms of a phase over a cycle stays below a voltage."""
        sample_s = float(self.wave.time_s[1] - self.wave.time_s[0])
        since = self.wave.time_s >= self.wave.closing_s - sample_s / 2
        rms = cycle_rms(self.wave.bus_v[:, since], sample_s, self.wave.nominal_hz)
        low = (rms * np.sqrt(3.0) / self.wave.line_voltage_v).min(axis=0) < limit_pu
        return _longest(low) * sample_s

    @property
    def words(self) -> str:
        """What it does, as a phrase."""
        return (
            f"inrush of {self.current_pu:.2f} pu beside {self.load_pu:.2f} pu of load, the voltage "
            f"falls to {self.voltage_pu:.2f} pu"
        )


def hard_closing(
    given: UnitTransformer,
    *,
    rating_kva: float,
    load_kva: float,
    line_voltage_v: float,
    nominal_hz: float,
    current_limit_pu: float,
) -> HardClosing:
    """Close a transformer at the angle that is worst for a core without residual flux.

    Inverters of equal droop and gains share alike, so that all that are connected count as one of
    their ratings together. What lies between is left out. Blocks that are on take their current
    out of the limit of the control, which is on the safe side: it adds up with the inrush as if
    both had their greatest values at once, and the blocks' damping is left out.

    Args:
        given: The transformer.
        rating_kva: Of all connected inverters together.
        load_kva: Of all blocks that are on.
        line_voltage_v: Nominal.
        nominal_hz: 50 or 60.
        current_limit_pu: Of their control.

    Raises:
        InputError: Gains that do not hold this circuit.
        SolveError: A circuit that leaves every bound.
    """
    load_pu = load_kva / rating_kva
    left_pu = max(current_limit_pu - load_pu, LEAST_LIMIT_PU)
    source = inverters(rating_kva, line_voltage_v, nominal_hz, left_pu)
    late = replace(
        saturable(given, line_voltage_v, nominal_hz), close_s=QUIET_S, close_angle_deg=0.0
    )
    wave = simulate(WaveformCase(source, QUIET_S + AFTER_S, VoltageRamp(BETWEEN_S), late))
    return HardClosing(wave, rating_kva, wave.peak_output_pu, wave.least_voltage_pu, load_pu)


def soft_start(
    given: UnitTransformer,
    *,
    rating_kva: float,
    line_voltage_v: float,
    nominal_hz: float,
    current_limit_pu: float,
    ramp_s: float,
) -> Waveform:
    """The same transformer, raised from zero by one unit.

    Args:
        given: The transformer.
        rating_kva: Of the unit.
        line_voltage_v: Nominal.
        nominal_hz: 50 or 60.
        current_limit_pu: Of its control.
        ramp_s: In which the voltage rises.

    Raises:
        InputError: Gains that do not hold this circuit.
        SolveError: A circuit that leaves every bound.
    """
    source = inverters(rating_kva, line_voltage_v, nominal_hz, current_limit_pu)
    attached = saturable(given, line_voltage_v, nominal_hz)
    long_s = round((ramp_s + QUIET_S) * 1e3) / 1e3  # whole milliseconds, which samples divide
    return simulate(WaveformCase(source, long_s, VoltageRamp(ramp_s), attached))


def saturable(
    given: UnitTransformer, line_voltage_v: float, nominal_hz: float
) -> SaturableTransformer:
    """A transformer of a site as the waveform level has it."""
    made = SaturableTransformer(
        rating_kva=given.rating_kva,
        line_voltage_v=line_voltage_v,
        nominal_hz=nominal_hz,
        knee_pu=given.knee_pu,
        air_core_pu=given.air_core_pu,
        leakage_pu=given.reactance_pu,
        resistance_pu=given.resistance_pu,
        residual_flux_pu=given.residual_flux_pu,
    )
    if given.core_loss_pu > 0:
        return replace(made, core_loss_pu=1.0 / given.core_loss_pu)
    return made


def inverters(
    rating_kva: float, line_voltage_v: float, nominal_hz: float, current_limit_pu: float
) -> EmtInverter:
    """All connected inverters as one."""
    return EmtInverter(
        rating_kva=rating_kva,
        line_voltage_v=line_voltage_v,
        nominal_hz=nominal_hz,
        dc_voltage_v=RAILS_PER_VOLT * line_voltage_v,
        control=EmtControl(current_limit_pu=current_limit_pu),
    )


def _longest(low: Bool[np.ndarray, " window"]) -> int:
    """Most windows in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], low, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))

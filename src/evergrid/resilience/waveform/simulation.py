"""Follow one case instant by instant: voltages, currents, flux, frequency, inrush."""

import math
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import SolveError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.units import W_PER_KW
from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.circuit import blocks_of, circuit_of, controller_of, events_of
from evergrid.resilience.waveform.kernels.records import (
    CLOSE_TRANSFORMER,
    PEAK_FLUX,
    PEAK_INDUCTOR,
    PEAK_OUTPUT,
    BlockData,
    CircuitData,
    ControllerData,
    EventList,
    WaveformSamples,
)
from evergrid.resilience.waveform.kernels.simulation import FAR_PU, run
from evergrid.resilience.waveform.measurement import cycle_rms, space_vector
from evergrid.resilience.waveform.sources import EmtInverter
from evergrid.resilience.waveform.step_limit import fastest_mode, sampled_modes

STEP_S = {"averaged": 2e-6, "switching": 5e-7}
SAMPLE_S = 2e-5
MOST_SAMPLES = 20_000_000


@dataclass(frozen=True)
class Waveform:
    """What one case looked like; the bus is the terminals of the source.

    Attributes:
        time_s: Of the samples.
        bus_v: Voltage of each phase of the bus to earth.
        inverter_a: Current of the filter's inductor; NaN at a stiff source.
        output_a: Current that leaves the bus into transformer and loads.
        winding_a: Current behind the transformer's leakage, referred to the bus.
        flux_pu: Of each core, over the amplitude at nominal voltage; NaN without a transformer.
        frequency_hz: Of the controller.
        angle_rad: Of the controller; the reference of phase a is its cosine.
        closing_s: When the transformer closed; NaN where there is none or it never did.
        peak_inverter_pu: Largest current of the inductor over the amplitude of the rated current,
            at any step since the transformer closed.
        peak_output_pu: Likewise of the current that leaves the bus: the inrush.
        peak_output_of_transformer_pu: The same over the transformer's rated current.
        peak_flux_pu: Largest flux since then.
        least_voltage_pu: Lowest rms over a cycle of any phase since then, over nominal; from one
            cycle after the ramp where that ends later.
        least_amplitude_pu: Lowest instantaneous amplitude of the three phases together since then,
            as a controller in dq sees it.
        nominal_hz: Of the source.
        rating_kva: Of the source.
        line_voltage_v: Of the source.
    """

    time_s: Float[Array, " sample"]
    bus_v: Float[Array, "phase sample"]
    inverter_a: Float[Array, "phase sample"]
    output_a: Float[Array, "phase sample"]
    winding_a: Float[Array, "phase sample"]
    flux_pu: Float[Array, "phase sample"]
    frequency_hz: Float[Array, " sample"]
    angle_rad: Float[Array, " sample"]
    closing_s: float
    peak_inverter_pu: float
    peak_output_pu: float
    peak_output_of_transformer_pu: float
    peak_flux_pu: float
    least_voltage_pu: float
    least_amplitude_pu: float
    nominal_hz: float
    rating_kva: float
    line_voltage_v: float

    @property
    def power_kw(self) -> Float[Array, " sample"]:
        """Power that leaves the bus into transformer and loads, at each sample."""
        return (self.bus_v * self.output_a).sum(axis=0) / W_PER_KW

    @property
    def sample_s(self) -> float:
        """Between samples."""
        return float(self.time_s[1] - self.time_s[0])


def simulate(
    case: WaveformCase, *, step_s: float | None = None, sample_s: float = SAMPLE_S
) -> Waveform:
    """Follow a case by the classical Runge-Kutta method of fourth order with a fixed step.

    Events fall on their times: the step that holds one is cut there. Leg voltages are constant
    within a step; with switching they are the exact mean over it.

    Args:
        case: The island.
        step_s: Of the integration; 2 us averaged and 0.5 us with switching where none is given.
        sample_s: Between samples that are kept.

    Raises:
        InputError: A step too long for the fastest time constant, which is named with its element;
            gains that do not hold the voltage at no load, with the eigenvalue; a step that does
            not divide the period of the controller, the samples or the duration.
        SolveError: The circuit leaves every bound; the message tells when.

    Source:
        Prototype, parameters and figures: none published; the flux is held to closed forms.
    """
    modulation = case.source.modulation if isinstance(case.source, EmtInverter) else "averaged"
    step_s = STEP_S[modulation] if step_s is None else step_s
    plant, control, blocks = circuit_of(case), controller_of(case), blocks_of(case)
    period_steps, every = _check_steps(case, control, step_s, sample_s)
    _check_modes(case, plant, control, blocks, step_s)
    given = case.transformer.residual_flux_pu if case.transformer else (0.0, 0.0, 0.0)
    residual = (float(given[0]), float(given[1]), float(given[2]))
    count = round(case.duration_s / sample_s) + 1
    samples = WaveformSamples(
        bus=np.zeros((3, count)),
        inductor=np.zeros((3, count)),
        output=np.zeros((3, count)),
        flux=np.zeros((3, count)),
        winding=np.zeros((3, count)),
        speed=np.zeros(count),
        angle=np.zeros(count),
    )
    peaks, events = np.zeros(3), events_of(case)
    left_s = run(
        plant, control, blocks, events, step_s, period_steps, every, residual, samples, peaks
    )
    if not math.isnan(left_s):
        detail = (
            f"At {left_s:.6f} s the voltage of the bus passed {FAR_PU:g} pu. "
            "The controller does not hold this circuit: lower its gains or raise sample_hz."
        )
        raise SolveError(Status.NUMERICAL, detail)
    return _waveform(case, samples, peaks, events, sample_s)


def _check_steps(
    case: WaveformCase, control: ControllerData, step_s: float, sample_s: float
) -> tuple[int, int]:
    """Steps in a period of the controller and between samples."""
    faults = []
    for name, value in (("step_s", step_s), ("sample_s", sample_s)):
        if not (math.isfinite(value) and 1e-9 <= value <= 1e-3):
            faults.append(Fault(name, "be in [1e-9, 0.001] s", (value,)))
    raise_if_any("waveform", faults)
    wholes = {
        "step_s": (
            control.period_s / step_s,
            f"divide the sampling period, {control.period_s:g} s",
        ),
        "sample_s": (sample_s / step_s, f"be a multiple of the step, {step_s:g} s"),
        "duration_s": (case.duration_s / sample_s, f"be a multiple of sample_s, {sample_s:g} s"),
    }
    for name, (ratio, rule) in wholes.items():
        if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-6 * max(ratio, 1.0):
            values = {"step_s": step_s, "sample_s": sample_s, "duration_s": case.duration_s}
            faults.append(Fault(name, rule, (values[name],)))
    if case.duration_s / sample_s > MOST_SAMPLES:
        faults.append(Fault("duration_s", f"make at most {MOST_SAMPLES:,} samples"))
    raise_if_any("waveform", faults)
    return round(control.period_s / step_s), round(sample_s / step_s)


def _check_modes(
    case: WaveformCase,
    plant: CircuitData,
    control: ControllerData,
    blocks: BlockData,
    step_s: float,
) -> None:
    """Refuse what would only integrate to nonsense."""
    fastest = fastest_mode(plant, control, blocks, [load.name for load in case.loads])
    faults = []
    if step_s > fastest.longest_step_s:
        value = fastest.eigenvalue_per_s
        rule = f"be at most {fastest.longest_step_s:.3g} s for the fastest time constant"
        fix = (
            f"The {fastest.element} has the eigenvalue {value.real:.3g} {value.imag:+.3g}j 1/s. "
            "Shorten the step, or leave out what is so small."
        )
        faults.append(Fault("step_s", rule, (step_s,), fix=fix))
    if not plant.stiff:
        modes = sampled_modes(plant, control)
        worst = complex(modes[int(np.argmax(np.real(modes)))])
        if worst.real > 0:
            rule = "hold the voltage at no load"
            got = f"the eigenvalue {worst.real:.4g} {worst.imag:+.4g}j 1/s"
            fix = "Lower current_gain_pu or voltage_gain_pu, or raise sample_hz."
            faults.append(Fault("control", rule, (got,), fix=fix))
    raise_if_any("waveform", faults)


def _waveform(
    case: WaveformCase,
    samples: WaveformSamples,
    peaks: Array,
    events: EventList,
    sample_s: float,
) -> Waveform:
    """Samples in volts and amperes, and the numbers."""
    source, transformer = case.source, case.transformer
    time_s = np.arange(len(samples.speed)) * sample_s
    volts, amperes = source.peak_voltage_v, source.peak_current_a
    inverter = isinstance(source, EmtInverter)
    closed = (events.kind == CLOSE_TRANSFORMER) & events.done
    closing_s = float(events.time_s[closed][0]) if closed.any() else math.nan
    ratio = source.rating_kva / transformer.rating_kva if transformer else math.nan
    nothing = np.full_like(samples.flux, np.nan)
    since = _counted(case, samples, closing_s, sample_s)
    rms_pu = cycle_rms(since, sample_s, source.nominal_hz) * math.sqrt(2)
    amplitude = np.abs(space_vector(since))
    return Waveform(
        time_s=time_s,
        bus_v=volts * samples.bus,
        inverter_a=amperes * samples.inductor if inverter else nothing,
        output_a=amperes * samples.output,
        winding_a=amperes * samples.winding,
        flux_pu=samples.flux if transformer else nothing,
        frequency_hz=source.nominal_hz * samples.speed,
        angle_rad=samples.angle,
        closing_s=closing_s,
        peak_inverter_pu=float(peaks[PEAK_INDUCTOR]) if inverter else math.nan,
        peak_output_pu=float(peaks[PEAK_OUTPUT]),
        peak_output_of_transformer_pu=ratio * float(peaks[PEAK_OUTPUT]),
        peak_flux_pu=float(peaks[PEAK_FLUX]) if transformer else math.nan,
        least_voltage_pu=float(rms_pu.min()) if rms_pu.size else math.nan,
        least_amplitude_pu=float(amplitude.min()) if amplitude.size else math.nan,
        nominal_hz=source.nominal_hz,
        rating_kva=source.rating_kva,
        line_voltage_v=source.line_voltage_v,
    )


def _counted(
    case: WaveformCase, samples: WaveformSamples, closing_s: float, sample_s: float
) -> Float[Array, "phase sample"]:
    """Voltages from the closing on, or from one cycle after a ramp that ends later."""
    ramp_end_s = case.ramp.start_s + case.ramp.duration_s
    begin_s = ramp_end_s + 1.0 / case.source.nominal_hz
    if closing_s >= ramp_end_s:
        begin_s = closing_s
    return samples.bus[:, math.ceil(begin_s / sample_s - 1e-9) :]

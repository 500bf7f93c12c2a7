"""How far is a waveform from a sine? Harmonics and THD over whole cycles of its actual frequency.

Under droop the frequency is not nominal. A Fourier transform over nominal cycles then reports
leakage as distortion, so the fundamental is measured first and the record is resampled to it.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

FEWEST_CYCLES = 10
LAST_ORDER = 50
FAR_HZ = 5.0  # from nominal, within which a fundamental is looked for
STEADY = 0.01  # by which the fundamental may change from the first half of the window to the second
BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)  # side lobes below -92 dB
ROUNDS = 12
SAMPLES_PER_CYCLE = 4 * LAST_ORDER  # so that a cubic spline follows the last order


@dataclass(frozen=True)
class HarmonicSpectrum:
    """Harmonics of one waveform, relative to its fundamental.

    Attributes:
        fundamental_hz: As measured.
        cycles: Of it, over which the spectrum is taken.
        phasors: Complex amplitude by order, from 0 for the mean to 50, in units of the waveform;
            angles are those of a cosine at the start of the window.
        thd: Root of the sum of squares of orders 2 to 50 over the fundamental.
        rest: Likewise of everything else but mean and fundamental: interharmonics and ripple.
    """

    fundamental_hz: float
    cycles: int
    phasors: Array
    thd: float
    rest: float

    @property
    def share(self) -> Float[Array, " order"]:
        """Amplitude of each order over the fundamental."""
        return np.abs(self.phasors) / abs(self.phasors[1])


@dataclass(frozen=True)
class DistortionLimit:
    """What a standard allows of a voltage.

    Attributes:
        standard: Its name and range.
        thd: Largest total distortion.
        individual: Largest share of any one order.
        verified: Whether the numbers were read in the standard itself.
    """

    standard: str
    thd: float
    individual: float
    verified: bool


# From memory: check both numbers in the standard before a report calls anything compliant.
IEEE_519_LOW_VOLTAGE = DistortionLimit("IEEE 519-2014/2022, at most 1 kV", 0.08, 0.05, False)


def orders_beyond(spectrum: HarmonicSpectrum, limit: DistortionLimit) -> list[int]:
    """Orders whose share is above the limit for one order."""
    share = spectrum.share
    return [order for order in range(2, LAST_ORDER + 1) if share[order] > limit.individual]


def fundamental_hz(values: Float[Array, " sample"], sample_s: float, *, nominal_hz: float) -> float:
    """Frequency of the fundamental, from how its phase moves through the record.

    Two windows, one in each half, are compared; their side lobes hold harmonics and the mirror
    image down. The strongest line of the first ten cycles is where the search begins.

    Args:
        values: At least ten nominal cycles.
        sample_s: Between samples.
        nominal_hz: Near which the fundamental lies.

    Raises:
        InputError: A record too short, without a fundamental, or with values that are not finite.
    """
    _check_record(values, sample_s, nominal_hz)
    first = round(FEWEST_CYCLES / (nominal_hz * sample_s))
    found = _strongest(values[:first], sample_s, nominal_hz)
    # phases tell a frequency but for whole turns between the windows, so only from near by
    if abs(found - nominal_hz) <= FAR_HZ + 1.0:
        found = _by_phase(values[:first], sample_s, found)
        found = _by_phase(values, sample_s, found)
    if not abs(found - nominal_hz) <= FAR_HZ:
        rule = f"have a fundamental within {FAR_HZ:g} Hz of {nominal_hz:g} Hz"
        fix = "Is the island dead, or nominal_hz that of another grid?"
        raise_if_any("harmonics", [Fault("values", rule, (f"{found:.3f} Hz",), fix=fix)])
    return found


def _window(count: int) -> Float[Array, " sample"]:
    place = 2 * math.pi * np.arange(count) / count
    return np.sum([part * np.cos(k * place) for k, part in enumerate(BLACKMAN_HARRIS)], axis=0)


def _strongest(values: Float[Array, " sample"], sample_s: float, nominal_hz: float) -> float:
    """Frequency of the largest line up to twice nominal, to a fraction of a hertz; NaN for none."""
    count = 16 * len(values)
    size = np.abs(np.fft.rfft(_window(len(values)) * values, count))
    low, high = (round(share * nominal_hz * count * sample_s) for share in (0.5, 2.0))
    place = low + int(np.argmax(size[low : high + 1]))
    return place / (count * sample_s) if size[place] > 0 else math.nan


def _by_phase(values: Float[Array, " sample"], sample_s: float, near_hz: float) -> float:
    half = len(values) // 2
    window, time_s = _window(half), np.arange(half) * sample_s
    for _ in range(ROUNDS):
        seen = window * np.exp(-2j * math.pi * near_hz * time_s)
        first, second = values[:half] @ seen, values[half : 2 * half] @ seen
        turned = second * np.conj(first) * np.exp(-2j * math.pi * near_hz * half * sample_s)
        off_hz = float(np.angle(turned)) / (2 * math.pi * half * sample_s)
        near_hz += off_hz
        if abs(off_hz) < 1e-10 * near_hz:
            break
    return near_hz


def harmonics(
    values: Float[Array, " sample"],
    sample_s: float,
    *,
    nominal_hz: float,
    cycles: int | float = 12,
) -> HarmonicSpectrum:
    """Harmonics of orders up to 50 over the last whole cycles of a record.

    Args:
        values: Voltage or current of one phase, steady over the window.
        sample_s: Between samples; at least 200 in a cycle.
        nominal_hz: Near which the fundamental lies.
        cycles: Whole cycles of the actual fundamental, at least 10.

    Raises:
        InputError: A broken number of cycles or too few, a record too short or too coarse, a
            fundamental that still changes.

    Source:
        Window of at least ten cycles after IEC 61000-4-7 (2002), from memory; the rest is Fourier's
        series on a resampled record.
    """
    whole = round(cycles) if math.isfinite(cycles) else 0
    faults = []
    if whole < FEWEST_CYCLES or whole != cycles:
        rule = f"be a whole number, at least {FEWEST_CYCLES}"
        fix = "Broken cycles leak into all orders; take a whole number of the actual cycles."
        faults.append(Fault("cycles", rule, (cycles,), fix=fix))
    raise_if_any("harmonics", faults)
    _check_record(values, sample_s, nominal_hz, whole)
    if 1.0 / (nominal_hz * sample_s) < SAMPLES_PER_CYCLE:
        rule = f"give at least {SAMPLES_PER_CYCLE} samples in a cycle"
        raise_if_any("harmonics", [Fault("sample_s", rule, (sample_s,))])
    tail = min(len(values), math.ceil((whole + 1) / ((nominal_hz - FAR_HZ) * sample_s)))
    frequency = fundamental_hz(values[-tail:], sample_s, nominal_hz=nominal_hz)
    length_s = whole / frequency
    if length_s > (len(values) - 1) * sample_s * (1 + 1e-9):
        raise_if_any("harmonics", [_too_short(len(values), sample_s, length_s)])
    density = 2 ** math.ceil(math.log2(1.0 / (frequency * sample_s)))
    end_s = (len(values) - 1) * sample_s
    at_s = end_s - length_s + np.arange(density * whole) / (density * frequency)
    # the spline needs no more than the window
    begin = max(len(values) - tail, 0)
    spline = CubicSpline(np.arange(begin, len(values)) * sample_s, values[begin:])
    resampled = spline(np.maximum(at_s, 0.0))
    _check_steady(resampled.reshape(whole, density))
    spectrum = np.fft.rfft(resampled) / len(resampled) * 2
    phasors = spectrum[: (LAST_ORDER + 1) * whole : whole].copy()
    phasors[0] /= 2
    power = np.abs(spectrum) ** 2
    kept = float(np.sum(np.abs(phasors[2:]) ** 2))
    rest = float(power[1:].sum() - power[whole]) - kept
    base = abs(phasors[1])
    return HarmonicSpectrum(
        frequency, whole, phasors, math.sqrt(kept) / base, math.sqrt(max(rest, 0.0)) / base
    )


def phasors_of(
    values: Float[Array, "phase sample"],
    sample_s: float,
    *,
    nominal_hz: float,
    cycles: int | float = 12,
) -> Array:
    """Phasors of the fundamental of three phases, over the same whole cycles.

    Args:
        values: Voltages or currents.
        sample_s: Between samples.
        nominal_hz: Near which the fundamental lies.
        cycles: Whole cycles, at least 10.

    Returns:
        Complex amplitudes; angles are against phase a's window.

    Raises:
        InputError: As `harmonics`, for the phase with the largest voltage.
    """
    lead = int(np.argmax(np.sum(values**2, axis=1)))
    whole = harmonics(values[lead], sample_s, nominal_hz=nominal_hz, cycles=cycles)
    frequency = whole.fundamental_hz
    count = values.shape[1]
    end_s = (count - 1) * sample_s
    at_s = end_s - whole.cycles / frequency + np.arange(256 * whole.cycles) / (256 * frequency)
    resampled = CubicSpline(np.arange(count) * sample_s, values, axis=1)(np.maximum(at_s, 0.0))
    turn = np.exp(-2j * math.pi * frequency * (at_s - at_s[0]))
    return 2 * (resampled @ turn) / len(at_s)


def _check_record(
    values: Float[Array, " sample"], sample_s: float, nominal_hz: float, cycles: int = FEWEST_CYCLES
) -> None:
    """Refuse what no spectrum can be taken of."""
    faults = []
    for name, value in (("sample_s", sample_s), ("nominal_hz", nominal_hz)):
        if not (math.isfinite(value) and value > 0):
            faults.append(Fault(name, "be above 0 and finite", (value,)))
    raise_if_any("harmonics", faults)
    if not np.isfinite(values).all():
        raise_if_any("harmonics", [Fault("values", "be finite everywhere")])
    # a record that is short only because the actual cycle is longer is refused later
    if (len(values) - 1) * sample_s < cycles / (nominal_hz + FAR_HZ):
        raise_if_any("harmonics", [_too_short(len(values), sample_s, cycles / nominal_hz)])


def _too_short(count: int, sample_s: float, needed_s: float) -> Fault:
    got = f"{(count - 1) * sample_s:.4f} s"
    fix = f"Simulate at least {needed_s:.4f} s of steady state, or take fewer cycles."
    return Fault("values", "hold all cycles", (got,), fix=fix)


def _check_steady(by_cycle: Float[Array, "cycle sample"]) -> None:
    """Refuse a window in which the fundamental still changes."""
    turn = np.exp(-2j * math.pi * np.arange(by_cycle.shape[1]) / by_cycle.shape[1])
    each = by_cycle @ turn
    half = len(each) // 2
    first, second = each[:half].mean(), each[-half:].mean()
    if not abs(second - first) <= STEADY * abs(first):
        rule = f"have a fundamental that changes by less than {STEADY:.0%} over the window"
        fix = "Take a later window, once droop and loads have settled."
        got = f"{abs(second - first) / abs(first):.2%}" if first else "no fundamental"
        raise_if_any("harmonics", [Fault("values", rule, (got,), fix=fix)])

"""``python -m benchmarks.waveform``: CPU seconds for a simulated second of one inverter.

A transformer closed hard onto an inverter, a soft start with loads, and the same with every
switching edge. Times are CPU seconds of this process over simulated seconds, the least and the
median of the rounds; the first call, which compiles or loads what was compiled, is told by itself.
"""

import argparse
import statistics
import time
from dataclasses import replace

from benchmarks.plan import machine
from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.harmonics import harmonics
from evergrid.resilience.waveform.network import PhaseLoad, SaturableTransformer
from evergrid.resilience.waveform.simulation import STEP_S, Waveform, simulate
from evergrid.resilience.waveform.sources import EmtInverter, VoltageRamp

ROUNDS = 9


def main(arguments: list[str] | None = None) -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="simulated in each run")
    given = parser.parse_args(arguments)
    print(machine.description())
    begun = time.process_time()
    simulate(hard_closing(given.seconds))
    print(f"first call: {time.process_time() - begun:.2f} CPU s")
    print(line("hard closing, 300 kVA", hard_closing(given.seconds)))
    averaged = loaded(given.seconds)
    print(line("soft start, three loads", averaged))
    switching = replace(averaged, source=EmtInverter(modulation="switching"))
    print(line("soft start, three loads, switching", switching))


def line(name: str, case: WaveformCase) -> str:
    """Cost of one case, and what came out, so that a quick wrong answer shows."""
    least, median, went = timed(case)
    assert isinstance(case.source, EmtInverter)
    step_us = 1e6 * STEP_S[case.source.modulation]
    distortion = harmonics(went.bus_v[0], went.sample_s, nominal_hz=went.nominal_hz)
    return (
        f"{name}, {step_us:g} us: {least:.3f} CPU s per s least, {median:.3f} median; "
        f"peak {went.peak_inverter_pu:.3f} pu, lowest amplitude {went.least_amplitude_pu:.3f} pu, "
        f"{distortion.fundamental_hz:.3f} Hz, THD {100 * distortion.thd:.3f} %"
    )


def hard_closing(seconds: float) -> WaveformCase:
    """A transformer on an inverter at full voltage, at the zero crossing of phase a."""
    transformer = SaturableTransformer(300.0, close_s=0.1, close_angle_deg=0.0)
    return WaveformCase(EmtInverter(), seconds, VoltageRamp(0.05), transformer)


def loaded(seconds: float) -> WaveformCase:
    """A transformer that rises with the voltage, and blocks that follow."""
    loads = (
        PhaseLoad("lights", (10.0, 10.0, 10.0), close_s=0.12),
        PhaseLoad("motors", (12.0, 12.0, 12.0), (8.0, 8.0, 8.0), close_s=0.14),
        PhaseLoad("one phase", (6.0, 0.0, 0.0), (2.0, 0.0, 0.0), close_s=0.16),
    )
    return WaveformCase(
        EmtInverter(), seconds, VoltageRamp(0.1), SaturableTransformer(125.0), loads
    )


def timed(case: WaveformCase) -> tuple[float, float, Waveform]:
    """Least and median CPU seconds for a simulated second, and the last answer."""
    went, taken = simulate(case), []
    for _ in range(ROUNDS):
        begun = time.process_time()
        went = simulate(case)
        taken.append((time.process_time() - begun) / case.duration_s)
    return min(taken), statistics.median(taken), went


if __name__ == "__main__":
    main()

"""What the first unit's voltage and current look like: soft start, and a hard closing beside it."""

from dataclasses import dataclass, replace

from evergrid.model.microgrid import BatteryUnit, Microgrid
from evergrid.resilience.black_start.neighbour.inrush import inverters, saturable
from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.harmonics import HarmonicSpectrum, harmonics
from evergrid.resilience.waveform.network import PhaseLoad
from evergrid.resilience.waveform.simulation import Waveform, simulate
from evergrid.resilience.waveform.sources import EmtInverter, VoltageRamp

AFTER_S = 0.2  # followed after the ramp, or after a hard closing
QUIET_S = 0.2  # at full voltage before a hard closing
LOADED_S = 0.6


@dataclass(frozen=True)
class Oscillogram:
    """Both ways to energise, instant by instant.

    Attributes:
        soft: The voltage rises from zero with the transformer attached.
        loaded: Harmonics of phase a's voltage with every switching edge followed, at half load.
        hard: The transformer is closed at full voltage, at the angle that is worst for a core
            without residual flux; None where there is no transformer.
    """

    soft: Waveform
    loaded: HarmonicSpectrum
    hard: Waveform | None


def oscillogram(
    site: Microgrid, master: BatteryUnit, *, ramp_s: float, current_limit_pu: float
) -> Oscillogram:
    """Simulate both for the unit that starts the dead bus.

    Args:
        site: What is there; residual flux of its transformer counts in both.
        master: The unit.
        ramp_s: Of the soft start.
        current_limit_pu: Of its control.

    Raises:
        InputError: Gains that do not hold this circuit.
        SolveError: A circuit that leaves every bound.
    """
    source = inverters(master.apparent_kva, site.nominal_v, site.nominal_hz, current_limit_pu)
    given = site.transformer
    transformer = None if given is None else saturable(given, site.nominal_v, site.nominal_hz)
    long_s = _whole(ramp_s + AFTER_S)
    soft = simulate(WaveformCase(source, long_s, VoltageRamp(ramp_s), transformer))
    loaded = _loaded(source)
    if transformer is None:
        return Oscillogram(soft, loaded, None)
    late = replace(transformer, close_s=QUIET_S, close_angle_deg=0.0)
    hard = simulate(WaveformCase(source, QUIET_S + AFTER_S, VoltageRamp(0.05), late))
    return Oscillogram(soft, loaded, hard)


def _loaded(source: EmtInverter) -> HarmonicSpectrum:
    """Harmonics of the voltage of a unit that carries half its rating, switching edges and all."""
    power_kw = source.rating_kva / 2.0 / 3.0
    load = PhaseLoad("half load", (power_kw, power_kw, power_kw))
    edges = replace(source, modulation="switching")
    went = simulate(WaveformCase(edges, LOADED_S, VoltageRamp(0.05), loads=(load,)))
    return harmonics(went.bus_v[0], went.sample_s, nominal_hz=source.nominal_hz)


def _whole(seconds: float) -> float:
    """A whole number of milliseconds, which samples divide."""
    return round(seconds * 1e3) / 1e3

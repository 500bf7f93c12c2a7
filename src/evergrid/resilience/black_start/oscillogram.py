"""What the first unit's voltage and current look like: soft start, and a hard closing beside it."""

from dataclasses import dataclass, replace

from evergrid.model.microgrid import BatteryUnit, Microgrid
from evergrid.resilience.waveform.case import WaveformCase
from evergrid.resilience.waveform.harmonics import HarmonicSpectrum, harmonics
from evergrid.resilience.waveform.network import PhaseLoad, SaturableTransformer
from evergrid.resilience.waveform.simulation import Waveform, simulate
from evergrid.resilience.waveform.sources import EmtControl, EmtInverter, VoltageRamp

AFTER_S = 0.2  # followed after the ramp, or after a hard closing
QUIET_S = 0.2  # at full voltage before a hard closing
LOADED_S = 0.6
RAILS_PER_VOLT = 900.0 / 480.0  # DC voltage over line-to-line voltage


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
    source = EmtInverter(
        rating_kva=master.apparent_kva,
        line_voltage_v=site.nominal_v,
        nominal_hz=site.nominal_hz,
        dc_voltage_v=RAILS_PER_VOLT * site.nominal_v,
        control=EmtControl(current_limit_pu=current_limit_pu),
    )
    transformer = _transformer(site)
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


def _transformer(site: Microgrid) -> SaturableTransformer | None:
    given = site.transformer
    if given is None:
        return None
    made = SaturableTransformer(
        rating_kva=given.rating_kva,
        line_voltage_v=site.nominal_v,
        nominal_hz=site.nominal_hz,
        knee_pu=given.knee_pu,
        air_core_pu=given.air_core_pu,
        leakage_pu=given.reactance_pu,
        resistance_pu=given.resistance_pu,
        residual_flux_pu=given.residual_flux_pu,
    )
    if given.core_loss_pu > 0:
        return replace(made, core_loss_pu=1.0 / given.core_loss_pu)
    return made


def _whole(seconds: float) -> float:
    """A whole number of milliseconds, which samples divide."""
    return round(seconds * 1e3) / 1e3

"""What the inverter feeds: a saturating transformer, loads by phase, faults to earth."""

from dataclasses import dataclass
from typing import Literal

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import W_PER_KW
from evergrid.resilience.waveform.ranges import faults_of, frequency_faults, triple_faults

Connection = Literal["Yg-yg", "D-yg"]
PHASES = "abc"
MOST_FLUX_PU = 1.0  # of what stays in a core; no steel keeps more than its rated flux


@dataclass(frozen=True)
class SaturableTransformer:
    """Three single-phase cores with a knee, on the side of the inverter; per unit of its rating.

    Magnetising branch and core loss lie at the terminals that are energised, all leakage behind
    them, so that the air-core inductance is the one that these terminals see.

    Attributes:
        rating_kva: Of all three phases.
        line_voltage_v: On the side of the inverter, between phases, rms. The other side is
            referred to it.
        nominal_hz: 50 or 60.
        connection: Star on both sides, both earthed; or delta on the side of the inverter and
            earthed star on the other, which keeps zero sequence from the inverter.
        knee_pu: Flux at which a core saturates, over the amplitude at nominal voltage.
        magnetising_pu: Inductance below the knee.
        air_core_pu: Inductance above it, as a slope.
        core_loss_pu: Resistance beside the core.
        leakage_pu: Reactance of the leakage.
        resistance_pu: Of both windings.
        residual_flux_pu: Left in each core from before.
        close_s: When its breaker closes, all three poles at once.
        close_angle_deg: Angle of phase a's voltage at which it closes, the first time from
            close_s on; 0 is the rising zero crossing. None to close at close_s itself.

    Raises:
        InputError: Every number out of range; an air-core inductance not below the magnetising one.
    """

    rating_kva: float
    line_voltage_v: float = 480.0
    nominal_hz: float = 60.0
    connection: Connection = "Yg-yg"
    knee_pu: float = 1.17
    magnetising_pu: float = 250.0
    air_core_pu: float = 0.3
    core_loss_pu: float = 300.0
    leakage_pu: float = 0.05
    resistance_pu: float = 0.01
    residual_flux_pu: tuple[float, float, float] = (0.0, 0.0, 0.0)
    close_s: float = 0.0
    close_angle_deg: float | None = None

    def __post_init__(self) -> None:
        records.check(self, "transformer")
        faults = frequency_faults(self.nominal_hz) + faults_of(
            self,
            ("rating_kva", 0.1, 1e6, ""),
            ("line_voltage_v", 50.0, 1e5, "Give volts between phases, rms."),
            ("knee_pu", 0.5, 3.0, "1.1 to 1.25 is usual."),
            ("magnetising_pu", 1.0, 1e7, "200 is 0.5 % of magnetising current."),
            ("air_core_pu", 1e-3, 10.0, "0.3 is usual."),
            ("core_loss_pu", 1.0, 1e7, "300 is 0.33 % of loss."),
            ("leakage_pu", 1e-4, 1.0, "0.05 is usual."),
            ("resistance_pu", 0.0, 1.0, ""),
            ("close_s", 0.0, 3600.0, ""),
        )
        faults += triple_faults(
            "residual_flux_pu", self.residual_flux_pu, -MOST_FLUX_PU, MOST_FLUX_PU
        )
        if self.close_angle_deg is not None:
            faults += faults_of(self, ("close_angle_deg", -360.0, 360.0, ""))
        if not faults and self.air_core_pu >= self.magnetising_pu:
            rule = f"be below magnetising_pu, {self.magnetising_pu:g}"
            faults.append(Fault("air_core_pu", rule, (self.air_core_pu,)))
        raise_if_any("transformer", faults)


@dataclass(frozen=True)
class PhaseLoad:
    """A block of load: resistance and inductance in series, by phase, to earth.

    It is on the transformer's far side, or on the inverter where there is no transformer.

    Attributes:
        name: Of the block.
        active_kw: Consumed in phase a, b and c at nominal voltage; 0 where the phase has none.
        reactive_kvar: Consumed likewise.
        close_s: When it is connected.

    Raises:
        InputError: Every number out of range; a phase with inductance and no resistance.
    """

    name: str
    active_kw: tuple[float, float, float]
    reactive_kvar: tuple[float, float, float] = (0.0, 0.0, 0.0)
    close_s: float = 0.0

    def __post_init__(self) -> None:
        records.check(self, "load")
        faults = triple_faults("active_kw", self.active_kw, 0.0, 1e6)
        faults += triple_faults("reactive_kvar", self.reactive_kvar, 0.0, 1e6)
        faults += faults_of(self, ("close_s", 0.0, 3600.0, ""))
        if not faults:
            both = zip(self.active_kw, self.reactive_kvar, strict=True)
            if any(reactive > 0 and active <= 0 for active, reactive in both):
                fix = "An inductance without loss keeps its direct current for ever."
                rule = "be above 0 where reactive_kvar is"
                faults.append(Fault("active_kw", rule, (str(self.active_kw),), fix=fix))
        raise_if_any(f"load {self.name}", faults)

    def impedances_ohm(self, line_voltage_v: float) -> list[tuple[float, float] | None]:
        """Resistance and reactance of each phase; None where it has no load.

        Args:
            line_voltage_v: At which the powers are given.
        """
        square = line_voltage_v**2 / 3 / W_PER_KW
        found: list[tuple[float, float] | None] = []
        for active, reactive in zip(self.active_kw, self.reactive_kvar, strict=True):
            over = active**2 + reactive**2
            found.append((square * active / over, square * reactive / over) if over else None)
        return found


@dataclass(frozen=True)
class EarthFault:
    """A resistance from phases to earth at the terminals of the inverter, for a while.

    Attributes:
        phases: Letters of those concerned, such as "a" or "abc".
        resistance_ohm: From each to earth.
        start_s: When it begins.
        end_s: When it is gone.

    Raises:
        InputError: Every number out of range; phases that are none.
    """

    phases: str
    resistance_ohm: float
    start_s: float
    end_s: float = 3600.0

    def __post_init__(self) -> None:
        records.check(self, "earth fault")
        faults = faults_of(
            self,
            ("resistance_ohm", 1e-4, 1e6, "A bolted fault has a resistance too: 0.01 ohm or so."),
            ("start_s", 0.0, 3600.0, ""),
            ("end_s", 0.0, 3600.0, ""),
        )
        if (
            not self.phases
            or set(self.phases) - set(PHASES)
            or len(set(self.phases)) < len(self.phases)
        ):
            faults.append(Fault("phases", "be letters of abc, each once", (self.phases,)))
        if not faults and self.end_s <= self.start_s:
            faults.append(Fault("end_s", f"be after start_s, {self.start_s:g}", (self.end_s,)))
        raise_if_any("earth fault", faults)

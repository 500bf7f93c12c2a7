"""One case: a source, what it feeds, and what happens when."""

import math
from dataclasses import dataclass

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.waveform.network import EarthFault, PhaseLoad, SaturableTransformer
from evergrid.resilience.waveform.ranges import faults_of
from evergrid.resilience.waveform.sources import EmtInverter, StiffSource, VoltageRamp

SOFT_START = VoltageRamp()
MISMATCH = 0.01  # of the voltage, by which source and transformer may differ


@dataclass(frozen=True)
class WaveformCase:
    """A dead island that one source brings to life; everything is zero at second 0.

    Attributes:
        source: Who holds the voltage.
        duration_s: For which the island is followed.
        ramp: How the voltage rises.
        transformer: On the source; None where the source feeds loads itself.
        loads: In any order.
        earth_faults: At the terminals of the source.
        allow_overload: Whether loads may add up to more than the rating, to see what collapses.

    Raises:
        InputError: Another frequency or voltage of the transformer, loads above the rating, events
            after the end, faults on a source without impedance.
    """

    source: EmtInverter | StiffSource
    duration_s: float
    ramp: VoltageRamp = SOFT_START
    transformer: SaturableTransformer | None = None
    loads: tuple[PhaseLoad, ...] = ()
    earth_faults: tuple[EarthFault, ...] = ()
    allow_overload: bool = False

    def __post_init__(self) -> None:
        records.check(self, "waveform case")
        faults = faults_of(self, ("duration_s", 1e-3, 600.0, ""))
        faults += self._mismatches() + self._overloads()
        if self.earth_faults and isinstance(self.source, StiffSource):
            fix = "Its current would have no bound; take an inverter."
            faults.append(Fault("earth_faults", "be none at a stiff source", fix=fix))
        for what, second in self._times():
            if second >= self.duration_s:
                rule = f"be before the end, {self.duration_s:g} s"
                faults.append(Fault(what, rule, (second,)))
        raise_if_any("waveform case", faults)

    def _mismatches(self) -> list[Fault]:
        """Faults of a transformer for another grid."""
        transformer, source = self.transformer, self.source
        if transformer is None:
            return []
        faults = []
        if transformer.nominal_hz != source.nominal_hz:
            rule = f"be that of the source, {source.nominal_hz:g} Hz"
            fix = "A core for 60 Hz saturates at 50 Hz; give all records one frequency."
            got = (transformer.nominal_hz,)
            faults.append(Fault("transformer.nominal_hz", rule, got, fix=fix))
        if not math.isclose(transformer.line_voltage_v, source.line_voltage_v, rel_tol=MISMATCH):
            rule = f"be that of the source, {source.line_voltage_v:g} V"
            got = (transformer.line_voltage_v,)
            faults.append(Fault("transformer.line_voltage_v", rule, got))
        return faults

    def _overloads(self) -> list[Fault]:
        """The fault of loads that add up to more than the rating."""
        active = sum(sum(load.active_kw) for load in self.loads)
        reactive = sum(sum(load.reactive_kvar) for load in self.loads)
        needed, rating = math.hypot(active, reactive), self.source.rating_kva
        if self.allow_overload or needed <= rating * (1 + 1e-9):
            return []
        names = tuple(load.name for load in self.loads)
        rule = f"add up to at most the rating, {rating:g} kVA"
        fix = "Leave a block out, or set allow_overload to see what collapses."
        return [Fault("loads", rule, (f"{needed:g} kVA of {', '.join(names)}",), fix=fix)]

    def _times(self) -> list[tuple[str, float]]:
        """Field and second of everything that happens."""
        found = [(f"close_s of load {load.name}", load.close_s) for load in self.loads]
        found += [("start_s of an earth fault", fault.start_s) for fault in self.earth_faults]
        found.append(("ramp.start_s", self.ramp.start_s))
        if self.transformer is not None:
            found.append(("transformer.close_s", self.transformer.close_s))
        return found

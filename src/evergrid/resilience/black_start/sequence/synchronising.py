"""Two live parts that meet: one passes the other, a breaker closes, and the load is shared."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from evergrid.resilience.black_start.results.outcome import Action, SyncWait
from evergrid.resilience.black_start.sequence.program import Steps
from evergrid.resilience.black_start.settings import SynchroCheck
from evergrid.resilience.black_start.state.island import STRETCH_S, Island
from evergrid.resilience.network.references import UnitReference
from evergrid.resilience.network.synchro_check import BreakerDifference, across_breaker

OWN_RAMP_S = 0.2  # in which a unit that is not connected yet raises its own voltage
SETTLED_S = 0.3  # after which its filter is quiet
RELEASE_S = 1.0  # in which a unit takes over its share after closing
RELEASE_STEPS = 20
NEAR = 1e-6  # by which a slip may pass its limit: it is driven to it
KEPT = 2e-3  # of a slip, by which it may be off before units are trimmed again
ENGINE_SHARE = 0.01  # of a miss, by which engines are trimmed at each look
PATIENCE = 2.0  # periods of the slip after which waiting is given up
DEGREES_A_STRETCH = 360.0 * STRETCH_S  # for a slip of 1 Hz


@dataclass(frozen=True)
class Synchronising:
    """How units and islands are brought together.

    Attributes:
        island: With everything in it.
        told: When a breaker may close.
    """

    island: Island
    told: SynchroCheck

    @property
    def nominal_v(self) -> float:
        """Of the site."""
        return self.island.circuit.site.nominal_v

    @property
    def nominal_rad_per_s(self) -> float:
        """Of the site."""
        return 2.0 * np.pi * self.island.circuit.site.nominal_hz

    def over(self) -> bool:
        """Whether the time that is followed is over."""
        return self.island.time_s >= self.island.duration_s - STRETCH_S

    def passing(self, section: int, *, ramp: bool = True) -> UnitReference:
        """What a unit is told so that its phase passes that of a section at its voltage."""
        island = self.island
        slow = 2.0 * np.pi * island.frequency_hz(section) - self.nominal_rad_per_s
        trim = slow + 2.0 * np.pi * self.told.slip_hz
        voltage = island.reading(section).voltage_pu * self.nominal_v
        if not self.told.check:
            voltage = self.nominal_v
        if not ramp:
            return UnitReference(voltage_v=voltage, trim_rad_per_s=trim)
        return UnitReference(
            voltage_v=voltage,
            ramp_from_v=0.0,
            ramp_start_s=island.time_s,
            ramp_s=OWN_RAMP_S,
            trim_rad_per_s=trim,
        )

    def agreement(
        self,
        name: str,
        section: int = 0,
        follow: Callable[[BreakerDifference], None] | None = None,
    ) -> Generator[float, None, BreakerDifference | None]:
        """Wait until both sides agree; none if that takes more than twice a period of the slip.

        Args:
            name: Of the breaker.
            section: Whose readings are noted where they never agree.
            follow: What is done with each difference on the way, such as keeping the slip.
        """
        island, told = self.island, self.told
        until_s = island.time_s + PATIENCE / told.slip_hz
        while not self.over() and island.time_s < until_s and name not in island.dead_units:
            found = across_breaker(island.assembly(), island.state, name)
            if not told.check:
                return found
            if found.phase_rad is not None and found.slip_hz is not None:
                degrees = abs(np.degrees(found.phase_rad))
                near = 0.6 * abs(found.slip_hz) * DEGREES_A_STRETCH
                share = found.voltage_difference_share
                if (
                    degrees <= min(told.greatest_angle_deg, max(near, 0.1))
                    and abs(found.slip_hz) <= told.greatest_slip_hz * (1.0 + NEAR)
                    and share is not None
                    and abs(share) <= told.greatest_voltage_pu
                ):
                    return found
            if follow is not None:
                follow(found)
            yield STRETCH_S
        if not self.over() and name not in island.dead_units:
            found = across_breaker(island.assembly(), island.state, name)
            words = f"phase, slip and voltage never agree: {difference_words(found)}"
            island.log(Action.REFUSED, name, words, island.reading(section), section)
        return None

    def keep_slip(self, names: list[str], slip_hz: float, found: BreakerDifference) -> None:
        """Trim units so that their side of a breaker passes the other one by a slip again.

        Their island and the other one move while loads warm up and voltages are led together.

        Args:
            names: Of the units; the second side of the breaker is theirs.
            slip_hz: By which it is to pass the first.
            found: Across the breaker.
        """
        if found.slip_hz is None:
            return
        miss_hz = slip_hz + found.slip_hz
        if abs(miss_hz) < KEPT * slip_hz:
            return
        engines = {one.name for one in self.island.circuit.engines}
        # An engine takes seconds: all of the miss at each look would make it swing.
        share = ENGINE_SHARE if engines & set(names) else 1.0
        for name in names:
            told = self.island.references.get(name, UnitReference())
            trim = told.trim_rad_per_s + 2.0 * np.pi * share * miss_hz
            self.island.refer(name, replace(told, trim_rad_per_s=trim))

    def note_wait(self, name: str, wait_s: float, found: BreakerDifference) -> None:
        """Keep how long a closing waited, and what the relay saw."""
        angle = 0.0 if found.phase_rad is None else float(np.degrees(found.phase_rad))
        slip = 0.0 if found.slip_hz is None else found.slip_hz
        voltage = (found.from_voltage_v - found.to_voltage_v) / self.nominal_v
        self.island.waits.append(SyncWait(name, wait_s, angle, slip, voltage))

    def release(self, name: str) -> Steps:
        """Let a unit that has just closed without power take over its share."""
        island, told = self.island, self.island.references[name]
        from_v = told.voltage_v if told.voltage_v is not None else self.nominal_v
        start_s = island.time_s
        for step in range(RELEASE_STEPS):
            if not island.is_on(name):
                return
            left = 1.0 - step / RELEASE_STEPS
            rest = island.rest_reference(name).trim_rad_per_s
            island.refer(
                name,
                UnitReference(
                    voltage_v=self.nominal_v,
                    ramp_from_v=from_v,
                    ramp_start_s=start_s,
                    ramp_s=RELEASE_S,
                    trim_rad_per_s=rest + (told.trim_rad_per_s - rest) * left,
                ),
            )
            yield RELEASE_S / RELEASE_STEPS
        island.refer(name, island.rest_reference(name))

    def shift(
        self,
        names: list[str],
        from_w: float,
        to_w: float,
        from_v: float,
        to_v: float,
        *,
        from_base: Mapping[str, float] | None = None,
    ) -> Steps:
        """Move frequency and voltage of connected units together, in small steps.

        Args:
            names: Of the units.
            from_w: Trim of the angular frequency at the begin.
            to_w: At the end.
            from_v: Added to the nominal voltage at the begin.
            to_v: At the end.
            from_base: Trims by which units carry a share of their own, at the begin; at the end
                they have those of the island.
        """
        island = self.island
        to_base = island.base_trim
        begin = to_base if from_base is None else from_base
        for step in range(1, RELEASE_STEPS + 1):
            share = step / RELEASE_STEPS
            for name in names:
                if island.is_on(name):
                    first = from_w + begin.get(name, 0.0)
                    last = to_w + to_base.get(name, 0.0)
                    told = UnitReference(
                        voltage_v=self.nominal_v + from_v + share * (to_v - from_v),
                        trim_rad_per_s=first + share * (last - first),
                    )
                    island.refer(name, told)
            yield RELEASE_S / RELEASE_STEPS


def difference_words(found: BreakerDifference) -> str:
    """What a relay saw, as a phrase."""
    angle = 0.0 if found.phase_rad is None else float(np.degrees(found.phase_rad))
    slip = 0.0 if found.slip_hz is None else found.slip_hz
    share = found.voltage_difference_share or 0.0
    return f"{angle:+.2f} degrees, {slip:+.3f} Hz, {100 * share:+.2f} % of voltage apart"

"""One area of a grid with a common frequency: its plants, its load, its protection."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

NOMINAL_HZ = (50.0, 60.0)
LEAST_SHARE = 0.95  # of nominal, at which plants disconnect: 47.5 Hz in Europe, 57 Hz in America
MOST_INERTIA_S = 20.0  # no machine has more; a value beyond it is in other units
FAR = 0.9  # of nominal; a threshold below it belongs to another nominal frequency


def _ranges(record: object, *rows: tuple[str, float, float, str]) -> list[Fault]:
    """Faults of numbers outside a closed range; NaN is never inside."""
    return [
        Fault(name, f"be in [{low:g}, {high:g}]", (value,), fix=fix)
        for name, low, high, fix in rows
        if not low <= (value := getattr(record, name)) <= high
    ]


@dataclass(frozen=True)
class Governor:
    """What the plants with a speed governor do; steam turbines with a reheater.

    Attributes:
        droop_pu: Change of frequency, over nominal, for which a governed plant moves by its rating.
        governed_share: Share of the area's rating that has a governor in service.
        high_pressure_share: Share of the power that comes before the reheater.
        reheat_s: Time constant of the reheater.
        servo_s: Time constant of the valve; 0 for one that moves at once.
        deadband_hz: Deviation up to which governors do nothing.
        reserve_mw: Most that they add; as much is taken back at most.
        ramp_mw_per_s: By which their valves move at most, all together.

    Raises:
        InputError: Every number out of range.

    Source:
        P. Anderson, M. Mirheydar (1990), A low-order system frequency response model, IEEE
        Transactions on Power Systems 5(3), doi:10.1109/59.65898; servo, dead band, limit and ramp
        are added.
    """

    droop_pu: float = 0.05
    governed_share: float = 0.95
    high_pressure_share: float = 0.3
    reheat_s: float = 8.0
    servo_s: float = 0.0
    deadband_hz: float = 0.0
    reserve_mw: float = np.inf
    ramp_mw_per_s: float = np.inf

    def __post_init__(self) -> None:
        records.check(self, "governor")
        fix = "Give the droop as a fraction: 0.05 for 5 %."
        faults = _ranges(
            self,
            ("droop_pu", 1e-4, 1.0, fix),
            ("governed_share", 0.0, 1.0, "Give a fraction, not a percentage."),
            ("high_pressure_share", 0.0, 1.0, "Give a fraction, not a percentage."),
            ("reheat_s", 0.1, 100.0, "1 for high_pressure_share leaves the reheater out."),
            ("servo_s", 0.0, 10.0, ""),
            ("deadband_hz", 0.0, 1.0, ""),
            ("reserve_mw", 0.0, np.inf, ""),
            ("ramp_mw_per_s", 1e-6, np.inf, ""),
        )
        raise_if_any("governor", faults)


@dataclass(frozen=True)
class SheddingStage:
    """Load that a relay disconnects when the frequency is low.

    Attributes:
        frequency_hz: Below which it acts.
        load_share: Of the area's load that it disconnects.
        delay_s: For which the frequency must stay below.
    """

    frequency_hz: float
    load_share: float
    delay_s: float = 0.1


@dataclass(frozen=True)
class Area:
    """An area that swings as one: all machines have one frequency.

    Attributes:
        nominal_hz: 50 or 60.
        base_mw: Rating of the synchronised plants, to which inertia, damping and droop refer.
        inertia_s: Energy in their rotors at nominal speed over that rating.
        damping_pu: Change of the load over base_mw for a change of frequency over nominal.
        load_mw: Load that relays can disconnect.
        least_hz: Frequency at which plants disconnect; what follows is not modelled.
        governor: Of the plants.
        shedding: Under-frequency load shedding, stage by stage.

    Raises:
        InputError: Every number out of range; thresholds of another nominal frequency.
    """

    nominal_hz: float
    base_mw: float
    inertia_s: float
    damping_pu: float
    load_mw: float
    least_hz: float
    governor: Governor = Governor()
    shedding: tuple[SheddingStage, ...] = ()

    def __post_init__(self) -> None:
        records.check(self, "area")
        faults = []
        if self.nominal_hz not in NOMINAL_HZ:
            faults.append(Fault("nominal_hz", "be 50 or 60", (self.nominal_hz,)))
        fix = "Give seconds on base_mw; energy in the rotors is inertia_s times base_mw."
        faults += _ranges(
            self,
            ("base_mw", 1e-3, 1e7, ""),
            ("inertia_s", 0.01, MOST_INERTIA_S, fix),
            ("damping_pu", 0.0, 10.0, "1 or 2 is usual: percent of load per percent of frequency."),
            ("load_mw", 0.0, 1e7, ""),
        )
        raise_if_any("area", faults + self._thresholds())

    def _thresholds(self) -> list[Fault]:
        """Faults of frequencies, which must be those of the same nominal one."""
        low, high = FAR * self.nominal_hz, self.nominal_hz
        rule = f"be above {low:g} and below {high:g} Hz, the nominal frequency"
        fix = f"Is it a threshold of a grid of {110.0 - self.nominal_hz:g} Hz?"
        stages = self.shedding
        faults = [
            Fault(name, rule, (value,), fix=fix)
            for name, value in (
                ("least_hz", self.least_hz),
                *(("shedding.frequency_hz", stage.frequency_hz) for stage in stages),
            )
            if not low < value < high
        ]
        for stage in stages:
            if not 0 < stage.load_share <= 1:
                faults.append(Fault("shedding.load_share", "be in (0, 1]", (stage.load_share,)))
            if not 0 <= stage.delay_s <= 10:
                faults.append(Fault("shedding.delay_s", "be in [0, 10] s", (stage.delay_s,)))
        if sum(stage.load_share for stage in stages) > 1:
            faults.append(Fault("shedding.load_share", "add up to 1 at most"))
        return faults

    @property
    def kinetic_energy_mws(self) -> float:
        """Energy in the rotors at nominal speed."""
        return self.inertia_s * self.base_mw

    @property
    def inertia_mws_per_hz(self) -> float:
        """Missing power over rate of change of frequency."""
        return 2.0 * self.kinetic_energy_mws / self.nominal_hz

    @property
    def damping_mw_per_hz(self) -> float:
        """By which the load falls with the frequency."""
        return self.damping_pu * self.base_mw / self.nominal_hz

    @property
    def governor_mw_per_hz(self) -> float:
        """By which governed plants answer in the end."""
        governor = self.governor
        return governor.governed_share / governor.droop_pu * self.base_mw / self.nominal_hz

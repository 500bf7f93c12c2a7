"""What feeds an island: inverters that form it, chargers that follow, and diesel sets."""

from dataclasses import dataclass, field
from typing import ClassVar

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.resilience.inverter.circuit import faults_outside
from evergrid.resilience.inverter.dc_side import DcSide
from evergrid.resilience.inverter.regfm_a1 import RegfmA1

LARGEST_KVA = 1e6


def _power_faults(name: str, power_kw: float, low_kw: float, high_kw: float) -> list[Fault]:
    """The fault of a power that a unit cannot have."""
    if low_kw <= power_kw <= high_kw:
        return []
    rule = f"be in [{low_kw:g}, {high_kw:g}] kW, within the rating"
    fix = "Ask for less, or give a unit of a higher rating."
    return [Fault("power_kw", rule, (power_kw,), ids=(name,), fix=fix)]


@dataclass(frozen=True)
class FormingUnit:
    """An inverter that holds a voltage by REGFM_A1: a charger that can, or a site battery.

    Attributes:
        name: Of the unit.
        bus: Where it is connected.
        rating_kva: To which its per unit refers.
        model: Its parameters.
        power_kw: Set point at nominal frequency, into the grid.
        voltage_pu: Set point of the voltage.
        reactive_kvar: Set point at that voltage.
        dc: The battery behind it; None for a source without an end.
        ramp_s: In which the voltage rises from 0 when it starts onto a dead bus.
        isochronous: Whether it holds nominal frequency whatever the load; its limiters of power
            can do nothing then.
        running: At the begin, onto what is a dead bus then.

    Raises:
        InputError: Every number that is not one, or out of range; a power beyond the limits.
    """

    name: str
    bus: str
    rating_kva: float
    model: RegfmA1 = field(default_factory=RegfmA1)
    power_kw: float = 0.0
    voltage_pu: float = 1.0
    reactive_kvar: float = 0.0
    dc: DcSide | None = None
    ramp_s: float = 0.5
    isochronous: bool = False
    running: bool = False
    grid_forming: ClassVar[bool] = True

    def __post_init__(self) -> None:
        records.check(self, "forming_unit")
        faults = faults_outside(
            self,
            ("rating_kva", 1e-3, LARGEST_KVA),
            ("voltage_pu", 0.8, 1.1),
            ("ramp_s", 0.0, 60.0),
        )
        if not faults:
            rating, model = self.rating_kva, self.model
            low, high = rating * model.least_power_pu, rating * model.most_power_pu
            faults += _power_faults(self.name, self.power_kw, low, high)
            most = rating * model.most_reactive_pu
            if not abs(self.reactive_kvar) <= most:
                rule = f"be in [-{most:g}, {most:g}] kvar"
                faults.append(Fault("reactive_kvar", rule, (self.reactive_kvar,)))
        raise_if_any("forming_unit", faults)


@dataclass(frozen=True)
class FollowingUnit:
    """An inverter that feeds a current into a voltage that others hold, as most chargers do.

    It waits until voltage and frequency have been good for a time, then ramps up, and trips when
    they stay bad. Delays and windows differ from rule to rule: the defaults are unverified.

    Attributes:
        name: Of the unit.
        bus: Where it is connected.
        rating_kva: To which per unit refers.
        power_kw: Set point, into the grid; negative charges.
        reactive_kvar: Set point.
        most_current_pu: Of its rating.
        current_s: Time constant of the current control.
        pll_hz: Natural frequency of the phase-locked loop.
        pll_damping: Its damping ratio.
        enter_s: For which voltage and frequency must be good before it enters service.
        ramp_s: In which its power then rises from nothing.
        voltage_window_pu: Outside of which the voltage is bad.
        frequency_window_hz: Outside of which the frequency is bad.
        trip_s: For which one of them must be bad.
        dc: The battery behind it; None for a source without an end.
        running: At the begin, waiting to enter service.

    Raises:
        InputError: Every number that is not one, or out of range; a power beyond the rating.
    """

    name: str
    bus: str
    rating_kva: float
    power_kw: float = 0.0
    reactive_kvar: float = 0.0
    most_current_pu: float = 1.1
    current_s: float = 0.02
    pll_hz: float = 3.0
    pll_damping: float = 0.7
    enter_s: float = 5.0
    ramp_s: float = 5.0
    voltage_window_pu: tuple[float, float] = (0.88, 1.1)
    frequency_window_hz: tuple[float, float] = (58.5, 61.2)
    trip_s: float = 0.16
    dc: DcSide | None = None
    running: bool = False
    grid_forming: ClassVar[bool] = False
    isochronous: ClassVar[bool] = False

    def __post_init__(self) -> None:
        records.check(self, "following_unit")
        faults = faults_outside(
            self,
            ("rating_kva", 1e-3, LARGEST_KVA),
            ("most_current_pu", 0.1, 2.0),
            ("current_s", 0.005, 1.0),
            ("pll_hz", 0.1, 10.0),
            ("pll_damping", 0.1, 5.0),
            ("enter_s", 0.0, 3600.0),
            ("ramp_s", 0.0, 3600.0),
            ("trip_s", 0.0, 60.0),
        )
        for name in ("voltage_window_pu", "frequency_window_hz"):
            low, high = getattr(self, name)
            if not 0 < low < high < 1e3:
                faults.append(Fault(name, "be two numbers above 0, the lower first", (low, high)))
        if not faults:
            size = (self.power_kw**2 + self.reactive_kvar**2) ** 0.5
            faults += _power_faults(self.name, size, 0.0, self.rating_kva)
        raise_if_any("following_unit", faults)


@dataclass(frozen=True)
class DieselUnit:
    """A synchronous generator with a diesel engine, its governor and a simple voltage regulator.

    Attributes:
        name: Of the unit.
        bus: Where it is connected.
        rating_kva: To which per unit refers.
        power_kw: Set point at nominal frequency.
        voltage_pu: Set point of the voltage.
        most_power_pu: That the engine gives; the least is 0.
        inertia_s: H.
        damping_pu: Torque over the deviation from nominal speed, of what is not modelled.
        transient_reactance_pu: X'd, behind which the voltage stands.
        resistance_pu: Of the stator.
        droop_pu: Speed over power.
        governor_integral_per_s: Integral gain of an isochronous governor.
        actuator_s: Time constant of the fuel rack.
        engine_s: Time constant of the engine.
        regulator_gain: Of the voltage regulator.
        regulator_integral_per_s: Its integral gain.
        exciter_s: Time constant of exciter and field.
        most_voltage_pu: Of the voltage behind the transient reactance.
        isochronous: Whether its governor returns to nominal frequency whatever the load.
        ramp_s: In which the voltage rises when it starts onto a dead bus.
        running: At the begin, at rated speed, onto what is a dead bus then.

    Raises:
        InputError: Every number that is not one, or out of range; a power beyond the engine's.

    Source:
        Classical machine (Kundur 1994, section 5.3) with first-order lags; the defaults are
        typical of sets of some hundred kW, unverified.
    """

    name: str
    bus: str
    rating_kva: float
    power_kw: float = 0.0
    voltage_pu: float = 1.0
    most_power_pu: float = 0.8
    inertia_s: float = 1.0
    damping_pu: float = 0.0
    transient_reactance_pu: float = 0.2
    resistance_pu: float = 0.01
    droop_pu: float = 0.05
    governor_integral_per_s: float = 5.0
    actuator_s: float = 0.03
    engine_s: float = 0.06
    regulator_gain: float = 2.0
    regulator_integral_per_s: float = 8.0
    exciter_s: float = 0.1
    most_voltage_pu: float = 1.5
    isochronous: bool = False
    ramp_s: float = 1.0
    running: bool = False
    grid_forming: ClassVar[bool] = True
    dc: ClassVar[DcSide | None] = None

    def __post_init__(self) -> None:
        records.check(self, "diesel_set")
        faults = faults_outside(
            self,
            ("rating_kva", 1e-3, LARGEST_KVA),
            ("voltage_pu", 0.8, 1.1),
            ("most_power_pu", 1e-3, 1.5),
            ("inertia_s", 0.05, 20.0),
            ("damping_pu", 0.0, 100.0),
            ("transient_reactance_pu", 0.02, 1.0),
            ("resistance_pu", 0.0, 0.5),
            ("droop_pu", 1e-3, 0.3),
            ("governor_integral_per_s", 0.0, 100.0),
            ("actuator_s", 0.01, 5.0),
            ("engine_s", 0.01, 5.0),
            ("regulator_gain", 0.0, 100.0),
            ("regulator_integral_per_s", 0.0, 1e3),
            ("exciter_s", 0.01, 5.0),
            ("most_voltage_pu", 1.0, 3.0),
            ("ramp_s", 0.0, 60.0),
        )
        if not faults:
            most = self.rating_kva * self.most_power_pu
            faults += _power_faults(self.name, self.power_kw, 0.0, most)
        raise_if_any("diesel_set", faults)

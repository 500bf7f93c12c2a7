"""The emergency supply of a site: diesel sets on a bus of their own, and transfer switches."""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.units import S_PER_H, W_PER_KW
from evergrid.model.microgrid import DieselSet, LoadBlock, Microgrid
from evergrid.resilience.black_start.settings import ProtectionLimits, faults_outside
from evergrid.resilience.machine.synchronous import SynchronousGenerator

EMERGENCY = "emergency"  # name of the bus and of the section
TIE = "tie to emergency"
LEAST_KVA = 0.1  # of a set, below which a waveform beside others has no meaning
POWER_FACTOR = 0.8  # of the rating of a generator over that of its engine


@dataclass(frozen=True)
class DieselRules:
    """What all diesel sets have in common: machine, governor, regulator, and what they stand.

    The numbers are typical of sets of some hundred kW, unverified. The limits on steps of load are
    those told of class G2 of ISO 8528-5, which could not be read: check them.

    Attributes:
        inertia_s: Energy that turns at nominal speed, over the rating.
        reactance_pu: Of the direct axis, of the generator's rating, as the following.
        quadrature_reactance_pu: Of the other axis.
        transient_reactance_pu: Of both.
        open_circuit_s: Time constant of the field.
        speed_droop_pu: By which the speed falls from no load to rated power.
        actuator_s: Time constant of the fuel rack.
        engine_s: Time constant of the engine.
        regulator_gain: Of the voltage regulator.
        regulator_integral_per_s: Its integral gain.
        exciter_s: Time constant of the exciter.
        most_field_pu: Largest field voltage over that of no load.
        build_up_s: In which the voltage rises from nothing.
        parallel: Whether the sets join the main bus by synchro-check once the site is up.
        load_share: Of its power, what a set is told to feed beside the inverters.
        pick_up_voltage_pu: Lowest voltage in a pick-up that sets carry alone.
        pick_up_deviation_hz: Greatest deviation of their frequency in it.
        shed_deviation_hz: At which a block of theirs is shed.
        under_frequency_hz: At which they trip.
    """

    inertia_s: float = 1.0
    reactance_pu: float = 2.2
    quadrature_reactance_pu: float = 1.3
    transient_reactance_pu: float = 0.2
    open_circuit_s: float = 1.7
    speed_droop_pu: float = 0.03
    actuator_s: float = 0.03
    engine_s: float = 0.06
    regulator_gain: float = 20.0
    regulator_integral_per_s: float = 20.0
    exciter_s: float = 0.05
    most_field_pu: float = 6.0
    build_up_s: float = 1.0
    parallel: bool = False
    load_share: float = 0.7
    pick_up_voltage_pu: float = 0.8
    pick_up_deviation_hz: float = 6.0
    shed_deviation_hz: float = 5.0
    under_frequency_hz: float = 9.0

    def __post_init__(self) -> None:
        records.check(self, "diesel")
        least, above = min(self.transient_reactance_pu, 1.0), "Above the transient one."
        raise_if_any(
            "diesel",
            faults_outside(
                self,
                ("inertia_s", 0.05, 20.0, ""),
                ("reactance_pu", least, 5.0, above),
                ("quadrature_reactance_pu", least, 5.0, above),
                ("transient_reactance_pu", 0.02, 1.0, ""),
                ("open_circuit_s", 0.1, 20.0, ""),
                ("speed_droop_pu", 1e-3, 0.3, "Give a fraction, not a percentage."),
                ("actuator_s", 5e-3, 5.0, ""),
                ("engine_s", 5e-3, 5.0, ""),
                ("regulator_gain", 0.0, 1e3, ""),
                ("regulator_integral_per_s", 0.1, 1e4, "Without it the voltage stays low."),
                ("exciter_s", 5e-3, 5.0, ""),
                ("most_field_pu", 1.0, 20.0, ""),
                ("build_up_s", 0.05, 60.0, ""),
                ("load_share", 0.0, 1.0, "Give a fraction, not a percentage."),
                ("pick_up_voltage_pu", 0.1, 1.0, ""),
                ("pick_up_deviation_hz", 1e-3, 20.0, ""),
                ("shed_deviation_hz", 1e-3, 20.0, ""),
                ("under_frequency_hz", 1e-3, 20.0, ""),
            ),
        )

    def limits(self, of_inverters: ProtectionLimits) -> ProtectionLimits:
        """Limits of an island that sets carry alone."""
        return replace(
            of_inverters,
            pick_up_voltage_pu=max(self.pick_up_voltage_pu, of_inverters.under_voltage_pu),
            pick_up_deviation_hz=self.pick_up_deviation_hz,
            shed_deviation_hz=self.shed_deviation_hz,
            under_frequency_hz=self.under_frequency_hz,
        )


@dataclass(frozen=True)
class DieselSource:
    """A diesel set as a unit that forms a grid, in the words of `BatteryUnit`.

    Attributes:
        given: The set.
        starts: Whether it starts when it is called.
    """

    given: DieselSet
    starts: bool = True
    departure_h: ClassVar[float] = np.inf
    energy_reserve_kwh: ClassVar[float] = 0.0
    efficiency_discharge: ClassVar[float] = 1.0
    efficiency_charge: ClassVar[float] = 1.0
    auxiliary_kw: ClassVar[float] = 0.0
    grid_forming: ClassVar[bool] = True
    black_start: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Of the set."""
        return self.given.name

    @property
    def max_discharge_kw(self) -> float:
        """Of the engine."""
        return self.given.power_kw

    @property
    def apparent_kva(self) -> float:
        """Of the generator."""
        return self.given.power_kw / POWER_FACTOR

    @property
    def energy_arrival_kwh(self) -> float:
        """That the fuel in the tank yields at full load."""
        return self.given.fuel_kwh

    @property
    def energy_usable_kwh(self) -> float:
        """That too: all of the fuel may be used."""
        return self.given.fuel_kwh

    @property
    def arrival_h(self) -> float:
        """When it is at speed; never for one that does not start."""
        return self.given.start_s / S_PER_H if self.starts else np.inf

    def fuel_kwh(self, fed_kwh: float, seconds: float) -> float:
        """Fuel for what it has fed in some time, as electric energy at full load."""
        idle = self.given.idle_share
        running_kwh = self.given.power_kw * seconds / S_PER_H
        return idle * running_kwh + (1.0 - idle) * max(fed_kwh, 0.0)

    def generator(self, rules: DieselRules, *, volts: float, hertz: float) -> SynchronousGenerator:
        """Its machine with governor and regulator."""
        return SynchronousGenerator(
            nominal_hz=hertz,
            voltage_v=volts,
            rating_va=W_PER_KW * self.apparent_kva,
            most_power_pu=POWER_FACTOR,
            inertia_s=rules.inertia_s,
            reactance_pu=rules.reactance_pu,
            quadrature_reactance_pu=rules.quadrature_reactance_pu,
            transient_reactance_pu=rules.transient_reactance_pu,
            open_circuit_s=rules.open_circuit_s,
            speed_droop_pu=rules.speed_droop_pu,
            actuator_s=rules.actuator_s,
            engine_s=rules.engine_s,
            regulator_gain=rules.regulator_gain,
            regulator_integral_per_s=rules.regulator_integral_per_s,
            exciter_s=rules.exciter_s,
            most_field_pu=rules.most_field_pu,
        )


@dataclass(frozen=True)
class TransferSwitch:
    """A switch that feeds a block from the main bus or from the emergency bus.

    Attributes:
        block: That it feeds.
        transition: ``open`` leaves the old side before it takes the new one; ``closed`` takes the
            new one first, by synchro-check, when both live.
        transfer_s: For which the other side must be good before it leaves a dead one.
        dead_s: Between both sides of an open transition.
        overlap_s: For which both sides are closed in a closed transition.
        returns: Whether it goes back to the main bus once that lives.
        return_s: For which that must have been good before it does.
    """

    block: str
    transition: Literal["open", "closed"] = "open"
    transfer_s: float = 1.0
    dead_s: float = 0.5
    overlap_s: float = 0.1
    returns: bool = True
    return_s: float = 30.0

    def __post_init__(self) -> None:
        records.check(self, "transfer switch")
        raise_if_any(
            "transfer_switch",
            faults_outside(
                self,
                ("transfer_s", 0.02, 600.0, ""),
                ("dead_s", 0.02, 60.0, "An open transition takes the blades some time."),
                ("overlap_s", 0.02, 1.0, "0.1 s is usual for two sources in parallel."),
                ("return_s", 0.1, 3600.0, ""),
            ),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of what it adds to the circuit."""
        return self.normal, self.emergency, self.bus

    @property
    def normal(self) -> str:
        """Name of its side to the main bus."""
        return f"{self.block} normal side"

    @property
    def emergency(self) -> str:
        """Name of its side to the emergency bus."""
        return f"{self.block} emergency side"

    @property
    def bus(self) -> str:
        """Name of the bus behind it."""
        return f"{self.block} switch"


@dataclass(frozen=True)
class EmergencySupply:
    """Diesel sets on the emergency bus, and what it feeds.

    Attributes:
        rules: Of all sets.
        sets: At the bus.
        switches: Of blocks that may be switched to it.
    """

    rules: DieselRules
    sets: tuple[DieselSource, ...]
    switches: tuple[TransferSwitch, ...] = ()

    def check(self, site: Microgrid) -> None:
        """Refuse sets that feed nothing, and switches of blocks that are not there.

        Raises:
            InputError: With the way out.
        """
        blocks = {block.name: block for block in site.load_blocks}
        faults = []
        if not self.sets:
            fix = "Give [[microgrid.diesel_set]], or leave out [diesel] and [[transfer_switch]]."
            faults.append(Fault("diesel_set", "hold one for [diesel]", fix=fix))
        if not self.switches and not self.rules.parallel:
            fix = "Give a [[transfer_switch]] for a block, or set diesel.parallel."
            faults.append(Fault("transfer_switch", "hold one: the sets feed nothing", fix=fix))
        names = [switch.block for switch in self.switches]
        for name in names:
            if name not in blocks:
                fix = did_you_mean(name, list(blocks)) or f"Known: {', '.join(list(blocks)[:8])}."
                faults.append(Fault("transfer_switch.block", "name a load block", (name,), fix=fix))
        if again := tuple({name for name in names if names.count(name) > 1}):
            faults.append(Fault("transfer_switch.block", "be named once", again))
        faults += self._tree_faults([blocks[name] for name in names if name in blocks], site)
        small = [one.given for one in self.sets if one.apparent_kva < LEAST_KVA]
        if small:
            rule, ids = f"be at least {POWER_FACTOR * LEAST_KVA:g}", [one.name for one in small]
            faults.append(Fault("power_kw", rule, tuple(one.power_kw for one in small), tuple(ids)))
        taken = {*blocks, TIE, "grid", *(side for one in self.switches for side in one.names)}
        if twice := tuple(one.name for one in self.sets if one.name in taken):
            rule = "differ from those of blocks, of the grid and of sides of switches"
            faults.append(Fault("diesel_set.name", rule, twice, fix="Rename it."))
        raise_if_any("emergency supply", faults)

    def _tree_faults(self, fed: list[LoadBlock], site: Microgrid) -> list[Fault]:
        """Faults of blocks that are fed through others, of which the switch takes one away."""
        names = {block.name for block in fed}
        hanging = [
            block.name
            for block in site.load_blocks
            if (block.name in names and (block.parent or block.bus)) or block.parent in names
        ]
        if not hanging:
            return []
        rule = "feed a block at the main bus through which no other is fed"
        fix = "Leave parent and bus out for it, or put both blocks into one."
        return [Fault("transfer_switch.block", rule, tuple(hanging), fix=fix)]

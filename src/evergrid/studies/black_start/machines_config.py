"""The parts of the configuration about machines and panels: [motors], [diesel], [panels]."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.black_start.assets.emergency import (
    DieselRules,
    DieselSource,
    EmergencySupply,
    TransferSwitch,
)
from evergrid.resilience.black_start.assets.motors import MotorRules


class MotorsEntry(BaseConfig):
    """Motors of blocks by their motor_share, started straight on the line; values unverified."""

    torque_pu: float = 0.7
    """Of their loads at nominal speed, over the rated torque."""
    fixed_torque_share: float = 0.0
    """Of it, what does not fall with the speed, as of a compressor; the rest is that of fans."""
    inertia_s: float = 0.5
    """Energy that turns at nominal speed, over the rating."""
    stator_resistance_pu: float = 0.03
    """Of the motors' rating, as the following."""
    stator_reactance_pu: float = 0.1
    """Leakage."""
    magnetising_reactance_pu: float = 3.2
    """Between stator and rotor."""
    rotor_resistance_pu: float = 0.02
    """Seen from the stator."""
    rotor_reactance_pu: float = 0.1
    """Leakage, seen from the stator."""
    stalled_pu: float = 0.8
    """Speed below which a motor is taken for stalled."""
    stalled_s: float = 8.0
    """For which that must last; its block is opened then."""

    @model_validator(mode="after")
    def _valid(self) -> "MotorsEntry":
        self.record()
        return self

    def record(self) -> MotorRules:
        """What all motors have in common, checked.

        Raises:
            InputError: A number out of range, a load that the motors cannot turn.
        """
        return MotorRules(**self.model_dump())


class DieselEntry(BaseConfig):
    """Diesel sets of the microgrid on an emergency bus; values typical, unverified."""

    starts: Literal["drawn", "all", "none"] = "drawn"
    """Whether they start: by start_probability and available_share, surely, or surely not."""
    parallel: bool = False
    """Whether they join the main bus by synchro-check once the site is up."""
    load_share: float = 0.7
    """Of its power, what a set is told to feed beside the inverters."""
    build_up_s: float = 1.0
    """In which the voltage rises, before a set can be loaded at its start_s."""
    speed_droop_pu: float = 0.03
    """By which the speed falls from no load to rated power."""
    inertia_s: float = 1.0
    """Energy that turns at nominal speed, over the rating of the generator."""
    reactance_pu: float = 2.2
    """Of the direct axis."""
    quadrature_reactance_pu: float = 1.3
    """Of the other axis."""
    transient_reactance_pu: float = 0.2
    """Of both axes."""
    open_circuit_s: float = 1.7
    """Time constant of the field."""
    actuator_s: float = 0.03
    """Time constant of the fuel rack."""
    engine_s: float = 0.06
    """Time constant of the engine."""
    regulator_gain: float = 20.0
    """Of the voltage regulator."""
    regulator_integral_per_s: float = 20.0
    """Its integral gain."""
    exciter_s: float = 0.05
    """Time constant of the exciter."""
    most_field_pu: float = 6.0
    """Largest field voltage, over that of no load."""
    pick_up_voltage_pu: float = 0.8
    """Lowest voltage in a pick-up that sets carry alone."""
    pick_up_deviation_hz: float = 6.0
    """Greatest deviation of their frequency in it."""
    shed_deviation_hz: float = 5.0
    """At which a block of theirs is shed."""
    under_frequency_hz: float = 9.0
    """At which they trip."""

    @model_validator(mode="after")
    def _valid(self) -> "DieselEntry":
        self.record()
        return self

    def record(self) -> DieselRules:
        """What all sets have in common, checked.

        Raises:
            InputError: A number out of range.
        """
        given = self.model_dump()
        given.pop("starts")
        return DieselRules(**given)

    def sources(
        self, site: Microgrid, random: np.random.Generator | None
    ) -> tuple[DieselSource, ...]:
        """The sets, and whether each starts.

        Args:
            site: With them.
            random: What that is drawn with; None for sets that all start.
        """
        found = []
        for one in site.diesel_sets:
            starts = self.starts != "none"
            if random is not None and self.starts == "drawn":
                starts = bool(random.uniform() < one.start_probability * one.available_share)
            found.append(DieselSource(one, starts))
        return tuple(found)


class TransferSwitchEntry(BaseConfig):
    """A switch that feeds a block from the main bus or from the emergency bus."""

    block: str = Field(examples=["intensive care"])
    """That it feeds."""
    transition: Literal["open", "closed"] = "open"
    """"open" leaves a side before it takes the other; "closed" takes it first, synchronised."""
    transfer_s: float = 1.0
    """For which a side must be good before the switch takes it for a block without supply."""
    dead_s: float = 0.5
    """Between both sides of an open transition."""
    overlap_s: float = 0.1
    """For which both sides are closed in a closed transition."""
    returns: bool = True
    """Whether it goes back to the main bus once that lives."""
    return_s: float = 30.0
    """For which that must have been good before it does."""

    @model_validator(mode="after")
    def _valid(self) -> "TransferSwitchEntry":
        self.record()
        return self

    def record(self) -> TransferSwitch:
        """The switch, checked.

        Raises:
            InputError: A number out of range.
        """
        return TransferSwitch(**self.model_dump())


class PanelsEntry(BaseConfig):
    """Panels of the microgrid, which follow the island by the rules of [following]."""

    hour: float = Field(default=12.0, ge=0, lt=24)
    """Of the local clock at which the grid is lost."""
    apparent_kva: float | None = Field(default=None, gt=0, examples=[100.0])
    """Rating of their inverter; the greatest power of the day when absent."""


def emergency(
    site: Microgrid,
    diesel: DieselEntry | None,
    switches: tuple[TransferSwitchEntry, ...],
    random: np.random.Generator | None = None,
) -> EmergencySupply | None:
    """Diesel sets and transfer switches; None where there are none.

    Raises:
        InputError: Switches without [diesel].
    """
    if diesel is None:
        if switches:
            fix = "Give [diesel] and [[microgrid.diesel_set]], or leave the switches out."
            rule = "be given with [diesel]: there is no emergency bus"
            fault = Fault("transfer_switch", rule, (switches[0].block,), fix=fix)
            raise InputError("black start", [fault])
        return None
    told = tuple(one.record() for one in switches)
    return EmergencySupply(diesel.record(), diesel.sources(site, random), told)

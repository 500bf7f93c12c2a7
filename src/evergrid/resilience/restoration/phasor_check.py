"""Is a step of a restoration plan sound in phasors: how far do frequency and voltage fall?"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.model.microgrid import BatteryUnit, DieselSet, LoadBlock, Microgrid
from evergrid.resilience.inverter.circuit import faults_outside
from evergrid.resilience.inverter.regfm_a1 import RegfmA1
from evergrid.resilience.phasor.events import IslandEvent
from evergrid.resilience.phasor.island import (
    IslandLimits,
    PhasorIsland,
    PhasorLoad,
    PhasorMotor,
)
from evergrid.resilience.phasor.simulation import simulate
from evergrid.resilience.phasor.units import DieselUnit, FormingUnit
from evergrid.resilience.restoration.steps import DIESEL_POWER_FACTOR
from evergrid.resilience.restoration.verify import StepFinding, StepState

BUS = "bus"
RAMP_S = 0.5  # in which the island rises before what is looked at
MOTOR_LOAD = 0.75  # power of a motor at its torque, over its rating: torque of .7 and its losses
FREQUENCY_SHARES = (0.91, 1.09)  # of nominal, at which units disconnect


@dataclass(frozen=True)
class PhasorStepChecker:
    """A step in phasors: all sources that form the grid on one bus, and what their controls do.

    Inverters are REGFM_A1 with the power that their batteries feed as their limit, diesel sets
    machines with governor and voltage regulator. Blocks that were closed before draw the power that
    the plan has at the step's start, as impedances; those that are picked up are closed at one
    instant, cold, and their motors start from rest. Sun, and batteries that follow the grid, feed
    nothing; lines and transformers have no impedance.

    Attributes:
        inverter: Control of all inverters.
        diesel: Control of all diesel sets; its rating and names are those of the site.
        least_voltage_pu: That the voltage must keep.
        deviation_hz: Most that the frequency may fall below nominal.
        settle_s: For which the island runs before blocks are picked up.
        trial_s: For which it is followed then.
    """

    inverter: RegfmA1 = field(default_factory=RegfmA1)
    diesel: DieselUnit = field(default_factory=lambda: DieselUnit("diesel", BUS, 100.0))
    least_voltage_pu: float = 0.8
    deviation_hz: float = 1.0
    settle_s: float = 3.0
    trial_s: float = 3.0

    def __post_init__(self) -> None:
        records.check(self, "phasor step checker")
        faults = faults_outside(
            self,
            ("least_voltage_pu", 0.1, 1.0),
            ("deviation_hz", 0.01, 5.0),
            ("settle_s", 2 * RAMP_S, 60.0),
            ("trial_s", 0.1, 600.0),
        )
        raise_if_any("phasor step checker", faults)

    def __call__(self, microgrid: Microgrid, state: StepState) -> Sequence[StepFinding]:
        """Lowest frequency and voltage once blocks are picked up; a collapse is named and fails.

        Raises:
            InputError: No source that forms the grid.
        """
        island = self._island(microgrid, state)
        nominal_hz = microgrid.nominal_hz
        names = [one.name for one in (*island.loads, *island.motors) if not one.closed]
        events = [IslandEvent(self.settle_s, "connect", name) for name in names]
        went = simulate(island, events, self.settle_s + self.trial_s)
        after = went.time_s >= self.settle_s
        voltage = np.abs(went.voltage_pu)[0, after]
        told = "" if went.collapse is None else f", {went.collapse.cause}"
        least_hz = nominal_hz - self.deviation_hz
        values = (
            ("lowest_frequency_hz", went.frequency_hz[after], least_hz),
            ("lowest_voltage_pu", voltage, self.least_voltage_pu),
        )
        return tuple(
            StepFinding(
                name + told,
                float(np.nanmin(seen)) if np.isfinite(seen).any() else float("nan"),
                limit,
                passed=bool(went.collapse is None and seen.min() >= limit),
            )
            for name, seen, limit in values
        )

    def _island(self, microgrid: Microgrid, state: StepState) -> PhasorIsland:
        """All of it on one bus; what is picked up is open."""
        batteries = [microgrid.batteries[place] for place in state.batteries]
        units = [
            *(self._inverter(one) for one in batteries if one.grid_forming),
            *(self._set(microgrid.diesel_sets[place]) for place in state.diesel_sets),
        ]
        if not units:
            rule = f"hold a source in step {state.step} that forms the grid"
            raise_if_any("phasor step checker", [Fault("sources", rule, state.batteries)])
        blocks = microgrid.load_blocks
        warm_kw = sum(blocks[place].power_kw for place in state.closed)
        loads, motors = [], []
        for place in state.closed:
            # The plan tells what they all draw, cold load included: each has its share of it.
            loads.append(_load(blocks[place], state.load_kw / warm_kw, closed=True))
        for place in state.picked_up:
            block = blocks[place]
            factor = block.cold_load_factor
            loads.append(_load(block, factor * (1 - block.motor_share), closed=False))
            if block.motor_share > 0:
                rating = factor * block.motor_share * block.power_kw / MOTOR_LOAD
                motors.append(PhasorMotor(f"motors of {block.name}", BUS, rating))
        low, high = (share * microgrid.nominal_hz for share in FREQUENCY_SHARES)
        return PhasorIsland(
            buses=(BUS,),
            units=tuple(units),
            loads=tuple(loads),
            motors=tuple(motors),
            limits=IslandLimits(least_hz=low, most_hz=high, least_voltage_pu=0.3),
            nominal_hz=microgrid.nominal_hz,
            base_kva=sum(unit.rating_kva for unit in units),
        )

    def _inverter(self, unit: BatteryUnit) -> FormingUnit:
        """A battery that forms the grid, at no set point: droop shares the load."""
        most = min(unit.max_discharge_kw / unit.apparent_kva, 1.0)
        model = replace(self.inverter, most_power_pu=most)
        return FormingUnit(unit.name, BUS, unit.apparent_kva, model, ramp_s=RAMP_S, running=True)

    def _set(self, given: DieselSet) -> DieselUnit:
        return replace(
            self.diesel,
            name=given.name,
            bus=BUS,
            rating_kva=given.power_kw / DIESEL_POWER_FACTOR,
            most_power_pu=DIESEL_POWER_FACTOR,
            power_kw=0.0,
            ramp_s=RAMP_S,
            running=True,
        )


def _load(block: LoadBlock, factor: float, *, closed: bool) -> PhasorLoad:
    """So many times a block's power and reactive power."""
    return PhasorLoad(
        block.name, BUS, factor * block.power_kw, factor * block.reactive_kvar, closed=closed
    )

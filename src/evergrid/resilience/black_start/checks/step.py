"""Is a step of a restoration plan sound: its eigenvalues in dq, and its pick-up over time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from evergrid.core import records
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.model.microgrid import LoadBlock, Microgrid
from evergrid.resilience.black_start.checks.closing import check_stability
from evergrid.resilience.black_start.circuit import InverterSettings, circuit
from evergrid.resilience.black_start.settings import ProtectionLimits, faults_outside
from evergrid.resilience.black_start.state.island import SAMPLE_S, STRETCH_S, Island
from evergrid.resilience.black_start.state.meters import effective_pu
from evergrid.resilience.network.breakers import BreakerPositions
from evergrid.resilience.network.simulation import Ending, simulate
from evergrid.resilience.network.steady_state import steady_state
from evergrid.resilience.restoration.verify import StepFinding, StepState


@dataclass(frozen=True)
class DqStepChecker:
    """A step as a circuit in dq: where it settles, whether it is stable, how far pick-up dips.

    Batteries that form the grid and are on carry the step, connected and in phase. All blocks that
    are picked up in it are closed at one instant, as `ClosedFormChecker` takes them, with what they
    draw cold; those closed before draw the power that the plan has at its start. Blocks are
    constant impedances, so that the starting of motors is left out; sun, and batteries that
    follow the grid, feed nothing.

    Attributes:
        inverter: What all inverters that form the grid have in common.
        limits: Those for pick-up are what voltage and frequency must keep.
        trial_s: For which pick-up is simulated, in whole stretches of 20 ms; 0 for eigenvalues
            and steady states alone.
    """

    inverter: InverterSettings = field(default_factory=InverterSettings)
    limits: ProtectionLimits = field(default_factory=ProtectionLimits)
    trial_s: float = 0.3

    def __post_init__(self) -> None:
        records.check(self, "dq step checker")
        raise_if_any("dq step checker", faults_outside(self, ("trial_s", 0.0, 10.0, "")))

    def __call__(self, microgrid: Microgrid, state: StepState) -> Sequence[StepFinding]:
        """The growth of the least damped mode; voltage and frequency if it decays.

        These are the lowest of the simulation, or those that settle where nothing is simulated.
        The quantity of a growing mode names its eigenvalue and the states with the largest shares.
        Where there is no steady state its value is NaN.

        Raises:
            InputError: A diesel set that runs, which this circuit does not have; no battery that
                forms the grid; a site whose circuit cannot be made; a step of the integration
                that is too long for a fast mode.
        """
        _check(microgrid, state)
        names = [microgrid.load_blocks[place].name for place in state.picked_up]
        island = self._island(microgrid, state)
        closing = island.positions.closing(*names)
        stable = check_stability(island, closing, ", ".join(names))
        quantity = "eigenvalue_per_s" + (f", {stable.reason}" if stable.reason else "")
        growth = float(stable.worst_per_s.real)
        found = StepFinding(quantity, growth, 0.0, passed=stable.allowed)
        if not stable.allowed:
            return (found,)
        if names and self.trial_s > 0:
            return (found, *self._pick_up(island, closing))
        return (found, *self._settled(island, closing))

    def _island(self, microgrid: Microgrid, state: StepState) -> Island:
        """Sources and blocks as they are before the step picks up; its state is not settled yet."""
        blocks = list(microgrid.load_blocks)
        warm_kw = sum(blocks[place].power_kw for place in state.closed)
        for place in state.closed:
            # The plan tells what they all draw, cold load included: each has its share of it.
            blocks[place] = _drawing(blocks[place], state.load_kw / warm_kw)
        for place in state.picked_up:
            blocks[place] = _drawing(blocks[place], blocks[place].cold_load_factor)
        made = circuit(replace(microgrid, load_blocks=tuple(blocks)), self.inverter)
        island = Island(made, self.limits, self.trial_s)
        sources = [microgrid.batteries[place] for place in state.batteries]
        units = [unit.name for unit in sources if unit.grid_forming]
        closed = [blocks[place].name for place in state.closed]
        island.positions = island.positions.starting(*units).closing(*units, *closed)
        return island

    def _pick_up(self, island: Island, closing: BreakerPositions) -> tuple[StepFinding, ...]:
        """Lowest voltage and frequency as all breakers close on the island at rest."""
        try:
            island.state = steady_state(island.assembly()).state
        except InputError as error:
            reason = f"lowest_voltage_pu, there is no steady state before ({error.rule})"
            return (StepFinding(reason, np.nan, self.limits.pick_up_voltage_pu, passed=False),)
        whole_s = max(round(self.trial_s / STRETCH_S), 1) * STRETCH_S
        went = simulate(island.assembly_with(closing), island.state, whole_s, sample_s=SAMPLE_S)
        row = island.meters(went)
        voltage = effective_pu(row.voltage[1:], island.circuit.half_cycle(SAMPLE_S))
        lowest = float(np.nanmin(voltage)), float(np.nanmin(row.frequency))
        return self._within("lowest", island, *lowest, finished=went.ending is Ending.FINISHED)

    def _settled(self, island: Island, closing: BreakerPositions) -> tuple[StepFinding, ...]:
        """Voltage and frequency at which the step settles."""
        island.positions = closing
        island.state = steady_state(island.assembly()).state
        row = island.reading()
        return self._within("settled", island, row.voltage_pu, row.frequency_hz, finished=True)

    def _within(
        self, what: str, island: Island, voltage_pu: float, frequency_hz: float, *, finished: bool
    ) -> tuple[StepFinding, ...]:
        """Findings of both; a run that ended early has not passed, whatever it showed."""
        least_pu = self.limits.pick_up_voltage_pu
        least_hz = island.circuit.site.nominal_hz - self.limits.pick_up_deviation_hz
        return (
            StepFinding(
                f"{what}_voltage_pu", voltage_pu, least_pu, finished and voltage_pu >= least_pu
            ),
            StepFinding(
                f"{what}_frequency_hz",
                frequency_hz,
                least_hz,
                finished and frequency_hz >= least_hz,
            ),
        )


def _drawing(block: LoadBlock, factor: float) -> LoadBlock:
    """A block with so many times its power."""
    return replace(block, power_kw=block.power_kw * factor)


def _check(microgrid: Microgrid, state: StepState) -> None:
    """Refuse a step that this circuit does not hold, rather than call it sound."""
    faults = []
    if state.diesel_sets:
        names = tuple(microgrid.diesel_sets[place].name for place in state.diesel_sets)
        fix = "Check sites with diesel sets by ClosedFormChecker."
        rule = f"not run in step {state.step}: the circuit in dq has none"
        faults.append(Fault("diesel_sets", rule, ids=names, fix=fix))
    elif not any(microgrid.batteries[place].grid_forming for place in state.batteries):
        rule = f"hold one in step {state.step} that forms the grid"
        faults.append(Fault("batteries", rule, state.batteries))
    raise_if_any("dq step checker", faults)

"""Generator, motor and load against the same island by windings, and their closed forms."""

from functools import cache

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.inverter.droop import STATES
from evergrid.resilience.machine import induction, synchronous
from evergrid.resilience.machine.induction import InductionMotor, coasted, motor_of_power
from evergrid.resilience.machine.synchronous import SynchronousGenerator
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.dq_state import DqState
from evergrid.resilience.network.elements import ImpedanceLoad, MotorUnit, SynchronousUnit
from evergrid.resilience.network.simulation import DqTrajectory, simulate
from evergrid.resilience.network.small_signal import modes
from evergrid.resilience.network.steady_state import SteadyState, steady_state
from evergrid.resilience.phasor.events import IslandEvent
from evergrid.resilience.phasor.island import PhasorIsland, PhasorLoad, PhasorMotor
from evergrid.resilience.phasor.simulation import simulate as simulate_phasors
from evergrid.resilience.phasor.units import DieselUnit
from tests.resilience.machine.flux_linkages import FluxIsland

HERTZ, VOLTS = 60.0, 480.0
W_N = 2.0 * np.pi * HERTZ
GENERATOR = SynchronousGenerator(HERTZ, VOLTS, 250e3)
MOTOR = motor_of_power(30e3, HERTZ, VOLTS, inertia_s=0.15, fixed_torque_share=0.3)
LOAD_OHM = VOLTS**2 / 80e3
LOAD = ImpedanceLoad("load", "b", LOAD_OHM, 0.4 * LOAD_OHM / W_N)
TIMES_S = (0.05, 0.3, 1.0)


def network(
    generator: SynchronousGenerator = GENERATOR, motor: InductionMotor = MOTOR
) -> DqNetwork:
    units = (SynchronousUnit("set", "b", generator), MotorUnit("pump", "b", motor, "pump"))
    return DqNetwork(HERTZ, ("b",), units, (), (LOAD,))


@cache
def connected() -> DqTrajectory:
    """A set at no load on to which motor and load are closed at once."""
    made = network()
    values = np.zeros(len(made.state_names))
    values[: len(STATES)] = GENERATOR.settled(VOLTS + 0j, 0j, W_N)
    return simulate(assemble(made), DqState(0.0, values), 1.0, sample_s=0.01)


@cache
def settled() -> SteadyState:
    return steady_state(assemble(network()))


@cache
def by_windings() -> np.ndarray:
    return FluxIsland(GENERATOR, MOTOR, LOAD.resistance_ohm, LOAD.inductance_h).after(TIMES_S)


@pytest.mark.parametrize("place", range(len(TIMES_S)), ids=lambda place: f"{TIMES_S[place]:g}_s")
def test_a_motor_starts_on_a_set_as_windings_say(place: int) -> None:
    """Voltage dip, speed dip, run-up and regulator, from mutual inductances by Radau."""
    went, other = connected(), by_windings()[place]
    at = round(TIMES_S[place] / 0.01)
    own, motor = went.states[at, : len(STATES)], went.states[at, len(STATES) :]
    island = FluxIsland(GENERATOR, MOTOR, LOAD.resistance_ohm, LOAD.inductance_h)
    assert own[synchronous.SLIP] == pytest.approx(other[10], rel=1e-5, abs=1e-8)
    assert motor[induction.SPEED] == pytest.approx(other[11], rel=1e-5)
    assert own[synchronous.TORQUE] == pytest.approx(other[13], rel=1e-5)
    assert own[synchronous.FIELD] == pytest.approx(other[14], rel=1e-5)
    assert abs(went.voltages_v[at, 0]) == pytest.approx(abs(island.voltage(other)), rel=1e-5)
    load = abs(went.branch_current_a("load")[at])
    assert load == pytest.approx(abs(complex(*other[8:10])), rel=1e-5)


def test_a_steady_state_stays_and_is_stable() -> None:
    found = settled()
    went = simulate(found.assembly, found.state, 0.2, sample_s=0.1)
    own = [synchronous.SLIP, synchronous.TORQUE, synchronous.FIELD]
    own += [len(STATES) + induction.SPEED]
    assert went.states[-1, own] == pytest.approx(found.state.values[own], rel=1e-9)
    assert np.abs(went.voltages_v[-1]) == pytest.approx(np.abs(went.voltages_v[0]), rel=1e-9)
    assert modes(found).stable


def test_droop_of_the_governor_gives_the_frequency() -> None:
    at = settled().state.values
    share = at[synchronous.TORQUE] / GENERATOR.most_power_pu
    assert at[synchronous.SLIP] == pytest.approx(-GENERATOR.speed_droop_pu * share, rel=1e-10)


def test_phasors_settle_where_dq_does() -> None:
    """The same set and motor by algebraic networks; both at nominal frequency."""
    stiff = SynchronousGenerator(HERTZ, VOLTS, 250e3, speed_droop_pu=1e-4, voltage_droop_pu=0.0)
    fan = motor_of_power(30e3, HERTZ, VOLTS, inertia_s=0.15)
    at = steady_state(assemble(network(stiff, fan))).state.values
    drawn = VOLTS**2 / np.conj(LOAD.resistance_ohm + 1j * W_N * LOAD.inductance_h) / 1e3
    island = PhasorIsland(
        buses=("b",),
        units=(DieselUnit("set", "b", 250.0, isochronous=True, running=True),),
        loads=(PhasorLoad("load", "b", drawn.real, drawn.imag, closed=True),),
        motors=(PhasorMotor("pump", "b", fan.rating_va / 1e3, inertia_s=0.15),),
        base_kva=250.0,
    )
    found = simulate_phasors(island, (IslandEvent(3.0, "connect", "pump"),), 60.0)
    speed = at[len(STATES) + induction.SPEED]
    assert found.frequency_hz[-1] == pytest.approx(HERTZ, abs=1e-4)
    assert abs(found.voltage_pu[0, -1]) == pytest.approx(1.0, abs=1e-5)
    assert found.motor_speed_pu[0, -1] == pytest.approx(speed, abs=1e-4)
    assert found.motor_kw[0, -1] == pytest.approx(-at[len(STATES) + 1] / 1e3, rel=1e-3)
    assert found.power_kw[0, -1] == pytest.approx(at[1] / 1e3, rel=1e-3)


def test_a_motor_draws_its_power_once_it_runs() -> None:
    drawn = VOLTS**2 / np.conj(MOTOR.impedance_pu(MOTOR.running_slip()))
    assert drawn.real * MOTOR.rating_va / VOLTS**2 == pytest.approx(30e3, rel=1e-12)


def test_the_greatest_torque_is_at_the_slip_told() -> None:
    slips = np.linspace(1e-3, 1.0, 20_001)
    torques = [MOTOR.torque_at(slip) for slip in slips]
    assert slips[int(np.argmax(torques))] == pytest.approx(MOTOR.breakdown_slip, abs=1e-4)


def test_a_load_beyond_the_greatest_torque_is_refused() -> None:
    with pytest.raises(InputError, match="below the greatest torque of the motor"):
        motor_of_power(30e3, HERTZ, VOLTS, torque_pu=2.0, rotor_reactance_pu=0.5)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0], ids=("fan", "both", "compressor"))
def test_a_motor_without_voltage_runs_down_by_its_load(share: float) -> None:
    """The closed form against small explicit steps of 2 H w' = -torque."""
    motor = InductionMotor(HERTZ, VOLTS, 1e4, torque_pu=0.8, fixed_torque_share=share)
    speed, step_s = 0.97, 1e-5
    for _ in range(40_000):
        middle = speed - 0.5 * step_s * motor.load_torque(speed) / (2 * motor.inertia_s)
        speed -= step_s * motor.load_torque(middle) / (2 * motor.inertia_s)
    assert coasted(0.97, motor, 0.4) == pytest.approx(speed, rel=1e-9)
    assert coasted(0.97, motor, 1e4) <= 1e-3


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: SynchronousGenerator(HERTZ, VOLTS, 1e5, inertia_s=float("nan")), "inertia_s"),
        (lambda: SynchronousGenerator(55.0, VOLTS, 1e5), "nominal_hz"),
        (lambda: SynchronousGenerator(HERTZ, VOLTS, 1e5, reactance_pu=0.1), "reactance_pu"),
        (lambda: InductionMotor(HERTZ, VOLTS, 1e4, rotor_resistance_pu=-1.0), "rotor_resistance"),
        (lambda: InductionMotor(HERTZ, VOLTS, -1.0), "rating_va"),
    ],
    ids=("nan", "hertz", "reactances", "negative", "rating"),
)
def test_numbers_out_of_range_are_refused(make: object, field: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=field):
        make()

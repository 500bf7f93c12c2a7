"""Equilibria and eigenvalues against PowerSimulationsDynamics.jl, steps against PSCAD."""

from pathlib import Path

import numpy as np
import pytest

from evergrid.resilience.inverter import published
from evergrid.resilience.inverter.circuit import InfiniteBus
from evergrid.resilience.inverter.equilibrium import resting, scheduled
from evergrid.resilience.inverter.model import AbstractInverter, References
from evergrid.resilience.inverter.modes import linearised
from evergrid.resilience.inverter.transient import ReferenceStep, respond
from tests.validation.psid import operating_points
from tests.validation.psid.operating_points import OperatingPoint

POINTS = {
    "droop": (operating_points.DROOP, 1e-6),
    "virtual_synchronous_machine": (operating_points.VIRTUAL_SYNCHRONOUS_MACHINE, 1e-6),
    "virtual_oscillator": (operating_points.VIRTUAL_OSCILLATOR, 1e-6),
    "grid_following": (operating_points.GRID_FOLLOWING, 1e-6),
}
# The PSCAD cases put the inverter, of 1 MVA, behind 0.075 pu on 100 MVA.
PSCAD_BUS = InfiniteBus(1.00001, 0.075 / 100.0)
STEP_S = 10.0
FORMING = References(0.5025, 0.04541512104200889, 1.0229159785854285)


@pytest.mark.parametrize(("point", "tolerance"), POINTS.values(), ids=POINTS)
def test_every_eigenvalue_is_that_of_psid(point: OperatingPoint, tolerance: float) -> None:
    given = np.array(point.eigenvalues)
    given = np.concatenate((given, given[given.imag != 0].conj()))
    found = linearised(point.inverter, point.bus, point.equilibrium()).eigenvalue_per_s
    apart = np.abs(found[:, None] - given)
    assert len(found) == len(given)
    assert sorted(apart.argmin(axis=0)) == list(range(len(found)))
    assert apart.min(axis=0).max() <= tolerance


def test_the_initial_states_of_the_droop_case_are_those_of_psid() -> None:
    found = operating_points.DROOP.equilibrium()
    given = np.array(operating_points.DROOP_STATES)
    # Theirs are in a frame that is 7e-8 rad ahead of the infinite bus.
    assert found.state == pytest.approx(given, abs=1.5e-7)
    assert found.state[[1, 2]] == pytest.approx(given[[1, 2]], abs=1e-10)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "inverter", "state", "before", "tolerance"),
    [
        ("test23_theta", published.DROOP, "angle", FORMING, 3e-3),
        ("test08_omega", published.VIRTUAL_SYNCHRONOUS_MACHINE, "speed", FORMING, 3e-3),
        (
            "test24_p",
            published.GRID_FOLLOWING,
            "filtered_power",
            References(0.50075, -0.004089048789580191),
            1e-2,
        ),
    ],
)
def test_a_step_of_the_power_is_that_of_pscad(
    data_folder: Path,
    name: str,
    inverter: AbstractInverter,
    state: str,
    before: References,
    tolerance: float,
) -> None:
    time_s, given = np.loadtxt(data_folder / "dynamics" / f"pscad_{name}.csv", delimiter=",").T
    near = scheduled(inverter, published.BUS, 0.5, 1.0).state
    start = resting(inverter, PSCAD_BUS, before, near)
    after = References(0.7, before.reactive_pu, before.voltage_pu)
    steps = [ReferenceStep(STEP_S, after)]
    found = respond(inverter, PSCAD_BUS, start, steps, time_s, relative=1e-5)
    # A speed returns to where it was; its change is its swing.
    change = np.ptp(given)
    assert np.abs(found.named(state) - given).max() <= tolerance * change

"""Does a day of a feeder keep its laws, and agree with power flows?"""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.devices import switching, time_series
from evergrid.grid.devices.time_series import Day
from evergrid.grid.feeder.feeder import Feeder, State
from evergrid.grid.flow import power_flow
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import CATEGORY_B, COMPENSATION, UNITY, Control
from tests.grid.day_cases import a_day, built_in, frozen

STEPS = 240


@pytest.fixture(scope="module")
def feeder() -> Feeder:
    return built_in()


def test_another_position_of_taps_and_banks_is_as_if_reduced_anew(feeder: Feeder) -> None:
    state = State((-3, 16, 2), (False, True))
    still = Day(
        60.0,
        np.zeros((1, len(feeder.branches), 1)),
        volt_var.everywhere(np.zeros((1, len(feeder.branches))), UNITY),
        np.ones((1, 1, 1)),
    )
    without = frozen(feeder)
    reduced = switching.reduce(without)
    series = time_series.simulate(reduced, still, start=state, tolerance_pu=1e-10)
    network = power_flow.reduce(without, state=state)
    zero = np.zeros((1, len(feeder.branches)))
    flow = power_flow.solve(network, zero, zero, load_share=zero + 1, tolerance_pu=1e-10)
    assert series.low_pu[0, 0] == pytest.approx(np.abs(flow.voltage_pu).min(), abs=1e-8)


def test_counted_operations_are_the_moves_of_the_path(feeder: Feeder) -> None:
    series = time_series.simulate(switching.reduce(feeder), a_day(feeder, [UNITY], steps=STEPS))
    path = [list(feeder.state.tap), *series.tap[0].T.tolist()]
    moves = np.abs(np.diff(np.array(path), axis=0)).sum(axis=0)
    assert moves.tolist() == series.tap_operations[0].tolist()
    assert moves.sum() > 0
    assert (series.bank_operations == 0).all()
    assert series.settled.all()


def test_regulated_voltages_come_back_into_their_bands(feeder: Feeder) -> None:
    count = len(feeder.branches)
    still = np.zeros((1, count, 30))
    inverters = volt_var.everywhere(np.zeros((1, count)), UNITY)
    day = Day(60.0, still, inverters, np.ones((1, 1, 30)))
    start = State((0, 0, 0), feeder.state.connected)
    series = time_series.simulate(switching.reduce(feeder), day, start=start)
    assert (np.abs(series.tap[0, :, -1] - np.array(feeder.state.tap)) <= 1).all()
    assert (series.tap[0, :, -1] == series.tap[0, :, -5]).all()


def test_losses_and_source_balance_the_branches(feeder: Feeder) -> None:
    day = a_day(feeder, [UNITY], steps=3)
    series = time_series.simulate(switching.reduce(feeder), day)
    loads = -feeder.branches.power_kw.sum() * day.load_share[0, 0]
    fed = day.power_kw[0].sum(axis=0)
    gap = series.source_kw[0] - (loads - fed + series.loss_kw[0])
    assert (series.loss_kw > 0).all()
    assert (np.abs(gap) < 0.05 * loads).all()  # loads answer to voltage, a little


def test_scenarios_do_not_see_each_other(feeder: Feeder) -> None:
    reduced = switching.reduce(feeder)
    both = a_day(feeder, [CATEGORY_B, COMPENSATION], steps=60)
    together = time_series.simulate(reduced, both)
    for row, control in enumerate((CATEGORY_B, COMPENSATION)):
        alone = time_series.simulate(reduced, a_day(feeder, [control], steps=60))
        np.testing.assert_array_equal(alone.tap[0], together.tap[row])
        np.testing.assert_array_equal(alone.low_pu[0], together.low_pu[row])


def test_finer_steps_change_a_smooth_day_little(feeder: Feeder) -> None:
    reduced, count = switching.reduce(feeder), len(feeder.branches)
    found = []
    for step_s, steps in ((60.0, 480), (20.0, 1440)):
        share = 0.7 + 0.3 * np.sin(2 * np.pi * (np.arange(steps) + 0.5) / steps)
        inverters = volt_var.everywhere(np.zeros((1, count)), UNITY)
        day = Day(step_s, np.zeros((1, count, steps)), inverters, share[None, None])
        found.append(time_series.simulate(reduced, day))
    coarse, fine = found
    assert np.abs(coarse.tap_operations - fine.tap_operations).max() <= 2
    assert abs(coarse.loss_kw.mean() / fine.loss_kw.mean() - 1) < 2e-3


def test_slow_inverters_come_to_rest_at_the_equilibrium(feeder: Feeder) -> None:
    count = len(feeder.branches)
    without = frozen(feeder)
    reduced = switching.reduce(without)
    rating = np.full((1, count), 50.0)
    share = np.ones((1, 1, 1))
    slow = Day(1.0, np.zeros((1, count, 120)), volt_var.everywhere(rating, CATEGORY_B),
               share * np.ones(120))  # fmt: skip
    quick = Day(60.0, np.zeros((1, count, 2)), volt_var.everywhere(rating, CATEGORY_B),
                share * np.ones(2))  # fmt: skip
    path = time_series.simulate(reduced, slow, tolerance_pu=1e-9).inverter_kvar[0]
    rest = time_series.simulate(reduced, quick, tolerance_pu=1e-9).inverter_kvar[0, -1]
    assert path[-1] == pytest.approx(rest, rel=1e-6)
    assert abs(path[0] - rest) > 0.05 * abs(rest)


def test_an_adjusting_reference_puts_volt_var_to_sleep(feeder: Feeder) -> None:
    count = len(feeder.branches)
    rating = np.full((1, count), 50.0)
    adjusting = Control(CATEGORY_B.volt_var, reference_s=300.0)
    kvar = {}
    for control in (CATEGORY_B, adjusting):
        day = Day(60.0, np.zeros((1, count, 120)), volt_var.everywhere(rating, control),
                  np.ones((1, 1, 120)))  # fmt: skip
        kvar[control] = time_series.simulate(switching.reduce(feeder), day).inverter_kvar[0]
    assert abs(kvar[adjusting][-1]) < 0.2 * abs(kvar[CATEGORY_B][-1])


def test_power_that_the_wires_cannot_carry_is_said(feeder: Feeder) -> None:
    count = len(feeder.branches)
    day = Day(60.0, np.full((1, count, 2), -1e6), volt_var.everywhere(np.zeros((1, count)), UNITY),
              np.ones((1, 1, 2)))  # fmt: skip
    series = time_series.simulate(switching.reduce(feeder), day)
    assert not series.settled.any()
    assert (series.tap[0, :, -1] == np.array(feeder.state.tap)).all()


def test_a_step_must_be_a_second_to_an_hour(feeder: Feeder) -> None:
    with pytest.raises(InputError, match="step_s"):
        a_day(feeder, [UNITY], steps=2, step_s=0.5)

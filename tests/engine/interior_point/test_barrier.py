"""The nodes' part of a Newton step: it solves the equations it stands for."""

import numpy as np
import pytest

from evergrid.engine.interior_point import barrier
from evergrid.engine.interior_point.barrier import Barrier
from evergrid.engine.program import net_power
from tests.engine.cases import Kind, random_program

KINDS = {
    "limits": Kind(),
    "meters": Kind(metered=True),
    "peaks": Kind(peaks=True),
    "all": Kind(metered=True, peaks=True),
}


class Case:
    """A barrier at a random point, and a step for random changes of net power."""

    def __init__(self, kind: Kind, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        program = random_program(seed, kind)
        power = rng.uniform(-1, 1, program.slots) * 0.3 * program.charge_limit_kw
        net = net_power(program, power)
        self.barrier = made = Barrier(barrier.rows(program), net, centre=0.3)
        for values in vars(made.point).values():
            values *= rng.uniform(0.5, 2.0, values.shape)
        self.net = net + rng.normal(0.0, 1.0, net.shape)
        self.goal = np.full(program.nodes, 0.05)
        made.prepare(self.net)
        self.products = tuple(rng.normal(0, 0.01, part.shape) for part in made.nothing)
        self.aimed = made.aim(self.goal, self.products)
        self.change = rng.normal(0.0, 1.0, net.shape)
        self.step = made.step(self.change)


@pytest.fixture(params=KINDS, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    return Case(KINDS[request.param])


def test_products_reach_their_goal_to_first_order(case: Case) -> None:
    made, step = case.barrier, case.step
    point, rows = made.point, made.rows
    pairs = (
        (point.slack, step.slack, point.multiplier, step.multiplier, rows.held),
        (point.excess, step.excess, point.excess_multiplier, step.excess_multiplier, made.soft),
        (point.rise, step.rise, point.rise_multiplier, step.rise_multiplier, ...),
    )
    for (a, da, m, dm, at), product in zip(pairs, case.products, strict=True):
        reached = a * m + da * m + a * dm + product
        np.testing.assert_allclose(reached[at], 0.05, rtol=1e-9)


def test_slacks_follow_the_rows(case: Case) -> None:
    made, step, rows = case.barrier, case.step, case.barrier.rows
    free = made._free(case.net) - made.point.slack
    moved = free + made.row_sign * case.change
    moved[made.soft_rows] += np.where(made.soft, step.excess, 0.0)
    moved[-1, rows.peaked] += step.rise[:, None]
    np.testing.assert_allclose(step.slack[rows.held], moved[rows.held], atol=1e-9)


def test_prices_of_eases_and_peaks_are_met(case: Case) -> None:
    made, step, rows = case.barrier, case.step, case.barrier.rows
    point, at = made.point, made.soft_rows
    paid = (
        (point.multiplier + step.multiplier)[at] + point.excess_multiplier + step.excess_multiplier
    )
    np.testing.assert_allclose(paid[made.soft], made.price[made.soft], rtol=1e-9)
    peaks = (point.multiplier + step.multiplier)[-1, rows.peaked].sum(axis=1)
    peaks += point.rise_multiplier + step.rise_multiplier
    np.testing.assert_allclose(peaks, rows.peak_price_per_kw, rtol=1e-9)


def test_own_prices_follow_from_stiffness_and_shift(case: Case) -> None:
    made, step = case.barrier, case.step
    own = (made.row_sign * (made.point.multiplier + step.multiplier)).sum(axis=0)
    moved = case.change + made.shift
    held = made.stiff * moved
    at = made.rows.peaked
    common = (made.peak_bend * moved[at]).sum(axis=1) / made.peak_total
    held[at] -= made.peak_bend * common[:, None]
    np.testing.assert_allclose(own, case.aimed - held, rtol=1e-8, atol=1e-9)


def test_the_longest_step_keeps_every_slack_positive_and_a_longer_one_does_not(case: Case) -> None:
    made, step = case.barrier, case.step
    primal, dual = made.longest(step)
    before = {name: values.copy() for name, values in vars(made.point).items()}
    for share, positive in ((0.999, True), (1.001, False)):
        least = []
        for name, values in before.items():
            reach = dual if name.endswith("multiplier") else primal
            reach = np.minimum(reach, 1e6)
            along = reach[made.rows.peaked] if name.startswith("rise") else reach[:, None]
            held = {"slack": made.rows.held, "excess": made.soft}.get(name.split("_")[0], ...)
            if name == "multiplier":
                held = made.rows.held
            moved = values + share * along * getattr(step, name)
            least.append(moved[held].min(initial=np.inf))
        assert (min(least) > 0) == positive

"""A plan within a cap on emissions: kept, least in cost by an outside program, or refused."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InfeasibleError, InputError
from evergrid.core.status import Status
from evergrid.dispatch.accounts import costs
from evergrid.dispatch.carbon.cap import within_cap
from evergrid.dispatch.carbon.frontier import CarbonProblem
from evergrid.impact.emissions.consequence import GridLosses
from tests.dispatch.carbon.test_carbon import at_a_plug, by_hand, problem


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
@pytest.mark.parametrize("seed", range(4))
def test_a_cap_is_kept_by_one_schedule_at_the_cost_of_a_program_with_a_row_of_tonnes(
    seed: int, share: float
):
    given = problem(seed)
    least, most = given.at(1e5).tonnes, given.at(0.0).tonnes
    cap = share * least + (1.0 - share) * most
    made = within_cap(given, cap)
    assert made.binds
    assert made.tonnes <= cap
    assert given.tonnes(made.plan.schedule) == made.tonnes
    proof, net = made.plan.certificate, made.plan.costs.net
    assert max(proof.power_kw, proof.energy_kwh, proof.node_kw) < 1e-6
    assert costs(given.portfolio, made.plan.schedule, given.options.end_value_per_kwh).net == net
    referee = by_hand(given, cap)
    assert proof.bound - 1e-6 <= referee <= net + 1e-6
    assert net == pytest.approx(referee, rel=1e-6, abs=1e-6)
    assert made.plan.status is Status.OPTIMAL
    assert made.price_per_tonne > 0.0
    assert made.cost > 0.0


KINDS = ("tight", "net meter with load", "beyond the horizon", "demand charge", "wear that rises")
KINDS += ("warranty", "energy budget", "wear by time")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_a_cap_is_kept_within_a_told_gap_in_other_cases(name: str, seed: int):
    given = problem(seed, name, GridLosses(0.05, 0.02))
    least, most = given.at(1e5).tonnes, given.at(0.0).tonnes
    made = within_cap(given, 0.4 * least + 0.6 * most)
    proof = made.plan.certificate
    assert made.tonnes <= made.found.cap_tonnes
    assert proof.bound <= proof.objective + 1e-6
    assert proof.gap < 1e-5
    assert max(proof.power_kw, proof.energy_kwh, proof.node_kw) < 1e-6


def test_what_a_tonne_costs_at_the_cap_is_what_the_next_tonne_costs():
    given = problem(1)
    least, most = given.at(1e5).tonnes, given.at(0.0).tonnes
    cap, less = 0.5 * (least + most), 1e-4 * (most - least)
    made, tighter = within_cap(given, cap), within_cap(given, cap - less)
    paid = (tighter.plan.costs.net - made.plan.costs.net) / less
    assert paid == pytest.approx(made.price_per_tonne, rel=1e-3)


@pytest.mark.parametrize("cap", [1e300, 1.0])
def test_a_cap_that_does_not_bind_has_no_price_and_changes_nothing(cap: float):
    given = problem(0)
    free = given.at(0.0)
    made = within_cap(given, cap)
    assert not made.binds
    assert made.price_per_tonne == made.cost == 0.0
    np.testing.assert_array_equal(made.plan.schedule.power_kw, free.plan.schedule.power_kw)
    assert made.plan.certificate.bound == free.plan.certificate.bound


def test_a_cap_out_of_reach_is_refused_with_the_least_there_is():
    given = problem(0)
    with pytest.raises(InfeasibleError, match="The least that a price reached is"):
        within_cap(given, -1e3)


def test_a_cap_beside_energy_that_sites_cannot_serve_is_refused():
    portfolio = at_a_plug([100.0, 90.0], [0.0, 0.0], curtailable=False)
    narrow = replace(portfolio.sites, import_limit_kw=np.array([2.0]))
    given = CarbonProblem(
        replace(portfolio, sites=narrow), np.array([300.0, 500.0]), problem(0).options
    )
    with pytest.raises(InputError, match="be left out where energy owed cannot be served"):
        within_cap(given, 0.01)

"""Limits of fed energy against a program built row by row, and against their own words."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.engine import reference, solver
from evergrid.engine.certificate import Dual, bound, certify
from evergrid.engine.parts import part
from evergrid.engine.program import Program
from evergrid.engine.terms.fed_energy import FedEnergyLimits
from evergrid.engine.violations import violations
from tests.engine import naive
from tests.engine.cases import Kind, random_program

KIND = Kind(stores=9, steps=8)
GROUP = np.array([0, 0, 1, -1, 2, 1, -1, 2, 0])


def fed_kwh(program: Program, power_kw: np.ndarray) -> list[float]:
    """What each group feeds, store by store."""
    total = [0.0, 0.0, 0.0]
    for slot, power in enumerate(power_kw):
        if power > 0 and (group := GROUP[program.store[slot]]) >= 0:
            total[group] += program.step_h * power
    return total


def limited(seed: int, share: float) -> Program:
    """A random program whose groups may feed this share of what they would."""
    free = random_program(seed, KIND)
    most = np.array(fed_kwh(free, reference.solve(free).power_kw))
    term = FedEnergyLimits(GROUP, share * most, ties_trees=False)
    return replace(free, terms=(term,))


@pytest.mark.parametrize("seed", range(8))
def test_cost_is_that_of_a_program_built_row_by_row(seed: int) -> None:
    program = limited(seed, 0.5)
    found = reference.solve(program)
    assert found.status is Status.OPTIMAL
    assert found.certificate is not None
    assert found.certificate.objective == pytest.approx(naive.optimum(program), abs=1e-7)
    free = reference.solve(replace(program, terms=())).certificate
    assert free is not None
    assert found.certificate.objective > free.objective + 1e-6  # the limits matter here
    fed, limit = fed_kwh(program, found.power_kw), program.terms[0].limit_kwh  # type: ignore[attr-defined]
    assert all(one <= most + 1e-6 for one, most in zip(fed, limit, strict=True))


def test_limits_that_do_not_bind_change_nothing() -> None:
    program = limited(3, 1.0)
    found, free = reference.solve(program), reference.solve(replace(program, terms=()))
    assert found.certificate is not None
    assert free.certificate is not None
    assert found.certificate.objective == pytest.approx(free.certificate.objective, abs=1e-7)


def test_no_direction_needs_to_be_decided_for_such_a_limit() -> None:
    program = limited(3, 0.5)
    assert (program.simultaneous == replace(program, terms=()).simultaneous).all()


def test_what_is_passed_is_told_in_kwh() -> None:
    program = limited(2, 0.5)
    term = program.terms[0]
    assert isinstance(term, FedEnergyLimits)
    power_kw = program.discharge_limit_kw
    over = violations(program, power_kw).terms
    assert over == pytest.approx(np.array(fed_kwh(program, power_kw)) - term.limit_kwh)


def test_any_prices_prove_a_bound() -> None:
    program = limited(5, 0.4)
    found = reference.solve(program)
    assert found.certificate is not None
    rng = np.random.default_rng(0)
    for _ in range(20):
        prices = (rng.normal(0.0, 0.2, 3),)
        dual = Dual(
            *(getattr(found.dual, n) for n in ("energy_value", "power_price")),
            budget_price=found.dual.budget_price,
            term_prices=prices,
        )
        assert bound(program, dual) <= found.certificate.objective + 1e-9
    assert certify(program, found.power_kw, found.dual).gap < 1e-6


def test_a_part_keeps_the_groups_of_its_stores() -> None:
    apart = replace(
        limited(1, 0.5),
        parent=np.full(4, -1),
        node=np.array([0, 0, 1, 3, 2, 1, 3, 2, 0]),
    )
    piece = part(apart, np.array([0, 2])).program
    (term,) = piece.terms
    assert isinstance(term, FedEnergyLimits)
    whole = apart.terms[0]
    assert isinstance(whole, FedEnergyLimits)
    assert term.group.tolist() == [0, 0, 1, 1, 0]
    assert term.limit_kwh.tolist() == whole.limit_kwh[[0, 2]].tolist()
    assert part(apart, np.array([3])).program.terms == ()
    alone = [reference.solve(part(apart, np.array([k])).program).certificate for k in range(4)]
    together = reference.solve(apart).certificate
    assert together is not None
    total = sum(made.objective for made in alone if made is not None)
    assert together.objective == pytest.approx(total, abs=1e-7)


def test_methods_that_do_not_cover_it_refuse_it_by_name() -> None:
    program = limited(0, 0.5)
    assert solver.chosen(program, "auto") == "highs"
    with pytest.raises(InputError, match="limits of fed energy"):
        solver.solve(program, method="interior_point")


@pytest.mark.parametrize("wrong", [-1.0, np.inf, np.nan])
def test_a_limit_is_a_number_of_at_least_0(wrong: float) -> None:
    with pytest.raises(InputError, match="limit_kwh"):
        FedEnergyLimits(GROUP, np.array([1.0, wrong, 2.0]), ties_trees=False)

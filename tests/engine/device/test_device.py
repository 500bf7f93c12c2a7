"""The method for accelerators against HiGHS and the compiled one, on one device of this machine."""

import builtins
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.core.status import Status
from evergrid.engine import device, reference, solver, warm_start
from evergrid.engine.certificate import Certificate, certify
from evergrid.engine.device.layout import lay_out
from evergrid.engine.interior_point import interior_point
from evergrid.engine.interior_point.interior_point import Iterate
from evergrid.engine.program import Program
from evergrid.engine.solution import Guess
from tests.engine.cases import EVERYTHING, KINDS, Kind, random_program, varied
from tests.everyday import first

pytestmark = pytest.mark.xdist_group("device")  # so that what is compiled serves many tests

PLAIN = Kind(stores=30, steps=24, step_h=0.5, balanced=True)
MANY = Kind(stores=300, steps=24, balanced=True)
KINDS_HERE = [
    PLAIN,
    EVERYTHING,
    replace(PLAIN, negative=True),
    replace(PLAIN, tight=False),
    replace(PLAIN, step_h=1 / 12),
    MANY,
    Kind(stores=40, steps=48, step_h=0.25, spread=0.02),
    Kind(stores=20, steps=30, curved=True),
    Kind(stores=25, metered=True),
    Kind(stores=25, peaks=True, spread=0.01),
    Kind(stores=25, steps=20, tight=False, budgets=True),
]
VARIATIONS = 8
ENDS = (
    "net_low_kw",
    "net_high_kw",
    "load_kw",
    "surcharge_per_kwh",
    "peak_price_per_kw",
    "peak_before_kw",
)


def solved(program: Program, *, gap: float = 1e-6) -> tuple[Iterate, Certificate]:
    found = device.minimise(program, gap=gap, deadline=np.inf)
    return found, certify(program, found.power_kw, found.dual)


def worst(proof: Certificate) -> float:
    return max(proof.power_kw, proof.energy_kwh, proof.node_kw)


@pytest.mark.slow
@pytest.mark.parametrize("kind", first(2, KINDS_HERE), ids=str)
def test_random_programs_agree_with_highs_within_the_claimed_gap(kind: Kind) -> None:
    base = random_program(KINDS_HERE.index(kind), kind)
    for seed in range(VARIATIONS):
        program = varied(base, seed)
        exact = reference.solve(program)
        found, proof = solved(program, gap=1e-5)
        if exact.status is Status.INFEASIBLE:
            assert not found.solved.all(), seed
            continue
        assert exact.certificate is not None
        best = exact.certificate.objective
        assert proof.bound <= best + 1e-9 * (1 + abs(best)), seed
        same = interior_point.minimise(program, gap=1e-5, deadline=np.inf)
        if not found.solved.all():  # waste would pay: both methods leave such trees to HiGHS
            assert not same.solved.all(), seed
            continue
        claimed = proof.gap * max(abs(proof.objective), abs(best))
        assert proof.objective <= best + claimed + 1e-9, seed
        assert proof.gap <= 1e-4 or abs(best) < 0.1 or kind.negative, seed
        assert worst(proof) <= 1e-6 or kind.negative, seed
        other = certify(program, same.power_kw, same.dual).objective
        assert proof.objective == pytest.approx(other, rel=1e-4, abs=1e-4), seed


@pytest.mark.parametrize("kind", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_it_takes_the_same_path_as_the_compiled_method(kind: Kind) -> None:
    program = random_program(1, kind)
    here, proof = solved(program)
    there = interior_point.minimise(program, gap=1e-6, deadline=np.inf)
    assert abs(here.iterations - there.iterations) <= 2
    shared = min(here.iterations, there.iterations) - 3  # rounding parts them at the end
    np.testing.assert_allclose(here.history[:shared, 0], there.history[:shared, 0], rtol=1e-3)
    np.testing.assert_allclose(here.power_kw, there.power_kw, atol=1e-3)
    np.testing.assert_allclose(here.dual.budget_price, there.dual.budget_price, atol=1e-3)
    assert worst(proof) <= 1e-6
    assert here.solved.all()


def test_it_tells_how_far_it_has_come_like_the_compiled_method() -> None:
    program = random_program(1, PLAIN)
    report: dict[str, list[tuple[int, float]]] = {"here": [], "there": []}
    device.minimise(
        program, gap=1e-6, deadline=np.inf, progress=lambda *words: report["here"].append(words)
    )
    interior_point.minimise(
        program, gap=1e-6, deadline=np.inf, progress=lambda *words: report["there"].append(words)
    )
    shared = min(map(len, report.values())) - 3
    assert shared > 5
    np.testing.assert_allclose(report["here"][:shared], report["there"][:shared], rtol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_never_exceeds_the_optimum_even_if_stopped_early(seed: int) -> None:
    program = varied(random_program(1, EVERYTHING), seed)
    exact = reference.solve(program).certificate
    assert exact is not None
    _, proof = solved(program, gap=0.5)
    assert proof.bound <= exact.objective + 1e-9 * (1 + abs(exact.objective))


def guessed(program: Program) -> Guess:
    """What the compiled method finds, as it is carried to a program of the same hours."""
    last = solver.solve(program, method="interior_point", gap=1e-4).guess
    return warm_start.shifted(program, last, program, store=np.arange(program.stores), shift=0)


@pytest.mark.parametrize("share", [0.01, 0.1])
def test_a_guess_leads_to_the_same_cost_in_no_more_iterations(share: float) -> None:
    base = random_program(1, EVERYTHING)
    rise = share * np.random.default_rng(2).uniform(-1, 1, base.steps)[base.step]
    program = replace(
        base,
        draw_price_per_kwh=base.draw_price_per_kwh + rise,
        feed_price_per_kwh=base.feed_price_per_kwh + rise - 1e-4,
    )
    guess = guessed(base)
    cold, warm = (
        device.minimise(program, gap=1e-4, deadline=np.inf, guess=begin) for begin in (None, guess)
    )
    same = interior_point.minimise(program, gap=1e-4, deadline=np.inf, guess=guess)
    costs = [certify(program, made.power_kw, made.dual).objective for made in (cold, warm)]
    assert warm.solved.all()
    assert 0 < warm.iterations <= cold.iterations
    assert abs(warm.iterations - same.iterations) <= 1
    assert costs[1] == pytest.approx(costs[0], rel=3e-4)


def test_a_guess_that_is_good_enough_is_kept_as_it_is() -> None:
    program = random_program(1, EVERYTHING)
    guess = guessed(program)
    found = device.minimise(program, gap=1e-4, deadline=np.inf, guess=guess)
    assert found.iterations == 0
    assert found.solved.all()
    np.testing.assert_array_equal(found.power_kw, guess.power_kw)
    np.testing.assert_array_equal(found.dual.power_price, guess.dual.power_price)


def test_a_worthless_guess_does_no_harm() -> None:
    program = random_program(1, EVERYTHING)
    exact = reference.solve(program).certificate
    guess = guessed(program)
    flipped = replace(guess, power_kw=-guess.power_kw)
    found = device.minimise(program, gap=1e-5, deadline=np.inf, guess=flipped)
    assert exact is not None
    assert found.solved.all()
    proof = certify(program, found.power_kw, found.dual)
    assert proof.objective == pytest.approx(exact.objective, rel=1e-4)


def test_order_of_stores_changes_only_the_order() -> None:
    program = random_program(1, PLAIN)
    order = np.random.default_rng(0).permutation(program.stores)
    slots = np.concatenate(
        [np.arange(int(program.begin[u]), int(program.end[u]) + 1) for u in order]
    )
    per_store = (
        "first", "stop", "charge_kw", "discharge_kw", "efficiency_charge",
        "efficiency_discharge", "energy_start_kwh", "energy_low_kwh", "energy_high_kwh",
        "energy_end_kwh",
        "end_value_per_kwh", "node",
    )  # fmt: skip
    shuffled = replace(
        program,
        **{name: getattr(program, name)[order] for name in per_store},
        **{
            name: getattr(program, name)[slots]
            for name in ("share", "draw_price_per_kwh", "feed_price_per_kwh")
        },
    )
    found, _ = solved(program)
    other, _ = solved(shuffled)
    np.testing.assert_allclose(other.power_kw, found.power_kw[slots], atol=1e-5)


def test_scaling_prices_scales_the_cost() -> None:
    program = random_program(1, PLAIN)
    scaled = replace(
        program,
        draw_price_per_kwh=program.draw_price_per_kwh * 1000,
        feed_price_per_kwh=program.feed_price_per_kwh * 1000,
        end_value_per_kwh=program.end_value_per_kwh * 1000,
    )
    _, one = solved(program)
    _, other = solved(scaled)
    assert other.objective == pytest.approx(1000 * one.objective, rel=1e-4)


@pytest.mark.slow
def test_prices_of_any_form_are_kept() -> None:
    """Prices that are no sum of step and store take another layout."""
    program = random_program(1, PLAIN)
    noise = np.random.default_rng(1).uniform(0, 0.01, program.slots)
    program = replace(program, draw_price_per_kwh=program.draw_price_per_kwh + noise)
    exact = reference.solve(program).certificate
    _, proof = solved(program)
    assert exact is not None
    assert proof.objective == pytest.approx(exact.objective, rel=1e-5, abs=1e-5)


@pytest.mark.slow
def test_a_forest_of_three_levels_without_discharge_and_with_empty_nodes() -> None:
    program = random_program(8, PLAIN)
    program = replace(program, discharge_kw=np.zeros(program.stores))
    fills = (-5.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    empty = {}
    for name, fill in zip(ENDS, fills, strict=True):
        given = getattr(program, name)
        empty[name] = np.concatenate([given, np.full((2, *given.shape[1:]), fill)])
    empty = replace(program, parent=np.append(program.parent, [0, -1]), **empty)
    exact = reference.solve(program).certificate
    found, proof = solved(empty)
    assert exact is not None
    assert found.solved.all()
    assert proof.objective == pytest.approx(exact.objective, rel=1e-5, abs=1e-5)
    assert worst(proof) <= 1e-6


@pytest.mark.slow
def test_an_infeasible_tree_is_told_and_harms_no_other() -> None:
    program = _two_trees()
    found = device.minimise(program, gap=1e-6, deadline=np.inf)
    np.testing.assert_array_equal(found.solved, [True] * 4 + [False] * 4)
    alone = random_program(1, PLAIN)
    good, _ = solved(alone)
    np.testing.assert_allclose(found.power_kw[: alone.slots], good.power_kw, atol=1e-3)
    assert np.isfinite(found.power_kw).all()


def test_it_stops_at_the_deadline_with_a_valid_bound() -> None:
    program = random_program(1, PLAIN)
    found = device.minimise(program, gap=1e-6, deadline=time.perf_counter())
    assert found.iterations == 0
    assert not found.solved.any()
    exact = reference.solve(program).certificate
    assert exact is not None
    assert certify(program, found.power_kw, found.dual).bound <= exact.objective


@pytest.mark.slow
@pytest.mark.parametrize("kind", [PLAIN, replace(MANY, tight=False)], ids=["small", "large"])
def test_single_precision_is_finished_in_double_and_proves_the_same(kind: Kind) -> None:
    program = random_program(1, kind)
    found = device.minimise(program, gap=1e-5, deadline=np.inf, precision="float32")
    _, exact = solved(program, gap=1e-5)
    proof = certify(program, found.power_kw, found.dual)
    assert found.solved.all()
    assert worst(proof) <= 1e-6
    assert proof.gap <= 1e-4
    assert proof.objective == pytest.approx(exact.objective, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("step_min", [5, 15, 30, 60])
def test_steps_of_any_length_are_solved(step_min: int) -> None:
    program = random_program(2, replace(PLAIN, step_h=step_min / 60, tight=False))
    exact = reference.solve(program).certificate
    found, proof = solved(program)
    assert exact is not None
    assert found.solved.all()
    assert proof.objective == pytest.approx(exact.objective, rel=1e-5, abs=1e-5)
    assert worst(proof) <= 1e-6


def test_it_covers_what_the_compiled_method_covers() -> None:
    assert device.supports is interior_point.supports
    for kind in KINDS.values():
        assert device.supports(random_program(0, kind))


def test_programs_without_meters_peaks_or_budgets_carry_nothing_of_them() -> None:
    plain, full = (lay_out(random_program(0, kind), 1) for kind in (PLAIN, EVERYTHING))
    (rows,) = plain.tree["held"]
    assert rows["level"].shape[1] == 2
    assert not rows["price"].size + rows["peak_price_per_kw"].size
    steps, budgets = full.tree["held"]
    assert steps["level"].shape[1] == 4
    assert budgets["level"].shape[-1] == 1


def test_the_package_is_imported_without_jax() -> None:
    code = "import sys; import evergrid.engine.device; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_jax_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == "jax":
            raise ImportError(name)
        return real(name, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"evergrid\[device\]"):
        device.minimise(random_program(1, PLAIN), gap=1e-3, deadline=np.inf)


def _two_trees() -> Program:
    """Twice the same tree; in the second a store is owed more than its charger can give."""
    one = random_program(1, PLAIN)
    other = replace(
        one, energy_end_kwh=one.energy_end_kwh.copy(), energy_high_kwh=one.energy_high_kwh + 1000
    )
    other.energy_end_kwh[0] = one.energy_start_kwh[0] + 900.0
    both = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])
        for name in (
            *ENDS, "first", "stop", "share", "charge_kw", "discharge_kw", "efficiency_charge",
            "efficiency_discharge", "energy_start_kwh", "energy_low_kwh", "energy_high_kwh",
        "energy_end_kwh",
            "end_value_per_kwh", "draw_price_per_kwh", "feed_price_per_kwh",
        )
    }  # fmt: skip
    above = np.where(one.parent >= 0, one.parent + one.nodes, -1)
    both["parent"] = np.append(one.parent, above)
    both["node"] = np.append(one.node, one.node + one.nodes)
    return replace(one, **both)


def test_stores_that_need_full_power_all_the_time_are_served() -> None:
    program = random_program(4, replace(PLAIN, tight=False))
    full = np.bincount(program.store, program.charge_limit_kw * program.gain, program.stores)
    owed = np.minimum(program.energy_start_kwh + full, program.energy_high_kwh)
    found, proof = solved(replace(program, energy_end_kwh=owed), gap=1e-4)
    assert found.solved.all()
    assert proof.gap <= 1e-4
    assert worst(proof) <= 1e-6

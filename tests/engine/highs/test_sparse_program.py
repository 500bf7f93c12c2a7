import numpy as np
import pytest
from scipy.optimize import linprog

from evergrid.core.status import Status
from evergrid.engine.highs.sparse_program import ProgramBuilder, SparseProgram, solve
from tests.everyday import first


def knapsack(*, whole: bool) -> SparseProgram:
    """Least of -8 x - 11 y - 6 z with 5 x + 7 y + 4 z <= 14, each from 0 to 1."""
    made = ProgramBuilder()
    things = made.columns((3,), cost=np.array([-8.0, -11.0, -6.0]), upper=1.0, whole=whole)
    row = made.rows((1,), lower=-np.inf, upper=14.0)
    made.entries(row, things, np.array([5.0, 7.0, 4.0]))
    return made.program()


def test_a_linear_program_is_solved_and_its_bound_is_the_dual_value():
    answer = solve(knapsack(whole=False))
    assert answer.status is Status.OPTIMAL
    assert answer.values == pytest.approx([1, 1, 0.5])
    assert answer.row_price == pytest.approx([-1.5])
    assert answer.bound == pytest.approx(-22)


def test_whole_columns_are_whole_and_the_bound_is_told():
    answer = solve(knapsack(whole=True))
    assert answer.status is Status.OPTIMAL
    assert answer.values.tolist() == [1, 1, 0]
    assert answer.cost == -19
    assert answer.bound == pytest.approx(-19)


@pytest.mark.parametrize("values", [[1.0, 1.0], [0.0, 0.0]])
def test_a_start_is_completed_and_improved_without_heuristics(values: list[float]):
    start = np.array([0, 1]), np.array(values)
    answer = solve(knapsack(whole=True), start=start, heuristic_effort=0.0)
    assert answer.status is Status.OPTIMAL
    assert answer.cost == -19


def test_a_start_that_breaks_a_row_does_not_count():
    start = np.arange(3), np.ones(3)
    assert solve(knapsack(whole=True), start=start).cost == -19


@pytest.mark.parametrize("whole", [False, True])
def test_what_cannot_be_is_called_infeasible(whole: bool):
    made = ProgramBuilder()
    column = made.columns((2,), cost=1.0, upper=1.0, whole=whole)
    made.entries(made.rows((1,), lower=3.0, upper=np.inf), column, 1.0)
    answer = solve(made.program())
    assert answer.status is Status.INFEASIBLE
    assert len(answer.values) == 0


def test_entries_of_one_place_add_up():
    made = ProgramBuilder()
    column = made.columns((1,), cost=1.0)
    row = made.rows((1,), lower=6.0, upper=np.inf)
    made.entries(row, column, 1.0)
    made.entries(row, column, 2.0)
    assert solve(made.program()).values == pytest.approx([2])


@pytest.mark.parametrize("seed", first(6, range(20)))
def test_random_programs_agree_with_another_method_and_close_their_gap(seed: int):
    """Referee: SciPy's interior point, which shares no path of simplex with ours."""
    rng = np.random.default_rng(seed)
    columns, rows = int(rng.integers(2, 12)), int(rng.integers(1, 8))
    matrix = rng.normal(size=(rows, columns))
    inside = rng.uniform(0, 1, columns)
    low, high = matrix @ inside - rng.uniform(0, 1, rows), matrix @ inside + 0.5
    made = ProgramBuilder()
    cost = rng.normal(size=columns)
    column = made.columns((columns,), cost=cost, upper=2.0)
    row = made.rows((rows,), lower=low, upper=high)
    made.entries(row[:, None], column, matrix)
    answer = solve(made.program())
    stacked = np.vstack([matrix, -matrix])
    referee = linprog(
        cost, A_ub=stacked, b_ub=np.append(high, -low), bounds=(0, 2), method="highs-ipm"
    )
    assert answer.status is Status.OPTIMAL
    assert answer.cost == pytest.approx(referee.fun, abs=1e-7)
    assert answer.bound == pytest.approx(answer.cost, abs=1e-8)
    assert answer.violation < 1e-9

from dataclasses import replace

import pytest

from benchmarks.plan.case import FAILED, Row
from benchmarks.plan.pages import ratios
from benchmarks.plan.pages.ratios import Bound
from tests.benchmarks.plan.rows import over, solved


def against(rows: list[Row], name: str = "evergrid_1e-4") -> tuple[Bound | None, Bound | None]:
    (item,) = ratios.comparisons(rows)
    return item.against_monolithic[name], item.against_site_by_site[name]


def test_the_ratio_is_taken_to_the_fastest_monolithic_method():
    rows = [solved("simplex", 30.0), solved("ipm", 10.0), solved("evergrid_1e-4", 2.0)]
    assert against([*rows, over("pdlp"), solved("site_by_site", 1.0)]) == (Bound(5.0), Bound(0.5))


def test_a_limit_that_was_exceeded_is_a_lower_bound_of_the_ratio():
    rows = [over("simplex"), over("site_by_site"), solved("evergrid_1e-4", 2.0)]
    assert against(rows) == (Bound(30.0, at_least=True), Bound(30.0, at_least=True))
    assert str(Bound(30.0, at_least=True)) == "> 30.0"


def test_no_ratio_is_given_where_ours_has_no_answer():
    assert against([solved("simplex", 3.0), over("evergrid_1e-4")]) == (None, None)
    missed = solved("evergrid_1e-4", 2.0, gap=2e-4)
    assert against([solved("simplex", 3.0), missed]) == (None, None)


def test_an_answer_of_a_wider_gap_does_not_count():
    rough = solved("pdlp", 1.0, gap=5e-4)
    ours = [solved("evergrid_1e-4", 2.0), solved("evergrid_1e-3", 1.0)]
    rows = [solved("simplex", 8.0), rough, *ours]
    assert against(rows, "evergrid_1e-4")[0] == Bound(4.0)
    assert against(rows, "evergrid_1e-3")[0] == Bound(1.0)


def test_a_schedule_that_breaks_limits_is_no_answer():
    assert ratios.time_of(replace(solved("pdlp", 1.0), violation=0.1)) is None


@pytest.mark.parametrize("status", [FAILED, "numerical", "infeasible"])
def test_what_failed_is_no_answer_and_no_bound(status: str):
    assert ratios.time_of(replace(over("simplex"), status=status)) is None


def test_instances_are_kept_apart():
    rows = [solved("simplex", 1.0), solved("simplex", 9.0, sessions=10_000)]
    assert [(item.family, item.sessions) for item in ratios.comparisons(rows)] == [
        ("home", 1000),
        ("home", 10_000),
    ]


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_the_exponent_of_a_power_law_is_its_power(power: float):
    sizes = (100, 1000, 10_000, 100_000)
    rows = [solved("evergrid_1e-4", 1e-4 * n**power, sessions=n) for n in sizes]
    rows[0] = solved("evergrid_1e-4", 99.0, sessions=100)  # below the range, not counted
    found = ratios.exponent(rows, "evergrid_1e-4", "home")
    assert found == pytest.approx(power)


def test_one_size_has_no_exponent():
    rows = [solved("evergrid_1e-4", 1.0), over("evergrid_1e-4", sessions=10_000)]
    assert ratios.exponent(rows, "evergrid_1e-4", "home") is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.01234, "0.0123"), (0.1234, "0.123"), (1.234, "1.23"), (123.4, "123"), (12345, "12,345")],
)
def test_numbers_are_shown_with_three_digits(value: float, shown: str):
    assert ratios.three_digits(value) == shown

"""Expected losses and the mean of the worst: by hand, and by another form of the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.errors import InputError
from evergrid.resilience.metrics.performance import stack
from evergrid.resilience.metrics.risk import conditional_value_at_risk, risk
from tests.resilience.metrics.cases import of, second_collapse

NAN = float("nan")


def test_expected_losses_of_three_scenarios() -> None:
    never = of([0], [100], horizon_h=10.0)
    half = of([0, 4], [50, 100], horizon_h=10.0)
    curves = stack([never, half, second_collapse(10.0)])
    found = risk(curves, alpha=0.5)
    assert found.eens_kwh == pytest.approx((0 + 200 + 160) / 3)
    assert found.lole_h == pytest.approx((0 + 4 + 3) / 3)
    assert found.lolp == pytest.approx((0 + 4 + 3) / 30)
    assert found.cvar_kwh == pytest.approx((200 * 2 + 160) / 3)  # the worst one and a half
    weighted = risk(curves, alpha=0.0, probability=np.array([0.5, 0.2, 0.3]))
    assert weighted.eens_kwh == pytest.approx(0.2 * 200 + 0.3 * 160)
    assert weighted.cvar_kwh == pytest.approx(weighted.eens_kwh)


def test_the_mean_of_the_worst_takes_part_of_the_scenario_at_the_edge() -> None:
    value = np.arange(1.0, 11.0)
    assert conditional_value_at_risk(value, alpha=0.8) == pytest.approx(9.5)
    assert conditional_value_at_risk(value, alpha=0.85) == pytest.approx((10 + 0.5 * 9) / 1.5)
    assert conditional_value_at_risk(value, alpha=0.99) == pytest.approx(10.0)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.floats(0.0, 0.98))
def test_the_mean_of_the_worst_is_the_least_of_a_convex_function(
    numbers: list[int], alpha: float
) -> None:
    """Rockafellar and Uryasev: min over c of c + E[max(0, X - c)] / (1 - alpha), at a sample."""
    value = np.array(numbers, dtype=float)
    of_c = [c + np.maximum(value - c, 0).mean() / (1 - alpha) for c in value]
    assert conditional_value_at_risk(value, alpha=alpha) == pytest.approx(min(of_c), rel=1e-9)


@pytest.mark.parametrize("alpha", [-0.1, 1.0, 95.0, NAN])
def test_an_alpha_outside_its_range_is_refused(alpha: float) -> None:
    with pytest.raises(InputError, match=r"alpha must be in \[0, 1\)"):
        risk(second_collapse(), alpha=alpha)


@pytest.mark.parametrize(
    ("value", "probability", "field"),
    [
        ([], None, "scenarios"),
        ([1.0, NAN], None, "value"),
        ([1.0, 2.0], [0.5, 0.4], "probability"),
        ([1.0, 2.0], [1.5, -0.5], "probability"),
        ([1.0, 2.0], [NAN, 1.0], "probability"),
        ([1.0, 2.0], [1.0], "probability"),
    ],
)
def test_scenarios_that_cannot_be_weighed_are_refused(
    value: list[float], probability: list[float] | None, field: str
) -> None:
    weight = None if probability is None else np.array(probability)
    with pytest.raises(InputError) as caught:
        conditional_value_at_risk(np.array(value, dtype=float), alpha=0.5, probability=weight)
    assert caught.value.field == field

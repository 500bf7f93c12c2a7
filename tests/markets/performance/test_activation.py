"""How a step is answered: by hand."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.markets.performance.activation import measured
from evergrid.markets.rules.markets import PRODUCTS
from evergrid.markets.rules.prequalification import sequence, tick_s

GIVEN = {"tick_s": 2.0, "full_s": 30.0, "tolerance": 0.05}


def ramp(seconds: float, size: float = 1.0) -> np.ndarray:
    """A rise to all within so many seconds, then all of it, over 15 minutes."""
    t = 2.0 * np.arange(1, 451)
    return size * np.minimum(t / seconds, 1.0)


@pytest.mark.parametrize(
    ("response", "asked", "activation_s", "sustained", "passed"),
    [
        (ramp(20.0), 1.0, 20.0, 1.0, True),
        (-ramp(20.0), -1.0, 20.0, 1.0, True),
        (ramp(20.0, 0.96), 1.0, 20.0, 0.96, True),
        (ramp(20.0, 0.9), 1.0, np.inf, 0.9, False),
        (ramp(60.0), 1.0, 58.0, 32 / 60, False),
        (-ramp(20.0), 1.0, np.inf, -1.0, False),
        (0 * ramp(20.0), 1.0, np.inf, 0.0, False),
        (ramp(20.0, 0.5), 0.5, 20.0, 1.0, True),
    ],
    ids=["in time", "down", "within 5 %", "too little", "late", "inverted", "none", "half"],
)
def test_a_step_is_answered_in_time_and_stays(
    response: np.ndarray, asked: float, activation_s: float, sustained: float, passed: bool
) -> None:
    found = measured(response, asked, **GIVEN)
    assert found.activation_s == pytest.approx(activation_s)
    assert found.sustained == pytest.approx(sustained)
    assert found.passes(30.0, 0.05) is passed
    assert found.delivered_h == pytest.approx(float(response.sum()) * np.sign(asked) * 2 / 3600)


def test_a_dip_after_it_is_due_fails_and_one_before_does_not() -> None:
    response = ramp(4.0)
    response[5] = 0.0
    assert measured(response, 1.0, **GIVEN).passes(30.0, 0.05)
    response[200] = 0.9
    assert not measured(response, 1.0, **GIVEN).passes(30.0, 0.05)
    response[200] = np.nan  # nothing measured is nothing delivered
    assert measured(response, 1.0, **GIVEN).sustained == 0.0


def test_no_step_and_no_time_are_refused() -> None:
    with pytest.raises(InputError, match="other than 0"):
        measured(ramp(4.0), 0.0, **GIVEN)
    with pytest.raises(InputError, match="last longer than 30 s"):
        measured(np.ones(15), 1.0, **GIVEN)


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_product_has_a_test_that_shows_what_it_sells(name: str) -> None:
    product = PRODUCTS[name]
    test = sequence(product)
    if test.scored:
        assert test.plateau_h == pytest.approx(40 / 60)
        return
    ways = {share for share in test.plateaus if share != 0}
    assert ways == {"both": {1.0, -1.0}, "up": {1.0}, "down": {-1.0}}[product.direction]
    assert test.plateau_h >= product.energy_h.value or name.startswith("afrr")
    for latency_s in (0.0, 0.5, 2.0):
        tick = tick_s(test, latency_s)
        count = test.plateau_h * 3600 / tick
        assert count == pytest.approx(round(count))
        assert tick <= 2.0 + 1e-9

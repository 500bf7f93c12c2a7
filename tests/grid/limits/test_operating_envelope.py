"""Whatever places do within their envelopes keeps every row, and no envelope cuts much less."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from evergrid.grid.limits import operating_envelope
from evergrid.grid.limits.operating_envelope import Envelope

STEPS, ROWS, PLACES = 16, 6, 4
CLOSE = 1.02  # of the least sum of squares cut; 1.013 is the most measured
SLACK = 1e-7  # so that the referee's start lies inside
seeds = st.integers(0, 10_000)


def case(seed: int) -> dict[str, Any]:
    """Random rows, some without room, and places of which some cannot draw or feed at all."""
    rng = np.random.default_rng(seed)
    shape = (STEPS, PLACES)
    reach = rng.uniform(0, 10, (2, *shape)) * (rng.random((2, *shape)) < 0.85)
    return {
        "rise": rng.normal(0, 1, (STEPS, ROWS, PLACES)) * (rng.random((STEPS, ROWS, PLACES)) < 0.8),
        "room": rng.uniform(-1, 12, (STEPS, ROWS)),
        "wanted_kw": rng.normal(0, 5, shape),
        "reach": Envelope(*reach),
        "weight": rng.uniform(0.5, 2.0, shape),
    }


def worst(rise: np.ndarray, made: Envelope) -> np.ndarray:
    """Most that each row can rise within an envelope."""
    up, down = np.maximum(rise, 0), np.maximum(-rise, 0)
    return np.einsum("trp,tp->tr", up, made.feed_kw) + np.einsum("trp,tp->tr", down, made.draw_kw)


def fitting(seed: int) -> dict[str, Any]:
    """The same with room for what is wanted, even as a worst case."""
    given_case = case(seed)
    wish, reach = given_case["wanted_kw"], given_case["reach"]
    wish = np.clip(wish, -reach.draw_kw, reach.feed_kw)
    of_wish = worst(given_case["rise"], Envelope(np.maximum(-wish, 0), np.maximum(wish, 0)))
    return given_case | {"wanted_kw": wish, "room": np.maximum(given_case["room"], of_wish)}


def cut(given_case: dict[str, Any], made: Envelope) -> np.ndarray:
    """Weighted sum of squares that an envelope takes from the reach, by step."""
    reach, weight = given_case["reach"], given_case["weight"]
    squares = (reach.draw_kw - made.draw_kw) ** 2 + (reach.feed_kw - made.feed_kw) ** 2
    return (weight * squares).sum(axis=1)


@given(seeds)
@settings(max_examples=8)
def test_anything_within_the_envelopes_keeps_every_row(seed: int):
    given_case = case(seed)
    made = operating_envelope.fit(**given_case)
    rng = np.random.default_rng(seed)
    room = np.maximum(given_case["room"], 0.0) + 1e-9
    for _ in range(20):
        way = rng.choice([-1.0, 0.0, 1.0, rng.uniform(-1, 1)], (STEPS, PLACES))
        power = np.where(way > 0, way * made.feed_kw, way * made.draw_kw)
        assert (np.einsum("trp,tp->tr", given_case["rise"], power) <= room).all()
    assert (worst(given_case["rise"], made) <= room).all()


@given(seeds)
@settings(max_examples=8)
def test_no_envelope_goes_beyond_reach_or_below_nothing(seed: int):
    given_case = case(seed)
    made, reach = operating_envelope.fit(**given_case), given_case["reach"]
    for found, most in ((made.draw_kw, reach.draw_kw), (made.feed_kw, reach.feed_kw)):
        assert (found >= 0).all()
        assert (found <= most + 1e-12).all()


@given(seeds)
@settings(max_examples=8)
def test_what_is_wanted_lies_within_where_it_fits(seed: int):
    given_case = fitting(seed)
    made, wish = operating_envelope.fit(**given_case), given_case["wanted_kw"]
    assert (made.feed_kw >= wish - 1e-9).all()
    assert (made.draw_kw >= -wish - 1e-9).all()


@given(seeds, st.floats(1.0, 3.0))
@settings(max_examples=8)
def test_more_room_never_cuts_more(seed: int, factor: float):
    given_case = fitting(seed)
    before = cut(given_case, operating_envelope.fit(**given_case))
    wider = given_case | {"room": given_case["room"] * factor}
    after = cut(given_case, operating_envelope.fit(**wider))
    assert (after <= CLOSE * before + 1e-4).all()


@given(seeds)
@settings(max_examples=8)
def test_units_of_rows_and_order_of_places_change_nothing(seed: int):
    given_case = case(seed)
    made = operating_envelope.fit(**given_case)
    rng = np.random.default_rng(seed)
    order, size = rng.permutation(PLACES), rng.uniform(0.1, 10, ROWS)
    reach = given_case["reach"]
    other = operating_envelope.fit(
        given_case["rise"][:, :, order] * size[None, :, None],
        given_case["room"] * size,
        given_case["wanted_kw"][:, order],
        Envelope(reach.draw_kw[:, order], reach.feed_kw[:, order]),
        given_case["weight"][:, order],
    )
    np.testing.assert_allclose(other.draw_kw, made.draw_kw[:, order], atol=1e-6)
    np.testing.assert_allclose(other.feed_kw, made.feed_kw[:, order], atol=1e-6)


def nearest(
    rise: np.ndarray, room: np.ndarray, most: np.ndarray, least: np.ndarray, weight: np.ndarray
) -> float:
    """Least weighted sum of squares cut from the most in one step, by an independent solver."""
    columns = np.concatenate([np.maximum(rise, 0), np.maximum(-rise, 0)], axis=1)
    both = np.concatenate([weight, weight])
    found = minimize(
        lambda x: float(both @ (most - x) ** 2),
        least,
        jac=lambda x: -2 * both * (most - x),
        bounds=list(zip(least, most, strict=True)),
        constraints={
            "type": "ineq",
            "fun": lambda x: room + SLACK - columns @ x,
            "jac": lambda x: -columns,
        },
        method="SLSQP",
        options={"ftol": 1e-9, "maxiter": 500},
    )
    assert found.success, found.message
    return float(found.fun)


@pytest.mark.parametrize("seed", range(3))
def test_no_envelope_around_what_is_wanted_cuts_notably_less(seed: int):
    given_case = fitting(seed)
    made, reach, wish = (
        operating_envelope.fit(**given_case),
        given_case["reach"],
        given_case["wanted_kw"],
    )
    for step, found in enumerate(cut(given_case, made)):
        best = nearest(
            given_case["rise"][step],
            given_case["room"][step],
            np.concatenate([reach.feed_kw[step], reach.draw_kw[step]]),
            np.concatenate([np.maximum(wish, 0)[step], np.maximum(-wish, 0)[step]]),
            given_case["weight"][step],
        )
        assert best - 1e-4 <= found <= CLOSE * best + 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_of_what_is_wanted_and_does_not_fit_the_least_is_cut(seed: int):
    """Where places can do no more than they want, the envelope is the nearest to that."""
    given_case = case(seed)
    wish = given_case["wanted_kw"]
    reach = Envelope(np.maximum(-wish, 0), np.maximum(wish, 0))
    given_case |= {"reach": reach, "room": np.maximum(given_case["room"], 0.1)}
    made = operating_envelope.fit(**given_case)
    for step, found in enumerate(cut(given_case, made)):
        most = np.concatenate([reach.feed_kw[step], reach.draw_kw[step]])
        best = nearest(
            given_case["rise"][step],
            given_case["room"][step],
            most,
            np.zeros_like(most),
            given_case["weight"][step],
        )
        assert best - 1e-4 <= found <= CLOSE * best + 1e-4


def test_nothing_is_cut_where_no_row_can_bind():
    given_case: dict[str, Any] = case(1) | {"room": np.full((STEPS, ROWS), 1e4)}
    none: dict[str, Any] = {"rise": np.zeros((STEPS, 0, PLACES)), "room": np.zeros((STEPS, 0))}
    for free in (given_case, given_case | none):
        made = operating_envelope.fit(**free)
        np.testing.assert_allclose(made.draw_kw, free["reach"].draw_kw, rtol=1e-12)
        np.testing.assert_allclose(made.feed_kw, free["reach"].feed_kw, rtol=1e-12)


def test_places_alike_share_the_room_alike_and_dear_ones_are_cut_less():
    one = np.ones((1, 3))
    given_case = {
        "rise": np.ones((1, 1, 3)),
        "room": np.array([[6.0]]),
        "wanted_kw": 0.0 * one,
        "reach": Envelope(4.0 * one, 4.0 * one),
    }
    alike = operating_envelope.fit(**given_case, weight=one)
    np.testing.assert_allclose(alike.feed_kw, 2.0 * one, atol=1e-6)
    np.testing.assert_allclose(alike.draw_kw, 4.0 * one, atol=1e-12)
    dear = operating_envelope.fit(**given_case, weight=np.array([[1.0, 1.0, 2.0]]))
    cuts = 4.0 - dear.feed_kw[0]  # of 6 in all, in inverse proportion to the weights
    np.testing.assert_allclose(cuts, [2.4, 2.4, 1.2], atol=1e-6)


def test_a_row_that_is_full_of_what_is_wanted_stops_only_those_that_add_to_it():
    """The first place fills the first row; the others share the second, and the third is free."""
    rise = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]]])
    reach = Envelope(np.full((1, 3), 5.0), np.full((1, 3), 5.0))
    wanted, weight = np.array([[4.0, 0.0, 0.0]]), np.ones((1, 3))
    made = operating_envelope.fit(rise, np.array([[3.0, 6.0]]), wanted, reach, weight)
    np.testing.assert_allclose(made.feed_kw, [[3.0, 3.0, 3.0]], atol=1e-4)
    np.testing.assert_allclose(made.draw_kw, 5.0 * weight, atol=1e-9)


def test_nothing_fits_towards_a_row_without_room_and_everything_away_from_it():
    reach = Envelope(np.full((1, 2), 5.0), np.full((1, 2), 5.0))
    rise, weight = np.array([[[1.0, -1.0]]]), np.ones((1, 2))
    for room in (0.0, -3.0):
        made = operating_envelope.fit(rise, np.array([[room]]), weight, reach, weight)
        np.testing.assert_allclose(made.feed_kw, [[0.0, 5.0]], atol=1e-9)
        np.testing.assert_allclose(made.draw_kw, [[5.0, 0.0]], atol=1e-9)

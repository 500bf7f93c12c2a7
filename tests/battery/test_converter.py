"""Chargers lose what their curves say, in both directions, and with reactive power too."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.battery.converter import (
    MEASURED_ROUND_TRIP,
    TWO_WAY_K0,
    TWO_WAY_K2,
    Converter,
    LossCurve,
)
from evergrid.core.errors import InputError

NOTTON_2 = LossCurve(0.0072, 0.0, 0.0345)


def charger(curve: LossCurve = NOTTON_2, **more: float) -> Converter:
    return Converter(11.0, curve, curve, **more)


@pytest.mark.parametrize(
    ("share", "efficiency"), [(0.05, 0.873), (0.1, 0.930), (0.2, 0.959), (0.5, 0.969), (1.0, 0.960)]
)
def test_the_curve_of_notton(share: float, efficiency: float):
    found = charger().efficiency(np.array([11.0 * share]))
    assert found[0] == pytest.approx(efficiency, abs=6e-4)


def test_a_curve_is_found_from_its_losses():
    share = np.linspace(0.02, 1.0, 50)
    found = LossCurve.fitted(share, NOTTON_2.of(share))
    assert (found.k0, found.k1, found.k2) == pytest.approx((0.0072, 0.0, 0.0345), abs=1e-12)
    with pytest.raises(InputError, match="k0 must lie in"):
        LossCurve.fitted(share, -0.02 * share)


@pytest.mark.data
@pytest.mark.parametrize(("direction", "at_low"), [("Charging", 0.05), ("Discharging", 0.005)])
def test_a_measured_converter_is_met_within_a_tenth_of_a_percent(
    direction: str, at_low: float, data_folder: Path
):
    table = pl.read_csv(data_folder / "specs" / "sinamics_s120_converter_efficiency.csv")
    share = np.linspace(0.0, 1.0, table.height)[20:]
    measured = table[direction].to_numpy()[20:]
    draws = direction == "Charging"
    loss = share * (1 - measured) if draws else share * (1 / measured - 1)
    curve = LossCurve.fitted(share, loss)
    both = (curve.k0, curve.k2)  # of the two directions it is the mean that is taken by default
    assert both == pytest.approx((TWO_WAY_K0, TWO_WAY_K2), rel=0.15)
    error = charger(curve).efficiency(11.0 * share * (-1 if draws else 1)) - measured
    assert np.abs(error[share >= 0.1]).max() < 0.001
    # From 2 to 10 % of the rating its loss while idle fades, which the curve does not have.
    assert at_low / 2 < np.abs(error).max() < at_low


@pytest.mark.parametrize("loss", [0.0, 0.005, 0.01797, 0.03, 0.07, 0.3])
def test_a_converter_of_both_ways_loses_at_its_rating_what_is_said(loss: float):
    curve = LossCurve.two_way(loss)
    assert curve.of(np.ones(1))[0] == pytest.approx(loss, abs=2e-6)
    assert curve.k2 * TWO_WAY_K0 == pytest.approx(curve.k0 * TWO_WAY_K2, abs=1e-7)


def test_least_is_lost_per_energy_at_the_best_share():
    share = np.linspace(0.05, 1, 2000)
    efficiency = charger().efficiency(11.0 * share)
    assert share[efficiency.argmax()] == pytest.approx(NOTTON_2.best_share, abs=1e-3)
    assert efficiency.max() == pytest.approx(1 / (1 + 2 * np.sqrt(0.0072 * 0.0345)), abs=1e-6)


@given(st.floats(-11, 11), st.floats(-8, 8))
def test_what_leaves_the_battery_is_what_arrives_and_what_is_lost(power: float, reactive: float):
    at_grid, answer = np.array([power]), np.array([reactive])
    lost = charger(standby_kw=0.03).loss_kw(at_grid, answer)
    assert lost[0] >= 0.03 or lost[0] >= 0.0072 * 11
    assert charger(standby_kw=0.03).battery_kw(at_grid, answer) == pytest.approx(at_grid + lost)


def test_reactive_power_costs_and_standby_draws():
    none = np.zeros(1)
    both = charger(standby_kw=0.05)
    assert both.loss_kw(none, none)[0] == 0.05
    assert both.loss_kw(none, np.array([5.0]))[0] > 0.0072 * 11
    assert both.loss_kw(np.array([6.0]), np.array([8.0])) == pytest.approx(
        both.loss_kw(np.array([10.0]), none)
    )


def test_the_directions_have_curves_of_their_own():
    both = Converter(10.0, LossCurve(0.01, 0.0, 0.0), LossCurve(0.02, 0.0, 0.0))
    lost = both.loss_kw(np.array([-5.0, 5.0]), np.zeros(2))
    assert lost.tolist() == pytest.approx([0.1, 0.2])


@given(st.floats(0.79, 0.88))
def test_a_measured_round_trip_is_met(measured: float):
    made = charger().calibrated(measured, 11.0, battery=0.989)
    assert made.round_trip(11.0) * 0.989 == pytest.approx(measured, abs=1e-12)


def test_a_charger_by_default_loses_within_what_was_measured_at_any_power():
    """Schram et al. (2020): 87.0 % at 3 x 16 A; 79.1 to 87.8 % over all currents."""
    curve = LossCurve(TWO_WAY_K0, 0.0, TWO_WAY_K2)
    cells = (1.0 - 11e3 * 0.08 / 400.0**2) ** 2  # of a pack of 400 V and 80 mOhm
    made = charger(curve).calibrated(MEASURED_ROUND_TRIP, 11.0, battery=cells)
    power = np.linspace(1.1, 11.0, 50)  # down to a tenth of the rating
    of_cells = (1.0 - power * 1e3 * 0.08 / 400.0**2) ** 2
    back = np.array([made.round_trip(float(one)) for one in power]) * of_cells
    assert back[-1] == pytest.approx(0.87, abs=1e-9)
    assert 0.791 < back.min() == back[0]
    assert back.max() < 0.878


def test_a_round_trip_that_no_curve_gives_is_refused():
    with pytest.raises(InputError, match="round_trip"):
        charger().calibrated(1.2, 11.0)


@pytest.mark.parametrize(
    ("k0", "k1", "k2", "field"),
    [(0.0, 0.1, 0.1, "k0"), (0.01, -0.1, 0.0, "k1"), (0.01, 0, 2, "k2")],
)
def test_curves_that_cannot_be_are_refused(k0: float, k1: float, k2: float, field: str):
    with pytest.raises(InputError, match=f"{field} must lie in"):
        LossCurve(k0, float(k1), float(k2))

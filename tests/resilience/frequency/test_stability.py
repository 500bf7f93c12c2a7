"""The delay that a fleet's loop bears: closed forms, and what the simulation does beyond it."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.frequency import stability
from evergrid.resilience.frequency.area import Governor
from evergrid.resilience.frequency.response import Control
from evergrid.resilience.frequency.simulation import Disturbance, simulate
from tests.resilience.frequency.cases import SPAN_HZ, area, award_of, droop, no_governor


def test_inertia_and_droop_alone_bear_the_delay_of_the_closed_form() -> None:
    """K e^(-s theta) / ((2 H s + D)(1 + T s)), whose gain is 1 where a quadratic in w^2 says."""
    of, lag_s, gain = area(3.0, governor=no_governor()), 0.02, 19.0
    margin = stability.delay_margin_s(of, droop(Control(lag_s=lag_s)), award_of(gain))
    omega = np.sqrt(np.roots([36.0 * lag_s**2, 36.0 + lag_s**2, 1.0 - gain**2]).max())
    phase = np.pi - np.arctan(6.0 * omega) - np.arctan(lag_s * omega)
    assert margin == pytest.approx(phase / omega, rel=1e-9)


def test_a_gain_below_one_never_hunts() -> None:
    of = area(3.0, governor=no_governor(), damping_pu=2.0)
    assert stability.delay_margin_s(of, droop(Control()), award_of(1.5)) == np.inf
    assert stability.delay_margin_s(of, droop(Control()), 0.0) == np.inf


@pytest.mark.parametrize("look_s", [0.0, 0.2])
@pytest.mark.parametrize(("gain", "lag_s"), [(20.0, 0.1), (40.0, 0.5), (30.0, 0.3)])
def test_the_simulation_hunts_beyond_the_margin_and_settles_within(
    gain: float, lag_s: float, look_s: float
) -> None:
    of = area()
    margin = stability.delay_margin_s(of, droop(Control(lag_s=lag_s)), award_of(gain))
    swings = []
    for part in (0.85, 1.15):
        control = Control(delay_s=part * margin - look_s / 2, lag_s=lag_s, look_s=look_s)
        went = simulate([of], droop(control), [award_of(gain)], Disturbance(20.0, 60.0))
        late = went.frequency_hz[0][went.time_s > 50.0]
        early = went.frequency_hz[0][(went.time_s > 10.0) & (went.time_s < 20.0)]
        swings.append(np.ptp(late) / np.ptp(early))
    assert swings[0] < 0.7
    assert swings[1] > 1.0 or np.isnan(swings[1])


def test_a_fleet_that_would_hunt_is_refused_before_anything_is_integrated() -> None:
    control = Control(delay_s=1.0, lag_s=0.1)
    with pytest.raises(InputError, match="its delay of 1 s must be below"):
        stability.check(area(), droop(control), award_of(20.0))
    stability.check(area(), droop(control), award_of(5.0))


def test_a_look_every_so_often_counts_as_half_of_it() -> None:
    assert Control(delay_s=0.3, look_s=0.4).loop_delay_s == pytest.approx(0.5)


def test_governors_that_hunt_by_themselves_are_refused() -> None:
    bad = Governor(droop_pu=0.002, servo_s=5.0, high_pressure_share=0.05)
    with pytest.raises(InputError, match="without a fleet"):
        stability.check(area(0.5, governor=bad), droop(Control()), 0.0)


def test_the_slope_of_a_fleet_is_that_of_its_orders() -> None:
    fleet = droop(Control())
    assert fleet.slope_per_hz == pytest.approx(1.0 / SPAN_HZ, rel=1e-6)
    kinked = replace(
        fleet,
        orders=np.interp(np.linspace(-5, 5, 4001), [-5.0, -2.0, 2.0, 5.0], [1.0, 0.1, -0.1, -1.0])[
            None, :
        ],
    )
    assert kinked.slope_per_hz == pytest.approx(0.3, rel=0.01)

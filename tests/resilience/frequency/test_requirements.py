"""How much fleet, inertia or reserve keeps a limit: one step more keeps it, one less does not."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.frequency.area import Area, Governor, SheddingStage
from evergrid.resilience.frequency.requirements import Limit
from evergrid.resilience.frequency.response import Control
from evergrid.resilience.frequency.simulation import Disturbance, simulate
from tests.resilience.frequency.cases import area, award_of, droop

LOSS = Disturbance(100.0, 20.0)
CONTROL = Control(delay_s=0.1, lag_s=0.1)


def limit(nadir_hz: float, of: Area | None = None, control: Control = CONTROL) -> Limit:
    return Limit(of or area(), droop(control), LOSS, nadir_hz)


def nadir(of: Area, award_mw: float) -> float:
    return float(simulate([of], droop(CONTROL), [award_mw], LOSS).nadir_hz[0])


def test_the_smallest_fleet_keeps_the_limit_and_a_little_less_does_not() -> None:
    most = award_of(20.0)
    least = limit(49.7).least_fleet_mw(most)
    assert least is not None
    assert nadir(area(), least) >= 49.7
    assert nadir(area(), least - 1e-4 * most) < 49.7


def test_no_fleet_is_needed_where_plants_are_enough_and_none_is_enough_for_too_much() -> None:
    assert limit(49.0).least_fleet_mw(award_of(10.0)) == 0.0
    assert limit(49.99).least_fleet_mw(award_of(10.0)) is None


def test_a_fleet_that_would_hunt_keeps_nothing() -> None:
    late = Control(delay_s=1.0, lag_s=0.1)
    assert limit(49.7, control=late).least_fleet_mw(award_of(40.0)) is None


def test_the_least_inertia_is_that_of_the_closed_form_where_a_ramp_meets_a_loss() -> None:
    """Nadir f0 dP^2 T / (4 E R) below nominal: E for a limit, by hand."""
    ramp = Governor(1e-4, 1.0, 1.0, 8.0, 0.02, 0.0, 200.0, 20.0)
    of = Area(50.0, 1000.0, 5.0, 0.0, 900.0, 45.5, ramp)
    least = limit(49.0, of).least_inertia_s(0.0)
    energy_mws = 50.0 * 100.0**2 * 10.0 / (4 * 1.0 * 200.0)
    assert least == pytest.approx(energy_mws / 1000.0, rel=0.02)


def test_a_fleet_saves_inertia_and_reserve() -> None:
    of = area(governor=Governor(reserve_mw=150.0, servo_s=0.2))
    found = limit(49.2, of)
    inertia = [found.least_inertia_s(award) for award in (0.0, award_of(5.0))]
    reserve = [found.least_reserve_mw(award) for award in (0.0, award_of(5.0))]
    assert inertia[0] is not None
    assert inertia[1] is not None
    assert reserve[0] is not None
    assert reserve[1] is not None
    assert inertia[1] < inertia[0]
    assert reserve[1] < reserve[0]
    assert nadir(replace(of, inertia_s=inertia[1]), award_of(5.0)) >= 49.2
    share = 0.95 * reserve[1] / 150.0
    less = replace(of.governor, governed_share=share, reserve_mw=reserve[1])
    assert nadir(replace(of, governor=less), award_of(5.0)) >= 49.2


def test_a_reserve_without_bound_is_not_searched() -> None:
    assert limit(49.5).least_reserve_mw(0.0) is None


def test_a_limit_is_not_kept_by_shedding_load() -> None:
    of = area(2.0, shedding=(SheddingStage(49.6, 0.1, 0.0),))
    assert nadir(of, 0.0) >= 49.5
    assert not limit(49.5, of).keeps([of], [0.0])[0]


@pytest.mark.parametrize("nadir_hz", [45.0, 50.0, 59.3, float("nan")])
def test_a_limit_that_cannot_be_is_refused(nadir_hz: float) -> None:
    with pytest.raises(InputError, match="nadir_hz"):
        limit(nadir_hz)


def test_what_is_stable_does_not_depend_on_what_else_is_asked() -> None:
    found = limit(49.5)
    awards = [award_of(gain) for gain in (0.0, 10.0, 200.0)]
    together = found.stable([area()] * 3, awards)
    assert together.tolist() == [bool(found.stable([area()], [one])[0]) for one in awards]
    assert np.array_equal(together, [True, True, False])

"""Physics of a simulated vehicle: energy balance, limits, steps of current, taper, ramps."""

import math
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.units import S_PER_H
from evergrid.live.twin.charging.battery import (
    Change,
    OutletState,
    StationCharger,
    Vehicle,
    advanced,
    charger,
    flow,
    most_charge_kw,
    ramp,
    seconds_to_edge,
    whole_steps,
)

HOME, ONE_PHASE = charger(11.0, 11.0, 3), charger(7.4, 7.4, 1)


CHARGERS = (HOME, ONE_PHASE, charger(11.0, 0.0, 3))
SHARES = st.floats(0.0, 1.0)
CASES = st.tuples(
    st.integers(0, len(CHARGERS) - 1),
    st.floats(5.0, 200.0),
    SHARES,
    SHARES,
    st.lists(st.tuples(SHARES, st.floats(0.1, 4 * S_PER_H)), min_size=1, max_size=6),
)


class Case(NamedTuple):
    """A charger, a vehicle, its state, and powers that are wanted one after the other."""

    at: StationCharger
    vehicle: Vehicle
    begin: OutletState
    wanted: list[Change]
    end_s: float


def made(drawn: Any) -> Case:
    number, capacity, reserve, soc, steps = drawn
    at, time_s, wanted = CHARGERS[number], 0.0, []
    for share, length_s in steps:
        power = -at.most_kw + share * (at.most_kw + at.discharge_kw)
        held = whole_steps(at, power, -at.most_kw, at.discharge_kw)
        wanted.append(Change(time_s, held))
        time_s += length_s
    vehicle = Vehicle(capacity, reserve * capacity)
    return Case(at, vehicle, OutletState(0.0, soc * capacity), wanted, time_s)


@given(CASES)
def test_energy_in_the_cells_changes_by_what_flows_less_what_is_lost(drawn: Any):
    at, vehicle, begin, wanted, end_s = made(drawn)
    end, pieces = advanced(at, vehicle, begin, wanted, end_s)
    drawn = sum(max(-p.power_kw, 0.0) * (p.end_s - p.begin_s) for p in pieces) / S_PER_H
    fed = sum(max(p.power_kw, 0.0) * (p.end_s - p.begin_s) for p in pieces) / S_PER_H
    assert end.drawn_kwh == pytest.approx(drawn, abs=1e-9)
    assert end.fed_kwh == pytest.approx(fed, abs=1e-9)
    lost = begin.energy_kwh + drawn - fed - end.energy_kwh
    assert lost >= -1e-9
    # The same again, in pieces of at most ten minutes, with the loss counted one by one.
    counted = 0.0
    for piece in pieces:
        share = abs(piece.power_kw) / at.most_kw
        hours = (piece.end_s - piece.begin_s) / S_PER_H
        if share * at.most_kw <= at.standby_kw:
            counted += abs(piece.power_kw) * hours
        else:
            curve = at.charge if piece.power_kw < 0 else at.discharge
            loss = at.most_kw * (curve.k0 + curve.k1 * share + curve.k2 * share**2)
            counted += loss * hours
    assert lost == pytest.approx(counted, abs=1e-6)


@given(CASES)
def test_pieces_are_one_after_the_other_and_the_energy_keeps_its_limits(drawn: Any):
    at, vehicle, begin, wanted, end_s = made(drawn)
    end, pieces = advanced(at, vehicle, begin, wanted, end_s)
    assert pieces[0].begin_s == 0.0
    assert pieces[-1].end_s == end.time_s == end_s
    for before, after in pairwise(pieces):
        assert before.end_s == after.begin_s
    assert -1e-9 <= end.energy_kwh <= vehicle.capacity_kwh + 1e-9
    floor = min(begin.energy_kwh, vehicle.reserve_kwh)
    assert end.energy_kwh >= end.least_kwh >= floor - 1e-9


@given(CASES, st.lists(SHARES, max_size=5))
def test_looking_on_the_way_changes_nothing(drawn: Any, looks: list[float]):
    at, vehicle, begin, wanted, end_s = made(drawn)
    whole, _ = advanced(at, vehicle, begin, wanted, end_s)
    state = begin
    for moment in sorted(share * end_s for share in looks):
        past = [change for change in wanted if change.time_s <= moment]
        state, _ = advanced(at, vehicle, state, past or wanted[:1], moment)
    state, _ = advanced(at, vehicle, state, wanted, end_s)
    assert state.energy_kwh == pytest.approx(whole.energy_kwh, abs=1e-7)
    assert state.drawn_kwh == pytest.approx(whole.drawn_kwh, abs=1e-7)
    assert state.fed_kwh == pytest.approx(whole.fed_kwh, abs=1e-7)


@given(st.floats(-20.0, 20.0), st.floats(-12.0, 0.0), st.floats(0.0, 12.0))
def test_a_charger_holds_whole_steps_inside_its_limits_or_nothing(
    wanted: float, low: float, high: float
):
    held = whole_steps(HOME, wanted, low, high)
    steps = abs(held) / HOME.step_kw
    assert steps == pytest.approx(round(steps))
    assert held == 0.0 or steps >= 6
    assert low - 1e-4 <= held <= high + 1e-4
    assert held * wanted >= 0.0
    if low < -11.1 and high > 11.1 and 4.2 <= abs(wanted) <= 11.04:
        assert abs(held - wanted) <= HOME.step_kw / 2 + 1e-9


def test_below_six_amperes_nothing_flows_unless_six_are_nearer():
    assert whole_steps(HOME, -1.9, -11.04, 11.04) == 0.0
    assert whole_steps(HOME, -2.2, -11.04, 11.04) == pytest.approx(-4.14)
    assert whole_steps(HOME, -4.0, -4.0, 0.0) == 0.0  # a limit below 6 A is no 6 A
    assert whole_steps(ONE_PHASE, 1.4, -7.36, 7.36) == pytest.approx(1.38)


@pytest.mark.parametrize("efficiency", [0.9, 0.97, 0.99])
def test_at_its_rating_a_charger_loses_what_its_efficiencies_say(efficiency: float):
    at = charger(11.0, 11.0, 3, efficiency_charge=efficiency, efficiency_discharge=efficiency)
    losses = [curve.k0 + curve.k1 + curve.k2 for curve in (at.charge, at.discharge)]
    assert losses == pytest.approx([1.0 - efficiency, 1.0 / efficiency - 1.0], abs=2e-6)


def test_ratings_are_whole_amperes():
    assert HOME.most_a == 16.0
    assert HOME.most_kw == pytest.approx(11.04)
    assert ONE_PHASE.most_a == 32.0


@pytest.mark.parametrize("wanted", [-11.04, 11.04])
def test_the_efficiency_at_the_rating_is_what_was_asked_for(wanted: float):
    at = charger(11.04, 11.04, 3, efficiency_charge=0.93, efficiency_discharge=0.92)
    power, cells = flow(at, Vehicle(60.0, 10.0), 30.0, wanted)
    assert power == wanted
    efficiency = cells / power if wanted < 0 else power / cells
    assert efficiency == pytest.approx(0.93 if wanted < 0 else 0.92)


def test_half_a_load_loses_more_per_energy_than_a_flat_efficiency_says():
    small, large = (flow(HOME, Vehicle(60.0, 10.0), 30.0, -kw) for kw in (4.14, 11.04))
    fixed = HOME.most_kw * HOME.charge.k0
    assert small.cells_kw + 4.14 > fixed
    assert (small.cells_kw + 4.14) < (large.cells_kw + 11.04)


def test_near_full_the_current_falls_by_steps_until_the_least_and_ends_when_full():
    vehicle = Vehicle(50.0, 10.0)
    powers = [most_charge_kw(HOME, vehicle, 45.0 + 5.0 * tenth / 10) for tenth in range(10)]
    assert powers[0] == pytest.approx(15 * 0.69)
    assert powers == sorted(powers, reverse=True)
    assert powers[-1] == pytest.approx(6 * 0.69)
    assert most_charge_kw(HOME, vehicle, 44.9) == pytest.approx(11.04)
    assert most_charge_kw(HOME, vehicle, 50.0) == 0.0
    end, pieces = advanced(
        HOME, vehicle, OutletState(0.0, 44.0), [Change(0.0, -11.04)], 3 * S_PER_H
    )
    assert end.energy_kwh == pytest.approx(50.0, abs=1e-9)
    assert len({round(piece.power_kw, 6) for piece in pieces}) == 12  # 16 to 6 A, and standby
    assert pieces[-1].power_kw == -HOME.standby_kw


def test_the_moment_of_the_next_limit_is_when_power_changes():
    vehicle = Vehicle(50.0, 10.0)
    wanted = Change(0.0, 11.04)
    seconds = seconds_to_edge(HOME, vehicle, 30.0, wanted)
    before, _ = advanced(HOME, vehicle, OutletState(0.0, 30.0), [wanted], seconds - 1.0)
    after, pieces = advanced(HOME, vehicle, OutletState(0.0, 30.0), [wanted], seconds + 1.0)
    assert before.energy_kwh > 10.0
    assert after.energy_kwh == pytest.approx(10.0, abs=1e-9)
    assert pieces[-1].power_kw == -HOME.standby_kw
    assert math.isinf(seconds_to_edge(HOME, vehicle, 10.0, wanted))


def test_a_charger_that_only_makes_reactive_power_takes_its_loss_from_the_grid():
    power, cells = flow(HOME, Vehicle(50.0, 10.0), 10.0, 0.0, 5.0)
    assert cells == 0.0
    assert power < -HOME.standby_kw


@given(st.floats(-11.0, 11.0), st.floats(-11.0, 11.0))
def test_a_ramp_ends_at_its_goal_and_never_moves_faster(begin: float, goal: float):
    steps = ramp(HOME, Change(10.0, begin), goal)
    assert steps[0].time_s == 10.0
    assert steps[-1].power_kw == goal
    powers = [begin, *(step.power_kw for step in steps)]
    most = HOME.ramp_kw_per_s * HOME.ramp_step_s + 1e-9
    assert all(abs(b - a) <= most for a, b in pairwise(powers))

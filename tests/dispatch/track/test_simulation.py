"""Hours of following: whatever the signal does, drivers get what they are owed."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.dispatch.track import fleet_state
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.firm import available_kw
from evergrid.dispatch.track.simulation import (
    Outages,
    Stays,
    World,
    constant,
    share_of_firm,
    simulate,
    up_to_firm,
)
from evergrid.dispatch.track.tick import tick
from tests.dispatch.track.cases import FAR_S, NOTTON, TWO_WAY, cars, commuters, fleet, random_signal
from tests.everyday import first

TICKS_PER_H = 1800


@pytest.mark.parametrize("seed", first(3, range(10)))
@pytest.mark.parametrize("zero_held", [True, False])
def test_no_driver_is_short_whatever_the_signal_does(seed: int, zero_held: bool) -> None:
    kind = ChargerType(7.36, 7.36, NOTTON, NOTTON, zero_held=zero_held)
    stays = commuters(40, seed, 3 * 3600.0)
    signal = random_signal(seed, 3 * TICKS_PER_H + 1)
    world = World(message_loss=0.1, seed=seed)
    record = simulate(fleet_state.empty(40, [kind]), stays, signal, constant(250.0), world=world)
    assert record.shortfall_kwh.max() == 0.0
    assert record.unreachable_kwh.max() < 1e-9
    assert record.switches.max() <= 20
    assert record.energies_kwh[fleet_state.REFUSED] == pytest.approx(0.0, abs=1e-9)
    came = stays.arrival_s < 3 * 3600.0
    out_kwh = (stays.cars.energy_kwh - record.energy_end_kwh)[came].sum()
    assert record.energies_kwh[fleet_state.CELLS] == pytest.approx(out_kwh, abs=0.2)


def test_orders_take_effect_after_the_latency() -> None:
    signal = np.sin(np.arange(200) / 7.0)
    stays = Stays(np.zeros(0, int), np.zeros(0), cars(0), np.zeros(0))

    def response_kw(latency_s: float) -> np.ndarray:
        state = fleet(40, rules=fleet_state.Rules(latency_s=latency_s))
        return simulate(state, stays, signal, constant(100.0), world=World(0.0)).response_kw

    at_once, late = response_kw(0.0), response_kw(5.0)  # two ticks and a half
    assert np.ptp(at_once) > 150.0
    np.testing.assert_allclose(late[3:], 0.5 * (at_once[:-3] + at_once[1:-2]), atol=1e-9)


def test_energy_returns_to_its_plan_within_an_hour() -> None:
    state = fleet(40)
    stays = Stays(np.zeros(0, int), np.zeros(0), cars(0), np.zeros(0))
    signal = np.r_[np.ones(TICKS_PER_H // 2), np.zeros(TICKS_PER_H)]
    pushed = simulate(state, stays, signal[: TICKS_PER_H // 2], constant(150.0))
    record = simulate(state, stays, signal, constant(150.0))
    taken = pushed.energies_kwh[fleet_state.CELLS]
    assert taken > 70.0
    assert abs(record.energies_kwh[fleet_state.CELLS]) <= 0.02 * taken


def test_what_is_available_is_held_to_the_end_of_the_block_and_no_driver_is_short() -> None:
    ends = np.r_[np.full(10, 1.2 * 3600.0), np.full(30, 9 * 3600.0)]
    given = cars(40, energy_kwh=np.linspace(9.0, 57.0, 40), owed_kwh=20.0)
    given = type(given)(**{**vars(given), "departure_s": ends})
    stays = Stays(np.arange(40), np.zeros(40), given, ends)
    for sign in (1.0, -1.0):
        signal = np.full(TICKS_PER_H // 2, sign)
        held = simulate(
            fleet_state.empty(40, [TWO_WAY]), stays, signal, share_of_firm(1.0), world=World(0.0)
        )
        assert np.abs(held.unmet_kw[1:]).max() <= 0.24
        assert held.award_kw.min() > 50.0
        more = simulate(
            fleet_state.empty(40, [TWO_WAY]),
            stays,
            signal,
            lambda state, hours, way=sign: 1.3 * available_kw(state, hours)[0 if way > 0 else 1],
            world=World(0.0),
        )
        assert np.abs(more.unmet_kw[-1]) > 5.0


def test_one_that_leaves_within_the_block_is_not_counted_on() -> None:
    assert available_kw(fleet(10, departure_s=1700.0), 0.5) == (0.0, 0.0)
    up, down = available_kw(fleet(10), 0.5)
    assert up == down == pytest.approx(73.6)


def test_a_charger_that_fails_costs_one_tick() -> None:
    state, none = fleet(30), Stays(np.zeros(0, int), np.zeros(0), cars(0), np.zeros(0))
    outages = Outages(np.arange(8), np.full(8, 100.0), np.full(8, 200.0))
    signal = np.full(200, 0.5)
    record = simulate(state, none, signal, constant(100.0), world=World(0.0), outages=outages)
    late = np.flatnonzero(np.abs(record.unmet_kw) > 0.24)
    assert set(late) <= {0, 50}
    assert state.now_s == 0.0


def test_the_same_seed_gives_the_same_record() -> None:
    stays, signal = commuters(20, 3, 3600.0), np.sin(np.arange(1801) / 50.0)
    empty = fleet_state.empty(20, [TWO_WAY])
    one, other = (simulate(empty, stays, signal, constant(60.0)) for _ in range(2))
    assert np.array_equal(one.response_kw, other.response_kw)


def test_an_award_beyond_what_the_fleet_can_hold_is_cut_and_then_held() -> None:
    state, none = (
        fleet(40, energy_kwh=7.5),
        Stays(np.zeros(0, int), np.zeros(0), cars(0), np.zeros(0)),
    )
    signal = np.ones(TICKS_PER_H // 2)
    firm_kw = available_kw(state, 0.5).symmetric_kw
    assert 100.0 < firm_kw < 294.0
    promised, cut = (
        simulate(state, none, signal, award(294.0), world=World(0.0))
        for award in (constant, up_to_firm)
    )
    assert cut.award_kw == pytest.approx(firm_kw)
    assert np.abs(cut.unmet_kw[1:]).max() < 0.05 * firm_kw
    assert promised.unmet_kw.max() > 30.0
    assert min(one.held_kw.min() for one in (cut, promised)) >= 0.0


def test_energy_for_half_a_block_sells_more_and_is_held_for_half_of_it() -> None:
    state, none = (
        fleet(40, energy_kwh=8.5),
        Stays(np.zeros(0, int), np.zeros(0), cars(0), np.zeros(0)),
    )
    whole_kw = available_kw(state, 1.0).symmetric_kw
    record = simulate(
        state,
        none,
        np.ones(TICKS_PER_H),
        lambda now, hours: available_kw(now, hours, hold_h=0.5).symmetric_kw,
        world=World(0.0, block_h=1.0, hold_h=0.5),
    )
    assert record.award_kw[0] > 1.8 * whole_kw
    assert np.abs(record.unmet_kw[1 : TICKS_PER_H // 2]).max() <= 0.05 * record.award_kw[0]
    # Then nothing is left above what drivers keep, and it is not taken from them.
    assert record.unmet_kw[-1] > 0.9 * record.award_kw[0]
    assert record.energies_kwh[fleet_state.CELLS] <= 40 * 3.5


@pytest.mark.parametrize("seed", range(5))
def test_whatever_was_asked_an_award_is_held_and_energy_is_back_in_an_hour(seed: int) -> None:
    """Cars that stay; `python -m benchmarks.track random` has those that come and go."""
    there = fleet(24, energy_kwh=np.linspace(6.0, 58.0, 24), owed_kwh=30.0, departure_s=4e4)
    none = Stays(np.zeros(0, int), np.zeros(0), cars(0), np.zeros(0))
    signal = np.r_[random_signal(seed, TICKS_PER_H), np.zeros(TICKS_PER_H + 1)]
    firm_kw = available_kw(there, 0.5).symmetric_kw
    record = simulate(there, none, signal, up_to_firm(1e3), world=World(seed=seed))
    assert record.award_kw[0] == pytest.approx(firm_kw)
    assert 0.0 < firm_kw < 24 * 7.36
    beside_kwh = np.abs(record.ahead_kwh[:, 1])
    assert beside_kwh[-1] <= 0.05 * beside_kwh.max() + 0.1
    if seed % 5 < 2:  # stuck at an end: as long as the first award lasts, all of it is there
        assert np.abs(record.unmet_kw[1 : TICKS_PER_H // 2]).max() <= 0.03 * firm_kw


def test_a_car_below_its_reserve_does_not_feed() -> None:
    """Its energy is outside the window when the award starts."""
    state = fleet(40, energy_kwh=np.r_[np.full(5, 3.0), np.full(35, 30.0)])
    for _ in range(60):
        tick(state, 250.0, 2.0)
        assert np.all(state.steps[:5] <= 0)
    assert available_kw(state, 0.5).up_kw == pytest.approx(35 * 7.36)
    with pytest.raises(InputError, match="ceiling_kwh"):
        cars(1, energy_kwh=61.0)


@pytest.mark.data
def test_the_real_signal_is_followed_with_late_and_lost_orders(data_folder: Path) -> None:
    path = data_folder / "regulation/pjm_regd_2s_2020-07-16.parquet"
    signal = pl.read_parquet(path)["regd"].to_numpy()[: 2 * TICKS_PER_H]
    stays = Stays(np.arange(1000), np.zeros(1000), cars(1000), np.full(1000, FAR_S))
    record = simulate(fleet_state.empty(1000, [TWO_WAY]), stays, signal, share_of_firm(0.8))
    assert record.mean_error < 0.004
    assert record.switches.max() <= 20

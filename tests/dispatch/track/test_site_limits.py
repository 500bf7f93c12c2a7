"""Orders within the limits of sites: held in every tick, and made up for by other sites."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evergrid.battery.converter import LossCurve
from evergrid.core.errors import InputError
from evergrid.dispatch.track import fleet_state, site_limits
from evergrid.dispatch.track.charger_types import ChargerType
from evergrid.dispatch.track.connections import Connections, plug_in
from evergrid.dispatch.track.firm import available_kw
from evergrid.dispatch.track.signal import SignalRules
from evergrid.dispatch.track.simulation import Stays, World, simulate
from evergrid.dispatch.track.site_limits import Bounds, LimitsByStep, SiteChargers

LOSS = LossCurve(0.005, 0.0, 0.045)
TYPE = ChargerType(11.04, 11.04, LOSS, LOSS, least_kw=4.14, step_kw=0.69)
# Two streets below one root, and chargers that are nowhere.
TREE = SiteChargers(np.repeat([1, 2, -1], 10), np.array([-1, 0, 0]))
FREE = np.full(3, np.inf)


def fleet(base_kw: float = 0.0) -> fleet_state.FleetState:
    state, rows = fleet_state.empty(30, [TYPE]), np.arange(30)
    cars = Connections(
        kind=np.zeros(30, np.int64),
        energy_kwh=np.full(30, 30.0),
        reserve_kwh=np.full(30, 10.0),
        owed_kwh=np.full(30, 30.0),
        ceiling_kwh=np.full(30, 60.0),
        departure_s=np.full(30, 40_000.0),
        base_kw=np.full(30, base_kw),
    )
    plug_in(state, rows, cars)
    return state


@settings(max_examples=60, deadline=None)
@given(
    limits=st.lists(st.floats(0.0, 120.0), min_size=6, max_size=6),
    shares=st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=8),
    base_kw=st.sampled_from([-11.04, -4.83, 0.0, 4.83]),
)
def test_no_tick_passes_a_limit(limits: list[float], shares: list[float], base_kw: float):
    state = fleet(base_kw)
    bounds = Bounds(-np.array(limits[:3]), np.array(limits[3:]))
    for share in shares:
        beyond_kw = site_limits.follow(state, 330.0 * share, 2.0, TREE, bounds)
        total_kw = TREE.sums(state.power_kw)
        assert (total_kw >= bounds.least_kw - 0.001).all()
        assert (total_kw <= bounds.most_kw + 0.001).all()
        assert (beyond_kw == 0).all()


def test_other_sites_make_up_for_one_that_is_full():
    state = fleet()
    bounds = Bounds(-FREE, np.array([np.inf, 20.0, np.inf]))
    for _ in range(3):
        site_limits.follow(state, 150.0, 2.0, TREE, bounds)
    assert TREE.sums(state.power_kw)[1] <= 20.0
    assert state.fleet_power_kw == pytest.approx(150.0, abs=0.7)


def test_without_limits_it_is_the_tick_itself():
    one, other = fleet(), fleet()
    for share in (0.3, -0.7, 0.1):
        site_limits.follow(one, 200.0 * share, 2.0, TREE, Bounds(-FREE, FREE))
        site_limits.advance(other, 200.0 * share, 2.0)
        np.testing.assert_array_equal(one.steps, other.steps)


def test_what_can_be_held_is_no_more_than_the_connections_allow():
    state = fleet(base_kw=-4.83)
    free = site_limits.available(state, 0.5, TREE, Bounds(-FREE, FREE))
    whole = available_kw(state, 0.5)
    assert free.up_kw <= whole.up_kw + 1e-6
    assert free.up_kw == pytest.approx(whole.up_kw, rel=0.01)
    tight = Bounds(-np.array([np.inf, 60.0, np.inf]), np.array([np.inf, 0.0, np.inf]))
    held = site_limits.available(state, 0.5, TREE, tight)
    # Street 1 draws 48.3 kW by its plan: it can draw 11.7 more, and feed nothing.
    assert free.down_kw - held.down_kw == pytest.approx(62.1 - 11.7, abs=0.1)
    assert free.up_kw - held.up_kw == pytest.approx(110.4, abs=0.1)


def test_a_limit_of_a_root_holds_for_all_below():
    state = fleet(base_kw=-11.04)
    bounds = Bounds(-np.array([100.0, np.inf, np.inf]), FREE)
    site_limits.follow(state, 0.0, 2.0, TREE, bounds)
    assert -TREE.sums(state.power_kw)[0] <= 100.0


def simulated(sites: LimitsByStep | None, signal: np.ndarray) -> np.ndarray:
    """Power of each site as told in each tick, of thirty cars asked for all that they have."""
    state, rows, told = fleet_state.empty(30, [TYPE]), np.arange(30), list[np.ndarray]()
    cars = Connections(
        kind=np.zeros(30, np.int64),
        energy_kwh=np.full(30, 30.0),
        reserve_kwh=np.full(30, 10.0),
        owed_kwh=np.full(30, 30.0),
        ceiling_kwh=np.full(30, 60.0),
        departure_s=np.full(30, 40_000.0),
        base_kw=np.zeros(30),
    )
    stays = Stays(rows, np.zeros(30), cars, np.full(30, 40_000.0))

    def award(now: fleet_state.FleetState, hours: float) -> float:
        told.append(TREE.sums(now.power_kw))
        return 330.0

    world = World(message_loss=0.0, block_h=2.0 / 3600.0)  # asked before every tick
    simulate(state, stays, signal, award, world=world, rules=SignalRules(tick_s=2.0), sites=sites)
    return np.array(told[1:])


def test_a_simulated_fleet_keeps_the_limits_of_each_step_in_every_tick():
    signal = np.tile([0.9, -0.9, 0.5], 10)[:21]
    most = np.stack([np.array([np.inf, 20.0, 50.0]), np.array([70.0, np.inf, 0.0])], axis=1)
    sites = LimitsByStep(TREE, 20.0, -most, most)
    free, kept = simulated(None, signal), simulated(sites, signal)
    for tick, of_sites in enumerate(kept):
        step = min(tick // 10, 1)
        assert (np.abs(of_sites) <= most[:, step] + 0.001).all()
    assert (np.abs(free) > most[:, 1] + 1.0).any()
    assert np.abs(kept[-1]).sum() > 50.0


def test_what_holds_through_a_block_is_the_strictest_limit_of_its_steps():
    most = np.array([[9.0, 5.0, 7.0, 1.0]])
    sites = LimitsByStep(SiteChargers(np.zeros(1, np.int64), np.array([-1])), 900.0, -most, most)
    assert sites.bounds(0.0).most_kw == pytest.approx([9.0])
    assert sites.bounds(0.0, 0.5).most_kw == pytest.approx([5.0])
    assert sites.bounds(1800.0, 0.25).least_kw == pytest.approx([-7.0])
    assert sites.bounds(1800.0, 9.0).most_kw == pytest.approx([1.0])
    assert sites.bounds(9999.0).most_kw == pytest.approx([1.0])
    with pytest.raises(InputError, match="step_s"):
        LimitsByStep(sites.chargers, 0.0, -most, most)

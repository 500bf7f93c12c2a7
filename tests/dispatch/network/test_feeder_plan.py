"""Plans within network limits: they hold, cost no less than without, serve what can be served."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from evergrid.core.errors import SolveError
from evergrid.core.flowgates import Flowgates
from evergrid.core.status import Status
from evergrid.dispatch import plan
from evergrid.dispatch.network import feeder_check, feeder_envelope, feeder_plan
from evergrid.dispatch.network.feeder_plan import FeederPlan, Round
from evergrid.grid.limits.kinds import Kind
from evergrid.grid.limits.limits import Limits
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import plugged_share
from tests.dispatch.feeder_cases import LIMITS, WIDE, StreetFleet, wired

SEEDS = range(4)


def held(street: StreetFleet, *, rounds: int = 50) -> FeederPlan:
    """The plan of a street within its wires."""
    return feeder_plan.within(street.portfolio, street.connections, street.options, rounds=rounds)


@pytest.fixture(scope="module", params=SEEDS)
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A random street and its plan."""
    street = wired(tmp_path_factory.mktemp("street"), request.param)
    return street, held(street)


def test_a_plan_that_passes_limits_without_the_wires_holds_with_them(
    found: tuple[StreetFleet, FeederPlan],
):
    _, made = found
    assert not made.first_check.holds
    assert made.check.holds
    bound = made.check.limits.bound
    assert (made.check.values.value <= bound + 1e-6 * np.abs(bound)).all()
    assert 2 <= len(made.rounds) <= 12


def test_the_wires_never_lower_the_cost_and_the_proof_is_of_the_last_plan(
    found: tuple[StreetFleet, FeederPlan],
):
    _, made = found
    assert made.plan.costs.net > made.first.costs.net
    assert made.plan.status is Status.OPTIMAL
    assert made.plan.certificate.gap <= 1e-6
    assert made.plan.certificate.objective == pytest.approx(made.plan.costs.net, abs=1e-8)
    assert made.plan.certificate.node_kw <= 1e-6


def test_the_check_is_that_of_the_schedule_itself(found: tuple[StreetFleet, FeederPlan]):
    street, made = found
    for schedule, checked in (
        (made.plan.schedule, made.check),
        (made.first.schedule, made.first_check),
    ):
        power = street.case.base_kw.T.copy()
        for session, site in enumerate(street.portfolio.sessions.site_id):
            load = str(street.loads.name[-1]) if site == "garage" else site
            (row,) = np.flatnonzero(street.loads.name == load)
            at = street.loads.share.toarray()[row]
            power += schedule.power_kw[session][:, None] * at
        np.testing.assert_allclose(checked.power_kw, power, atol=1e-9)
        values = checked.limits.values(power, street.case.base_kvar.T)
        np.testing.assert_allclose(checked.values.value, values.value, atol=1e-7)
        again = feeder_check.check(street.portfolio, street.connections, schedule)
        np.testing.assert_array_equal(again.violated, checked.violated)


def test_rounds_tell_cost_and_what_is_left_beyond_the_wires(found: tuple[StreetFleet, FeederPlan]):
    _, made = found
    first, last = made.rounds[0], made.rounds[-1]
    assert (first.cost, last.cost) == (made.first.costs.net, made.plan.costs.net)
    assert last.steps == 0
    assert last.worst <= feeder_check.ROUNDING
    assert first.steps == int(made.first_check.violated.any(axis=1).sum()) > 0
    bound = made.first_check.limits.bound
    share = (made.first_check.values.value - bound) / np.abs(bound)
    assert first.worst == pytest.approx(share.max())


def test_flowgates_stand_at_places_alone_and_let_a_fleet_rest(
    found: tuple[StreetFleet, FeederPlan],
):
    street, made = found
    gates = made.portfolio.flowgates
    assert gates is not None
    assert (np.abs(gates.weight).max(axis=1) <= 1 + 1e-12).all()
    assert not gates.weight[:, [0, -1]].any()  # the root, and the garage that is in the shop's
    count, steps = len(street.portfolio.sites), street.portfolio.grid.steps
    assert (gates.beyond_kw(np.zeros((count, steps))) <= 0).all()


def test_prices_of_the_wires_are_felt_only_where_the_plan_is_held(
    found: tuple[StreetFleet, FeederPlan],
):
    _, made = found
    assert not made.first.congestion_price_per_mwh.any()
    price = made.plan.congestion_price_per_mwh
    assert price.any()
    busy = made.portfolio.flowgates
    assert busy is not None
    assert set(np.flatnonzero(price.any(axis=0))) <= set(busy.step.tolist())


def test_wide_limits_change_nothing_and_take_no_round(tmp_path: Path):
    street = wired(tmp_path, 0, WIDE)
    made = held(street)
    alone = plan.v2g(street.portfolio, street.options)
    assert len(made.rounds) == 1
    assert made.plan is made.first
    assert made.portfolio.flowgates is None
    np.testing.assert_array_equal(made.plan.schedule.power_kw, alone.schedule.power_kw)


def test_wider_limits_cost_less(tmp_path: Path):
    narrow = held(wired(tmp_path, 2)).plan.costs.net
    wider = replace(LIMITS, low_pu=0.92, high_pu=1.08, unbalance=0.05)
    eased = held(wired(tmp_path, 2, wider)).plan.costs.net
    free = held(wired(tmp_path, 2, WIDE)).plan.costs.net
    assert free < eased < narrow


def test_vehicles_that_rest_keep_limits_that_the_load_alone_passes(tmp_path: Path):
    tight = Limits(low_pu=0.998, high_pu=1.0, line=0.01, transformer=0.01, unbalance=1e-4)
    street = wired(tmp_path, 1, tight, resting=True)
    made = held(street)
    assert not made.plan.schedule.power_kw.any()
    base = made.check.limits.base
    assert (base > made.check.rows.limit).any(axis=0).sum() > 5
    assert made.check.holds
    assert len(made.rounds) == 1


def test_powers_beyond_any_power_flow_still_end_in_a_plan_that_holds(tmp_path: Path):
    street = wired(tmp_path, 1, rating_kw=150.0, vehicles=10)
    made = held(street)
    assert not made.first_check.values.settled.all()
    assert np.isinf(made.rounds[0].worst)
    lost, *others = made.first_check.violations
    assert (lost.share, lost.steps) == (None, (~made.first_check.values.settled).sum())
    assert all(each.share is not None and np.isfinite(each.share) for each in others)
    assert made.check.values.settled.all()
    assert made.check.holds
    assert np.abs(made.plan.schedule.power_kw).max() > 10.0


def test_energy_that_the_wires_cannot_deliver_is_named_and_the_rest_is_served(tmp_path: Path):
    street = wired(tmp_path, 1, replace(LIMITS, low_pu=0.975), owed=1.0, vehicles=24)
    made = held(street)
    assert not made.first.shortfalls
    assert made.plan.shortfalls
    assert made.check.holds
    portfolio, schedule = street.portfolio, made.plan.schedule
    short = {item.session_id: item.shortfall_kwh for item in made.plan.shortfalls}
    served = schedule.energy_kwh[:, -1]
    for row, name in enumerate(portfolio.sessions.session_id):
        owed = portfolio.sessions.energy_departure_kwh[row] - short.get(str(name), 0.0)
        assert served[row] >= owed - 1e-4, name
    assert len(short) < len(portfolio.sessions)
    assert {item.limit for item in made.plan.shortfalls} == {"the limits of the network"}


def test_no_more_rounds_are_made_than_allowed_and_each_is_told(tmp_path: Path):
    street = wired(tmp_path, 3)
    told: list[tuple[int, Round]] = []
    made = feeder_plan.within(
        street.portfolio,
        street.connections,
        street.options,
        rounds=1,
        tell=lambda number, what: told.append((number, what)),
    )
    assert len(made.rounds) == 2
    assert not made.check.holds
    assert told == list(enumerate(made.rounds))
    assert made.plan.status is Status.LIMITS_EXCEEDED
    left = made.check.violations
    assert (left[0].share, left[0].place) == (made.check.share.max(), furthest_place(made))
    assert len(left) == made.check.violated.any(axis=0).sum()
    assert sum(each.steps for each in left) == made.check.violated.sum()
    assert held(street).plan.status is Status.OPTIMAL


def furthest_place(made: FeederPlan) -> str:
    """What the limit is about that the plan violates most."""
    return str(made.check.rows.name[made.check.share.max(axis=0).argmax()])


def test_the_search_ends_with_the_time_limit_and_names_what_is_left(tmp_path: Path):
    street = wired(tmp_path, 3)
    rounds, now = [], [0.0]

    def told(number: int, _: Round) -> None:
        rounds.append(number)
        now[0] = 700.0 * number

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feeder_plan, "time", SimpleNamespace(perf_counter=lambda: now[0]))
        made = feeder_plan.within(street.portfolio, street.connections, street.options, tell=told)
    assert rounds == [0, 1, 2]
    assert made.portfolio.flowgates is not None
    assert made.check.holds is not bool(made.check.violations)


def test_a_sketch_goes_on_where_flowgates_leave_somebody_unserved(tmp_path: Path):
    """As little is left as must be; the plans between would each take a proof of their own."""
    street = wired(tmp_path, 1, owed=1.0, vehicles=24)
    sketch = feeder_plan._Sketch(street.portfolio, street.options, np.inf)
    steps, count = street.portfolio.grid.steps, len(street.portfolio.sites)
    weight = np.zeros((steps, count))
    weight[:, 0] = -1.0  # the root, with all below it
    total = Flowgates(np.arange(steps), weight, np.full(steps, 20.0))
    cuts = feeder_plan._Cuts(street.portfolio, street.connections)
    cuts._parts.append(total)
    drawn = sketch.within(cuts)
    limited = plan.v2g(replace(street.portfolio, flowgates=total), street.options)
    assert limited.shortfalls
    assert drawn is not None
    sessions = street.portfolio.sessions
    missing = np.maximum(sessions.energy_departure_kwh - drawn.energy_kwh[:, -1], 0.0)
    assert missing.sum() == pytest.approx(limited.shortfall_kwh, rel=1e-3)


def test_where_no_power_flow_has_a_solution_the_deepest_lines_are_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """All limits are violated without bound there: by themselves they would be cut in any order."""
    street = wired(tmp_path, 1, rating_kw=150.0, vehicles=10)
    monkeypatch.setattr(feeder_plan, "MANY", 2)
    first = plan.v2g(street.portfolio, street.options)
    checked = feeder_check.check(street.portfolio, street.connections, first.schedule)
    cuts = feeder_plan._Cuts(street.portfolio, street.connections)
    cuts.add(first.schedule, checked, 0.0)
    unsettled = np.isin(cuts.last.step, np.flatnonzero(~checked.values.settled))
    assert unsettled.any()
    own = np.zeros((len(street.portfolio.sites), street.portfolio.grid.steps))
    np.add.at(own, street.portfolio.site_row, first.schedule.power_kw)
    net = street.portfolio.sites.add_up(own)
    beyond = cuts.last.beyond_kw(net)
    assert (beyond[unsettled] > 0).all()
    assert np.bincount(cuts.last.step).max() <= 2


def test_a_limit_that_is_nearly_violated_is_cut_once(found: tuple[StreetFleet, FeederPlan]):
    street, made = found
    cuts = feeder_plan._Cuts(street.portfolio, street.connections)
    for schedule, checked in (
        (made.first.schedule, made.first_check),
        (made.plan.schedule, made.check),
        (made.plan.schedule, made.check),
    ):
        cuts.add(schedule, checked, feeder_check.MARGIN)
    counts = [len(part) for part in cuts._parts]
    assert counts[0] > 0
    assert counts[2] == 0


def test_one_way_chargers_are_brought_within_the_wires_too(tmp_path: Path):
    street = wired(tmp_path, 0, replace(LIMITS, low_pu=0.96), owed=0.6, vehicles=20)
    one_way = replace(street.portfolio, sessions=street.portfolio.sessions.without_discharge())
    smart = feeder_plan.within(one_way, street.connections, street.options)
    v2g = held(street)
    assert not smart.first_check.holds
    assert smart.check.holds
    assert smart.plan.schedule.power_kw.max() <= 0
    assert v2g.plan.costs.net < smart.plan.costs.net


def test_reach_is_the_sum_of_the_chargers_that_are_plugged_in(tmp_path: Path):
    street = wired(tmp_path, 2)
    portfolio = street.portfolio
    sessions = replace(portfolio.sessions, max_discharge_kw=portfolio.sessions.max_discharge_kw / 2)
    portfolio = replace(portfolio, sessions=sessions)
    found = feeder_check.reach(portfolio, street.connections)
    share = plugged_share(sessions, portfolio.grid)
    draw = np.zeros((portfolio.grid.steps, len(street.loads)))
    for row, place in enumerate(street.connections.place[portfolio.site_row]):
        draw[:, place] += 7.0 * share[row]
    np.testing.assert_allclose(found.draw_kw, draw)
    np.testing.assert_allclose(found.feed_kw, draw / 2)


def test_whatever_places_do_within_their_envelopes_the_wires_carry(
    found: tuple[StreetFleet, FeederPlan],
):
    """Every corner at random, by power flow; a line at the plan alone would let 0.02 pu through."""
    street, made = found
    able, limits = feeder_check.reach(street.portfolio, street.connections), made.check.limits
    free = feeder_envelope.around(made, street.connections)
    assert (free.draw_kw <= able.draw_kw + 1e-9).all()
    assert (free.feed_kw <= able.feed_kw + 1e-9).all()
    rng = np.random.default_rng(0)
    ways = [np.ones(free.draw_kw.shape), -np.ones(free.draw_kw.shape)]
    ways += [rng.choice([-1.0, 0.0, 1.0], free.draw_kw.shape) for _ in range(60)]
    ways += [rng.uniform(-1, 1, free.draw_kw.shape) for _ in range(20)]
    for way in ways:
        corner = np.where(way > 0, way * free.feed_kw, way * free.draw_kw)
        power = street.case.base_kw.T + corner @ street.connections.share
        values = limits.values(power, street.case.base_kvar.T)
        assert (values.value <= limits.bound + 1e-6 * np.abs(limits.bound)).all()
    total = free.draw_kw.sum() + free.feed_kw.sum()
    assert total > 0.5 * (able.draw_kw.sum() + able.feed_kw.sum())


def test_envelopes_of_a_fleet_that_nothing_holds_are_its_reach(tmp_path: Path):
    street = wired(tmp_path, 0, WIDE)
    free = feeder_envelope.around(held(street), street.connections)
    able = feeder_check.reach(street.portfolio, street.connections)
    np.testing.assert_allclose(free.draw_kw, able.draw_kw, rtol=1e-9)
    np.testing.assert_allclose(free.feed_kw, able.feed_kw, rtol=1e-9)


def test_envelopes_hold_where_all_at_once_could_not_even_be_computed(tmp_path: Path):
    street = wired(tmp_path, 1, rating_kw=150.0, vehicles=10)
    made = held(street)
    free = feeder_envelope.around(made, street.connections)
    for corner in (free.feed_kw, -free.draw_kw):
        power = street.case.base_kw.T + corner @ street.connections.share
        values = made.check.limits.values(power, street.case.base_kvar.T)
        assert values.settled.all()
        bound = made.check.limits.bound
        assert (values.value <= bound + 1e-6 * np.abs(bound)).all()


def test_a_plan_that_cannot_be_found_names_the_limits_of_the_feeder_that_stand_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    street = wired(tmp_path, 0)
    own = feeder_plan.v2g

    def unsolved(portfolio: Portfolio, options: plan.Options) -> plan.Plan:
        if portfolio.flowgates is None:
            return own(portfolio, options)
        raise SolveError(Status.INFEASIBLE)

    monkeypatch.setattr(feeder_plan, "v2g", unsolved)
    with pytest.raises(SolveError, match="The faults name the limits") as refused:
        held(street)
    faults = refused.value.faults
    assert faults
    assert {fault.field.removesuffix(" limit") for fault in faults} <= {kind.label for kind in Kind}
    assert all(fault.ids and fault.fix for fault in faults)
    assert faults[0].ids[0] in str(refused.value)


def test_without_known_faults_none_are_promised():
    assert "faults" not in str(SolveError(Status.INFEASIBLE))


def test_of_many_cuts_in_a_step_those_that_point_the_same_way_are_made_once():
    way = np.repeat(np.eye(3), 50, axis=0) + np.linspace(0.0, 0.1, 150)[:, None]
    share = np.linspace(0.0, 1.0, 150)
    kept = feeder_plan._spread(np.zeros(150, dtype=int), way, share)
    assert np.flatnonzero(kept).tolist() == [49, 99, 149]  # the deepest of each
    few = feeder_plan._spread(np.arange(150), way, share)
    assert few.all()
    ways = np.eye(150)
    assert feeder_plan._spread(np.zeros(150, dtype=int), ways, share).sum() == feeder_plan.MANY

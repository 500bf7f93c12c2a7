"""Sites are a tree: sums run up it, meters and limits hold on it, and cycles are refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core.timegrid import TimeGrid
from evergrid.model.site import SiteLimits, SiteLoad, Sites, lasting_limits, no_load
from tests.model.cases import DAY, faults_of, make_sites

TREE = {"fleet": "", "street": "fleet", "house": "street", "office": "fleet"}


@st.composite
def trees(draw: st.DrawFn):
    """Random trees in random row order, as parent by site."""
    count = draw(st.integers(1, 12))
    parents = [draw(st.integers(-1, i - 1)) for i in range(count)]
    order = draw(st.permutations(range(count)))
    return {f"n{i}": "" if parents[i] < 0 else f"n{parents[i]}" for i in order}


def chain(tree: dict[str, str], name: str):
    """The site itself and every site above it."""
    return [] if name == "" else [name, *chain(tree, tree[name])]


@given(trees())
def test_depth_and_parent_follow_the_names(tree: dict[str, str]):
    sites = make_sites(tree)
    assert sites.depth.tolist() == [len(chain(tree, name)) - 1 for name in tree]
    rows = list(tree)
    above = ["" if row < 0 else rows[row] for row in sites.parent]
    assert above == list(tree.values())


@given(trees(), st.integers(1, 4), st.data())
def test_each_site_adds_up_itself_and_all_below(
    tree: dict[str, str], steps: int, data: st.DataObject
):
    whole = st.integers(-100, 100)
    own = np.array(
        [[float(data.draw(whole)) for _ in range(steps)] for _ in tree], dtype=float
    ).reshape(len(tree), steps)
    total = make_sites(tree).add_up(own)
    for row, name in enumerate(tree):
        below = [name in chain(tree, other) for other in tree]
        assert total[row].tolist() == own[below].sum(axis=0).tolist()


@given(trees())
def test_a_meter_counts_for_everything_below_it(tree: dict[str, str]):
    roots = np.array([parent == "" for parent in tree.values()])
    sites = make_sites(tree, net_metering=roots)
    rows = list(tree)
    assert [rows[row] for row in sites.meter] == [chain(tree, name)[-1] for name in tree]
    assert (make_sites(tree).meter == -1).all()


@given(trees(), st.lists(st.sampled_from([*"abc", "n0", "n1", "n9"]), max_size=8))
def test_row_finds_each_name_and_nothing_else(tree: dict[str, str], wanted: list[str]):
    rows = list(tree)
    expected = [rows.index(name) if name in rows else -1 for name in wanted]
    found = make_sites(tree).row(np.array(wanted, dtype=object))
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("tree", "on_cycle"),
    [
        ({"a": "a"}, {"a"}),
        ({"a": "b", "b": "a", "c": ""}, {"a", "b"}),
        ({"a": "c", "b": "a", "c": "b", "tail": "a"}, {"a", "b", "c"}),
        ({"tail": "a", "a": "b", "b": "a"}, {"a", "b"}),
    ],
)
def test_a_cycle_is_refused_and_names_the_sites_on_it(tree: dict[str, str], on_cycle: set[str]):
    found = faults_of(make_sites, tree)
    assert set(found["parent_id"].ids) == on_cycle


def test_an_unknown_parent_is_named_with_the_known_sites():
    fault = faults_of(make_sites, TREE | {"garage": "offce"})["parent_id"]
    assert (fault.got, fault.ids) == (("offce",), ("garage",))
    assert "office" in fault.fix


def test_every_broken_rule_is_reported_at_once():
    broken = {
        "import_limit_kw": [-1.0, 1.0, np.nan, np.inf],
        "export_limit_kw": [0.0, -np.inf, 1.0, 1.0],
        "demand_charge_per_kw": [0.0, np.inf, -1.0, 0.0],
        "energy_budget_kwh": [np.nan, 0.0, np.inf, -5.0],
        "site_id": ["fleet", "", "house", "house"],
    }
    found = faults_of(make_sites, TREE, **broken)
    assert set(found) == {*broken, "parent_id"}
    assert found["import_limit_kw"].rows == (1, 3)
    assert found["export_limit_kw"].rows == (2,)
    assert found["demand_charge_per_kw"].rows == (2, 3)
    assert found["energy_budget_kwh"].rows == (1, 4)


def test_there_is_no_budget_where_that_is_left_out():
    columns = make_sites(TREE).columns()
    del columns["energy_budget_kwh"]
    assert np.isinf(Sites(**columns).energy_budget_kwh).all()


def test_a_meter_below_a_meter_is_refused():
    found = faults_of(make_sites, TREE, net_metering=[True, False, True, False])
    assert found["net_metering"].ids == ("house",)


def load(site_id: list[str], values: Any):
    values = np.atleast_2d(np.array(values, dtype=float))
    times = np.datetime64("2024-01-10", "us") + np.arange(values.shape[1]) * np.timedelta64(1, "h")
    return SiteLoad(np.array(site_id, dtype=object), times, values)


def test_load_lands_at_its_site_and_others_have_none():
    own = load(["office", "house"], [[5.0] * 24, list(range(24))])
    on_grid = own.on(DAY, make_sites(TREE))
    assert on_grid[3].tolist() == [5.0] * 24
    assert on_grid[2].tolist() == list(range(24))
    assert not on_grid[:2].any()
    assert not no_load().on(DAY, make_sites(TREE)).any()


def test_a_load_of_an_unknown_site_or_of_too_few_hours_is_refused():
    sites = make_sites(TREE)
    assert faults_of(load(["shed"], [[1.0] * 24]).on, DAY, sites)["site_id"].got == ("shed",)
    assert "cover" in faults_of(load(["house"], [[1.0] * 23]).on, DAY, sites)["time_utc"].rule


def test_a_load_that_is_no_number_is_refused_with_its_site():
    assert faults_of(load, ["a", "b"], [[1.0, 2.0], [1.0, np.nan]])["load_kw"].ids == ("b",)


def limits(site_id: list[str], drawn: Any, fed: Any, *, minutes: int = 60):
    drawn, fed = (np.atleast_2d(np.array(values, dtype=float)) for values in (drawn, fed))
    count = drawn.shape[1]
    times = np.datetime64("2024-01-10", "us") + np.arange(count) * np.timedelta64(minutes, "m")
    return SiteLimits(np.array(site_id, dtype=object), times, drawn, fed)


def test_limits_land_at_their_site_and_others_have_none():
    given_limits = limits(["office", "house"], [[5.0] * 24, [np.inf] * 24], [[2.0] * 24] * 2)
    drawn, fed = given_limits.on(DAY, make_sites(TREE))
    assert drawn[3].tolist() == [5.0] * 24
    assert fed[2:].tolist() == [[2.0] * 24] * 2
    assert np.isinf(drawn[2]).all()
    assert np.isinf(drawn[:2]).all()
    assert np.isinf(fed[:2]).all()
    for none in lasting_limits().on(DAY, make_sites(TREE)):
        assert np.isinf(none).all()


def test_a_step_keeps_the_least_limit_that_holds_during_it():
    hourly = limits(["house"], np.arange(24.0), np.arange(24.0)[::-1])
    sites = make_sites(TREE)
    coarse = TimeGrid(DAY.start_utc, 4.0, 6)
    drawn, fed = (values[2].tolist() for values in hourly.on(coarse, sites))
    assert drawn == [0.0, 4.0, 8.0, 12.0, 16.0, 20.0]
    assert fed == [20.0, 16.0, 12.0, 8.0, 4.0, 0.0]
    fine = TimeGrid(DAY.start_utc, 0.25, 96)
    drawn, _ = hourly.on(fine, sites)
    assert drawn[2].tolist() == np.repeat(np.arange(24.0), 4).tolist()


def test_a_site_may_have_to_draw_or_feed_where_the_other_limit_allows():
    must_feed = limits(["house"], [-2.0] * 24, [5.0] * 24)
    must_draw = limits(["house"], [5.0] * 24, [-2.0] * 24)
    exactly = limits(["house"], [-2.0] * 24, [2.0] * 24)
    for given_limits, least in ((must_feed, -2.0), (must_draw, 5.0), (exactly, -2.0)):
        assert given_limits.on(DAY, make_sites(TREE))[0][2].tolist() == [least] * 24


def test_limits_that_no_power_can_keep_are_refused_with_their_site_and_gap():
    drawn = [[1.0] * 3, [1.0, -2.0, 1.0]]
    found = faults_of(limits, ["house", "office"], drawn, [[1.0] * 3] * 2)
    fault = found["import_limit_kw"]
    assert (fault.ids, fault.got, fault.rows) == (("office",), (-1.0,), (2,))
    assert "add up to at least 0" in fault.rule
    assert "negative limit" in fault.fix


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
@pytest.mark.parametrize("name", ["import_limit_kw", "export_limit_kw"])
def test_a_limit_that_is_no_number_is_refused_with_its_site(name: str, bad: float):
    whole, broken = [[4.0, 4.0], [4.0, 4.0]], [[4.0, 4.0], [4.0, bad]]
    first = name == "import_limit_kw"
    values = (broken, whole) if first else (whole, broken)
    assert faults_of(limits, ["a", "b"], *values)[name].ids == ("b",)


def test_limits_of_an_unknown_site_of_too_few_hours_or_with_a_gap_are_refused():
    sites, day = make_sites(TREE), ([1.0] * 24, [1.0] * 24)
    fault = faults_of(limits(["hous"], *day).on, DAY, sites)["site_id"]
    assert fault.got == ("hous",)
    assert "house" in fault.fix
    short = limits(["house"], [1.0] * 23, [1.0] * 23)
    assert "cover" in faults_of(short.on, DAY, sites)["time_utc"].rule
    times = limits(["house"], *day).time_utc.copy()
    times[12:] += np.timedelta64(30, "m")
    gap = (np.array(["house"], dtype=object), times, np.ones((1, 24)), np.ones((1, 24)))
    assert "follow" in faults_of(SiteLimits, *gap)["time_utc"].rule

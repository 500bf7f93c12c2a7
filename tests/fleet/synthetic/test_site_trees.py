"""Generated trees: names, who hangs below whom, limits, load, and the vehicles dealt to sites."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evergrid.core import config
from evergrid.core.timegrid import TimeGrid
from evergrid.fleet.synthetic import mobility, site_trees
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.fleet.synthetic.site_levels import SiteTree
from evergrid.model.site import Sites

GRID = TimeGrid(datetime(2025, 1, 14, 11, tzinfo=UTC), 0.25, 96)
ZONE = "Europe/Amsterdam"
FEEDER = {"name": "feeder", "count": 3, "import_limit_kw": 100.0}
STREET = {"name": "street", "count": 12, "homes": 20, "limit_spread": 0.3}
STREET |= {"import_limit_kw": 10.0, "import_limit_kw_per_vehicle": 2.0}
DEPOT = {"name": "depot", "count": 1, "parent": "feeder", "homes": 2}

# How many below each, and the row of the level above (-1: the root), for up to four levels.
shapes = st.lists(st.tuples(st.integers(1, 5), st.integers(-1, 2)), min_size=1, max_size=4)


def tree(**changed: Any) -> SiteTree:
    return config.parse(SiteTree, {"name": "city", "level": [FEEDER, STREET, DEPOT]} | changed)


def shaped(shape: list[tuple[int, int]], **every: Any) -> SiteTree:
    levels = []
    for i, (count, above) in enumerate(shape):
        parent = f"kind{min(above, i - 1)}" if above >= 0 and i else ""
        levels.append({"name": f"kind{i}", "count": count, "parent": parent} | every)
    return tree(level=levels)


def group(vehicles: int, *sites: str, place: str = "home") -> FleetGroup:
    raw = {"place": place, "vehicles": vehicles, "sites": sites, "time_zone": ZONE}
    return config.parse(FleetGroup, raw)


def sites(of: SiteTree, *fleet: FleetGroup, seed: int = 0) -> Sites:
    at = site_trees.vehicles(site_trees.dealt(fleet, site_trees.levels([of])))
    return Sites(**site_trees.sites(of, at, seed=seed))


def test_names_say_the_way_from_the_root() -> None:
    names = site_trees.names(tree())
    assert names[""].tolist() == ["city"]
    assert names["feeder"].tolist() == ["city/feeder-1", "city/feeder-2", "city/feeder-3"]
    assert names["street"][[0, -1]].tolist() == [
        "city/feeder-1/street-01",
        "city/feeder-3/street-12",
    ]


@given(shapes)
def test_names_are_unique_and_each_lies_below_its_parent(shape: list[tuple[int, int]]) -> None:
    made = sites(shaped(shape))
    assert len(set(made.site_id)) == len(made) == sum(shaped(shape).counts().values())
    for name, parent in zip(made.site_id[1:], made.parent_id[1:], strict=True):
        assert name.rpartition("/")[0] == parent
    assert made.parent_id[0] == ""


@given(shapes, st.integers(1, 60))
def test_every_vehicle_has_a_place_and_is_counted_all_the_way_up(
    shape: list[tuple[int, int]], count: int
) -> None:
    made = shaped(shape, import_limit_kw_per_vehicle=1.0)
    made = made.model_copy(update={"import_limit_kw_per_vehicle": 1.0})
    leaf = f"city/kind{len(shape) - 1}"
    found = sites(made, group(count, leaf))
    at = site_trees.vehicles(site_trees.dealt([group(count, leaf)], site_trees.levels([made])))
    assert sum(at.values()) == count
    assert max(at.values()) - min(at.values()) <= 1
    own = np.array([[at.get(name, 0)] for name in found.site_id], float)
    np.testing.assert_allclose(found.import_limit_kw, found.add_up(own)[:, 0])


def test_the_sessions_stand_where_their_vehicles_are_dealt() -> None:
    (dealt,) = site_trees.dealt(
        [group(80, "city/street", "city/depot")], site_trees.levels([tree()])
    )
    drawn = mobility.sessions(GRID, [dealt], seed=1)
    at = site_trees.vehicles([dealt])
    per_site: dict[str, set[str]] = {}
    for site, asset in zip(drawn.site_id, drawn.asset_id, strict=True):
        per_site.setdefault(site, set()).add(asset)
    assert all(len(assets) <= at[site] for site, assets in per_site.items())
    assert set(per_site) <= set(site_trees.names(tree())["street"]) | set(
        site_trees.names(tree())["depot"]
    )


def test_names_that_are_no_level_stay_as_they_are() -> None:
    written = group(7, "city", "city/feeder-2", "elsewhere", "city/streets")
    assert site_trees.dealt([written], site_trees.levels([tree()])) == (written,)


@given(st.floats(0.1, 1000), st.floats(0, 50), st.integers(0, 100))
def test_limits_add_a_fixed_part_and_one_per_vehicle(fixed: float, each: float, count: int) -> None:
    root = tree(import_limit_kw=fixed, import_limit_kw_per_vehicle=each, export_limit_kw=fixed)
    found = sites(root, *([group(count, "city/street")] if count else []))
    assert found.import_limit_kw[0] == pytest.approx(fixed + each * count)
    assert found.export_limit_kw[0] == fixed


@given(st.floats(0.1, 10))
def test_limits_scale(factor: float) -> None:
    parts = ("import_limit_kw", "import_limit_kw_per_vehicle")
    scaled = STREET | {name: factor * STREET[name] for name in parts}
    fleet = group(50, "city/street")
    plain, larger = sites(tree(level=[STREET]), fleet), sites(tree(level=[scaled]), fleet)
    np.testing.assert_allclose(larger.import_limit_kw, factor * plain.import_limit_kw)


def test_an_absent_limit_is_none_and_a_spread_stays_within_its_share() -> None:
    found = sites(tree())
    assert np.isinf(found.import_limit_kw[0])
    assert np.isinf(found.export_limit_kw).all()
    street = found.import_limit_kw[4:40]
    assert ((street >= 7) & (street <= 13)).all()
    assert np.ptp(street) > 1


def test_the_seed_moves_limits_and_load_and_nothing_else() -> None:
    one, again, other = (sites(tree(), seed=seed) for seed in (1, 1, 2))
    assert one.import_limit_kw.tolist() == again.import_limit_kw.tolist()
    assert one.import_limit_kw.tolist() != other.import_limit_kw.tolist()
    assert one.site_id.tolist() == other.site_id.tolist()
    loads = [site_trees.site_load(tree(), GRID, ZoneInfo(ZONE), seed=seed) for seed in (1, 1, 2)]
    assert (loads[0][0].load_kw == loads[1][0].load_kw).all()
    assert (loads[0][0].load_kw != loads[2][0].load_kw).any()


def test_a_level_more_changes_no_other() -> None:
    plain, more = tree(level=[FEEDER, STREET]), tree()
    kept, both = (limit_of(sites(made)) for made in (plain, more))
    assert kept.items() <= both.items()


def test_only_levels_with_homes_have_load() -> None:
    street, depot = site_trees.site_load(tree(), GRID, ZoneInfo(ZONE), seed=0)
    assert street.site_id.tolist() == site_trees.names(tree())["street"].tolist()
    assert street.load_kw.mean() > 5 * depot.load_kw.mean()


def limit_of(found: Sites) -> dict[str, float]:
    return dict(zip(found.site_id.tolist(), found.import_limit_kw.tolist(), strict=True))

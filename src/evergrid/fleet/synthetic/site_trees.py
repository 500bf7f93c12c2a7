"""Which sites a generated tree stands for: their names, limits and load, and who is dealt to them.

Sites of one parent stand together and in order at every level, so that sums over them are sums
over equal pieces of an array.
"""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.timegrid import TimeGrid
from evergrid.fleet.random_streams import stream
from evergrid.fleet.synthetic import household
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.fleet.synthetic.site_levels import Branch, SiteLevel, SiteTree
from evergrid.model.site import SiteLoad

Levels = dict[str, Array]  # an array over the sites of each level


def names(tree: SiteTree) -> Levels:
    """Names of the sites of each level, the root with its empty name first."""
    made: Levels = {"": np.array([tree.name], dtype=object)}
    for level in tree.level:
        digits = len(str(level.count))
        own = [f"/{level.name}-{number:0{digits}}" for number in range(1, level.count + 1)]
        above = made[tree.above(level)]
        made[level.name] = np.array([up + name for up in above for name in own], dtype=object)
    return made


def levels(trees: Sequence[SiteTree]) -> Levels:
    """Names of the sites that a level stands for, by the way [[fleet]] writes it: city/feeder."""
    return {
        f"{tree.name}/{level}": found
        for tree in trees
        for level, found in names(tree).items()
        if level
    }


def dealt(fleet: Sequence[FleetGroup], known: Levels) -> tuple[FleetGroup, ...]:
    """The groups with the sites of a level in the place of its name."""

    def expanded(site: str) -> list[str]:
        return known[site].tolist() if site in known else [site]

    return tuple(
        group.model_copy(update={"sites": tuple(n for site in group.sites for n in expanded(site))})
        for group in fleet
    )


def vehicles(fleet: Sequence[FleetGroup]) -> dict[str, int]:
    """How many vehicles of all groups each named site is dealt."""
    count: dict[str, int] = {}
    for group in fleet:
        each, left = divmod(group.vehicles, len(group.sites))
        for i, site in enumerate(group.sites):
            count[site] = count.get(site, 0) + each + (i < left)
    return count


def sites(
    tree: SiteTree, vehicles_at: Mapping[str, int], *, seed: int
) -> dict[str, Shaped[Array, " site"]]:
    """The columns of the sites table for a tree, level by level from the root.

    Args:
        tree: What to generate.
        vehicles_at: How many vehicles plug in at each site; none where it is not named.
        seed: Of limits that differ. Each level draws from a stream of its own.
    """
    found = names(tree)
    below = _vehicles_below(tree, found, vehicles_at)
    parents = [np.array([tree.parent_id], dtype=object)]
    parents += [np.repeat(found[tree.above(level)], level.count) for level in tree.level]
    limits = [_limits(tree, below[""], np.ones(1))]
    limits += [
        _limits(level, below[level.name], _spread(tree, level, seed)) for level in tree.level
    ]
    total = sum(len(part) for part in parents)
    return {
        "site_id": np.concatenate(list(found.values())),
        "parent_id": np.concatenate(parents),
        "import_limit_kw": np.concatenate([drawn for drawn, _ in limits]),
        "export_limit_kw": np.concatenate([fed for _, fed in limits]),
        "demand_charge_per_kw": np.zeros(total),
        "net_metering": np.zeros(total, bool),
    }


def site_load(tree: SiteTree, grid: TimeGrid, clock: ZoneInfo, *, seed: int) -> list[SiteLoad]:
    """The load of homes at the sites of each level that has any.

    Args:
        tree: What to generate.
        grid: The steps.
        clock: The wall clock that homes live by.
        seed: Of how homes differ. Each level draws from a stream of its own.
    """
    profile = household.profile(grid, clock)
    found = names(tree)
    made = []
    for level in tree.level:
        if level.homes:
            homes = np.full(len(found[level.name]), level.homes)
            rng = stream(seed, f"{tree.name}/{level.name}/homes")
            load_kw = household.load_kw(profile, homes, level.home_load_kw, rng)
            made.append(SiteLoad(found[level.name], grid.times, load_kw))
    return made


def _vehicles_below(tree: SiteTree, found: Levels, vehicles_at: Mapping[str, int]) -> Levels:
    """Vehicles at and below each site, by level."""
    count = {
        level: np.array([vehicles_at.get(site, 0) for site in own], dtype=np.int64)
        for level, own in found.items()
    }
    for level in reversed(tree.level):
        count[tree.above(level)] += count[level.name].reshape(-1, level.count).sum(axis=1)
    return count


def _limits(
    branch: Branch, below: Int[Array, " site"], spread: Float[Array, " site"]
) -> tuple[Float[Array, " site"], Float[Array, " site"]]:
    """Limits of import and export, infinite where neither of their parts is given."""

    def limit(fixed: float | None, per_vehicle: float | None) -> Float[Array, " site"]:
        if fixed is None and per_vehicle is None:
            return np.full(len(below), np.inf)
        return spread * ((fixed or 0.0) + (per_vehicle or 0.0) * below)

    return (
        limit(branch.import_limit_kw, branch.import_limit_kw_per_vehicle),
        limit(branch.export_limit_kw, branch.export_limit_kw_per_vehicle),
    )


def _spread(tree: SiteTree, level: SiteLevel, seed: int) -> Float[Array, " site"]:
    """Factors around 1 on the limits of a level's sites."""
    rng = stream(seed, f"{tree.name}/{level.name}/limits")
    count = tree.counts()[level.name]
    return 1.0 + level.limit_spread * rng.uniform(-1.0, 1.0, count)

"""Which problems are timed: families of instances that differ in what makes a problem hard."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.plan import day
from benchmarks.plan.day import Fleet
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.timegrid import TimeGrid
from evergrid.dispatch import plan, problem
from evergrid.engine.program import Program
from evergrid.fleet.synthetic.group import Place
from evergrid.model.portfolio import assemble
from evergrid.model.prices import Prices
from evergrid.model.site import SiteLoad, Sites

PER_FEEDER = 20  # transformers
SLACK = 0.999  # of an even share is owed at most, so that rounding leaves room
DEMAND_CHARGE_PER_KW = 0.5  # a day's part of 15 per kW and month


@dataclass(frozen=True)
class Tree:
    """Groups and their limits; transformers come first.

    Attributes:
        parent: Row of the group above each; -1 for a root.
        limit_kw: Greatest power of each in either direction.
        load_kw: Load beside the chargers of each.
        net_metering: Whether a net meter stands there.
        demand_charge_per_kw: Price of the highest power drawn there.
    """

    parent: Int[Array, " group"]
    limit_kw: Float[Array, " group"]
    load_kw: Float[Array, "group step"]
    net_metering: Bool[Array, " group"]
    demand_charge_per_kw: Float[Array, " group"]


def home(sessions: int, *, seed: int, steps: int = 96) -> Program:
    """Homes on street transformers with household load; every transformer stands alone."""
    grid = day.horizon(steps)
    fleet = day.fleet(grid, {"home": 1.0}, sessions, seed=seed)
    tree = _transformers(grid, fleet, {"home": 4.0}, load_share=0.25, seed=seed)
    return _program(grid, fleet, tree, day.prices(grid, seed=seed))


def depot(sessions: int, *, seed: int, steps: int = 96) -> Program:
    """School buses in depots with a transformer each, which stand alone."""
    grid = day.horizon(steps)
    fleet = day.fleet(grid, {"depot": 1.0}, sessions, seed=seed)
    tree = _transformers(grid, fleet, {"depot": 22.0}, load_share=0.05, seed=seed)
    return _program(grid, fleet, tree, day.prices(grid, seed=seed))


def mixed_tree(sessions: int, *, seed: int, steps: int = 96) -> Program:
    """Homes, workplaces and depots: transformers under feeders under one limit of the fleet."""
    grid = day.horizon(steps)
    shares: dict[Place, float] = {"home": 0.6, "workplace": 0.25, "depot": 0.15}
    fleet = day.fleet(grid, shares, sessions, seed=seed)
    each: dict[Place, float] = {"home": 4.0, "workplace": 5.0, "depot": 22.0}
    tree = _transformers(grid, fleet, each, load_share=0.15, seed=seed)
    tree = _above(_with_feeders(tree, low=0.55, high=0.95, seed=seed), 0.8)
    return _program(grid, fleet, tree, day.prices(grid, seed=seed))


def all_congested(sessions: int, *, seed: int, steps: int = 96) -> Program:
    """Homes on weak transformers under weak feeders: each limit binds, most of the day."""
    grid = day.horizon(steps)
    fleet = day.fleet(grid, {"home": 1.0}, sessions, seed=seed)
    tree = _transformers(grid, fleet, {"home": 1.6}, load_share=0.0, seed=seed)
    tree = _with_feeders(tree, low=0.75, high=0.85, seed=seed)
    return _program(grid, fleet, tree, day.prices(grid, seed=seed))


def uncongested(sessions: int, *, seed: int, steps: int = 96) -> Program:
    """Homes on transformers that carry every charger at full power: no limit binds."""
    grid = day.horizon(steps)
    fleet = day.fleet(grid, {"home": 1.0}, sessions, seed=seed)
    tree = _transformers(grid, fleet, {"home": 20.0}, load_share=0.1, seed=seed)
    return _program(grid, fleet, tree, day.prices(grid, seed=seed))


def negative_prices(sessions: int, *, seed: int, steps: int = 96) -> Program:
    """Homes and workplaces while energy costs less than nothing around noon: waste would pay."""
    grid = day.horizon(steps)
    fleet = day.fleet(grid, {"home": 0.6, "workplace": 0.4}, sessions, seed=seed)
    each: dict[Place, float] = {"home": 4.0, "workplace": 5.0}
    tree = _transformers(grid, fleet, each, load_share=0.2, seed=seed)
    return _program(grid, fleet, tree, day.prices(grid, seed=seed, fee_per_mwh=0.0, noon=-130.0))


def metered(sessions: int, *, seed: int, steps: int = 96) -> Program:
    """Homes behind net meters at their transformers, whose feeders pay for their highest power."""
    grid = day.horizon(steps)
    fleet = day.fleet(grid, {"home": 1.0}, sessions, seed=seed)
    tree = _transformers(grid, fleet, {"home": 4.0}, load_share=0.25, seed=seed)
    tree = _with_feeders(tree, low=0.6, high=0.9, seed=seed)
    feeder = tree.parent < 0
    charge = np.where(feeder, DEMAND_CHARGE_PER_KW, 0.0)
    tree = replace(tree, net_metering=~feeder, demand_charge_per_kw=charge)
    return _program(grid, fleet, tree, day.prices(grid, seed=seed))


FAMILIES: dict[str, Callable[..., Program]] = {
    family.__name__: family
    for family in (
        home,
        depot,
        mixed_tree,
        all_congested,
        uncongested,
        negative_prices,
        metered,
    )
}


def _transformers(
    grid: TimeGrid, fleet: Fleet, each_kw: dict[Place, float], *, load_share: float, seed: int
) -> Tree:
    """Transformers of three sizes, around so many kW for each of their vehicles."""
    rng = np.random.default_rng([seed, 3])
    rating = np.array([each_kw[place] for place in fleet.place])
    size = rng.choice([0.75, 1.0, 1.25], len(rating))
    limit_kw = rating * size * fleet.vehicles
    mean_kw = limit_kw * load_share * rng.uniform(0.7, 1.3, len(rating))
    load_kw = day.base_load(grid, mean_kw, seed=seed)
    return _unmetered(np.full(len(rating), -1), limit_kw, load_kw)


def _unmetered(
    parent: Int[Array, " group"],
    limit_kw: Float[Array, " group"],
    load_kw: Float[Array, "group step"],
) -> Tree:
    """A tree in which each plug is billed by itself and peaks are free."""
    groups = len(parent)
    return Tree(parent, limit_kw, load_kw, np.zeros(groups, bool), np.zeros(groups))


def _with_feeders(tree: Tree, *, low: float, high: float, seed: int) -> Tree:
    """Feeders above the transformers, dealt out in turn, with a share of their sum as limit."""
    rng = np.random.default_rng([seed, 4])
    below = len(tree.parent)
    feeders = min(below, max(2, -(-below // PER_FEEDER)))
    feeder = np.arange(below) % feeders
    share = np.linspace(low, high, feeders)[rng.permutation(feeders)]
    return _unmetered(
        parent=np.concatenate([below + feeder, np.full(feeders, -1)]),
        limit_kw=np.append(tree.limit_kw, share * np.bincount(feeder, tree.limit_kw)),
        load_kw=np.vstack([tree.load_kw, np.zeros((feeders, tree.load_kw.shape[1]))]),
    )


def _above(tree: Tree, share: float) -> Tree:
    """One more group above every root, with a share of their sum as limit."""
    root = tree.parent < 0
    top = len(tree.parent)
    return _unmetered(
        parent=np.append(np.where(root, top, tree.parent), -1),
        limit_kw=np.append(tree.limit_kw, share * tree.limit_kw[root].sum()),
        load_kw=np.vstack([tree.load_kw, np.zeros(tree.load_kw.shape[1])]),
    )


def _program(grid: TimeGrid, fleet: Fleet, tree: Tree, prices: Prices) -> Program:
    """The engine's program, with what is owed lowered to what certainly can be served."""
    names = np.char.add("group-", np.arange(len(tree.parent)).astype(str))
    above = np.where(tree.parent >= 0, names[tree.parent], "")
    sites = Sites(
        site_id=names,
        parent_id=above,
        import_limit_kw=tree.limit_kw,
        export_limit_kw=tree.limit_kw,
        demand_charge_per_kw=tree.demand_charge_per_kw,
        net_metering=tree.net_metering,
    )
    sessions = replace(fleet.sessions, site_id=names[fleet.transformer])
    portfolio = assemble(grid, sessions, sites, SiteLoad(names, grid.times, tree.load_kw), prices)
    made = problem.build(portfolio, plan.end_value_per_kwh(portfolio)).program
    return _served(made, fleet.vehicles)


def _served(program: Program, vehicles: Int[Array, " transformer"]) -> Program:
    """Owed energy lowered to what an even share of every limit above a vehicle can charge.

    Each vehicle may then draw its share in every step it is there, which keeps all limits at
    once: a schedule exists.
    """
    even_kw = _even_share(program, vehicles)[program.group[program.unit], program.step]
    draw_kw = np.minimum(program.charge_limit, program.share * even_kw)
    stored = np.bincount(program.unit, draw_kw * program.gain, program.units)
    reach = program.energy_start + SLACK * stored
    return replace(program, energy_end=np.minimum(program.energy_end, reach))


def _even_share(
    program: Program, vehicles: Int[Array, " transformer"]
) -> Float[Array, "group step"]:
    """Power that each vehicle below a group may draw when all draw alike, in kW."""
    count = np.zeros(program.groups)
    count[: len(vehicles)] = vehicles
    room = -program.net_low
    above = np.arange(program.groups)
    total = np.zeros(program.groups)
    while (above >= 0).any():
        inside = above >= 0
        np.add.at(total, above[inside], count[inside])
        above = np.where(inside, program.parent[above], -1)
    even = np.maximum(room, 0.0) / np.maximum(total, 1.0)[:, None]
    above = program.parent
    least = even
    while (above >= 0).any():
        least = np.where((above >= 0)[:, None], np.minimum(least, even[above]), least)
        above = np.where(above >= 0, program.parent[above], -1)
    return least

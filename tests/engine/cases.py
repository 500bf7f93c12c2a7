"""Random programs of every kind the engine must handle."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.flowgates import Flowgates
from evergrid.core.tree import add_up
from evergrid.engine.program import Program
from evergrid.engine.terms import flowgates


@dataclass(frozen=True)
class Kind:
    """What a random program has in it.

    Balanced ones have as many stores in each node, so that code compiled for one fits all seeds.
    """

    stores: int = 6
    steps: int = 12
    step_h: float = 1.0
    tight: bool = True
    negative: bool = False
    metered: bool = False
    peaks: bool = False
    curved: bool = False
    budgets: bool = False
    spread: float = 0.0
    balanced: bool = False


def random_program(seed: int, kind: Kind | None = None) -> Program:
    """A feasible program: idle stores break no limit and every end can be reached with room."""
    kind = kind or Kind()
    rng = np.random.default_rng(seed)
    stores, steps = kind.stores, kind.steps
    first = rng.integers(0, steps // 2, stores)
    stop = rng.integers(first + 2, steps + 1)
    lengths = stop - first
    slots = int(lengths.sum())
    share = np.where(rng.random(slots) < 0.8, 1.0, rng.uniform(0.1, 1.0, slots))
    store = np.repeat(np.arange(stores), lengths)
    step = np.concatenate([np.arange(a, b) for a, b in zip(first, stop, strict=True)])
    charge = rng.uniform(3, 11, stores)
    discharge = np.where(rng.random(stores) < 0.7, rng.uniform(3, 11, stores), 0.0)
    capacity = rng.uniform(30, 80, stores)
    start = capacity * rng.uniform(0.2, 0.8, stores)
    eta = rng.uniform(0.85, 1.0, (2, stores))
    nodes = 4
    parent = np.array([-1, 0, 0, 1])
    node = rng.integers(0, nodes, stores)
    if kind.balanced:
        node = rng.permutation(np.arange(stores) % nodes)
    reach = np.bincount(store, share * charge[store], stores) * kind.step_h * eta[0]
    fair = 0.15 if kind.tight else 0.9
    end = np.minimum(start + reach * rng.uniform(0, fair, stores), capacity)
    price = rng.uniform(0.02, 0.3, steps) - (0.2 if kind.negative else 0.0)
    load_kw = rng.uniform(0, 5, (nodes, steps)) * kind.metered
    load_kw[0] += load_kw[1:3].sum(axis=0)
    room = rng.uniform(8, 20, nodes) if kind.tight else np.full(nodes, np.inf)
    surcharge_per_kwh = np.zeros((nodes, steps))
    if kind.metered:
        surcharge_per_kwh[2] = rng.uniform(0, 0.1, steps)
    program = Program(
        step_h=kind.step_h,
        steps=steps,
        first=first,
        stop=stop,
        share=share,
        charge_kw=charge,
        discharge_kw=discharge,
        efficiency_charge=eta[0],
        efficiency_discharge=eta[1],
        energy_start_kwh=start,
        energy_low_kwh=np.minimum(0.1 * capacity, start),
        energy_high_kwh=capacity,
        energy_end_kwh=end,
        end_value_per_kwh=np.where(rng.random(stores) < 0.3, 0.1, 0.0),
        draw_price_per_kwh=price[step],
        feed_price_per_kwh=price[step] - kind.spread - rng.uniform(0, 0.02, stores)[store],
        node=node,
        parent=parent,
        net_low_kw=-np.repeat(room[:, None], steps, 1),
        net_high_kw=np.repeat(room[:, None], steps, 1) + load_kw,
        load_kw=load_kw,
        surcharge_per_kwh=surcharge_per_kwh,
        peak_price_per_kw=np.array([0.5, 0.0, 0.0, 0.2]) * kind.peaks,
        peak_before_kw=np.array([1.0, 0.0, 0.0, 0.0]) * kind.peaks,
    )
    program = _curved(program, rng) if kind.curved else program
    return _budgeted(program, rng) if kind.budgets else program


def _curved(program: Program, rng: np.random.Generator) -> Program:
    """The same where full power costs up to a few times the price, for some stores nothing more."""
    rise = np.where(rng.random(program.stores) < 0.7, rng.uniform(0.002, 0.05, program.stores), 0.0)
    loss = rng.uniform(0, 0.01, program.steps)[program.step]
    return replace(program, draw_curve_per_kwh_kw=loss, feed_curve_per_kwh_kw=rise[program.store])


def _budgeted(program: Program, rng: np.random.Generator) -> Program:
    """The same with budgets of most nodes, of what their stores are owed and a little more."""
    owed = (
        np.maximum(program.energy_end_kwh - program.energy_start_kwh, 0.0)
        / program.efficiency_charge
    )
    own = np.bincount(program.node, owed, program.nodes)[:, None]
    below = add_up(own, program.parent)[:, 0]
    more = below * rng.uniform(0.0, 0.1, program.nodes) + 0.5
    budget = program.step_h * program.load_kw.sum(axis=1) + below + more
    return replace(program, budget_kwh=np.where(rng.random(program.nodes) < 0.7, budget, np.inf))


def gated(program: Program, seed: int, *, count: int = 12, tight: float = 0.3) -> Program:
    """The same with flowgates that allow up to a share of what the nodes could reach together."""
    rng = np.random.default_rng(seed)
    step = rng.integers(0, program.steps, count)
    weight = rng.uniform(-1.0, 1.0, (count, program.nodes))
    weight[rng.random(weight.shape) < 0.3] = 0.0
    low, high = (reach[:, step].T for reach in program.net_range_kw)
    most = (np.maximum(weight, 0) * high - np.maximum(-weight, 0) * low).sum(axis=1)
    limit = rng.uniform(0.05, tight, count) * most
    return replace(program, terms=flowgates.terms(Flowgates(step, weight, limit)))


def varied(program: Program, seed: int) -> Program:
    """The same stores and nodes at other prices, limits, peaks and budgets.

    Prices stay a sum of step and store, so that code compiled for the shape is used again.
    """
    rng = np.random.default_rng(seed)
    shift = rng.normal(0.0, 0.05, program.steps)[program.step]
    room = rng.uniform(0.6, 1.4, (program.nodes, 1))
    of_nodes = rng.uniform(0.05, 4.0, (3, program.nodes))
    budget = program.budget_kwh
    return replace(
        program,
        draw_price_per_kwh=program.draw_price_per_kwh + shift,
        feed_price_per_kwh=program.feed_price_per_kwh + shift,
        net_low_kw=program.net_low_kw * room,
        net_high_kw=program.net_high_kw * room,
        surcharge_per_kwh=program.surcharge_per_kwh * of_nodes[0][:, None],
        peak_price_per_kw=program.peak_price_per_kw * of_nodes[1],
        peak_before_kw=program.peak_before_kw * of_nodes[2],
        budget_kwh=None if budget is None else budget + rng.uniform(0.0, 3.0),
    )


def forest(seed: int, trees: int, kind: Kind) -> Program:
    """A program of independent trees, each a random program of its own."""
    parts = [random_program(seed + i, kind) for i in range(trees)]
    shift = np.arange(trees) * parts[0].nodes
    joined = {
        name: np.concatenate([getattr(p, name) for p in parts])
        for name in vars(parts[0])
        if isinstance(getattr(parts[0], name), np.ndarray) and name not in ("node", "parent")
        if not name.startswith("_") and name in Program.__dataclass_fields__
    }
    node = np.concatenate([p.node + s for p, s in zip(parts, shift, strict=True)])
    parent = np.concatenate(
        [np.where(p.parent < 0, -1, p.parent + s) for p, s in zip(parts, shift, strict=True)]
    )
    return replace(parts[0], node=node, parent=parent, **joined)


EVERYTHING = Kind(
    stores=25, steps=12, step_h=0.5, metered=True, peaks=True, curved=True, budgets=True
)
KINDS = {
    "plain": Kind(),
    "no limits": Kind(tight=False),
    "negative prices": Kind(negative=True),
    "net meter": Kind(metered=True),
    "peaks": Kind(peaks=True),
    "curves": Kind(curved=True),
    "budgets": Kind(budgets=True),
    "everything, short steps": Kind(
        stores=9, steps=20, step_h=0.25, negative=True, metered=True, peaks=True, spread=0.01
    ),
    "all of it, curved and budgeted": Kind(
        stores=9, steps=20, step_h=0.5, metered=True, peaks=True, curved=True, budgets=True
    ),
}


def one_battery(
    *,
    draw: list[float],
    feed: list[float],
    start: float,
    capacity: float,
    end: float,
    efficiency: float = 0.9,
) -> Program:
    steps = len(draw)
    wide = np.full((1, steps), np.inf)
    rating = 1.0 if efficiency == 1.0 else 5.0
    return Program(
        step_h=1.0,
        steps=steps,
        first=np.array([0]),
        stop=np.array([steps]),
        share=np.ones(steps),
        charge_kw=np.array([rating]),
        discharge_kw=np.array([rating]),
        efficiency_charge=np.array([efficiency]),
        efficiency_discharge=np.array([efficiency]),
        energy_start_kwh=np.array([start]),
        energy_low_kwh=np.array([0.0]),
        energy_high_kwh=np.array([capacity]),
        energy_end_kwh=np.array([end]),
        end_value_per_kwh=np.array([0.0]),
        draw_price_per_kwh=np.array(draw),
        feed_price_per_kwh=np.array(feed),
        node=np.array([0]),
        parent=np.array([-1]),
        net_low_kw=-wide,
        net_high_kw=wide,
        load_kw=np.zeros((1, steps)),
        surcharge_per_kwh=np.zeros((1, steps)),
        peak_price_per_kw=np.zeros(1),
        peak_before_kw=np.zeros(1),
    )

"""Random programs of every kind the engine must handle."""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.flowgates import Flowgates
from evergrid.core.tree import add_up
from evergrid.engine.program import Program


@dataclass(frozen=True)
class Kind:
    """What a random program has in it.

    Balanced ones have as many units in each group, so that code compiled for one fits all seeds.
    """

    units: int = 6
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
    """A feasible program: idle units break no limit and every end can be reached with room."""
    kind = kind or Kind()
    rng = np.random.default_rng(seed)
    units, steps = kind.units, kind.steps
    first = rng.integers(0, steps // 2, units)
    stop = rng.integers(first + 2, steps + 1)
    lengths = stop - first
    slots = int(lengths.sum())
    share = np.where(rng.random(slots) < 0.8, 1.0, rng.uniform(0.1, 1.0, slots))
    unit = np.repeat(np.arange(units), lengths)
    step = np.concatenate([np.arange(a, b) for a, b in zip(first, stop, strict=True)])
    charge = rng.uniform(3, 11, units)
    discharge = np.where(rng.random(units) < 0.7, rng.uniform(3, 11, units), 0.0)
    capacity = rng.uniform(30, 80, units)
    start = capacity * rng.uniform(0.2, 0.8, units)
    eta = rng.uniform(0.85, 1.0, (2, units))
    groups = 4
    parent = np.array([-1, 0, 0, 1])
    group = rng.integers(0, groups, units)
    if kind.balanced:
        group = rng.permutation(np.arange(units) % groups)
    reach = np.bincount(unit, share * charge[unit], units) * kind.step_h * eta[0]
    fair = 0.15 if kind.tight else 0.9
    end = np.minimum(start + reach * rng.uniform(0, fair, units), capacity)
    price = rng.uniform(0.02, 0.3, steps) - (0.2 if kind.negative else 0.0)
    load = rng.uniform(0, 5, (groups, steps)) * kind.metered
    load[0] += load[1:3].sum(axis=0)
    room = rng.uniform(8, 20, groups) if kind.tight else np.full(groups, np.inf)
    surcharge = np.zeros((groups, steps))
    if kind.metered:
        surcharge[2] = rng.uniform(0, 0.1, steps)
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
        energy_start=start,
        energy_low=np.minimum(0.1 * capacity, start),
        energy_high=capacity,
        energy_end=end,
        end_value=np.where(rng.random(units) < 0.3, 0.1, 0.0),
        draw_price=price[step],
        feed_price=price[step] - kind.spread - rng.uniform(0, 0.02, units)[unit],
        group=group,
        parent=parent,
        net_low=-np.repeat(room[:, None], steps, 1),
        net_high=np.repeat(room[:, None], steps, 1) + load,
        load=load,
        surcharge=surcharge,
        peak_price=np.array([0.5, 0.0, 0.0, 0.2]) * kind.peaks,
        peak_before=np.array([1.0, 0.0, 0.0, 0.0]) * kind.peaks,
    )
    program = _curved(program, rng) if kind.curved else program
    return _budgeted(program, rng) if kind.budgets else program


def _curved(program: Program, rng: np.random.Generator) -> Program:
    """The same where full power costs up to a few times the price, for some units nothing more."""
    rise = np.where(rng.random(program.units) < 0.7, rng.uniform(0.002, 0.05, program.units), 0.0)
    loss = rng.uniform(0, 0.01, program.steps)[program.step]
    return replace(program, draw_curve=loss, feed_curve=rise[program.unit])


def _budgeted(program: Program, rng: np.random.Generator) -> Program:
    """The same with budgets of most groups, of what their units are owed and a little more."""
    owed = np.maximum(program.energy_end - program.energy_start, 0.0) / program.efficiency_charge
    own = np.bincount(program.group, owed, program.groups)[:, None]
    below = add_up(own, program.parent)[:, 0]
    more = below * rng.uniform(0.0, 0.1, program.groups) + 0.5
    budget = program.step_h * program.load.sum(axis=1) + below + more
    return replace(program, budget_kwh=np.where(rng.random(program.groups) < 0.7, budget, np.inf))


def gated(program: Program, seed: int, *, count: int = 12, tight: float = 0.3) -> Program:
    """The same with flowgates that allow up to a share of what the groups could reach together."""
    rng = np.random.default_rng(seed)
    step = rng.integers(0, program.steps, count)
    weight = rng.uniform(-1.0, 1.0, (count, program.groups))
    weight[rng.random(weight.shape) < 0.3] = 0.0
    low, high = (reach[:, step].T for reach in program.net_range)
    most = (np.maximum(weight, 0) * high - np.maximum(-weight, 0) * low).sum(axis=1)
    limit = rng.uniform(0.05, tight, count) * most
    return replace(program, flowgates=Flowgates(step, weight, limit))


def varied(program: Program, seed: int) -> Program:
    """The same units and groups at other prices, limits, peaks and budgets.

    Prices stay a sum of step and unit, so that code compiled for the shape is used again.
    """
    rng = np.random.default_rng(seed)
    shift = rng.normal(0.0, 0.05, program.steps)[program.step]
    room = rng.uniform(0.6, 1.4, (program.groups, 1))
    of_groups = rng.uniform(0.05, 4.0, (3, program.groups))
    budget = program.budget_kwh
    return replace(
        program,
        draw_price=program.draw_price + shift,
        feed_price=program.feed_price + shift,
        net_low=program.net_low * room,
        net_high=program.net_high * room,
        surcharge=program.surcharge * of_groups[0][:, None],
        peak_price=program.peak_price * of_groups[1],
        peak_before=program.peak_before * of_groups[2],
        budget_kwh=None if budget is None else budget + rng.uniform(0.0, 3.0),
    )


def forest(seed: int, trees: int, kind: Kind) -> Program:
    """A program of independent trees, each a random program of its own."""
    parts = [random_program(seed + i, kind) for i in range(trees)]
    shift = np.arange(trees) * parts[0].groups
    joined = {
        name: np.concatenate([getattr(p, name) for p in parts])
        for name in vars(parts[0])
        if isinstance(getattr(parts[0], name), np.ndarray) and name not in ("group", "parent")
        if not name.startswith("_") and name in Program.__dataclass_fields__
    }
    group = np.concatenate([p.group + s for p, s in zip(parts, shift, strict=True)])
    parent = np.concatenate(
        [np.where(p.parent < 0, -1, p.parent + s) for p, s in zip(parts, shift, strict=True)]
    )
    return replace(parts[0], group=group, parent=parent, **joined)


EVERYTHING = Kind(
    units=25, steps=12, step_h=0.5, metered=True, peaks=True, curved=True, budgets=True
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
        units=9, steps=20, step_h=0.25, negative=True, metered=True, peaks=True, spread=0.01
    ),
    "all of it, curved and budgeted": Kind(
        units=9, steps=20, step_h=0.5, metered=True, peaks=True, curved=True, budgets=True
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
        energy_start=np.array([start]),
        energy_low=np.array([0.0]),
        energy_high=np.array([capacity]),
        energy_end=np.array([end]),
        end_value=np.array([0.0]),
        draw_price=np.array(draw),
        feed_price=np.array(feed),
        group=np.array([0]),
        parent=np.array([-1]),
        net_low=-wide,
        net_high=wide,
        load=np.zeros((1, steps)),
        surcharge=np.zeros((1, steps)),
        peak_price=np.zeros(1),
        peak_before=np.zeros(1),
    )

"""The least that must give way before a large program has a schedule at all.

Every store may buy energy after its stay, from nowhere, and a limit or budget that loads break by
themselves may be exceeded, all at a price. What is bought when nothing else costs anything is what
cannot be served; what is left is a schedule that keeps every limit.
"""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.engine.interior_point import barrier
from evergrid.engine.interior_point.barrier import Barrier, Rows
from evergrid.engine.interior_point.interior_point import Run
from evergrid.engine.program import Program
from evergrid.engine.solution import EXCESS_WEIGHT

GAP = 1e-4  # relative, in kWh of shortfall
OVER_KWH = 5e-6  # energy held above what is owed, so that what rounding buys is not missed
ROOM = 1e-4  # kW or kWh by which what may give way exceeds what load alone breaks: an interior
FELT = 0.01  # a limit is the cause where one kW of it would serve this share of a step more


@dataclass(frozen=True)
class RelaxationResult:
    """A schedule that gives way least, of a large program.

    Attributes:
        power_kw: Power of each slot.
        limiting: Whether a node's limit in a step causes shortfall.
        exhausted: Whether a node's budget causes shortfall.
        solved: Whether each node's tree was solved; only these rows count.
    """

    power_kw: Float[Array, " slot"]
    limiting: Bool[Array, "node step"]
    exhausted: Bool[Array, " node"]
    solved: Bool[Array, " node"]


def relax(
    program: Program, *, deadline: float, budget_weight: float = EXCESS_WEIGHT
) -> RelaxationResult:
    """Serve what can be served: least shortfall of owed energy under every limit and budget.

    Shortfall that could fall on any of several stores is shared among them. One store may draw and
    feed at once, see `least_violation`.

    Args:
        program: What to relax.
        deadline: In seconds of ``time.perf_counter``.
        budget_weight: Of a kWh beyond a budget against one of shortfall.
    """
    wide, bought = _elastic(program)
    run = Run(wide, GAP, rows=_rows(program, budget_weight), unseen=bought, least_scale=1.0)
    run.until(deadline)
    power_kw = run.stores.answer().power_kw[~bought]
    limiting = _felt(run.barrier.steps, program.step_h)[:, :-1]
    exhausted = np.zeros(program.nodes, bool)
    if run.barrier.budgets is not None:
        exhausted = _felt(run.barrier.budgets, program.step_h)[:, 0]
    return RelaxationResult(power_kw, limiting, exhausted, run.solved | ~run.used[run.tree])


def _felt(made: Barrier, step_h: float) -> Bool[Array, "node step"]:
    """Whether a row of each node and step is the cause of shortfall."""
    return (np.nan_to_num(made.point.multiplier) > FELT * step_h).max(axis=0)


def _elastic(program: Program) -> tuple[Program, Bool[Array, " slot"]]:
    """The program with a last slot for each store, in which it buys energy; and which those are."""
    lengths = program.stop - program.first
    ends = np.cumsum(lengths)
    bought = np.zeros(program.slots + program.stores, bool)
    bought[ends + np.arange(program.stores)] = True
    inner = ~bought
    # Energy bought in the last slot costs one money per kWh stored, and all else nothing: so the
    # least cost is the least shortfall. The other slots keep the directions they have.
    rate = np.where(program.charge_kw > 0, program.charge_kw, 1.0)
    most = np.maximum(program.energy_end_kwh - program.energy_low_kwh, 0.0) + 1.0
    share, draw, feed = (np.zeros(len(bought)) for _ in range(3))
    share[inner] = program.share
    share[bought] = most / (rate * program.step_h * program.efficiency_charge)
    draw[bought] = program.efficiency_charge  # so that a kWh stored costs one
    feed[bought] = -1.0
    nothing = np.zeros((program.nodes, program.steps + 1))
    closed_draw, closed_feed = np.zeros(len(bought), bool), bought.copy()
    closed_draw[inner] = program.charge_limit_kw == 0.0
    closed_feed[inner] = program.discharge_limit_kw == 0.0
    wide = replace(
        program,
        steps=program.steps + 1,
        stop=program.stop + 1,
        energy_end_kwh=np.minimum(program.energy_end_kwh + OVER_KWH, program.energy_high_kwh),
        share=share,
        charge_kw=rate,
        draw_price_per_kwh=draw,
        feed_price_per_kwh=feed,
        end_value_per_kwh=np.zeros(program.stores),
        net_low_kw=nothing - np.inf,
        net_high_kw=nothing + np.inf,
        load_kw=nothing,
        surcharge_per_kwh=nothing,
        peak_price_per_kw=np.zeros(program.nodes),
        draw_curve_per_kwh_kw=None,
        feed_curve_per_kwh_kw=None,
        budget_kwh=None,
        peak_count=None,
        reserve_kwh=None,
        closed_draw=closed_draw,
        closed_feed=closed_feed,
        floor_kwh=None,
        terms=(),
        rest_kw=None,
    )
    return wide, bought


def _rows(program: Program, budget_weight: float) -> Rows:
    """Limits and budgets, soft where load alone exceeds them, but by no more than that.

    There is none in the step after the last.
    """
    cheap = EXCESS_WEIGHT * program.step_h
    reach_low, reach_high = program.net_range_kw
    limits = ((1.0, program.net_low_kw, reach_low), (-1.0, -program.net_high_kw, -reach_high))
    soft, hard = [], []
    for sign, level, reach in limits:
        rest = sign * program.rest_net_kw
        price = np.where(level > rest, cheap, np.inf)
        soft.append((sign, *_padded(level, reach < level, price)))
        least = rest - ROOM  # at rest the load alone exceeds the limit
        held = (level > rest) & (reach < least)
        hard.append((sign, *_padded(least, held, np.full(level.shape, np.inf))))
    none = np.zeros(0)
    made = barrier.stacked([*soft, *hard], none.astype(np.int64), none, none)
    return replace(made, budget=_budget_rows(program, budget_weight))


def _padded(level: Array, held: Array, price: Array) -> tuple[Array, Array, Array]:
    return _longer(level, 0.0), _longer(held, False), _longer(price, np.inf)


def _budget_rows(program: Program, budget_weight: float) -> Rows | None:
    """Budgets, soft where load alone exceeds them, but by no more than that."""
    level = barrier.budget_level(program)[:, None]
    reach = program.net_range_kw[0].sum(axis=1)[:, None]
    held = reach < level
    if not held.any():
        return None
    rest = program.rest_net_kw.sum(axis=1)[:, None]
    price = np.where(level > rest, budget_weight * program.step_h, np.inf)
    least = rest - ROOM / program.step_h
    capped = (level > rest) & (reach < least)
    none = np.zeros(0)
    blocks = [(1.0, level, held, price), (1.0, least, capped, np.full(level.shape, np.inf))]
    return barrier.stacked(blocks, none.astype(np.int64), none, none)


def _longer(values: Array, fill: float | bool) -> Array:
    """Values with one step more."""
    return np.concatenate([values, np.full((len(values), 1), fill, values.dtype)], axis=1)

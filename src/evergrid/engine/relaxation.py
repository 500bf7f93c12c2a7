"""The least that must give way before a large program has a schedule at all.

Every unit may buy energy after its stay, from nowhere, and a limit or budget that loads break by
themselves may be exceeded, all at a price. What is bought when nothing else costs anything is what
cannot be served; what is left is a schedule that keeps every limit.
"""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.engine import barrier
from evergrid.engine.barrier import Barrier, Rows
from evergrid.engine.interior_point import Run
from evergrid.engine.program import Program
from evergrid.engine.solution import EXCESS_WEIGHT, Relaxation
from evergrid.engine.unit_kernels import E

GAP = 1e-4  # relative, in kWh of shortfall
REAL_KWH = 1e-5  # shortfall or energy beyond a budget below this is rounding
OVER_KWH = 5e-6  # energy held above what is owed, so that what rounding buys is not missed
REAL_KW = 1e-5  # and so is excess of power below this
ROOM_KWH = 1e-3  # owed energy is lowered and budgets are widened by this much more,
ROOM_KW = 1e-4  # and limits by as much as this, so that an interior exists
FELT = 0.01  # a limit is the cause where one kW of it would serve this share of a step more


@dataclass(frozen=True)
class Relaxed:
    """A relaxation with a schedule of the relaxed program.

    Attributes:
        relaxation: What gives way.
        power_kw: Power of each slot; serves what is owed to within `REAL_KWH`.
        solved: Whether each group's tree was solved; only these rows count.
    """

    relaxation: Relaxation
    power_kw: Float[Array, " slot"]
    solved: Bool[Array, " group"]


def relax(program: Program, *, deadline: float) -> Relaxed:
    """Serve what can be served: least shortfall of owed energy under every limit and budget.

    Shortfall that could fall on any of several units is shared among them.

    Args:
        program: What to relax.
        deadline: In seconds of ``time.perf_counter``.
    """
    wide, bought = _elastic(program)
    run = Run(wide, GAP, rows=_rows(program), unseen=bought, least_scale=1.0)
    run.until(deadline)
    inner = ~bought
    answer = run.units.answer()
    shortfall = answer.power_kw[bought] * -wide.gain[bought]
    shortfall = np.where(shortfall > REAL_KWH, shortfall, 0.0)
    held = np.empty(wide.slots)
    held[run.units.source] = run.units.point[E]
    served = np.nan_to_num(held[wide.end - 1]) - ROOM_KWH
    excess, felt = (part[:, :, :-1] for part in _eased(run.barrier.steps, program.step_h))
    excess = np.where(excess > REAL_KW, excess, 0.0)
    overdraft, exhausted = _overdrawn(run, program)
    owed = program.energy_end
    eased = replace(
        program,
        energy_end=np.where(shortfall > 0, np.minimum(owed, served), owed),
        net_low=program.net_low - np.where(excess[0] > 0, excess[0] + ROOM_KW, 0.0),
        net_high=program.net_high + np.where(excess[1] > 0, excess[1] + ROOM_KW, 0.0),
        budget_kwh=program.budget + np.where(overdraft > 0, overdraft + ROOM_KWH, 0.0),
    )
    limiting = felt.max(axis=0)
    relaxation = Relaxation(eased, shortfall, excess.max(axis=0), limiting, overdraft, exhausted)
    return Relaxed(relaxation, answer.power_kw[inner], run.solved | ~run.used[run.tree])


def _overdrawn(run: Run, program: Program) -> tuple[Float[Array, " group"], Bool[Array, " group"]]:
    """Energy by which each budget is exceeded, and whether it is the cause of shortfall."""
    if run.barrier.budgets is None:
        return np.zeros(program.groups), np.zeros(program.groups, bool)
    (over,), (exhausted,) = _eased(run.barrier.budgets, program.step_h)
    over = program.step_h * over[:, 0]
    return np.where(over > REAL_KWH, over, 0.0), exhausted[:, 0]


def _eased(made: Barrier, step_h: float) -> tuple[Array, Array]:
    """By how much each row gives way, in kW, and whether it is the cause of shortfall."""
    eased = np.zeros(made.rows.held.shape)
    eased[made.soft_rows] = np.where(made.soft, np.nan_to_num(made.point.ease), 0.0)
    felt = np.nan_to_num(made.point.multiplier) > FELT * step_h
    return eased, felt


def _elastic(program: Program) -> tuple[Program, Bool[Array, " slot"]]:
    """The program with a last slot for each unit in which energy is bought; and which those are."""
    lengths = program.stop - program.first
    ends = np.cumsum(lengths)
    bought = np.zeros(program.slots + program.units, bool)
    bought[ends + np.arange(program.units)] = True
    inner = ~bought
    rate = np.where(program.charge_kw > 0, program.charge_kw, 1.0)
    most = np.maximum(program.energy_end - program.energy_low, 0.0) + 1.0
    share, draw, feed = (np.zeros(len(bought)) for _ in range(3))
    share[inner] = np.where(program.charge_kw > 0, 1.0, 0.0)[program.unit] * program.share
    share[bought] = most / (rate * program.step_h * program.efficiency_charge)
    draw[bought] = program.efficiency_charge  # so that a kWh stored costs one
    feed[bought] = -1.0
    nothing = np.zeros((program.groups, program.steps + 1))
    wide = replace(
        program,
        steps=program.steps + 1,
        stop=program.stop + 1,
        energy_end=np.minimum(program.energy_end + OVER_KWH, program.energy_high),
        share=share,
        charge_kw=rate,
        draw_price=draw,
        feed_price=feed,
        end_value=np.zeros(program.units),
        net_low=nothing - np.inf,
        net_high=nothing + np.inf,
        load=nothing,
        surcharge=nothing,
        peak_price=np.zeros(program.groups),
        draw_curve=None,
        feed_curve=None,
        budget_kwh=None,
    )
    return wide, bought


def _rows(program: Program) -> Rows:
    """Limits and budgets, soft where load alone exceeds them; none in the step after the last."""
    dear = EXCESS_WEIGHT * program.step_h
    reach_low, reach_high = program.net_range
    limits = ((1.0, program.net_low, reach_low), (-1.0, -program.net_high, -reach_high))
    blocks = []
    for sign, level, reach in limits:
        price = np.where(level > 0, dear, np.inf)
        filled = ((level, 0.0), (reach < level, False), (price, np.inf))
        blocks.append((sign, *(_longer(values, fill) for values, fill in filled)))
    none = np.zeros(0)
    made = barrier.stacked(blocks, none.astype(np.int64), none, none)
    price = np.where(barrier.budget_level(program) > 0, dear, np.inf)
    return replace(made, budget=barrier.budget_rows(program, price))


def _longer(values: Array, fill: float | bool) -> Array:
    """The same with one step more."""
    return np.concatenate([values, np.full((len(values), 1), fill, values.dtype)], axis=1)

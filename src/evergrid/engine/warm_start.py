"""What the last plan lets expect of the next, when time has moved on a little.

Prices are taken over and every multiplier follows from them, so that the start is as good as the
prices are, whatever else has changed. Stores that are new answer those prices by themselves.
"""

from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.certificate import Dual
from evergrid.engine.interior_point import interior_point
from evergrid.engine.parts import pick
from evergrid.engine.program import Program
from evergrid.engine.solution import Guess

SETTLED = 1e-3  # relative gap to which stores that are new answer the prices


def shifted(
    last: Program,
    guess: Guess,
    program: Program,
    *,
    store: Int[Array, " store"],
    shift: int,
) -> Guess:
    """What a solved program lets expect of one that begins some steps later.

    Args:
        last: The program that was solved.
        guess: Its powers and prices.
        program: The one to be solved next, with the same nodes.
        store: Row in ``last`` of each of its stores; -1 for one that is new.
        shift: Steps between the beginnings of both.
    """
    row = store[program.store]
    step = program.step + shift
    known = (row >= 0) & (step >= last.first[row]) & (step < last.stop[row])
    slot = np.where(known, last.begin[row] + step - last.first[row], 0)
    power = np.where(known, guess.power_kw[slot], 0.0)
    column = np.minimum(np.arange(program.steps) + shift, last.steps - 1)
    price = guess.dual.power_price[:, column]
    value = np.where(known, guess.dual.energy_value[slot], np.nan)
    value = np.where(known, value, _usual(program, value)[program.step])
    late = (row >= 0) & (step >= last.stop[row])
    value = np.where(late, guess.dual.energy_value[last.end[row]], value)
    dual = Dual(value, price, guess.dual.budget_price)
    return _settled(program, Guess(power, dual, guess.limit_price[:, column]), store < 0)


def _usual(program: Program, value: Float[Array, " slot"]) -> Float[Array, " step"]:
    """Mean worth of stored energy in each step, over the slots where it is known."""
    known = ~np.isnan(value)
    if not known.any():
        return np.full(program.steps, float(program.draw_price_per_kwh.mean()))
    count = np.bincount(program.step[known], minlength=program.steps)
    total = np.bincount(program.step[known], value[known], program.steps)
    return np.where(count > 0, total / np.maximum(count, 1), value[known].mean())


def _settled(program: Program, guess: Guess, new: Bool[Array, " store"]) -> Guess:
    """The guess with the best answers of new stores to its prices of net power."""
    stores = np.flatnonzero(new)
    if not len(stores):
        return guess
    piece = pick(program, np.unique(program.node[stores]), stores)
    slots = piece.slots
    at = (program.node[program.store[slots]], program.step[slots])
    worth = guess.dual.power_price[at] / program.step_h
    # Without limits, at the prices of net power, each new store is a program by itself.
    free = np.full((1, program.steps), np.inf)
    alone = replace(
        piece.program,
        draw_price_per_kwh=piece.program.draw_price_per_kwh + worth,
        feed_price_per_kwh=piece.program.feed_price_per_kwh + worth,
        node=np.zeros(len(stores), np.int64),
        parent=np.array([-1]),
        net_low_kw=-free,
        net_high_kw=free,
        load_kw=np.zeros((1, program.steps)),
        surcharge_per_kwh=np.zeros((1, program.steps)),
        peak_price_per_kw=np.zeros(1),
        peak_before_kw=np.zeros(1),
        budget_kwh=None,
        peak_count=None,
        terms=(),
        reserve_kwh=None,
    )
    answer = interior_point.minimise(alone, gap=SETTLED, deadline=np.inf)
    power, value = guess.power_kw.copy(), guess.dual.energy_value.copy()
    power[slots], value[slots] = answer.power_kw, answer.dual.energy_value
    return replace(guess, power_kw=power, dual=replace(guess.dual, energy_value=value))

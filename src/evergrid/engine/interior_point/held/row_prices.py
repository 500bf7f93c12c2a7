"""Prices of the rows of held capacity, in the order of the term, from those of the iterate.

What could not be held at all is left out of the iterate, so nothing there has a price. A row that
leaves no room then has any price for nothing: one is taken at which holding does not pay.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.engine.certificate import Dual
from evergrid.engine.interior_point.held.awards import Awards
from evergrid.engine.interior_point.held.layout import LITTLE_KW, Layout
from evergrid.engine.interior_point.held.records import HeldPoint
from evergrid.engine.interior_point.held.slot_rows import FIRST
from evergrid.engine.program import Program
from evergrid.engine.terms.held_capacity import HeldCapacity, PairSlots, strictest

KINDS = ("up", "down", "begin_low", "begin_high", "end_low", "end_high")


@dataclass(frozen=True)
class Multipliers:
    """Of the rows of the term, all at least 0.

    Attributes:
        of_slots: By kind of row, then by set of awards and slot of the program.
        of_nodes: Of limits with all called, upwards and downwards; by set, node and step.
        award: Price of what is held.
    """

    of_slots: dict[str, Float[Array, "_ slot"]]
    of_nodes: tuple[Float[Array, "_ node step"], Float[Array, "_ node step"]]
    award: Float[Array, "award step"]


def dual(
    made: Layout,
    point: HeldPoint,
    awards: Awards,
    row_price: Float[Array, "kind node step"],
    price: Float[Array, "node out step"],
) -> Dual:
    """All prices, in the order of the program."""
    p, sets = made.program, made.sets
    value = np.zeros(p.slots)
    value[made.source] = np.nan_to_num(point.value)
    ups = len(sets.ups)
    first = FIRST + len(sets.awards) + len(sets.caps)
    of_slots, whole = {}, np.where(made.whole_kw > 0, made.whole_kw, 1.0)
    for name in KINDS:
        count = len(getattr(sets, name))
        block = np.nan_to_num(point.multiplier[:, first : first + count]).T
        of_slots[name] = block / whole if name in ("up", "down") else block
        first += count
    up = np.maximum(np.nan_to_num(-row_price[1 : 1 + ups]), 0.0)
    of_nodes = (up, np.maximum(np.nan_to_num(row_price[1 + ups :]), 0.0))
    award = np.nan_to_num(awards.price).copy()
    cost = _reduced_cost(made, value, of_slots, price, award)
    _price_blocks(made, cost, award)
    _price_hindrances(made, cost - award[:, made.step], of_slots)
    spread = {name: np.zeros((len(one), p.slots)) for name, one in of_slots.items()}
    for name, one in of_slots.items():
        spread[name][:, made.source] = one
    found = in_order(p, made.term, Multipliers(spread, of_nodes, award))
    return Dual(value, price[:, 0].copy(), np.zeros(p.nodes), (found,))


def _reduced_cost(
    made: Layout,
    value: Float[Array, " all_slot"],
    of_slots: dict[str, Float[Array, "_ slot"]],
    price: Float[Array, "node out step"],
    award: Float[Array, "award step"],
) -> Float[Array, "award slot"]:
    """What a kW held costs at these prices, without that of its award."""
    p, source, sets = made.program, made.source, made.sets
    store = p.store[source]
    drain = np.zeros((p.stores, made.term.awards))
    drain[made.term.store, made.term.award] = made.term.drain
    cost = np.where(made.held >= 0, p.step_h * p.draw_price_per_kwh[made.held], 0.0)
    cost += p.step_h * drain[store].T * value[source]
    cost -= price[made.of_node, 1:, made.step].T - np.nan_to_num(award)[:, made.step]
    into, out_of = p.efficiency_charge[store], 1.0 / p.efficiency_discharge[store]
    for name, one in of_slots.items():
        scale = 1.0 if name in ("up", "down") else out_of if name.endswith("low") else into
        for table, multiplier in zip(getattr(sets, name), one, strict=True):
            cost += table[:, None] * scale * multiplier
    return cost


def _price_blocks(
    made: Layout, cost: Float[Array, "award slot"], award: Float[Array, "award step"]
) -> None:
    """Prices at which nothing pays in blocks in which nothing can be held, in place.

    They add up to nothing where a step has nobody who could hold any; else the block's limit is 0.
    """
    steps = made.program.steps
    for a in range(made.term.awards):
        could = (made.held[a] >= 0) & ~made.hindered.any[a]
        least, there = np.zeros(steps), np.zeros(steps, bool)
        np.minimum.at(least, made.step[could], cost[a][could])
        there[made.step[could]] = True
        length = int(made.term.block_steps[a])
        for begin in range(0, steps, length):
            block = slice(begin, begin + length)
            if made.block[a, begin] >= 0:
                continue
            award[a, block] = least[block]
            nobody = np.flatnonzero(~there[block])
            if len(nobody):
                award[a, begin + nobody[0]] = -least[block].sum()


def _price_hindrances(
    made: Layout,
    cost: Float[Array, "award slot"],
    of_slots: dict[str, Float[Array, "_ slot"]],
) -> None:
    """Raise multipliers of rows that leave no room until nothing held there pays, in place."""
    p, term, sets, hindered = made.program, made.term, made.sets, made.hindered
    store = p.store[made.source]
    into, out_of = p.efficiency_charge[store], 1.0 / p.efficiency_discharge[store]
    over = np.where((made.held >= 0) & hindered.any, np.maximum(-cost, 0.0), 0.0)
    for where, name, scale in (
        (hindered.power & term.up[:, None], "up", 1.0),
        (hindered.power & ~term.up[:, None], "down", 1.0),
        (hindered.energy & ~hindered.power, "begin_low", out_of),
        (hindered.room & ~hindered.energy & ~hindered.power, "begin_high", into),
        (hindered.full & ~(hindered.energy | hindered.room | hindered.power), "end_high", into),
    ):
        for table, multiplier in zip(getattr(sets, name), of_slots[name], strict=True):
            counts = np.where(table > 0, table, 1.0)[:, None] * scale
            asked = np.where(where & (table > 0)[:, None], over / counts, 0.0)
            multiplier += asked.max(axis=0)


def in_order(program: Program, term: HeldCapacity, given: Multipliers) -> Float[Array, " row"]:
    """Prices of all rows, as `HeldCapacity.rows` has them."""
    pairs = PairSlots.of(program, term)
    made = [np.zeros(0)]
    for side, name in ((term.up, "up"), (term.down, "down")):
        for awards, of_set in zip(strictest(term.calls & side), given.of_slots[name], strict=True):
            made.append(-of_set[pairs.of_awards(awards[term.award])[0]])
    limits = (np.isfinite(program.net_high_kw), np.isfinite(program.net_low_kw))
    for side, limited, of_nodes in zip((term.up, term.down), limits, given.of_nodes, strict=True):
        for awards, of_set in zip(strictest(term.calls & side), of_nodes, strict=True):
            cell, _ = pairs.below(program, awards[term.award], limited)
            made.append(-of_set.ravel()[np.unique(cell)])
    for hours, side, sign in (
        (term.up * term.up_h, "low", 1),
        (term.down * term.down_h, "high", -1),
    ):
        for when, counted in (("end", term.at_end), ("begin", np.ones(term.awards, bool))):
            sets = strictest(term.calls & (hours > 0) & counted)
            for awards, of_set in zip(sets, given.of_slots[f"{when}_{side}"], strict=True):
                made.append(sign * of_set[pairs.of_awards(awards[term.award])[0]])
    made += _of_awards(program, term, pairs, given.award)
    return np.concatenate(made)


def _of_awards(
    program: Program, term: HeldCapacity, pairs: PairSlots, award: Float[Array, "award step"]
) -> list[Float[Array, "..."]]:
    """Prices of rows of blocks, and of limits of awards, which add up to those of awards."""
    step, of = program.step[pairs.slot], term.award[pairs.pair]
    cell, length = of * program.steps + step, term.block_steps[of]
    limit, tie = np.zeros(award.shape), np.zeros(award.shape)
    for a in range(term.awards):
        for begin in range(0, program.steps, int(term.block_steps[a])):
            stop = min(begin + int(term.block_steps[a]), program.steps)
            least, most = term.least_kw[a, begin:stop], term.most_kw[a, begin:stop]
            total = float(award[a, begin:stop].sum())
            at = int(np.argmin(most)) if total < 0 else int(np.argmax(least))
            if (most - least <= LITTLE_KW).all():
                limit[a, begin:stop] = award[a, begin:stop]
            elif np.isfinite(most[at]) if total < 0 else least[at] > 0:
                limit[a, begin + at] = total
            left = (limit - award)[a, begin : stop - 1]
            tie[a, begin + 1 : stop] = np.cumsum(left)
    made = []
    if not (term.block_steps == 1).all():
        goes_on = (step + 1 < program.steps) & ((step + 1) % length != 0)
        follows = np.unique(np.concatenate([cell[step % length != 0], cell[goes_on] + 1]))
        made.append(tie.ravel()[follows])
    least, most = term.least_kw.ravel(), term.most_kw.ravel()
    counts = (np.isfinite(most) | (least > 0))[cell]
    made.append(limit.ravel()[np.unique(cell[counts])])
    return made

"""Capacity held ready as a term: power that stores could deliver more, and energy to last."""

from dataclasses import dataclass, replace
from typing import final

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.engine.program import Program
from evergrid.engine.term import Flows, RowBuilder, TermResult, TermRows


@final
@dataclass(frozen=True)
class HeldCapacity:
    """Capacity that stores hold ready, up, down or both, beside what they are planned to do.

    What a store holds of an award in a step is what another store, its *holder*, draws there. A
    holder takes part in the same steps, feeds nothing, is never full, and belongs to a node of its
    own that has no limits; its price is what a kWh of capacity held for an hour costs, below 0
    where it earns. So what is held is part of a schedule.

    Awards of one call could be called in full at the same time. In each call a store could feed
    what it holds upwards, and draw what it holds downwards, within its power limits and those of
    the nodes above it, and has energy and room for the time of each award. Holding takes energy
    from it: what calls are expected to move, less what comes back. So with ``held`` the power, and
    sums over the awards of a call::

        sum up held + d - c <= discharge limit,   sum down held + c - d <= charge limit
        e - sum up up_h held / efficiency_discharge >= energy_low     at the begin of the step
        e + sum down down_h held efficiency_charge <= energy_high     at the begin of the step
        n + sum of up held below it <= net_high,   n - sum of down held below it >= net_low
        e = e_before + efficiency_charge c step_h - d step_h / efficiency_discharge
            - sum drain held step_h

    What awards need at the end of the step, too, is kept there in the same way. Stores of one award
    hold together the same in all steps of a block, and no more than the award may be.

    Attributes:
        store: Of each pair of a store and its holder.
        holder: Of each pair.
        award: That each pair is part of, counted from 0.
        drain: Energy that a kW held for an hour takes from each store, in kWh.
        up: Whether each award is capacity to feed.
        down: Whether it is capacity to draw.
        up_h: Time that it could be fed for.
        down_h: Time that it could be drawn for.
        at_end: Whether energy for it is held at the end of each step, too.
        block_steps: Steps for which it is the same, counted from the first step of all.
        least_kw: Least that is held of it in each step.
        most_kw: Most that is held of it in each step; infinite where there is no limit.
        calls: Awards that could be called at the same time, by call.

    Raises:
        InputError: Lengths or times out of range, an award that is in no call.
    """

    store: Int[Array, " pair"]
    holder: Int[Array, " pair"]
    award: Int[Array, " pair"]
    drain: Float[Array, " pair"]
    up: Bool[Array, " award"]
    down: Bool[Array, " award"]
    up_h: Float[Array, " award"]
    down_h: Float[Array, " award"]
    at_end: Bool[Array, " award"]
    block_steps: Int[Array, " award"]
    least_kw: Float[Array, "award step"]
    most_kw: Float[Array, "award step"]
    calls: Bool[Array, "call award"]
    name = "held capacity (regulation and reserves beside the plan)"
    methods = frozenset({"highs", "interior_point"})
    ties_trees = True

    def __post_init__(self) -> None:
        faults: list[Fault] = []
        for field in ("up_h", "down_h"):
            hours = getattr(self, field)
            good = (hours >= 0) & np.isfinite(hours)
            faults += broken(field, good, "be at least 0 and finite", values=hours)
        whole = self.block_steps >= 1
        faults += broken("block_steps", whole, "be at least 1", values=self.block_steps)
        faults += broken("drain", np.isfinite(self.drain), "be finite", values=self.drain)
        least, most = self.least_kw.ravel(), self.most_kw.ravel()
        good = (least >= 0) & np.isfinite(least)
        faults += broken("least_kw", good, "be at least 0 and finite", values=least)
        faults += broken("most_kw", most >= least, "be at least least_kw", values=most)
        called = np.asarray(self.calls.any(axis=0))
        faults += broken("calls", called, "hold each award at least once", values=called)
        raise_if_any("held_capacity", faults)

    @property
    def awards(self) -> int:
        """How many awards there are."""
        return len(self.up)

    def rows(self, program: Program) -> TermRows:
        """Rows of power and of energy in each slot, of blocks and of limits; no columns."""
        made = RowBuilder(program.slots, program.nodes * program.steps)
        pairs = PairSlots.of(program, self)
        made.spend(pairs.slot, pairs.held, program.step_h * self.drain[pairs.pair])
        self._limit_power(program, made, pairs)
        self._limit_nodes(program, made, pairs)
        self._limit_energy(program, made, pairs)
        self._keep_blocks(program, made, pairs)
        self._limit_awards(program, made, pairs)
        return made.rows()

    def evaluate(self, program: Program, flows: Flows) -> TermResult:
        """How far each row is broken; what is held is paid as the holders' draw."""
        at = next((k for k, term in enumerate(program.terms) if term is self), None)
        rows = self.rows(program) if at is None else program.term_rows[at]
        draw, feed = np.maximum(-flows.power_kw, 0.0), np.maximum(flows.power_kw, 0.0)
        value = rows.draw @ draw + rows.feed @ feed + rows.energy @ flows.energy_kwh
        value += rows.net @ flows.net_kw.ravel()
        excess = np.maximum(rows.lower - value, value - rows.upper)
        return TermResult(np.zeros(program.nodes), excess, rows.node)

    def part(
        self, nodes: Int[Array, " some"], stores: Int[Array, " some_store"]
    ) -> "HeldCapacity | None":
        """The whole, or nothing: it ties all trees."""
        if not np.isin(self.store, stores).any():
            return None
        if not np.isin(np.concatenate([self.store, self.holder]), stores).all():
            rule = "be all in a part of the program, or none"
            raise InputError("held_capacity", [Fault("stores", rule, (len(stores),))])
        places = {
            name: np.searchsorted(stores, getattr(self, name)) for name in ("store", "holder")
        }
        return replace(self, **places)

    # -- rows --------------------------------------------------------------------------------

    def _limit_power(self, program: Program, made: RowBuilder, pairs: "PairSlots") -> None:
        for side, sign, limit in (
            (self.up, 1.0, program.discharge_limit_kw),
            (self.down, -1.0, program.charge_limit_kw),
        ):
            for awards in strictest(self.calls & side):
                slot, of_pair, held = pairs.of_awards(awards[self.award])
                ones = np.ones(len(slot))
                row = made.add(-np.inf * ones, limit[slot], program.node[program.store[slot]])
                made.enter(row, feed=(slot, sign * ones), draw=(slot, -sign * ones))
                made.enter(row[of_pair], draw=(pairs.held[held], np.ones(len(held))))

    def _limit_nodes(self, program: Program, made: RowBuilder, pairs: "PairSlots") -> None:
        """Net power of nodes with all that is held below them."""
        for side, sign, limit in (
            (self.up, 1.0, program.net_high_kw),
            (self.down, -1.0, -program.net_low_kw),
        ):
            for awards in strictest(self.calls & side):
                cell, held = pairs.below(program, awards[self.award], np.isfinite(limit))
                limited, row = np.unique(cell, return_inverse=True)
                ones, node = np.ones(len(limited)), limited // program.steps
                added = made.add(-np.inf * ones, limit.ravel()[limited], node)
                made.enter(added, net=(limited, sign * ones))
                made.enter(added[row], draw=(held, np.ones(len(held))))

    def _limit_energy(self, program: Program, made: RowBuilder, pairs: "PairSlots") -> None:
        """Energy at the begin and at the end of each slot, to last for a time."""
        begin, store = program.begin[program.store], program.store
        up_h = self.up * self.up_h / program.efficiency_discharge[:, None]
        down_h = self.down * self.down_h * program.efficiency_charge[:, None]
        endless = np.full(program.stores, np.inf)
        for hours, lower, upper in (
            (-up_h, program.energy_low_kwh, endless),
            (down_h, -endless, program.energy_high_kwh),
        ):
            lasting = (hours != 0).any(axis=0)  # else the store's own limits are as strict
            for back in (0, 1):
                for awards in strictest(self.calls & lasting & (self.at_end | bool(back))):
                    slot, of_pair, at = pairs.of_awards(awards[self.award])
                    of = store[slot]
                    inside = slot > begin[slot] if back else np.ones(len(slot), bool)
                    known = np.where(inside, 0.0, program.energy_start_kwh[of])
                    row = made.add(lower[of] - known, upper[of] - known, program.node[of])
                    pair = pairs.pair[at]
                    held = hours[self.store[pair], self.award[pair]]
                    made.enter(row[of_pair], draw=(pairs.held[at], held))
                    before = (slot[inside] - back, np.ones(inside.sum()))
                    made.enter(row[inside], energy=before)

    def _keep_blocks(self, program: Program, made: RowBuilder, pairs: "PairSlots") -> None:
        """In each block but for its first step, an award is what it was a step before."""
        if (self.block_steps == 1).all():
            return
        step, award = program.step[pairs.slot], self.award[pairs.pair]
        cell, length = award * program.steps + step, self.block_steps[award]
        goes_on = (step + 1 < program.steps) & ((step + 1) % length != 0)
        # A step in which no store of the award takes part holds nothing, and so does its block.
        follows = np.unique(np.concatenate([cell[step % length != 0], cell[goes_on] + 1]))
        node = np.zeros(self.awards * program.steps, np.int64)
        node[cell] = program.node[program.store[pairs.slot]]
        row_of = np.full(self.awards * program.steps + 1, -1)
        row_of[follows] = made.add(np.zeros(len(follows)), np.zeros(len(follows)), node[follows])
        now, after = row_of[cell], np.where(goes_on, row_of[cell + 1], -1)
        for row, sign in ((now, 1.0), (after, -1.0)):
            at = row >= 0
            made.enter(row[at], draw=(pairs.held[at], np.full(at.sum(), sign)))

    def _limit_awards(self, program: Program, made: RowBuilder, pairs: "PairSlots") -> None:
        """What all hold of an award together lies within what it may be."""
        cell = self.award[pairs.pair] * program.steps + program.step[pairs.slot]
        least, most = self.least_kw.ravel(), self.most_kw.ravel()
        counts = (np.isfinite(most) | (least > 0))[cell]
        limited, row = np.unique(cell[counts], return_inverse=True)
        node = np.zeros(len(most), np.int64)
        node[cell] = program.node[program.store[pairs.slot]]
        low = np.where(least[limited] > 0, least[limited], -np.inf)
        added = made.add(low, most[limited], node[limited])
        held = pairs.held[counts]
        made.enter(added[row], draw=(held, np.ones(len(held))))


@dataclass(frozen=True)
class PairSlots:
    """Slots of all pairs, pair by pair.

    Attributes:
        slot: Of the store.
        held: Of its holder, in the same step.
        pair: Of each.
    """

    slot: Int[Array, " slot"]
    held: Int[Array, " slot"]
    pair: Int[Array, " slot"]

    @staticmethod
    def of(program: Program, term: HeldCapacity) -> "PairSlots":
        """Those of a program.

        Raises:
            InputError: A holder that takes part in other steps than its store.
        """
        store, holder = term.store, term.holder
        same = (program.first[store] == program.first[holder]) & (
            program.stop[store] == program.stop[holder]
        )
        if not same.all():
            rule = "take part in the steps of its store"
            got = tuple(int(one) for one in holder[~same][:3])
            raise InputError("held_capacity", [Fault("holder", rule, got)])
        lengths = program.stop[store] - program.first[store]
        pair = np.repeat(np.arange(len(store)), lengths)
        inside = np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return PairSlots(
            program.begin[store][pair] + inside, program.begin[holder][pair] + inside, pair
        )

    def of_awards(
        self, wanted: Bool[Array, " pair"]
    ) -> tuple[Int[Array, " some"], Int[Array, " entry"], Int[Array, " entry"]]:
        """Slots of stores in which some pairs take part.

        Returns:
            Each of these slots once; and for each slot of these pairs, which of them it is, and
            its place among all slots of pairs.
        """
        at = np.flatnonzero(wanted[self.pair])
        slot, which = np.unique(self.slot[at], return_inverse=True)
        return slot, which, at

    def below(
        self, program: Program, wanted: Bool[Array, " pair"], limited: Bool[Array, "node step"]
    ) -> tuple[Int[Array, " entry"], Int[Array, " entry"]]:
        """Limited nodes at and above each slot of some pairs, as cells; and what is held there."""
        at = np.flatnonzero(wanted[self.pair])
        step, node = program.step[self.slot[at]], program.node[program.store[self.slot[at]]]
        cells, helds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        while len(at):
            counts = limited[node, step]
            cells.append((node * program.steps + step)[counts])
            helds.append(self.held[at[counts]])
            node = program.parent[node]
            higher = node >= 0
            at, step, node = at[higher], step[higher], node[higher]
        return np.concatenate(cells), np.concatenate(helds)


def strictest(sets: Bool[Array, "set award"]) -> Bool[Array, "some award"]:
    """Sets of awards that are part of no other set; a smaller one asks for no more."""
    sets = np.unique(sets[sets.any(axis=1)], axis=0)
    if not len(sets):
        return sets
    part_of = (sets[:, None] <= sets[None]).all(axis=2)
    return sets[part_of.sum(axis=1) == 1]

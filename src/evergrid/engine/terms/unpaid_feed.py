"""What net meters feed beyond limits as a term: it earns nothing, wherever the limit is."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, final

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.engine.program import Program
from evergrid.engine.term import Flows, OwnColumns, RowBuilder, TermResult, TermRows


class _Most(NamedTuple):
    """The greatest values of the term's columns, at each site in each step."""

    beyond_kw: Float[Array, "site step"]
    unpaid_kw: Float[Array, "site step"]
    fed_kw: Float[Array, "site step"]


@final
@dataclass(frozen=True)
class UnpaidFeed:
    """Trees of sites that may feed beyond limits, and have net meters.

    Unpaid at a site is the larger of what it feeds beyond its own limit and what is unpaid at the
    sites just below it; where it has a meter or lies above some, no more than these feed. What is
    unpaid at the roots costs what it would have earned.

    Attributes:
        node: Node of each site, rising; all sites of each tree.
        parent: Row of the site above each; -1 for a root.
        meter: Whether the site has a net meter.
        limit_kw: Net power of its node at which a site feeds as much as it may.
        most_kw: How far it can be beyond that; 0 where it keeps the limit.
        price_per_kwh: What a kWh would have earned in each step, at least 0.
    """

    node: Int[Array, " site"]
    parent: Int[Array, " site"]
    meter: Bool[Array, " site"]
    limit_kw: Float[Array, "site step"]
    most_kw: Float[Array, "site step"]
    price_per_kwh: Float[Array, " step"]
    name = "feed beyond limits, which nobody pays for"
    methods = frozenset({"highs"})
    ties_trees = False

    @cached_property
    def cells(self) -> Bool[Array, "site step"]:
        """Where and when anything may go unpaid."""
        return (tree.add_up(self.most_kw, self.parent) > 0) & (self.price_per_kwh > 0)

    @cached_property
    def behind(self) -> Bool[Array, " site"]:
        """Whether a site lies below a meter, where what it sells is not known yet."""
        metered = tree.nearest(self.meter, self.parent) >= 0
        return metered & ~self.meter

    @cached_property
    def from_below(self) -> list[int]:
        """Sites, each after all those below it."""
        return np.concatenate(tree.levels(self.parent)[::-1]).tolist()

    def rows(self, program: Program) -> TermRows:
        """What goes unpaid, held above all that it is the larger of.

        The smaller of two is not convex, so a whole-numbered column says which of them it is.
        """
        capped = self._capped(program)
        most = self._most(program, capped)
        counted = tree.add_down(capped, self.parent) & self.meter[:, None]
        price = np.where(self.parent[:, None] < 0, program.step_h * self.price_per_kwh, 0.0)
        blocks = [
            (self.cells, most.unpaid_kw, price, False),
            (capped, most.beyond_kw, 0.0 * price, False),
            (counted, most.fed_kw, 0.0 * price, False),
            (capped, np.ones(capped.shape), 0.0 * price, True),
        ]
        columns, (unpaid, beyond, fed, flag) = self._columns(blocks)
        beyond = np.where(capped, beyond, unpaid)
        made = RowBuilder(program.slots, program.nodes * program.steps, len(columns.cost))
        own = self.cells & (self.most_kw > 0)
        self._above_net(made, own, beyond, -self.limit_kw)
        self._above_net(made, counted, fed, -program.load_kw[self.node])
        self._above_below(made, beyond, unpaid)
        self._cap(made, capped, (unpaid, beyond, fed, flag), most)
        return made.rows(columns)

    def _capped(self, program: Program) -> Bool[Array, "site step"]:
        """Where what is beyond limits may be more than the meters feed."""
        below = np.zeros(self.cells.shape, bool)
        under = self.parent >= 0
        np.logical_or.at(below, self.parent[under], self.cells[under])
        feeds_it = self.meter[:, None] & ~below & (self.limit_kw >= program.load_kw[self.node])
        return self.cells & ~self.behind[:, None] & ~feeds_it

    def _most(self, program: Program, capped: Bool[Array, "site step"]) -> _Most:
        reach_kw = np.maximum(program.net_range_kw[1] - program.load_kw, 0.0)[self.node]
        fed = np.where(self.meter[:, None], reach_kw, 0.0)
        ceiling = tree.add_up(fed, self.parent)
        beyond, unpaid = np.zeros(fed.shape), np.zeros(fed.shape)
        for row in self.from_below:
            below = unpaid[self.parent == row].sum(axis=0)
            beyond[row] = np.maximum(self.most_kw[row], below)
            least = np.minimum(beyond[row], ceiling[row])
            unpaid[row] = np.where(capped[row], least, beyond[row])
        return _Most(beyond, unpaid, fed)

    def _columns(
        self, blocks: list[tuple[Array, Array, Array, bool]]
    ) -> tuple[OwnColumns, list[Int[Array, "site step"]]]:
        """The columns of all blocks, and where each is; -1 where there is none."""
        places, count = [], 0
        for where, *_ in blocks:
            at = np.full(where.shape, -1)
            at[where] = np.arange(count, count := count + int(where.sum()))
            places.append(at)
        own = OwnColumns(
            cost=np.concatenate([price[where] for where, _, price, _ in blocks]),
            lower=np.zeros(count),
            upper=np.concatenate([most[where] for where, most, _, _ in blocks]),
            node=np.concatenate([self.node[np.nonzero(where)[0]] for where, *_ in blocks]),
            whole=np.concatenate([np.full(int(where.sum()), flag) for where, *_, flag in blocks]),
        )
        return own, places

    def _above_net(
        self,
        made: RowBuilder,
        where: Bool[Array, "site step"],
        column: Int[Array, "site step"],
        least_kw: Float[Array, "site step"],
    ) -> None:
        """Rows that hold columns at or above the net power of their nodes and this beside."""
        site, step = np.nonzero(where)
        node = self.node[site]
        row = made.add(least_kw[where], np.full(len(site), np.inf), node)
        net = node * where.shape[1] + step
        made.enter(row, own=(column[where], np.ones(len(site))), net=(net, -np.ones(len(site))))

    def _above_below(
        self, made: RowBuilder, beyond: Int[Array, "site step"], unpaid: Int[Array, "site step"]
    ) -> None:
        """Rows that hold what is beyond at a site at or above all that is unpaid just below it."""
        for site, node in enumerate(self.node):
            children = np.flatnonzero(self.parent == site)
            steps = np.flatnonzero(self.cells[children].any(axis=0))
            count = len(steps)
            row = made.add(np.zeros(count), np.full(count, np.inf), np.full(count, node))
            made.enter(row, own=(beyond[site, steps], np.ones(count)))
            for child in children:
                there = self.cells[child, steps]
                column = unpaid[child, steps[there]]
                made.enter(row[there], own=(column, -np.ones(len(column))))

    def _cap(
        self,
        made: RowBuilder,
        capped: Bool[Array, "site step"],
        columns: tuple[Int[Array, "site step"], ...],
        most: _Most,
    ) -> None:
        """Rows that hold what is unpaid at or above the smaller of what is beyond and what is fed.

        With a flag of 0, unpaid >= beyond - most flag; with 1, unpaid >= fed - most (1 - flag).
        """
        unpaid, beyond, fed, flag = columns
        ceiling = tree.add_up(most.fed_kw, self.parent)[capped]
        site, step = np.nonzero(capped)
        ones, endless = np.ones(len(site)), np.full(len(site), np.inf)
        row = made.add(0.0 * ones, endless, self.node[site])
        made.enter(row, own=(unpaid[capped], ones))
        made.enter(row, own=(beyond[capped], -ones))
        made.enter(row, own=(flag[capped], most.beyond_kw[capped]))
        row = made.add(-ceiling, endless, self.node[site])
        made.enter(row, own=(unpaid[capped], ones))
        made.enter(row, own=(flag[capped], -ceiling))
        for meter in np.flatnonzero(self.meter):
            above = np.isin(site, list(tree.path(int(meter), self.parent)))
            column = fed[meter, step[above]]
            made.enter(row[above], own=(column, -np.ones(len(column))))

    def evaluate(self, program: Program, flows: Flows) -> TermResult:
        """What goes unpaid, at the roots; it breaks nothing."""
        net = flows.net_kw[self.node]
        fed = np.where(self.meter[:, None], np.maximum(net - program.load_kw[self.node], 0.0), 0.0)
        beyond = np.where(self.most_kw > 0, np.maximum(net - self.limit_kw, 0.0), 0.0)
        unpaid = unpaid_kw(beyond, fed, self.behind, self.parent)
        cost = np.zeros(program.nodes)
        top = self.parent < 0
        cost[self.node[top]] = program.step_h * unpaid[top] @ self.price_per_kwh
        return TermResult(cost, np.zeros(0), np.zeros(0, np.int64))

    def part(
        self, nodes: Int[Array, " some"], stores: Int[Array, " some_store"]
    ) -> "UnpaidFeed | None":
        """The trees of sites that are among the nodes."""
        kept = np.flatnonzero(np.isin(self.node, nodes))
        if not len(kept):
            return None
        parent = self.parent[kept]
        return UnpaidFeed(
            np.searchsorted(nodes, self.node[kept]),
            np.where(np.isin(parent, kept), np.searchsorted(kept, parent), -1),
            self.meter[kept],
            self.limit_kw[kept],
            self.most_kw[kept],
            self.price_per_kwh,
        )


def unpaid_kw(
    beyond_kw: Float[Array, "site step"],
    fed_kw: Float[Array, "site step"],
    behind: Bool[Array, " site"],
    parent: Int[Array, " site"],
) -> Float[Array, "site step"]:
    """What goes unpaid at each site and below it, by the rule of `UnpaidFeed`.

    Args:
        beyond_kw: What each site feeds beyond its limit.
        fed_kw: What the net meter of each site feeds; 0 where it has none.
        behind: Whether the site lies below a meter.
        parent: Row of the site above each; -1 for a root.
    """
    most = tree.add_up(fed_kw, parent)
    most[behind] = np.inf
    unpaid = np.zeros(beyond_kw.shape)
    for rows in tree.levels(parent)[::-1]:
        below = np.zeros(beyond_kw.shape)
        under = np.flatnonzero(parent >= 0)
        np.add.at(below, parent[under], unpaid[under])
        unpaid[rows] = np.minimum(np.maximum(beyond_kw, below), most)[rows]
    return unpaid

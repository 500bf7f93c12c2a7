"""One iteration of the interior-point method on one device's share of the stores and nodes.

The rules are those of `evergrid.engine.interior_point.interior_point`, and so are its tolerances.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float, Int, Shaped

from evergrid.engine.device import barrier, node_barrier, nodes, stiffness, stores, warm_start
from evergrid.engine.device.barrier import PerRow, PerStep
from evergrid.engine.device.levels import (
    Levels,
    Tree,
    add_down,
    add_up,
    of_blocks,
    over_all,
    tree_max,
    tree_sum,
)
from evergrid.engine.device.node_barrier import Points
from evergrid.engine.device.stores import Point, Products, Stores
from evergrid.engine.device.warm_start import WarmStart
from evergrid.engine.interior_point.interior_point import (
    DAMPING,
    DIVERGED,
    ENERGY_KWH,
    EXPORT_KW,
    FLOOR,
    OWN_SHARE,
    STALLED,
    WANTED_SHARE,
)
from evergrid.engine.interior_point.store_kernels import STEP_SHARE


class Scale(NamedTuple):
    """Numbers of the whole program.

    Attributes:
        step_h: Length of a step.
        centre: Complementary product to start from.
        worth: Worth of a kWh to start from.
        gap: Relative gap to reach.
        leeway: Multiple of the tolerances within which residuals must be.
    """

    step_h: Float[jax.Array, ""]
    centre: Float[jax.Array, ""]
    worth: Float[jax.Array, ""]
    gap: Float[jax.Array, ""]
    leeway: Float[jax.Array, ""]


class State(NamedTuple):
    """The iterate of stores and nodes, and how far each tree has come, told at its root."""

    point: Point
    held: Points
    own_price: PerStep
    net: PerStep
    gap: PerRow
    wanted: PerRow
    residual: PerRow
    active: Bool[jax.Array, " row"]
    solved: Bool[jax.Array, " row"]
    stalls: Int[jax.Array, " row"]


class IterationReport(NamedTuple):
    """What an iteration tells of all trees: whether to go on, gap, largest residual, cost."""

    active: Bool[jax.Array, ""]
    gap: Float[jax.Array, ""]
    residual: Float[jax.Array, ""]
    cost: Float[jax.Array, ""]


class Reading(NamedTuple):
    """The result: powers and worths of stores, prices of nodes, who is solved."""

    power_kw: stores.Slots
    value: stores.Slots
    price: PerStep
    budget_price: PerRow
    limit_price: PerStep
    solved: Bool[jax.Array, " row"]


class Move(NamedTuple):
    """A direction of stores and nodes."""

    stores: stores.Step
    price: PerStep
    held: Points


def begin(levels: Levels, has_stores: Stores, tree: Tree, scale: Scale) -> State:
    """The point to start from."""
    dtype, rows = tree.high.dtype, levels.rows
    local = _in_stores(has_stores, scale)
    point = stores.start(has_stores, local.step_h, local.centre, local.worth)
    net = _net(levels, has_stores, tree, local.step_h, point)
    held = node_barrier.start(tree.held, net, scale.centre)
    nothing, unknown = jnp.zeros(rows, dtype), jnp.full(rows, jnp.inf, dtype)
    return State(
        point=point,
        held=held,
        own_price=node_barrier.own_price(tree.held, held),
        net=net,
        gap=unknown,
        wanted=nothing,
        residual=unknown,
        active=tree.used[tree.root],
        solved=jnp.zeros(rows, bool),
        stalls=jnp.zeros(rows, int),
    )


def begin_warm(
    levels: Levels, has_stores: Stores, tree: Tree, scale: Scale, guess: WarmStart
) -> State:
    """The point to start from near a guess; trees for which it is good are left alone."""
    fresh = begin(levels, has_stores, tree, scale)
    step_h = _in_stores(has_stores, scale).step_h
    price, least = (_at_blocks(has_stores, tree, a) for a in (guess.price.T, guess.least))
    point = warm_start.begin(has_stores, step_h, guess, price, least)
    net = _net(levels, has_stores, tree, step_h, point)
    own_price = guess.price - _above(tree, guess.price)
    cold = node_barrier.start(tree.held, net, scale.centre)
    given = (own_price, guess.budget_price, net, guess.least)
    return fresh._replace(
        point=point,
        held=node_barrier.begin_warm(tree.held, cold, *given),
        own_price=own_price,
        net=net,
        gap=jnp.where(guess.good, 0.0, fresh.gap),
        residual=jnp.where(guess.good, 0.0, fresh.residual),
        active=fresh.active & ~guess.good,
        solved=fresh.active & guess.good,
    )


def resume(levels: Levels, has_stores: Stores, tree: Tree, scale: Scale, coarse: State) -> State:
    """Go on where an iterate of less precision has solved a tree; start others afresh."""
    fresh = begin(levels, has_stores, tree, scale)
    kept = coarse.solved & fresh.active
    of_block = kept.at[tree.block].get(mode="fill", fill_value=False)[:, None]
    widened = stores.widened(has_stores, _in_stores(has_stores, scale).step_h, coarse.point)
    point = Point(*(jnp.where(of_block, a, b) for a, b in zip(widened, fresh.point, strict=True)))
    net = _net(levels, has_stores, tree, _in_stores(has_stores, scale).step_h, point)
    return fresh._replace(
        point=point,
        held=_where(kept, coarse.held, fresh.held),
        own_price=jnp.where(kept[:, None], coarse.own_price, fresh.own_price),
        net=net,
    )


def reopen(tree: Tree, state: State) -> State:
    """Go on with the trees that are solved, for a smaller gap."""
    return state._replace(active=(state.solved & tree.used)[tree.root])


def iterate(
    levels: Levels, has_stores: Stores, tree: Tree, scale: Scale, state: State
) -> tuple[State, IterationReport]:
    """Factor, predict, correct, move, evaluate."""
    problem = _Problem(levels, has_stores, tree, scale, state)
    predicted = problem.direction(jnp.zeros_like(state.gap), None, None)
    products = stores.second_order(state.point, predicted.stores)
    of_nodes = node_barrier.pairs(predicted.held, predicted.held)
    mu, centring = problem.centring(predicted)
    enough = 0.1 * state.wanted / jnp.maximum(tree.products, 1)  # smaller only loses digits
    # unless more than the gap is asked for, and what is asked for is not a residual
    more = (state.gap <= state.wanted) & (state.residual <= scale.leeway)
    enough = jnp.where(more, 0.1 * enough, enough)
    target = jnp.maximum(centring * mu, enough)
    step = problem.direction(target, products, of_nodes)
    moved, taken = problem.moved(step, target, products)
    judged, cost = evaluate(levels, has_stores, tree, scale, moved, taken)
    gap = jnp.where(tree.used, judged.gap, 0.0)
    residual = jnp.where(tree.used, judged.residual, 0.0)
    paid, _ = over_all(levels, jnp.where(tree.used, cost, 0.0), residual)
    active, _ = over_all(levels, judged.active.astype(gap.dtype), residual)
    return judged, IterationReport(active > 0, *over_all(levels, gap, residual), paid)


class Reach(NamedTuple):
    """How far stores, rows and whole trees could go; trees at their roots."""

    stores: stores.Each
    rows: PerRow
    tree: PerRow


class _Problem:
    """What both directions of an iteration share."""

    def __init__(
        self, levels: Levels, has_stores: Stores, tree: Tree, scale: Scale, state: State
    ) -> None:
        self.levels, self.stores, self.tree, self.state = levels, has_stores, tree, state
        local = _in_stores(has_stores, scale)
        self.step_h = local.step_h
        self.terms = stores.terms(has_stores, local.step_h)
        self.price = add_down(levels, tree, state.own_price)
        self.made = stores.factor(self.terms, state.point, DAMPING * local.centre)
        answers = stores.answers(self.terms, self.made).astype(state.gap.dtype)
        self.curvature = node_barrier.prepare(tree.held, state.held, state.net)
        stiff = stiffness.of_curvature(tree.held[0], self.curvature)
        self.node_factors = nodes.factor(levels, tree, answers, stiff)

    def direction(
        self,
        target: PerRow,
        products: Products | None,
        of_nodes: tuple[barrier.Products, ...] | None,
    ) -> Move:
        """The step towards a target of each tree, less second-order products."""
        state, tree = self.state, self.tree
        goal = target[tree.root]
        gradient, own = stores.respond(
            self.terms,
            self.stores,
            state.point,
            self.made,
            self.at_blocks(self.price.T),
            self.at_blocks(goal),
            products,
        )
        own = of_blocks(self.levels, tree, own.T.astype(goal.dtype))
        held = (tree.held, state.held, self.curvature)
        price, aims = node_barrier.aim(*held, goal, of_nodes)
        dprice, net, pooled = nodes.changes(
            self.levels, tree, self.node_factors, state.own_price - price, self.curvature[0], own
        )
        return Move(
            stores=stores.advance(self.terms, self.made, gradient, self.at_blocks(dprice.T)),
            price=dprice,
            held=node_barrier.step(*held, aims, net, pooled),
        )

    def at_blocks(self, rows: Shaped[jax.Array, "*step row"]) -> Float[jax.Array, "*step block"]:
        """What each block sees of its row, in the precision of stores."""
        return _at_blocks(self.stores, self.tree, rows)

    def centring(self, step: Move) -> tuple[PerRow, PerRow]:
        """Mean product of each tree, and Mehrotra's rule: centre less, the further a step goes."""
        state, tree = self.state, self.tree
        slacks, multipliers = _slacks(state.point), _multipliers(state.point)
        dslacks = stores.slack_changes(step.stores)
        dmultipliers = stores.multiplier_changes(
            self.terms, state.point, step.stores, self.at_blocks(jnp.zeros_like(state.gap)), None
        )
        reaches = self.longest(step, dslacks, dmultipliers)
        primal, dual = (jnp.minimum(reach.tree, 1.0) for reach in reaches)
        blocks = [stores.gap(a, b) for b in (multipliers, dmultipliers) for a in (slacks, dslacks)]
        rows = [
            node_barrier.total(a, b)
            for b in (state.held, step.held)
            for a in (state.held, step.held)
        ]
        sums = tree_sum(
            self.levels, tree, jnp.stack(blocks, -1).astype(rows[0].dtype), jnp.stack(rows, -1)
        )
        gap, by_primal, by_dual, by_both = sums.T
        ahead = gap + primal * by_primal + dual * by_dual + primal * dual * by_both
        share = jnp.maximum(ahead, 0.0) / jnp.maximum(gap, 1e-300)
        return gap / jnp.maximum(tree.products, 1), jnp.clip(share**3, 1e-6, 1.0)

    def longest(self, step: Move, dslacks: Products, dmultipliers: Products) -> tuple[Reach, Reach]:
        """How far stores, rows and whole trees could go, primal and dual."""
        state = self.state
        primal, dual = node_barrier.longest(state.held, step.held)
        return (
            self._reach(_slacks(state.point), dslacks, primal),
            self._reach(_multipliers(state.point), dmultipliers, dual),
        )

    def _reach(self, of_stores: Products, changes: Products, of_rows: PerRow) -> Reach:
        each = stores.longest(of_stores, changes)
        blocks = each.min(1).astype(of_rows.dtype)
        # The shortest of steps has the largest inverse.
        return Reach(each, of_rows, 1 / tree_max(self.levels, self.tree, 1 / blocks, 1 / of_rows))

    def moved(self, step: Move, target: PerRow, products: Products) -> tuple[State, PerRow]:
        """The state after the step, and what share of it each tree could take."""
        state, tree = self.state, self.tree
        dslacks = stores.slack_changes(step.stores)
        dmultipliers = stores.multiplier_changes(
            self.terms, state.point, step.stores, self.at_blocks(target[tree.root]), products
        )
        primal, dual = self.longest(step, dslacks, dmultipliers)
        lengths = (self.of_stores(primal),) * 5 + (self.of_stores(dual),) * 6
        changes = (*dslacks, *dmultipliers, step.stores.dvalue)
        moving = self.at_blocks(state.active)[:, None] > 0
        moves = zip(state.point, lengths, changes, strict=True)
        point = Point(*(jnp.where(moving, old + far * change, old) for old, far, change in moves))
        net = _net(self.levels, self.stores, tree, self.step_h, point)
        moved = self.moved_rows(step, self.of_rows(primal), self.of_rows(dual), net)
        return moved._replace(point=point), jnp.minimum(_short(primal.tree), _short(dual.tree))

    def of_stores(self, reach: Reach) -> stores.Each:
        """The step that each store takes."""
        return _tempered(reach.stores, self.at_blocks(_short(reach.tree)[self.tree.root])[:, None])

    def of_rows(self, reach: Reach) -> PerRow:
        """The step that each row takes."""
        return _tempered(reach.rows, _short(reach.tree)[self.tree.root])

    def moved_rows(self, step: Move, primal: PerRow, dual: PerRow, net: PerStep) -> State:
        """The rows after their step, at new net powers."""
        state, tree = self.state, self.tree
        own_step = step.price - _above(tree, step.price)
        own_price = state.own_price + dual[:, None] * own_step
        held = node_barrier.move(tree.held, state.held, step.held, primal, dual, net)
        moving = state.active[:, None]
        return state._replace(
            held=_where(state.active, held, state.held),
            own_price=jnp.where(moving, own_price, state.own_price),
            net=jnp.where(moving, net, state.net),
        )


def evaluate(
    levels: Levels, has_stores: Stores, tree: Tree, scale: Scale, state: State, taken: PerRow
) -> tuple[State, PerRow]:
    """Which trees are done, and which will never be; the cost to which each gap is relative."""
    local = _in_stores(has_stores, scale)
    has = stores.terms(has_stores, local.step_h)
    dtype = state.gap.dtype
    of_blocks_ = stores.gap(_slacks(state.point), _multipliers(state.point))
    blocks = jnp.stack([of_blocks_, *stores.costs(has_stores, has, state.point)], -1).astype(dtype)
    of_rows = node_barrier.total(state.held, state.held)
    paid = node_barrier.cost(tree.held, state.held)
    rows = jnp.stack([of_rows, paid, jnp.zeros_like(paid)], -1)
    gap, cost, turnover = tree_sum(levels, tree, blocks, rows).T
    least = FLOOR * scale.centre * tree.products
    size = jnp.maximum(jnp.abs(cost), 1e-3 * turnover)
    wanted = jnp.maximum(WANTED_SHARE * scale.gap * size, least)
    residual = _residual(levels, has, tree, state)
    over = _worst_export(levels, has_stores, has, tree, state.net, state.point)
    fits = over <= scale.leeway * EXPORT_KW
    done = (gap <= wanted) & (residual <= scale.leeway) & (fits | (gap <= 2 * least))
    stalls = jnp.where(taken < STALLED, state.stalls + 1, 0)
    lost = ~(gap <= DIVERGED * scale.centre * tree.products)  # also where it is NaN
    stops = (done | (stalls >= 3) | lost)[tree.root]
    judged = state._replace(
        gap=gap,
        wanted=wanted,
        residual=residual,
        active=state.active & ~stops,
        solved=state.solved | (state.active & done[tree.root]),
        stalls=stalls,
    )
    return judged, size


def read(levels: Levels, has_stores: Stores, tree: Tree, scale: Scale, state: State) -> Reading:
    """What the iterate says; a tree that was lost may hold NaN."""
    has = stores.terms(has_stores, _in_stores(has_stores, scale).step_h)
    binding = state.held[0].multiplier[:2].max(0)
    return Reading(
        power_kw=stores.one_way(has_stores, has, state.point),
        value=state.point.value,
        price=add_down(levels, tree, state.own_price),
        budget_price=node_barrier.budget_price(tree.held, state.held) / scale.step_h,
        limit_price=jnp.where(binding > 1e-6 * scale.centre, binding, 0.0) / scale.step_h,
        solved=state.solved | ~tree.used[tree.root],
    )


def _above(tree: Tree, price: PerStep) -> PerStep:
    """The price of each row's parent; 0 above a root."""
    return price.at[tree.parent].get(mode="fill", fill_value=0.0)


def _at_blocks(
    has_stores: Stores, tree: Tree, rows: Shaped[jax.Array, "*step row"]
) -> Float[jax.Array, "*step block"]:
    """What each block sees of its row, in the precision of stores."""
    of_block = rows.at[..., tree.block].get(mode="fill", fill_value=0)
    return of_block.astype(has_stores.share.dtype)


def _in_stores(has_stores: Stores, scale: Scale) -> Scale:
    """Numbers of the program in the precision of stores."""
    return Scale(*(number.astype(has_stores.share.dtype) for number in scale))


def _net(
    levels: Levels, has_stores: Stores, tree: Tree, step_h: Float[jax.Array, ""], point: Point
) -> PerStep:
    own = stores.net_power(stores.terms(has_stores, step_h), point).T.astype(tree.high.dtype)
    return add_up(levels, tree, of_blocks(levels, tree, own))


def _residual(levels: Levels, has: stores.Terms, tree: Tree, state: State) -> PerRow:
    """Largest residual of each tree as a multiple of what is allowed."""
    rows = node_barrier.residual(tree.held, state.held, state.net)
    energy = jnp.abs(stores.energy_residual(has, state.point)).max((0, 2))
    return tree_max(levels, tree, energy.astype(rows.dtype) / ENERGY_KWH, rows)


def _worst_export(
    levels: Levels, has_stores: Stores, has: stores.Terms, tree: Tree, net: PerStep, point: Point
) -> PerRow:
    """By how much each tree would break export limits, were powers cancelled to one direction."""
    lift = stores.one_way(has_stores, has, point).sum(-1) - stores.net_power(has, point)
    lift = add_up(levels, tree, of_blocks(levels, tree, lift.T.astype(net.dtype)))
    over = jnp.where(tree.held[0].held[1], net + lift - tree.high, 0.0).max(1)
    return tree_max(levels, tree, jnp.zeros_like(tree.block, dtype=net.dtype), over)


def _slacks(point: Point) -> Products:
    return Products(*point[:5])


def _multipliers(point: Point) -> Products:
    return Products(*point[5:10])


def _where(rows: Bool[jax.Array, " row"], one: Points, other: Points) -> Points:
    """The one point in these rows, and the other elsewhere."""
    here = rows[None, :, None]
    return jax.tree.map(lambda a, b: jnp.where(here, a, b), one, other)


def _short(longest: PerRow) -> PerRow:
    """What is taken of the longest step."""
    return jnp.minimum(STEP_SHARE * longest, 1.0)


def _tempered(
    longest: Float[jax.Array, "*of"], common: Float[jax.Array, "..."]
) -> Float[jax.Array, "*of"]:
    """A step between what one could take by itself and what all can take together."""
    return jnp.minimum(STEP_SHARE * longest, 1.0) ** OWN_SHARE * common ** (1.0 - OWN_SHARE)

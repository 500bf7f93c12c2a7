"""The nodes' part of the iterate as a whole, in arrays for accelerators.

As in `evergrid.engine.interior_point.node_barrier` there are rows of single steps and, where any
node has a budget, rows that see all steps as one. Both are of the same kind, one tuple holds them.
"""

from functools import reduce

import jax
import jax.numpy as jnp
from jaxtyping import Float

from evergrid.engine.device import barrier
from evergrid.engine.device.barrier import Aim, PerRow, PerStep, Point, Products, RowCurvature, Rows
from evergrid.engine.interior_point.node_kernels import STIFF

Parts = tuple[Rows, ...]  # of single steps, and of budgets where there are any
Points = tuple[Point, ...]
Pool = Float[jax.Array, "row budget"]  # one column where there are budgets, else none


def start(parts: Parts, net: PerStep, centre: Float[jax.Array, ""]) -> Points:
    """Slacks with room, at net powers as they are."""
    return tuple(barrier.start(p, seen, centre) for p, seen in _seeing(parts, net))


def begin_warm(
    parts: Parts,
    points: Points,
    own_price: PerStep,
    budget_price: PerRow,
    net: PerStep,
    least: PerRow,
) -> Points:
    """Begin at these prices and net powers, with products of about ``least`` in each node.

    Args:
        parts: The rows.
        points: Where they begin at these net powers without any prices.
        own_price: What each node adds to its parent's price.
        budget_price: The part of it that its budget adds in every step.
        net: Net power of each node.
        least: Products.
    """
    prices, of_steps = [], own_price
    for p in parts[1:]:
        of_budget = jnp.where(p.held[0], budget_price[:, None], 0.0)
        prices.append(of_budget)
        of_steps -= of_budget
    each = zip(_seeing(parts, net), points, (of_steps, *prices), strict=True)
    return tuple(
        barrier.begin_warm(p, point, price, seen, least) for (p, seen), point, price in each
    )


def prepare(parts: Parts, points: Points, net: PerStep) -> tuple[RowCurvature, ...]:
    """Offsets and stiffness at these net powers."""
    each = zip(_seeing(parts, net), points, strict=True)
    return tuple(barrier.prepare(p, point, seen) for (p, seen), point in each)


def own_price(parts: Parts, points: Points) -> PerStep:
    """What each node's rows add to its parent's price at present."""
    each = zip(parts, points, strict=True)
    return reduce(jnp.add, [barrier.own_price(p, point) for p, point in each])


def budget_price(parts: Parts, points: Points) -> PerRow:
    """What each node's budget adds to the price of every step."""
    each = zip(parts[1:], points[1:], strict=True)
    prices = [barrier.own_price(p, point)[:, 0] for p, point in each]
    return reduce(jnp.add, prices, jnp.zeros(points[0].slack.shape[1]))


def pool(curvature: tuple[RowCurvature, ...]) -> Pool:
    """Stiffness of each node's sum over steps."""
    return jnp.concatenate([curvature[0].stiff[:, :0], *(s.stiff for s in curvature[1:])], 1)


def aim(
    parts: Parts,
    points: Points,
    curvature: tuple[RowCurvature, ...],
    goal: PerRow,
    products: tuple[Products, ...] | None,
) -> tuple[PerStep, tuple[Aim, ...]]:
    """What each node's rows would add to its parent's price once offsets are undone.

    Net powers count from the shift of the rows in each step, so a budget counts from its sum.
    """
    given = (None,) * len(parts) if products is None else products
    each = zip(parts, points, curvature, given, strict=True)
    aims = tuple(barrier.aim(p, point, s, goal, known) for p, point, s, known in each)
    price = aims[0].price
    for s, of_budget in zip(curvature[1:], aims[1:], strict=True):
        price += of_budget.price - s.stiff * (s.shift - _over_steps(curvature[0].shift))
    return price, aims


def step(
    parts: Parts,
    points: Points,
    curvature: tuple[RowCurvature, ...],
    aims: tuple[Aim, ...],
    change: PerStep,
    pooled: Pool,
) -> Points:
    """The step of slacks and multipliers that goes with these changes of net power.

    Args:
        parts: The rows.
        points: Their present points.
        curvature: What `prepare` made.
        aims: What `aim` made.
        change: Of each node's net power.
        pooled: What each node's budget takes up of a price. Where it is stiff, that tells the
            change of the sum over steps to more digits than the sum itself.
    """
    seen = [change]
    for s in curvature[1:]:
        stiff = s.stiff > STIFF
        exact = pooled / jnp.where(stiff, s.stiff, 1.0) - _over_steps(curvature[0].shift)
        seen.append(jnp.where(stiff, exact, _over_steps(change)))
    each = zip(parts, points, curvature, aims, seen, strict=True)
    return tuple(barrier.step(*own) for own in each)


def pairs(one: Points, other: Points) -> tuple[Products, ...]:
    """Products of one point's slacks with the other's multipliers."""
    return tuple(barrier.pairs(a, b) for a, b in zip(one, other, strict=True))


def total(one: Points, other: Points) -> PerRow:
    """Sum of these products over each node's rows."""
    return reduce(jnp.add, [barrier.total(products) for products in pairs(one, other)])


def longest(points: Points, changes: Points) -> tuple[PerRow, PerRow]:
    """The longest primal and dual step that keeps each node's slacks positive."""
    each = [barrier.longest(a, b) for a, b in zip(points, changes, strict=True)]
    primal, dual = (reduce(jnp.minimum, of_parts) for of_parts in zip(*each, strict=True))
    return primal, dual


def move(
    parts: Parts, points: Points, changes: Points, primal: PerRow, dual: PerRow, net: PerStep
) -> Points:
    """The points after the step, each node as far as it is told, at these net powers."""
    each = zip(_seeing(parts, net), points, changes, strict=True)
    return tuple(
        barrier.move(p, point, change, primal, dual, seen) for (p, seen), point, change in each
    )


def residual(parts: Parts, points: Points, net: PerStep) -> PerRow:
    """Largest offset of each node, as a multiple of what is allowed."""
    each = zip(_seeing(parts, net), points, strict=True)
    return reduce(jnp.maximum, [barrier.residual(p, point, seen) for (p, seen), point in each])


def cost(parts: Parts, points: Points) -> PerRow:
    """What excesses and peaks cost each node."""
    each = zip(parts, points, strict=True)
    return reduce(jnp.add, [barrier.cost(p, point) for p, point in each])


def _seeing(parts: Parts, net: PerStep) -> list[tuple[Rows, jax.Array]]:
    """Each part with what it sees of net powers."""
    return list(zip(parts, (net, _over_steps(net))[: len(parts)], strict=True))


def _over_steps(net: PerStep) -> Float[jax.Array, "row 1"]:
    return net.sum(1, keepdims=True)

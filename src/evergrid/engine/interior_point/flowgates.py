"""Flowgates in the interior point: few rows over many nodes, a term of low rank beside the tree.

A flowgate keeps its slack ``limit - w n >= 0`` in one step, where ``n`` is the net power of all
nodes. It would tie the nodes that the elimination up the tree takes one by one, so it is left out
of the tree and put back by the formula of Woodbury: the tree is asked how net power answers the
price of each flowgate, and a dense system of as many rows as there are flowgates gives the prices.
With ``D`` the second derivatives of the flowgates' barriers and ``M`` the answers, that system is
``1 + D^1/2 M D^1/2``, whose pivots are all at least one, however stiff a flowgate is. Those that
could not be felt are left out of it.

Source:
    W. Hager (1989), Updating the inverse of a matrix, SIAM Rev. 31(2), doi 10.1137/1031049.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.flowgates import Flowgates
from evergrid.engine.certificate import Dual
from evergrid.engine.interior_point.barrier import (
    CLOSE_SHARE,
    LEAST_PRICE,
    MARGIN,
    OFFSET_KW,
    ROOM_KW,
)
from evergrid.engine.interior_point.node_barrier import NodeBarrier
from evergrid.engine.interior_point.node_kernels import FELT
from evergrid.engine.interior_point.node_tree import NodeTree
from evergrid.engine.interior_point.store_kernels import UNBLOCKED
from evergrid.engine.program import Program
from evergrid.engine.terms import flowgates

MOST_FLOWGATES = 5_000  # rows of a dense system


class GatePoint(NamedTuple):
    """Slack of each flowgate and its multiplier; also used for a change of these."""

    slack: Float[Array, " flowgate"]
    multiplier: Float[Array, " flowgate"]


class GateNewton(NamedTuple):
    """What a Newton step needs to know of the present point, see `prepare`.

    Attributes:
        offset: By how much net power misses each slack.
        stiff: Second derivative of each barrier, D.
        felt: Rows of flowgates that are felt.
        upper: Cholesky factor of ``1 + D^1/2 M D^1/2`` of these.
    """

    offset: Float[Array, " flowgate"]
    stiff: Float[Array, " flowgate"]
    felt: Int[Array, " felt"]
    upper: Float[Array, "felt felt"]


def margin_limit_kw(gates: Flowgates) -> Float[Array, " flowgate"]:
    """Limits kept back by a little, so that rounding cannot break them."""
    return gates.limit_kw - MARGIN * np.abs(gates.limit_kw)


def sums(gates: Flowgates, net: Float[Array, "node step"]) -> Float[Array, " flowgate"]:
    """The weighted sum that each flowgate limits."""
    return np.einsum("gn,ng->g", gates.weight, net[:, gates.step])


def free(gates: Flowgates, net: Float[Array, "node step"]) -> Float[Array, " flowgate"]:
    """What each flowgate has to spare at these net powers."""
    return margin_limit_kw(gates) - sums(gates, net)


def start(gates: Flowgates, net: Float[Array, "node step"], centre: float) -> GatePoint:
    """Slacks with room, at net powers as they are, and multipliers to centre."""
    room = ROOM_KW * np.maximum(1.0, np.abs(gates.limit_kw))
    slack = np.maximum(free(gates, net), room)
    return GatePoint(slack, centre / slack)


def price(gates: Flowgates, multiplier: Float[Array, " flowgate"], steps: int) -> Array:
    """What multipliers add to the worth of each node's net power: a flowgate takes from it."""
    return -gates.price_of_power(multiplier, steps)


def felt(
    gates: Flowgates, point: GatePoint, reach: Float[Array, "node step"]
) -> Int[Array, " felt"]:
    """Flowgates whose stiffness times the most that net power could answer is worth a row.

    Args:
        gates: All of them.
        point: Present slacks and multipliers.
        reach: Square root of each node's own answer to its price, step by step: without rows
            and flowgates, so that the answer with them is no larger.
    """
    most = sums(Flowgates(gates.step, np.abs(gates.weight), gates.limit_kw), reach) ** 2
    return np.flatnonzero(point.multiplier / point.slack * most > FELT)


def prepare(
    gates: Flowgates,
    point: GatePoint,
    net: Float[Array, "node step"],
    rows: Int[Array, " felt"],
    answers: Float[Array, "felt felt"],
) -> GateNewton:
    """Factor the system of the flowgates that are felt.

    Args:
        gates: All of them.
        point: Present slacks and multipliers.
        net: Present net power.
        rows: Those that are felt.
        answers: By how much the sum of each of these falls when another's price rises by one, M.
    """
    stiff = point.multiplier / point.slack
    root = np.sqrt(stiff[rows])
    scaled = root[:, None] * (0.5 * (answers + answers.T)) * root
    upper = linalg.cholesky(np.eye(len(rows)) + scaled)
    return GateNewton(free(gates, net) - point.slack, stiff, rows, upper)


def aimed(
    made: GateNewton,
    point: GatePoint,
    goal: float,
    products: Float[Array, " flowgate"],
) -> Float[Array, " flowgate"]:
    """Multipliers once offsets are undone, at unchanged net power."""
    return (goal - products) / point.slack - made.stiff * made.offset


def sums_held_back(
    made: GateNewton, change: Float[Array, " flowgate"]
) -> Float[Array, " flowgate"]:
    """Changes of the sums when the flowgates answer, from those when they do not."""
    root = np.sqrt(made.stiff[made.felt])
    solved = linalg.cho_solve((made.upper, False), root * change[made.felt])
    held = change.copy()
    held[made.felt] = solved / np.where(root > 0, root, 1.0)
    return held


def step(
    made: GateNewton,
    point: GatePoint,
    aim: Float[Array, " flowgate"],
    change: Float[Array, " flowgate"],
) -> GatePoint:
    """The step of slacks and multipliers that goes with these changes of the sums."""
    return GatePoint(made.offset - change, aim + made.stiff * change - point.multiplier)


def longest(point: GatePoint, by: GatePoint) -> tuple[float, float]:
    """The longest primal and dual step that keeps every slack and multiplier positive."""
    primal, dual = (_longest(value, change) for value, change in zip(point, by, strict=True))
    return primal, dual


def _longest(value: Float[Array, " flowgate"], change: Float[Array, " flowgate"]) -> float:
    ratio = float((change / value).min(initial=0.0))
    return -1.0 / ratio if ratio < -1.0 / UNBLOCKED else UNBLOCKED


def move(
    gates: Flowgates,
    point: GatePoint,
    by: GatePoint,
    ahead: tuple[float, float],
    net: Float[Array, "node step"],
) -> GatePoint:
    """The point after a step of these lengths, to these net powers.

    Where the sum then leaves not much less than the slack was before or after, the slack is set to
    that, so that stores which went further leave no offset.
    """
    slack = point.slack + ahead[0] * by.slack
    multiplier = point.multiplier + ahead[1] * by.multiplier
    left = free(gates, net)
    enough: Bool[Array, " flowgate"] = left > CLOSE_SHARE * np.minimum(slack, point.slack)
    return GatePoint(np.where(enough, left, slack), multiplier)


def residual(gates: Flowgates, point: GatePoint, net: Float[Array, "node step"]) -> float:
    """Largest offset, as a multiple of what is allowed."""
    offset = np.abs(free(gates, net) - point.slack)
    allowed = np.maximum(OFFSET_KW, 0.5 * MARGIN * np.abs(gates.limit_kw))
    return float((offset / allowed).max(initial=0.0))


def _most_kw(gates: Flowgates, program: Program) -> Float[Array, " flowgate"]:
    """The greatest weighted sums that the stores could reach."""
    low, high = program.net_range_kw
    up = sums(Flowgates(gates.step, np.maximum(gates.weight, 0.0), gates.limit_kw), high)
    return up + sums(Flowgates(gates.step, np.minimum(gates.weight, 0.0), gates.limit_kw), low)


class GateTerm(NamedTuple):
    """The flowgates of a run: their point, and how far an iteration has come.

    Attributes:
        every: All flowgates of the program.
        rows: Rows of those among them that the stores could break at all.
        gates: These.
        point: Present slacks and multipliers.
        newton: What the step of this iteration needs to know.
        goal: Product to aim at.
        aim: Multipliers once offsets are undone.
        by: The step.
        products: Of the predicted changes; 0 before they are known.
        changed: Of the sums, by the step.
        steps: How many steps the program has.
    """

    every: Flowgates
    rows: Int[Array, " flowgate"]
    gates: Flowgates
    point: GatePoint
    newton: GateNewton
    goal: float
    aim: Float[Array, " flowgate"]
    by: GatePoint
    products: Float[Array, " flowgate"]
    changed: Float[Array, " flowgate"]
    steps: int

    @staticmethod
    def begin(
        program: Program,
        net: Float[Array, "node step"],
        centre: float,
        dual: Dual | None = None,
        least: Float[Array, " node"] | None = None,
    ) -> "GateTerm | None":
        """Where to begin, by a guess of prices with products of about ``least`` if given.

        None for a program without flowgates that its stores could break.
        """
        every = flowgates.of(program)
        if every is None:
            return None
        rows = np.flatnonzero(_most_kw(every, program) > every.limit_kw)
        if not len(rows):
            return None
        gates = every.rows(rows)
        point = start(gates, net, centre)
        if dual is not None and least is not None:
            mu = float(least[0])
            slack = np.maximum(np.abs(free(gates, net)), min(ROOM_KW, mu / LEAST_PRICE))
            priced = np.maximum(flowgates.prices(program, dual)[rows], 0.0)
            point = GatePoint(slack, np.maximum(priced, mu / slack))
        none = np.zeros(len(gates))
        newton = GateNewton(none, none, np.zeros(0, np.int64), np.zeros((0, 0)))
        still = GatePoint(none, none)
        return GateTerm(
            every, rows, gates, point, newton, 0.0, none, still, none, none, program.steps
        )

    @property
    def size(self) -> int:
        """How many products there are."""
        return len(self.gates)

    def term_price(self) -> Float[Array, " every"]:
        """What one kW more of each flowgate's limit costs, of all that the program has."""
        total = np.zeros(len(self.every))
        total[self.rows] = -np.nan_to_num(self.point.multiplier)
        return total

    def price(self) -> Float[Array, "node step"]:
        """What the present multipliers add to the price of each node."""
        return price(self.gates, self.point.multiplier, self.steps)

    def prepared(
        self,
        net: Float[Array, "node step"],
        tree: NodeTree,
        barrier: NodeBarrier,
        active: Bool[Array, " node"],
    ) -> "GateTerm":
        """Ask the tree how net power answers the price of each flowgate that is felt."""
        gates, rows = self.gates, felt(self.gates, self.point, tree.reach())
        some = gates.rows(rows)
        answers = np.empty((len(rows), len(rows)))
        for k in range(len(rows)):
            asked = np.zeros(net.shape)
            asked[:, some.step[k]] = some.weight[k]
            answers[:, k] = sums(some, tree.response(barrier, asked, active))
        newton = prepare(gates, self.point, net, rows, answers)
        return self._replace(newton=newton, products=np.zeros(len(gates)))

    def aimed(self, goal: float, *, predict: bool) -> "GateTerm":
        """Aim at these products, less those of the predicted changes once these are known."""
        products = 0.0 * self.products if predict else self.products
        return self._replace(
            goal=goal,
            aim=aimed(self.newton, self.point, goal, products),
            changed=0.0 * self.changed,
        )

    def aimed_price(self) -> Float[Array, "node step"]:
        """What they would add to the price of each node at unchanged net power."""
        return price(self.gates, self.aim, self.steps)

    def answering(self, missed: Float[Array, " flowgate"], *, predict: bool) -> "GateTerm":
        """Take in by how much the sums move further than the step so far says, and answer that."""
        moved = self.changed + sums_held_back(self.newton, missed)
        by = step(self.newton, self.point, self.aim, moved)
        products = by.slack * by.multiplier if predict else self.products
        return self._replace(by=by, products=products, changed=moved)

    def missed(self, change: Float[Array, "node step"]) -> Float[Array, " flowgate"]:
        """By how much the sums under these changes of net power differ from those of the step."""
        return sums(self.gates, change) - self.changed

    def answer_price(self) -> Float[Array, "node step"]:
        """What the multipliers are once the step is taken, as prices of the nodes, less the aim."""
        return price(self.gates, self.point.multiplier + self.by.multiplier - self.aim, self.steps)

    def longest(self) -> Float[Array, " 2"]:
        """The longest primal and dual step."""
        return np.array(longest(self.point, self.by))

    def gaps(self) -> Float[Array, " 4"]:
        """Sum of the products, and its change with the primal step, the dual step and both."""
        (s, z), (ds, dz) = self.point, self.by
        return np.array([s @ z, ds @ z, s @ dz, ds @ dz])

    def moved(self, primal: float, dual: float, net: Float[Array, "node step"]) -> "GateTerm":
        """After a step of these lengths, to these net powers."""
        point = move(self.gates, self.point, self.by, (primal, dual), net)
        return self._replace(point=point)

    def residual(self, net: Float[Array, "node step"]) -> float:
        """Largest offset, as a multiple of what is allowed."""
        return residual(self.gates, self.point, net)

    def exceeded(self, net: Float[Array, "node step"]) -> float:
        """How far any limit is exceeded, in kW; below 0 where all are kept."""
        return float(self.gates.beyond_kw(net).max(initial=-np.inf))

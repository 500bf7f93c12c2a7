"""A plan that a feeder's wires can carry: planned, checked by power flow, and planned anew.

Limits that a plan passes enter the next one as flowgates: straight lines that touch the limit of a
voltage, a current or a transformer where the plan went. Most of these limits curve towards safety,
so the lines cut away little that is allowed, and what the last plan costs is close to the least.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.flowgates import Flowgates
from evergrid.dispatch.plan import Plan
from evergrid.grid import feeder_limits, operating_envelope
from evergrid.grid.feeder_limits import Rows, StepJudge, Strain
from evergrid.grid.hosting_capacity import Case
from evergrid.grid.operating_envelope import Envelope
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, slots

HALVINGS = 8  # of powers that the wires cannot carry, before they are linearised
CLOSE = 1e-7  # share of a limit by which rounding may pass it
CARE = 2e-3  # share of a limit's room that is kept free, so that plans end inside
NEAR = 0.02  # share of that room below which a limit counts as nearly passed
CORNERS = 30  # of an envelope that are judged, beside those where all feed or all draw
CORNER_ROUNDS = 30  # in which corners that pass a limit are cut off
PATIENCE = 5  # rounds after which twice as much is kept free

Planner = Callable[[Portfolio], Plan]
Settle = Callable[[Float[Array, "branch step"]], Case]


@dataclass(frozen=True)
class Wiring:
    """Where the sites of a book hang on a feeder.

    Attributes:
        place: Place of each site; -1 for those above all places.
        site: Row of the site that each place belongs to.
        share: Part of each place's power in each branch of the feeder.
        settle: The feeder and its load, as taps and banks stand when the fleet delivers given
            powers in its branches; its first network is always the same.
    """

    place: Int[Array, " site"]
    site: Int[Array, " place"]
    share: Float[Array, "place branch"]
    settle: Settle

    def of_sessions(
        self, book: Portfolio, values: Float[Array, "session step"]
    ) -> Float[Array, "step place"]:
        """Sums over the sessions of each place."""
        total = np.zeros((len(self.site), book.grid.steps))
        np.add.at(total, self.place[book.site_row], values)
        return total.T


@dataclass(frozen=True)
class Checked:
    """What a schedule does to the feeder.

    Attributes:
        judge: The feeder as it switches under this schedule, and its limits.
        power_kw: Of the branches, into the grid, with the load.
        strain: What it does.
    """

    judge: StepJudge
    power_kw: Float[Array, "step branch"]
    strain: Strain

    @property
    def rows(self) -> Rows:
        """What is judged."""
        return self.judge.rows

    @cached_property
    def excess(self) -> Float[Array, "step row"]:
        """How far each limit is passed; negative where it is kept."""
        return self.strain.value - self.judge.bound

    @property
    def share(self) -> Float[Array, "step row"]:
        """The same as a share of the limit."""
        return self.excess / np.abs(self.judge.bound)

    @cached_property
    def passed(self) -> Bool[Array, "step row"]:
        """Whether a limit is passed, by more than rounding."""
        return self.excess > CLOSE * np.abs(self.judge.bound)

    @property
    def holds(self) -> bool:
        """Whether every limit is kept in every step."""
        return not self.passed.any()


@dataclass(frozen=True)
class Round:
    """What one round came to.

    Attributes:
        cost: Net cost of the plan.
        steps: Steps in which a limit of the feeder is passed.
        worst: How far the limit that is passed furthest is passed, as a share of it.
    """

    cost: float
    steps: int
    worst: float


@dataclass(frozen=True)
class Held:
    """A plan within the wires, and how it was found.

    Attributes:
        book: The book with the wires' flowgates.
        plan: The plan.
        checked: What it does to the feeder.
        first: The plan without the wires.
        first_checked: What that would do to them.
        rounds: What each round came to, the plan without the wires first.
    """

    book: Portfolio
    plan: Plan
    checked: Checked
    first: Plan
    first_checked: Checked
    rounds: tuple[Round, ...]


Tell = Callable[[int, Round], None]


def within(
    book: Portfolio,
    wiring: Wiring,
    planner: Planner,
    *,
    rounds: int = 30,
    tell: Tell = lambda number, made: None,
) -> Held:
    """Plan until the wires can carry it.

    Args:
        book: What to plan.
        wiring: Where its sites hang on the feeder.
        planner: Makes a plan of a book.
        rounds: Plans to make at most, beside the first; the last may still pass a limit.
        tell: Called after each round with its number.

    Source:
        Kelley (1960), The cutting-plane method for solving convex programs, J. SIAM 8(4), with
        cuts that touch the limits of the power flow.
    """
    made = first = planner(book)
    checked = first_checked = check(book, wiring, made.schedule)
    trail = [_round(made, checked)]
    tell(0, trail[0])
    cuts = _Cuts(book, wiring)
    limited = book
    while len(trail) <= rounds and not checked.holds:
        care = CARE * 2.0 ** ((len(trail) - 1) // PATIENCE)
        cuts.add(made, checked, care)
        limited = replace(book, flowgates=cuts.flowgates())
        made = planner(limited)
        checked = check(book, wiring, made.schedule)
        trail.append(_round(made, checked))
        tell(len(trail) - 1, trail[-1])
    return Held(limited, made, checked, first, first_checked, tuple(trail))


def check(book: Portfolio, wiring: Wiring, schedule: Schedule) -> Checked:
    """What a schedule does to the feeder, as taps and banks settle under it."""
    fleet_kw = wiring.of_sessions(book, schedule.power_kw) @ wiring.share
    case = wiring.settle(fleet_kw.T)
    judge = feeder_limits.judge(case)
    power_kw = case.base_kw.T + fleet_kw
    return Checked(judge, power_kw, judge.strain(power_kw, case.base_kvar.T))


def reach(book: Portfolio, wiring: Wiring) -> Envelope:
    """What the chargers of each place could draw and feed in each step."""
    sessions, grid = book.sessions, book.grid
    at = slots(sessions, grid)
    share = np.zeros((len(sessions), grid.steps))
    share[at.session, at.step] = at.share
    draw = wiring.of_sessions(book, share * sessions.max_charge_kw[:, None])
    return Envelope(draw, wiring.of_sessions(book, share * sessions.max_discharge_kw[:, None]))


def envelope(held: Held, wiring: Wiring) -> Envelope:
    """What each place may draw and feed on its own, whatever the others do within theirs.

    It is cut around the plan as far as that fits: a plan may lean on places that do what they are
    told, which an envelope cannot. Lines that touch limits at the plan tell little of what is far
    from it, so corners of the envelope are judged by power flow and cut off until they hold.
    """
    book, judge = held.book, held.checked.judge
    wanted = wiring.of_sessions(book, held.plan.schedule.power_kw)
    rise, room = _linear(wiring, held.checked, wanted)
    free = CARE * (judge.bound - judge.base.value)
    room = room - free
    able, weight = reach(book, wiring), np.ones(wanted.shape)
    made = Envelope(np.zeros(wanted.shape), np.zeros(wanted.shape))
    passed = np.ones(len(wanted), bool)
    for _ in range(CORNER_ROUNDS):
        part = Envelope(able.draw_kw[passed], able.feed_kw[passed])
        given = (rise[passed], room[passed], wanted[passed], part, weight[passed])
        fitted = operating_envelope.fit(*given)
        made.draw_kw[passed], made.feed_kw[passed] = fitted.draw_kw, fitted.feed_kw
        corner_kw = _worst_corner(wiring, judge, made, rise, room)
        seen = _seen(wiring, judge, corner_kw)
        passed = np.asarray(seen.passed.any(axis=1))
        if not passed.any():
            break
        slope, left = _linear(wiring, seen, corner_kw)
        step, row = np.arange(len(corner_kw)), seen.share.argmax(axis=1)
        slope = np.where(passed[:, None], slope[step, row], 0.0)
        left = np.where(passed, (left - free)[step, row], 1.0)
        rise = np.concatenate([rise, slope[:, None]], axis=1)
        room = np.concatenate([room, left[:, None]], axis=1)
    return made


def _worst_corner(
    wiring: Wiring,
    judge: StepJudge,
    made: Envelope,
    rise: Float[Array, "step any place"],
    room: Float[Array, "step any"],
) -> Float[Array, "step place"]:
    """Of the corners where all feed, all draw, or do their worst for a row, the one passed most."""
    worst = np.einsum("trp,tp->tr", np.maximum(rise, 0.0), made.feed_kw)
    worst += np.einsum("trp,tp->tr", np.maximum(-rise, 0.0), made.draw_kw)
    step, fullest = np.arange(len(rise)), np.argsort(room - worst, axis=1)
    ways = [np.ones(made.feed_kw.shape), -np.ones(made.feed_kw.shape)]
    ways += [np.sign(rise[step, row]) for row in fullest.T[:CORNERS]]
    most, found = np.full(len(step), -np.inf), np.zeros(made.feed_kw.shape)
    for way in ways:
        corner_kw = np.maximum(way, 0.0) * made.feed_kw - np.maximum(-way, 0.0) * made.draw_kw
        share = _seen(wiring, judge, corner_kw).share.max(axis=1)
        found = np.where((share > most)[:, None], corner_kw, found)
        most = np.maximum(most, share)
    return found


def _seen(wiring: Wiring, judge: StepJudge, places_kw: Float[Array, "step place"]) -> Checked:
    """What powers of places do, as taps and banks stand."""
    power_kw = judge.case.base_kw.T + places_kw @ wiring.share
    return Checked(judge, power_kw, judge.strain(power_kw, judge.case.base_kvar.T))


class _Cuts:
    """Lines that cut off what plans did beyond the limits, gathered round by round."""

    def __init__(self, book: Portfolio, wiring: Wiring) -> None:
        self.book, self.wiring = book, wiring
        self._reach = reach(book, wiring)
        self._known: Bool[Array, " row"] | None = None
        self._parts: list[Flowgates] = []

    def add(self, made: Plan, checked: Checked, care: float) -> None:
        """Cut where a limit is passed or nearly; one that is passed for the first time, always."""
        passed = checked.passed
        known = np.zeros(passed.shape[1], bool) if self._known is None else self._known
        new = passed.any(axis=0) & ~known
        self._known = known | new
        wanted = self.wiring.of_sessions(self.book, made.schedule.power_kw)
        rise, room = _linear(self.wiring, checked, wanted)
        base_room = checked.judge.bound - checked.judge.base.value
        room = np.maximum(room - care * base_room, 0.0)
        most = np.maximum(rise, 0.0) @ self._reach.feed_kw[:, :, None]
        most += np.maximum(-rise, 0.0) @ self._reach.draw_kw[:, :, None]
        near = known & (checked.excess > -NEAR * base_room)
        step, row = np.nonzero((passed | near | new) & (most[:, :, 0] > room))
        size = np.abs(rise[step, row]).max(axis=1, initial=1e-12)
        weight = np.zeros((len(step), len(self.book.sites)))
        weight[:, self.wiring.site] = rise[step, row] / size[:, None]
        self._parts.append(Flowgates(step, weight, room[step, row] / size))

    def flowgates(self) -> Flowgates:
        """All of them."""
        parts = self._parts
        return Flowgates(
            np.concatenate([part.step for part in parts]),
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.limit_kw for part in parts]),
        )


def _linear(
    wiring: Wiring, seen: Checked, wanted_kw: Float[Array, "step place"]
) -> tuple[Float[Array, "step row place"], Float[Array, "step row"]]:
    """Rises of the rows per kW of each place, and by how much a line lets them rise from rest."""
    judge, strain, power_kw = seen.judge, seen.strain, seen.power_kw
    base_kw, reactive_kvar = judge.case.base_kw.T, judge.case.base_kvar.T
    share = np.ones((len(power_kw), 1))
    for _ in range(HALVINGS):
        if strain.settled.all():
            break
        share[~strain.settled] /= 2
        power_kw = base_kw + share * (seen.power_kw - base_kw)
        strain = judge.strain(power_kw, reactive_kvar)
    rise = judge.rises(strain, power_kw, reactive_kvar, wiring.share)
    at_point = np.einsum("trp,tp->tr", rise, share * wanted_kw)
    return rise, judge.bound - strain.value + at_point


def _round(made: Plan, seen: Checked) -> Round:
    return Round(
        cost=made.costs.net,
        steps=int(seen.passed.any(axis=1).sum()),
        worst=float(seen.share.max(initial=0.0)),
    )

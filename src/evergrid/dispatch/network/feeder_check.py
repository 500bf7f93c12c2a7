"""What a schedule does to the feeder, and its limits linearised around that schedule."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.evaluator import RowValues, TransformerLoads
from evergrid.grid.limits.kinds import Kind
from evergrid.grid.limits.operating_envelope import Envelope
from evergrid.grid.limits.rows import LimitRows
from evergrid.grid.limits.step_limits import StepLimits, step_limits
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, plugged_share

HALVINGS = 8  # of powers without a solution, before limits are linearised
ROUNDING = 1e-7  # share of a limit by which rounding may violate it
MARGIN = 2e-3  # share of a limit's headroom that is kept free, so that plans end inside

Settle = Callable[[Float[Array, "branch step"]], FeederCase]


@dataclass(frozen=True)
class SiteConnections:
    """How sites connect to a feeder.

    Attributes:
        place: Place on the feeder of each site; -1 for those above all places.
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
        self, portfolio: Portfolio, values: Float[Array, "session step"]
    ) -> Float[Array, "step place"]:
        """Sums over the sessions of each place."""
        return self._by_place(self.place[portfolio.site_row], values)

    def of_schedule(self, portfolio: Portfolio, schedule: Schedule) -> Float[Array, "step place"]:
        """What each place's sessions feed, and its generation that may be curtailed."""
        fed_kw = portfolio.curtailable_kw
        if schedule.curtailed_kw is not None:
            fed_kw = fed_kw - schedule.curtailed_kw
        return self.of_sessions(portfolio, schedule.power_kw) + self.of_sites(fed_kw)

    def of_sites(self, values: Float[Array, "site step"]) -> Float[Array, "step place"]:
        """Sums over the sites of each place."""
        return self._by_place(self.place, values)

    def _by_place(
        self, place: Int[Array, " row"], values: Float[Array, "row step"]
    ) -> Float[Array, "step place"]:
        total = np.zeros((len(self.site), values.shape[1]))
        inside = place >= 0
        np.add.at(total, place[inside], values[inside])
        return total.T


@dataclass(frozen=True)
class Violation:
    """A limit of the feeder that a schedule violates.

    Attributes:
        limit: The kind of limit.
        place: What it is about.
        steps: Steps in which it is violated.
        share: By how much of it at most; None where the wires cannot carry the power.
    """

    limit: str
    place: str
    steps: int
    share: float | None

    def __str__(self) -> str:
        steps = "1 step" if self.steps == 1 else f"{self.steps:,} steps"
        if self.share is None:
            return f"in {steps}, with more than the wires carry at any voltage"
        return f"in {steps}, by up to {100 * self.share:.3g} % of it"


@dataclass(frozen=True)
class FeederCheck:
    """What a schedule does to the feeder.

    Attributes:
        limits: The feeder as it switches under this schedule, and its limits.
        power_kw: Of the branches, into the grid, with the load.
        values: Voltages and the value of each limit's row.
    """

    limits: StepLimits
    power_kw: Float[Array, "step branch"]
    values: RowValues

    @property
    def rows(self) -> LimitRows:
        """What the limits are about."""
        return self.limits.rows

    @cached_property
    def excess(self) -> Float[Array, "step row"]:
        """How far each limit is violated; negative where it is kept."""
        return self.values.value - self.limits.bound

    @property
    def share(self) -> Float[Array, "step row"]:
        """How far each limit is violated, as a share of it."""
        return self.excess / np.abs(self.limits.bound)

    @cached_property
    def violated(self) -> Bool[Array, "step row"]:
        """Whether a limit is violated, by more than rounding."""
        return self.excess > ROUNDING * np.abs(self.limits.bound)

    @cached_property
    def transformers(self) -> TransformerLoads:
        """What transformers carry by phase and as a whole, whichever of the two has the limit."""
        reactive_kvar = self.limits.case.base_kvar.T
        return self.limits.transformer_loads(self.values, self.power_kw, reactive_kvar)

    @property
    def holds(self) -> bool:
        """Whether every limit is kept in every step."""
        return not self.violated.any()

    @property
    def violations(self) -> tuple[Violation, ...]:
        """The limits that are violated, the one that is violated most first."""
        solved = self.values.settled
        furthest = self.share[solved].max(axis=0, initial=0.0)
        steps = self.violated[solved].sum(axis=0)
        rows = np.argsort(-furthest, kind="stable")
        kind, name = self.rows.kind, self.rows.name
        made = [
            Violation(Kind(kind[row]).label, str(name[row]), int(steps[row]), float(furthest[row]))
            for row in rows[steps[rows] > 0].tolist()
        ]
        if not solved.all():  # every limit counts as violated there; what stands out is the power
            made.insert(0, Violation("power", "all places together", int((~solved).sum()), None))
        return tuple(made)


def check(portfolio: Portfolio, connections: SiteConnections, schedule: Schedule) -> FeederCheck:
    """What a schedule does to the feeder, as taps and banks settle under it."""
    fleet_kw = connections.of_schedule(portfolio, schedule) @ connections.share
    case = connections.settle(fleet_kw.T)
    limits = step_limits(case, connections.of_sites(portfolio.curtailable_kw) @ connections.share)
    power_kw = case.base_kw.T + fleet_kw
    return FeederCheck(limits, power_kw, limits.values(power_kw, case.base_kvar.T))


def reach(portfolio: Portfolio, connections: SiteConnections) -> Envelope:
    """What each place could draw and feed in each step, generation that may be curtailed too."""
    sessions = portfolio.sessions
    share = plugged_share(sessions, portfolio.grid)
    draw = connections.of_sessions(portfolio, share * sessions.max_charge_kw[:, None])
    feed = connections.of_sessions(portfolio, share * sessions.max_discharge_kw[:, None])
    return Envelope(draw, feed + connections.of_sites(portfolio.curtailable_kw))


def linearised(
    connections: SiteConnections, check: FeederCheck, wanted_kw: Float[Array, "step place"]
) -> tuple[Float[Array, "step row place"], Float[Array, "step row"]]:
    """Limits linearised at a schedule, or as near to it as the power flow has a solution.

    Args:
        connections: How sites connect to the feeder.
        check: What the schedule does to the feeder.
        wanted_kw: What it has each place feed.

    Returns:
        Sensitivity of each row per kW of each place, and headroom of the linearised limit at zero
        fleet power.
    """
    solved = _with_solution(check)
    sensitivity = check.limits.sensitivities(*solved.given, connections.share)
    at_point = np.einsum("trp,tp->tr", sensitivity, solved.share * wanted_kw)
    return sensitivity, check.limits.bound - solved.values.value + at_point


def linearised_rows(
    connections: SiteConnections,
    check: FeederCheck,
    wanted_kw: Float[Array, "step place"],
    *,
    step: Int[Array, " some"],
    row: Int[Array, " some"],
) -> tuple[Float[Array, "some place"], Float[Array, " some"]]:
    """As `linearised`, some rows in some steps only, which costs far less.

    Args:
        connections: How sites connect to the feeder.
        check: What the schedule does to the feeder.
        wanted_kw: What it has each place feed.
        step: Step of each of these rows.
        row: The rows.
    """
    solved = _with_solution(check)
    limits, share = check.limits, connections.share
    sensitivity = limits.sensitivities_of(*solved.given, share, step=step, row=row)
    at_point = (sensitivity * (solved.share * wanted_kw)[step]).sum(axis=1)
    return sensitivity, (limits.bound - solved.values.value)[step, row] + at_point


@dataclass(frozen=True)
class _Solution:
    """A schedule's powers, or the share of the fleet's that the power flow has a solution at.

    Attributes:
        share: Of what the fleet delivers.
        values: What they do.
        given: These, power and reactive power of the branches.
    """

    share: Float[Array, "step 1"]
    values: RowValues
    given: tuple[RowValues, Float[Array, "step branch"], Float[Array, "step branch"]]


def _with_solution(check: FeederCheck) -> _Solution:
    limits, values, power_kw = check.limits, check.values, check.power_kw
    base_kw, reactive_kvar = limits.case.base_kw.T, limits.case.base_kvar.T
    share = np.ones((len(power_kw), 1))
    for _ in range(HALVINGS):
        if values.settled.all():
            break
        share[~values.settled] /= 2
        power_kw = base_kw + share * (check.power_kw - base_kw)
        values = limits.values(power_kw, reactive_kvar)
    return _Solution(share, values, (values, power_kw, reactive_kvar))

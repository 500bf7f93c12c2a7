"""What schedules of a portfolio do to the feeder of its sites, and lines that touch its limits."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.grid.hosting.hosting_capacity import Case
from evergrid.grid.limits import feeder_limits
from evergrid.grid.limits.feeder_limits import Rows, StepJudge, Strain, TransformerLoads
from evergrid.grid.limits.operating_envelope import Envelope
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, plugged_share

HALVINGS = 8  # of powers that the wires cannot carry, before they are linearised
CLOSE = 1e-7  # share of a limit by which rounding may pass it
CARE = 2e-3  # share of a limit's room that is kept free, so that plans end inside

Settle = Callable[[Float[Array, "branch step"]], Case]


@dataclass(frozen=True)
class Wiring:
    """Where the sites of a portfolio hang on a feeder.

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

    @cached_property
    def transformers(self) -> TransformerLoads:
        """What transformers carry by phase and as a whole, whichever of the two is judged."""
        reactive_kvar = self.judge.case.base_kvar.T
        return self.judge.transformers(self.strain, self.power_kw, reactive_kvar)

    @property
    def holds(self) -> bool:
        """Whether every limit is kept in every step."""
        return not self.passed.any()


def check(portfolio: Portfolio, wiring: Wiring, schedule: Schedule) -> Checked:
    """What a schedule does to the feeder, as taps and banks settle under it."""
    fleet_kw = wiring.of_schedule(portfolio, schedule) @ wiring.share
    case = wiring.settle(fleet_kw.T)
    judge = feeder_limits.judge(case, wiring.of_sites(portfolio.curtailable_kw) @ wiring.share)
    power_kw = case.base_kw.T + fleet_kw
    return Checked(judge, power_kw, judge.strain(power_kw, case.base_kvar.T))


def reach(portfolio: Portfolio, wiring: Wiring) -> Envelope:
    """What each place could draw and feed in each step, generation that may be curtailed too."""
    sessions = portfolio.sessions
    share = plugged_share(sessions, portfolio.grid)
    draw = wiring.of_sessions(portfolio, share * sessions.max_charge_kw[:, None])
    feed = wiring.of_sessions(portfolio, share * sessions.max_discharge_kw[:, None])
    return Envelope(draw, feed + wiring.of_sites(portfolio.curtailable_kw))


def linear(
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

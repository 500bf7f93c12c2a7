"""What a schedule really does: limits as given and what each session gets, from the records."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.timegrid import TimeGrid, datetime64
from evergrid.dispatch.accounts import site_power
from evergrid.dispatch.equipment import phases
from evergrid.engine.violations import TOLERANCE
from evergrid.model.charging.chargers import USUAL_V
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, Slots, slots
from evergrid.model.session import Sessions

PART = 20_000  # sessions that are looked at together
STRIP = 500  # of which are worked on at a time, so that they stay in the processor's cache
LEAST_KWH = 1e-3  # owed energy below this is not reported as a shortfall


@dataclass(frozen=True)
class Overload:
    """A site that exceeds a limit of power.

    Attributes:
        site_id: The site.
        limit: "import" or "export".
        steps: In how many steps.
        worst_kw: By how much at most.
        excess_kwh: Energy beyond the limit.
    """

    site_id: str
    limit: str
    steps: int
    worst_kw: float
    excess_kwh: float

    @property
    def cause(self) -> str:
        """What exceeds it: nothing else may, or a plan would keep the limit."""
        return "load" if self.limit == "import" else "generation that cannot be curtailed"


@dataclass(frozen=True)
class Overdraft:
    """A site that draws more than its energy budget."""

    site_id: str
    energy_budget_kwh: float
    excess_kwh: float


class Part(NamedTuple):
    """What some of the sessions do, as in their schedule."""

    grid: TimeGrid
    power_kw: Float[Array, "session step"]
    energy_kwh: Float[Array, "session step"]
    plugged: Bool[Array, "session step"]


@dataclass(frozen=True)
class Assessment:
    """A schedule held against the records it was made for, whoever made it.

    Attributes:
        portfolio: The records.
        schedule: What is done.
        spent_kwh: Part of each site's energy budget that is spent elsewhere.
    """

    portfolio: Portfolio
    schedule: Schedule
    spent_kwh: Float[Array, " site"] | float = 0.0

    @cached_property
    def site_kw(self) -> Float[Array, "site step"]:
        """Power of each site with all below it, positive into the grid."""
        return site_power(self.portfolio, self.schedule)

    @cached_property
    def import_excess_kw(self) -> Float[Array, "site step"]:
        """Power drawn beyond each import limit, at least 0."""
        return np.maximum(-self.site_kw - self.portfolio.import_limit_kw, 0.0)

    @cached_property
    def export_excess_kw(self) -> Float[Array, "site step"]:
        """Power fed beyond each export limit, at least 0."""
        return np.maximum(self.site_kw - self.portfolio.export_limit_kw, 0.0)

    @cached_property
    def budget_excess_kwh(self) -> Float[Array, " site"]:
        """Energy drawn beyond each budget, at least 0."""
        drawn = -self.portfolio.grid.step_h * self.site_kw.sum(axis=1) + self.spent_kwh
        return np.maximum(drawn - self.portfolio.sites.energy_budget_kwh, 0.0)

    @cached_property
    def shortfall_kwh(self) -> Float[Array, " session"]:
        """Energy owed at departure that is missing.

        For sessions that outlast the horizon, what full power from then on cannot make up for.
        """
        sessions, end = self.portfolio.sessions, datetime64(self.portfolio.grid.end_utc)
        after_h = np.maximum((sessions.departure_utc - end) / np.timedelta64(1, "h"), 0.0)
        still = sessions.max_charge_kw * sessions.efficiency_charge * after_h
        held = self.schedule.energy_kwh[:, -1]
        return np.maximum(sessions.energy_departure_kwh - still - held, 0.0)

    @property
    def served_share(self) -> float:
        """Energy delivered of what is owed above arrival, over sessions that end in the horizon."""
        sessions = self.portfolio.sessions
        ended = sessions.departure_utc <= datetime64(self.portfolio.grid.end_utc)
        wanted = sessions.energy_departure_kwh - sessions.energy_arrival_kwh
        wanted = np.maximum(wanted, 0.0)[ended]
        got = (self.schedule.energy_kwh[:, -1] - sessions.energy_arrival_kwh)[ended]
        total = wanted.sum()
        return float(np.clip(got, 0.0, wanted).sum() / total) if total > 0 else 1.0

    @cached_property
    def power_kw(self) -> float:
        """Largest violation of a rating, of a session that is away, or of what can be curtailed."""
        parts = _parts(self.portfolio, self.schedule)
        worst = max((_over_power(*part) for part in parts), default=0.0)
        curtailed = self.schedule.curtailed_kw
        if curtailed is None:
            return worst
        beyond = float((curtailed - self.portfolio.curtailable_kw).max())
        return max(0.0, worst, beyond, float(-curtailed.min()))

    @cached_property
    def energy_kwh(self) -> float:
        """Largest violation of an energy limit, reserve, warranty, or of the energy balance."""
        parts = _parts(self.portfolio, self.schedule)
        worst = max((_over_energy(*part) for part in parts), default=0.0)
        warranties = self.portfolio.warranties
        if warranties is None:
            return worst
        beyond = warranties.beyond_kwh(self.portfolio.sessions.asset_id, self.fed_kwh)
        return max(worst, float(beyond.max(initial=0.0)))

    @cached_property
    def fed_kwh(self) -> Float[Array, " session"]:
        """Energy that each session feeds, at the plug."""
        power_kw = self.schedule.power_kw
        return self.portfolio.grid.step_h * np.maximum(power_kw, 0.0).sum(axis=1)

    @property
    def limits_kw(self) -> float:
        """Largest violation of a limit of any site as given, at least 0.

        What a phase has beyond its limit counts at 230 V.
        """
        worst = (self.import_excess_kw, self.export_excess_kw)
        of_phases = self.phase_excess_a * USUAL_V / 1000
        return max(of_phases, *(float(excess.max(initial=0.0)) for excess in worst))

    @cached_property
    def phase_excess_a(self) -> float:
        """Largest current of a phase, or difference of two, beyond a limit; at least 0."""
        if not len(phases.limited(self.portfolio)):
            return 0.0
        return phases.excess_a(self.portfolio, phases.site_phase_a(self.portfolio, self.schedule))

    @cached_property
    def overloads(self) -> tuple[Overload, ...]:
        """Limits that are exceeded, site by site."""
        found = []
        for name, excess in (("import", self.import_excess_kw), ("export", self.export_excess_kw)):
            over = excess > TOLERANCE
            for site in np.nonzero(over.any(axis=1))[0]:
                beyond = excess[site][over[site]]
                found.append(
                    Overload(
                        str(self.portfolio.sites.site_id[site]),
                        name,
                        len(beyond),
                        float(beyond.max()),
                        self.portfolio.grid.step_h * float(beyond.sum()),
                    )
                )
        return tuple(found)

    @cached_property
    def overdrafts(self) -> tuple[Overdraft, ...]:
        """Energy budgets that are exceeded."""
        sites, excess = self.portfolio.sites, self.budget_excess_kwh
        return tuple(
            Overdraft(
                str(sites.site_id[site]), float(sites.energy_budget_kwh[site]), float(excess[site])
            )
            for site in np.nonzero(excess > TOLERANCE)[0]
        )

    @property
    def short(self) -> Bool[Array, " session"]:
        """Sessions that get notably less than they are owed."""
        return self.shortfall_kwh > LEAST_KWH

    @property
    def shortfall_total_kwh(self) -> float:
        """Energy owed that is missing, over the sessions that count as short."""
        return float(self.shortfall_kwh[self.short].sum())

    @cached_property
    def curtailed_kwh(self) -> Float[Array, " site"]:
        """Energy that each site's own generation was curtailed by."""
        curtailed = self.schedule.curtailed_kw
        if curtailed is None:
            return np.zeros(len(self.portfolio.sites))
        return self.portfolio.grid.step_h * curtailed.sum(axis=1)


def _parts(portfolio: Portfolio, schedule: Schedule) -> Iterator[tuple[Sessions, Part]]:
    """The sessions some at a time, so that room to work in does not grow with the fleet."""
    for first in range(0, len(portfolio.sessions), PART):
        rows = slice(first, min(first + PART, len(portfolio.sessions)))
        part = Part(
            schedule.grid,
            schedule.power_kw[rows],
            schedule.energy_kwh[rows],
            schedule.plugged[rows],
        )
        every = rows.stop == len(portfolio.sessions) and not first
        yield portfolio.sessions if every else portfolio.sessions.select(np.r_[rows]), part


def _over_power(sessions: Sessions, part: Part) -> float:
    at = slots(sessions, part.grid)
    power = part.power_kw[at.session, at.step]
    fed = power - at.share * sessions.max_discharge_kw[at.session]
    drawn = -power - at.share * sessions.max_charge_kw[at.session]
    worst = max(float(fed.max(initial=0.0)), float(drawn.max(initial=0.0)))
    away = np.abs(part.power_kw).sum() - np.abs(power).sum()  # of sessions that are not plugged in
    return worst if away <= TOLERANCE else max(worst, _largest_away(part, at))


def _largest_away(part: Part, at: Slots) -> float:
    """Largest power of a session in a step in which it is not connected."""
    elsewhere = np.abs(part.power_kw)
    elsewhere[at.session, at.step] = 0.0
    return float(elsewhere.max(initial=0.0))


def _over_energy(sessions: Sessions, part: Part) -> float:
    """Energy beyond capacity, below a reserve that was held, or other than what the powers make."""
    reserve = np.where(sessions.can_discharge, sessions.energy_reserve_kwh, 0.0)
    start = sessions.energy_arrival_kwh
    bounds = np.minimum(reserve, start), np.maximum(sessions.capacity_kwh, start)
    path = _energy_path(sessions, part)
    worst = 0.0
    for first in range(0, len(path), STRIP):
        rows = slice(first, first + STRIP)
        held, (low, high) = part.energy_kwh[rows], (bound[rows, None] for bound in bounds)
        over = np.abs(held - path[rows])
        np.maximum(over, held - high, out=over)
        np.maximum(over, low - held, out=over)
        over[~np.maximum.accumulate(part.plugged[rows], axis=1)] = 0.0
        worst = max(worst, float(over.max(initial=0.0)))
    below = np.nonzero(reserve > start)[0]
    return max(worst, _lost_reserve(reserve[below, None], start[below, None], path[below]))


def _energy_path(sessions: Sessions, part: Part) -> Float[Array, "session step"]:
    """Energy that each session holds at the end of each step by what its powers make."""
    path = np.empty(part.power_kw.shape)
    into = -part.grid.step_h * sessions.efficiency_charge[:, None]
    out = -part.grid.step_h / sessions.efficiency_discharge[:, None]
    for first in range(0, len(path), STRIP):
        rows = slice(first, first + STRIP)
        power = part.power_kw[rows]
        change = power * np.where(power > 0, out[rows], into[rows])
        np.cumsum(change, axis=1, out=path[rows])
    path += sessions.energy_arrival_kwh[:, None]
    return path


def _lost_reserve(
    reserve_kwh: Float[Array, "session 1"],
    start_kwh: Float[Array, "session 1"],
    held_kwh: Float[Array, "session step"],
) -> float:
    """Largest fall below a reserve, or away from it, of sessions that begin below."""
    before = np.hstack([start_kwh, held_kwh[:, :-1]])
    most = np.minimum(np.maximum.accumulate(before, axis=1), reserve_kwh)
    return float((most - held_kwh).max(initial=0.0))

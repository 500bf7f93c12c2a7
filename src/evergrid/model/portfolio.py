"""A portfolio: every session and battery, the sites they share, the prices, on one time grid."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, broken, known
from evergrid.core.flowgates import Flowgates
from evergrid.core.timegrid import TimeGrid, datetime64, span, stamp, zone
from evergrid.model.batteries.warranty import Warranties
from evergrid.model.charging import charger_sites
from evergrid.model.charging.chargers import Chargers
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import (
    LARGEST,
    SiteGeneration,
    SiteLimits,
    SiteLoad,
    Sites,
    lasting_limits,
    no_generation,
)

LIMIT = "be a number, or infinite for no limit"
ROUNDING_KW = 1e-9  # by which limits that leave room for one power alone may miss it


@dataclass(frozen=True)
class Portfolio:
    """Records that belong together, checked against one another. `assemble` makes one.

    Attributes:
        grid: The steps that are planned.
        sessions: Sessions that touch the grid.
        sites: The tree that the sessions are in.
        load_kw: Load connected to each site itself beside the chargers, positive for consumption.
        step_import_limit_kw: Greatest power that each site draws from above in a step, beside its
            lasting limit; infinite for no limit.
        step_export_limit_kw: The same for power that it feeds upwards.
        prices: Prices of each step.
        flowgates: Limits on weighted sums of the sites' power; None where there are none.
        generation_kw: What each site itself could generate, whether it may be curtailed or not;
            zeros when left out.
        time_zone: IANA name of the local clock, by which billing periods begin.
        warranties: Energy that assets may feed within the grid; None where nothing limits it.
        chargers: Chargers that sessions name; None where any power may be taken.

    Raises:
        InputError: Parts that do not fit one another, series that are not finite, limits of a site
            that contradict one another.
    """

    grid: TimeGrid
    sessions: Sessions
    sites: Sites
    load_kw: Float[Array, "site step"]
    step_import_limit_kw: Float[Array, "site step"]
    step_export_limit_kw: Float[Array, "site step"]
    prices: Prices
    flowgates: Flowgates | None = None
    generation_kw: Float[Array, "site step"] = field(default_factory=lambda: np.zeros((0, 0)))
    time_zone: str = "UTC"
    warranties: Warranties | None = None
    chargers: Chargers | None = None

    def __post_init__(self) -> None:
        if not np.size(self.generation_kw):
            object.__setattr__(self, "generation_kw", np.zeros(np.shape(self.load_kw)))
        lengths = {"site": lambda: len(self.sites), "step": lambda: self.grid.steps}
        records.check(self, "portfolio", **lengths)
        zone(self.time_zone)
        raise_if_any("portfolio", self._fit_faults() + self._series_faults())
        raise_if_any("site_limits", self._contradictions())
        raise_if_any("chargers", self._charger_faults())

    @cached_property
    def charger_row(self) -> Int[Array, " session"]:
        """Row of each session's charger; -1 for one that may take any power."""
        none = np.full(len(self.sessions), -1)
        return none if self.chargers is None else self.chargers.row(self.sessions.charger_id)

    @cached_property
    def site_row(self) -> Int[Array, " session"]:
        """Row of each session's site."""
        return self.sites.row(self.sessions.site_id)

    def by_site(self, of_sessions: Float[Array, "session step"]) -> Float[Array, "site step"]:
        """Sum over the sessions at each site itself, without the sites below it."""
        return self._at_site @ of_sessions

    @cached_property
    def _at_site(self) -> sparse.csr_array:
        """1 where a session is at a site; ten times as fast as adding row by row."""
        count = len(self.sessions)
        at = (self.site_row, np.arange(count))
        return sparse.csr_array((np.ones(count), at), shape=(len(self.sites), count))

    @cached_property
    def total_load_kw(self) -> Float[Array, "site step"]:
        """Load of each site and of all sites below it; generation is no part of it."""
        return self.sites.add_up(self.load_kw)

    @cached_property
    def total_generation_kw(self) -> Float[Array, "site step"]:
        """What each site and all sites below it could generate, curtailable or not."""
        return self.sites.add_up(self.generation_kw)

    @cached_property
    def curtailable_kw(self) -> Float[Array, "site step"]:
        """What each site itself could generate and may curtail."""
        return np.where(self.sites.generation_curtailable[:, None], self.generation_kw, 0.0)

    @cached_property
    def must_take_load_kw(self) -> Float[Array, "site step"]:
        """Load of each site itself less its generation that may not be curtailed."""
        return self.load_kw - (self.generation_kw - self.curtailable_kw)

    @cached_property
    def import_limit_kw(self) -> Float[Array, "site step"]:
        """Greatest power that each site draws from above; infinite for no limit."""
        return np.minimum(self.sites.import_limit_kw[:, None], self.step_import_limit_kw)

    @cached_property
    def export_limit_kw(self) -> Float[Array, "site step"]:
        """Greatest power that each site feeds upwards; infinite for no limit."""
        return np.minimum(self.sites.export_limit_kw[:, None], self.step_export_limit_kw)

    @property
    def limited_by_step(self) -> Bool[Array, " site"]:
        """Whether a site has limits of a step beside its lasting ones."""
        least = np.minimum(self.step_import_limit_kw, self.step_export_limit_kw)
        return np.asarray(np.isfinite(least).any(axis=1))

    @property
    def assets(self) -> int:
        """How many different vehicles and batteries there are."""
        return len(np.unique(self.sessions.asset_id.astype(str)))

    def part(
        self, first: int, stop: int, sessions: Sessions, prices: Prices | None = None
    ) -> "Portfolio":
        """The same sites in the steps ``first .. stop - 1``, with these sessions and prices.

        Prices are those of the portfolio where no others are given.
        """
        own = self.prices.part(first, stop) if prices is None else prices
        return replace(
            self,
            grid=self.grid.part(first, stop),
            sessions=sessions,
            load_kw=self.load_kw[:, first:stop],
            step_import_limit_kw=self.step_import_limit_kw[:, first:stop],
            step_export_limit_kw=self.step_export_limit_kw[:, first:stop],
            generation_kw=self.generation_kw[:, first:stop],
            prices=own,
            flowgates=None if self.flowgates is None else self.flowgates.part(first, stop),
        )

    def _fit_faults(self) -> list[Fault]:
        """Faults of parts that are of another tree or of other steps."""
        ids, sites = self.sessions.session_id, self.sites.site_id
        faults = []
        if (self.site_row < 0).any():
            faults += known("site_id", self.sessions.site_id, sites, ids=ids, what="sites")
        if not np.array_equal(self.prices.time_utc, self.grid.times):
            rule = f"have a price for each step of {span(self.grid.start_utc, self.grid.end_utc)}"
            fix = "Give prices.on(grid)."
            faults.append(
                Fault("prices", rule, (f"{len(self.prices.time_utc):,} prices",), fix=fix)
            )
        gates = self.flowgates
        if gates is not None and gates.weight.shape[1] != len(sites):
            rule = f"have a weight for every site, {len(sites):,} in all"
            faults.append(Fault("flowgates", rule, (gates.weight.shape[1],)))
        if gates is not None and (gates.step >= self.grid.steps).any():
            rule = f"lie in the {self.grid.steps:,} steps of the grid"
            faults.append(Fault("flowgates", rule, (int(gates.step.max()),)))
        return faults or self._flowgate_faults()

    def _flowgate_faults(self) -> list[Fault]:
        """Faults of flowgates that no fleet at rest keeps, however generation is curtailed."""
        gates = self.flowgates
        if gates is None:
            return []
        most_kw = gates.limit_kw + gates.curtailed_kw(self.sites.add_up(self.curtailable_kw))
        rule = "be kept by a fleet at rest, with generation curtailed as far as it may be"
        rounding_kw = ROUNDING_KW * np.maximum(np.abs(gates.limit_kw), 1.0)
        return broken("limit_kw", np.asarray(most_kw >= -rounding_kw), rule, values=gates.limit_kw)

    def _charger_faults(self) -> list[Fault]:
        """Faults of chargers that do not fit their sessions, their sites, or one another."""
        limits = np.minimum(self.sites.phase_limit_a, self.sites.phase_unbalance_limit_a)
        if self.chargers is None:
            fix = "Add [chargers], which tells the phases of sessions, or leave the limit out."
            rule = "be left out where no chargers are given"
            free = ~np.isfinite(limits)
            return broken(
                "phase_limit_a", free, rule, values=limits, ids=self.sites.site_id, fix=fix
            )
        return charger_sites.faults(self.sessions, self.sites, self.chargers)

    def _series_faults(self) -> list[Fault]:
        """Faults of values that no site can have in a step."""
        faults = []
        for name, ok, rule in (
            ("load_kw", np.abs(self.load_kw) <= LARGEST, f"be at most {LARGEST:g} kW up or down"),
            (
                "generation_kw",
                (self.generation_kw <= LARGEST) & (self.generation_kw >= 0),
                f"be at least 0 kW and at most {LARGEST:g}",
            ),
            ("step_import_limit_kw", self.step_import_limit_kw > -np.inf, LIMIT),
            ("step_export_limit_kw", self.step_export_limit_kw > -np.inf, LIMIT),
        ):
            faults += self._in_steps(name, np.asarray(ok), rule, getattr(self, name))
        return faults

    def _contradictions(self) -> list[Fault]:
        """Faults of limits of one site and step that no power can keep."""
        drawn, fed = self.import_limit_kw, self.export_limit_kw
        site, step = np.nonzero(drawn + fed < -ROUNDING_KW)
        if not len(site):
            return []
        got = tuple(
            f"import_limit_kw {drawn[i, k]:g} and export_limit_kw {fed[i, k]:g}"
            for i, k in zip(site, step, strict=True)
        )
        rule = "leave room for some power with all limits of the site: import and export limit "
        rule += "add up to at least 0"
        fix = "A negative limit asks for power the other way, which that way's limit must allow."
        return [Fault("import_limit_kw", rule, got, self._places(site, step), fix=fix)]

    def _in_steps(
        self, name: str, ok: Bool[Array, "site step"], rule: str, values: Float[Array, "site step"]
    ) -> list[Fault]:
        site, step = np.nonzero(~ok)
        if not len(site):
            return []
        return [Fault(name, rule, tuple(values[site, step]), self._places(site, step))]

    def _places(self, site: Int[Array, " place"], step: Int[Array, " place"]) -> tuple[str, ...]:
        """Site and time as a message names them."""
        times = self.grid.times[step]
        return tuple(
            f"{self.sites.site_id[i]} at {stamp(time)}" for i, time in zip(site, times, strict=True)
        )


def assemble(
    grid: TimeGrid,
    sessions: Sessions,
    sites: Sites,
    load: SiteLoad,
    prices: Prices,
    limits: SiteLimits | None = None,
    generation: SiteGeneration | None = None,
    time_zone: str = "UTC",
    chargers: Chargers | None = None,
) -> Portfolio:
    """The portfolio of these records on this grid.

    Sessions that do not touch the grid are left out. Prices, loads and generation are averaged over
    the steps; of limits that change during a step the least holds.

    Args:
        grid: The steps.
        sessions: Who is plugged in where and when.
        sites: The tree that they are in.
        load: Load beside the chargers.
        prices: What energy costs.
        limits: Limits of sites that change over time; by default the lasting ones alone.
        generation: What sites could generate themselves; by default nothing.
        time_zone: IANA name of the local clock, by which billing periods begin.
        chargers: Chargers that sessions name; by default any power may be taken.

    Raises:
        InputError: An empty fleet, unknown sites, series that do not cover the grid.
    """
    if len(sessions) == 0:
        raise InputError("sessions", [Fault("sessions", "have at least one row")])
    inside = touching(sessions, grid)
    if not inside.any():
        first, last = stamp(sessions.arrival_utc.min()), stamp(sessions.departure_utc.max())
        rule = "touch the horizon"
        fix = "Choose a horizon in which vehicles are plugged in."
        got = (f"sessions from {first} to {last}",)
        raise InputError("sessions", [Fault("sessions", rule, got=got, fix=fix)])
    what = {"ids": sessions.session_id, "what": "sites"}
    raise_if_any("sessions", known("site_id", sessions.site_id, sites.site_id, **what))
    kept = sessions.select(inside)
    drawn, fed = (lasting_limits() if limits is None else limits).on(grid, sites)
    return Portfolio(
        grid=grid,
        sessions=kept,
        sites=sites,
        load_kw=load.on(grid, sites),
        step_import_limit_kw=drawn,
        step_export_limit_kw=fed,
        prices=prices.on(grid),
        generation_kw=(no_generation() if generation is None else generation).on(grid, sites),
        time_zone=time_zone,
        chargers=chargers,
    )


def touching(sessions: Sessions, grid: TimeGrid) -> Bool[Array, " session"]:
    """Whether each session is plugged in during the grid at all."""
    starts_before = sessions.arrival_utc < datetime64(grid.end_utc)
    return starts_before & (sessions.departure_utc > datetime64(grid.start_utc))

"""Which sites share a connection: a tree of sites, their limits, load and generation over time."""

from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np

from evergrid.core import records, tree
from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, between, broken, known, unique
from evergrid.core.timegrid import TimeGrid
from evergrid.model.billing import PERIODS
from evergrid.model.time_series import stamps
from evergrid.model.time_series.series import least_on, mean_on

LARGEST = 1e9  # kW, or money per kW; more is no site, and costs every digit of the rest
GENERATES = f"be at least 0 and at most {LARGEST:g} kW in every interval"
USUAL: dict[str, float | bool | str | int] = {
    "energy_budget_kwh": np.inf,
    "generation_curtailable": True,
    "demand_charge_period": "month",
    "demand_peak_kw": 0.0,
    "demand_charge_peaks": 1,
    "phase_limit_a": np.inf,
    "phase_unbalance_limit_a": np.inf,
}  # what a site has where a column is left out

PHASE_LIMITS = ("phase_limit_a", "phase_unbalance_limit_a")


def usual(name: str, rows: int) -> Shaped[Array, " site"]:
    """The column of that name where it is left out."""
    value = USUAL[name]
    return np.full(rows, value, dtype=object if isinstance(value, str) else None)


@dataclass(frozen=True)
class Sites:
    """Charger groups, transformers, feeders, a fleet: each under at most one parent.

    Attributes:
        site_id: Unique name of the site.
        parent_id: The site above it; empty for a root.
        import_limit_kw: Greatest power drawn from above; infinite for no limit.
        export_limit_kw: Greatest power fed upwards; infinite for no limit.
        demand_charge_per_kw: Price of the highest power drawn within a billing period.
        net_metering: Whether sessions at and below it are billed together with the load behind
            this site's meter, instead of each at its own plug.
        energy_budget_kwh: Most energy drawn from above within the horizon, by sessions and load
            together, less what they feed; infinite for no budget, which all have when left out.
        generation_curtailable: Whether the site may produce less than its own generation could;
            true for all when left out.
        demand_charge_period: What the demand charge is paid for: each "month", "week" (from
            Monday) or "day" of the local clock that the horizon touches, or the "horizon" as one;
            "month" for all when left out.
        demand_peak_kw: Highest power drawn before the horizon in the period in which it begins;
            0 for all when left out.
        demand_charge_peaks: How many of the highest steps of a period the charge takes the mean
            of; 1, the peak itself, for all when left out.
        phase_limit_a: Greatest current of each phase, either way, with the load and generation
            spread evenly; infinite for no limit, as for all when left out.
        phase_unbalance_limit_a: Greatest difference of the currents of two phases, in the same
            way.

    Raises:
        InputError: Rows that break rules, unknown parents, cycles; every fault is listed.
    """

    site_id: Shaped[Array, " site"]
    parent_id: Shaped[Array, " site"]
    import_limit_kw: Float[Array, " site"]
    export_limit_kw: Float[Array, " site"]
    demand_charge_per_kw: Float[Array, " site"]
    net_metering: Bool[Array, " site"]
    energy_budget_kwh: Float[Array, " site"] = field(default_factory=lambda: np.zeros(0))
    generation_curtailable: Bool[Array, " site"] = field(default_factory=lambda: np.zeros(0, bool))
    demand_charge_period: Shaped[Array, " site"] = field(
        default_factory=lambda: np.zeros(0, object)
    )
    demand_peak_kw: Float[Array, " site"] = field(default_factory=lambda: np.zeros(0))
    demand_charge_peaks: Int[Array, " site"] = field(default_factory=lambda: np.zeros(0, np.int64))
    phase_limit_a: Float[Array, " site"] = field(default_factory=lambda: np.zeros(0))
    phase_unbalance_limit_a: Float[Array, " site"] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        for name in USUAL:
            if not np.size(getattr(self, name)):
                object.__setattr__(self, name, usual(name, len(self)))
        records.check(self, "sites")
        ids = self.site_id
        faults = unique("site_id", ids, fix="Give each site a name of its own.")
        faults += broken(
            "site_id",
            np.array([name != "" for name in ids], dtype=bool),
            "not be empty",
            values=ids,
            fix="Name the site.",
        )
        rule = "be at least 0 kW"
        fix = "Limits carry no sign; leave the field empty for no limit."
        for name in ("import_limit_kw", "export_limit_kw"):
            values = getattr(self, name)
            faults += between(name, values, 0.0, np.inf, ids=ids, rule=rule, fix=fix)
        for name in PHASE_LIMITS:
            of_phase = "be above 0 A"
            least, values = np.finfo(float).tiny, getattr(self, name)
            faults += between(name, values, least, np.inf, ids=ids, rule=of_phase, fix=fix)
        faults += between(
            "energy_budget_kwh",
            self.energy_budget_kwh,
            0.0,
            np.inf,
            ids=ids,
            rule="be at least 0 kWh",
            fix="Leave the field empty for no budget.",
        )
        for name in ("demand_charge_per_kw", "demand_peak_kw"):
            rule = f"be at least 0 and at most {LARGEST:g}"
            faults += between(name, getattr(self, name), 0.0, LARGEST, ids=ids, rule=rule)
        faults += self._period_faults()
        named = self.parent_id != ""
        unknown = known("parent_id", self.parent_id[named], ids, ids=ids[named], what="sites")
        faults += unknown
        if not faults:
            faults += self._cycles() or self._nested_meters()
        raise_if_any("sites", faults)

    def __len__(self) -> int:
        return len(self.site_id)

    @cached_property
    def parent(self) -> Int[Array, " site"]:
        """Row of each site's parent; -1 for a root."""
        return tree.parents(self.site_id.tolist(), self.parent_id.tolist())

    @cached_property
    def depth(self) -> Int[Array, " site"]:
        """How many sites lie above each."""
        return tree.depth(self.parent)

    def row(self, site_id: Shaped[Array, " session"]) -> Int[Array, " session"]:
        """Row of each named site; -1 for a name that is not a site."""
        if not len(self):
            return np.full(len(site_id), -1)
        order = np.argsort(self.site_id)
        at = np.clip(np.searchsorted(self.site_id[order], site_id), 0, len(self) - 1)
        rows = order[at]
        return np.where(self.site_id[rows] == site_id, rows, -1)

    @cached_property
    def meter(self) -> Int[Array, " site"]:
        """Row of the net meter each site is billed at; -1 where each plug is billed by itself."""
        return tree.nearest(self.net_metering, self.parent)

    def add_up(self, own: Float[Array, "site step"]) -> Float[Array, "site step"]:
        """Each site's own values plus those of every site below it."""
        return tree.add_up(own, self.parent)

    def columns(self) -> dict[str, Shaped[Array, " site"]]:
        """Every column by its name in the sites table."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _period_faults(self) -> list[Fault]:
        ids, names = self.site_id, self.demand_charge_period
        known_period = np.array([name in PERIODS for name in names.tolist()], dtype=bool)
        rule = f"be one of {', '.join(PERIODS)}"
        faults = broken("demand_charge_period", known_period, rule, values=names, ids=ids)
        peaks = self.demand_charge_peaks
        fix = "Give 1 for a charge on the highest step alone."
        enough = np.asarray(peaks >= 1)
        return faults + broken(
            "demand_charge_peaks", enough, "be at least 1", values=peaks, ids=ids, fix=fix
        )

    def _cycles(self) -> list[Fault]:
        return broken(
            "parent_id",
            ~tree.cycles(self.parent),
            "not lead back to the site itself",
            values=self.parent_id,
            ids=self.site_id,
            fix="Sites form a tree; let one of them be a root with an empty parent_id.",
        )

    def _nested_meters(self) -> list[Fault]:
        above = np.where(self.parent >= 0, self.meter[np.maximum(self.parent, 0)], -1)
        nested = self.net_metering & (above >= 0)
        return broken(
            "net_metering",
            ~nested,
            "not be set below another net-metered site",
            values=self.net_metering,
            ids=self.site_id,
            fix="Energy is billed once: keep the meter at one level.",
        )


def _series_faults(
    site_id: Shaped[Array, " site"], time_utc: Shaped[Array, " interval"]
) -> list[Fault]:
    """Faults of sites that are given twice, and of the stamps of series that are not empty."""
    twice = unique("site_id", site_id, fix="Give each site one row of values.")
    return twice + (stamps.faults(time_utc) if len(site_id) else [])


@dataclass(frozen=True)
class SiteLoad:
    """Load beside the chargers at each site, positive for consumption.

    A negative load is generation that nobody can curtail.

    Attributes:
        site_id: The sites that have load of their own.
        time_utc: Start of each interval; a value holds to the next.
        load_kw: Mean power consumed.

    Raises:
        InputError: Time stamps that repeat or leave a gap, values that are not finite or exceed
            `LARGEST`.
    """

    site_id: Shaped[Array, " site"]
    time_utc: Shaped[Array, " interval"]
    load_kw: Float[Array, "site interval"]

    def __post_init__(self) -> None:
        records.check(self, "site_load")
        faults = _series_faults(self.site_id, self.time_utc)
        ok = np.asarray((np.abs(self.load_kw) <= LARGEST).all(axis=1))  # NaN is not
        values = np.abs(self.load_kw).max(axis=1, initial=0.0)
        rule = f"be a finite number in every interval, at most {LARGEST:g} kW up or down"
        faults += broken("load_kw", ok, rule, values=values, ids=self.site_id)
        raise_if_any("site_load", faults)

    def on(self, grid: TimeGrid, sites: Sites) -> Float[Array, "site step"]:
        """Load of every site of the tree in every step; zero where none is given.

        Raises:
            InputError: A load of an unknown site, or a series that does not cover the grid.
        """
        rows = sites.row(self.site_id)
        what = {"ids": self.site_id, "what": "sites"}
        raise_if_any("site_load", known("site_id", self.site_id, sites.site_id, **what))
        load = np.zeros((len(sites), grid.steps))
        if len(rows):
            load[rows] = mean_on(grid, self.time_utc, self.load_kw, source="site_load")
        return load


def no_load() -> SiteLoad:
    """A load for sites where nothing but chargers is connected."""
    none = np.array([], dtype=object)
    return SiteLoad(none, np.array([], "datetime64[us]"), np.zeros((0, 0)))


@dataclass(frozen=True)
class SiteGeneration:
    """What each site could generate itself, such as the power of its PV; at least 0.

    Whether it may produce less is told by `Sites.generation_curtailable`.

    Attributes:
        site_id: The sites that generate.
        time_utc: Start of each interval; a value holds to the next.
        generation_kw: Mean power that can be produced.

    Raises:
        InputError: Time stamps that repeat or leave a gap, values below 0, not finite or above
            `LARGEST`.
    """

    site_id: Shaped[Array, " site"]
    time_utc: Shaped[Array, " interval"]
    generation_kw: Float[Array, "site interval"]

    def __post_init__(self) -> None:
        records.check(self, "site_generation")
        faults = _series_faults(self.site_id, self.time_utc)
        ok = np.asarray(((self.generation_kw <= LARGEST) & (self.generation_kw >= 0)).all(axis=1))
        least, most = (f(self.generation_kw, axis=1, initial=0.0) for f in (np.min, np.max))
        values = np.where(most > LARGEST, most, least)
        fix = sign_hint(self.generation_kw)
        faults += broken("generation_kw", ok, GENERATES, values=values, ids=self.site_id, fix=fix)
        raise_if_any("site_generation", faults)

    def on(self, grid: TimeGrid, sites: Sites) -> Float[Array, "site step"]:
        """Mean generation of every site in every step; 0 where none is given.

        Raises:
            InputError: Generation of an unknown site, or a series that does not cover the grid.
        """
        what = {"ids": self.site_id, "what": "sites"}
        raise_if_any("site_generation", known("site_id", self.site_id, sites.site_id, **what))
        generation = np.zeros((len(sites), grid.steps))
        if len(self.site_id):
            given = (grid, self.time_utc, self.generation_kw)
            generation[sites.row(self.site_id)] = mean_on(*given, source="site_generation")
        return generation


def sign_hint(generation_kw: Float[Array, "..."]) -> str:
    """The way out where every value that is told, is told with the other sign; empty otherwise."""
    if (generation_kw > 0).any() or not (generation_kw < 0).any():
        return ""
    return "Generation is positive: turn the sign of the column."


def no_generation() -> SiteGeneration:
    """No generation at any site."""
    none = np.array([], dtype=object)
    return SiteGeneration(none, np.array([], "datetime64[us]"), np.zeros((0, 0)))


@dataclass(frozen=True)
class SiteLimits:
    """Limits of sites that change over time, beside the lasting ones: an operating envelope.

    Attributes:
        site_id: The sites that have such limits.
        time_utc: Start of each interval; a value holds to the next.
        import_limit_kw: Greatest power drawn from above; infinite for no limit. Negative where the
            site must feed.
        export_limit_kw: Greatest power fed upwards; infinite for no limit. Negative where the site
            must draw.

    Raises:
        InputError: Time stamps that repeat or leave a gap, limits that no power can keep.
    """

    site_id: Shaped[Array, " site"]
    time_utc: Shaped[Array, " interval"]
    import_limit_kw: Float[Array, "site interval"]
    export_limit_kw: Float[Array, "site interval"]

    def __post_init__(self) -> None:
        records.check(self, "site_limits")
        faults = _series_faults(self.site_id, self.time_utc)
        for name in ("import_limit_kw", "export_limit_kw"):
            limits = getattr(self, name)
            ok = np.asarray(~(np.isnan(limits) | (limits == -np.inf)).any(axis=1))
            rule = "be a number in every interval, or infinite for no limit"
            faults += broken(name, ok, rule, values=limits.min(axis=1, initial=0), ids=self.site_id)
        if not faults:
            room = (self.import_limit_kw + self.export_limit_kw).min(axis=1, initial=np.inf)
            rule = "leave room for some power: the import and the export limit add up to at least 0"
            fix = (
                "A negative limit asks for power the other way, which that way's limit must allow."
            )
            faults += broken(
                "import_limit_kw", room >= 0, rule, values=room, ids=self.site_id, fix=fix
            )
        raise_if_any("site_limits", faults)

    def on(
        self, grid: TimeGrid, sites: Sites
    ) -> tuple[Float[Array, "site step"], Float[Array, "site step"]]:
        """Import and export limit of every site in every step: the least that holds during it.

        Lasting limits are not among them: a site that has no others is infinite here.

        Raises:
            InputError: Limits of an unknown site, or a series that does not cover the grid.
        """
        what = {"ids": self.site_id, "what": "sites"}
        raise_if_any("site_limits", known("site_id", self.site_id, sites.site_id, **what))
        rows = sites.row(self.site_id)
        drawn, fed = np.full((2, len(sites), grid.steps), np.inf)
        if len(rows):
            given = (grid, self.time_utc)
            drawn[rows] = least_on(*given, self.import_limit_kw, source="site_limits")
            fed[rows] = least_on(*given, self.export_limit_kw, source="site_limits")
        return drawn, fed


def lasting_limits() -> SiteLimits:
    """No limits that change over time."""
    none, empty = np.array([], dtype=object), np.zeros((0, 0))
    return SiteLimits(none, np.array([], "datetime64[us]"), empty, empty)

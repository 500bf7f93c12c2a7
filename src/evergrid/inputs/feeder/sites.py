"""The feeder that a plan's sites are connected to: which site is at which load, and its load."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from pydantic import Field

from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError, InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.local_time import local_from_utc
from evergrid.core.text.name_list import name_list
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.timegrid import TimeGrid, zone
from evergrid.core.units import consumption_from_grid_power, grid_power_from_consumption
from evergrid.dispatch.network.feeder_check import SiteConnections
from evergrid.grid.feeder.connections import Connections, at_loads
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.limits import Limits
from evergrid.inputs.feeder.base_load import BaseLoad
from evergrid.inputs.feeder.limits import LimitSettings
from evergrid.inputs.feeder.source import FeederSource
from evergrid.inputs.feeder.states import FeederStates
from evergrid.model.portfolio import Portfolio
from evergrid.model.site import SiteLoad

ROOT = "feeder"  # the site above all loads
LEVEL = "feeder/load"  # how [[fleet]] writes the sites at all loads


class PlaceEntry(BaseConfig):
    """Where one site is connected to the feeder, if it has not the name of a load."""

    site_id: str = Field(examples=["depot"], min_length=1)
    """The site."""
    load: str = Field(examples=["671"], min_length=1)
    """The load of the feeder beside which, and on whose phases, it is connected."""


class PlanFeeder(FeederSource):
    """The feeder that the sites are connected to: the plan keeps its limits."""

    rounds: int = Field(default=50, ge=1, le=1000)
    """Plans that are made at most until one keeps every limit of the feeder."""
    load: BaseLoad = BaseLoad()
    """What the feeder's loads draw beside the vehicles, where no site_load tells."""
    limits: LimitSettings = LimitSettings()
    """What must hold."""
    place: tuple[PlaceEntry, ...] = ()
    """Sites that are connected at loads of another name."""


@dataclass(frozen=True)
class FeederSites:
    """A feeder as a plan meets it: every load of it is a site, or has one.

    Attributes:
        config: What was asked for.
        states: How its taps and banks settle.
        feeder: As read.
        loads: Its loads, without generators and the like.
        load_kw: What each draws over the steps of the plan.
        step_h: Length of a step.
        limits: What must hold.
    """

    config: PlanFeeder
    states: FeederStates
    feeder: Feeder
    loads: Connections
    load_kw: Float[Array, "load step"]
    step_h: float
    limits: Limits

    def site_at(self, listed: Iterable[str]) -> Shaped[Array, " load"]:
        """Name of the site at each load: one that is placed there or has its name, or a new one.

        Raises:
            ConfigError: Places that are no loads, or taken twice, by sites that are not listed.
        """
        listed = list(listed)
        names = [str(name) for name in self.loads.name]
        at = {name.lower(): name for name in listed if name.lower() in set(names)}
        self._check_places(listed, names)
        for entry in self.config.place:
            at.pop(entry.site_id.lower(), None)
        at |= {entry.load.lower(): entry.site_id for entry in self.config.place}
        return np.array([at.get(name, name) for name in names], dtype=object)

    def homes(self, listed: Iterable[str]) -> Shaped[Array, " some"]:
        """The sites at loads where no site of another name is placed."""
        placed = [entry.load.lower() for entry in self.config.place]
        return self.site_at(listed)[~np.isin(self.loads.name.astype(str), placed)]

    def sites(self, listed: Iterable[str]) -> dict[str, Shaped[Array, " site"]]:
        """The columns of the sites table for loads at which nobody listed a site, and their root.

        Args:
            listed: Names of sites that there are beside.
        """
        listed = set(listed)
        new = [name for name in self.site_at(listed).tolist() if name not in listed]
        names = new if ROOT in listed else [ROOT, *new]
        parents = ["" if name == ROOT else ROOT for name in names]
        count = len(names)
        return {
            "site_id": np.array(names, dtype=object),
            "parent_id": np.array(parents, dtype=object),
            "import_limit_kw": np.full(count, np.inf),
            "export_limit_kw": np.full(count, np.inf),
            "demand_charge_per_kw": np.zeros(count),
            "net_metering": np.zeros(count, bool),
        }

    def site_load(self, grid: TimeGrid, listed: Iterable[str], given: set[str]) -> SiteLoad:
        """What the loads draw at sites for which nothing else is given."""
        names = self.site_at(listed)
        own = np.array([name not in given for name in names], dtype=bool)
        return SiteLoad(names[own], grid.times, self.load_kw[own])

    def connections(self, portfolio: Portfolio) -> SiteConnections:
        """How the sites of a portfolio connect to the feeder.

        Raises:
            InputError: Vehicles or load that are connected nowhere, or a site below another one.
        """
        sites = portfolio.sites
        site = sites.row(self.site_at(sites.site_id.tolist()))
        place = np.full(len(sites), -1)
        place[site] = np.arange(len(site))
        above = sites.parent.copy()
        nested = []
        while (above >= 0).any():
            found = np.where(above >= 0, place[np.maximum(above, 0)], -1)
            nested += sites.site_id[site][(found >= 0)[site]].tolist()
            place = np.where(place < 0, found, place)
            above = np.where(above >= 0, sites.parent[above], -1)
        self._check_connected(portfolio, place, nested)
        return SiteConnections(
            place, site, self.loads.share.toarray(), _Settling(self, portfolio, site)
        )

    def _check_places(self, listed: list[str], names: list[str]) -> None:
        faults = []
        for i, entry in enumerate(self.config.place):
            where = f"feeder.place.{i}"
            if entry.load.lower() not in names:
                known = f"Its loads: {name_list(names, 8)}."
                fix = " ".join(filter(None, [did_you_mean(entry.load.lower(), names), known]))
                rule = "be a load of the feeder"
                faults.append(Fault(f"{where}.load", rule, (entry.load,), fix=fix))
            if entry.site_id not in listed:
                fix = did_you_mean(entry.site_id, listed) or "List it as [[site]]."
                faults.append(Fault(f"{where}.site_id", "be a site", (entry.site_id,), fix=fix))
        for key in ("load", "site_id"):
            values = [getattr(entry, key) for entry in self.config.place]
            twice = tuple(value for value in dict.fromkeys(values) if values.count(value) > 1)
            if twice:
                fix = "Put what shares a load at sites below one that is connected there."
                faults.append(Fault(f"feeder.place.{key}", "be placed once", twice, fix=fix))
        if faults:
            raise ConfigError("config", faults)

    def _check_connected(
        self, portfolio: Portfolio, place: Shaped[Array, " site"], nested: list[str]
    ) -> None:
        sites = portfolio.sites
        used = np.isin(np.arange(len(sites)), portfolio.site_row) | (portfolio.load_kw != 0).any(
            axis=1
        )
        used |= (portfolio.generation_kw != 0).any(axis=1)
        loose = tuple(sites.site_id[used & (place < 0)].tolist())
        fix = (
            "Give it the name of a load, an entry in [[feeder.place]], or a parent that has either."
        )
        rule = "be connected to the feeder, as every site with vehicles or load must"
        faults = [Fault("site_id", rule, loose[:8], fix=fix)] if loose else []
        if nested:
            rule = "not be connected to the feeder below another site that is"
            faults.append(Fault("parent_id", rule, tuple(nested[:8]), fix="Leave one of the two."))
        raise_if_any("sites", faults)


def read(config: PlanFeeder, grid: TimeGrid, time_zone: str, folder: Path) -> FeederSites:
    """A feeder with what its loads draw over a plan's steps.

    Raises:
        MissingFileError: There is no such file.
        InputError: OpenDSS refuses it, its limits exclude one another, or the steps do not divide a
            day.
    """
    limits = config.limits.record()
    steps = 24 / grid.step_h
    if abs(steps - round(steps)) > 1e-9:
        fix = "Choose a length such as 5, 15 or 60."
        rule = "divide a day where the plan has a feeder"
        raise InputError("horizon", [Fault("step_min", rule, (60 * grid.step_h,), fix=fix)])
    feeder = config.read(folder)
    loads = at_loads(feeder)
    is_load = np.bincount(loads.owner, feeder.branches.is_load[loads.row], len(loads)) > 0
    loads = loads.rows(np.flatnonzero(is_load))
    power_kw, _ = config.load.power(config, feeder, folder, grid.step_h)
    drawn_kw = np.zeros((len(loads), power_kw.shape[1]))
    np.add.at(drawn_kw, loads.owner, consumption_from_grid_power(power_kw[loads.row]))
    clock = local_from_utc(grid.times, zone(time_zone))
    since = (clock - clock.astype("datetime64[D]")) / np.timedelta64(1, "h")
    of_day = np.floor(since / grid.step_h + 1e-9).astype(np.int64)
    states = config.load.states(config, feeder, folder)
    return FeederSites(config, states, feeder, loads, drawn_kw[:, of_day], grid.step_h, limits)


@dataclass(frozen=True)
class _Settling:
    """How the feeder switches under the load of a portfolio and what its fleet does."""

    feeder_sites: FeederSites
    portfolio: Portfolio
    site: Array

    def __call__(self, fleet_kw: Float[Array, "branch step"]) -> FeederCase:
        of = self.feeder_sites
        base_kw, base_kvar = self._base
        networks, state = of.states.settled(base_kw + fleet_kw, base_kvar, first=(of.feeder.state,))
        return FeederCase(networks, state, base_kw, base_kvar, of.step_h, of.limits)

    @cached_property
    def _base(self) -> tuple[Float[Array, "branch step"], Float[Array, "branch step"]]:
        """Power and reactive power of every branch without the fleet, into the grid.

        Generation that may be curtailed counts with the fleet. Reactive power follows the load's
        power as in the files; generation has none.
        """
        of, branches = self.feeder_sites, self.feeder_sites.feeder.branches
        must_take_kw = self.portfolio.sites.add_up(self.portfolio.must_take_load_kw)
        net_kw, drawn_kw = (
            of.loads.share.T @ at_sites[self.site]
            for at_sites in (must_take_kw, self.portfolio.total_load_kw)
        )
        own = ~branches.is_load
        base_kw = grid_power_from_consumption(net_kw)
        base_kw[own] = branches.power_kw[own, None]
        still = branches.power_kw == 0
        per_kw = branches.reactive_kvar / np.where(still, 1.0, branches.power_kw)
        per_kw = np.where(still, 0.0, per_kw)[:, None]
        base_kvar = grid_power_from_consumption(drawn_kw) * per_kw
        base_kvar[own] = branches.reactive_kvar[own, None]
        return base_kw, base_kvar

"""Which sites a study is given: listed, read from a table, generated, or made of its sessions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Shaped
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.timegrid import TimeGrid, zone
from evergrid.data import tables
from evergrid.data.files.locate import locate
from evergrid.data.tables import NoteCallback, ignore_notes
from evergrid.fleet.synthetic import site_trees
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.inputs.feeder.sites import LEVEL, FeederSites
from evergrid.inputs.tables import Inputs, SiteEntry
from evergrid.model.portfolio import Portfolio
from evergrid.model.session import Sessions
from evergrid.model.site import (
    USUAL,
    SiteGeneration,
    SiteLimits,
    SiteLoad,
    Sites,
    lasting_limits,
    no_generation,
    no_load,
    usual,
)

Columns = dict[str, Array]


@dataclass(frozen=True)
class SitesAndFleet:
    """The sites of a configuration, and its fleet with each vehicle's place among them.

    Attributes:
        sites: None when the configuration names none.
        fleet: Groups with the name of every site they are dealt out to.
        notes: What the reader of a report must know.
    """

    sites: Sites | None
    fleet: tuple[FleetGroup, ...]
    notes: tuple[str, ...] = ()


def sites_and_fleet(
    inputs: Inputs, folder: Path, *, seed: int, feeder_sites: FeederSites | None = None
) -> SitesAndFleet:
    """The sites that are listed, read and generated, and the fleet dealt out to them.

    Args:
        inputs: The tables of the configuration.
        folder: What relative paths start from.
        seed: Of generated limits.
        feeder_sites: The feeder whose loads are sites too, if there is one.

    Raises:
        ConfigError: A group of the fleet that plugs in where there is no site.
        InputError: Sites that break rules.
    """
    parts: list[Columns] = []
    if inputs.sites_file is not None:
        parts.append(tables.read_sites(locate(inputs.sites_file, folder)).columns())
    if inputs.site:
        parts.append(_listed(inputs.site))
    levels = site_trees.levels(inputs.site_tree)
    if feeder_sites is not None:
        trees = [site_trees.names(tree) for tree in inputs.site_tree]
        listed = [part["site_id"] for part in parts]
        listed += [name for tree in trees for name in tree.values()]
        names = [str(name) for part in listed for name in part]
        levels[LEVEL] = feeder_sites.homes(names)
        parts.append(feeder_sites.sites(names))
    elif any(LEVEL in group.sites for group in inputs.fleet):
        fix = "Add a [feeder], or name sites."
        fault = Fault("fleet.sites", "name loads only of a [feeder]", (LEVEL,), fix=fix)
        raise ConfigError("config", [fault])
    fleet = site_trees.dealt(inputs.fleet, levels)
    at = site_trees.vehicles(fleet)
    parts += [site_trees.sites(tree, at, seed=seed) for tree in inputs.site_tree]
    if not parts:
        return SitesAndFleet(
            None, fleet, ("No sites are given: nothing limits the sum of the chargers.",)
        )
    together = _joined(parts)
    _check_places(inputs, fleet, together["site_id"], list(levels))
    return SitesAndFleet(Sites(**together), fleet, _notes(inputs))


def of_sessions(sessions: Sessions) -> Sites:
    """A root without limits for every site that a session names."""
    names = np.unique(sessions.site_id.astype(str))
    return listed(tuple(SiteEntry(site_id=str(name)) for name in names))


def listed(entries: tuple[SiteEntry, ...]) -> Sites:
    """The sites that a configuration lists.

    Raises:
        InputError: Sites that break rules.
    """
    return Sites(**_listed(entries))


def load(
    inputs: Inputs,
    sites: Sites,
    grid: TimeGrid,
    folder: Path,
    *,
    seed: int,
    feeder_sites: FeederSites | None = None,
    tell: NoteCallback = ignore_notes,
) -> SiteLoad:
    """The load beside the chargers, read and generated, summed up on the grid.

    Loads of a feeder count where no other load is given for their site.

    Raises:
        InputError: A load of an unknown site, or a series that does not cover the grid.
    """
    parts = []
    if inputs.site_load_file is not None:
        parts.append(tables.read_site_load(locate(inputs.site_load_file, folder), tell=tell))
    clock = zone(inputs.horizon.time_zone)
    for tree in inputs.site_tree:
        parts += site_trees.site_load(tree, grid, clock, seed=seed)
    if feeder_sites is not None:
        given = {str(name) for part in parts for name in part.site_id}
        parts.append(feeder_sites.site_load(grid, sites.site_id.tolist(), given))
    if len(parts) < 2:
        return parts[0] if parts else no_load()
    total = sum((part.on(grid, sites) for part in parts), start=np.zeros((len(sites), grid.steps)))
    return SiteLoad(sites.site_id, grid.times, total)


def generation(
    inputs: Inputs, folder: Path, *, tell: NoteCallback = ignore_notes
) -> SiteGeneration:
    """What sites could generate themselves, where a table of it is named."""
    if inputs.site_generation_file is None:
        return no_generation()
    return tables.read_site_generation(locate(inputs.site_generation_file, folder), tell=tell)


def generation_notes(portfolio: Portfolio) -> list[str]:
    """What the reader of a report must know of generation that is given as negative load."""
    negative, generates = (portfolio.load_kw < 0).any(axis=1), portfolio.generation_kw.any(axis=1)
    both = _some(portfolio.sites.site_id[negative & generates])
    alone = _some(portfolio.sites.site_id[negative & ~generates])
    notes = []
    if both:
        notes.append(
            f"Generation and negative load are both given for {both}: they are added, and the "
            "negative load cannot be curtailed."
        )
    if alone:
        notes.append(
            f"Negative load of {alone} cannot be curtailed: give it as site_generation if it can."
        )
    return notes


def _some(names: Shaped[Array, " site"]) -> str:
    """The names, up to three and how many more."""
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(str(name) for name in names[:3]) + more


def limits(inputs: Inputs, folder: Path, *, tell: NoteCallback = ignore_notes) -> SiteLimits:
    """Limits of sites that change over time, where a table of them is named."""
    if inputs.site_limits_file is None:
        return lasting_limits()
    return tables.read_site_limits(locate(inputs.site_limits_file, folder), tell=tell)


def _listed(entries: tuple[SiteEntry, ...]) -> Columns:
    def limits(values: list[float | None]) -> Array:
        return np.array([np.inf if value is None else value for value in values])

    plain = ("demand_charge_per_kw", "net_metering", "generation_curtailable", "demand_peak_kw")
    names = ("site_id", "parent_id", "demand_charge_period")
    return {
        **{n: np.array([getattr(entry, n) for entry in entries], dtype=object) for n in names},
        **{n: limits([getattr(entry, n) for entry in entries]) for n in tables.LIMITS},
        **{n: np.array([getattr(entry, n) for entry in entries]) for n in plain},
        "demand_charge_peaks": np.array([e.demand_charge_peaks for e in entries], np.int64),
    }


def _joined(parts: list[Columns]) -> Columns:
    """Columns of all parts; sites that are generated have the usual of what they leave out."""
    for part in parts:
        for name in USUAL:
            part.setdefault(name, usual(name, len(part["site_id"])))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _check_places(
    inputs: Inputs,
    fleet: tuple[FleetGroup, ...],
    site_id: Shaped[Array, " site"],
    levels: list[str],
) -> None:
    """Refuse groups that plug in at a place that is neither a site nor a level of a tree."""
    known = set(site_id.tolist())
    faults = []
    if taken := tuple(name for name in levels if name in known):
        fix = "That is how a level of a tree or of the feeder is written; choose another name."
        faults.append(Fault("site_id", "not be the name of a level", taken, fix=fix))
    for i, (written, group) in enumerate(zip(inputs.fleet, fleet, strict=True)):
        unknown = set(group.sites) - known
        if unknown:
            got = tuple(name for name in written.sites if name in unknown)
            rule = "name sites, or a level such as city/transformer of a [[site_tree]], or "
            rule += f"{LEVEL} of a [feeder]"
            fix = _known_places(got[0], [*levels, *site_id[:1000].tolist()])
            faults.append(Fault(f"fleet.{i}.sites", rule, got=got, fix=fix))
    if faults:
        raise ConfigError("config", faults)


def _known_places(name: str, places: list[str]) -> str:
    question = did_you_mean(name, places)
    listed = f"There are {', '.join(places[:6])}{' and others' if len(places) > 6 else ''}."
    return f"{question} {listed}".lstrip()


def _notes(inputs: Inputs) -> tuple[str, ...]:
    notes = []
    for tree in inputs.site_tree:
        count = sum(tree.counts().values())
        notes.append(f"{count:,} sites of [[site_tree]] {tree.name} are generated, not surveyed.")
    if any(level.homes for tree in inputs.site_tree for level in tree.level):
        notes.append(
            "The load of homes is generated from a standard load profile (BDEW H25), not measured."
        )
    return tuple(notes)

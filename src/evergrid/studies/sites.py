"""Which sites a study is given: listed, read from a table, generated, or made of its sessions."""

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Shaped
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, zone
from evergrid.data import tables
from evergrid.data.locate import locate
from evergrid.fleet import wiring
from evergrid.fleet.group import FleetGroup
from evergrid.model.session import Sessions
from evergrid.model.site import SiteLimits, SiteLoad, Sites, lasting_limits, no_load
from evergrid.studies.feeder_sites import LEVEL, Street
from evergrid.studies.inputs import Inputs, SiteEntry

Columns = dict[str, Array]


@dataclass(frozen=True)
class Wired:
    """The sites of a configuration, and its fleet with each vehicle's place among them.

    Attributes:
        sites: None when the configuration names none.
        fleet: Groups with the name of every site they are dealt out to.
        notes: What the reader of a report must know.
    """

    sites: Sites | None
    fleet: tuple[FleetGroup, ...]
    notes: tuple[str, ...] = ()


def wired(inputs: Inputs, folder: Path, *, seed: int, street: Street | None = None) -> Wired:
    """The sites that are listed, read and generated, and the fleet dealt out to them.

    Args:
        inputs: The tables of the configuration.
        folder: What relative paths start from.
        seed: Of generated limits.
        street: The feeder whose loads are sites too, if there is one.

    Raises:
        ConfigError: A group of the fleet that plugs in where there is no site.
        InputError: Sites that break rules.
    """
    parts: list[Columns] = []
    if inputs.sites_file is not None:
        parts.append(tables.read_sites(locate(inputs.sites_file, folder)).columns())
    if inputs.site:
        parts.append(_listed(inputs.site))
    levels = wiring.levels(inputs.site_tree)
    if street is not None:
        trees = [wiring.names(tree) for tree in inputs.site_tree]
        listed = [part["site_id"] for part in parts]
        listed += [name for tree in trees for name in tree.values()]
        names = [str(name) for part in listed for name in part]
        levels[LEVEL] = street.homes(names)
        parts.append(street.sites(names))
    elif any(LEVEL in group.sites for group in inputs.fleet):
        fix = "Add a [feeder], or name sites."
        fault = Fault("fleet.sites", "name loads only of a [feeder]", (LEVEL,), fix=fix)
        raise ConfigError("config", [fault])
    fleet = wiring.dealt(inputs.fleet, levels)
    at = wiring.vehicles(fleet)
    parts += [wiring.sites(tree, at, seed=seed) for tree in inputs.site_tree]
    if not parts:
        return Wired(None, fleet, ("No sites are given: nothing limits the sum of the chargers.",))
    together = _joined(parts)
    _check_places(inputs, fleet, together["site_id"], list(levels))
    return Wired(Sites(**together), fleet, _notes(inputs))


def of_sessions(sessions: Sessions) -> Sites:
    """A root without limits for every site that a session names."""
    names = np.unique(sessions.site_id.astype(str))
    return Sites(**_listed(tuple(SiteEntry(site_id=str(name)) for name in names)))


def load(
    inputs: Inputs,
    sites: Sites,
    grid: TimeGrid,
    folder: Path,
    *,
    seed: int,
    street: Street | None = None,
) -> SiteLoad:
    """The load beside the chargers, read and generated, summed up on the grid.

    Loads of a feeder count where no other load is given for their site.

    Raises:
        InputError: A load of an unknown site, or a series that does not cover the grid.
    """
    parts = []
    if inputs.site_load_file is not None:
        parts.append(tables.read_site_load(locate(inputs.site_load_file, folder)))
    clock = zone(inputs.horizon.time_zone)
    for tree in inputs.site_tree:
        parts += wiring.site_load(tree, grid, clock, seed=seed)
    if street is not None:
        given = {str(name) for part in parts for name in part.site_id}
        parts.append(street.site_load(grid, sites.site_id.tolist(), given))
    if len(parts) < 2:
        return parts[0] if parts else no_load()
    total = sum((part.on(grid, sites) for part in parts), start=np.zeros((len(sites), grid.steps)))
    return SiteLoad(sites.site_id, grid.times, total)


def limits(inputs: Inputs, folder: Path) -> SiteLimits:
    """Limits of sites that change over time, where a table of them is named."""
    if inputs.site_limits_file is None:
        return lasting_limits()
    return tables.read_site_limits(locate(inputs.site_limits_file, folder))


def _listed(entries: tuple[SiteEntry, ...]) -> Columns:
    def limits(values: list[float | None]) -> Array:
        return np.array([np.inf if value is None else value for value in values])

    return {
        "site_id": np.array([entry.site_id for entry in entries], dtype=object),
        "parent_id": np.array([entry.parent_id for entry in entries], dtype=object),
        "import_limit_kw": limits([entry.import_limit_kw for entry in entries]),
        "export_limit_kw": limits([entry.export_limit_kw for entry in entries]),
        "demand_charge_per_kw": np.array([entry.demand_charge_per_kw for entry in entries]),
        "net_metering": np.array([entry.net_metering for entry in entries]),
        "energy_budget_kwh": limits([entry.energy_budget_kwh for entry in entries]),
    }


def _joined(parts: list[Columns]) -> Columns:
    """Columns of all parts; sites that are generated have no budgets."""
    for part in parts:
        part.setdefault("energy_budget_kwh", np.full(len(part["site_id"]), np.inf))
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
    near = difflib.get_close_matches(name, places, n=1)
    listed = f"There are {', '.join(places[:6])}{' and others' if len(places) > 6 else ''}."
    return f"Did you mean {near[0]}? {listed}" if near else listed


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

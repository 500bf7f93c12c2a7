"""Outages that are drawn: when, how long, who is there with what energy, and what fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.units import S_PER_H
from evergrid.data import signals
from evergrid.data.files.locate import locate
from evergrid.inputs import made_up_signals
from evergrid.inputs.microgrid import HOURS_A_DAY, MicrogridEntry, place_of
from evergrid.model.microgrid import BatteryUnit, Microgrid
from evergrid.model.time_series.signal import Signal
from evergrid.resilience.restoration.belief import OutageBelief, exponential
from evergrid.resilience.restoration.belief import drawn as drawn_belief
from evergrid.resilience.restoration.rule import SourceFailures
from evergrid.studies.resilience.config import Config, OutageEntry, RegulationEntry

STARTS, LENGTHS, SITES, REGULATION = range(4)  # what is drawn with one seed, each by itself


@dataclass(frozen=True)
class Outages:
    """Outages of one site.

    Attributes:
        start_hour: Of the local clock, at which the grid is lost.
        length_h: Until it is back.
        microgrids: The site in each.
        diesel_fails_h: When each diesel set fails; 0 for one that does not start.
    """

    start_hour: Float[Array, " scenario"]
    length_h: Float[Array, " scenario"]
    microgrids: tuple[Microgrid, ...]
    diesel_fails_h: Float[Array, "scenario set"]

    def __len__(self) -> int:
        return len(self.microgrids)

    def part(self, first: int, last: int) -> "Outages":
        """Those from one number on, before another."""
        of = slice(first, last)
        return Outages(
            self.start_hour[of], self.length_h[of], self.microgrids[of], self.diesel_fails_h[of]
        )

    def with_sites(self, change: Callable[[int, Microgrid], Microgrid]) -> "Outages":
        """These outages of sites that are changed one by one."""
        changed = tuple(change(i, one) for i, one in enumerate(self.microgrids))
        return replace(self, microgrids=changed)

    def failures(self) -> list[SourceFailures]:
        """Of each outage; batteries do not fail, vehicles that do not come are not there."""
        return [
            SourceFailures(np.full(len(site.batteries), np.inf), diesel)
            for site, diesel in zip(self.microgrids, self.diesel_fails_h, strict=True)
        ]


def drawn(config: Config, seed: int, *, entry: MicrogridEntry | None = None) -> Outages:
    """As many outages as are asked for.

    An outage has the same random numbers however many outages and vehicles there are, so that two
    fleets or two sizes are compared on the same outages.

    Args:
        config: What is drawn.
        seed: Of it.
        entry: The site; that of the configuration when absent.
    """
    outage = config.outage
    site = config.microgrid if entry is None else entry
    start = np.random.default_rng([seed, STARTS]).uniform(0, HOURS_A_DAY, outage.scenarios)
    if outage.start_hour is not None:
        start = np.full(outage.scenarios, outage.start_hour)
    made, fails = [], []
    for number, hour in enumerate(start.tolist()):
        of_site = np.random.default_rng([seed, SITES, number])
        fails.append(_diesel_failures(site, of_site))
        made.append(
            site.record(of_site, start_hour=hour, hours=outage.most_h, solar_step_h=outage.step_h)
        )
    lengths = _lengths(outage, np.random.default_rng([seed, LENGTHS]))
    return Outages(start, lengths, tuple(made), np.array(fails))


def _lengths(outage: OutageEntry, random: np.random.Generator) -> Float[Array, " scenario"]:
    """Hours of each outage."""
    spread = random.standard_normal(outage.scenarios) * outage.spread
    return np.minimum(outage.median_h * np.exp(spread), outage.most_h)


def _diesel_failures(site: MicrogridEntry, random: np.random.Generator) -> Float[Array, " set"]:
    """When each set fails: at once where it is under repair or does not start."""
    chance = random.uniform(size=(len(site.diesel_set), 3))
    fails = []
    for (repair, start, run), given in zip(chance, site.diesel_set, strict=True):
        works = repair < given.available_share and start < given.start_probability
        fails.append(-given.mean_hours_to_failure * np.log1p(-run) if works else 0.0)
    return np.array(fails)


def changed(
    outages: Outages,
    *,
    vehicles: int | None = None,
    change: Callable[[int, BatteryUnit], BatteryUnit] | None = None,
) -> Outages:
    """These outages with other vehicles.

    Args:
        outages: What was drawn.
        vehicles: Only those of a fleet of so many, the first ones, whether they come or not.
        change: What becomes of each vehicle, by the number of the outage.
    """

    def site(number: int, one: Microgrid) -> Microgrid:
        kept = one.vehicles
        if vehicles is not None:
            kept = tuple(unit for unit in kept if place_of(unit) < vehicles)
        if change is not None:
            kept = tuple(change(number, unit) for unit in kept)
        stationary = tuple(unit for unit in one.batteries if unit.stationary)
        return replace(one, batteries=(*kept, *stationary))

    return outages.with_sites(site)


def after_regulation(outages: Outages, entry: RegulationEntry, folder: Path, seed: int) -> Outages:
    """These outages, of vehicles that followed a signal until the grid was lost.

    Each vehicle that is plugged in follows every tick as far as its energy allows: not below its
    reserve, not above its capacity. What the outage found in the signal begins anywhere.

    Raises:
        MissingFileError, UnreadableFileError: The signal is not there, or is no table.
        InputError: A signal that breaks rules.
    """
    signal = _signal(entry, folder)
    ticks = max(round(entry.hours * S_PER_H / signal.tick_s), 1)
    share = np.nan_to_num(signal.share)
    first = np.random.default_rng([seed, REGULATION]).integers(0, len(share), len(outages))
    units = [unit for site in outages.microgrids for unit in _plugged_in(site)]
    of = np.repeat(np.arange(len(outages)), [len(_plugged_in(s)) for s in outages.microgrids])
    energy = _followed(units, share, first[of], ticks, entry.award_kw * signal.tick_s / S_PER_H)
    left = iter(energy.tolist())

    def follow(_: int, unit: BatteryUnit) -> BatteryUnit:
        return replace(unit, energy_arrival_kwh=next(left)) if unit.arrival_h <= 0 else unit

    return changed(outages, change=follow)


def believed(config: Config, outages: Outages) -> OutageBelief:
    """What a policy believes: lengths as they are drawn, and what vehicles still bring on average.

    Lengths are exponential where the configuration gives their mean.
    """
    outage, given = config.outage, config.restoration
    units = [unit for site in outages.microgrids for unit in site.batteries]
    arrival_h, energy_kwh = (
        np.array([(unit.arrival_h, _feeds_kwh(unit)) for unit in units]).reshape(-1, 2).T
    )
    found = drawn_belief(outages.length_h, arrival_h, energy_kwh, outage.steps, outage.step_h)
    if given.expected_h is None:
        return found
    lasts = exponential(given.expected_h, outage.steps, outage.step_h)
    return lasts._replace(coming_kwh=found.coming_kwh)


def _feeds_kwh(unit: BatteryUnit) -> float:
    """AC energy above its reserve, with what its charger draws at full power."""
    above = max(unit.energy_arrival_kwh - unit.energy_reserve_kwh, 0.0)
    drawn_share = unit.auxiliary_kw / unit.max_discharge_kw if unit.max_discharge_kw > 0 else 0.0
    return above / (1 / unit.efficiency_discharge + drawn_share)


def _plugged_in(site: Microgrid) -> list[BatteryUnit]:
    return [unit for unit in site.vehicles if unit.arrival_h <= 0]


def _followed(
    units: Sequence[BatteryUnit],
    share: Float[Array, " tick"],
    first: Array,
    ticks: int,
    award_kwh: float,
) -> Float[Array, " vehicle"]:
    """Energy of each vehicle after so many ticks from its first one on."""
    out, into, low, high, energy = (
        np.array([getattr(unit, name) for unit in units])
        for name in (
            "efficiency_discharge",
            "efficiency_charge",
            "energy_reserve_kwh",
            "capacity_kwh",
            "energy_arrival_kwh",
        )
    )
    low = np.minimum(low, energy)  # below its reserve a vehicle only charges
    for tick in range(ticks):
        asked = share[(first + tick) % len(share)] * award_kwh
        energy = energy - np.where(asked > 0, asked / out, asked * into)
        energy = np.clip(energy, low, high)
    return energy


def _signal(entry: RegulationEntry, folder: Path) -> Signal:
    if entry.signal_file is None:
        return made_up_signals.signal()
    return signals.read_signal(locate(entry.signal_file, folder))

"""Published fleets of generators, the RTS-GMLC and that of PJM, as plants and days of a study."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import H_PER_DAY
from evergrid.data.files.locate import locate
from evergrid.data.generation import pjm_icarus, rts_gmlc
from evergrid.impact import merit_order
from evergrid.impact.merit_order import Stack
from evergrid.impact.welfare.pollutants import POLLUTANTS
from evergrid.impact.welfare.power_system.supply import StackSupply
from evergrid.model.generators import GeneratorFleet
from evergrid.model.time_series.system_load import SystemLoad
from evergrid.studies.welfare.config import Config
from evergrid.studies.welfare.market import PowerSystemInputs

SEASONS = ("winter", "spring", "summer", "autumn")
FIRST_MONTH = 3  # of spring, in the north
PARTICLES = "pm"  # of the source, which does not tell their size
DAYS_OF_WORK = 5


def read(config: Config, folder: Path) -> PowerSystemInputs | None:
    """Plants and days of the fleet that a configuration names; None where it names none.

    Raises:
        ConfigError: A file that cannot be named, or days of [commitment] that there are not.
        MissingFileError, UnreadableFileError: What is named does not hold the fleet.
        InputError: Cells that break rules; fuels without a price; a plant dearer than lost load.
    """
    if config.rts is not None:
        return _test_system(config, folder)
    return None if config.pjm is None else _pjm(config, folder)


def _test_system(config: Config, folder: Path) -> PowerSystemInputs:
    """Plants and the 366 days of the RTS-GMLC."""
    assert config.rts is not None
    stack = merit_order.supply_stack(generators(config, folder), treatment=config.rts.treatment)
    load = rts_gmlc.read_system_load(locate(config.rts.folder, folder))
    notes = (*_notes(load.grid), *stack.remarks)
    inputs = _of_year(config, stack, load, config.rts.load_factor, notes)
    _check_commitment(config, inputs)
    return inputs


def _pjm(config: Config, folder: Path) -> PowerSystemInputs:
    """Plants of PJM and the 365 days of its load."""
    given = config.pjm
    assert given is not None
    fleet = pjm_icarus.read_generators(
        locate(given.generators, folder),
        given.fuel_price_per_mmbtu,
        year=given.year,
        other_cost_per_mwh=given.other_cost_per_mwh,
    )
    fleet = replace(fleet, segment_mw=(1.0 - given.capacity_out) * fleet.segment_mw)
    stack = merit_order.supply_stack(fleet)
    load = pjm_icarus.read_system_load(locate(given.load, folder), year=given.year)
    prices = ", ".join(f"{name} {price:g}" for name, price in given.fuel_price_per_mmbtu.items())
    note = (
        f"PJM, units on line in {given.year} by EPA's NEEDS of June 2024: "
        f"{fleet.segment_mw.sum():,.0f} MW that burn something. Wind, sun, water and "
        "storage have no series there and are left out, so that more is burnt than in fact; "
        "nothing has starts, ramps or least outputs. Rates of SO2 and of particles are not read: "
        "damage to health is that of NOx alone, and at the lower end. The load is modelled, and "
        f"its hours are taken as those of the year in UTC. Prices of fuel are given, in dollars of "
        f"the study per million Btu: {prices}."
    )
    return _of_year(config, stack, load, given.load_factor, (note, *stack.remarks))


def _of_year(
    config: Config, stack: Stack, load: SystemLoad, load_factor: float, notes: tuple[str, ...]
) -> PowerSystemInputs:
    """Every day of a year of load as a day of its own, of the season and work or rest."""
    grid = load.grid
    hours = round(H_PER_DAY / grid.step_h)
    days = grid.steps // hours
    sent_out = load.load_mw[: days * hours].reshape(days, hours) * load_factor
    renewable = load.available_mw.sum(axis=0)[: days * hours].reshape(days, hours)
    stamps = grid.times[: days * hours : hours].astype("datetime64[D]")
    return PowerSystemInputs(
        supply=_supply(config, stack),
        day=stamps.astype(str).astype(object),
        kind=_kinds(stamps),
        weight=np.ones(days),
        consumption_mwh=sent_out * (1.0 - config.network.loss_share),
        renewable_mwh=renewable,
        notes=notes,
    )


def _check_commitment(config: Config, inputs: PowerSystemInputs) -> None:
    """Refuse days that the test system does not have.

    Raises:
        ConfigError: The first day is none of them, or they go on beyond the last.
    """
    asked = config.commitment
    if asked is None:
        return
    at = np.flatnonzero(inputs.day == asked.first_day)
    first, last = inputs.day[0], inputs.day[-1]
    if not len(at):
        rule = f"be a day of the test system, {first} to {last}"
        fault = Fault("commitment.first_day", rule, (asked.first_day,))
        raise ConfigError("config", [fault])
    left = len(inputs.day) - int(at[0])
    if asked.days > left:
        rule = f"end with the test system: {left} from {asked.first_day} to {last}"
        raise ConfigError("config", [Fault("commitment.days", rule, (asked.days,))])


def generators(config: Config, folder: Path) -> GeneratorFleet:
    """Units of the test system, less the share of each that is out of service.

    Raises:
        ConfigError: A folder that cannot be named.
        MissingFileError, UnreadableFileError: The folder does not hold the test system.
        InputError: Cells that break rules.
    """
    assert config.rts is not None
    fleet = rts_gmlc.read_generators(
        locate(config.rts.folder, folder),
        unit_specific_lb_per_mmbtu=rts_gmlc.PJM_2024_LB_PER_MMBTU,
    )
    left = 1.0 - config.rts.capacity_out
    return replace(
        fleet,
        segment_mw=left * fleet.segment_mw,
        minimum_mw=left * fleet.minimum_mw,
        ramp_mw_per_h=left * fleet.ramp_mw_per_h,
    )


def _supply(config: Config, stack: Stack) -> StackSupply:
    """The pieces of a stack as blocks."""
    carbon = config.carbon
    known = {"pm25": PARTICLES}
    rows = {str(name): row for row, name in enumerate(stack.pollutant)}
    emitted = np.zeros((len(POLLUTANTS), len(stack.low_price_per_mwh)))
    for place, name in enumerate(POLLUTANTS):
        row = rows.get(known.get(name, name))
        if row is not None:
            emitted[place] = stack.emissions_kg_per_mwh[row]
    most = stack.unit_type[stack.type_share.argmax(axis=0)]
    return StackSupply(
        name=np.array([f"{kind} {i}" for i, kind in enumerate(most, 1)], dtype=object),
        capacity_mw=np.diff(stack.edge_mw),
        cost_per_mwh=(stack.low_price_per_mwh + stack.high_price_per_mwh) / 2,
        emission_kg_per_mwh=emitted,
        imported=np.zeros(len(most), bool),
        pays_carbon=np.ones(len(most), bool),
        carbon_price_per_t=carbon.price_per_t,
        voll_per_mwh=config.network.voll_per_mwh * (1.0 - config.network.loss_share),
    )


def _kinds(stamps: Array) -> Array:
    """Season and working day or day of rest, of each day."""
    month = stamps.astype("datetime64[M]").astype(int) % 12 + 1
    season = ((month - FIRST_MONTH) // 3 + 1) % len(SEASONS)
    weekday = (stamps.astype(int) + 3) % 7  # the first day of 1970 was a Thursday
    rest = np.where(weekday < DAYS_OF_WORK, "working day", "day of rest")
    pairs = zip(season, rest, strict=True)
    return np.array([f"{SEASONS[int(place)]} {word}" for place, word in pairs], dtype=object)


def _notes(grid: TimeGrid) -> tuple[str, ...]:
    return (
        f"RTS-GMLC, {grid.start_utc:%Y}: made-up plants, in dollars of the study; SO2 and NOx of "
        "coal and SO2 of oil are rates of PJM's permits, as the system tells none, and particles "
        "are taken as PM2.5: damage to health is at the upper end.",
    )

"""The RTS-GMLC test system as plants and days of a study of welfare."""

from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import H_PER_DAY
from evergrid.data.files.locate import locate
from evergrid.data.generation import rts_gmlc
from evergrid.impact import merit_order
from evergrid.impact.merit_order import Stack
from evergrid.impact.welfare.pollutants import POLLUTANTS
from evergrid.impact.welfare.power_system.supply import StackSupply
from evergrid.studies.welfare.config import Config
from evergrid.studies.welfare.market import PowerSystemInputs

SEASONS = ("winter", "spring", "summer", "autumn")
FIRST_MONTH = 3  # of spring, in the north
PARTICLES = "pm"  # of the source, which does not tell their size
DAYS_OF_WORK = 5


def read(config: Config, folder: Path) -> PowerSystemInputs:
    """Plants and the 366 days of the test system.

    Raises:
        ConfigError: A folder that cannot be named.
        MissingFileError, UnreadableFileError: The folder does not hold the test system.
        InputError: Cells that break rules; a plant dearer than lost load.
    """
    assert config.rts is not None
    place = locate(config.rts.folder, folder)
    rates = rts_gmlc.PJM_2024_LB_PER_MMBTU
    fleet = rts_gmlc.read_generators(place, unit_specific_lb_per_mmbtu=rates)
    load = rts_gmlc.read_system_load(place)
    stack = merit_order.supply_stack(fleet, treatment=config.rts.treatment)
    grid = load.grid
    hours = round(H_PER_DAY / grid.step_h)
    days = grid.steps // hours
    sent_out = load.load_mw[: days * hours].reshape(days, hours) * config.rts.load_factor
    renewable = load.available_mw.sum(axis=0)[: days * hours].reshape(days, hours)
    stamps = grid.times[: days * hours : hours].astype("datetime64[D]")
    return PowerSystemInputs(
        supply=_supply(config, stack),
        day=stamps.astype(str).astype(object),
        kind=_kinds(stamps),
        weight=np.ones(days),
        consumption_mwh=sent_out * (1.0 - config.network.loss_share),
        renewable_mwh=renewable,
        notes=(*_notes(grid), *stack.remarks),
    )


def _supply(config: Config, stack: Stack) -> StackSupply:
    """The pieces of a stack as blocks."""
    rts, carbon = config.rts, config.carbon
    assert rts is not None
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
        capacity_mw=np.diff(stack.edge_mw) * (1.0 - rts.capacity_out),
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

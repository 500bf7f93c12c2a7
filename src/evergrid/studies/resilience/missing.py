"""What was missing where a block went without: a source, one that forms a grid, power or energy."""

from typing import Literal, NamedTuple, get_args

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.resilience.restoration import policy
from evergrid.resilience.restoration.steps import StepTables, step_tables
from evergrid.studies.resilience.config import Config
from evergrid.studies.resilience.scenarios import Outages

Cause = Literal["no_source", "not_forming", "power", "energy", "kept"]
CAUSES: tuple[Cause, ...] = get_args(Cause)
NEAR = 1e-9  # kW by which powers may differ


class _Sources(NamedTuple):
    """What sources could do in each step of one outage."""

    rating_kw: Float[Array, " step"]
    forming: Bool[Array, " step"]
    left_kw: Float[Array, " step"]


def missing_kwh(
    config: Config,
    outages: Outages,
    course: policy.OutageCourses,
    lasts_h: Float[Array, "scenario step"],
) -> Float[Array, "scenario cause"]:
    """Energy not served of the tiers that count, by what was missing then.

    - No source: none is there.
    - Not forming: some are there, but none that can form the grid.
    - Power: all that are there, at their ratings, could not carry the block beside what they carry.
    - Energy: at their ratings they could, with what they still hold they could not.
    - Kept: they could, but what they hold is kept for blocks of more weight, or the block is not
      picked up yet, as the limits of a step or the hold ask.

    Args:
        config: The study.
        outages: Of the site.
        course: What the policy made of them.
        lasts_h: Of each step, for how long the grid is gone.
    """
    blocks = outages.microgrids[0].load_blocks
    tiers = config.recovery.tiers
    counted_kw = np.array([b.power_kw * (b.tier in tiers) for b in blocks])
    first_kw = np.array([b.power_kw * b.cold_load_factor for b in blocks])[:, None]
    found = np.zeros((len(outages), len(CAUSES)))
    failures = outages.failures()
    for number, site in enumerate(outages.microgrids):
        hours = config.outage.steps * config.outage.step_h
        table = step_tables(site, hours, config.outage.step_h, failures[number])
        sources = _sources(table, course, number)
        dark_kwh = counted_kw[:, None] * ~course.closed[number] * lasts_h[number]
        nobody = np.broadcast_to(sources.rating_kw <= 0, dark_kwh.shape)
        headless = ~nobody & ~sources.forming
        beside_kw = sources.rating_kw - course.load_kw[number].sum(axis=0)
        weak = ~nobody & ~headless & (first_kw > beside_kw + NEAR)
        rest = ~nobody & ~headless & ~weak
        empty = rest & (first_kw > sources.left_kw + NEAR)
        causes = (nobody, headless, weak, empty, rest & ~empty)
        found[number] = [(dark_kwh * cause).sum() for cause in causes]
    return found


def _sources(table: StepTables, course: policy.OutageCourses, number: int) -> _Sources:
    units, sets = len(table.energy_kwh), len(table.fuel_kwh)
    closed = course.closed[number].any(axis=0)
    live = np.concatenate([[False], closed[:-1]])
    able = table.grid_forming[:, None] & (table.black_start[:, None] | live) & table.there
    battery_kw = course.battery_kw[number, :units]
    above_kwh = course.battery_energy_kwh[number, :units] - table.floor_kwh[:, None]
    holds_kw = np.maximum(above_kwh, 0.0) / table.cells_out[:, None] / table.step_h
    spare_kw = np.minimum(holds_kw, table.discharge_kw[:, None] - battery_kw)
    solar_used_kw = course.solar_used_kw[number]
    return _Sources(
        rating_kw=table.discharge_kw @ table.there
        + table.diesel_kw @ table.diesel_there
        + table.solar_kw,
        forming=np.asarray(able.any(axis=0) | table.diesel_there.any(axis=0)),
        left_kw=(np.maximum(spare_kw, 0.0) * table.there).sum(axis=0)
        + _diesel_left_kw(table, course.diesel_kw[number, :sets])
        + np.maximum(table.solar_kw - solar_used_kw, 0.0),
    )


def _diesel_left_kw(table: StepTables, diesel_kw: Float[Array, "set step"]) -> Array:
    """What sets could give in a step beside what they give, by their fuel then."""
    idle_kw = (table.idle_share * table.diesel_kw)[:, None]
    share = 1.0 - table.idle_share[:, None]
    burnt_kwh = np.where(diesel_kw > 0, idle_kw + share * diesel_kw, 0.0) * table.step_h
    fuel_kwh = table.fuel_kwh[:, None] - np.cumsum(burnt_kwh, axis=1) + burnt_kwh
    most_kw = np.minimum((fuel_kwh / table.step_h - idle_kw) / share, table.diesel_kw[:, None])
    return (np.maximum(most_kw - diesel_kw, 0.0) * table.diesel_there).sum(axis=0)

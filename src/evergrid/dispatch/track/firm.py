"""What can the fleet hold for the rest of a block, whatever the signal does?"""

from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.units import S_PER_H
from evergrid.dispatch.track.charger_types import DRAW, FEED
from evergrid.dispatch.track.fleet_state import NOW, ONLINE, PLUGGED, FleetState
from evergrid.dispatch.track.review import MARGIN_S

LEAST_HOLD_H = 1.0 / S_PER_H  # where power alone counts


class Available(NamedTuple):
    """Power above and below the plan that the fleet can hold.

    Attributes:
        up_kw: More into the grid, at least 0.
        down_kw: Less into the grid, at least 0.
    """

    up_kw: float
    down_kw: float

    @property
    def symmetric_kw(self) -> float:
        """What it can hold in either direction."""
        return min(self.up_kw, self.down_kw)


def available_kw(
    state: FleetState,
    block_h: float,
    *,
    hold_h: float | None = None,
    rows: Int[Array, " row"] | None = None,
) -> Available:
    """What the fleet can hold for the rest of a block, in either direction.

    Vehicles run at equal shares of their full power, as `tick` loads them, so that those with
    little energy, or room, drop out first: with powers p and durations d at full power, and S(y)
    the power of all with d > y, the fleet holds max over y of min(S(y), sum p min(d, y) / h).
    Energy is counted above what drivers need at the end of the block.
    A vehicle that must charge for its driver within the block counts with its full draw, and one
    that leaves within the block with nothing.

    Args:
        state: Now.
        block_h: Hours that are left, above 0.
        hold_h: Hours for which energy, or room, must last one way; all of the block when left out.
        rows: Only these chargers; all when left out.

    Source:
        Energy balance of equal shares; no outside source.
    """
    hold_h = block_h if hold_h is None else min(max(hold_h, LEAST_HOLD_H), block_h)
    mode = state.mode if rows is None else state.mode[rows]
    there = np.flatnonzero((mode & PLUGGED != 0) & (mode & ONLINE != 0))
    base_kw = state.base_kw
    if rows is not None:
        base_kw = float(state.cars["base_w"][rows[mode & PLUGGED != 0]].sum()) / 1000.0
        there = rows[there]
    names = ("kind", "departure_s", "owed_kwh", "reserve_kwh", "ceiling_kwh")
    cars, types = {name: state.cars[name][there] for name in names}, state.types
    limit, step_kw = types.limits[cars["kind"]], types.limits["step_w"][cars["kind"]] / 1000.0
    most_kw = types.ways["most"][cars["kind"]] * step_kw[:, None]
    stays = cars["departure_s"] >= state.clock[NOW] + block_h * 3600.0
    margin_h = (state.settings.review_s + MARGIN_S) / 3600.0
    energy, left_h = energy_now(state, there), (cars["departure_s"] - state.clock[NOW]) / 3600.0
    after_h = np.maximum(left_h - block_h - 2 * margin_h, 0.0)
    needed = cars["owed_kwh"] - limit["into_kw"] * after_h
    late = (energy < needed) & (energy < cars["owed_kwh"])
    due_kw = float(most_kw[late, DRAW].sum())
    able, out_kw = stays & ~late & (limit["out_kw"] > 0), limit["out_kw"]
    floor = np.maximum(needed, cars["reserve_kwh"]) + out_kw * margin_h
    lasts_h = np.maximum(energy - floor, 0.0)[able] / out_kw[able]
    up_kw = _equal_shares_kw(most_kw[able, FEED], lasts_h, hold_h) - due_kw - base_kw
    room = cars["ceiling_kwh"] - energy - limit["into_kw"] * margin_h
    lasts_h = (np.maximum(room, 0.0) / limit["into_kw"])[stays]
    down_kw = _equal_shares_kw(most_kw[stays, DRAW], lasts_h, hold_h) + base_kw
    return Available(max(up_kw, 0.0), max(down_kw, 0.0))


def _equal_shares_kw(
    power_kw: Float[Array, " car"], lasts_h: Float[Array, " car"], hold_h: float
) -> float:
    """Power that equal shares hold for a time, with so long for each at full power."""
    if not len(power_kw):
        return 0.0
    order = np.argsort(lasts_h)
    power, lasts = power_kw[order], lasts_h[order]
    left_kw = np.cumsum(power[::-1])[::-1]  # of all that last at least as long
    gone_kwh = np.cumsum(power * lasts)
    used_kwh = gone_kwh + lasts * (left_kw - power)
    # Just before each drops out all that last as long are there; between two the power is the same.
    before_kwh = np.minimum(left_kw, used_kwh / hold_h)
    return float(before_kwh.max())


def energy_now(state: FleetState, rows: Int[Array, " car"]) -> Float[Array, " car"]:
    """Energy of some chargers' vehicles, counted until now."""
    middle = state.types.powers_kw.shape[1] // 2
    cells_kw = state.types.powers_kw[state.cars["kind"][rows], middle + state.steps[rows], 0]
    since_h = (state.clock[NOW] - state.cars["settled_s"][rows]) / 3600.0
    return state.cars["energy_kwh"][rows] - cells_kw * since_h


def grid_kw(
    state: FleetState, kind: Int[Array, " car"], cells_kw: Float[Array, " car"]
) -> Float[Array, " car"]:
    """Power into the grid at a power out of the cells, between whole steps, too."""
    found, middle = np.empty(len(kind)), state.types.powers_kw.shape[1] // 2
    for each in np.unique(kind):
        # Tables reach as far as the largest charger's; beyond its own rating, and where less is
        # drawn than is lost, a curve of losses turns back and has no inverse.
        limit, (draw, feed) = state.types.limits[each], state.types.ways["most"][each]
        steps = np.arange(-draw, feed + 1)
        known_kw = state.types.powers_kw[each, middle + steps, 0]
        usable = (steps == 0) | ((np.abs(steps) >= limit["least"]) & (steps * known_kw > 0))
        power_kw = steps[usable] * limit["step_w"] / 1000.0
        of = kind == each
        found[of] = np.interp(cells_kw[of], known_kw[usable], power_kw)
    return found

"""Fills valleys and shaves peaks of a day's load: the cheapest hours for any convex supply."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float


@dataclass(frozen=True)
class DailyCycle:
    """Charging and feeding of each day, several times over.

    Attributes:
        charge_mwh: Drawn in each hour.
        discharge_mwh: Fed in each hour.
    """

    charge_mwh: Float[Array, "day node hour"]
    discharge_mwh: Float[Array, "day node hour"]


def cycled(
    load_mwh: Float[Array, "day hour"],
    fed_mwh: Float[Array, "day node"],
    drawn_mwh: Float[Array, "day node"],
    most_mwh: float,
) -> DailyCycle:
    """The cheapest hours to charge and to feed, for a supply that is the same in all hours.

    The lowest hours are filled to one level and the highest shaved to another. Where so much is fed
    that the levels would cross, the day is level already: what is charged and fed beyond that meets
    in the same hours and only loses energy, and the net load has one level.

    Args:
        load_mwh: Without vehicles.
        fed_mwh: Of each day; must fit into what chargers leave, as must what is drawn.
        drawn_mwh: Of each day, at least what is fed.
        most_mwh: In any hour, of charging and of feeding.
    """
    charge = np.empty((*fed_mwh.shape, load_mwh.shape[1]))
    discharge = np.empty_like(charge)
    for day, load in enumerate(load_mwh):
        fed, drawn = fed_mwh[day], drawn_mwh[day]
        low = _level(load, drawn, 0.0, most_mwh)
        high = _level(load, -fed, -most_mwh, 0.0)
        charge[day] = np.clip(low[:, None] - load, 0.0, most_mwh)
        discharge[day] = np.clip(load - high[:, None], 0.0, most_mwh)
        crossed = (low > high) & (fed > 0)
        if crossed.any():
            level = _level(load, (drawn - fed)[crossed], -most_mwh, most_mwh)
            net = np.clip(level[:, None] - load, -most_mwh, most_mwh)
            both = fed[crossed] - np.maximum(-net, 0.0).sum(axis=1)
            room = most_mwh - np.abs(net)
            share = _share(both, room.sum(axis=1))
            charge[day][crossed] = np.maximum(net, 0.0) + share[:, None] * room
            discharge[day][crossed] = np.maximum(-net, 0.0) + share[:, None] * room
    return DailyCycle(_exactly(charge, drawn_mwh), _exactly(discharge, fed_mwh))


def filled(
    load_mwh: Float[Array, "day hour"],
    energy_mwh: Float[Array, "day node"],
    most_mwh: float,
) -> Float[Array, "day node hour"]:
    """Charging that raises the lowest hours of each day to one level.

    Args:
        load_mwh: Without the charging.
        energy_mwh: Wanted of each day, several times over; what does not fit into the day at full
            power is cut to what does.
        most_mwh: In any hour.
    """
    wanted = np.minimum(energy_mwh, load_mwh.shape[1] * most_mwh)
    level = np.stack(
        [_level(load, row, 0.0, most_mwh) for load, row in zip(load_mwh, wanted, strict=True)]
    )
    added = np.clip(level[:, :, None] - load_mwh[:, None], 0.0, most_mwh)
    return _exactly(added, wanted)


def _level(
    load: Float[Array, " hour"], energy: Float[Array, " node"], least: float, most: float
) -> Float[Array, " node"]:
    """Level to which a load is brought by so much energy, within least and most of each hour.

    What is added below a level is a function of straight pieces, with corners where an hour begins
    to change and where it can change no more, so that it is inverted exactly.
    """
    corners = np.sort(np.concatenate([load + least, load + most]))
    reached = np.clip(corners[:, None] - load, least, most).sum(axis=1)
    return np.interp(energy, reached, corners)


def _share(part: Float[Array, " node"], whole: Float[Array, " node"]) -> Float[Array, " node"]:
    return np.clip(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0), 0.0, 1.0)


def _exactly(
    hours: Float[Array, "day node hour"], energy: Float[Array, "day node"]
) -> Float[Array, "day node hour"]:
    """The hours with the energy right to the last bit, which levels leave to rounding."""
    total = hours.sum(axis=2)
    factor = np.divide(energy, total, out=np.zeros_like(total), where=total > 0)
    return hours * factor[:, :, None]

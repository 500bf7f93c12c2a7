"""Vehicles that charge at once, kept within the limits of their sites.

They follow no plan and no signal. They go before vehicles that do, which get what is left of a
limit; where even they want more than a site may draw, each gets its share.
"""

from collections.abc import Iterator

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.units import W_PER_KW
from evergrid.live.controller.vehicles.fleet import Fleet
from evergrid.live.devices.adapter import PowerOrder

LITTLE_KW = 0.05  # a change that is not worth an order


def orders(fleet: Fleet, *, least_current_a: float) -> Iterator[PowerOrder]:
    """What vehicles that charge at once are told now, where it is another power than before.

    Args:
        fleet: With the limits of its sites as they are now.
        least_current_a: Below which a vehicle does not charge at all.
    """
    rows = [row for row, vehicle in fleet.vehicles.items() if vehicle.charges_at_once]
    if not rows:
        return
    share_kw = _shares(fleet, np.array(rows, np.int64))
    for row in rows:
        vehicle, device = fleet.vehicles[row], fleet.devices[row]
        least_kw = device.voltage_v * device.phases * least_current_a / W_PER_KW
        power_kw = -float(share_kw[row]) if share_kw[row] >= least_kw else 0.0
        if abs(power_kw - fleet.following.ordered_kw[row]) < LITTLE_KW:
            continue
        fleet.following.ordered_kw[row] = power_kw
        yield PowerOrder(vehicle.station, vehicle.evse, vehicle.transaction, power_kw, urgent=True)


def _shares(fleet: Fleet, rows: Int[Array, " some"]) -> Float[Array, " station"]:
    """What each of these may draw beside those whose power nobody decides."""
    wanted_kw = np.zeros(len(fleet.devices))
    wanted_kw[rows] = [fleet.vehicles[row].max_charge_kw for row in rows.tolist()]
    others_kw = fleet.without_orders_kw.copy()
    others_kw[rows] = 0.0
    free_kw = fleet.chargers.sums(others_kw) - fleet.bounds.least_kw
    for site in fleet.chargers.children_first:
        below = fleet.chargers.below[site]
        total_kw = float(wanted_kw[below].sum())
        if total_kw > max(free_kw[site], 0.0):
            wanted_kw[below] *= max(float(free_kw[site]), 0.0) / total_kw
    return wanted_kw

"""What vehicles would do without V2G: baselines by name, each serving the same driving."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.units import H_PER_DAY
from evergrid.impact.welfare.power_system import daily

BASELINES = ("uncontrolled", "smart")
# An example, not measured: drivers come home around 18:00 and plug in at once.
HOME_HOUR = 18.0
HOME_SPREAD_H = 2.0
WAY_OUT = "raise charger_kw, or lower driving_kwh_per_day."


def driving_load(
    name: str,
    load_mwh: Float[Array, "day hour"],
    driving_mwh: Float[Array, " day"],
    *,
    most_mwh: float,
) -> Float[Array, "day hour"]:
    """Charging for driving without V2G.

    Args:
        name: ``uncontrolled`` charges when drivers come home, ``smart`` in the hours of the lowest
            load.
        load_mwh: Everything else, as vehicles see it, hours of the local clock.
        driving_mwh: Wanted of each day.
        most_mwh: In any hour.

    Raises:
        InputError: An unknown baseline, or a day that wants more than its hours can charge.
    """
    if name not in BASELINES:
        fix = f"Baselines: {', '.join(BASELINES)}. The sign of the result may depend on it."
        raise InputError("welfare", [Fault("baseline", "be a known baseline", (name,), fix=fix)])
    _check_room(driving_mwh, most_mwh, load_mwh.shape[1])
    charged = (
        daily.filled(load_mwh, driving_mwh[:, None], most_mwh)[:, 0]
        if name == "smart"
        else driving_mwh[:, None] * home_shape(load_mwh.shape[1])
    )
    if (charged > most_mwh * (1 + 1e-12)).any():
        rule = f"fit into the power of all chargers, {most_mwh:,.6g} MW"
        fix = f"In the evening {charged.max():,.6g} MW would be drawn: {WAY_OUT}"
        got = (float(charged.max()),)
        raise InputError("welfare", [Fault("driving_kwh_per_day", rule, got, fix=fix)])
    return charged


def _check_room(driving_mwh: Float[Array, " day"], most_mwh: float, hours: int) -> None:
    """Refuse more driving than a day of all chargers can charge."""
    wanted, room = float(driving_mwh.max(initial=0.0)), hours * most_mwh
    if wanted > room * (1 + 1e-12):
        rule = f"fit into the power of all chargers, {room:,.6g} MWh in a day of {hours} hours"
        fix = f"All vehicles together want {wanted:,.6g} MWh: {WAY_OUT}"
        raise InputError("welfare", [Fault("driving_kwh_per_day", rule, (wanted,), fix=fix)])


def home_shape(hours: int) -> Float[Array, " hour"]:
    """Share of a day's charging in each hour when drivers plug in as they come home."""
    at = (np.arange(hours) + 0.5) * H_PER_DAY / hours
    apart = (at - HOME_HOUR + H_PER_DAY / 2) % H_PER_DAY - H_PER_DAY / 2
    weight = np.exp(-0.5 * (apart / HOME_SPREAD_H) ** 2)
    return weight / weight.sum()

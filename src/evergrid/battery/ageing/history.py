"""How far batteries have aged whose age and cycles are known, and how far they will have."""

import numpy as np

from evergrid.battery.ageing import life
from evergrid.battery.ageing.model import AbstractAgeingModel, Fade, Stress
from evergrid.battery.ageing.profile import Profile
from evergrid.core.arrays import Array, Float
from evergrid.core.units import DAYS_PER_MEAN_YEAR, H_PER_DAY

LIFE_DAYS = 1e6  # beyond which a battery is not followed to its end
HALVINGS = 60  # of an interval of days, to the last digit


def fade_at(
    model: AbstractAgeingModel,
    day: Profile,
    *,
    years: Float[Array, " battery"],
    cycles: Float[Array, " battery"],
) -> Fade:
    """Fade of batteries that are so old and have done so many cycles.

    They are taken to have lived under the stress of one day again and again. Resistance is left as
    that of new cells.

    Args:
        model: How they age.
        day: A day of each battery, in which it is used.
        years: Age.
        cycles: Equivalent full cycles so far.
    """
    return _grown(model, day, years * DAYS_PER_MEAN_YEAR / (day.hours / H_PER_DAY), cycles)


def fade_at_end_of_life(model: AbstractAgeingModel, day: Profile, end_of_life: float) -> Fade:
    """Fade of batteries that live the same day until this share of their capacity is left."""
    count = len(day.soc)
    per_day = Stress.of(day, np.ones(count)).cycles
    low, high = np.zeros(count), np.full(count, LIFE_DAYS)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        worn = _grown(model, day, middle, middle * per_day).capacity <= end_of_life
        low, high = np.where(worn, low, middle), np.where(worn, middle, high)
    return _grown(model, day, high, high * per_day)


def _grown(
    model: AbstractAgeingModel,
    day: Profile,
    days: Float[Array, " battery"],
    cycles: Float[Array, " battery"],
) -> Fade:
    """The fade of one day, extended along the powers of both laws."""
    count = len(day.soc)
    first = life.after(model, day, Fade.new(count), window_h=day.hours)
    per_day = Stress.of(day, np.ones(count)).cycles
    turns = np.divide(cycles, per_day, out=np.zeros(count), where=per_day > 0)
    none = np.zeros(count)
    return Fade(
        first.calendar * days**model.calendar.power,
        first.cycle * turns**model.cycle.power,
        none,
        none,
    )

"""What a battery life study finds: fade by climate, model and strategy, and what V2G costs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.studies.battery_life.config import Config
from evergrid.studies.battery_life.daily_profile import DAYS_PER_YEAR


@dataclass(frozen=True)
class LifeResults:
    """Batteries over the years.

    Attributes:
        config: What was asked.
        hour: Of the daily profiles.
        state_of_charge: The day of each strategy.
        cycles_per_year: Equivalent full cycles of a new battery under each strategy.
        capacity: Share that is left at the begin and at the end of each year.
        calendar: Share lost by time.
        resistance: Over that of a new battery.
    """

    config: Config
    hour: Float[Array, " point"]
    state_of_charge: Float[Array, "strategy point"]
    cycles_per_year: Float[Array, " strategy"]
    capacity: Float[Array, "climate model strategy year"]
    calendar: Float[Array, "climate model strategy year"]
    resistance: Float[Array, "climate model strategy year"]

    @property
    def lost(self) -> Float[Array, "climate model strategy"]:
        """Share of the capacity that is lost at the end."""
        return 1.0 - self.capacity[..., -1]

    @property
    def more_lost(self) -> Float[Array, "climate model strategy"]:
        """Share that is lost beyond what the strategy loses that each one is held against."""
        return self.lost - self.lost[..., list(self.config.compared_to)]

    @property
    def fed_kwh(self) -> Float[Array, " strategy"]:
        """Energy out of the cells that is fed over all years, beyond the compared strategy."""
        daily = np.array([strategy.export_kwh for strategy in self.config.strategy])
        more = daily - daily[list(self.config.compared_to)]
        return more * DAYS_PER_YEAR * self.config.years

    @property
    def wear_per_kwh(self) -> Float[Array, "climate model strategy"]:
        """Price of what is lost beyond the compared strategy, per kWh fed more; NaN without any."""
        pack = self.config.pack
        price = pack.capacity_kwh * pack.price_per_kwh / (1.0 - pack.end_of_life)
        fed = np.where(self.fed_kwh > 0, self.fed_kwh, np.nan)
        return self.more_lost * price / fed

    @property
    def life_years(self) -> Float[Array, "climate model strategy"]:
        """Years until the end of life, between the ends of years by straight lines; NaN beyond."""
        below = self.capacity <= self.config.pack.end_of_life
        year = below.argmax(axis=-1)
        reached = below.any(axis=-1)
        at = np.maximum(year, 1)[..., None]
        after = np.take_along_axis(self.capacity, at, axis=-1)[..., 0]
        before = np.take_along_axis(self.capacity, at - 1, axis=-1)[..., 0]
        drop = np.where(before > after, before - after, 1.0)
        share = (before - self.config.pack.end_of_life) / drop
        return np.where(reached, year - 1 + share, np.nan)

    def headline(self) -> dict[str, Any]:
        """Headline numbers."""
        feeding = self.fed_kwh > 0
        return {
            "status": "done",
            "years": self.config.years,
            "currency": self.config.currency,
            "models": list(self.config.models),
            "climates": [climate.name for climate in self.config.climate],
            "strategies": [strategy.name for strategy in self.config.strategy],
            "end_of_life": self.config.pack.end_of_life,
            "lost": _ends(self.lost),
            "more_lost_by_feeding": _ends(self.more_lost[..., feeding]),
            "wear_per_kwh": _ends(self.wear_per_kwh[..., feeding]),
            "worn_out": int(np.isfinite(self.life_years).sum()),
            "cases": self.lost.size,
        }


def _ends(values: Array) -> list[float] | None:
    """The lowest and the highest of some values; None of none."""
    return [float(values.min()), float(values.max())] if values.size else None

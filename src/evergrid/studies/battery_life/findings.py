"""What a battery life study finds: fade by climate, model and strategy, and what V2G costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from evergrid.battery.ageing.fit import FadeLaw, HeldOutError
from evergrid.battery.duty import Duty
from evergrid.core.arrays import Array, Bool, Float
from evergrid.studies.battery_life.climate_year import ClimateYear
from evergrid.studies.battery_life.config import Config
from evergrid.studies.battery_life.daily_profile import DAYS_PER_YEAR

CURVE_POINTS = 60  # of a law, as it is drawn
SPREAD_POINTS = 99  # of the spread of batteries of one make, equally likely
BAND = (0.05, 0.5, 0.95)  # of batteries and models together


@dataclass(frozen=True)
class StressMap:
    """In which states and temperatures calendar ageing happens.

    Attributes:
        state: Ends of the bins of the state of charge.
        celsius: Ends of the bins of the temperature.
        share: Share of a year's calendar stress in each bin, the mean of all models.
        hours: Share of the year that is spent there.
    """

    state: Float[Array, " state_end"]
    celsius: Float[Array, " celsius_end"]
    share: Float[Array, "climate strategy state celsius"]
    hours: Float[Array, "climate strategy state celsius"]


@dataclass(frozen=True)
class FittedPart:
    """A part of a user's cell as it was fitted.

    Attributes:
        cell: Name of the cell.
        part: Which part of its fade.
        law: The law that fits.
        held_out: How well it predicts cells that were left out; None with too few of them.
    """

    cell: str
    part: str
    law: FadeLaw
    held_out: HeldOutError | None

    def curves(self) -> Iterator[tuple[str, Array, Array, Array, Array]]:
        """For each condition: its name, what was measured over what, and the law with its band."""
        tests, conditions = self.law.tests, self.law.tests.conditions()
        at = np.array([list(values) for values in conditions.values()]).T.reshape(
            len(tests.cells), len(conditions)
        )
        for here in np.unique(at, axis=0):
            own = tests.of(tests.cells[(at == here).all(axis=1)])
            amount = np.linspace(0.0, float(own.amount.max()), CURVE_POINTS)
            given = dict(zip(conditions, here.tolist(), strict=True))
            law = self.law.predicted(amount, given)
            band = np.stack([law.lowest, law.fade, law.highest], axis=1)
            label = ", ".join(f"{name} {value:.4g}" for name, value in given.items())
            yield label or self.cell, own.amount, own.change, amount, band


@dataclass(frozen=True)
class LifeResults:
    """Batteries over the years.

    Attributes:
        config: What was asked.
        hour: Of the daily profiles.
        state_of_charge: A mild day of each strategy.
        years: What batteries go through in each climate.
        duty: Cycles a day by depth, of a new battery, by climate and strategy.
        capacity: Share that is left at the begin and at the end of each year.
        calendar: Share lost by time.
        resistance: Over that of a new battery; NaN for models without it.
        extrapolated: With what each case leaves the experiments of its model, in words.
        stress: Where calendar ageing happens.
        fitted: The user's cells.
    """

    config: Config
    hour: Float[Array, " point"]
    state_of_charge: Float[Array, "strategy point"]
    years: tuple[ClimateYear, ...]
    duty: tuple[tuple[Duty, ...], ...]
    capacity: Float[Array, "climate model strategy year"]
    calendar: Float[Array, "climate model strategy year"]
    resistance: Float[Array, "climate model strategy year"]
    extrapolated: tuple[tuple[tuple[str, ...], ...], ...]
    stress: StressMap
    fitted: tuple[FittedPart, ...]

    @property
    def lost(self) -> Float[Array, "climate model strategy"]:
        """Share of the capacity that is lost at the end."""
        return 1.0 - self.capacity[..., -1]

    @property
    def more_lost(self) -> Float[Array, "climate model strategy"]:
        """Share that is lost beyond what the strategy loses that each one is held against."""
        return self.lost - self.lost[..., list(self.config.compared_to)]

    @property
    def cycles_per_year(self) -> Float[Array, "climate strategy"]:
        """Equivalent full cycles of a new battery."""
        return DAYS_PER_YEAR * np.array([[one.throughput for one in row] for row in self.duty])

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
    def capacity_life_years(self) -> Float[Array, "climate model strategy"]:
        """Years until the capacity reaches its end of life; NaN beyond."""
        return _reached(1.0 - self.capacity, 1.0 - self.config.pack.end_of_life)

    @property
    def resistance_life_years(self) -> Float[Array, "climate model strategy"]:
        """Years until the resistance reaches its end of life; NaN beyond, or where not modelled."""
        return _reached(np.nan_to_num(self.resistance), self.config.pack.end_of_life_resistance)

    @property
    def life_years(self) -> Float[Array, "climate model strategy"]:
        """Years until the first of both; NaN beyond."""
        return np.fmin(self.capacity_life_years, self.resistance_life_years)

    @property
    def ends_by_resistance(self) -> Bool[Array, "climate model strategy"]:
        """Whether life ends by resistance, before the capacity is used up."""
        by_capacity = np.nan_to_num(self.capacity_life_years, nan=np.inf)
        return self.resistance_life_years < by_capacity

    @property
    def band(self) -> Float[Array, "climate strategy year end"]:
        """Capacity left, of models that count alike and of batteries of one make that differ.

        The fade of a battery is that of its model times a lognormal number. Ends as in `BAND`.
        """
        likely = norm.ppf((np.arange(SPREAD_POINTS) + 0.5) / SPREAD_POINTS)
        factor = np.exp(self.config.cell_spread * likely)
        fade = (1.0 - self.capacity)[..., None] * factor  # climate model strategy year battery
        together = np.moveaxis(fade, 1, -1).reshape(*fade.shape[:1], *fade.shape[2:4], -1)
        left = np.maximum(1.0 - np.quantile(together, BAND, axis=-1), 0.0)
        return np.moveaxis(left, 0, -1)[..., ::-1]

    def headline(self) -> dict[str, Any]:
        """Headline numbers."""
        feeding = self.fed_kwh > 0
        names = self.config.model_names
        lowest, highest = self.band[..., -1, 0], self.band[..., -1, 2]
        return {
            "status": "done",
            "years": self.config.years,
            "currency": self.config.currency,
            "models": list(names),
            "climates": [climate.name for climate in self.config.climate],
            "strategies": [strategy.name for strategy in self.config.strategy],
            "end_of_life": self.config.pack.end_of_life,
            "lost": _ends(self.lost),
            "lost_with_spread": [float(1.0 - highest.max()), float(1.0 - lowest.min())],
            "more_lost_by_feeding": _ends(self.more_lost[..., feeding]),
            "wear_per_kwh": _ends(self.wear_per_kwh[..., feeding]),
            "round_trip": _ends(self.round_trip[..., feeding]),
            "energy_lost_kwh_per_year": _ends(self.energy_lost_kwh),
            "slowed_h_per_year": _ends(np.array([year.slowed.hours for year in self.years])),
            "worn_out": int(np.isfinite(self.life_years).sum()),
            "ended_by_resistance": int(self.ends_by_resistance.sum()),
            "cases": self.lost.size,
            "extrapolated": {
                name: sorted(told) for m, name in enumerate(names) if (told := self._beyond(m))
            },
            "cell_tests": [_fit_summary(one) for one in self.fitted],
        }

    @property
    def energy_lost_kwh(self) -> Float[Array, "climate strategy"]:
        """Energy that a year loses in cells and charger, and takes to preheat."""
        energy = [year.energy for year in self.years]
        return np.array(
            [one.lost_in_cells_kwh + one.lost_in_charger_kwh + one.preheating_kwh for one in energy]
        )

    @property
    def round_trip(self) -> Float[Array, "climate strategy"]:
        """Energy fed beyond the compared strategy, over what is drawn for it; NaN without any."""
        against = list(self.config.compared_to)
        fed = np.array([year.energy.fed_kwh for year in self.years])
        drawn = np.array([year.energy.drawn_kwh for year in self.years])
        more_fed, more_drawn = fed - fed[:, against], drawn - drawn[:, against]
        some = (self.fed_kwh > 0) & (more_drawn > 0)
        return np.where(some, more_fed / np.where(some, more_drawn, 1.0), np.nan)

    def _beyond(self, model: int) -> set[str]:
        """With what a model is extrapolated in any climate under any strategy."""
        texts = [text for climate in self.extrapolated for text in climate[model]]
        return {word for text in texts for word in text.split(", ") if word}


def _reached(
    grown: Float[Array, "climate model strategy year"], limit: float
) -> Float[Array, "climate model strategy"]:
    """Years until what grows reaches a limit, by straight lines between ends of years."""
    over = grown >= limit
    year = over.argmax(axis=-1)
    at = np.maximum(year, 1)[..., None]
    after = np.take_along_axis(grown, at, axis=-1)[..., 0]
    before = np.take_along_axis(grown, at - 1, axis=-1)[..., 0]
    rise = np.where(after > before, after - before, 1.0)
    return np.where(over.any(axis=-1), year - 1 + (limit - before) / rise, np.nan)


def _fit_summary(one: FittedPart) -> dict[str, Any]:
    """How a part of a cell was fitted, and how well it predicts others of its make."""
    held_out = one.held_out
    return {
        "name": one.cell,
        "part": one.part,
        "cells": len(one.law.tests.cells),
        "power": one.law.power,
        "activation_kj_per_mol": one.law.activation_kj_per_mol,
        "spread": one.law.spread,
        "held_out_error": None if held_out is None else float(held_out.error.mean()),
        "held_out_covered": None if held_out is None else float(held_out.covered.mean()),
    }


def _ends(values: Array) -> list[float] | None:
    """The lowest and the highest of some values; None of none."""
    return [float(values.min()), float(values.max())] if values.size else None

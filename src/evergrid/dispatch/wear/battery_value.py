"""How the batteries of a portfolio age, how far they have, and what their capacity is worth."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.battery.ageing.history import fade_at, fade_at_end_of_life
from evergrid.battery.ageing.model import AbstractAgeingModel, Fade
from evergrid.battery.ageing.profile import HIGHEST_C, LOWEST_C, Profile
from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import DAYS_PER_MEAN_YEAR
from evergrid.model.portfolio import Portfolio

SlopeAt = Literal["present", "end_of_life"]
USUAL_STATE = 0.8  # to which batteries are taken to have been charged so far
LEAST_CYCLES_PER_DAY, MOST_CYCLES_PER_DAY = 0.05, 0.7  # of the day that they are taken to have had


@dataclass(frozen=True)
class BatteryValue:
    """The model by which batteries age, and what it costs.

    Attributes:
        model: How they age.
        price_per_kwh: Of a new battery, in the currency of the prices.
        end_of_life: Share of the capacity at which a battery is worn out.
        temperature_c: Of the cells.
        slope_at: Where on its curve of fade the slope of wear is taken: at the present state, or at
            the end of life. A cycle more moves a battery along its whole curve, so what it costs in
            the end is the slope there.

    Raises:
        InputError: A number out of range.
    """

    model: AbstractAgeingModel
    price_per_kwh: float
    end_of_life: float
    temperature_c: float
    slope_at: SlopeAt = "present"

    def __post_init__(self) -> None:
        faults = []
        for name, good, rule in (
            ("price_per_kwh", 0 < self.price_per_kwh < np.inf, "be above 0 and finite"),
            ("end_of_life", 0 < self.end_of_life < 1, "be above 0 and below 1"),
            (
                "temperature_c",
                LOWEST_C <= self.temperature_c <= HIGHEST_C,
                f"be in [{LOWEST_C:g}, {HIGHEST_C:g}]",
            ),
        ):
            if not good:
                faults.append(Fault(name, rule, (getattr(self, name),)))
        raise_if_any("wear", faults)

    @property
    def cost_per_kwh_lost(self) -> float:
        """What a kWh of capacity costs that is lost before the end of life."""
        return self.price_per_kwh / (1.0 - self.end_of_life)

    def profile(self, step_h: float, soc: Float[Array, "battery point"]) -> Profile:
        """A profile at the temperature of the cells."""
        soc = np.clip(soc, 0.0, 1.0)
        return Profile(step_h, soc, np.full(soc.shape, self.temperature_c))


@dataclass(frozen=True)
class Fleet:
    """The batteries of a portfolio, one for each asset.

    Attributes:
        asset_id: The assets, in order.
        asset: Asset of each session.
        fade: How far each battery has aged.
        capacity_kwh: What each holds at present.
    """

    asset_id: Shaped[Array, " asset"]
    asset: Int[Array, " session"]
    fade: Fade
    capacity_kwh: Float[Array, " asset"]

    @property
    def new_kwh(self) -> Float[Array, " asset"]:
        """What each held when it was new."""
        return self.capacity_kwh / self.fade.capacity


def fleet(
    portfolio: Portfolio,
    value: BatteryValue,
    *,
    age_years: Float[Array, " asset"],
    full_cycles: Float[Array, " asset"],
) -> Fleet:
    """The batteries of a portfolio at their age.

    So far they are taken to have lived at the temperature given, charged to `USUAL_STATE`, with
    their cycles spread evenly over their age.

    Args:
        portfolio: Whose assets; in the order of `asset_ids`.
        value: How they age.
        age_years: Age of each asset's battery.
        full_cycles: Its equivalent full cycles so far.

    Raises:
        InputError: A battery that is worn out by its age and cycles.
    """
    ids, asset = asset_ids(portfolio)
    days = np.maximum(age_years * DAYS_PER_MEAN_YEAR, 1.0)
    depth = np.clip(full_cycles / days, LEAST_CYCLES_PER_DAY, MOST_CYCLES_PER_DAY)
    depth = np.where(full_cycles > 0, depth, MOST_CYCLES_PER_DAY / 2.0)
    day = value.profile(1.0, usual_day(USUAL_STATE, depth))
    if value.slope_at == "end_of_life":
        fade = fade_at_end_of_life(value.model, day, value.end_of_life)
    else:
        fade = fade_at(value.model, day, years=age_years, cycles=full_cycles)
        worn = np.flatnonzero(~(fade.capacity > value.end_of_life))
        if len(worn):
            rule = f"leave more than {value.end_of_life:g} of the capacity by the model"
            got = tuple(f"{years:g} years" for years in age_years[worn][:3])
            fix = "A battery that is worn out has no wear left to pay for: lower its age or cycles."
            raise_if_any("wear", [Fault("age_years", rule, got, tuple(ids[worn][:3]), fix=fix)])
    capacity = np.zeros(len(ids))
    np.maximum.at(capacity, asset, portfolio.sessions.capacity_kwh)
    return Fleet(ids, asset, fade, capacity)


def asset_ids(
    portfolio: Portfolio,
) -> tuple[Shaped[Array, " asset"], Int[Array, " session"]]:
    """Names of all assets in order, and the row of each session's."""
    return np.unique(portfolio.sessions.asset_id.astype(str), return_inverse=True)


def usual_day(
    charged_to: Float[Array, " battery"] | float, depth: Float[Array, " battery"]
) -> Float[Array, "battery point"]:
    """State of charge by the hour of a day with one way down and one up again."""
    full = np.broadcast_to(np.asarray(charged_to, float), depth.shape)
    low = np.maximum(full - depth, 0.0)
    # Charged from midnight to four, parked full, used between seven and eighteen, parked low.
    hours, share = [0.0, 4.0, 7.0, 18.0, 24.0], [0.0, 1.0, 1.0, 0.0, 0.0]
    at = np.interp(np.arange(25.0), hours, share)
    return low[:, None] + (full - low)[:, None] * at

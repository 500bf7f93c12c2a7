"""What sources of sessions lack, and the sessions that stated assumptions make of them."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.config import Config
from evergrid.model.session import Sessions

MAX_CAPACITY_KWH = 200.0  # more than any car battery on sale when the sources were recorded
LEAST_SOC_RISE = 0.05  # below it, gauges in whole percent cannot give a capacity
MARGIN = 1e-9  # relative, so that rounding never makes an owed energy unreachable


class Assumptions(Config):
    """What is assumed where a source does not say."""

    capacity_kwh: float = Field(default=60.0, gt=0, le=MAX_CAPACITY_KWH)
    """Usable energy of a battery, kWh."""

    soc_departure: float = Field(default=0.9, gt=0, le=1)
    """State of charge at departure, 0 to 1."""

    soc_floor: float = Field(default=0.1, ge=0, lt=1)
    """Least state of charge assumed on arrival, 0 to 1."""

    soc_reserve: float = Field(default=0.2, ge=0, le=1)
    """State of charge that discharging must leave, 0 to 1 (never more than at arrival)."""

    max_charge_kw: float = Field(default=11.0, gt=0)
    """Rating of a charger, AC, kW."""

    max_discharge_kw: float = Field(default=11.0, ge=0)
    """Rating for discharging, AC, kW; 0 = not V2G."""

    efficiency_charge: float = Field(default=0.93, gt=0, le=1)
    """Energy into the cells per energy drawn; with the next, near the square root of the mean
    AC-AC round trip of 87 % reported for two V2G systems by Schram et al. (2020)."""

    efficiency_discharge: float = Field(default=0.93, gt=0, le=1)
    """Energy fed per energy out of the cells."""

    wear_cost_per_kwh: float = Field(default=0.03, ge=0)
    """Cost of battery wear per kWh fed, in the currency of the prices."""

    wear_rise_per_kwh_per_kw: float = Field(default=0.0, ge=0)
    """By how much that cost rises for every kW that is fed."""

    @model_validator(mode="after")
    def _floor_below_departure(self) -> "Assumptions":
        if self.soc_floor > self.soc_departure:
            raise ValueError("have soc_floor not above soc_departure")
        return self


DEFAULTS = Assumptions()


@dataclass(frozen=True)
class PlugIns:
    """What sources of sessions measure; NaN where this one is silent.

    Attributes:
        session_id: Unique name.
        asset_id: The vehicle, or the plug where vehicles are not known.
        site_id: Where it is.
        arrival_utc: Plugged in.
        departure_utc: Plugged out.
        delivered_kwh: Energy drawn, AC, metered.
        capacity_kwh: Usable energy of the battery.
        charge_kw: Rating of the charger or greatest power seen, AC.
        soc_arrival: State of charge at arrival, 0 to 1.
        soc_departure: State of charge at departure, 0 to 1.
    """

    session_id: Shaped[Array, " row"]
    asset_id: Shaped[Array, " row"]
    site_id: Shaped[Array, " row"]
    arrival_utc: Shaped[Array, " row"]
    departure_utc: Shaped[Array, " row"]
    delivered_kwh: Float[Array, " row"]
    capacity_kwh: Float[Array, " row"] | None = None
    charge_kw: Float[Array, " row"] | None = None
    soc_arrival: Float[Array, " row"] | None = None
    soc_departure: Float[Array, " row"] | None = None

    def __len__(self) -> int:
        return len(self.session_id)

    @property
    def stay_h(self) -> Float[Array, " row"]:
        """Time from arrival to departure; NaN where one is not known."""
        return (self.departure_utc - self.arrival_utc) / np.timedelta64(1, "h")

    def select(self, rows: Bool[Array, " row"]) -> "PlugIns":
        """The marked rows."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{k: v[rows] for k, v in every.items() if v is not None})


@dataclass(frozen=True)
class FilledSessions:
    """Sessions made from plug-ins, and where an assumption had to give way to a measurement.

    Attributes:
        sessions: The sessions, in the order of the plug-ins.
        capacity_raised: The energy metered does not fit the battery assumed; it was enlarged.
        rating_raised: The energy metered does not fit the charger assumed; it was enlarged.
    """

    sessions: Sessions
    capacity_raised: Bool[Array, " session"]
    rating_raised: Bool[Array, " session"]


def fill(plugins: PlugIns, assumed: Assumptions) -> FilledSessions:
    """Sessions in which every metered energy fits its battery, its charger and its stay.

    The energy that reached the cells was ``efficiency_charge * delivered_kwh``. It is laid below
    the state of charge at departure, as far down as ``soc_floor``; if that is not room enough
    the departure moves up, and if the battery is too small it is enlarged. Measured states of
    charge take the place of the assumed ones; where they and the meter disagree, the meter wins.
    A charger that could not have delivered the energy in the stay is enlarged.
    """
    gain_kwh = assumed.efficiency_charge * plugins.delivered_kwh
    capacity_kwh = _capacity(plugins, gain_kwh, assumed)
    least_kwh = gain_kwh / (1 - _floor(plugins, assumed))
    capacity_raised = least_kwh > capacity_kwh * (1 + MARGIN)
    capacity_kwh = np.where(capacity_raised, least_kwh, capacity_kwh)
    departure_kwh = _departure(plugins, gain_kwh, capacity_kwh, assumed)
    arrival_kwh = np.maximum(departure_kwh - gain_kwh, 0.0)
    rating_kw, rating_raised = _rating(plugins, departure_kwh - arrival_kwh, assumed)

    def all_rows(value: float) -> Float[Array, " row"]:
        return np.full(len(plugins), value)

    sessions = Sessions(
        session_id=plugins.session_id,
        asset_id=plugins.asset_id,
        site_id=plugins.site_id,
        arrival_utc=plugins.arrival_utc,
        departure_utc=plugins.departure_utc,
        capacity_kwh=capacity_kwh,
        energy_arrival_kwh=arrival_kwh,
        energy_departure_kwh=departure_kwh,
        energy_reserve_kwh=np.minimum(assumed.soc_reserve * capacity_kwh, arrival_kwh),
        max_charge_kw=rating_kw,
        max_discharge_kw=all_rows(assumed.max_discharge_kw),
        efficiency_charge=all_rows(assumed.efficiency_charge),
        efficiency_discharge=all_rows(assumed.efficiency_discharge),
        wear_cost_per_kwh=all_rows(assumed.wear_cost_per_kwh),
        wear_rise_per_kwh_per_kw=all_rows(assumed.wear_rise_per_kwh_per_kw),
    )
    return FilledSessions(sessions, capacity_raised, rating_raised)


def _known(values: Float[Array, " row"] | None, otherwise: Any) -> Float[Array, " row"]:
    """The known values, and the others where there are none."""
    if values is None:
        return otherwise
    return np.where(np.isnan(values), otherwise, values)


def _floor(plugins: PlugIns, assumed: Assumptions) -> Float[Array, " row"]:
    """Least state of charge on arrival: the assumed one, or lower where lower was measured."""
    floor = np.full(len(plugins), assumed.soc_floor)
    return np.minimum(floor, _known(plugins.soc_arrival, floor))


def _capacity(
    plugins: PlugIns, gain_kwh: Float[Array, " row"], assumed: Assumptions
) -> Float[Array, " row"]:
    """Known, else what a measured rise of the state of charge implies, else assumed."""
    nan = np.full(len(plugins), np.nan)
    rise = _known(plugins.soc_departure, nan) - _known(plugins.soc_arrival, nan)
    implied_kwh = gain_kwh / np.where(rise >= LEAST_SOC_RISE, rise, np.nan)
    implied_kwh = np.where(implied_kwh <= MAX_CAPACITY_KWH, implied_kwh, np.nan)
    otherwise = np.where(np.isnan(implied_kwh), assumed.capacity_kwh, implied_kwh)
    return _known(plugins.capacity_kwh, otherwise)


def _departure(
    plugins: PlugIns,
    gain_kwh: Float[Array, " row"],
    capacity_kwh: Float[Array, " row"],
    assumed: Assumptions,
) -> Float[Array, " row"]:
    """Energy at departure: as high as the gain needs, never above the capacity."""
    soc_arrival = _known(plugins.soc_arrival, np.full(len(plugins), assumed.soc_floor))
    soc_departure = _known(plugins.soc_departure, np.full(len(plugins), assumed.soc_departure))
    wanted_kwh = np.maximum(soc_departure * capacity_kwh, soc_arrival * capacity_kwh + gain_kwh)
    return np.minimum(wanted_kwh, capacity_kwh)


def _rating(
    plugins: PlugIns, rise_kwh: Float[Array, " row"], assumed: Assumptions
) -> tuple[Float[Array, " row"], Bool[Array, " row"]]:
    rating_kw = _known(plugins.charge_kw, np.full(len(plugins), assumed.max_charge_kw))
    needed_kw = rise_kwh / assumed.efficiency_charge / plugins.stay_h
    raised = needed_kw > rating_kw
    close = needed_kw * (1 + MARGIN) > rating_kw
    return np.where(close, needed_kw * (1 + MARGIN), rating_kw), raised

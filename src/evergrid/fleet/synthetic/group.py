"""What a group of like vehicles is, as a user writes it in a configuration."""

from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from evergrid.core.config import Config
from evergrid.core.timegrid import zone

Place = Literal["home", "workplace", "depot", "public"]


class FleetGroup(Config):
    """Vehicles of one kind of place that share chargers of one rating."""

    place: Place = Field(examples=["home"])
    """Where they plug in: home, workplace, depot (school buses) or public."""
    vehicles: int = Field(ge=1, le=10_000_000, examples=[80])
    """How many vehicles."""
    sites: tuple[str, ...] = Field(min_length=1, examples=[("transformer-1",)])
    """Sites they plug in at, in turn; city/transformer stands for that level of a [[site_tree]],
    feeder/load for the loads of a [feeder]."""
    time_zone: str = Field(examples=["Europe/Amsterdam"])
    """IANA zone of the wall clock they live by."""
    name: str = ""
    """Prefix of the vehicles' names, unique among groups; empty: the place."""
    max_charge_kw: float = Field(default=11.0, gt=0)
    """Rating of each charger for charging, at the plug."""
    max_discharge_kw: float = Field(default=11.0, ge=0)
    """Rating of each V2G charger for discharging, at the plug."""
    v2g_share: float = Field(default=1.0, ge=0, le=1)
    """Share of the vehicles whose connection is V2G; the others only charge."""
    capacity_kwh: float | None = Field(default=None, gt=0, examples=[60.0])
    """Usable battery of every vehicle; left out: drawn from published sizes."""
    active_share: float | None = Field(default=None, ge=0, le=1, examples=[0.5])
    """Mean share of weekdays on which a car plugs in (a bus: runs); left out: published."""
    efficiency_charge: float = Field(default=0.93, gt=0, le=1)
    """Energy into the cells per energy drawn at the plug."""
    efficiency_discharge: float = Field(default=0.93, gt=0, le=1)
    """Energy fed at the plug per energy out of the cells."""
    reserve_share: float = Field(default=0.2, ge=0, le=1)
    """Share of the battery that discharging must leave (less where a car arrives with less)."""
    wear_cost_per_kwh: float = Field(default=0.0, ge=0)
    """Cost of battery wear per kWh fed into the grid."""
    wear_rise_per_kwh_per_kw: float = Field(default=0.0, ge=0)
    """By how much that cost rises for every kW that is fed."""
    coldest_day_of_year: int = Field(default=15, ge=1, le=366)
    """Day with the highest energy need: 15 in the north, about 197 in the south."""
    holiday_first: date | None = Field(default=None, examples=["2022-07-01"])
    """First day of a holiday that counts as a long weekend; buses stand still."""
    holiday_last: date | None = Field(default=None, examples=["2022-08-31"])
    """Last day of that holiday."""

    @property
    def label(self) -> str:
        """Prefix of the vehicles' names."""
        return self.name or self.place

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        zone(value)
        return value

    @model_validator(mode="after")
    def _whole_holiday(self) -> "FleetGroup":
        given = (self.holiday_first, self.holiday_last)
        if (given[0] is None) != (given[1] is None):
            raise ValueError("have both holiday_first and holiday_last, or neither")
        if given[0] is not None and given[1] is not None and given[1] < given[0]:
            raise ValueError("have a holiday_last that is not before holiday_first")
        return self

"""What a hosting capacity study is given: places, limits, vehicles."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid, local_midnight
from evergrid.data.meta import Meta
from evergrid.data.sessions.assumptions import Assumptions
from evergrid.fleet.history.day_profiles import Call
from evergrid.fleet.synthetic import mobility
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.grid.devices.transformer_ageing import Thermal
from evergrid.grid.feeder.feeder import Branches
from evergrid.grid.hosting.deployment import ParkingPlaces
from evergrid.grid.limits.limits import Limits
from evergrid.inputs import fleet_memory
from evergrid.inputs.assembly import read_sessions
from evergrid.inputs.feeder.limits import LimitSettings
from evergrid.inputs.tables import SessionSource
from evergrid.model.session import Sessions
from evergrid.studies.hosting_capacity.workers import WorkersName


class Places(BaseConfig):
    """Where vehicles may be: at the loads of the feeder."""

    vehicles_per_load: int = Field(default=1, ge=1, le=1000)
    """Vehicles at each load when everybody has one."""
    vehicles_per_kw: float | None = Field(default=None, examples=[0.3], gt=0)
    """Vehicles per kW of load instead, where a load stands for many homes."""
    phase: Literal["random", "all"] = "random"
    """At a load on three phases: each vehicle on a "random" phase, or on "all"."""

    def parking(self, branches: Branches, seed: int) -> ParkingPlaces:
        """Places for vehicles at the loads."""
        random = np.random.default_rng(seed)
        rows = []
        for name in dict.fromkeys(branches.name[branches.is_load]):
            (at,) = np.nonzero((branches.name == name) & branches.is_load)
            for _ in range(self._vehicles(-float(branches.power_kw[at].sum()))):
                chosen = at if self.phase == "all" else random.choice(at, 1)
                rows.append([*chosen[:3], *[-1] * (3 - len(chosen[:3]))])
        return ParkingPlaces(np.array(rows, dtype=np.int64).reshape(-1, 3))

    def _vehicles(self, load_kw: float) -> int:
        if self.vehicles_per_kw is None:
            return self.vehicles_per_load
        return round(max(load_kw, 0.0) * self.vehicles_per_kw)


class TransformerData(BaseConfig):
    """Heat of transformers cooled by oil and air; the defaults are those OpenDSS has."""

    oil_rise_c: float = Field(default=65.0, gt=0, le=120)
    """Rise of the top oil over the air at rated load, degrees."""
    winding_rise_c: float = Field(default=15.0, gt=0, le=80)
    """Rise of the hottest spot over the top oil at rated load, degrees."""
    loss_ratio: float = Field(default=5.0, gt=0, le=50)
    """Losses under rated load over those without load."""
    oil_exponent: float = Field(default=0.8, gt=0, le=2)
    """Exponent of the oil's rise."""
    winding_exponent: float = Field(default=0.8, gt=0, le=2)
    """Exponent of the winding's rise."""
    oil_h: float = Field(default=2.0, gt=0, le=24)
    """Time constant of the oil, hours."""


class DayLimitSettings(LimitSettings):
    """What must hold at every step, and on average over a window."""

    transformer: float = Field(default=1.5, gt=0, le=5)
    """Greatest load of a transformer over its rating, at any step."""
    transformer_mean: float = Field(default=1.2, gt=0, le=5)
    """Greatest load of a transformer on average over the window."""
    window_h: float = Field(default=1.0, gt=0, le=24)
    """Length of the window, hours."""
    hot_spot_c: float = Field(default=110.0, gt=0, le=200)
    """Highest temperature of a winding, degrees; 110 ages its insulation at the normal rate."""
    ambient_c: float = Field(default=30.0, ge=-50, le=60)
    """Temperature of the air, degrees."""
    thermal: TransformerData = TransformerData()
    """Heat of transformers."""

    def record(self) -> Limits:
        """The limits as a record."""
        given = self.model_dump(exclude={"thermal"})
        return Limits(**given, thermal=Thermal(**self.thermal.model_dump()))


class Sampling(BaseConfig):
    """How many deployments are evaluated, and by whom."""

    renamed: ClassVar[Mapping[str, str]] = {"levels": "vehicle_counts"}

    vehicle_counts: int = Field(default=21, ge=2, le=201)
    """Numbers of vehicles that are tried, in equal steps from nobody to everybody."""
    draws: int = Field(default=200, ge=1, le=100_000)
    """Random deployments for each number of vehicles."""
    vehicle_days: int = Field(default=500, ge=1, le=100_000)
    """Vehicles and days of theirs to draw behaviour from."""
    step_min: float = Field(default=15.0, gt=0, le=60)
    """Length of a step, minutes; divides a day."""
    workers: WorkersName = "threads"
    """Who evaluates the draws: the "threads" of this machine, or those of a Ray "cluster"."""

    @field_validator("step_min")
    @classmethod
    def _divides(cls, value: float) -> float:
        steps = 24 * 60 / value
        if abs(steps - round(steps)) > 1e-9:
            raise InputError("sampling", [Fault("step_min", "divide a day", (value,))])
        return value


class CallEntry(BaseConfig):
    """When vehicles are called to feed the grid, every day."""

    start_h: float = Field(default=18.0, ge=0, lt=24)
    """Local time of the day, hours."""
    duration_h: float = Field(default=2.0, gt=0, le=24)
    """Length, hours."""

    def record(self) -> Call:
        """The call as a record."""
        return Call(self.start_h, self.duration_h)


class GeneratedDays(BaseConfig):
    """Which days of generated vehicles behaviour is drawn from."""

    start: date = Field(default=date(2024, 1, 8), examples=["2024-01-08"])
    """First local day."""
    days: int = Field(default=28, ge=1, le=366)
    """How many."""


def behaviour(
    source: SessionSource | None,
    fleet: tuple[FleetGroup, ...],
    generated: GeneratedDays,
    *,
    assumptions: Assumptions,
    time_zone: str,
    folder: Path,
    seed: int,
) -> tuple[Sessions, list[Meta]]:
    """Sessions to draw behaviour from, read or generated.

    Raises:
        ConfigError: Both are given.
    """
    if source is not None and fleet:
        fix = "Name a file in [sessions], or add a [[fleet]], not both."
        raise ConfigError("config", [Fault("sessions", "be one source of behaviour", fix=fix)])
    if source is not None:
        return read_sessions(source, assumptions, folder)
    fleet = fleet or (
        FleetGroup(place="home", vehicles=200, sites=("feeder",), time_zone=time_zone),
    )
    start = local_midnight(generated.start, time_zone)
    grid = TimeGrid(start, 1.0, 24 * generated.days)
    fleet_memory.must_hold_sessions(fleet, grid)
    return mobility.sessions(grid, fleet, seed=seed), []

"""The configuration of a hosting capacity study."""

from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import zone
from evergrid.data.sessions.assumptions import Assumptions
from evergrid.fleet.history.day_profiles import Behaviour
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.inputs.feeder.base_load import BaseLoad
from evergrid.inputs.feeder.source import FeederSource
from evergrid.inputs.tables import SessionSource
from evergrid.studies.hosting_capacity.compute import ControlName
from evergrid.studies.hosting_capacity.inputs import (
    CallEntry,
    DayLimitSettings,
    GeneratedDays,
    Places,
    Sampling,
)


class Config(BaseConfig):
    """The configuration of a hosting capacity study."""

    study: Literal["hosting_capacity"] = "hosting_capacity"
    """Which study this is."""
    title: str = "Hosting capacity"
    """Heading of the report."""
    time_zone: str = "UTC"
    """IANA name of the local clock, such as Europe/Oslo."""
    cases: tuple[Behaviour, ...] = Field(default=("charge", "charge_evenly", "feed"), min_length=1)
    """What vehicles do: "charge" on arrival, "charge_evenly" over the stay, "feed" when called."""
    controls: tuple[ControlName, ...] = Field(default=("unity",), min_length=1)
    """What inverters do beside, each case under each: "unity" for nothing, "category_a" or
    "category_b" for the volt-var curves of IEEE 1547, "volt_watt", "category_b_watt" for both,
    "compensation" of the own power by each place's R/X."""
    oversize: float = Field(default=1.1, ge=1, le=3)
    """Rating of an inverter over the greatest power of its vehicle."""
    most_kw: float = Field(default=100.0, gt=0, le=100_000)
    """Greatest power that is tried at a single place and for each vehicle."""
    feeder: FeederSource = FeederSource()
    """The feeder."""
    load: BaseLoad = BaseLoad()
    """What the feeder carries beside the vehicles."""
    places: Places = Places()
    """Where vehicles may be."""
    limits: DayLimitSettings = DayLimitSettings()
    """What must hold."""
    sampling: Sampling = Sampling()
    """How many deployments are evaluated, and by whom."""
    call: CallEntry = CallEntry()
    """When vehicles feed."""
    sessions: SessionSource | None = None
    """Past sessions to draw behaviour from; by default they are generated."""
    assumptions: Assumptions = Assumptions()
    """What the source of sessions does not tell."""
    fleet: tuple[FleetGroup, ...] = ()
    """Vehicles to generate behaviour of; by default 200 that park at home."""
    generated: GeneratedDays = GeneratedDays()
    """Which days of theirs are generated."""

    @model_validator(mode="after")
    def _checked(self) -> "Config":
        zone(self.time_zone)
        self.limits.record()
        for name in ("cases", "controls"):
            given = getattr(self, name)
            if len(set(given)) < len(given):
                raise InputError("config", [Fault(name, "name each once", given)])
        return self

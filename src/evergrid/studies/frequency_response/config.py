"""The configuration of a frequency response study."""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import datetime64, utc, zone
from evergrid.data.sessions.assumptions import Assumptions
from evergrid.dispatch.track.droop import Droop
from evergrid.fleet.synthetic.group import FleetGroup
from evergrid.inputs.frequency import FrequencyFile
from evergrid.inputs.tables import SessionSource
from evergrid.markets.rules import frequency_response
from evergrid.resilience.frequency.area import Area, Governor, SheddingStage
from evergrid.resilience.frequency.response import Control, Due, StepResponse
from evergrid.resilience.frequency.simulation import Disturbance

OWN = "droop"  # the product that is configured rather than named


class AreaEntry(BaseConfig):
    """The area, which swings as one; its rating is that of the synchronised plants."""

    nominal_hz: float = 50.0
    """Nominal frequency, 50 or 60 Hz."""
    base_mw: float = Field(default=2500.0, gt=0)
    """Rating of the synchronised plants, to which inertia, damping and droop refer."""
    inertia_s: float = Field(default=2.5, gt=0)
    """Energy in their rotors over that rating, seconds."""
    damping_pu: float = Field(default=1.0, ge=0)
    """Change of the load over base_mw for a change of frequency over nominal."""
    load_mw: float = Field(default=2000.0, ge=0)
    """Load that relays can disconnect."""
    least_hz: float = 47.5
    """Frequency below which plants and chargers disconnect; what follows is not modelled."""


class GovernorEntry(BaseConfig):
    """The plants with a governor: steam turbines with a reheater."""

    droop_pu: float = Field(default=0.05, gt=0)
    """Change of frequency, over nominal, for which a governed plant moves by its rating."""
    governed_share: float = Field(default=0.5, ge=0, le=1)
    """Share of base_mw that has a governor in service."""
    high_pressure_share: float = Field(default=0.3, ge=0, le=1)
    """Share of the power that comes before the reheater."""
    reheat_s: float = Field(default=8.0, gt=0)
    """Time constant of the reheater, seconds."""
    servo_s: float = Field(default=0.2, ge=0)
    """Time constant of the valves, seconds."""
    deadband_hz: float = Field(default=0.015, ge=0)
    """Deviation up to which governors do nothing."""
    reserve_mw: float = Field(default=250.0, ge=0)
    """Most that they add."""


class SheddingEntry(BaseConfig):
    """A stage of under-frequency load shedding."""

    frequency_hz: float = Field(examples=[48.8])
    """Below which it acts."""
    load_share: float = Field(examples=[0.1], gt=0, le=1)
    """Share of load_mw that it disconnects."""
    delay_s: float = Field(default=0.15, ge=0)
    """For which the frequency must stay below, seconds."""


class Event(BaseConfig):
    """The loss of generation."""

    start: str = Field(default="2025-01-14T18:00:00Z", examples=["2025-01-14T18:00:00Z"])
    """When it happens, with its offset: who is plugged in then answers."""
    loss_mw: float = Field(default=200.0, gt=0)
    """Power that is missing from then on."""
    duration_s: float = Field(default=60.0, ge=1, le=3600)
    """For which the frequency is followed, seconds."""
    rocof_window_s: float = Field(default=0.5, ge=0.02, le=2)
    """Over which the rate of change of frequency is measured, seconds."""
    limit_hz: float = 49.0
    """Which the frequency must not go below."""
    vehicles_each: float = Field(default=1.0, gt=0, le=1e6)
    """How many vehicles each session stands for, so that few can stand for a region's."""


class ResponseEntry(BaseConfig):
    """What the fleet is asked for, and what of what it can hold is promised."""

    product: str = "fcr"
    """One of fcr, fcr_n, fcr_d_up, dc, dm and dr of the rule books, or "droop" for your own."""
    deadband_hz: float = Field(default=0.01, ge=0)
    """Of your own droop: deviation up to which nothing is done."""
    full_hz: float = Field(default=0.2, gt=0)
    """Of your own droop: deviation at which all of the award is due."""
    hours: float = Field(default=0.25, gt=0, le=24)
    """Of your own droop: for which all of it must last."""
    share: float = Field(default=0.8, gt=0, le=1)
    """Award over what the vehicles that are plugged in can hold."""
    most_mw: float | None = Field(default=None, gt=0, examples=[100.0])
    """Award at most; no limit when absent."""
    block_h: float = Field(default=0.25, gt=0, le=24)
    """For which an award holds in a record, hours, among vehicles that stay so long; then it is
    dealt out anew, and follows who is there. A market's own block may be longer: 4 h for fcr."""

    @model_validator(mode="after")
    def _known(self) -> "ResponseEntry":
        self.due()
        return self

    def due(self) -> Due:
        """Share of the award by deviation.

        Raises:
            InputError: An unknown product, or a droop whose dead band is not below its full
                deviation.
        """
        if self.product == OWN:
            return Droop(self.deadband_hz, self.full_hz).share
        return frequency_response.named(self.product).due

    @property
    def span_hz(self) -> float:
        """Deviation beyond which the share is constant."""
        if self.product == OWN:
            return self.full_hz
        return frequency_response.named(self.product).deviation_hz[-1]

    @property
    def energy_h(self) -> float:
        """For which all of the award must last."""
        if self.product == OWN:
            return self.hours
        return frequency_response.named(self.product).energy_h.value


class ControlEntry(BaseConfig):
    """How chargers measure and follow the frequency."""

    delay_s: float = Field(default=0.1, ge=0)
    """From a measurement until the charger begins to move, seconds."""
    lag_s: float = Field(default=0.2, ge=0.02)
    """Time constant with which its power follows, seconds."""
    full_s: float = Field(default=2.0, ge=0)
    """From nothing to the whole award at the fastest, seconds; 0 for no limit."""
    look_s: float = Field(default=0.1, ge=0)
    """Between two measurements, seconds."""
    spread: bool = True
    """Whether each charger measures at a moment, and rounds at a place, of its own."""


class StepEntry(BaseConfig):
    """Fast frequency response beside the product: a fixed power once the frequency is low."""

    power_mw: float = Field(examples=[20.0], gt=0)
    """That is fed then."""
    trigger_hz: float = Field(examples=[49.7])
    """Frequency below which it comes."""
    activation_s: float = Field(default=1.3, ge=0)
    """From crossing that frequency until the power is there, seconds."""
    support_s: float = Field(default=30.0, ge=0)
    """For which it stays, seconds."""
    release_s: float = Field(default=0.0, ge=0)
    """In which it is taken back, seconds."""


class Sweep(BaseConfig):
    """What is varied."""

    inertia_s: tuple[float, ...] = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0)
    """Inertia of the area, seconds."""
    award_share: tuple[float, ...] = (0.25, 0.5, 1.0)
    """Of the fleet's award; none at all is always among them."""


class Record(FrequencyFile):
    """A measured frequency, which is as it is: the fleet does not change it."""

    most_hz: float | None = Field(default=None, examples=[51.5])
    """Frequency above which chargers disconnect; 1.5 Hz above nominal when absent."""


class Config(BaseConfig):
    """The configuration of a frequency response study."""

    study: Literal["frequency_response"] = "frequency_response"
    """Which study this is."""
    title: str = "Frequency response"
    """Heading of the report."""
    time_zone: str = "UTC"
    """IANA name of the clock that the report shows, such as Europe/Madrid."""
    area: AreaEntry = AreaEntry()
    """The area; of a record only its frequencies are used."""
    governor: GovernorEntry = GovernorEntry()
    """Its plants with a governor."""
    shedding: tuple[SheddingEntry, ...] = ()
    """Its under-frequency load shedding, stage by stage."""
    event: Event = Event()
    """The loss of generation; not used where there is a record."""
    response: ResponseEntry = ResponseEntry()
    """What the fleet is asked for."""
    control: ControlEntry = ControlEntry()
    """How chargers measure and follow the frequency."""
    step: StepEntry | None = None
    """Fast frequency response beside the product, after a loss of generation."""
    sweep: Sweep = Sweep()
    """What is varied."""
    sessions: SessionSource | None = None
    """Plug-in sessions from a file; [[fleet]] generates some instead or beside them."""
    assumptions: Assumptions = Assumptions()
    """What the source of sessions does not tell."""
    fleet: tuple[FleetGroup, ...] = ()
    """Vehicles whose sessions are generated from published statistics."""
    record: Record | None = None
    """A measured frequency that is played against the fleet, in place of a loss."""

    @model_validator(mode="after")
    def _whole(self) -> "Config":
        zone(self.time_zone)
        area = self.area_record()
        self.control_record()
        self.moment()
        if not area.least_hz <= self.event.limit_hz < area.nominal_hz:
            rule = f"be at least {area.least_hz:g} Hz, where plants disconnect, and below "
            rule += f"{area.nominal_hz:g} Hz"
            raise InputError("event", [Fault("event.limit_hz", rule, (self.event.limit_hz,))])
        if not self.sweep.inertia_s or min(self.sweep.inertia_s) <= 0:
            fault = Fault("sweep.inertia_s", "hold values above 0", self.sweep.inertia_s)
            raise InputError("sweep", [fault])
        bad = tuple(share for share in self.sweep.award_share if not 0 < share <= 10)
        if bad or not self.sweep.award_share:
            fault = Fault("sweep.award_share", "hold values above 0 and at most 10", bad)
            raise InputError("sweep", [fault])
        return self

    def area_record(self) -> Area:
        """The area as a checked record."""
        stages = tuple(SheddingStage(**stage.model_dump()) for stage in self.shedding)
        governor = Governor(**self.governor.model_dump())
        return Area(**self.area.model_dump(), governor=governor, shedding=stages)

    def control_record(self) -> Control:
        """How chargers follow, as a checked record."""
        return Control(**self.control.model_dump())

    def step_record(self) -> StepResponse | None:
        """Fast frequency response, where there is one."""
        return None if self.step is None else StepResponse(**self.step.model_dump())

    def disturbance(self) -> Disturbance:
        """The loss as a checked record."""
        event = self.event
        return Disturbance(event.loss_mw, event.duration_s, event.rocof_window_s)

    def moment(self) -> np.datetime64:
        """When the loss happens."""
        return _moment(self.event.start, "event.start")


def _moment(text: str, field: str) -> np.datetime64:
    return datetime64(utc(text, field=field))

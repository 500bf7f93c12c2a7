"""The configuration of a regulation study."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.inputs.charger_control import ChargerControl
from evergrid.inputs.information import Information
from evergrid.inputs.regulation import Award, Market
from evergrid.inputs.tables import Inputs


class Signal(BaseConfig):
    """The signal that is followed."""

    file: str = Field(examples=["regd.parquet"])
    """Table of second and signal (or second_of_day and regd); relative to this file."""


class TrialSignal(BaseConfig):
    """Shares of what the plan holds that are tried before one is offered."""

    file: str = Field(examples=["regd_day_before.parquet"])
    """The signal of another day, as long as the horizon."""
    shares: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        default=(0.6, 0.8, 1.0), min_length=1, max_length=20
    )
    """Each is followed on that signal; the one that earns most, after what following costs, is
    offered in place of ``award.share``."""


class Config(Inputs):
    """The configuration of a regulation study."""

    study: Literal["regulation"] = "regulation"
    """Which study this is."""
    title: str = "Regulation"
    """Heading of the report."""
    signal: Signal
    """The signal that is followed."""
    market: Market
    """The market that regulation is sold to."""
    award: Award = Award()
    """What is offered of what the plan holds."""
    information: Information = Information()
    """What is known of prices when the offer is made."""
    trial: TrialSignal | None = None
    """Shares of what the plan holds that are tried before one is offered."""
    control: ChargerControl = ChargerControl()
    """How chargers are told, and what they can do."""
    time_limit_s: float = Field(default=600.0, gt=0)
    """For each solve, seconds."""

    @model_validator(mode="after")
    def _another_day(self) -> "Config":
        if self.trial is not None and self.trial.file == self.signal.file:
            rule, fix = "be another day's signal than signal.file", "Or leave the trial out."
            raise ConfigError("config", [Fault("trial.file", rule, (self.trial.file,), fix=fix)])
        return self

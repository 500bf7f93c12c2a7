"""The configuration of a regulation study."""

from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.inputs.charger_control import ChargerControl
from evergrid.inputs.regulation import Award, Market
from evergrid.inputs.tables import Inputs


class Signal(BaseConfig):
    """The signal that is followed."""

    file: str = Field(examples=["regd.parquet"])
    """Table of second and signal (or second_of_day and regd); relative to this file."""
    trial_file: str | None = Field(default=None, examples=["regd_day_before.parquet"])
    """The signal of another day, on which the shares of ``award.trial_shares`` are tried."""


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
    control: ChargerControl = ChargerControl()
    """How chargers are told, and what they can do."""
    time_limit_s: float = Field(default=600.0, gt=0)
    """For each solve, seconds."""

    @model_validator(mode="after")
    def _trials(self) -> "Config":
        tried, file = self.award.trial_shares, self.signal.trial_file
        if bool(tried) != (file is not None):
            fault = Fault(
                "signal.trial_file",
                "be given together with award.trial_shares",
                (file,) if file is not None else tried,
                fix="Give both, or neither and award.share.",
            )
            raise ConfigError("config", [fault])
        if file is not None and file == self.signal.file:
            rule, fix = "be another day's signal than signal.file", "Or leave the trials out."
            raise ConfigError("config", [Fault("signal.trial_file", rule, (file,), fix=fix)])
        return self

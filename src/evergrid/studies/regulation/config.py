"""The configuration of a regulation study."""

from typing import Literal

from pydantic import Field

from evergrid.core.config import Config as BaseConfig
from evergrid.inputs.charger_control import ChargerControl
from evergrid.inputs.regulation import Award, Market
from evergrid.inputs.tables import Inputs


class Signal(BaseConfig):
    """The signal that is followed."""

    file: str = Field(examples=["regd.parquet"])
    """Table of second and signal (or second_of_day and regd); relative to this file."""


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

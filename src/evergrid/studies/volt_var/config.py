"""The configuration of a volt/VAR study."""

from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Control, Curve, VoltWatt
from evergrid.inputs.feeder.source import FeederSource
from evergrid.studies.volt_var.fleet import Fleet, Load, Signal

Mode = Literal[
    "none",
    "unity",
    "category_a",
    "category_b",
    "compensation",
    "compensation_b",
    "watt_var",
    "custom",
]
MODES: dict[str, Control] = {
    "none": volt_var.UNITY,
    "unity": volt_var.UNITY,
    "category_a": volt_var.CATEGORY_A,
    "category_b": volt_var.CATEGORY_B,
    "compensation": volt_var.COMPENSATION,
    "compensation_b": Control(volt_var.CATEGORY_B.volt_var, compensation=1.0),
    "watt_var": volt_var.WATT_VAR,
}


class Inverter(BaseConfig):
    """What all inverters have in common, whatever the mode."""

    volt_watt: bool = False
    """Less power into the grid from 1.06 pu on, down to 0.2 of the rating at 1.10 pu."""
    priority: Literal["active", "reactive"] = "active"
    """Which power comes first where both do not fit into the rated apparent power."""
    response_s: float = Field(default=5.0, ge=1, le=90)
    """Seconds to 90 % of an answer; matters where steps are shorter."""
    reference_s: float | None = Field(default=None, ge=300, le=5000, examples=[300.0])
    """Seconds over which the reference voltage follows the voltage; it stays when absent."""


class Custom(BaseConfig):
    """The curve of the mode "custom"."""

    voltage_pu: tuple[float, float, float, float] = (0.95, 0.99, 1.01, 1.05)
    """Four ascending voltages."""
    reactive_pu: tuple[float, float, float, float] = (0.44, 0.0, 0.0, -0.44)
    """Reactive power at each over the rated apparent power; falling."""
    reference_pu: float = Field(default=1.0, ge=0.95, le=1.05)
    """Voltage around which the curve is drawn."""
    compensation: float = Field(default=0.0, ge=0, le=1.5)
    """Share of the voltage rise by its own power that each inverter cancels beside the curve."""


class Config(BaseConfig):
    """The configuration of a volt/VAR study."""

    study: Literal["volt_var"] = "volt_var"
    """Which study this is."""
    title: str = "Volt/VAR"
    """Heading of the report."""
    modes: tuple[Mode, ...] = Field(
        default=("none", "unity", "category_a", "category_b", "compensation"), min_length=1
    )
    """What is compared: "none" without vehicles, "unity" without reactive power, "category_a" and
    "category_b" with the volt-var curves of IEEE 1547, "compensation" of the own power by each
    node's R/X, "compensation_b" with category B beside it, "watt_var", and "custom"."""
    step_min: float = Field(default=1.0, ge=1 / 60, le=60)
    """Length of a step, minutes."""
    hours: float = Field(default=24.0, gt=0, le=168)
    """Length of the time that is simulated, from midnight."""
    low_pu: float = Field(default=0.95, ge=0.5, le=1)
    """Lowest voltage that is counted as fine."""
    high_pu: float = Field(default=1.05, ge=1, le=1.5)
    """Highest voltage that is counted as fine."""
    feeder: FeederSource = FeederSource()
    """The feeder."""
    fleet: Fleet = Fleet()
    """Where vehicles are, and how many."""
    signal: Signal = Signal()
    """What is asked of them."""
    load: Load = Load()
    """The feeder's own load over the day."""
    inverter: Inverter = Inverter()
    """What all inverters have in common."""
    custom: Custom = Custom()
    """The curve of the mode "custom"."""

    @model_validator(mode="after")
    def _checked(self) -> "Config":
        if len(set(self.modes)) < len(self.modes):
            raise ConfigError("config", [Fault("modes", "be unique", self.modes)])
        steps = self.hours * 60 / self.step_min
        if steps < 1 or abs(steps - round(steps)) > 1e-6:
            rule = f"hold a whole number of steps of {self.step_min:g} min"
            raise ConfigError("config", [Fault("hours", rule, (self.hours,))])
        self.controls()
        return self

    @property
    def steps(self) -> int:
        """Number of steps."""
        return round(self.hours * 60 / self.step_min)

    def controls(self) -> tuple[Control, ...]:
        """The way of control of each mode.

        Raises:
            InputError: A curve that falls the wrong way or lies outside the standard's ranges.
        """
        return tuple(self._control(mode) for mode in self.modes)

    def _control(self, mode: str) -> Control:
        own = self.custom
        base = MODES.get(mode) or Control(
            Curve(own.voltage_pu, own.reactive_pu),
            compensation=own.compensation,
            reference_pu=own.reference_pu,
        )
        return Control(
            volt_var=base.volt_var,
            volt_watt=VoltWatt() if self.inverter.volt_watt else None,
            watt_var=base.watt_var,
            compensation=base.compensation,
            priority=self.inverter.priority,
            reference_pu=base.reference_pu,
            response_s=self.inverter.response_s,
            reference_s=self.inverter.reference_s,
        )

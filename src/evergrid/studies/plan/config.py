"""The configuration of a plan."""

import math
from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.engine import solver
from evergrid.inputs.feeder_sites import PlanFeeder
from evergrid.inputs.tables import ForecastSource, Inputs

ROUNDING_STEPS = 1e-4  # by which a length given in hours may miss a whole number of steps


class Solve(BaseConfig):
    """How the plan is made."""

    on_shortfall: Literal["serve", "error"] = "serve"
    """When energy owed cannot be served: "serve" what can be and name the rest, or "error"."""
    method: solver.Method = "auto"
    """"highs" for exact vertices, "interior_point" for large fleets, "auto" by size; "device" for
    GPUs, "cluster" for the workers of a Ray cluster."""
    zones: int | None = Field(default=None, ge=1, examples=[8])
    """Workers of a cluster to use at most; all when absent."""
    smooth: bool = True
    """Among plans of equal cost, take the one whose total power moves least."""
    gap: float = Field(default=1e-6, gt=0, lt=1)
    """Largest relative gap that counts as optimal."""
    time_limit_s: float = Field(default=600.0, gt=0)
    """For each solve, seconds."""
    end_value_per_mwh: float | None = Field(default=None, ge=0, examples=[50.0])
    """Worth of energy in vehicles that stay beyond the horizon; the median price when absent."""


class Rolling(BaseConfig):
    """Planning again and again with only what was known then."""

    window_h: float = Field(default=24.0, gt=0)
    """How far each plan looks ahead, hours; like the next two, a whole number of steps."""
    replan_every_h: float = Field(default=1.0, gt=0)
    """Time between plans, hours; at most window_h."""
    known_h: float = Field(default=1.0, ge=0)
    """Time ahead for which the price is already known, hours; with 0 not even that of the step
    that begins."""
    forecast: ForecastSource | None = None
    """Forecast prices, made before the time they are for."""

    def steps(self, step_h: float) -> dict[str, int]:
        """Each length in steps.

        Raises:
            ConfigError: Lengths that are no whole numbers of steps; time between plans that is
                longer than they look ahead; steps that do not divide a day.
        """
        names = ("window_h", "replan_every_h", "known_h")
        faults = [
            fault for name in names for fault in _whole_steps(name, getattr(self, name), step_h)
        ]
        if self.replan_every_h > self.window_h:
            rule = f"be at most window_h, {self.window_h:g}"
            fix = "Plan again before a plan ends, or look further ahead."
            got = (self.replan_every_h,)
            faults.append(Fault("rolling.replan_every_h", rule, got, fix=fix))
        if abs(24 / step_h - round(24 / step_h)) > 1e-9:
            rule = "divide a day in a rolling plan, which looks for the same hour of another day"
            fix = "Choose 15, 30 or 60."
            faults.append(Fault("horizon.step_min", rule, (60 * step_h,), fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return {name: round(getattr(self, name) / step_h) for name in names}


def _whole_steps(name: str, hours: float, step_h: float) -> list[Fault]:
    """The fault of a length that is no whole number of steps, or is none where one is needed."""
    least = 0 if name == "known_h" else 1
    steps = hours / step_h
    if abs(steps - round(steps)) < ROUNDING_STEPS and round(steps) >= least:
        return []
    near = [step_h * count for count in (math.floor(steps), math.ceil(steps)) if count >= least]
    fix = f"Nearest are {' and '.join(f'{length:.6g}' for length in near)}."
    rule = f"be a whole number of steps of {60 * step_h:g} min"
    return [Fault(f"rolling.{name}", rule, (hours,), fix=fix)]


class Config(Inputs):
    """The configuration of a plan."""

    study: Literal["plan"] = "plan"
    """Which study this is."""
    title: str = "Fleet plan"
    """Heading of the report."""
    solve: Solve = Solve()
    """How the plan is made."""
    feeder: PlanFeeder | None = None
    """The feeder that the sites hang on, whose limits the plan keeps."""
    rolling: Rolling | None = None
    """Also plan again and again as time passes, and compare."""

    @model_validator(mode="after")
    def _flowgates_by_highs(self) -> "Config":
        if self.feeder is not None and self.solve.method not in ("auto", "highs"):
            fix = "Choose auto, or leave the [feeder] out."
            rule = "be auto or highs where the plan has a feeder: other methods know no flowgates"
            fault = Fault("solve.method", rule, (self.solve.method,), fix=fix)
            raise ConfigError("config", [fault])
        return self

    @model_validator(mode="after")
    def _rolls_by_steps(self) -> "Config":
        if self.rolling is not None:
            self.rolling.steps(self.horizon.step_min / 60.0)
        return self

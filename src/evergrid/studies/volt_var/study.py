"""Does V2G spare a feeder's tap changers and capacitor banks, or wear them out?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, final

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from evergrid.core import config as config_file
from evergrid.core.arrays import Array, Float
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.grid.devices import switching, time_series
from evergrid.grid.devices.time_series import Day, Series
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.flow import base_case
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Control, Curve, Inverters, VoltWatt
from evergrid.inputs.feeder_source import FeederSource
from evergrid.studies import summary
from evergrid.studies.feeder_places import FeederPlaces
from evergrid.studies.result import AbstractResult, AbstractTelling, Files
from evergrid.studies.volt_var import report, tables
from evergrid.studies.volt_var.fleet import Fleet, Load, Signal, load_pu, places, signal_pu

QUESTION = "Find whether V2G spares tap changers and capacitor banks, or wears them out"
OUTPUTS = (
    "summary.json",
    "config.toml",
    "report.html",
    "operations.parquet",
    "voltages.parquet",
    "taps.parquet",
    "feeder.geojson",
)

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


@final
@dataclass(frozen=True)
class Result(AbstractResult[Config]):
    """What came out.

    Attributes:
        config: As resolved.
        feeder: As read.
        series: What the feeder did, a scenario for each mode.
        fleet_kw: Power asked of all vehicles together.
        summary: Headline numbers.
        tables: Tidy tables by file name without ending.
    """

    config: Config
    feeder: Feeder
    series: Series
    fleet_kw: Float[Array, " step"]
    summary: dict[str, Any]
    tables: dict[str, pl.DataFrame]
    telling: ClassVar[AbstractTelling] = report
    outputs: ClassVar[tuple[str, ...]] = OUTPUTS

    def _beside(self) -> Files:
        shapes = tables.geojson(self.feeder, self.config.modes, self.series)
        return {"feeder.geojson": shapes}

    @cached_property
    def _shown(self) -> report.Shown:
        return report.Shown(
            self.config.title,
            self.config.modes,
            self.config.step_min / 60,
            (self.config.low_pu, self.config.high_pu),
            self.feeder,
            self.series,
            self.summary,
        )


Progress = Callable[[str, float], None]


def run(
    config: Config,
    *,
    seed: int = 0,
    folder: Path | None = None,
    progress: Progress = lambda label, share: None,
) -> Result:
    """A day of a feeder under each way of control.

    Args:
        config: What to compare.
        seed: Of the places of vehicles and of the signal.
        folder: What relative paths in the configuration start from; the current one by default.
        progress: Called with what is being done and the share of the run that is done.

    Raises:
        MissingFileError: A file that is named is not there.
        InputError: OpenDSS refuses the feeder, or a table breaks rules.
    """
    folder = folder or Path.cwd()
    progress("reading the feeder", 0.0)
    feeder = config.feeder.read(folder)
    step_s, steps = config.step_min * 60, config.steps
    rated_kw = places(feeder, config.fleet, seed)
    if not rated_kw.any():
        fix = "The feeder has no load; set fleet.power_kw."
        raise InputError("config", [Fault("fleet", "have power", fix=fix)])
    asked = signal_pu(config.signal, step_s, steps, seed, folder)
    share = load_pu(config.load, step_s, steps, folder)
    progress("stepping through the day", 0.1)
    day = _day(config, feeder, rated_kw, asked, share)
    series = time_series.simulate(switching.reduce(feeder), day)
    progress("writing down the results", 0.9)
    hour = np.arange(1, steps + 1) * config.step_min / 60
    fleet_kw = float(rated_kw.sum()) * asked
    made = {
        "operations": tables.operations(feeder, config.modes, series),
        "voltages": tables.voltages(config.modes, hour, series, fleet_kw),
        "taps": tables.taps(feeder, config.modes, hour, series),
    }
    headline = _summary(config, feeder, rated_kw, series, seed)
    return Result(config, feeder, series, fleet_kw, headline, made)


def _day(
    config: Config,
    feeder: Feeder,
    rated_kw: Float[Array, " branch"],
    asked: Float[Array, " step"],
    share: Float[Array, " step"],
) -> Day:
    """One scenario for each mode; without vehicles nothing is asked of any inverter."""
    present = np.array([mode != "none" for mode in config.modes], float)
    rating = present[:, None] * rated_kw * config.fleet.kva_per_kw
    power = (present[:, None] * rated_kw)[:, :, None] * asked
    inverters = Inverters(rating, config.controls(), np.arange(len(config.modes)))
    own = np.where(feeder.branches.is_load[:, None], share, 1.0)  # generators keep their power
    return Day(config.step_min * 60, power, inverters, own[None])


def _summary(
    config: Config, feeder: Feeder, rated_kw: Float[Array, " branch"], series: Series, seed: int
) -> dict[str, Any]:
    limits = (config.low_pu, config.high_pu)
    rows = tables.by_mode(feeder, config.modes, series, limits, config.step_min / 60)
    unsettled = int((~series.settled).sum())
    notes = list(feeder.notes)
    if unsettled:
        notes.append(
            f"In {unsettled:,} steps of all modes no voltages were found: the wires cannot carry "
            "that power, and controls stood still; or controls without delay found no rest. Counts "
            "of those modes are at least."
        )
    if missing := FeederPlaces.with_branches(feeder).note:
        notes.append(missing)
    return {
        "study": "volt_var",
        "title": config.title,
        "status": "done",
        "feeder": feeder.name,
        "regulators": len(feeder.regulators),
        "banks": len(feeder.capacitors),
        **base_case.headline(feeder),
        "load_kw": -float(feeder.branches.power_kw[feeder.branches.is_load].sum()),
        "fleet_kw": float(rated_kw.sum()),
        "places": len(set(feeder.branches.name[rated_kw > 0].tolist())),
        "steps": config.steps,
        "step_min": config.step_min,
        "limits_pu": list(limits),
        "modes": rows,
        **tables.answer(rows),
        "notes": notes,
        "sources": [],
        "seed": seed,
        "versions": summary.versions(),
        "config_sha256": summary.text_hash(config_file.dump(config)),
        "input_sha256": {},
    }

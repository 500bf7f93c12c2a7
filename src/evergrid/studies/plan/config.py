"""The configuration of a plan."""

import math
from typing import Literal

from pydantic import Field, model_validator

from evergrid.battery.ageing import life
from evergrid.battery.ageing.profile import HIGHEST_C, LOWEST_C
from evergrid.battery.converter import TWO_WAY_K0, TWO_WAY_K2, LossCurve
from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.dispatch.wear.battery_value import SlopeAt
from evergrid.engine import solver
from evergrid.inputs.chargers import ChargerSource
from evergrid.inputs.emissions import FactorSources
from evergrid.inputs.feeder.sites import PlanFeeder
from evergrid.inputs.tables import ForecastSource, Inputs
from evergrid.model.batteries.battery_state import MOST_CYCLES, MOST_YEARS

CAPPED = "be left out of a plan within carbon.cap_tonnes"
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
    refinements: int = Field(default=0, ge=0, le=20)
    """With [wear] or [converter]: plan again with what the models say of the last plan, so many
    times at most, until both agree to 1 %."""
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


class Wear(BaseConfig):
    """Wear of batteries by a model of how they age, at their present state."""

    model: str = "large_nmc"
    """How cells age: "large_lfp", "large_nmc", "naumann_lfp" or "schmalstieg"."""
    price_per_kwh: float = Field(gt=0, examples=[128.0])
    """Of a new battery, in the currency of the prices."""
    end_of_life: float = Field(default=0.8, gt=0, lt=1)
    """Share of the capacity at which a battery is worn out."""
    temperature_c: float = Field(default=20.0, ge=LOWEST_C, le=HIGHEST_C)
    """Of the cells, C."""
    age_years: float = Field(default=0.0, ge=0, le=MOST_YEARS)
    """Age of the batteries."""
    full_cycles: float = Field(default=0.0, ge=0, le=MOST_CYCLES)
    """Energy that they have given so far, over their capacity when new."""
    file: str | None = Field(default=None, examples=["battery_states.csv"])
    """Table of asset_id, age_years, full_cycles for batteries that differ."""
    slope_at: SlopeAt = "present"
    """Where on its curve of fade a cycle is paid for: at the "present" state, or at the
    "end_of_life"."""
    compared_per_kwh: float | None = Field(default=None, ge=0, examples=[0.03])
    """Also plan with this constant price of wear per kWh fed, and compare."""

    @model_validator(mode="after")
    def _known_model(self) -> "Wear":
        life.named(self.model)
        return self


class Converter(BaseConfig):
    """Losses of chargers by their power: k0 + k1 s + k2 s^2 of the rating, at a share s of it."""

    k0: float = TWO_WAY_K0
    """While it runs, whatever its power; this and k2 are those of a converter that works both
    ways."""
    k1: float | None = Field(default=None, examples=[0.046])
    """Per power; what `round_trip` leaves when absent."""
    k2: float = TWO_WAY_K2
    """Per its square."""
    standby_w: float = Field(default=10.0, ge=0, le=1000)
    """What a charger draws while a vehicle is plugged in and nothing flows."""
    cell_efficiency: float = Field(default=0.995, gt=0, le=1)
    """Of the cells alone, one way."""
    round_trip: float | None = Field(default=None, gt=0, le=1, examples=[0.87])
    """Measured from the plug and back, cells included; k1 is then what it follows from. When it is
    absent and k1 is too, it is 0.87: measured were 0.79 to 0.88, Schram et al. (2020)."""
    round_trip_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the rating at which it was measured."""

    @model_validator(mode="after")
    def _a_curve(self) -> "Converter":
        LossCurve(self.k0, self.k1 or 0.0, self.k2)  # has the rules of the three
        return self


class Pack(BaseConfig):
    """What cells can do at their state and temperature.

    A vehicle has so many of these packs side by side, or such a part of one, as its capacity asks
    for.
    """

    capacity_kwh: float = Field(default=60.0, gt=0, le=10_000)
    """Of the pack that is described here; that of each vehicle is in the sessions."""
    state: tuple[float, ...] = Field(default=(0.0, 0.1, 0.5, 0.9, 1.0), min_length=2)
    """States of energy, from 0 to 1, at which the voltage at rest is given."""
    rest_v: tuple[float, ...] = Field(default=(317.0, 336.0, 355.0, 389.0, 401.0), min_length=2)
    """Voltage at rest there; these are of 96 cells of a usual NMC."""
    least_v: float = Field(default=269.0, gt=0, le=2_000)
    """Lowest voltage at the terminals while it discharges."""
    most_v: float = Field(default=404.0, gt=0, le=2_000)
    """Highest voltage at the terminals while it charges."""
    most_a: float = Field(default=200.0, gt=0, le=10_000)
    """Greatest current, either way."""
    resistance_ohm: float = Field(default=0.08, gt=0, le=10)
    """Of the pack at 25 C."""
    activation_k: float = Field(default=2_500.0, ge=0, le=20_000)
    """By which resistance grows in the cold: activation energy over gas constant."""
    charge_temperature_c: tuple[float, ...] = Field(default=(-20.0, 0.0, 15.0), min_length=1)
    """Temperatures of the cells, ascending, at which charging is limited."""
    charge_share: tuple[float, ...] = Field(default=(0.0, 0.1, 1.0), min_length=1)
    """Share of `most_a` with which cells may be charged there. An assumption: use your maker's."""
    heat_capacity_kj_per_k: float = Field(default=450.0, gt=0, le=1e5)
    """Of the pack: 450 kg at 1 kJ/(kg K)."""
    conductance_w_per_k: float = Field(default=20.0, gt=0, le=1e5)
    """Heat from the pack to the air per difference of temperature."""
    air_c: float = Field(default=10.0, ge=LOWEST_C, le=HIGHEST_C)
    """Temperature of the air around the packs."""
    arrival_c: float | None = Field(default=None, ge=LOWEST_C, le=HIGHEST_C, examples=[15.0])
    """Of the cells when a vehicle is plugged in; that of the air when absent."""

    @model_validator(mode="after")
    def _curves(self) -> "Pack":
        faults = [
            Fault(many, f"have as many values as {one}", (len(getattr(self, many)),))
            for one, many in (("state", "rest_v"), ("charge_temperature_c", "charge_share"))
            if len(getattr(self, one)) != len(getattr(self, many))
        ]
        if (self.state[0], self.state[-1]) != (0.0, 1.0):
            ends = (self.state[0], self.state[-1])
            fix = "Give fractions of the energy that the pack holds, not percentages."
            faults.append(Fault("state", "begin at 0 and end at 1", ends, fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return self


class Warranty(BaseConfig):
    """What the maker of the batteries allows to be fed."""

    fed_kwh_per_year: float = Field(ge=0, examples=[2000.0])
    """Energy that a vehicle may feed in a year; the horizon's share of it holds for a plan."""
    years: float = Field(default=MOST_YEARS, gt=0, le=MOST_YEARS)
    """Age at which the warranty ends, and with it the limit; by [wear] batteries have an age."""


class Carbon(FactorSources):
    """A price of the emissions that power causes, beside that of energy, or a cap on them."""

    price_per_tonne: float | None = Field(default=None, ge=0, lt=1e6, examples=[80.0])
    """Of CO2, in the currency of the prices."""
    cap_tonnes: float | None = Field(default=None, examples=[0.5])
    """In its place: most CO2 that the plan with V2G may cause by marginal factors, load and
    generation included, in tonnes."""

    @model_validator(mode="after")
    def _one_source(self) -> "Carbon":
        faults = []
        if self.marginal is None and self.generation is None:
            fix = "Name a file in [carbon.marginal], or one of generation in [carbon.generation]."
            faults.append(Fault("marginal", "be given, or generation", fix=fix))
        if self.price_per_tonne is None and self.cap_tonnes is None:
            fix = "Give a price of a tonne, or the most tonnes there may be."
            faults.append(Fault("price_per_tonne", "be given, or cap_tonnes", fix=fix))
        if faults:
            raise ConfigError("carbon", faults)
        return self

    def faults(self) -> list[Fault]:
        """Sources that are given twice, and a cap beside a price."""
        faults = super().faults()
        if self.price_per_tonne is not None and self.cap_tonnes is not None:
            rule = "be left out where price_per_tonne is given"
            fix = "Leave one out: the cap leads to a price of its own, which is told."
            faults.append(Fault("cap_tonnes", rule, (self.cap_tonnes,), fix=fix))
        return faults


class Config(Inputs):
    """The configuration of a plan."""

    study: Literal["plan"] = "plan"
    """Which study this is."""
    title: str = "Fleet plan"
    """Heading of the report."""
    solve: Solve = Solve()
    """How the plan is made."""
    chargers: ChargerSource | None = None
    """Chargers of alternating current, in whole amperes and with few starts; any power when
    absent."""
    feeder: PlanFeeder | None = None
    """The feeder that the sites are connected to, whose limits the plan keeps."""
    wear: Wear | None = None
    """Wear by an ageing model, in the place of the wear that sessions and batteries come with."""
    converter: Converter | None = None
    """Losses of chargers by their power, in the place of the efficiencies of sessions."""
    pack: Pack | None = None
    """What cells can do at their state and temperature; any plan when absent."""
    carbon: Carbon | None = None
    """A price of carbon by emission factors, beside what energy costs, or a cap on tonnes; none
    when absent."""
    warranty: Warranty | None = None
    """What may be fed under the warranty of the batteries."""
    rolling: Rolling | None = None
    """Also plan again and again as time passes, and compare."""

    @model_validator(mode="after")
    def _method_covers_flowgates(self) -> "Config":
        if self.feeder is not None and self.solve.method in ("device", "cluster"):
            fix = "Choose auto, or leave the [feeder] out."
            rule = "be auto, highs or interior_point where the plan has a feeder"
            fault = Fault("solve.method", rule, (self.solve.method,), fix=fix)
            raise ConfigError("config", [fault])
        return self

    @model_validator(mode="after")
    def _method_covers_warranty(self) -> "Config":
        if self.warranty is not None and self.solve.method not in ("auto", "highs"):
            rule = "be auto or highs where the plan has a warranty"
            fault = Fault("solve.method", rule, (self.solve.method,), fix="Choose auto.")
            raise ConfigError("config", [fault])
        return self

    @model_validator(mode="after")
    def _fits_feeder(self) -> "Config":
        """Refuse what is not planned within the limits of a feeder."""
        if self.feeder is None:
            return self
        faults, refinements = [], self.solve.refinements
        if refinements:
            fix = "Leave it out: the difference to the models is told all the same."
            rule = "be 0 where the plan has a feeder"
            faults.append(Fault("solve.refinements", rule, (refinements,), fix=fix))
        if self.wear is not None and self.wear.compared_per_kwh is not None:
            fix = "The plan that is compared with would not keep the feeder's limits."
            rule = "be left out of a plan on a [feeder]"
            got = (self.wear.compared_per_kwh,)
            faults.append(Fault("wear.compared_per_kwh", rule, got, fix=fix))
        if self.chargers is not None:
            fix = "Leave one of the two out; limits of sites and phases stand in for the feeder's."
            faults.append(Fault("chargers", "be left out of a plan on a [feeder]", fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return self

    @model_validator(mode="after")
    def _fits_cap(self) -> "Config":
        """Refuse what is not planned within a cap on emissions."""
        if self.carbon is None or self.carbon.cap_tonnes is None:
            return self
        fix = "Leave it out, or give carbon.price_per_tonne in the place of the cap."
        named = {name: getattr(self, name) for name in ("feeder", "chargers", "rolling")}
        faults = [Fault(name, CAPPED, fix=fix) for name, given in named.items() if given]
        if self.solve.refinements:
            got = (self.solve.refinements,)
            faults.append(Fault("solve.refinements", CAPPED, got, fix=fix))
        if self.wear is not None and self.wear.compared_per_kwh is not None:
            got = (self.wear.compared_per_kwh,)
            faults.append(Fault("wear.compared_per_kwh", CAPPED, got, fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return self

    @model_validator(mode="after")
    def _refines_by_models(self) -> "Config":
        refinements, faults = self.solve.refinements, []
        if refinements and self.wear is None and self.converter is None and self.pack is None:
            rule = "be 0 without [wear], [converter] or [pack]"
            fix = "Add one of them: they are what a plan is refined by."
            faults.append(Fault("solve.refinements", rule, (refinements,), fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return self

    @model_validator(mode="after")
    def _rolls_by_steps(self) -> "Config":
        if self.rolling is not None:
            self.rolling.steps(self.horizon.step_min / 60.0)
        return self

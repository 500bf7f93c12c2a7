"""The configuration of a study of emissions."""

from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.inputs.emissions import (
    FactorSource,
    FactorSources,
    GenerationSource,
    MarginalSource,
    ResidualMix,
)
from evergrid.inputs.tables import Inputs

STREAMED = (
    *("study", "title", "horizon", "prices", "sessions", "assumptions", "fleet", "battery"),
    *("marginal", "generation", "uncertainty", "time_limit_s", "streamed"),
)  # what is known of where only the whole fleet is told


class Uncertainty(BaseConfig):
    """How sure factors are."""

    factor_share: float = Field(default=0.3, ge=0, le=2)
    """Half width of the band of each factor, assumed where no errors of it are known."""
    errors_file: str | None = Field(default=None, examples=["errors.csv"])
    """Past errors, time_utc and error_kg_per_mwh in steps of the horizon, in the place of that."""
    level: float = Field(default=0.9, gt=0, lt=1)
    """Probability of the band."""
    replicates: int = Field(default=2000, ge=100, le=100_000)
    """Draws of the bootstrap."""


class EmbodiedCarbon(BaseConfig):
    """What making batteries emits, and how much of a battery a kWh fed uses up."""

    pack_kg_per_kwh: float = Field(default=75.0, ge=0, le=500)
    """CO2 of making a kWh of pack; 60 to 100 are usual, unverified."""
    life_full_cycles: float = Field(default=3000.0, gt=0)
    """Full discharges after which a pack is used up."""


class Driving(BaseConfig):
    """What driving electric displaces; told on a line of its own."""

    km_per_kwh: float = Field(default=5.5, gt=0, le=20)
    """Distance that a kWh in the battery drives."""
    displaced_g_per_km: float = Field(default=0.0, ge=0, le=1000)
    """CO2 of the vehicle that would have been driven."""


class Forecast(BaseConfig):
    """Planning as time passes, on forecasts of marginal factors."""

    file: str = Field(examples=["moer_forecast.parquet"])
    """Forecasts, each row made when it is stamped, with f1 to f36 in kg/kWh for the next three
    hours."""
    blend: bool = True
    """Mix each lead with the latest factor known, by how well both did before."""
    window_h: float = Field(default=18.0, gt=0, le=168)
    """How far each plan looks ahead; beyond the forecasts it sees the usual day."""
    every_min: float = Field(default=15.0, ge=5, le=1440)
    """Time after which it is planned anew."""
    look_back_days: int = Field(default=3, ge=1, le=31)
    """Days before the horizon whose factors are known; [marginal] must hold them."""


class Config(Inputs):
    """The configuration of a study of emissions."""

    study: Literal["emissions"] = "emissions"
    """Which study this is."""
    title: str = "Emissions"
    """Heading of the report."""
    marginal: MarginalSource | None = None
    """What one more kWh causes: the consequential ledger, and what is planned by."""
    generation: GenerationSource | None = None
    """Generation by type, to estimate both marginal and average factors from, in their place."""
    average: FactorSource | None = None
    """What all kWh of an hour emit on the average: the location-based ledger."""
    residual_mix: ResidualMix | None = None
    """What is left to those without certificates: the market-based ledger."""
    elsewhere_kg_per_mwh: float | None = Field(default=None, ge=0, le=3000, examples=[350.0])
    """Of energy that was in batteries before; the mean average factor when absent."""
    uncertainty: Uncertainty = Uncertainty()
    """How sure factors are."""
    embodied: EmbodiedCarbon | None = None
    """Carbon of wear; not counted when absent."""
    driving: Driving | None = None
    """Driving displaced; not counted when absent."""
    forecast: Forecast | None = None
    """Planning on forecasts; only foresight when absent."""
    prices_per_tonne: tuple[float, ...] = Field(default=(0.0, 25.0, 50.0, 100.0, 200.0, 400.0))
    """Prices of carbon at which it is planned, for what less carbon costs; rising."""
    cap_tonnes: float | None = Field(default=None, examples=[10.0])
    """Most that may be emitted by marginal factors, load and generation included."""
    time_limit_s: float = Field(default=600.0, gt=0)
    """For each solve, seconds."""

    streamed: bool = False
    """Plan a week of arrivals at a time, by marginal factors, and keep only what the whole fleet
    does: for fleets and years that are too large for plans of every session, without limits."""

    @property
    def factor_sources(self) -> FactorSources:
        """Where factors come from."""
        return FactorSources.model_construct(
            marginal=self.marginal,
            generation=self.generation,
            average=self.average,
            residual_mix=self.residual_mix,
        )

    @model_validator(mode="after")
    def _one_source(self) -> "Config":
        faults = self.factor_sources.faults()
        if self.generation is not None and self.forecast is not None:
            fix = "Forecasts are of factors in a file: give [marginal]."
            faults.append(Fault("forecast", "be left out where [generation] is given", fix=fix))
        if faults:
            raise ConfigError("config", faults)
        return self

    @model_validator(mode="after")
    def _streams(self) -> "Config":
        if not self.streamed:
            return self
        usual = type(self).model_fields
        wrong = tuple(
            name
            for name in usual
            if name not in STREAMED
            and getattr(self, name) != usual[name].get_default(call_default_factory=True)
        )
        if wrong:
            rule = "be left out where streamed = true"
            fix = "Only the consequential ledger of a whole fleet without limits is told then: "
            fix += f"it takes {', '.join(STREAMED)}."
            raise ConfigError("config", [Fault(name, rule, fix=fix) for name in wrong])
        return self

    @model_validator(mode="after")
    def _rising(self) -> "Config":
        given = self.prices_per_tonne
        good = all(0 <= price < 1e6 for price in given)
        if list(given) != sorted(set(given)) or not good:
            rule = "rise, from 0 or more to less than a million"
            raise ConfigError("config", [Fault("prices_per_tonne", rule, tuple(given))])
        return self

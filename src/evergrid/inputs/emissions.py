"""Emission factors that a study is given, by the tables of its configuration."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from evergrid.core.arrays import Array, Float
from evergrid.core.config import Config
from evergrid.core.errors import ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.timegrid import TimeGrid
from evergrid.data import emissions as factor_formats
from evergrid.data.files.locate import locate
from evergrid.data.generation import by_type
from evergrid.data.meta import Meta
from evergrid.data.tables import NoteCallback, ignore_notes
from evergrid.data.tables.emission_factors import read_emission_factors
from evergrid.impact.emissions import generation_factors
from evergrid.impact.emissions.consequence import NO_LOSSES, GridLosses
from evergrid.impact.emissions.generation_factors import FuelEmissions, GroupedFactors
from evergrid.model.time_series.emission_factors import EmissionFactors, FactorKind


class FactorSource(Config):
    """A file of emission factors."""

    file: str = Field(examples=["factors.csv"])
    """Path, relative to this file; ${NAME:-default} is taken from the environment."""
    format: str = "table"
    """"table" for time_utc and a column such as emissions_kg_per_mwh, or "sgip_moer", "avert",
    "cambium"."""
    options: dict[str, str] = Field(default_factory=dict)
    """Choices of the format, such as { region = "sce" }, or { year = "2023", utc_offset_h = "-8" }
    for hours without stamps."""
    shift_weeks: int = Field(default=0, ge=-5200, le=5200)
    """Weeks added to every time stamp, to bring factors of one year to sessions of another."""


class MarginalSource(FactorSource):
    """Marginal factors, with what is lost between power stations and chargers."""

    loss_share_drawn: float = Field(default=0.0, ge=0, lt=1)
    """Share of generation lost on its way to the charger."""
    loss_share_fed: float = Field(default=0.0, ge=0, lt=1)
    """The same for the generation that feeding displaces."""


class ResidualMix(FactorSource):
    """Factors of energy without certificates, and how much has some."""

    matched_share: float = Field(default=0.0, ge=0, le=1)
    """Share of the energy drawn in every hour that certificates of that hour cover, emitting 0."""


class GenerationSource(Config):
    """A file of generation by type, from which both marginal and average factors are estimated."""

    file: str = Field(examples=["generation.parquet"])
    """time_utc and a column <type>_mw for each type, such as fossil_gas_mw."""
    fuel_t_per_mwh: dict[str, float] = Field(
        default_factory=dict, examples=[{"fossil_gas": 0.4, "fossil_hard_coal": 0.85}]
    )
    """CO2 of a MWh of each type that emits; types that are not named emit nothing."""
    without: tuple[str, ...] = ()
    """Types that count for nothing, such as hydro_pumped_storage, which generates no energy."""
    groups: Literal["all", "hour", "load_and_season"] = "hour"
    """Hours that share a marginal factor: all, those of the same local hour, or those of a season
    with as much fossil generation."""


class FactorSources(Config):
    """Where factors of every ledger come from."""

    marginal: MarginalSource | None = None
    """What one more kWh causes: the consequential ledger, and what is planned by."""
    generation: GenerationSource | None = None
    """Generation by type, to estimate both marginal and average factors from, in their place."""
    average: FactorSource | None = None
    """What all kWh of an hour emit on the average: the location-based ledger."""
    residual_mix: ResidualMix | None = None
    """What is left to those without certificates: the market-based ledger."""

    def faults(self) -> list[Fault]:
        """Sources that are given twice."""
        faults = []
        if self.generation is not None and self.marginal is not None:
            fix = "Leave one of them out: generation tells marginal factors, too."
            faults.append(Fault("marginal", "be left out where [generation] is given", fix=fix))
        if self.generation is not None and self.average is not None:
            fix = "Leave [average] out: generation tells both."
            faults.append(Fault("average", "be left out where [generation] is given", fix=fix))
        return faults

    @property
    def losses(self) -> GridLosses:
        """What wires lose."""
        if self.marginal is None:
            return NO_LOSSES
        return GridLosses(self.marginal.loss_share_drawn, self.marginal.loss_share_fed)


@dataclass(frozen=True)
class EstimatedFactors:
    """Factors estimated from generation.

    Attributes:
        marginal: By the group of each hour.
        average: Of each hour.
        groups: Every group's slope.
        emissions: What the hours emitted.
        sources: Where the generation comes from.
    """

    marginal: EmissionFactors
    average: EmissionFactors
    groups: GroupedFactors
    emissions: FuelEmissions
    sources: tuple[Meta, ...]


def estimate_factors(source: GenerationSource, folder: Path, *, time_zone: str) -> EstimatedFactors:
    """Marginal and average factors of every hour of a file of generation.

    Args:
        source: The file, what each type emits, and which hours are alike.
        folder: What relative paths start from.
        time_zone: Clock by which hours and seasons are told.

    Raises:
        InputError: Rows that break rules, types that there are not, too few hours in a group, hours
            in which nothing generates.
    """
    path = locate(source.file, folder)
    try:
        return _estimated(source, path, time_zone)
    except InputError as error:
        raise in_file(path, error) from error


def _estimated(source: GenerationSource, path: Path, time_zone: str) -> EstimatedFactors:
    """The factors that a file of generation leads to."""
    read, meta = by_type.read(path)
    of = generation_factors.emissions(
        read.energy_mwh, source.fuel_t_per_mwh, without=frozenset(source.without)
    )
    clock = pl.Series(read.time_utc).dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone)
    names = ("all hours",)
    group = np.zeros(len(clock), np.int64)
    if source.groups == "hour":
        group = clock.dt.hour().to_numpy().astype(np.int64)
        names = tuple(f"hour {hour}" for hour in range(24))
    elif source.groups == "load_and_season":
        month = clock.dt.month().to_numpy().astype(np.int64)
        group, names = generation_factors.load_and_season(of, month)
    grouped = generation_factors.by_group(of, group, names)
    flat = np.isnan(grouped.of_hour_kg_per_mwh)
    if flat.any():
        rule = "change from hour to hour in every group"
        fix = 'Take groups = "all", or name the types that emit in fuel_t_per_mwh.'
        raise InputError("generation", [Fault("fossil generation", rule, fix=fix)])
    return EstimatedFactors(
        marginal=EmissionFactors(
            read.time_utc,
            grouped.of_hour_kg_per_mwh,
            "marginal",
            f"regression of changes by {source.groups}, {read.source}",
        ),
        average=EmissionFactors(
            read.time_utc,
            generation_factors.hourly_average_kg_per_mwh(of),
            "average",
            f"mix of each hour, {read.source}",
        ),
        groups=grouped,
        emissions=of,
        sources=(meta,),
    )


@dataclass(frozen=True)
class ReadFactors:
    """Factors with where they come from.

    Attributes:
        factors: The factors.
        sources: What is told of a public format.
    """

    factors: EmissionFactors
    sources: tuple[Meta, ...]


def read_factors(
    source: FactorSource, kind: FactorKind, folder: Path, *, tell: NoteCallback = ignore_notes
) -> ReadFactors:
    """The factors of a source.

    Raises:
        ConfigError: A format that there is not, options that it does not have, factors of another
            kind than asked for.
        InputError: Cells or rows that break rules.
    """
    path = locate(source.file, folder)
    try:
        return _read(source, kind, path, tell)
    except ConfigError:
        raise
    except InputError as error:
        raise in_file(path, error) from error


def in_file(path: Path, error: InputError) -> InputError:
    """Faults, by the name of the file that they are in."""
    if path.name in error.source:
        return error
    return InputError(f"{path.name}, {error.source}", error.faults, more=error.more)


def _read(source: FactorSource, kind: FactorKind, path: Path, tell: NoteCallback) -> ReadFactors:
    """The factors of a file."""
    if source.format == "table":
        if source.options:
            raise _wrong(f"{kind}.options", "be left out for a table", tuple(source.options))
        read, sources = read_emission_factors(path, kind=kind, tell=tell), ()
    else:
        if source.format not in factor_formats.FORMATS:
            known = ("table", *factor_formats.FORMATS)
            fix = f"{did_you_mean(source.format, known)} Formats: {', '.join(known)}.".lstrip()
            raise _wrong(f"{kind}.format", "be a known format", (source.format,), fix)
        reader = factor_formats.FORMATS[source.format]
        _check_options(source, kind, reader)
        read, meta = reader(path, **source.options)
        sources = (meta,)
    if read.kind != kind:
        rule = f"hold {kind} factors here, for those of this format are {read.kind}"
        raise _wrong(f"{kind}.format", rule, (source.format,))
    return ReadFactors(read.shifted(source.shift_weeks) if source.shift_weeks else read, sources)


def _check_options(source: FactorSource, kind: FactorKind, reader: Callable[..., object]) -> None:
    parameters = inspect.signature(reader).parameters
    names = [name for name in parameters if name != "path"]
    unknown = tuple(name for name in source.options if name not in names)
    needed = [n for n in names if parameters[n].default is inspect.Parameter.empty]
    missing = tuple(name for name in needed if name not in source.options)
    fix = f"Options of {source.format}: {', '.join(names)}."
    if unknown:
        raise _wrong(f"{kind}.options", "be options of the format", unknown, fix)
    if missing:
        raise _wrong(f"{kind}.options", f"include {', '.join(missing)}", (), fix)


def _wrong(field: str, rule: str, got: tuple[object, ...], fix: str = "") -> ConfigError:
    return ConfigError("config", [Fault(field, rule, got, fix=fix)])


@dataclass(frozen=True)
class Factors:
    """Factors of every step of the horizon, kg/MWh.

    Attributes:
        marginal: Of one more kWh.
        average: Of all kWh; None where they were not given.
        residual: Of kWh without certificates; None where they were not given.
        names: Source of each of them, by its ledger.
        sources: What is told of public formats.
        estimated: How they were estimated; None where they were given.
    """

    marginal: Float[Array, " step"]
    average: Float[Array, " step"] | None
    residual: Float[Array, " step"] | None
    names: dict[str, str]
    sources: tuple[Meta, ...] = ()
    estimated: EstimatedFactors | None = None

    def frame(self, grid: TimeGrid) -> pl.DataFrame:
        """The factors as a table."""
        times = pl.Series(grid.times.astype("datetime64[us]")).dt.replace_time_zone("UTC")
        columns = {"time_utc": times, "marginal_kg_per_mwh": self.marginal}
        if self.average is not None:
            columns["average_kg_per_mwh"] = self.average
        if self.residual is not None:
            columns["residual_mix_kg_per_mwh"] = self.residual
        return pl.DataFrame(columns)


def ledger_factors(
    sources: FactorSources,
    grid: TimeGrid,
    folder: Path,
    *,
    time_zone: str,
    tell: NoteCallback = ignore_notes,
) -> Factors:
    """The factors of every ledger that there are some for.

    Args:
        sources: Where they come from.
        grid: Steps that they are wanted for.
        folder: What relative paths start from.
        time_zone: Clock by which hours and seasons of generation are told.
        tell: Called with what was done to rows.

    Raises:
        ConfigError: No marginal factors and no generation; formats or options that there are not.
        InputError: Cells or rows that break rules, factors that do not cover the grid.
    """
    if sources.marginal is None and sources.generation is None:
        fix = "Name a file of marginal factors, or one of [generation] by type."
        raise ConfigError("config", [Fault("marginal", "be given, or [generation]", fix=fix)])
    told, names = list[Meta](), dict[str, str]()
    made: dict[str, Float[Array, " step"] | None] = {}
    estimated = None
    if sources.generation is not None:
        estimated = estimate_factors(sources.generation, folder, time_zone=time_zone)
        for one in (estimated.marginal, estimated.average):
            made[one.kind], names[one.kind] = one.on(grid), one.source
        told += estimated.sources
        for source in estimated.sources:
            if source.quality.rows_repaired:
                count = source.quality.rows_repaired
                tell(f"{source.title}: {count:,} values were missing and filled.")
    given: tuple[tuple[FactorKind, FactorSource | None], ...] = (
        ("marginal", sources.marginal),
        ("average", sources.average),
        ("residual_mix", sources.residual_mix),
    )
    for kind, source in given:
        if source is not None:
            read = read_factors(source, kind, folder, tell=tell)
            made[kind], names[kind] = read.factors.on(grid), read.factors.source
            told += read.sources
    marginal = made["marginal"]
    assert marginal is not None
    average, residual = made.get("average"), made.get("residual_mix")
    return Factors(marginal, average, residual, names, tuple(told), estimated)

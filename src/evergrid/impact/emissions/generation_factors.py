"""Emission factors of a grid from what its power stations generated, type by type.

The average factor of a step is its emissions by its generation. The marginal one is a regression:
by how much emissions changed from hour to hour for each MWh that fossil generation changed by,
in hours that are alike. It says what followed changes that happened, not what had to follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.core.units import KG_PER_TONNE

LEAST_CHANGES = 30  # of a group of hours; with fewer there is no slope


@dataclass(frozen=True)
class FuelEmissions:
    """What generation emits.

    Attributes:
        emitted_t: CO2 of each hour.
        fossil_mwh: Energy of the types that emit.
        total_mwh: Energy of all types.
    """

    emitted_t: Float[Array, " hour"]
    fossil_mwh: Float[Array, " hour"]
    total_mwh: Float[Array, " hour"]


@dataclass(frozen=True)
class MarginalFactor:
    """Slope of emissions on fossil generation among hours that are alike.

    Attributes:
        kg_per_mwh: The factor; NaN where fossil generation hardly ever changed.
        standard_error: Of the factor, with errors that may differ in size and hang together over
            neighbouring hours.
        changes: How many changes from hour to hour it rests on.
        r_squared: Share of the variance of changes in emissions that it explains.
        error_kg_per_mwh: Emissions of each change less those the slope says, by the mean absolute
            change of fossil generation, in order.
    """

    kg_per_mwh: float
    standard_error: float
    changes: int
    r_squared: float
    error_kg_per_mwh: Float[Array, " change"]


def emissions(
    generation_mwh: Mapping[str, Float[Array, " hour"]],
    fuel_t_per_mwh: Mapping[str, float],
    *,
    without: frozenset[str] = frozenset(),
) -> FuelEmissions:
    """What the hours emitted, with a factor for each type that emits.

    Args:
        generation_mwh: Energy by type; a missing value is NaN and refused.
        fuel_t_per_mwh: CO2 of a MWh of each type that emits; other types emit nothing.
        without: Types that count for nothing, such as pumped storage, which generates no energy.

    Raises:
        InputError: A type that there is not, or that emits and counts for nothing; factors below 0
            or above any plant's; gaps.
    """
    faults = []
    known = tuple(generation_mwh)
    for field, names in (("fuel_t_per_mwh", [*fuel_t_per_mwh]), ("without", sorted(without))):
        unknown = tuple(name for name in names if name not in generation_mwh)
        if unknown:
            fix = f"{did_you_mean(unknown[0], known)} Types: {', '.join(known)}.".lstrip()
            faults.append(Fault(field, "be of types that generate", unknown, fix=fix))
    both = tuple(
        sorted(name for name, factor in fuel_t_per_mwh.items() if factor and name in without)
    )
    if both:
        fix = "What counts for nothing emits nothing either: name a type in one of both."
        faults.append(Fault("without", "not hold types of fuel_t_per_mwh", both, fix=fix))
    for name, factor in fuel_t_per_mwh.items():
        if not 0.0 <= factor <= 3.0:
            fix = "A factor is in t of CO2 per MWh generated: gas 0.4, lignite 1.1."
            rule = "lie between 0 and 3 t/MWh"
            faults.append(Fault("fuel_t_per_mwh", rule, (factor,), (name,), fix=fix))
    for name, values in generation_mwh.items():
        if name not in without and not np.isfinite(values).all():
            rows = tuple(int(i) + 1 for i in np.flatnonzero(~np.isfinite(values)))
            fix = "Fill the gaps, or leave the type out."
            faults.append(Fault(name, "be finite in every hour", rows=rows, fix=fix))
    raise_if_any("generation", faults)
    counted = [values for name, values in generation_mwh.items() if name not in without]
    # What emits counts as fossil: the marginal factor is a regression on its generation alone.
    emits = {name: factor for name, factor in fuel_t_per_mwh.items() if factor > 0}
    zero = np.zeros(len(next(iter(generation_mwh.values()))))
    return FuelEmissions(
        emitted_t=sum((f * generation_mwh[name] for name, f in emits.items()), start=zero),
        fossil_mwh=sum((generation_mwh[name] for name in emits), start=zero),
        total_mwh=sum(counted, start=zero),
    )


def average_kg_per_mwh(of: FuelEmissions) -> float:
    """Emissions by generation over all hours.

    Raises:
        InputError: Nothing was generated.
    """
    total = float(of.total_mwh.sum())
    if total <= 0:
        raise InputError("generation", [Fault("total_mwh", "be above 0", (total,))])
    return KG_PER_TONNE * float(of.emitted_t.sum()) / total


def hourly_average_kg_per_mwh(of: FuelEmissions) -> Float[Array, " hour"]:
    """Average factor of each hour.

    Raises:
        InputError: Hours in which nothing was generated: they have no factor, and 0 would pass for
            one without emissions.
    """
    some = of.total_mwh > 0
    if not some.all():
        rows = tuple(int(i) + 1 for i in np.flatnonzero(~some))
        rule = "be above 0 in every hour, all types together"
        fix = "Fill the gaps, or cut the file to hours without them."
        raise InputError("generation", [Fault("generation", rule, rows=rows, fix=fix)])
    return KG_PER_TONNE * of.emitted_t / of.total_mwh


def marginal(of: FuelEmissions, hours: Int[Array, " chosen"] | None = None) -> MarginalFactor:
    """Slope of changes of emissions on changes of fossil generation, from one hour to the next.

    Args:
        of: Every hour, in order.
        hours: Hours to which the changes lead that are counted; all but the first by default.

    Raises:
        InputError: Fewer changes than a slope needs.

    Source:
        Siler-Evans, Azevedo and Morgan (2012), Marginal emissions factors for the U.S. electricity
        system, doi 10.1021/es300145v, without the constant: where fossil generation does not change
        its emissions do not, and in hours in which it always rises a constant would take the slope.
    """
    to = np.arange(1, len(of.emitted_t)) if hours is None else hours[hours > 0]
    if len(to) < LEAST_CHANGES:
        rule = f"have at least {LEAST_CHANGES} changes from hour to hour"
        fix = "Give more hours, or fewer groups."
        raise InputError("generation", [Fault("hours", rule, (len(to),), fix=fix)])
    y = of.emitted_t[to] - of.emitted_t[to - 1]
    x = of.fossil_mwh[to] - of.fossil_mwh[to - 1]
    square = float(x @ x)
    usual = float(np.abs(x).mean())
    if square <= 0 or usual <= 0:
        nothing = np.zeros(len(to))
        return MarginalFactor(np.nan, np.nan, len(to), np.nan, nothing)
    slope = float(x @ y) / square
    error = y - slope * x
    spread = float(y @ y)
    return MarginalFactor(
        kg_per_mwh=KG_PER_TONNE * slope,
        standard_error=KG_PER_TONNE * float(np.sqrt(_long_run(x * error))) / square,
        changes=len(to),
        r_squared=1.0 - float(error @ error) / spread if spread > 0 else np.nan,
        error_kg_per_mwh=KG_PER_TONNE * error / usual,
    )


@dataclass(frozen=True)
class GroupedFactors:
    """Marginal factors of groups of hours that are alike.

    Attributes:
        names: Of the groups.
        factors: One for each.
        of_hour_kg_per_mwh: Of every hour, by its group.
        error_kg_per_mwh: How far each hour's change lay from what its group says, in order; 0 for
            the first.
    """

    names: tuple[str, ...]
    factors: tuple[MarginalFactor, ...]
    of_hour_kg_per_mwh: Float[Array, " hour"]
    error_kg_per_mwh: Float[Array, " hour"]


def by_group(
    of: FuelEmissions, group: Int[Array, " hour"], names: tuple[str, ...]
) -> GroupedFactors:
    """A slope for each group of hours.

    Args:
        of: Every hour, in order.
        group: Of each hour.
        names: Of the groups, in the order of their numbers.

    Raises:
        InputError: A group with fewer changes than a slope needs.
    """
    factor, error = np.zeros(len(group)), np.zeros(len(group))
    found = []
    for number in range(len(names)):
        hours = np.flatnonzero(group == number)
        one = marginal(of, hours)
        found.append(one)
        factor[hours] = one.kg_per_mwh
        error[hours[hours > 0]] = one.error_kg_per_mwh
    return GroupedFactors(names, tuple(found), factor, error)


def load_and_season(
    of: FuelEmissions, month: Int[Array, " hour"], *, levels: int = 3
) -> tuple[Int[Array, " hour"], tuple[str, ...]]:
    """Groups of hours by season and by how much fossil generation there is, with their names.

    Args:
        of: Every hour.
        month: Of each, 1 to 12.
        levels: Into how many equally many hours the fossil generation of a season is divided.
    """
    season = (month % 12) // 3
    group, names = np.zeros(len(month), np.int64), []
    for number, label in enumerate(("winter", "spring", "summer", "autumn")):
        hours = np.flatnonzero(season == number)
        if not len(hours):
            continue
        edges = np.quantile(of.fossil_mwh[hours], np.arange(1, levels) / levels)
        group[hours] = len(names) + np.searchsorted(edges, of.fossil_mwh[hours])
        names += [f"{label}, fossil level {level + 1} of {levels}" for level in range(levels)]
    return group, tuple(names)


def _long_run(moment: Float[Array, " change"]) -> float:
    """Variance of a sum of terms that hang together over a day.

    Source:
        Newey and West (1987), doi 10.2307/1913610, with 24 lags.
    """
    total = float(moment @ moment)
    lags = min(24, len(moment) - 1)
    for lag in range(1, lags + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * float(moment[lag:] @ moment[:-lag])
    return max(total, 0.0)

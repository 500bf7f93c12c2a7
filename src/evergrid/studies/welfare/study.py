"""Computes a study of welfare: worth of feeding, policies, accounts, and what assumptions do."""

from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.impact.compensation import optimum, policies, two_part
from evergrid.impact.compensation.participation import LinearParticipation
from evergrid.impact.compensation.policies import POLICIES, DayCurves, PolicyOutcome
from evergrid.impact.compensation.two_part import TwoPartTariff
from evergrid.impact.compensation.value import NodeValue
from evergrid.impact.welfare import groups as household_groups
from evergrid.impact.welfare.groups import HouseholdGroups
from evergrid.impact.welfare.party import Party
from evergrid.studies.study import Context, Output, Study
from evergrid.studies.welfare import (
    assumptions,
    cases,
    commitment,
    generator_fleets,
    market,
    notes,
    policy_sheet,
    report,
    tables,
)
from evergrid.studies.welfare.config import Config, check
from evergrid.studies.welfare.results import FlatOptimum, RateSweep, WelfareResults

SWEEP = 121  # rates that are tried for the picture


def compute(config: Config, context: Context) -> Output[WelfareResults]:
    """Who gains and who loses by V2G, and what rate is best for all.

    Raises:
        ConfigError: Tables that do not go together.
        MissingFileError, UnreadableFileError: The fleet that is named is not there, or is none.
        InputError: Plants, days or years that break rules.
        InfeasibleError, SolveError: Days of [commitment] that no units can serve, or for which no
            schedule was found in time.
    """
    progress = context.progress
    progress("reading plants and days", 0.0)
    check(config)
    inputs = generator_fleets.read(config, context.folder) or market.given(config)
    owners = market.owners(config)
    progress("finding the worth of feeding", 0.1)
    curves = market.curves(config, inputs)
    world = market.external(config, curves, config.carbon.social_cost)
    progress("setting rates", 0.2)
    outcomes = [policies.designed(one, curves, owners, world) for one in POLICIES]
    progress("booking payments", 0.4)
    made = tuple(
        cases.accounted(config, inputs, one, config.carbon.social_cost) for one in outcomes
    )
    chosen = [one.name for one in POLICIES].index(config.tariffs.policy)
    progress("trying assumptions", 0.5)
    tried = tuple(assumptions.tried(config, inputs, POLICIES[chosen]))
    progress("committing units" if config.commitment else "writing it down", 0.6)
    findings = WelfareResults(
        inputs=inputs,
        curves=curves,
        external=world,
        social_cost=market.cost_of_carbon(config, config.carbon.social_cost),
        chosen=chosen,
        cases=made,
        ranking=_ranking(config, curves, outcomes),
        sweep=_sweep(curves, owners, world),
        flat=_flat(curves, owners, world),
        two_part=(tariff := _two_part(config, curves, world)),
        two_part_case=cases.of_two_parts(config, inputs, curves, world, tariff),
        joined_share=tariff.vehicles / config.vehicles.count,
        assumptions=tried,
        groups=(people := _groups(config)),
        gains=_gains(people, made[chosen]),
        commitment=commitment.compared(config, inputs, made[chosen], context.folder),
    )
    headline = tables.headline(config, findings)
    return Output(
        findings=findings,
        headline=headline,
        tables=tables.results(findings),
        inputs=tables.inputs(findings),
        files={"policy_sheet.html": policy_sheet.page(config, findings, headline)},
        notes=tuple(notes.of(config, findings)),
    )


def _ranking(
    config: Config, curves: DayCurves, outcomes: list[PolicyOutcome]
) -> policies.PolicyRanking:
    """Policies, and no V2G at all, under several social costs."""
    worlds = {name: market.external(config, curves, name) for name in config.carbon.compared}
    return policies.ranked([*outcomes, policies.no_feeding(curves)], curves, worlds)


def _sweep(
    curves: DayCurves, owners: LinearParticipation, world: Float[Array, "day node"]
) -> RateSweep:
    """One rate for all days, from what pays nobody to what pays everybody."""
    low, high = (float(owners.marginal_cost(one)) for one in (0.0, owners.most_mwh))
    rates = np.linspace(low - 0.1 * (high - low), high, SWEEP)
    fed = np.asarray(owners.quantity(rates))
    days = float(curves.weight.sum())
    mean = [
        policies.mean_value(curves, one, np.arange(len(curves.weight))).total(fed)
        for one in (curves.private, world)
    ]
    cost = np.asarray(owners.cost(fed))
    return RateSweep(
        rate_per_mwh=rates,
        quantity_mwh=fed,
        social=days * (np.asarray(mean[0]) + np.asarray(mean[1]) - cost),
        private=days * (np.asarray(mean[0]) - cost),
        owner_surplus=days * (rates * fed - cost),
    )


def _flat(
    curves: DayCurves, owners: LinearParticipation, world: Float[Array, "day node"]
) -> FlatOptimum:
    """The best single rate, by the first-order condition and by trying."""
    days = np.arange(len(curves.weight))
    private = policies.mean_value(curves, curves.private, days)
    outside = policies.mean_value(curves, world, days)
    blind = policies.mean_value(curves, np.zeros_like(world), days)
    best = optimum.by_bisection(owners, private, outside)
    return FlatOptimum(
        rate_per_mwh=best.rate_per_mwh,
        grid_rate_per_mwh=optimum.by_grid(owners, private, outside).rate_per_mwh,
        private_rate_per_mwh=optimum.by_bisection(owners, private, blind).rate_per_mwh,
        pass_through=best.pass_through,
        elasticity=owners.elasticity(best.rate_per_mwh),
        kkt_residual=owners.kkt_residual(best.rate_per_mwh),
    )


def _two_part(config: Config, curves: DayCurves, world: Float[Array, "day node"]) -> TwoPartTariff:
    """The best tariff of two parts, on the mean of all days."""
    days = np.arange(len(curves.weight))
    year = float(curves.weight.sum())
    private, outside = (
        NodeValue(year * mean.quantity_mwh, year * mean.worth)
        for mean in (
            policies.mean_value(curves, curves.private, days),
            policies.mean_value(curves, world, days),
        )
    )
    join = market.programme_owners(config, year)
    return two_part.best(
        join, private, outside, capacity_per_kw_year=config.tariffs.capacity_per_kw_year
    )


def _groups(config: Config) -> HouseholdGroups:
    """The groups that are given, or the examples."""
    if not config.group:
        return household_groups.EXAMPLE
    columns = ("income_per_year", *household_groups.SHARES)
    return HouseholdGroups(
        name=np.array([one.name for one in config.group], dtype=object),
        region=np.array([one.region for one in config.group], dtype=object),
        example=False,
        **{name: np.array([getattr(one, name) for one in config.group]) for name in columns},
    )


def _gains(people: HouseholdGroups, case: cases.PolicyCase) -> household_groups.GroupGains:
    """What the policy that is accounted for in full brings to each group."""
    gains = case.change.by_party
    return household_groups.dealt_out(
        people,
        owners=gains[Party.EV_OWNERS],
        consumers=gains[Party.CONSUMERS],
        health=case.health,
    )


STUDY: Study[Config, Any] = Study(
    name="welfare",
    question="Who gains and who loses by V2G, and what rate makes the private choice the best "
    "for all?",
    config=Config,
    own_files=(
        "inputs/plants.parquet",
        "inputs/days.parquet",
        "parties.parquet",
        "transfers.parquet",
        "effects.parquet",
        "policies.parquet",
        "rates.parquet",
        "rate_sweep.parquet",
        "assumptions.parquet",
        "groups.parquet",
        "hours.parquet",
        "commitment.parquet",
        "policy_sheet.html",
    ),
    compute=compute,
    report=report,
)

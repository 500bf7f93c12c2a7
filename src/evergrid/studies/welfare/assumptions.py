"""Whether V2G does more good than harm, under every combination of assumptions."""

import itertools
from dataclasses import dataclass

import numpy as np

from evergrid.core.config import Config as BaseConfig
from evergrid.impact.compensation import policies
from evergrid.impact.compensation.policies import Policy
from evergrid.impact.welfare.accounts import welfare_of_resources
from evergrid.impact.welfare.power_system import feeding
from evergrid.studies.welfare import cases, market
from evergrid.studies.welfare.config import AssumptionRanges, Config
from evergrid.studies.welfare.market import PowerSystemInputs


@dataclass(frozen=True)
class AssumptionCase:
    """One combination of assumptions and what comes of it.

    Attributes:
        wear_factor: What wear is multiplied by.
        round_trip: Fed over charged.
        social_cost: Its name.
        effort_factor: What the effort of owners is multiplied by.
        baseline: What vehicles do without V2G.
        total: Gain of all against the baseline.
        of_feeding: Part of it that comes of feeding; the rest is charging in cheap hours.
        fed_mwh: In all.
    """

    wear_factor: float
    round_trip: float
    social_cost: str
    effort_factor: float
    baseline: str
    total: float
    of_feeding: float
    fed_mwh: float


def tried(config: Config, inputs: PowerSystemInputs, policy: Policy) -> list[AssumptionCase]:
    """The total under every combination; rates are set anew for what owners then ask.

    Rates that count carbon count it at the social cost of the study, not at the one that is tried.

    Args:
        config: With the ranges.
        inputs: Plants and days.
        policy: How rates are set.
    """
    ranges = _with_own(config)
    found = []
    shifts = {
        (baseline, cost): _shift(config, inputs, baseline, cost)
        for baseline, cost in itertools.product(ranges.baseline, ranges.social_cost)
    }
    for round_trip in ranges.round_trip:
        of_trip = changed(config, "vehicles", round_trip=round_trip)
        curves = market.curves(of_trip, inputs)
        for wear, effort in itertools.product(ranges.wear_factor, ranges.effort_factor):
            case = _owners(of_trip, wear, effort)
            counted = market.external(case, curves, config.carbon.social_cost)
            outcome = policies.designed(policy, curves, market.owners(case), counted)
            fed = float(curves.weight @ outcome.quantity_mwh)
            for cost in ranges.social_cost:
                world = market.external(case, curves, cost)
                gain = outcome.welfare(curves, world)
                for baseline in ranges.baseline:
                    total = gain + shifts[baseline, cost]
                    row = (wear, round_trip, cost, effort, baseline, total, gain, fed)
                    found.append(AssumptionCase(*row))
    return found


def _with_own(config: Config) -> AssumptionRanges:
    """The ranges with what the study itself assumes, so that its own total lies within the band."""
    vehicles = config.vehicles
    own = {
        "wear_factor": 1.0,
        "round_trip": vehicles.round_trip,
        "social_cost": config.carbon.social_cost,
        "effort_factor": 1.0,
        "baseline": vehicles.baseline,
    }
    ranges = config.assumed
    return ranges.model_copy(
        update={
            name: tuple(dict.fromkeys((*getattr(ranges, name), value)))
            for name, value in own.items()
        }
    )


def changed(config: Config, table: str, **values: float) -> Config:
    """The configuration with some values of a table changed."""
    inner: BaseConfig = getattr(config, table)
    return config.model_copy(update={table: inner.model_copy(update=values)})


def _owners(config: Config, wear: float, effort: float) -> Config:
    """The configuration with other wear and effort of owners."""
    vehicles, owners = config.vehicles, config.owners
    real = vehicles.real_wear_per_mwh
    wears = {"wear_per_mwh": wear * vehicles.wear_per_mwh}
    if real is not None:
        wears["real_wear_per_mwh"] = wear * real
    efforts = {
        "lowest_per_mwh": effort * owners.lowest_per_mwh,
        "highest_per_mwh": effort * owners.highest_per_mwh,
    }
    return changed(changed(config, "vehicles", **wears), "owners", **efforts)


def _shift(config: Config, inputs: PowerSystemInputs, baseline: str, cost: str) -> float:
    """What charging in cheap hours is worth beside a baseline, without any feeding."""
    if baseline == "smart":
        return 0.0
    nothing = np.zeros(len(inputs.weight))
    none = policies.PolicyOutcome(policies.POLICIES[0], nothing, nothing, nothing, 0.0)
    runs = [
        feeding.run(market.system(config, inputs, name), nothing) for name in ("smart", baseline)
    ]
    smart = market.system(config, inputs, "smart")
    worth = [welfare_of_resources(run, cases.terms(config, smart, run, none, cost)) for run in runs]
    return worth[0] - worth[1]

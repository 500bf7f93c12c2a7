"""``python -m benchmarks.restoration``: plans to .1 %, a thousand outages, gaps of policies.

Plans of 12 blocks, 96 quarter hours and 20 buses, drawn by seed: CPU seconds, cost, bound and gap
of each; ``--kind`` has sun, a battery or a diesel set beside the buses. Then the built-in hospital
with its 12 buses: a thousand outages with the fast policy, and on a sample of them the fast and the
rolling policy against the bound of a plan that knows all arrivals. Last the outages of the example
study, whose lengths are drawn: the fast policy against the plan that knows the length, and against
the one that knows no more of it than the policy.
"""

import argparse
import statistics
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.plan import machine
from benchmarks.restoration.cases import BLOCKS, KINDS, STEP_H, STEPS, VEHICLES, Kind, site
from evergrid.inputs.microgrid import MicrogridEntry
from evergrid.resilience.restoration import policy, rolling
from evergrid.resilience.restoration.limits import violations
from evergrid.resilience.restoration.plan import GAP, plan
from evergrid.resilience.restoration.rule import RestorationRule
from evergrid.resilience.restoration.schedule import cost_kwh, gap
from evergrid.studies.resilience.config import Config
from evergrid.studies.resilience.scenarios import drawn
from evergrid.studies.resilience.study import checked, restoration_rule

LIMIT_S = 60.0
STUDY = Path("examples/resilience_hospital.toml")
OUTAGES = 1000


def main(arguments: list[str] | None = None) -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="plans that are made")
    parser.add_argument("--first", type=int, default=0, help="first of these seeds")
    parser.add_argument("--kind", choices=KINDS, default="buses", help="what else is there")
    parser.add_argument("--sample", type=int, default=10, help="outages with a bound")
    parser.add_argument("--drawn", type=int, default=100, help="outages of the study with bounds")
    parser.add_argument("--study", type=Path, default=STUDY, help="in which they are drawn")
    parser.add_argument("--wall-limit-s", type=float, default=LIMIT_S, help="of each plan")
    given = parser.parse_args(arguments)
    print(machine.description())
    seeds = range(given.first, given.first + given.seeds)
    print_plans(seeds, kind=given.kind, wall_limit_s=given.wall_limit_s)
    if given.sample or given.drawn:
        print_outages()
    for hours in (4.0, 8.0, 24.0) if given.sample else ():
        print_gaps(hours, given.sample)
    if given.drawn:
        print_drawn_gaps(given.study, given.drawn)


def print_plans(seeds: Sequence[int], *, kind: Kind, wall_limit_s: float) -> None:
    """Each plan, and the median; the kernels are compiled before."""
    rule, taken, gaps = RestorationRule(), [], []
    plan(site(0, blocks=3, vehicles=3), rule, 1.0, STEP_H)
    beside = "" if kind == "buses" else f", {kind}"
    print(f"{BLOCKS} blocks x {STEPS} steps x {VEHICLES} buses{beside}:")
    for seed in seeds:
        given = site(seed, kind=kind)
        found = plan(given, rule, STEPS * STEP_H, STEP_H, time_limit_s=wall_limit_s)
        taken.append(found.seconds)
        gaps.append(gap(given, found))
        print(
            f"  seed {seed}: {found.seconds:.2f} CPU s, {found.status}, "
            f"cost {cost_kwh(given, found):,.1f}, bound {found.bound_kwh:,.1f}, "
            f"gap {100 * gaps[-1]:.3f} %, {len(violations(given, found))} limits broken",
            flush=True,
        )
    if taken:
        within = np.mean((np.array(gaps) <= GAP) & (np.array(taken) <= LIMIT_S))
        print(f"  median {statistics.median(taken):.2f} CPU s; to .1 % within 60 s: {within:.0%}")


def print_outages() -> None:
    """A thousand outages of a day in quarter hours."""
    entry, rule = MicrogridEntry(), RestorationRule()
    sites = [entry.record(np.random.default_rng(seed)) for seed in range(OUTAGES)]
    policy.follow_many(sites[:1], rule, STEPS * STEP_H, STEP_H)
    begun = time.process_time()
    found = policy.follow_many(sites, rule, STEPS * STEP_H, STEP_H)
    taken = time.process_time() - begun
    print(
        f"{OUTAGES:,} outages of {STEPS} steps by the fast policy: {taken:.2f} CPU s; "
        f"weighted energy not served {found.cost_kwh.mean():,.0f} kWh in the mean"
    )


def print_gaps(hours: float, sample: int) -> None:
    """Policies against the plan on a sample; neither knows the length of the outage."""
    entry, rule = MicrogridEntry(), RestorationRule()
    totals = np.zeros(4)
    for seed in range(sample):
        given = entry.record(np.random.default_rng(seed))
        best = plan(given, rule, hours, STEP_H)
        fast = policy.follow(given, rule, hours, STEP_H)
        again = rolling.follow(given, rule, hours, STEP_H)
        costs = [cost_kwh(given, one) for one in (best, fast, again)]
        totals += np.array([best.bound_kwh, *costs])
    bound, best, fast, again = totals / max(sample, 1)
    print(
        f"hospital, {hours:g} h, {sample} outages, expected length {rule.expected_h:g} h: "
        f"bound {bound:,.0f}; plan {best / bound - 1:+.2%}, fast policy {fast / bound - 1:+.2%}, "
        f"rolling {again / bound - 1:+.2%}"
    )


def print_drawn_gaps(study: Path, sample: int) -> None:
    """The fast policy where lengths are drawn: against who knows them, and who does not."""
    config = Config.model_validate(tomllib.loads(study.read_text()))
    outages = drawn(config, 0)
    found = checked(config, outages, restoration_rule(config, outages), sample)
    print(
        f"{study.stem}, {sample} of {len(outages):,} outages: fast policy above the bound of "
        f"a plan that knows who comes {_above(found.policy_mean_kwh, found.bound_mean_kwh):+.2%}, "
        f"of one that knows the length, too, {_above(found.policy_kwh, found.bound_kwh):+.1%}"
    )


def _above(cost_kwh: np.ndarray, bound_kwh: np.ndarray) -> float:
    return float(cost_kwh.sum() / bound_kwh.sum()) - 1.0


if __name__ == "__main__":
    main()

"""``python -m benchmarks.plan_wear``: plans with wear by state against a constant price, in turns.

The same fleet of cars at home for one winter day, planned to a certified gap of 1e-3 by the
interior point: with a constant price of wear, and with prices of an ageing model at each battery's
state, taking of the prices included. CPU seconds of the whole process, and wall time.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from evergrid.battery.ageing import life
from evergrid.core.config import parse
from evergrid.dispatch import plan
from evergrid.dispatch.wear import battery_value, prices
from evergrid.dispatch.wear.battery_value import BatteryValue
from evergrid.inputs.assembly import load
from evergrid.model.portfolio import Portfolio
from evergrid.studies import plan as plan_study

DEMO = Path(plan_study.__file__).parents[1] / "demo"
STREETS = 340
CONSTANT_PER_KWH = 0.02


def portfolio(vehicles: int) -> Portfolio:
    """Cars at home in streets of their own."""
    given = {
        "horizon": {"start": "2025-01-14", "time_zone": "Europe/Amsterdam"},
        "prices": {"file": "prices.csv"},
        "site_tree": [
            {
                "name": "city",
                "level": [{"name": "street", "count": STREETS, "import_limit_kw_per_vehicle": 2.5}],
            }
        ],
        "fleet": [
            {
                "place": "home",
                "vehicles": vehicles,
                "sites": ["city/street"],
                "time_zone": "Europe/Amsterdam",
            }
        ],
    }
    return load(parse(plan_study.Config, given), None, folder=DEMO, seed=1).portfolio


def constant(fleet: Portfolio) -> Portfolio:
    """Wear that is the same for every kWh fed."""
    count = len(fleet.sessions)
    return prices.WearPrices(np.full(count, CONSTANT_PER_KWH), np.zeros(count)).on(fleet)


def by_state(fleet: Portfolio) -> Portfolio:
    """Wear by a model, of batteries of all ages up to ten years."""
    value = BatteryValue(life.named("large_nmc"), 120.0, 0.8, 15.0)
    rng = np.random.default_rng(1)
    years = rng.uniform(0.0, 10.0, fleet.assets)
    of = battery_value.fleet(fleet, value, age_years=years, full_cycles=90.0 * years)
    return prices.expected(fleet, value, of).on(fleet)


def timed(fleet: Portfolio, wear: Callable[[Portfolio], Portfolio]) -> tuple[float, float, str]:
    """CPU and wall seconds of a plan, and what it earned."""
    options = plan.Options(plan.end_value_per_kwh(fleet), method="interior_point", gap=1e-3)
    cpu, wall = time.process_time(), time.perf_counter()
    made = plan.v2g(wear(fleet), options)
    return time.process_time() - cpu, time.perf_counter() - wall, str(made.status)


def main() -> None:
    """Time both, pair by pair, and tell the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vehicles", type=int, default=18000)
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    fleet = portfolio(asked.vehicles)
    for warm_up in (constant, by_state):
        timed(portfolio(100), warm_up)
    print(f"{len(fleet.sessions):,} sessions of {fleet.assets:,} cars, {fleet.grid.steps} steps")
    ratios = []
    for _ in range(asked.pairs):
        first, second = timed(fleet, constant), timed(fleet, by_state)
        ratios.append((second[0] / first[0], second[1] / first[1]))
        print(
            f"constant {first[0]:.2f} s CPU, {first[1]:.2f} s ({first[2]}); by state "
            f"{second[0]:.2f} s CPU, {second[1]:.2f} s ({second[2]})"
        )
    cpu, wall = np.median(np.array(ratios), axis=0)
    print(f"by state over constant, median: {cpu:.2f} of CPU, {wall:.2f} of wall time")


if __name__ == "__main__":
    main()

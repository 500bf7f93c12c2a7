"""``python -m benchmarks.plan_chargers``: cars in whole amperes, with few starts.

Cars at home for a winter day, in streets that limit what they draw together: cars that only
charge, and cars that feed too, as often as they like or with two starts of a stay at most. CPU
seconds of the whole process, the one of the plan that may take any power included.
"""

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.plan import machine
from evergrid.core.config import parse
from evergrid.dispatch import plan
from evergrid.dispatch.equipment.chargers import ChargerUse
from evergrid.inputs.assembly import load
from evergrid.model.portfolio import Portfolio
from evergrid.studies import plan as plan_study

DEMO = Path(plan_study.__file__).parents[1] / "demo"
SEED = 1
VEHICLES_PER_STREET = 29
LIMIT_KW_PER_VEHICLE = 2.5
GAP = 5e-3  # at which a plan may end
LIMIT_S = 3600.0


class Case(NamedTuple):
    """Which cars, and what their chargers may do.

    Attributes:
        name: What the table calls it.
        v2g_share: Share of the cars that can feed.
        chargers: Settings of ``[chargers]``.
    """

    name: str
    v2g_share: float
    chargers: dict[str, Any]


CASES = (
    Case("charge only", 0.0, {}),
    Case("charge and feed", 1.0, {}),
    Case("charge and feed, two starts at most", 1.0, {"most_starts": 2}),
)


def portfolio(vehicles: int, case: Case) -> Portfolio:
    """Cars at home in streets of their own."""
    street = {
        "name": "street",
        "count": max(vehicles // VEHICLES_PER_STREET, 1),
        "import_limit_kw_per_vehicle": LIMIT_KW_PER_VEHICLE,
    }
    given = {
        "horizon": {"start": "2025-01-14", "time_zone": "Europe/Amsterdam"},
        "prices": {"file": "prices.csv"},
        "site_tree": [{"name": "city", "level": [street]}],
        "fleet": [
            {
                "place": "home",
                "vehicles": vehicles,
                "sites": ["city/street"],
                "time_zone": "Europe/Amsterdam",
                "v2g_share": case.v2g_share,
            }
        ],
        "chargers": case.chargers,
    }
    config = parse(plan_study.Config, given)
    return load(config, None, folder=DEMO, seed=SEED, chargers=config.chargers).portfolio


def row(fleet: Portfolio, name: str) -> str:
    """What a plan of these cars came to."""
    options = plan.Options(plan.end_value_per_kwh(fleet), gap=GAP, time_limit_s=LIMIT_S)
    begun = time.process_time()
    made = plan.v2g(fleet, options)
    cpu_s = time.process_time() - begun
    use, found = ChargerUse(fleet, made.schedule), made.certificate
    starts = use.starts[use.used]
    short_kwh = sum(one.shortfall_kwh for one in made.shortfalls)
    return (
        f"| {name} | {len(fleet.sessions):,} | {made.costs.net:.2f} | {found.bound:.2f} "
        f"| {100 * found.gap:.2f} % | {starts.mean():.2f} ({starts.max()}) "
        f"| {use.below_least} | {short_kwh:.2f} | {cpu_s:.1f} |"
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vehicles", type=int, default=1800)
    asked = parser.parse_args()
    print(f"{machine.description()}; {machine.versions()}")
    print(
        "| cars | stays | net cost | bound | gap | starts of a stay: mean (most) "
        "| slots below 6 A | short, kWh | s of CPU |"
    )
    print("| --- " * 9 + "|")
    for case in CASES:
        plan.v2g(small := portfolio(60, case), plan.Options(plan.end_value_per_kwh(small)))
        print(row(portfolio(asked.vehicles, case), case.name), flush=True)


if __name__ == "__main__":
    main()

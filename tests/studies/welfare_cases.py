"""A small study of welfare: four blocks of plants, two days."""

from typing import Any

HOURS = 24


def configuration(**changed: Any) -> dict[str, Any]:
    """As a file would hold it; changes replace whole tables, or are merged into one."""
    plants = [
        {"name": "coal", "capacity_mw": 400.0, "cost_per_mwh": 20.0, "co2_kg_per_mwh": 950.0},
        {"name": "gas", "capacity_mw": 400.0, "cost_per_mwh": 45.0, "co2_kg_per_mwh": 380.0},
        {"name": "abroad", "capacity_mw": 60.0, "cost_per_mwh": 52.0, "imported": True},
        {
            "name": "turbine",
            "capacity_mw": 300.0,
            "cost_per_mwh": 90.0,
            "co2_kg_per_mwh": 560.0,
            "nox_kg_per_mwh": 0.4,
        },
    ]
    day = [300.0 + 20.0 * hour for hour in range(HOURS)]
    calm = [280.0 + 18.0 * hour for hour in range(HOURS)]
    sun = [250.0 if 9 <= hour < 16 else 0.0 for hour in range(HOURS)]
    given: dict[str, Any] = {
        "study": "welfare",
        "plants": plants,
        "days": [
            {"name": "work", "days": 250.0, "kind": "work", "load_mw": day},
            {"name": "rest", "days": 115.0, "kind": "rest", "load_mw": calm, "renewable_mw": sun},
        ],
        "vehicles": {"count": 8000, "feed_kwh_per_day": 12.0, "wear_per_mwh": 10.0},
        "owners": {"lowest_per_mwh": 1.0, "highest_per_mwh": 50.0},
        "assumed": {"wear_factor": [1.0], "round_trip": [0.87], "social_cost": ["none", "epa_2.0"]},
        "nodes": 41,
    }
    for name, value in changed.items():
        whole = isinstance(value, dict) and isinstance(given.get(name), dict)
        given[name] = given[name] | value if whole else value
    return given

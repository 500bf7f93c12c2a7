"""A small study of resilience: two blocks, three vehicles, forty outages."""

from typing import Any


def configuration(**changed: Any) -> dict[str, Any]:
    """As a file would hold it; changes replace whole tables, or are merged into one."""
    given: dict[str, Any] = {
        "study": "resilience",
        "checked_outages": 2,
        "microgrid": {
            "load_block": [
                {"name": "lights", "power_kw": 20.0, "tier": "life_safety", "bridge_h": 0.5},
                {"name": "heat", "power_kw": 30.0, "tier": "comfort", "cold_load_factor": 1.5},
            ],
            "vehicles": [
                {
                    "name": "van",
                    "count": 3,
                    "capacity_kwh": 80.0,
                    "energy_arrival_kwh": [30.0, 70.0],
                    "energy_reserve_kwh": 10.0,
                    "max_discharge_kw": 25.0,
                    "max_charge_kw": 25.0,
                    "plugged_in": 1,
                }
            ],
        },
        "outage": {"scenarios": 40, "median_h": 3.0, "most_h": 8.0},
        "recovery": {"target_t_r_h": 1.0, "target_m_d_kwh": 200.0, "probability": 0.5},
        "sizing": {
            "scenarios": 20,
            "vehicles": [0, 6],
            "energy_arrival_kwh": [30.0, 60.0],
            "charger_kw": [25.0],
        },
        "standing": {
            "reserve_kwh": [20.0, 60.0],
            "energy_arrival_kwh": 40.0,
            "energy_departure_kwh": 70.0,
        },
        "storm": {"warning_h": 2.0},
        "regulation": {"award_kw": 10.0, "hours": 0.5},
    }
    for name, value in changed.items():
        whole = isinstance(value, dict) and isinstance(given.get(name), dict)
        if value is None:
            given.pop(name, None)
        else:
            given[name] = given[name] | value if whole else value
    return given

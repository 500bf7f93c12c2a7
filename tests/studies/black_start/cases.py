"""A small black start for tests: two vans, two blocks, a few seconds."""

from typing import Any

VAN = {
    "name": "van",
    "count": 2,
    "plugged_in": 2,
    "capacity_kwh": 60.0,
    "energy_arrival_kwh": [30.0, 40.0],
    "energy_reserve_kwh": 12.0,
    "max_discharge_kw": 10.0,
    "max_charge_kw": 10.0,
    "auxiliary_kw": 0.1,
}
BLOCKS = [
    {"name": "lights", "power_kw": 2.0, "tier": "life_safety"},
    {"name": "pumps", "power_kw": 9.0, "tier": "critical", "cold_load_factor": 1.2},
]


def configuration(**changed: Any) -> dict[str, Any]:
    """The tables of a configuration; tables that are given replace or extend its own."""
    tables: dict[str, Any] = {
        "microgrid": {
            "nominal_hz": 50.0,
            "nominal_v": 400.0,
            "load_block": BLOCKS,
            "vehicles": [VAN],
            "transformer": {"rating_kva": 30.0},
        },
        "start": {"auxiliary_s": 0.1, "ramp_s": 0.2, "settle_s": 0.3, "duration_s": 4.0},
        "synchronise": {"slip_hz": 0.3},
    }
    for name, table in changed.items():
        own = tables.get(name)
        tables[name] = own | table if isinstance(own, dict) else table
    return tables

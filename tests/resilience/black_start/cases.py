"""Small sites for tests of black start."""

from typing import Any

from evergrid.model.microgrid import BatteryUnit, LoadBlock, Microgrid, Tier, UnitTransformer

QUICK: dict[str, Any] = {"auxiliary_s": 0.1, "ramp_s": 0.2, "settle_s": 0.2}
KVA = 10.0


def van(number: int, **changed: Any) -> BatteryUnit:
    """A van at a charger that can start a dead bus."""
    told: dict[str, Any] = {
        "name": f"van {number}",
        "capacity_kwh": 60.0,
        "energy_arrival_kwh": 40.0 - number,
        "max_discharge_kw": KVA,
        "max_charge_kw": KVA,
        "apparent_kva": KVA,
        "energy_reserve_kwh": 12.0,
        "grid_forming": True,
        "black_start": True,
        "auxiliary_kw": 0.1,
    }
    return BatteryUnit(**(told | changed))


def block(name: str, power_kw: float, tier: Tier, **changed: Any) -> LoadBlock:
    """A block of loads."""
    return LoadBlock(name, power_kw, tier, **changed)


BLOCKS = (
    block("lights", 1.5, "life_safety"),
    block("cold room", 8.0, "critical", cold_load_factor=1.2, cold_load_decay_h=0.001),
    block("pumps", 6.0, "critical", power_factor=0.85),
    block("offices", 5.0, "comfort"),
)


def site(units: int = 3, **changed: Any) -> Microgrid:
    """Vans and four blocks behind a transformer, at 50 Hz."""
    told: dict[str, Any] = {
        "nominal_hz": 50.0,
        "nominal_v": 400.0,
        "load_blocks": BLOCKS,
        "batteries": tuple(van(number) for number in range(1, units + 1)),
        "transformer": UnitTransformer(40.0),
    }
    return Microgrid(**(told | changed))

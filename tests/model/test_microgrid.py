"""A microgrid is refused as soon as one number or name of it cannot be."""

from dataclasses import replace

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.microgrid import (
    BatteryUnit,
    DieselSet,
    LoadBlock,
    Microgrid,
    UnitTransformer,
)

WARD = LoadBlock("ward", 150.0, "critical", power_factor=0.8)
BUS = BatteryUnit(
    "bus 1", 155.0, 100.0, 60.0, 60.0, 60.0, energy_reserve_kwh=31.0, grid_forming=True
)
SITE = Microgrid(60.0, 480.0, (WARD,), (BUS,))


def test_reactive_power_follows_the_power_factor():
    assert WARD.reactive_kvar == pytest.approx(150.0 * 0.6 / 0.8, rel=1e-12)


def test_usable_energy_is_what_reaches_the_grid_above_the_reserve():
    assert BUS.energy_usable_kwh == pytest.approx((100 - 31) * 0.95)
    assert replace(BUS, energy_arrival_kwh=20.0).energy_usable_kwh == 0.0


@pytest.mark.parametrize(
    ("record", "change", "field"),
    [
        (WARD, {"power_kw": float("nan")}, "power_kw"),
        (WARD, {"power_kw": -1.0}, "power_kw"),
        (WARD, {"cold_load_factor": 0.9}, "cold_load_factor"),
        (WARD, {"power_factor": 90.0}, "power_factor"),
        (WARD, {"name": " "}, "name"),
        (WARD, {"name": "ward\x1b[2J"}, "name"),
        (BUS, {"name": "bus\n1"}, "name"),
        (BUS, {"departure_h": 0.0}, "departure_h"),
        (BUS, {"departure_h": float("nan")}, "departure_h"),
        (BUS, {"max_discharge_kw": 61.0}, "max_discharge_kw"),
        (BUS, {"max_charge_kw": 61.0}, "max_charge_kw"),
        (BUS, {"energy_arrival_kwh": 156.0}, "energy_arrival_kwh"),
        (BUS, {"grid_forming": False, "black_start": True}, "black_start"),
        (DieselSet("diesel", 300.0, 7200.0), {"start_probability": 99.0}, "start_probability"),
        (DieselSet("diesel", 300.0, 7200.0), {"fuel_kwh": float("inf")}, "fuel_kwh"),
        (UnitTransformer(500.0), {"knee_pu": 0.9}, "knee_pu"),
        (UnitTransformer(500.0), {"residual_flux_pu": (2.0, 0.0, 0.0)}, "residual_flux_pu"),
        (SITE, {"nominal_hz": 55.0}, "nominal_hz"),
        (SITE, {"load_blocks": ()}, "load_blocks"),
        (SITE, {"batteries": (BUS, BUS)}, "batteries"),
        (SITE, {"diesel_sets": (DieselSet("bus 1", 300.0, 7200.0),)}, "batteries"),
        (SITE, {"load_blocks": (replace(WARD, parent="kitchen"),)}, "parent"),
        (SITE, {"load_blocks": (replace(WARD, parent="ward"),)}, "parent"),
        (SITE, {"solar_kw": np.array([1.0, np.nan])}, "solar_kw"),
    ],
)
def test_what_cannot_be_is_refused(record: object, change: dict[str, object], field: str):
    with pytest.raises(InputError) as caught:
        replace(record, **change)  # pyright: ignore[reportArgumentType]
    assert field in [fault.field for fault in caught.value.faults]


def test_blocks_in_a_circle_are_refused():
    circle = tuple(
        LoadBlock(name, 10.0, "comfort", parent=above)
        for name, above in (("a", "b"), ("b", "c"), ("c", "a"))
    )
    below = LoadBlock("d", 10.0, "comfort", parent="a")
    with pytest.raises(InputError, match="lead back"):
        replace(SITE, load_blocks=(*circle, below))


def test_the_sun_shines_in_its_steps_only():
    site = replace(SITE, solar_kw=np.array([10.0, 20.0]), solar_step_h=0.5)
    hours = np.array([-0.1, 0.0, 0.49, 0.5, 0.99, 1.0])
    assert site.solar_in(hours).tolist() == [0, 10, 10, 20, 20, 0]
    assert not SITE.solar_in(hours).any()


def test_parents_are_places():
    kitchen = LoadBlock("kitchen", 20.0, "comfort", parent="ward")
    assert replace(SITE, load_blocks=(kitchen, WARD)).parents() == [1, -1]

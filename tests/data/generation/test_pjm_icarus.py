from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.data.generation import pjm_icarus
from evergrid.impact import merit_order

PRICES = {"Natural Gas": 3.0, "Bituminous": 2.5, "Nuclear Fuel": 0.8}


def units(**more: list[Any]) -> pl.DataFrame:
    columns: dict[str, list[Any]] = {
        "UniqueID_Final": ["a", "b", "c", "d", "e"],
        "PlantType": ["Combined Cycle", "Coal Steam", "Nuclear", "Solar PV", "O/G Steam"],
        "Region Name": ["PJM_Dom"] * 5,
        "Modeled Fuels": [
            "Natural Gas, Distillate Fuel Oil",
            "Bituminous",
            "Nuclear Fuel",
            "Solar",
            "Natural Gas",
        ],
        "Capacity (MW)": [500.0, 400.0, 1000.0, 50.0, 80.0],
        "Heat Rate (Btu/kWh)": [7000, 10000, 10400, 0, 11000],
        "On Line Year": [2010, 1980, 1985, 2020, 1970],
        "Retirement Year": [9999, 9999, 9999, 9999, 2022],
        "Mode 1 NOx Rate (lbs/mmBtu)": [0.02, 0.1, 0.0, 0.0, 0.2],
    }
    return pl.DataFrame(columns | more)


def test_units_on_line_are_read_with_costs_and_factors_of_their_first_fuel(
    saved: Callable[..., Path],
):
    others = {"Combined Cycle": 2.0}
    fleet = pjm_icarus.read_generators(saved(units()), PRICES, year=2024, other_cost_per_mwh=others)
    assert fleet.unit_id.tolist() == ["a", "b", "c"]
    assert fleet.unit_type.tolist() == ["combined_cycle", "coal_steam", "nuclear"]
    assert fleet.cost_per_mwh == pytest.approx([23, 25, 8.32])
    assert fleet.emissions_of("co2") == pytest.approx([7 * 53.06, 932.8, 0])
    assert fleet.emissions_of("nox") == pytest.approx([0.14 * 0.45359237, 0.45359237, 0])


def test_a_unit_is_kept_until_the_year_in_which_it_retires(saved: Callable[..., Path]):
    path = saved(units())
    assert "e" in pjm_icarus.read_generators(path, PRICES, year=2021).unit_id
    assert "e" not in pjm_icarus.read_generators(path, PRICES, year=2022).unit_id


def test_a_fuel_without_a_price_is_told_with_the_capacity_it_concerns(
    saved: Callable[..., Path],
):
    with pytest.raises(InputError, match=r"fuel_price_per_mmbtu .* got Bituminous.*400 MW"):
        pjm_icarus.read_generators(
            saved(units()), {"Natural Gas": 3.0, "Nuclear Fuel": 0.8}, year=2024
        )


def test_a_fuel_without_factors_is_told(saved: Callable[..., Path]):
    strange = units(**{"Modeled Fuels": ["Peat", "Bituminous", "Nuclear Fuel", "Solar", "Peat"]})
    with pytest.raises(
        InputError, match="fuel must be known of every fuel that is burnt, got Peat"
    ):
        pjm_icarus.read_generators(saved(strange), PRICES, year=2024)


def hours(count: int) -> pl.DataFrame:
    return pl.DataFrame({"Hour": [1] * count, "PJM_AP": [10.0] * count, "PJM_Dom": [5.0] * count})


def test_zones_are_added_up(saved: Callable[..., Path]):
    load = pjm_icarus.read_system_load(saved(hours(8760)), year=2025)
    assert load.net_load_mw.tolist() == [15.0] * 8760


def test_a_year_of_8760_hours_is_no_leap_year(saved: Callable[..., Path]):
    with pytest.raises(InputError, match="8,784 hours of 2024, a leap year"):
        pjm_icarus.read_system_load(saved(hours(8760)), year=2024)


def test_a_table_without_zones_is_refused(saved: Callable[..., Path]):
    with pytest.raises(InputError, match="begin with PJM_"):
        pjm_icarus.read_system_load(saved(hours(3).drop("PJM_AP", "PJM_Dom")), year=2025)


@pytest.mark.data
def test_the_fleet_of_pjm_serves_its_load(data_folder: Path):
    folder = data_folder / "generation"
    prices = dict.fromkeys(pjm_icarus.FACTORS, 2.5) | {"Distillate Fuel Oil": 18.0}
    fleet = pjm_icarus.read_generators(
        folder / "pjm_generators_icarus_2024.parquet", prices, year=2025
    )
    load = pjm_icarus.read_system_load(folder / "pjm_zonal_load_hourly_icarus.parquet", year=2025)
    year = merit_order.dispatch(merit_order.supply_stack(fleet), load.net_load_mw)
    assert fleet.capacity_mw.sum() == pytest.approx(159_670, abs=1)
    assert year.lost_load_mw.sum() == 0
    met = year.generation_mw.sum(axis=0)
    assert met == pytest.approx(load.load_mw, rel=1e-12)

"""The fleet of PJM in a study of welfare: from its tables to prices, and what is refused."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evergrid.core import config as config_file
from evergrid.core.errors import EvergridError
from evergrid.studies import welfare
from evergrid.studies.welfare import generator_fleets
from tests.data.generation.test_pjm_icarus import PRICES, units
from tests.studies.welfare_cases import configuration

LOW_MW, HIGH_MW = 600.0, 1400.0
ONE_OF_EACH = {
    "wear_factor": [1.0],
    "effort_factor": [1.0],
    "social_cost": ["epa_2.0"],
    "round_trip": [0.87],
    "baseline": ["smart"],
}


def tables(folder: Path) -> dict[str, Any]:
    """Three units, and a load that is low for half of every day."""
    units().write_parquet(folder / "units.parquet")
    load = ([LOW_MW] * 12 + [HIGH_MW] * 12) * 365
    half = [value / 2 for value in load]
    pl.DataFrame({"PJM_AP": half, "PJM_Dom": half}).write_parquet(folder / "load.parquet")
    return {
        "generators": str(folder / "units.parquet"),
        "load": str(folder / "load.parquet"),
        "fuel_price_per_mmbtu": PRICES,
    }


def a_config(pjm: dict[str, Any], **changed: Any) -> welfare.Config:
    given = {"plants": [], "days": [], "assumed": ONE_OF_EACH, "nodes": 21}
    vehicles = {"count": 2000, "driving_kwh_per_day": 1.0}
    given |= {"vehicles": vehicles, "pjm": pjm} | changed
    return config_file.parse(welfare.Config, configuration(**given))


def run(pjm: dict[str, Any], **changed: Any) -> Any:
    return welfare.run(a_config(pjm, **changed))


def test_prices_are_costs_of_the_last_unit_by_heat_rate_and_fuel(tmp_path: Path) -> None:
    made = run(tables(tmp_path))
    hours = made.tables["hours"]
    assert len(hours) == 8760
    # 1,000 MW of nuclear at 10.4 million Btu/MWh and 0.8 $, then gas at 7 and 3 $.
    at_night = hours.filter(pl.col("hour") < 12)["price_per_mwh_without"]
    by_day = hours.filter(pl.col("hour") >= 12)["price_per_mwh_without"]
    assert at_night.to_list() == pytest.approx([8.32] * 4380)
    assert by_day.to_list() == pytest.approx([21.0] * 4380)
    assert abs(made.summary["identity_residual"]) < 1e-12
    assert made.summary["lost_load_mwh"] == 0.0
    (note,) = (one for one in made.summary["notes"] if one.startswith("PJM, units on line"))
    assert "1,900 MW that burn something" in note


def test_units_out_of_service_and_a_greater_load_are_counted(tmp_path: Path) -> None:
    config = a_config(tables(tmp_path) | {"capacity_out": 0.2, "load_factor": 1.05})
    inputs = generator_fleets.read(config, tmp_path)
    assert inputs is not None
    assert inputs.supply.capacity_mw.tolist() == pytest.approx([800.0, 400.0, 320.0])
    assert inputs.supply.cost_per_mwh.tolist() == pytest.approx([8.32, 21.0, 25.0])
    sent = inputs.consumption_mwh / (1.0 - config.network.loss_share)
    assert sent.max() == pytest.approx(1.05 * HIGH_MW)
    assert set(inputs.kind) >= {"winter working day", "summer day of rest"}


@pytest.mark.parametrize(
    ("of_pjm", "changed", "told"),
    [
        ({}, {"rts": {"folder": "x"}}, "rts must stand alone"),
        ({}, {"plants": None}, "pjm must stand alone"),
        ({"fuel_price_per_mmbtu": {"Natural Gas": 3.0}}, {}, "got Bituminous; Nuclear Fuel"),
        ({"fuel_price_per_mmbtu": PRICES | {"Natural gas": 3.0}}, {}, "Did you mean Natural Gas"),
        ({"fuel_price_per_mmbtu": PRICES | {"Bituminous": -1.0}}, {}, "fuel_price_per_mmbtu"),
        ({"fuel_price_per_mmbtu": PRICES | {"Bituminous": 250.0}}, {}, "fuel_price_per_mmbtu"),
        ({"other_cost_per_mwh": {"Coal steam": 5.0}}, {}, "Did you mean Coal Steam"),
        ({"year": 2024}, {}, "a leap year"),
        ({"load": "nowhere.parquet"}, {}, "nowhere.parquet"),
        ({"load_factor": float("nan")}, {}, "load_factor"),
        ({}, {"commitment": {"first_day": "2025-06-16"}}, r"be given with \[rts\] only"),
        (
            {},
            {"carbon": {"price_per_t": 10.0, "in_costs": True}},
            r"in_costs must be false with \[pjm\]",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, of_pjm: dict[str, Any], changed: dict[str, Any], told: str
) -> None:
    given = tables(tmp_path) | of_pjm
    if changed.get("plants", 0) is None:
        changed = {"plants": configuration()["plants"]}
    with pytest.raises(EvergridError, match=told):
        run(given, **changed)


@pytest.mark.slow
@pytest.mark.data
def test_the_fleet_of_pjm_serves_a_year(data_folder: Path) -> None:
    folder = data_folder / "generation"
    prices = dict.fromkeys(("Natural Gas", "Bituminous", "Waste Coal", "Subbituminous"), 2.5)
    others = ("Petroleum Coke", "Fossil Waste", "Non-Fossil Waste", "Landfill Gas", "Biomass")
    prices |= dict.fromkeys(("MSW", "Nuclear Fuel", *others), 1.0)
    prices |= {"Distillate Fuel Oil": 18.0, "Residual Fuel Oil": 18.0}
    given = {
        "generators": str(folder / "pjm_generators_icarus_2024.parquet"),
        "load": str(folder / "pjm_zonal_load_hourly_icarus.parquet"),
        "fuel_price_per_mmbtu": prices,
    }
    made = run(given, vehicles={"count": 100_000})
    assert made.summary["lost_load_mwh"] == 0.0
    assert abs(made.summary["identity_residual"]) < 1e-12
    served = made.findings.inputs.consumption_mwh.sum()
    # 850.0 TWh sent out, as the table adds up, less what wires lose.
    lost = made.config.network.loss_share
    assert served == pytest.approx((1.0 - lost) * 850_008_192.0, rel=1e-6)

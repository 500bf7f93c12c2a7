"""A year accounts for all its energy, and cells are as warm as losses and air make them."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import InputError
from evergrid.studies.battery_life import climate_year
from evergrid.studies.battery_life.climate_year import ClimateYear
from evergrid.studies.battery_life.config import Charger, Config, Pack

HERE = Path(__file__).parent
COLD = {"name": "cold", "mean_c": 0.0}
V2G = [{"name": "no V2G"}, {"name": "V2G", "export_kwh": 15.0}]


def year(folder: Path = HERE, **changed: Any) -> ClimateYear:
    config = parse(Config, {"climate": [COLD], "strategy": V2G} | changed)
    return climate_year.of(config, config.climate[0], folder)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"thermal": {"preheat_c": 15.0}},
        {"charger": {"standby_w": 40.0, "round_trip": 0.8}},
        {"use": {"leave_h": 7.3, "return_h": 17.9}},
    ],
)
def test_all_energy_of_a_year_is_accounted_for(changed: dict[str, Any]):
    energy = year(**changed).energy
    out = energy.fed_kwh + energy.driving_kwh + energy.lost_in_cells_kwh
    out = out + energy.lost_in_charger_kwh + energy.preheating_kwh
    np.testing.assert_allclose(energy.drawn_kwh, out, rtol=1e-9)
    assert (energy.lost_in_charger_kwh > 0).all()


def test_driving_takes_what_the_days_ask():
    plain = year(use={"more_per_c_below": 0.0, "more_per_c_above": 0.0}).energy
    out_of_cells = 14.4 * 365
    heat_kwh = (7200 / 400) ** 2 * 0.08 * 2 * 365 / 1000  # two trips of an hour at 7.2 kW
    assert plain.driving_kwh == pytest.approx([out_of_cells - heat_kwh] * 2)
    assert (year().energy.driving_kwh > 1.3 * plain.driving_kwh).all()


def test_the_charger_has_the_round_trip_that_was_measured():
    pack, charger = Pack(), Charger(round_trip=0.87)
    cells = 1.0 - 11_000 * pack.resistance_ohm / pack.voltage_v**2
    found = climate_year.calibrated(charger, pack)
    assert found.round_trip(11.0) * cells**2 == pytest.approx(0.87, abs=1e-9)
    with pytest.raises(InputError, match="round_trip must lie in"):
        climate_year.calibrated(Charger(round_trip=0.99), pack)


def test_standby_is_drawn_in_every_hour_at_home_that_nothing_flows():
    more = year(charger={"standby_w": 100.0}).energy.drawn_kwh - year().energy.drawn_kwh
    state = year().state_of_charge
    rests = np.abs(np.diff(state, axis=1)) < 1e-12
    hour = (np.arange(state.shape[1] - 1) + 0.5) * 0.5 % 24
    home = (hour < 7) | (hour >= 18)
    assert more == pytest.approx((rests & home).sum(axis=1) * 0.5 * 0.1)


def test_cells_are_as_warm_as_their_losses_and_the_air_make_them():
    still = {"name": "still", "mean_c": 10.0, "season_c": 0.0, "day_c": 0.0}
    found = year(climate=[still])
    cells = found.temperature_c
    # Heat in over the year is heat out: mean rise times conductance.
    heat_w = found.energy.lost_in_cells_kwh * 1000 / 8760
    assert cells.mean(axis=1) - 10.0 == pytest.approx(heat_w / 20.0, rel=0.02)
    assert (cells[1] >= 10.0 - 1e-9).all()
    assert cells[:, 0] == pytest.approx(cells[:, -1], abs=1e-9)
    tight = year(climate=[still], thermal={"conductance_w_per_k": 1e5}).temperature_c
    np.testing.assert_allclose(tight, 10.0, atol=0.1)


def test_cold_packs_are_heated_before_they_leave():
    heated = year(thermal={"preheat_c": 15.0})
    leaving = np.arange(365) * 48 + 14
    assert (heated.temperature_c[:, leaving] >= 15.0).all()
    assert (year().temperature_c[:, leaving] < 15.0).any()
    assert (year().energy.preheating_kwh == 0).all()
    # A pack that is heated from as cold as the air every time takes 450 kJ/K, 0.125 kWh/K.
    night_c = heated.temperature_c[:, leaving - 1]
    most = (0.125 * np.maximum(15.0 - night_c, 0.0)).sum(axis=1)
    assert heated.energy.preheating_kwh == pytest.approx(most, rel=0.05)


def test_charging_that_the_cold_would_slow_is_counted():
    """At -10 C throughout cells take 5 % of 200 A: 4 kW at 400 V, of the 7.4 that are asked for."""
    frost = {"name": "frost", "mean_c": -10.0, "season_c": 0.0, "day_c": 0.0}
    given = {"climate": [frost], "thermal": {"conductance_w_per_k": 1e5}}
    found = year(**given)
    charged_kw = np.maximum(np.diff(found.state_of_charge, axis=1) * 60.0 / 0.5, 0.0)
    slow = charged_kw > 4.0
    assert found.slowed.hours == pytest.approx(0.5 * slow.sum(axis=1))
    late = (charged_kw - 4.0)[0][slow[0]].sum() * 0.5
    assert found.slowed.late_kwh[0] == pytest.approx(late, rel=0.02)  # cells are a little warmer
    mild = year(climate=[frost | {"mean_c": 16.0}]).slowed
    assert mild.hours.tolist() == mild.late_kwh.tolist() == [0.0, 0.0]


def days(first: str, count: int) -> pl.DataFrame:
    start = np.datetime64(first, "D")
    day = start + np.arange(count)
    warm = 10.0 + 10.0 * np.sin(np.arange(count) / 50.0)
    return pl.DataFrame({"day": pl.Series(day), "temperature_c": warm})


def test_a_table_of_days_is_the_weather_from_new_year(tmp_path: Path):
    days("2023-03-01", 400).write_parquet(tmp_path / "days.parquet")
    city = {"name": "city", "weather_file": "days.parquet"}
    found = year(tmp_path, climate=[city])
    assert found.day_c[59] == pytest.approx(10.0)  # first of March
    assert found.day_c[60] == pytest.approx(10.0 + 10.0 * np.sin(1 / 50))
    assert len(found.day_c) == 365
    warmer = year(tmp_path, climate=[city | {"mean_c": 20.0}]).day_c
    assert warmer.mean() == pytest.approx(20.0)
    np.testing.assert_allclose(np.diff(warmer), np.diff(found.day_c), atol=1e-12)


@pytest.mark.parametrize("keep", [364, 200])
def test_a_year_with_gaps_is_refused(keep: int, tmp_path: Path):
    table = days("2023-01-01", 400)
    pl.concat([table[:keep], table[keep + 5 : 365]]).write_parquet(tmp_path / "days.parquet")
    city = {"name": "city", "weather_file": "days.parquet"}
    with pytest.raises(InputError, match="have 365 days in a row"):
        year(tmp_path, climate=[city])


@pytest.mark.data
def test_a_typical_year_of_a_city_is_read_by_the_hour(data_folder: Path, tmp_path: Path):
    table = pl.read_parquet(data_folder / "weather" / "tmy3_drybulb_c_us_cities_hourly.parquet")
    place = next(name for name in table.columns if table[name].dtype.is_float())
    celsius = table[place].to_numpy().astype(float)
    when = np.datetime64("2023-01-01T00", "us") + np.arange(8760) * np.timedelta64(1, "h")
    stamps = pl.Series(when).dt.replace_time_zone("UTC")
    hourly = pl.DataFrame({"time_utc": stamps, "temperature_c": celsius})
    hourly.write_parquet(tmp_path / "city.parquet")
    found = year(tmp_path, climate=[{"name": place, "weather_file": "city.parquet"}])
    np.testing.assert_allclose(found.day_c, celsius.reshape(365, 24).mean(axis=1), atol=1e-9)

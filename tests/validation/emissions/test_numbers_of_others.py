"""Factors of Germany and a battery on California's marginal rates, against numbers of others."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evergrid.data.generation import by_type
from evergrid.dispatch.carbon.forecast import FactorView
from evergrid.engine.uncoupled import kernel
from evergrid.engine.uncoupled.kernel import StoreSlots
from evergrid.impact.emissions import generation_factors as factors
from evergrid.impact.emissions.blend import LeadForecasts
from evergrid.impact.emissions.consequence import cycle_kg
from evergrid.model.prices import Prices

FUELS = {
    "fossil_brown_coal_lignite": 1.09,
    "fossil_hard_coal": 0.85,
    "fossil_gas": 0.40,
    "fossil_oil": 0.75,
}
HALF = float(np.sqrt(0.87))
HOURS = {
    "all": range(24),
    "night": range(6),
    "midday": range(11, 16),
    "evening": range(17, 21),
}
ESTIMATORS = pl.read_csv(Path(__file__).parent / "outside_estimators.csv")


def germany(data_folder: Path, year: int) -> tuple[factors.FuelEmissions, np.ndarray]:
    """What the hours of a local year emitted, and the local hour of each."""
    read, _ = by_type.read(data_folder / "generation/de_generation_by_type_2019_2020.parquet")
    local = (
        pl.Series(read.time_utc).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    )
    rows = (local.dt.year() == year).to_numpy()
    energy = {name: values[rows] for name, values in read.energy_mwh.items()}
    of = factors.emissions(energy, FUELS, without=frozenset({"hydro_pumped_storage"}))
    return of, local.dt.hour().to_numpy()[rows]


@pytest.mark.parametrize(
    ("year", "average", "marginal", "by_average", "by_marginal"),
    [(2019, 0.342, 0.840, -0.26, 1.30), (2020, 0.305, 0.798, -0.29, 1.47)],
)
def test_germany_by_average_factors_gains_and_by_marginal_ones_loses(
    data_folder: Path,
    year: int,
    average: float,
    marginal: float,
    by_average: float,
    by_marginal: float,
):
    of, hour = germany(data_folder, year)
    assert round(factors.average_kg_per_mwh(of) / 1000.0, 3) == average
    assert round(factors.marginal(of).kg_per_mwh / 1000.0, 3) == marginal
    midday, evening = (np.flatnonzero(np.isin(hour, HOURS[part])) for part in ("midday", "evening"))
    mix = [
        float(1000.0 * of.emitted_t[rows].sum() / of.total_mwh[rows].sum())
        for rows in (midday, evening)
    ]
    # The published result is that of the factors as they are printed.
    slope = [float(round(factors.marginal(of, rows).kg_per_mwh)) for rows in (midday, evening)]
    assert round(cycle_kg(10_000.0, mix[0], mix[1], 0.87) / 1000.0, 2) == by_average
    assert round(cycle_kg(10_000.0, slope[0], slope[1], 0.87) / 1000.0, 2) == by_marginal


@pytest.mark.parametrize("year", [2019, 2020])
def test_marginal_factors_of_germany_lie_beside_those_of_outside_estimators(
    data_folder: Path, year: int
):
    """The same regression by another program to its last digit, another method as far as stated."""
    of, hour = germany(data_folder, year)
    rows = ESTIMATORS.filter(pl.col("year") == year).to_dicts()
    assert len(rows) == 2 * len(HOURS)
    for row in rows:
        ours = factors.marginal(of, np.flatnonzero(np.isin(hour, HOURS[row["hours"]])))
        percent = 100.0 * (ours.kg_per_mwh / row["kg_per_mwh"] - 1.0)
        if row["estimator"] == "statsmodels":
            assert ours.kg_per_mwh == pytest.approx(row["kg_per_mwh"], abs=5.1e-5), row
            assert ours.standard_error == pytest.approx(row["standard_error"], abs=5.1e-6), row
        else:
            assert percent == pytest.approx(row["ours_less_it_percent"], abs=0.051), row


def best_change(factor: np.ndarray, step_h: float, held_kwh: float, end_kwh: float) -> np.ndarray:
    """Change of energy in the cells of 1 MW and 4 MWh that emits least, MWh."""
    steps = len(factor)
    floor = np.zeros(steps)
    floor[-1] = end_kwh
    slots = StoreSlots(
        first=np.array([0]),
        stop=np.array([steps]),
        drain_kwh=np.full(steps, step_h / HALF),
        gain_kwh=np.full(steps, step_h * HALF),
        feed_slope=factor * HALF,
        draw_slope=factor / HALF,
        floor_kwh=floor,
        ceiling_kwh=np.full(steps, 4.0),
        start_kwh=np.array([held_kwh]),
        end_value=np.array([0.0 if end_kwh else float(np.median(factor))]),
    )
    change, worth, kept = np.zeros(steps), np.zeros(steps), np.zeros(1, bool)
    kernel.minimise(slots, change, worth, kept)
    assert kept[0]
    return change


def emitted(change: np.ndarray, factor: np.ndarray) -> float:
    """Tonnes of what is drawn and fed for a change of energy in the cells, MWh and kg/kWh."""
    return float((factor * np.where(change > 0, change / HALF, change * HALF)).sum())


@pytest.mark.parametrize(
    ("region", "hourly", "five_minutes"), [("pge", -313.40, -389.73), ("sce", -359.69, -435.92)]
)
def test_a_battery_on_californias_marginal_rates_of_2020(
    data_folder: Path, region: str, hourly: float, five_minutes: float
):
    table = pl.read_parquet(data_folder / "emissions/sgip_moer_caiso_5min_2019_2020.parquet")
    year = table.filter(pl.col("time_utc").dt.year() == 2020)
    rate = year[f"moer_{region}_kg_per_kwh"].to_numpy().astype(float)
    for factor, step_h, tonnes in (
        (rate.reshape(-1, 12).mean(axis=1), 1.0, hourly),
        (rate, 1.0 / 12.0, five_minutes),
    ):
        found = emitted(best_change(factor, step_h, 2.0, 2.0), factor)
        assert found == pytest.approx(tonnes, abs=0.0051)


@pytest.mark.slow
def test_forecasts_reach_the_share_of_foresight_that_is_asked_for(data_folder: Path):
    table = pl.read_parquet(data_folder / "emissions/sgip_moer_pge_forecast_5min_2020-08.parquet")
    rate = table["moer_actual"].to_numpy().astype(float)
    made = table.select([f"f{k}" for k in range(1, 37)]).to_numpy().astype(float)
    whole = emitted(best_change(rate, 1.0 / 12.0, 2.0, 2.0), rate)
    assert whole == pytest.approx(-28.187, abs=5e-4)

    before = pl.read_parquet(data_folder / "emissions/sgip_moer_caiso_5min_2019_2020.parquet")
    past = before.filter(pl.col("time_utc") < table["time_utc"][0])["moer_pge_kg_per_kwh"]
    nothing = np.zeros(len(rate))
    times = table["time_utc"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
    view = FactorView(
        Prices(times, nothing, nothing, rate, "XXX"),
        LeadForecasts(rate, made).blended_kg_per_mwh,
        past.to_numpy().astype(float)[-10 * 288 :],
        288,
    )
    held, total, window = 2.0, 0.0, 216
    for now in range(len(rate)):
        stop = min(now + window, len(rate))
        seen = view(now, stop).carbon_price_per_mwh
        change = best_change(seen, 1.0 / 12.0, held, 2.0 if stop == len(rate) else 0.0)[:1]
        total += emitted(change, rate[now : now + 1])
        held += float(change[0])
    assert held == pytest.approx(2.0, abs=1e-6)
    assert total / whole >= 0.62

"""The portfolio of a configuration: sessions, sites, prices and loads brought to one horizon."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, InputError
from evergrid.inputs.assembly import StudyInputs, load
from evergrid.inputs.tables import ForecastSource
from evergrid.studies import plan
from tests.studies.cases import Planned, sessions

Load = Callable[..., StudyInputs]
FLEET = {
    "place": "home",
    "vehicles": 4,
    "sites": ["street"],
    "time_zone": "Europe/Oslo",
}


@pytest.fixture
def loaded(planned: Planned):
    """Loads a changed configuration over the files of a case."""
    folder = planned(1)[1].parent
    whole = planned(1)[0].config.model_dump(mode="json", exclude_none=True)

    def make(
        *, seed: int = 0, forecast: ForecastSource | None = None, **changed: Any
    ) -> StudyInputs:
        raw = {key: value for key, value in (whole | changed).items() if value is not None}
        return load(parse(plan.Config, raw), forecast, folder=folder, seed=seed)

    return make


def test_sessions_that_began_before_are_taken_to_have_charged(loaded: Load, planned: Planned):
    whole = pl.read_parquet(planned(1)[1].parent / "sessions.parquet")
    portfolio = loaded().portfolio
    start = portfolio.grid.times[0]
    assert (portfolio.sessions.arrival_utc >= start).all()
    assert any("began before the horizon" in note for note in loaded().notes)
    for name, before, now in zip(
        portfolio.sessions.session_id,
        whole["energy_arrival_kwh"].to_list(),
        portfolio.sessions.energy_arrival_kwh,
        strict=False,
    ):
        assert now >= before, name


def test_a_session_that_began_before_holds_what_it_charged_since_in_the_cells(
    loaded: Load, tmp_path: Path
):
    """Plugged in 2 h before at 5 kWh: 2 h x 10 kW x 0.9 = 18 kWh more, up to the 20 kWh it owes."""
    start = datetime(2024, 1, 10, tzinfo=UTC)
    table = sessions(np.random.default_rng(0), 3).with_columns(
        arrival_utc=pl.Series([start - timedelta(hours=2)] * 2 + [start + timedelta(hours=1)]),
        departure_utc=pl.Series([start + timedelta(hours=9)] * 3),
        energy_arrival_kwh=pl.lit(5.0),
        energy_departure_kwh=pl.Series([29.0, 20.0, 29.0]),
        energy_reserve_kwh=pl.lit(0.0),
        max_charge_kw=pl.lit(10.0),
        efficiency_charge=pl.lit(0.9),
    )
    table.write_parquet(tmp_path / "begun.parquet")
    portfolio = loaded(sessions={"file": str(tmp_path / "begun.parquet")}, battery=None).portfolio
    assert portfolio.sessions.energy_arrival_kwh == pytest.approx([23.0, 20.0, 5.0])


def test_only_the_named_sites_are_kept_and_an_unknown_one_is_refused(loaded: Load):
    kept = loaded(sessions={"file": "sessions.parquet", "sites": ["office"]}, battery=())
    assert set(kept.portfolio.sessions.site_id) == {"office"}
    with pytest.raises(InputError, match=r"sites must be sites of the source, got offcie"):
        loaded(sessions={"file": "sessions.parquet", "sites": ["offcie"]})


def test_shifted_sessions_lie_weeks_later(loaded: Load):
    plain = loaded().portfolio.sessions
    with pytest.raises(InputError, match="touch at least one session"):
        loaded(sessions={"file": "sessions.parquet", "shift_weeks": 1}, battery=None)
    horizon = {"start": "2024-01-17", "step_min": 30}
    source = {"file": "prices.parquet", "shift_weeks": 1}
    sessions = {"file": "sessions.parquet", "shift_weeks": 1}
    moved = loaded(sessions=sessions, prices=source, horizon=horizon, site_load_file=None)
    later = moved.portfolio.sessions.arrival_utc - plain.arrival_utc
    assert (later == np.timedelta64(7, "D")).all()


def test_fee_and_share_change_the_prices_they_name(loaded: Load):
    plain = loaded().portfolio.prices
    source = {"file": "prices.parquet", "import_fee_per_mwh": 30.0, "export_share": 0.5}
    changed = loaded(prices=source).portfolio.prices
    assert changed.import_price_per_mwh == pytest.approx(plain.import_price_per_mwh + 30)
    assert changed.export_price_per_mwh == pytest.approx(plain.export_price_per_mwh / 2)
    assert changed.carbon_price_per_mwh.tolist() == plain.carbon_price_per_mwh.tolist()


def test_sites_are_made_of_the_sessions_where_none_are_given(loaded: Load):
    free = loaded(site=(), battery=None, site_load_file=None)
    assert set(free.portfolio.sites.site_id) == {"street", "office"}
    assert np.isinf(free.portfolio.sites.import_limit_kw).all()
    assert any("nothing limits" in note for note in free.notes)


def test_generated_sessions_follow_the_seed_and_join_those_of_the_file(loaded: Load):
    first, again, other = (loaded(fleet=[FLEET], seed=seed).portfolio for seed in (1, 1, 2))
    for name, values in first.sessions.columns().items():
        assert values.tolist() == again.sessions.columns()[name].tolist()
    arrivals = [portfolio.sessions.arrival_utc.tolist() for portfolio in (first, other)]
    assert arrivals[0] != arrivals[1]
    assert {"s0", "battery-1"} < set(first.sessions.session_id)


def test_a_battery_alone_is_a_fleet(loaded: Load):
    alone = loaded(sessions=None).portfolio
    assert alone.sessions.session_id.tolist() == ["battery-1"]
    assert alone.sessions.energy_departure_kwh.tolist() == [10.0]


def test_no_fleet_at_all_is_refused(loaded: Load):
    with pytest.raises(ConfigError, match=r"Name a file in \[sessions\]"):
        loaded(sessions=None, battery=None)


@pytest.mark.parametrize(
    ("table", "near"), [("prices", "nl_dayahead"), ("sessions", "norway"), ("sessions", "table")]
)
def test_an_unknown_format_names_the_nearest(loaded: Load, table: str, near: str):
    source = {"file": f"{table}.parquet", "format": near[:-1]}
    with pytest.raises(ConfigError, match=rf"{table}\.format .*Did you mean {near}"):
        loaded(**{table: source})


def test_a_load_of_a_site_that_is_not_in_the_tree_is_refused(loaded: Load):
    with pytest.raises(InputError, match="site_id must name one of the sites, got office"):
        loaded(site=[{"site_id": "street"}], sessions=None)


def test_a_forecast_pays_the_fee_of_the_prices_and_must_be_of_their_money(loaded: Load):
    source = {"file": "prices.parquet", "import_fee_per_mwh": 30.0, "export_share": 0.5}
    forecast = ForecastSource(file="prices.parquet")
    made = loaded(prices=source, forecast=forecast)
    assert made.forecast is not None
    for name, values in made.portfolio.prices.columns().items():
        assert made.forecast.columns()[name].tolist() == values.tolist()
    dollars = ForecastSource(file="prices.parquet", currency="USD")
    with pytest.raises(InputError, match=r"be the currency of the prices, EUR, got USD"):
        loaded(prices=source, forecast=dollars)


def test_stamps_that_are_moved_to_the_minute_are_noted(loaded: Load, planned: Planned):
    folder = planned(1)[1].parent
    late = pl.read_parquet(folder / "prices.parquet").with_columns(
        pl.col("time_utc") + pl.duration(seconds=1)
    )
    late.write_parquet(folder / "late.parquet")
    made = loaded(prices={"file": "late.parquet"})
    assert made.portfolio.prices.import_price_per_mwh.tolist() == (
        loaded().portfolio.prices.import_price_per_mwh.tolist()
    )
    assert any("24 time stamps of prices" in note for note in made.notes)

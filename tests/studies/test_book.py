"""The book of a configuration: sessions, sites, prices and loads brought to one horizon."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from evergrid.core.config import parse
from evergrid.core.errors import ConfigError, InputError
from evergrid.studies import plan
from evergrid.studies.book import Loaded, load
from evergrid.studies.inputs import PriceSource
from tests.studies.cases import Planned

Load = Callable[..., Loaded]
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

    def make(*, seed: int = 0, forecast: PriceSource | None = None, **changed: Any) -> Loaded:
        raw = {key: value for key, value in (whole | changed).items() if value is not None}
        return load(parse(plan.Config, raw), forecast, folder=folder, seed=seed)

    return make


def test_sessions_that_began_before_are_taken_to_have_charged(loaded: Load, planned: Planned):
    whole = pl.read_parquet(planned(1)[1].parent / "sessions.parquet")
    book = loaded().portfolio
    start = book.grid.times[0]
    assert (book.sessions.arrival_utc >= start).all()
    assert any("began before the horizon" in note for note in loaded().notes)
    for name, before, now in zip(
        book.sessions.session_id,
        whole["energy_arrival_kwh"].to_list(),
        book.sessions.energy_arrival_kwh,
        strict=False,
    ):
        assert now >= before, name


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
    arrivals = [book.sessions.arrival_utc.tolist() for book in (first, other)]
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

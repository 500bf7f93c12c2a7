"""Frequency response and the duty of signals: published curves, and real hours."""

from datetime import datetime

import numpy as np
import polars as pl
import pytest

from evergrid.core.errors import InputError
from evergrid.markets.rules import frequency_response
from evergrid.markets.rules.frequency_response import PRODUCTS, FrequencyResponse, named
from evergrid.markets.signal_statistics import statistics, worst_excursion_mwh
from tests.markets.test_pjm_score import DATA, needs_data

FREQUENCY = DATA.parent / "frequency"
HOUR = FREQUENCY / "multi_area_1s_one_hour_mhz_deviation.parquet"
TOLEDO = FREQUENCY / "toledo_2s_iberian_blackout_2025-04-28.parquet"


@pytest.mark.parametrize(
    ("product", "hertz", "share"),
    [
        ("fcr", 49.95, 0.25),
        ("fcr", 49.9, 0.5),
        ("fcr", 49.8, 1.0),
        ("fcr", 49.5, 1.0),
        ("fcr", 50.1, -0.5),
        ("fcr", 49.995, 0.0),
        ("dc", 49.985, 0.0),
        ("dc", 49.9, 0.022973),
        ("dc", 49.85, 0.036486),
        ("dc", 49.8, 0.05),
        ("dc", 49.7, 0.366667),
        ("dc", 49.65, 0.525),
        ("dc", 49.5, 1.0),
        ("dc", 50.5, -1.0),
        ("dm", 49.9, 0.05),
        ("dm", 49.8, 1.0),
        ("dr", 49.8, 1.0),
        ("dr", 49.985, 0.0),
        ("fcr_d_up", 49.9, 0.0),
        ("fcr_d_up", 49.7, 0.5),
        ("fcr_d_up", 50.4, 0.0),
        ("fcr_n", 49.9, 1.0),
    ],
)
def test_shares_are_those_of_the_rule_books(product: str, hertz: float, share: float) -> None:
    due = named(product).due(np.array([hertz - 50.0]))
    assert due[0] == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=list(PRODUCTS))
def test_a_lower_frequency_never_asks_for_less(product: FrequencyResponse) -> None:
    due = product.due(np.linspace(-1.0, 1.0, 2001))
    assert (np.diff(due) <= 1e-12).all()
    assert np.abs(due).max() <= 1.0


def test_an_unknown_product_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="fcr_n"):
        named("fcrn")


# -- real hours -----------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize(
    ("place", "product", "mean_abs", "rms", "fed", "excursion"),
    [
        ("KK", "fcr", 0.055, 0.078, 0.035, 0.028),
        ("STO", "fcr_n", 0.513, 0.581, 0.490, 0.466),
        ("STO", "fcr_d_up", 0.0027, 0.013, 0.0027, 0.0027),
        ("LON", "dc", 0.0127, 0.017, 0.012, 0.011),
        ("LON", "dm", 0.0759, 0.185, 0.074, 0.071),
        ("LON", "dr", 0.2523, 0.332, 0.231, 0.209),
    ],
)
def test_the_duty_of_a_measured_hour(
    place: str, product: str, mean_abs: float, rms: float, fed: float, excursion: float
) -> None:
    share = named(product).due(pl.read_parquet(HOUR)[place].to_numpy() / 1000.0)
    found = statistics(share, 1.0)
    half = 0.6 * 10.0 ** -len(str(fed).split(".")[1])
    assert found.mean_abs == pytest.approx(mean_abs, abs=6e-4)
    assert found.rms == pytest.approx(rms, abs=6e-4)
    assert found.fed_mwh_per_h == pytest.approx(fed, abs=half)
    assert worst_excursion_mwh(share, 1.0, 1.0) == pytest.approx(excursion, abs=8e-4)


@needs_data
@pytest.mark.parametrize(
    ("day", "mean_abs", "rms", "fed", "excursions"),
    [
        (16, 0.505, 0.605, 0.2275, (0.250, 0.419, 0.608, 0.741, 1.21)),
        (17, 0.571, 0.670, 0.2107, (0.250, 0.476, 0.629, 1.107, 3.63)),
    ],
)
def test_the_duty_of_a_day_of_regulation(
    day: int, mean_abs: float, rms: float, fed: float, excursions: tuple[float, ...]
) -> None:
    share = pl.read_parquet(DATA / f"pjm_regd_2s_2020-07-{day}.parquet")["regd"].to_numpy()
    found = statistics(share, 2.0)
    assert (found.mean_abs, found.rms) == pytest.approx((mean_abs, rms), abs=6e-4)
    assert found.fed_mwh_per_h == pytest.approx(fed, abs=6e-5)
    for hours, most in zip((0.25, 0.5, 1.0, 4.0, 24.0), excursions, strict=True):
        assert worst_excursion_mwh(share, 2.0, hours) == pytest.approx(most, abs=3e-3)


@needs_data
def test_the_morning_of_the_iberian_blackout() -> None:
    rows = pl.read_parquet(TOLEDO).filter(pl.col("time_local") <= datetime(2025, 4, 28, 12, 33, 24))
    share = frequency_response.FCR.due(rows["freq_hz"].to_numpy() - 50.0)
    found = statistics(share, 2.0)
    assert found.mean_abs == pytest.approx(0.071, abs=6e-4)
    at = dict(zip(rows["time_local"].dt.strftime("%H:%M:%S"), share, strict=True))
    assert at["12:33:18"] == pytest.approx(0.49, abs=1e-6)
    assert at["12:33:20"] == 1.0


def test_an_excursion_counts_from_the_begin_of_its_block() -> None:
    share = np.array([1.0] * 150 + [-1.0] * 300 + [0.0] * 150)  # 5 min up, 10 down, 5 still
    assert worst_excursion_mwh(share, 2.0, 0.25) == pytest.approx(10 / 60)
    assert worst_excursion_mwh(share, 2.0, 1 / 12) == pytest.approx(5 / 60)
    assert statistics(np.array([1.0, np.nan, -1.0]), 2.0).mean_abs == 1.0

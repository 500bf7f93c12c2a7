"""What a simulated day brings: a real signal and real prices, or made-up ones, told as such.

The real day is PJM's RegD of 16 July 2020 under prices of July 2022: signal and prices are of
different years, which is told. Without the data folder both are made up.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Float

LEAD = timedelta(minutes=5)  # in which stations connect, so that the first hour has a plan
START = datetime(2022, 7, 12, 4, tzinfo=UTC)  # midnight in PJM
SIGNAL_TICK_S = 2.0
SIGNAL_HOURS = 25
PRICE_HOURS = 24 * 6
REAL_SIGNAL = "regulation/pjm_regd_2s_2020-07-16.parquet"
REAL_MARKET = "regulation/pjm_regulation_clearing_hourly_2022-07.csv"
REAL_PRICES = "prices/pjm_rto_rt_lmp_hourly_2022-07.csv"
# Of the made-up signal, which returns to 0 within some minutes.
RETURN_S, SPREAD = 240.0, 0.55


@dataclass(frozen=True)
class Day:
    """Where a day's signal and prices are.

    Attributes:
        start_s: Of the day, UTC seconds since 1970.
        signal: File of the signal.
        market: File of the prices of regulation.
        prices: File of the prices of energy.
        prices_format: Of that file.
        mileage_ratio: Of the signal.
        note: Where all of it came from, a sentence.
    """

    start_s: float
    signal: Path
    market: Path
    prices: Path
    prices_format: str
    mileage_ratio: float
    note: str


def real(data: Path) -> Day:
    """The real day, from the data folder."""
    return Day(
        START.timestamp(),
        data / REAL_SIGNAL,
        data / REAL_MARKET,
        data / REAL_PRICES,
        "pjm_lmp",
        5.5,
        "Signal: PJM's RegD of 16 July 2020. Prices: PJM, 12 July 2022, another year than the "
        "signal's.",
    )


def made_up(folder: Path, seed: int) -> Day:
    """A day that is drawn at random, written into a folder.

    Args:
        folder: Where its files go.
        seed: Of the signal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    share = signal(round(SIGNAL_HOURS * 3600 / SIGNAL_TICK_S), seed)
    seconds = np.arange(len(share)) * SIGNAL_TICK_S
    pl.DataFrame({"second": seconds, "signal": share}).write_parquet(folder / "signal.parquet")
    hours = [START + timedelta(hours=hour - 1) for hour in range(PRICE_HOURS)]
    angle = 2 * np.pi * (np.arange(PRICE_HOURS) % 24) / 24
    price = np.round(60.0 - 35.0 * np.cos(angle) + 10.0 * np.sin(2 * angle), 2)
    stamps = [f"{hour:%Y-%m-%dT%H:%M:%SZ}" for hour in hours]
    pl.DataFrame(
        {"time_utc": stamps, "import_price_per_mwh": price, "export_price_per_mwh": price}
    ).write_csv(folder / "prices.csv")
    pl.DataFrame(
        {
            "time_begin_utc": stamps,
            "reg_ccp": np.full(PRICE_HOURS, 25.0),
            "reg_pcp": np.full(PRICE_HOURS, 2.0),
        }
    ).write_csv(folder / "market.csv")
    return Day(
        START.timestamp(),
        folder / "signal.parquet",
        folder / "market.csv",
        folder / "prices.csv",
        "table",
        3.0,
        "Signal and prices are made up: set EVERGRID_DATA to the data folder for a real day.",
    )


def signal(ticks: int, seed: int) -> Float[Array, " tick"]:
    """A made-up regulation signal: a noise that returns to 0, cut to [-1, 1].

    Args:
        ticks: How many.
        seed: Of the noise.
    """
    random = np.random.default_rng(seed)
    keep = np.exp(-SIGNAL_TICK_S / RETURN_S)
    noise = random.normal(0.0, SPREAD * np.sqrt(1 - keep**2), ticks)
    share = np.empty(ticks)
    value = 0.0
    for tick in range(ticks):
        value = keep * value + noise[tick]
        share[tick] = value
    return np.round(np.clip(share, -1.0, 1.0), 4)

"""Day-ahead prices and true out-of-sample forecasts of the EPF benchmark (DE, PJM)."""

from dataclasses import replace
from pathlib import Path

from evergrid.data.meta import Meta
from evergrid.data.prices import price_series
from evergrid.data.prices.price_format import PriceFormat
from evergrid.data.prices.price_series import Instant
from evergrid.model.prices import Prices

ACTUAL = "real_price"
COLUMNS = (ACTUAL, "dnn_ensemble", "lear_ensemble", "dnn_1", "lear_56", "lear_1456")
GERMANY = PriceFormat(
    name="epf",
    title="Day-ahead price of Germany",
    time="time_local_naive",
    price=ACTUAL,
    currency="EUR",
    licence_class="A",
    licence="Apache-2.0",
    origin="J. Lago et al. (2021), Applied Energy; epftoolbox",
    utc_offset_h=1.0,
)
MARKETS = {
    "DE": GERMANY,
    "PJM": replace(
        GERMANY,
        title="Day-ahead price of PJM, COMED zone by general knowledge",
        currency="USD",
        utc_offset_h=-5.0,
    ),
}


def read(
    path: Path,
    *,
    column: str = ACTUAL,
    market: str | None = None,
    start: Instant | None = None,
    end: Instant | None = None,
    gap: str = "error",
) -> tuple[Prices, Meta]:
    """Actual or forecast day-ahead prices of the benchmark.

    Days have 24 hours all year in the source, so stamps are read as standard time without
    summer time.

    Args:
        path: Parquet or CSV with `time_local_naive` (hour beginning) and a column per series.
        column: `real_price`, or one of the forecasts made the day before.
        market: One of `MARKETS`; None takes it from the file name, as in ``..._DE_...``.
        start: First instant to keep, as in `PriceFormat.read`.
        end: First instant to leave out.
        gap: What is done with gaps.

    Raises:
        InputError: An unknown column or market, and as `PriceFormat.read`.
    """
    price_series.chosen("column", column, COLUMNS, source="epf")
    name = price_series.chosen("market", market or _named(path), list(MARKETS), source="epf")
    of = MARKETS[name]
    clock = f"days of 24 hours read as standard time, {of.time_zone}"
    notes = {"column": column, "clock": clock}
    here = replace(of, title=f"{of.title}: {column}", price=column, notes=notes)
    return here.read(path, start=start, end=end, gap=gap)


def _named(path: Path) -> str:
    """The market in a file name; empty when none or several are in it."""
    words = path.stem.split("_")
    found = [name for name in MARKETS if name in words]
    return found[0] if len(found) == 1 else ""

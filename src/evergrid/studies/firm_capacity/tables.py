"""The tables of firm capacity: what was promised, by what, and how it fared."""

import numpy as np
import polars as pl

from evergrid.core.arrays import Array, Shaped
from evergrid.data.tables import sessions_frame, weather_frame
from evergrid.model.session import Sessions
from evergrid.model.time_series.weather import Weather
from evergrid.studies.firm_capacity.model import LEVELS
from evergrid.studies.firm_capacity.offers import FirmCapacityResults


def inputs(sessions: Sessions, weather: Weather | None) -> dict[str, pl.DataFrame]:
    """The tables that went in, by name."""
    read = {"sessions": sessions_frame(sessions)}
    return read if weather is None else read | {"weather": weather_frame(weather)}


def results(found: FirmCapacityResults) -> dict[str, pl.DataFrame]:
    """The tables that came out, by name."""
    return {
        "offers": offers(found),
        "blocks": blocks(found),
        "vehicles": vehicles(found),
        "growth": growth(found),
        "held_out": held_out(found),
        "rules": pl.DataFrame(found.rules),
        "quarters": pl.DataFrame(found.quarters),
        "ahead": pl.DataFrame(found.ahead).with_columns(pl.col("day").str.to_date())
        if found.ahead
        else pl.DataFrame(),
        "model": model(found),
        "methods": methods(found),
    }


def offers(found: FirmCapacityResults) -> pl.DataFrame:
    """What can be promised of each coming step at each confidence."""
    steps = found.grid.steps
    asked = found.confidence
    return pl.DataFrame(
        {
            "time_utc": _utc(np.tile(found.grid.times, len(asked))),
            "confidence": np.repeat(asked, steps),
            "firm_kw": found.over_time(found.coming_kw).ravel(),
            "expected_kw": np.tile(found.over_time(found.coming_mean_kw), len(asked)),
            "calibrated": np.repeat([level not in found.by_model for level in asked], steps),
        }
    )


def blocks(found: FirmCapacityResults) -> pl.DataFrame:
    """What can be promised of every step of each coming block together."""
    levels, days, count = found.block_kw.shape
    frame = pl.DataFrame(
        {
            "time_utc": _utc(np.broadcast_to(found.block_utc, (levels, days, count))),
            "block_h": np.full(levels * days * count, found.block_h),
            "confidence": np.repeat(found.confidence, days * count),
            "firm_kw": found.block_kw.ravel(),
        }
    )
    # A block whose start a clock change skips begins with the one after it.
    return frame.unique(["time_utc", "confidence"], keep="last", maintain_order=True)


def vehicles(found: FirmCapacityResults) -> pl.DataFrame:
    """Each vehicle in each step of the first coming day that is no odd one."""
    of = found.model.vehicles
    assets, steps = of.probability.shape
    return pl.DataFrame(
        {
            "asset_id": np.repeat(of.asset_id.astype(str), steps),
            "time_utc": _utc(np.tile(found.model.times, assets)),
            "probability": of.probability.ravel(),
            "power_kw": of.power_kw.ravel(),
            "energy_kwh": of.energy_kwh.ravel(),
            "pooled": np.repeat(of.pooled, steps),
        }
    )


def growth(found: FirmCapacityResults) -> pl.DataFrame:
    """Firm power of fleets of many sizes at the busiest step."""
    grown = found.model.growth
    return pl.DataFrame(
        {
            "vehicles": grown.vehicles,
            "confidence": np.full(len(grown.vehicles), grown.confidence),
            "firm_kw": grown.common_kw,
            "firm_low_kw": grown.low_kw,
            "firm_high_kw": grown.high_kw,
            "independent_kw": grown.independent_kw,
            "expected_kw": grown.mean_kw * grown.vehicles,
        }
    )


def held_out(found: FirmCapacityResults) -> pl.DataFrame:
    """What came, was expected and had been promised on each judged day."""
    judged = np.flatnonzero(found.past.judged)
    steps = found.past.power_kw.shape[1]
    columns = {
        "day": np.repeat(found.days[judged].astype("datetime64[ms]"), steps),
        "hour_local": np.tile(np.arange(steps) * 24 / steps, len(judged)),
        "came_kw": found.past.power_kw[judged].ravel(),
        "expected_kw": found.expected_kw[judged].ravel(),
    }
    for level, power in zip(found.confidence, found.promised_kw, strict=True):
        columns[f"promised_{level:g}_kw"] = power[judged].ravel()
    return pl.DataFrame(columns).with_columns(pl.col("day").cast(pl.Date))


def model(found: FirmCapacityResults) -> pl.DataFrame:
    """Firm power by the model of vehicles, and as if they were independent."""
    levels, steps = found.model.firm_kw.shape
    return pl.DataFrame(
        {
            "time_utc": _utc(np.tile(found.model.times, levels)),
            "confidence": np.repeat(LEVELS, steps),
            "firm_kw": found.model.firm_kw.ravel(),
            "independent_kw": found.model.independent_kw.ravel(),
        }
    )


def methods(found: FirmCapacityResults) -> pl.DataFrame:
    """What each method says is firm at the busiest step of the first usual coming day."""
    of = found.methods
    names, levels = list(of), len(found.confidence)
    return pl.DataFrame(
        {
            "method": np.repeat(names, levels),
            "confidence": np.tile(found.confidence, len(names)),
            "firm_kw": np.concatenate([of[name] for name in names]),
        }
    )


def _utc(times: Shaped[Array, "..."]) -> pl.Series:
    return pl.Series(times.ravel().astype("datetime64[us]")).dt.replace_time_zone("UTC")

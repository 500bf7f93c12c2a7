"""Which constants of `synthetic.archetypes` come out of the fitted part of the real sets.

``python -m tests.validation.mobility.fit`` prints them; nothing is written.
"""

import sys
from itertools import pairwise

import numpy as np
import polars as pl
from scipy import stats

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.fleet.synthetic.archetypes import BLOCKS_H, DAWN_H, PROBABILITIES
from tests.validation.mobility import real_sets
from tests.validation.mobility.comparison import MeteredSessions

PLACES = ("home", "workplace", "public")
DRAWS = 20_000  # resampled per set, so that each set of a place weighs the same
FEWEST_SESSIONS = 30  # of a user whose habits are measured
COLDEST_DAY = 15


def pooled(place: str) -> MeteredSessions:
    """The fitted sets of a place, each resampled to the same number of sessions."""
    rng = np.random.default_rng(0)
    chosen = [name for name in real_sets.NAMES if name.startswith(f"{place} fitted")]
    parts = []
    for real in map(real_sets.observed, chosen):
        rows = rng.integers(0, len(real.stay_h), DRAWS)
        parts.append((real.arrival_local[rows], real.stay_h[rows], real.energy_kwh[rows]))
    return MeteredSessions(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def tables(place: str) -> list[str]:
    """The tables of one place, as text."""
    real = pooled(place)
    hour, weekend = _since_dawn(real)
    ratio = weekend.sum() / 2 / ((~weekend).sum() / 5)
    lines = [
        f"== {place}: {len(hour)} resampled sessions",
        f"arrival_weekday_h {_row(hour[~weekend])}",
        f"arrival_weekend_h {_row(hour[weekend])}",
        f"weekend_ratio {ratio:.2f}",
    ]
    for low, high in pairwise(BLOCKS_H):
        inside = (hour >= low) & (hour < high)
        lines.append(f"stay {low:g}-{high:g} n={inside.sum()} {_row(real.stay_h[inside])}")
    lines.append(f"energy_kwh {_row(real.energy_kwh)}")
    return [*lines, f"rank correlation energy, stay {_rank(real.energy_kwh, real.stay_h):.2f}"]


def habits() -> list[str]:
    """What only the home set can tell, because it names its users, as text."""
    frame = real_sets.norway(held_out=False).filter(pl.col("energy_kwh") >= real_sets.LEAST_KWH)
    frame = frame.with_columns(
        day=pl.col("arrival").dt.offset_by(f"-{DAWN_H:g}h").dt.date(),
        hour=(pl.col("arrival").dt.hour() + pl.col("arrival").dt.minute() / 60 - DAWN_H) % 24,
    )
    many = frame.filter(pl.len().over("user_id") >= FEWEST_SESSIONS)
    lines = [
        f"share of variance between users, {name}: {_between(many, name):.2f}"
        for name in ("hour", "stay_h", "energy_kwh")
    ]
    return lines + _plugging_in(many) + [_winter(many), *_capacities(frame)]


def _plugging_in(many: pl.DataFrame) -> list[str]:
    span = (pl.col("day").max() - pl.col("day").min()).dt.total_days() + 1
    share = many.group_by("user_id").agg(share=pl.col("day").n_unique() / span)["share"].to_numpy()
    mean, variance = share.mean(), share.var()
    days = many.select("user_id", "day").n_unique()
    return [
        f"plug-in share {mean:.2f} of days, {len(share)} users",
        f"beta total {mean * (1 - mean) / variance - 1:.1f}",
        f"sessions per day with any {len(many) / days:.2f}",
    ]


def _winter(many: pl.DataFrame) -> str:
    own = many["energy_kwh"] / many.select(pl.col("energy_kwh").mean().over("user_id")).to_series()
    angle = 2 * np.pi * (many["arrival"].dt.ordinal_day().to_numpy() - COLDEST_DAY) / 365.25
    terms = np.stack([np.ones_like(angle), np.cos(angle)], axis=1)
    mean, amplitude = np.linalg.lstsq(terms, own.to_numpy(), rcond=None)[0]
    return f"winter share {amplitude / mean:.3f}"


def _capacities(frame: pl.DataFrame) -> list[str]:
    users = pl.read_csv(real_sets.FOLDER / "norway_residential_users.csv")
    means = frame.group_by("user_id").agg(pl.col("energy_kwh").mean())
    both = users.join(means, on="user_id").drop_nulls("battery_capacity_kwh_estimated")
    capacity = both["battery_capacity_kwh_estimated"].to_numpy()
    return [
        f"capacity_kwh of {len(capacity)} users {_row(capacity)}",
        f"rank correlation capacity, energy {_rank(capacity, both['energy_kwh'].to_numpy()):.2f}",
    ]


def _since_dawn(real: MeteredSessions) -> tuple[Float[Array, " session"], Bool[Array, " session"]]:
    """Hour on arrival counted past midnight (4 to 28), and whether that day is a weekend day."""
    hour = (real.arrival_h - DAWN_H) % 24 + DAWN_H
    day: Shaped[Array, " session"] = real.arrival_local - np.timedelta64(int(DAWN_H), "h")
    weekday = (day.astype("datetime64[D]").astype(np.int64) + 3) % 7  # day 0 was a Thursday
    return hour, weekday >= 5


def _between(frame: pl.DataFrame, column: str) -> float:
    """Share of the variance of normal scores that lies between users."""
    ranks = stats.rankdata(frame[column].to_numpy())
    scored = frame.select("user_id", score=stats.norm.ppf((ranks - 0.5) / len(ranks)))
    users = scored.group_by("user_id").agg(pl.col("score").var(), pl.len())
    freedom = users["len"].to_numpy() - 1
    within = (users["score"].to_numpy() * freedom).sum() / freedom.sum()
    return 1 - within / float(scored["score"].to_numpy().var())


def _rank(one: Float[Array, " row"], other: Float[Array, " row"]) -> float:
    return float(stats.spearmanr(one, other)[0])  # type: ignore[arg-type]


def _row(values: Float[Array, " row"]) -> str:
    texts = (f"{value:.2f}".rstrip("0").rstrip(".") for value in np.quantile(values, PROBABILITIES))
    return f"({', '.join(texts)})"


if __name__ == "__main__":
    printed = [line for place in PLACES for line in tables(place)] + habits()
    sys.stdout.write("\n".join(printed) + "\n")

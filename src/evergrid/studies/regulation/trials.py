"""How much to offer: shares tried on the signal of another day, by what each would have earned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from evergrid.dispatch.track.simulation import Record
from evergrid.markets.rules.pjm import PjmRegulation


@dataclass(frozen=True)
class Trial:
    """What a share of what the plan holds came to on the trial signal.

    Attributes:
        share: That was offered.
        award_mean_kw: In force.
        credit: Paid; nothing for intervals below the least score, and nothing at all where the mean
            score would disqualify.
        following_cost: Wear by following, energy beside the plan, and what is missing to it at the
            end.
        score_mean: Of intervals with an award; None without any.
        score_worst: Of these.
        forfeited: Intervals below the least score.
        disqualified: Whether the mean score is below the least that the market takes.
    """

    share: float
    award_mean_kw: float
    credit: float
    following_cost: float
    score_mean: float | None
    score_worst: float | None
    forfeited: int
    disqualified: bool

    @property
    def net(self) -> float:
        """Credit less what following costs."""
        return self.credit - self.following_cost


def trial(share: float, record: Record, settled: Mapping[str, Any], rules: PjmRegulation) -> Trial:
    """What following a share came to.

    Args:
        share: Of what the plan holds.
        record: What the fleet did.
        settled: Score, credits and costs of it.
        rules: With the least score, and the least mean of it.
    """
    credits, total = settled["credits"], settled["score"].total
    per = round(rules.payment_h * 3600.0 / record.tick_s)
    count = len(credits.total)
    awarded = record.award_kw[: count * per].reshape(count, per).mean(axis=1) > 0
    scores = total[:count][awarded]
    mean = float(scores.mean()) if len(scores) else None
    out = mean is not None and mean < rules.least_mean_score.value
    return Trial(
        share=share,
        award_mean_kw=float(record.award_kw.mean()),
        credit=0.0 if out else float(credits.total.sum()),
        following_cost=sum(
            settled[part] for part in ("signal_energy", "energy_left", "following_wear")
        ),
        score_mean=mean,
        score_worst=float(scores.min()) if len(scores) else None,
        forfeited=int(credits.forfeited.sum()),
        disqualified=out,
    )


def best(tried: Sequence[Trial]) -> Trial:
    """The trial that earns most; among equals the one that offers least."""
    return max(tried, key=lambda one: (one.net, -one.share))


def frame(tried: Sequence[Trial], share: float) -> pl.DataFrame:
    """A row for each trial, in rising order, and which share is offered."""
    ordered = sorted(tried, key=lambda one: one.share)
    columns = {
        "share": pl.Float64,
        "award_mean_kw": pl.Float64,
        "credit": pl.Float64,
        "following_cost": pl.Float64,
        "net": pl.Float64,
        "score_mean": pl.Float64,
        "score_worst": pl.Float64,
        "forfeited": pl.Int64,
        "disqualified": pl.Boolean,
    }
    rows = [{name: getattr(one, name) for name in columns} for one in ordered]
    made = pl.DataFrame(rows, schema=columns)
    return made.with_columns((pl.col("share") == share).alias("offered"))

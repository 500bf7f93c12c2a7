"""What each kind of asset holds and is credited: groups of the fleet, batteries, and the rest."""

import re
from collections.abc import Sequence

import polars as pl

from evergrid.core.arrays import Array, Float
from evergrid.studies.regulation.config import Config

BATTERIES, OTHERS = "stationary batteries", "vehicles of [sessions]"


def by_kind(
    config: Config,
    asset_id: Sequence[str],
    held_kwh: Float[Array, " asset"],
    credit: Float[Array, " asset"],
) -> pl.DataFrame:
    """Assets, capacity held times hours, and credit of each kind; that with most credit first.

    Args:
        config: Which names the groups of the fleet and the batteries.
        asset_id: Every asset once.
        held_kwh: Capacity that each held, times hours.
        credit: Of each.
    """
    frame = pl.DataFrame(
        {
            "kind": [_kind(config, name) for name in asset_id],
            "held_kwh": held_kwh,
            "credit": credit,
        }
    )
    kinds = frame.group_by("kind").agg(
        pl.len().cast(pl.Int64).alias("assets"), pl.col("held_kwh").sum(), pl.col("credit").sum()
    )
    whole = kinds["held_kwh"].sum()
    share = pl.col("held_kwh") / whole if whole > 0 else pl.lit(0.0)
    return kinds.with_columns(share.alias("held_share")).sort(
        "credit", "kind", descending=[True, False]
    )


def _kind(config: Config, asset_id: str) -> str:
    """The battery, or the group whose label and a number make the name."""
    if any(entry.asset_id == asset_id for entry in config.battery):
        return BATTERIES
    for group in config.fleet:
        if re.fullmatch(rf"{re.escape(group.label)}-\d+", asset_id):
            return group.label
    return OTHERS

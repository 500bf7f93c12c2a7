"""What a signal asks of a battery for each MW that is awarded: how much, how far, how deep."""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from evergrid.core.arrays import Array, Float
from evergrid.core.units import S_PER_H

BEGINS_S = 300.0  # between the begins of blocks


@dataclass(frozen=True)
class SignalStatistics:
    """What a signal asks for, per MW of award.

    Attributes:
        mean_abs: Mean size of the power.
        rms: Root of its mean square, by which heat goes.
        fed_mwh_per_h: Energy into the grid in an hour.
        net_mwh: Energy into the grid less that out of it, over all.
    """

    mean_abs: float
    rms: float
    fed_mwh_per_h: float
    net_mwh: float


def statistics(share: Float[Array, " tick"], tick_s: float) -> SignalStatistics:
    """Those of a signal by shares of the award; ticks that are missing are left out."""
    known = share[np.isfinite(share)]
    tick_h = tick_s / S_PER_H
    return SignalStatistics(
        mean_abs=float(np.abs(known).mean()),
        rms=float(np.sqrt((known**2).mean())),
        fed_mwh_per_h=float(np.maximum(known, 0.0).mean()),
        net_mwh=float(known.sum() * tick_h),
    )


def worst_excursion_mwh(share: Float[Array, " tick"], tick_s: float, hours: float) -> float:
    """Most energy that a signal has taken or given, net, since the begin of a block of that length.

    Per MW of award. So much must be in store, or free, when a block begins. Blocks begin every five
    minutes; one longer than the signal is the whole of it. Ticks that are missing move nothing.
    """
    moved = np.concatenate([[0.0], np.cumsum(np.nan_to_num(share))]) * tick_s / S_PER_H
    width = min(round(hours * S_PER_H / tick_s), len(share))
    every = max(round(BEGINS_S / tick_s), 1)
    blocks = sliding_window_view(moved, width + 1)[::every]
    return max(float(np.abs(block - block[0]).max()) for block in blocks)

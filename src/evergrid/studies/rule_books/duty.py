"""What each product asks of batteries for a MW of award, by the signal or the frequency."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.markets.rules.product import Product
from evergrid.markets.signal_statistics import statistics, worst_excursion_mwh
from evergrid.model.session import Sessions
from evergrid.model.time_series.frequency import FrequencyRecord
from evergrid.model.time_series.signal import Signal


@dataclass(frozen=True)
class Duty:
    """What a MW of award is asked for.

    Attributes:
        mean_abs: Mean size of the power.
        rms: Root of its mean square, by which heat goes.
        mileage_per_h: How far the power moves in an hour.
        fed_mwh_per_mwh: Energy into the grid, for each MW and hour of award.
        drawn_mwh_per_mwh: Energy out of the grid, likewise.
        worst_mwh: Most energy taken or given, net, within the time that an award must last.
        counted: Whether a trace calls it; rare calls have none, and count nothing.
    """

    mean_abs: float
    rms: float
    mileage_per_h: float
    fed_mwh_per_mwh: float
    drawn_mwh_per_mwh: float
    worst_mwh: float
    counted: bool


NONE = Duty(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, counted=False)


def of(product: Product, signal: Signal, frequency: FrequencyRecord) -> Duty:
    """The duty of a product."""
    if product.signal == "calls":
        return NONE
    share, tick_s = _share(product, signal, frequency)
    found = statistics(share, tick_s)
    hours = len(share) * tick_s / 3600.0
    moved = float(np.nansum(np.abs(np.diff(share)))) / hours
    known = share[np.isfinite(share)]
    return Duty(
        mean_abs=found.mean_abs,
        rms=found.rms,
        mileage_per_h=moved,
        fed_mwh_per_mwh=found.fed_mwh_per_h,
        drawn_mwh_per_mwh=float(np.maximum(-known, 0.0).mean()),
        worst_mwh=worst_excursion_mwh(share, tick_s, product.energy_h.value),
        counted=True,
    )


def _share(
    product: Product, signal: Signal, frequency: FrequencyRecord
) -> tuple[Float[Array, " tick"], float]:
    """Share of the award that is asked for, tick by tick, in the directions of the product."""
    if product.response is not None:
        return product.response.due(frequency.deviation_hz[: frequency.alive]), frequency.tick_s
    share = signal.share
    if product.direction == "up":
        share = np.maximum(share, 0.0)
    elif product.direction == "down":
        share = np.minimum(share, 0.0)
    return share, signal.tick_s


def losses_mwh(duty: Duty, sold_mwh: float, sessions: Sessions) -> float:
    """Energy that following an award loses in chargers, by their efficiency at full power.

    Efficiencies are means over the sessions, by rating. Part load, which loses more, is followed
    tick by tick in the study of regulation.
    """
    into = float(np.average(sessions.efficiency_charge, weights=sessions.max_charge_kw))
    feeding = sessions.max_discharge_kw
    out = (
        float(np.average(sessions.efficiency_discharge, weights=feeding)) if feeding.any() else 1.0
    )
    lost = duty.fed_mwh_per_mwh * (1.0 / out - 1.0) + duty.drawn_mwh_per_mwh * (1.0 - into)
    return sold_mwh * lost

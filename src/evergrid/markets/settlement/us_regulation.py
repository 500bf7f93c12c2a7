"""What CAISO and NYISO pay for regulation: capacity, and how far and how well a signal was met."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.markets.performance.caiso_accuracy import CaisoPerformance
from evergrid.markets.rules import caiso, nyiso
from evergrid.markets.rules.caiso import CaisoRegulation
from evergrid.markets.rules.constant import Mark
from evergrid.markets.settlement.statement import Line, Statement, line


@dataclass(frozen=True)
class MileagePrices:
    """Prices of each interval.

    Attributes:
        capacity_per_mw: Per MW and hour.
        mileage_per_mw: Per MW that set points move.

    Raises:
        InputError: Prices that are not finite, or of mileage below 0.
    """

    capacity_per_mw: Float[Array, " interval"]
    mileage_per_mw: Float[Array, " interval"]

    def __post_init__(self) -> None:
        good = np.isfinite(self.capacity_per_mw)
        rule = "be finite"
        faults = broken("capacity_per_mw", good, rule, values=self.capacity_per_mw)
        good = (self.mileage_per_mw >= 0) & (self.mileage_per_mw < np.inf)
        rule = "be at least 0 and finite"
        faults += broken("mileage_per_mw", good, rule, values=self.mileage_per_mw)
        raise_if_any("mileage_prices", faults)


def caiso_statement(
    award_mw: Float[Array, " interval"],
    performance: CaisoPerformance,
    prices: MileagePrices,
    rules: CaisoRegulation,
) -> Statement:
    """What CAISO pays for one direction of regulation.

    Capacity is paid whatever the accuracy; adjusted mileage times accuracy at the price of mileage.
    Mileage is in MW, so that a greater award earns more of it.

    Args:
        award_mw: Of each quarter of an hour.
        performance: Measured, in the same intervals.
        prices: In the same intervals.
        rules: Of the period.

    Raises:
        InputError: An award below 0, or series of different lengths.
    """
    _must_fit(award_mw, performance.accuracy, "accuracy")
    lines = (
        line(
            "capacity",
            award_mw * rules.interval_h.value,
            prices.capacity_per_mw,
            unit="MW h",
            rule=caiso.FERC,
            mark=Mark.SECONDARY,
        ),
        line(
            "mileage",
            performance.adjusted_mw * performance.accuracy,
            prices.mileage_per_mw,
            unit="MW",
            rule=f"{caiso.FERC}; adjusted mileage times accuracy",
            mark=Mark.UNVERIFIED,
        ),
    )
    return Statement("USD", lines)


def must_qualify_again(
    accuracy: Float[Array, " interval"],
    instructed_mw: Float[Array, " interval"],
    rules: CaisoRegulation,
) -> bool:
    """Whether a month's accuracy, weighed by instructed mileage, is below the least."""
    moved = float(instructed_mw.sum())
    return moved > 0 and float(accuracy @ instructed_mw) / moved < rules.least_accuracy.value


def nyiso_statement(
    award_mw: Float[Array, " interval"],
    moved_mw: Float[Array, " interval"],
    index: Float[Array, " interval"],
    prices: MileagePrices,
    *,
    interval_h: float,
    scaling: float = nyiso.SCALING.value,
) -> Statement:
    """What NYISO pays for regulation.

    Capacity is cut by 1 - 1.1 (1 - PI); movement by the tariff's factor, which is not confirmed.

    Args:
        award_mw: Of each interval.
        moved_mw: By how much the set point moved.
        index: Performance index PI, 0 to 1.
        prices: Of each interval.
        interval_h: Its length.
        scaling: PSF of the movement's factor.

    Raises:
        InputError: Numbers out of range, or series of different lengths.
    """
    _must_fit(award_mw, index, "performance_index")
    full = award_mw * interval_h
    left = nyiso.performance_factor(index)
    by_tariff = nyiso.performance_factor(index, reading="tariff", scaling=scaling)
    capacity = {"unit": "MW h", "rule": nyiso.QUEST, "mark": Mark.VERIFIED}
    lines: tuple[Line, ...] = (
        line("capacity", full, prices.capacity_per_mw, **capacity),
        line("performance charge", -full * (1.0 - left), prices.capacity_per_mw, **capacity),
        line(
            "movement",
            moved_mw * by_tariff,
            prices.mileage_per_mw,
            unit="MW",
            rule=nyiso.TARIFF,
            mark=Mark.UNVERIFIED,
        ),
    )
    return Statement("USD", lines)


def _must_fit(award_mw: Float[Array, " interval"], other: Array, name: str) -> None:
    good = (award_mw >= 0) & (award_mw < np.inf)
    faults = broken("award_mw", good, "be at least 0 and finite", values=award_mw)
    if len(award_mw) != len(other):
        got = (len(award_mw), len(other))
        faults.append(Fault(name, "have a value for each award", got))
    raise_if_any("regulation_statement", faults)

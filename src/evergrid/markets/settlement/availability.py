"""What is paid for being ready: clearing price times award, times what of it was available."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.markets.performance.dynamic_response import CODE, DynamicPerformance
from evergrid.markets.rules import australia, great_britain, pjm
from evergrid.markets.rules.constant import Mark
from evergrid.markets.rules.product import Product
from evergrid.markets.settlement.statement import Line, Statement, line

ENABLEMENT = f"{australia.AEMO}: MW x price x 5/60"


def enablement(
    award_mw: Float[Array, " interval"],
    price_per_mw: Float[Array, " other_interval"],
    *,
    interval_h: float,
    currency: str,
    rule: str = ENABLEMENT,
    mark: Mark = Mark.VERIFIED,
    available: Float[Array, " ready_interval"] | None = None,
) -> Statement:
    """Award times price times hours, less what was not available.

    FCR, the Nordic products and Australian enablement are paid so. Prices are per MW and hour.

    Args:
        award_mw: Of each interval.
        price_per_mw: Clearing price of each.
        interval_h: Its length.
        currency: Of the prices.
        rule: By which it is paid.
        mark: How sure that rule is.
        available: Share of each interval in which the award was available; all by default.

    Raises:
        InputError: Numbers out of range, or series of different lengths.
    """
    ready = np.ones(len(award_mw)) if available is None else available
    good = (award_mw >= 0) & (award_mw < np.inf)
    faults = broken("award_mw", good, "be at least 0 and finite", values=award_mw)
    inside = (ready >= 0) & (ready <= 1)
    faults += broken("available", inside, "lie in [0, 1]", values=ready, fix="Give a fraction.")
    if len(ready) != len(award_mw):
        fault = Fault("available", "have a value for each award", (len(award_mw), len(ready)))
        faults.append(fault)
    raise_if_any("enablement", faults)
    mwh = award_mw * interval_h
    given = {"unit": "MW h", "rule": rule, "mark": mark}
    return Statement(
        currency,
        (
            line("capacity", mwh, price_per_mw, **given),
            line("not available", -mwh * (1.0 - ready), price_per_mw, **given),
        ),
    )


def dynamic_response(
    product: Product,
    award_mw: Float[Array, " period"],
    price_per_mw: Float[Array, " period"],
    performance: DynamicPerformance,
) -> Statement:
    """What Great Britain pays for a dynamic response, settlement period by settlement period.

    A period that was available for less than 99.9 % earns nothing; one with too great an error
    loses a part that is not confirmed.

    Raises:
        InputError: Numbers out of range, or series of different lengths.
    """
    ready = performance.available >= great_britain.LEAST_AVAILABILITY.value
    made = enablement(
        award_mw,
        price_per_mw,
        interval_h=great_britain.PERIOD_H,
        currency="GBP",
        rule=great_britain.LEAST_AVAILABILITY.source,
        mark=Mark.SECONDARY,
        available=ready.astype(float),
    )
    lost = award_mw * great_britain.PERIOD_H * np.where(ready, 1.0 - performance.factor, 0.0)
    charge = line(
        "performance",
        -lost,
        price_per_mw,
        unit="MW h",
        rule=f"{CODE}, {product.name}; factor: {great_britain.FREE_ERROR.source}",
        mark=Mark.UNVERIFIED,
    )
    return Statement("GBP", (*made.lines, charge))


@dataclass(frozen=True)
class ReserveCall:
    """A call of synchronized reserve.

    Attributes:
        hour: Interval in which it came.
        delivered_mw: Least power that was delivered through it.
        days_since: Since the call before.
    """

    hour: int
    delivered_mw: float
    days_since: float


def synchronized_reserve(
    award_mw: Float[Array, " hour"],
    price_per_mw: Float[Array, " hour"],
    calls: tuple[ReserveCall, ...],
) -> Statement:
    """What PJM pays for synchronized reserve, and takes back where a call was not answered.

    What is missing in a call loses its credit of that hour, and is charged the mean credit of a MW
    for the days since the call before, 30 at most.

    Raises:
        InputError: Numbers out of range, or a call in an hour that is not there.
    """
    made = enablement(
        award_mw,
        price_per_mw,
        interval_h=1.0,
        currency="USD",
        rule=pjm.MANUAL_11,
        mark=Mark.SECONDARY,
    )
    bad = [one for one in calls if not 0 <= one.hour < len(award_mw)]
    if bad:
        rule = f"lie in an hour of the award, 0 to {len(award_mw) - 1}"
        raise_if_any("synchronized_reserve", [Fault("calls", rule, tuple(b.hour for b in bad))])
    hours = np.array([one.hour for one in calls], dtype=np.int64)
    given = np.array([one.delivered_mw for one in calls], dtype=float)
    days = np.array([one.days_since for one in calls], dtype=float)
    short = np.maximum(award_mw[hours] - given, 0.0)
    mean_per_day = np.full(len(hours), 24.0 * float(price_per_mw.mean()) if len(hours) else 0.0)
    lines: tuple[Line, ...] = (
        *made.lines[:1],
        line(
            "credit lost in calls",
            -short,
            price_per_mw[hours],
            unit="MW h",
            rule=pjm.CLAWBACK_DAYS.source,
            mark=Mark.SECONDARY,
        ),
        line(
            "clawback",
            -short * np.minimum(days, pjm.CLAWBACK_DAYS.value),
            mean_per_day,
            unit="MW d",
            rule=pjm.CLAWBACK_DAYS.source,
            mark=Mark.UNVERIFIED,
        ),
    )
    return Statement("USD", lines)

"""What German aFRR pays: capacity as bid, and energy that the channel accepts."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import S_PER_H
from evergrid.markets.performance import afrr_channel
from evergrid.markets.performance.afrr_channel import AcceptedEnergy
from evergrid.markets.rules.constant import Mark
from evergrid.markets.rules.continental_europe import REGELLEISTUNG
from evergrid.markets.settlement.statement import Line, Statement, line

QUARTER_S = 900


@dataclass(frozen=True)
class AfrrBids:
    """What was bid, and what others paid.

    Attributes:
        capacity_per_mw: As bid for each block, per MW and hour; paid as bid.
        energy_per_mwh: As bid for each quarter of an hour.
        marginal_per_mwh: Of the platform, in each quarter of an hour.
        shortfall_per_mwh: Charged for under-delivery in each quarter of an hour.
    """

    capacity_per_mw: Float[Array, " block"]
    energy_per_mwh: Float[Array, " quarter"]
    marginal_per_mwh: Float[Array, " quarter"]
    shortfall_per_mwh: Float[Array, " quarter"]


def statement(
    award_mw: Float[Array, " block"],
    available: Float[Array, " block"],
    accepted: AcceptedEnergy,
    bids: AfrrBids,
    *,
    block_h: float = 4.0,
) -> Statement:
    """What capacity and accepted energy of one direction are paid.

    Energy earns the greater of its bid and the marginal price. Under-delivery is charged at a price
    that is given, as the one of the rules is quoted in part only.

    Args:
        award_mw: Of each block.
        available: Share of each block in which the award was available, 0 to 1.
        accepted: By the channel, over all quarters of an hour of the bids.
        bids: Prices.
        block_h: Length of a block.

    Raises:
        InputError: Numbers out of range, or an energy that does not cover the quarters.
    """
    good = (award_mw >= 0) & (award_mw < np.inf)
    faults = broken("award_mw", good, "be at least 0 and finite", values=award_mw)
    inside = (available >= 0) & (available <= 1)
    faults += broken("available", inside, "lie in [0, 1]", values=available)
    if len(accepted.accepted_mw) != QUARTER_S * len(bids.energy_per_mwh):
        got = (len(accepted.accepted_mw),)
        rule = f"last {len(bids.energy_per_mwh)} quarters of an hour, by the second"
        faults.append(Fault("accepted", rule, got))
    raise_if_any("afrr_statement", faults)
    paid = np.maximum(bids.energy_per_mwh, bids.marginal_per_mwh)
    under = np.where(accepted.allocable, accepted.under_mw, 0.0)
    channel = afrr_channel.SOURCE
    lines: tuple[Line, ...] = (
        line(
            "capacity as bid",
            award_mw * available * block_h,
            bids.capacity_per_mw,
            unit="MW h",
            rule=f"{REGELLEISTUNG}: pay as bid",
            mark=Mark.SECONDARY,
        ),
        line(
            "accepted energy",
            _by_quarter(accepted.accepted_mw),
            paid,
            unit="MWh",
            rule=f"{channel}: the greater of bid and marginal price",
            mark=Mark.SECONDARY,
        ),
        line(
            "under-delivery",
            -_by_quarter(under),
            bids.shortfall_per_mwh,
            unit="MWh",
            rule=f"{channel}: at the configured price",
            mark=Mark.UNVERIFIED,
        ),
    )
    return Statement("EUR", lines)


def _by_quarter(power_mw: Float[Array, " second"]) -> Float[Array, " quarter"]:
    return power_mw.reshape(-1, QUARTER_S).sum(axis=1) / S_PER_H

"""NYISO regulation: capacity and movement, cut by a performance index in one of two readings."""

from datetime import date
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.markets.rules.constant import secondary, unverified, verified
from evergrid.markets.rules.product import NO_POWER_BESIDE, ONE_MW, Market, Product

Reading = Literal["linear", "tariff"]
QUEST = "QuESt (Sandia), NYISO regulation: capacity price times 1 - 1.1 (1 - PI)"
TARIFF = "NYISO Rate Schedule 15.3, from memory"
PENALTY = verified(1.1, QUEST)
SCALING = unverified(0.0, f"{TARIFF}: the payment scaling factor PSF")
SAMPLE_S = secondary(6.0, "NYISO ancillary services manual, as others quote it")


def performance_factor(
    index: Float[Array, "*interval"],
    *,
    reading: Reading = "linear",
    scaling: float = SCALING.value,
) -> Float[Array, "*interval"]:
    """Share of a payment that a performance index leaves.

    Args:
        index: PI of each interval, 0 to 1.
        reading: "linear" is 1 - 1.1 (1 - PI), as an open implementation has it; "tariff" is
            (PI - PSF) / (1 - PSF), from memory and not confirmed. Neither falls below 0.
        scaling: PSF of the second reading.

    Raises:
        InputError: An index outside [0, 1], or a PSF outside [0, 1).
    """
    inside = (index >= 0) & (index <= 1)
    rule = "lie in [0, 1]"
    faults = broken("performance_index", inside, rule, values=index, fix="Give a fraction.")
    if not 0 <= scaling < 1:
        faults.append(Fault("scaling", "lie in [0, 1)", (scaling,)))
    raise_if_any("nyiso_regulation", faults)
    left = (
        1.0 - PENALTY.value * (1.0 - index)
        if reading == "linear"
        else (index - scaling) / (1.0 - scaling)
    )
    return np.maximum(left, 0.0)


REGULATION = Product(
    name="nyiso_regulation",
    title="Regulation, NYISO",
    direction="both",
    signal="regulation",
    block_h=secondary(1.0, "NYISO ancillary services manual, as others quote it"),
    least_mw=unverified(1.0, "NYISO ancillary services manual, from memory"),
    step_mw=unverified(0.1, "NYISO ancillary services manual, from memory"),
    energy_h=unverified(0.25, "no duration is confirmed; a quarter of an hour is assumed"),
    power_per_mw=ONE_MW,
    opposite_per_mw=NO_POWER_BESIDE,
    full_s=unverified(300.0, "NYISO ancillary services manual, from memory"),
    first=date(2013, 6, 26),
    why="Movement is paid since June 2013, from memory.",
)
MARKET = Market("nyiso", "NYISO", "America/New_York", 0.0, "USD", (REGULATION,))

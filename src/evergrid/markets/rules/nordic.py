"""Nordic frequency products: FCR-N, FCR-D both ways, FFR, and the rule of nine times in ten."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import S_PER_H
from evergrid.markets.rules.constant import Constant, Mark, secondary, unverified, verified
from evergrid.markets.rules.frequency_response import FCR_D_UP as FCR_D_UP_RESPONSE
from evergrid.markets.rules.frequency_response import FCR_N as FCR_N_RESPONSE
from evergrid.markets.rules.frequency_response import SVK
from evergrid.markets.rules.product import NO_POWER_BESIDE, ONE_MW, Market, Product

FFR_TERMS = "Nordic transmission operators, technical requirements for fast frequency reserve"
ENERGINET = "Energinet, requirement that a bid is available with a probability of 90 %"


@dataclass(frozen=True)
class FfrActivation:
    """One of the pairs of which a provider of FFR chooses one.

    Attributes:
        frequency_hz: At or below which all of it is due.
        full_s: After that, by when.
    """

    frequency_hz: float
    full_s: float


FFR_ACTIVATIONS = (FfrActivation(49.7, 1.3), FfrActivation(49.6, 1.0), FfrActivation(49.5, 0.7))
FFR_LONG_S = verified(30.0, FFR_TERMS)
FFR_SHORT_S = verified(5.0, FFR_TERMS)
FFR_GENTLE_PER_S = verified(0.2, f"{FFR_TERMS}: deactivation of at most 20 % a second")
FFR_READY_S = verified(900.0, FFR_TERMS)
LIMITED_BELOW_H = verified(2.0, f"{SVK}: less than two hours of full activation")


def ffr_duration_s(deactivation_per_s: float) -> float:
    """How long FFR must support the frequency, by how fast it goes away afterwards.

    Args:
        deactivation_per_s: Share of the award by which it falls in a second, above 0.

    Raises:
        InputError: A rate that is not above 0.
    """
    if not deactivation_per_s > 0:
        fault = Fault("deactivation_per_s", "be above 0", (deactivation_per_s,))
        raise_if_any("ffr", [fault])
    gentle = deactivation_per_s <= FFR_GENTLE_PER_S.value
    return FFR_SHORT_S.value if gentle else FFR_LONG_S.value


def available_award_mw(
    available_mw: Float[Array, "day *n"], probability: float
) -> Float[Array, "*n"]:
    """Greatest bid that was available on so great a share of the days.

    Args:
        available_mw: What could have been delivered, by day.
        probability: Share of the days, such as 0.9.

    Raises:
        InputError: A probability outside (0, 1), too few days for it, or no finite power.

    Source:
        Order statistic: available in at least ``ceil(probability n)`` of n days.
    """
    days = len(available_mw)
    faults = broken(
        "available_mw", np.isfinite(available_mw).ravel(), "be finite", values=available_mw.ravel()
    )
    if not 0 < probability < 1:
        faults.append(Fault("probability", "lie in (0, 1)", (probability,), fix="Such as 0.9."))
    elif days < 1.0 / (1.0 - probability) - 1e-9:
        rule = f"be at least {np.ceil(1.0 / (1.0 - probability) - 1e-9):g} days"
        faults.append(Fault("available_mw", rule, (days,), fix="Give a longer history."))
    raise_if_any("available_award", faults)
    keep = int(np.ceil(probability * days - 1e-9))
    return np.sort(available_mw, axis=0)[days - keep]


P90 = Constant(0.9, Mark.SECONDARY, ENERGINET)
FCR_N = Product(
    name="fcr_n",
    title="FCR for normal operation, Nordic",
    direction="both",
    signal="frequency",
    block_h=secondary(1.0, SVK),
    least_mw=unverified(0.1, f"{SVK}, from memory"),
    step_mw=unverified(0.1, f"{SVK}, from memory"),
    energy_h=secondary(1.0, f"{SVK}: limited reservoirs"),
    power_per_mw=unverified(1.34, f"{SVK}: 134 %; two open programs disagree"),
    opposite_per_mw=NO_POWER_BESIDE,
    full_s=FCR_N_RESPONSE.full_s,
    first=date(2023, 9, 1),
    why="The technical requirements are those from September 2023, from memory.",
    response=FCR_N_RESPONSE,
)
FCR_D_UP = replace(
    FCR_N,
    name="fcr_d_up",
    title="FCR for disturbances, upwards, Nordic",
    direction="up",
    energy_h=verified(1.0 / 3.0, f"{SVK}: 20 minutes"),
    power_per_mw=ONE_MW,
    opposite_per_mw=secondary(0.2, f"{SVK}: limited reservoirs, to restore energy"),
    full_s=FCR_D_UP_RESPONSE.full_s,
    response=FCR_D_UP_RESPONSE,
)
FCR_D_DOWN = replace(
    FCR_D_UP,
    name="fcr_d_down",
    title="FCR for disturbances, downwards, Nordic",
    direction="down",
    response=replace(
        FCR_D_UP_RESPONSE,
        name="fcr_d_down",
        title="Frequency containment reserve for disturbances, downwards, Nordic",
        low=False,
        high=True,
    ),
)
FFR = Product(
    name="ffr",
    title="Fast frequency reserve, Nordic",
    direction="up",
    signal="calls",
    block_h=unverified(1.0, f"{FFR_TERMS}, from memory"),
    least_mw=verified(0.1, FFR_TERMS),
    step_mw=unverified(0.1, f"{FFR_TERMS}, from memory"),
    energy_h=verified(FFR_LONG_S.value / S_PER_H, FFR_TERMS),
    power_per_mw=ONE_MW,
    opposite_per_mw=NO_POWER_BESIDE,
    full_s=verified(FFR_ACTIVATIONS[0].full_s, FFR_TERMS),
    first=date(2020, 5, 1),
    why="FFR is procured since May 2020, from memory.",
)
MARKET = Market(
    "nordic", "Nordic", "Europe/Stockholm", 0.0, "EUR", (FCR_N, FCR_D_UP, FCR_D_DOWN, FFR)
)

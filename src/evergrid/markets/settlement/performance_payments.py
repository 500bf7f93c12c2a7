"""Australian frequency performance payments: who helps is paid by who harms, to the cent."""

from datetime import date

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.markets.rules import australia
from evergrid.markets.settlement.statement import CENTS, to_the_cent


def payments(
    contribution: Float[Array, " unit"],
    *,
    price_per_mw: float,
    requirement_mw: float,
    day: date,
) -> Float[Array, " unit"]:
    """Payments of a trading interval to units and to the residual, in whole cents that sum to 0.

    Who helped is paid requirement times price / 12, by shares of all help; who harmed pays it by
    shares of all harm. Where one side is empty nobody is paid. The form is not confirmed.

    Args:
        contribution: Of each unit, above 0 for help; with that of all others as the last unit.
        price_per_mw: Of regulation, per MW and hour, at least 0.
        requirement_mw: Of corrective response.
        day: Of the interval, on market time.

    Raises:
        InputError: A day before the payments began, or numbers out of range.
    """
    faults = broken("contribution", np.isfinite(contribution), "be finite", values=contribution)
    if day < australia.PERFORMANCE_FROM:
        fix = "Before, causer-pays factors recovered the cost of regulation."
        rule = f"be {australia.PERFORMANCE_FROM} or later, when the payments began"
        faults.append(Fault("day", rule, (str(day),), fix=fix))
    for name, value in (("price_per_mw", price_per_mw), ("requirement_mw", requirement_mw)):
        if not 0 <= value < np.inf:
            faults.append(Fault(name, "be at least 0 and finite", (value,)))
    raise_if_any("performance_payments", faults)
    help_, harm = np.maximum(contribution, 0.0), np.maximum(-contribution, 0.0)
    if not (help_.sum() > 0 and harm.sum() > 0):
        return np.zeros(len(contribution))
    amount = requirement_mw * price_per_mw * australia.DISPATCH_H
    paid, charged = to_the_cent(amount, help_), to_the_cent(amount, harm)
    return (np.round(paid * CENTS) - np.round(charged * CENTS)) / CENTS

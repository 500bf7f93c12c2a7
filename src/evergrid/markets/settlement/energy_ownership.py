"""Whose energy is it? Imbalance, supplier, metering, baseline and grid fees, each a stated rule.

A reserve that is called moves energy that a supplier bought, a meter counts and a grid fee is
charged on. Markets differ in who bears that, so each question is answered by a rule with a name;
a statement gets one line for each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.markets.rules.constant import Mark
from evergrid.markets.settlement.statement import Line, line

Imbalance = Literal["corrected", "aggregator", "supplier"]
Compensation = Literal["none", "reference"]
Metering = Literal["charger", "site"]
Baseline = Literal["plan", "meter_before", "recent_days"]
GridFee = Literal["all_drawn", "net_drawn"]
SAYS: Mapping[str, Mapping[str, str]] = {
    "imbalance": {
        "corrected": "the operator corrects the supplier's balance by what was called",
        "aggregator": "the aggregator pays or earns the imbalance price for what was called",
        "supplier": "the supplier bears it; nothing is paid between the two",
    },
    "compensation": {
        "none": "no transfer to the supplier",
        "reference": "the aggregator pays the supplier a reference price for energy that its "
        "customers did not draw or fed, and is paid for what they drew more",
    },
    "metering": {
        "charger": "the response is what the chargers' own meters count",
        "site": "the response is what the site's meter counts, other load included",
    },
    "baseline": {
        "plan": "the planned power, told before the block",
        "meter_before": "the last reading before the call, held",
        "recent_days": "the mean of the same time on recent days without a call",
    },
    "grid_fee": {
        "all_drawn": "the fee is due on all energy drawn, so energy that is fed again pays twice",
        "net_drawn": "energy that is fed again is relieved of the fee; losses and driving are not",
    },
}


@dataclass(frozen=True)
class OwnershipRules:
    """How each question is answered."""

    imbalance: Imbalance = "corrected"
    compensation: Compensation = "none"
    metering: Metering = "charger"
    baseline: Baseline = "plan"
    grid_fee: GridFee = "all_drawn"

    def answers(self) -> list[tuple[str, str, str]]:
        """Each question, the name of the rule that answers it, and what that does."""
        return [
            (name.replace("_", " "), getattr(self, name), says[getattr(self, name)])
            for name, says in SAYS.items()
        ]


@dataclass(frozen=True)
class EnergyPrices:
    """Prices of the energy of each interval, per MWh.

    Attributes:
        imbalance_per_mwh: Of the balancing market.
        reference_per_mwh: At which suppliers are compensated.
        grid_fee_per_mwh: Of the grid, on energy drawn.
    """

    imbalance_per_mwh: Float[Array, " interval"]
    reference_per_mwh: Float[Array, " interval"]
    grid_fee_per_mwh: Float[Array, " interval"]


def lines(
    called_mwh: Float[Array, " interval"],
    drawn_mwh: Float[Array, " interval"],
    fed_mwh: Float[Array, " interval"],
    prices: EnergyPrices,
    rules: OwnershipRules,
) -> tuple[Line, ...]:
    """The lines of a statement that energy makes beside the service itself.

    Args:
        called_mwh: Energy above the baseline, into the grid; below 0 for energy drawn.
        drawn_mwh: Drawn in all, at least 0.
        fed_mwh: Fed in all, at least 0.
        prices: Of each interval.
        rules: Who bears what.

    Raises:
        InputError: Energies below 0 or not finite, or series of different lengths.
    """
    faults: list[Fault] = []
    for name, values in (("drawn_mwh", drawn_mwh), ("fed_mwh", fed_mwh)):
        good = (values >= 0) & (values < np.inf)
        faults += broken(name, good, "be at least 0 and finite", values=values)
    raise_if_any("energy_ownership", faults)
    owed = called_mwh if rules.imbalance == "aggregator" else np.zeros(len(called_mwh))
    to_supplier = -called_mwh if rules.compensation == "reference" else np.zeros(len(called_mwh))
    again = min(float(fed_mwh.sum()), float(drawn_mwh.sum()))
    mean_fee = _mean(prices.grid_fee_per_mwh, drawn_mwh)
    relieved = again if rules.grid_fee == "net_drawn" else 0.0
    return (
        _line("imbalance", owed, prices.imbalance_per_mwh, rules.imbalance),
        _line("compensation", to_supplier, prices.reference_per_mwh, rules.compensation),
        _line("grid_fee", -drawn_mwh, prices.grid_fee_per_mwh, "all_drawn"),
        _line("grid_fee", np.array([relieved]), np.array([mean_fee]), rules.grid_fee, " relieved"),
    )


def response_kw(
    charger_kw: Float[Array, " tick"], load_kw: Float[Array, " tick"], metering: Metering
) -> Float[Array, " tick"]:
    """Power into the grid that the meter counts.

    Args:
        charger_kw: Of all chargers together.
        load_kw: Of the site beside them, positive for consumption.
        metering: Where the meter is.
    """
    return charger_kw if metering == "charger" else charger_kw - load_kw


def baseline_kw(
    rule: Baseline,
    *,
    plan_kw: Float[Array, " tick"],
    before_kw: float,
    recent_kw: Float[Array, "day tick"],
) -> Float[Array, " tick"]:
    """Power that would have been without a call, by a rule.

    "meter_before" can be gamed: who draws more just before a call he foresees is paid for ending
    it. "recent_days" can be gamed by drawing more on days without a call. `inflation_mwh` says by
    how much. "plan" cannot, as it is told before the call, but it must be a plan that is followed.

    Args:
        rule: By name.
        plan_kw: As told before the block.
        before_kw: Last reading before the call.
        recent_kw: The same ticks on recent days without a call.

    Raises:
        InputError: A mean of recent days without any.
    """
    if rule == "plan":
        return plan_kw
    if rule == "meter_before":
        return np.full(len(plan_kw), before_kw)
    if not len(recent_kw):
        fault = Fault("recent_kw", "have a day at least", (0,))
        raise_if_any("baseline", [fault])
    return recent_kw.mean(axis=0)


def inflation_mwh(
    baseline: Float[Array, " tick"], plan_kw: Float[Array, " tick"], tick_h: float
) -> float:
    """Energy that a baseline credits to a response that was none: the plan, followed exactly."""
    return float((plan_kw - baseline).sum()) * tick_h / 1000.0


def _mean(price: Float[Array, " interval"], weight: Float[Array, " interval"]) -> float:
    whole = float(weight.sum())
    return float(price @ weight) / whole if whole > 0 else 0.0


def _line(question: str, quantity: Array, price: Array, answer: str, more: str = "") -> Line:
    item = question.replace("_", " ") + more
    rule = f"{answer}: {SAYS[question][answer]}"
    return line(item, quantity, price, unit="MWh", rule=rule, mark=Mark.SECONDARY)

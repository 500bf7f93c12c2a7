"""A statement: lines in whole cents that add up to its total, each with the rule behind it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.markets.rules.constant import Mark, weakest

CENTS = 100.0


@dataclass(frozen=True)
class Line:
    """One item of a statement.

    Attributes:
        item: What is paid, or charged.
        quantity: How much, over all intervals.
        unit: Of the quantity.
        amount: In whole cents of the currency, above 0 for income.
        rule: By which rule, with its source.
        mark: How sure that rule is.
    """

    item: str
    quantity: float
    unit: str
    amount: float
    rule: str
    mark: Mark


@dataclass(frozen=True)
class Statement:
    """What a market pays a portfolio.

    Attributes:
        currency: ISO 4217 code.
        lines: In reading order.
    """

    currency: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> float:
        """Sum of the lines, in whole cents."""
        return _sum(self.lines)

    @property
    def sure(self) -> float:
        """Sum of the lines by rules that are confirmed, or quoted by others."""
        return _sum(line for line in self.lines if line.mark is not Mark.UNVERIFIED)

    @property
    def unverified(self) -> float:
        """Sum of the lines by rules that are not confirmed, which stands apart."""
        return _sum(line for line in self.lines if line.mark is Mark.UNVERIFIED)

    @property
    def mark(self) -> Mark:
        """How sure the least sure line is."""
        return weakest(line.mark for line in self.lines)


def line(
    item: str,
    quantity: Float[Array, " interval"],
    price: Float[Array, " other_interval"],
    *,
    unit: str,
    rule: str,
    mark: Mark,
) -> Line:
    """A line of quantities times prices, rounded to the cent once.

    Raises:
        InputError: Series of different lengths, or numbers that are not finite.
    """
    faults: list[Fault] = []
    if len(quantity) != len(price):
        got = (len(quantity), len(price))
        faults.append(Fault(f"price of {item}", "have a value for each interval", got))
    faults += broken(f"quantity of {item}", np.isfinite(quantity), "be finite", values=quantity)
    faults += broken(f"price of {item}", np.isfinite(price), "be finite", values=price)
    raise_if_any("statement", faults)
    amount = rounded(float(quantity @ price))
    return Line(item, float(quantity.sum()), unit, amount, rule, mark)


def rounded(amount: float) -> float:
    """An amount in whole cents."""
    return round(amount * CENTS) / CENTS


def _sum(lines: Iterable[Line]) -> float:
    return sum(round(one.amount * CENTS) for one in lines) / CENTS


def to_the_cent(amount: float, shares: Float[Array, " party"]) -> Float[Array, " party"]:
    """An amount dealt out by shares, in whole cents that add up to it, rounded to the cent.

    The cents that rounding down leaves go to those whose part was cut most. Where all shares are 0
    everybody gets the same.

    Raises:
        InputError: A share below 0, or nobody to deal out to.
    """
    faults = broken("shares", shares >= 0, "be at least 0", values=shares)
    if not len(shares):
        faults.append(Fault("shares", "name one party at least"))
    raise_if_any("settlement", faults)
    total = shares.sum()
    part = shares / total if total > 0 else np.full(len(shares), 1.0 / len(shares))
    cents = round(amount * CENTS)
    exact = cents * part
    whole = np.floor(exact)
    left = round(cents - whole.sum())
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[:left]] += 1.0
    return whole / CENTS


def by_error(
    amount: float,
    held_mwh: Float[Array, " party"],
    missed_mwh: Float[Array, " other_party"],
    *,
    without_error: float,
) -> Float[Array, " party"]:
    """What a market paid, dealt out so that who missed the signal bears what that cost.

    What would have been paid without any error goes by what each held ready; what the error cost
    goes by the energy that each missed. Both in whole cents.

    Args:
        amount: What is paid.
        held_mwh: Power held ready times hours.
        missed_mwh: Mean size of the error times hours.
        without_error: What a perfect response would have been paid.

    Raises:
        InputError: Shares below 0, or parties that differ in number.
    """
    if len(held_mwh) != len(missed_mwh):
        got = (len(held_mwh), len(missed_mwh))
        raise_if_any("settlement", [Fault("missed_mwh", "name the same parties", got)])
    cost = rounded(without_error) - rounded(amount)
    weights = missed_mwh if missed_mwh.sum() > 0 else held_mwh
    whole, lost = to_the_cent(without_error, held_mwh), to_the_cent(cost, weights)
    return (np.round(whole * CENTS) - np.round(lost * CENTS)) / CENTS

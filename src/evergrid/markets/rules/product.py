"""What a rule book asks of who sells one of its products: blocks, sizes, energy, power in hand."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.markets.rules.constant import Constant, Mark, constants, weakest
from evergrid.markets.rules.frequency_response import FrequencyResponse

Direction = Literal["both", "up", "down"]
Signal = Literal["regulation", "frequency", "calls"]
ROUNDING = 1e-9  # of a step, by which an award may miss a whole number of them
EVER = date(9999, 12, 31)


@dataclass(frozen=True)
class Product:
    """Reserve or response that is sold in MW for blocks of time.

    Attributes:
        name: What configurations call it.
        title: In words.
        direction: Which way an award may be called; "up" is more power into the grid.
        signal: What calls it: an operator's signal, the frequency, or rare calls.
        block_h: For which an award is the same.
        least_mw: Smaller awards are none.
        step_mw: Awards are whole numbers of this.
        energy_h: For which all of an award must last, in each direction it may be called.
        power_per_mw: Power that must be there for each MW of award.
        opposite_per_mw: Power the other way for each MW of award, to restore the energy.
        full_s: Time until all of an award is there.
        first: First day on which these rules hold.
        last: Last day on which they are known to hold.
        why: What is before and after, as a sentence.
        response: Share of the award by frequency, where that is what calls it.
        tariff_mark: How sure it is what the product is paid for and how that is settled.
    """

    name: str
    title: str
    direction: Direction
    signal: Signal
    block_h: Constant
    least_mw: Constant
    step_mw: Constant
    energy_h: Constant
    power_per_mw: Constant
    opposite_per_mw: Constant
    full_s: Constant
    first: date
    last: date = EVER
    why: str = "The rules of other days are not known here."
    response: FrequencyResponse | None = None
    tariff_mark: Mark = Mark.SECONDARY

    @property
    def mark(self) -> Mark:
        """How sure the least sure of its numbers is."""
        marks = [one.mark for one in constants(self).values()]
        marks += [] if self.response is None else [self.response.mark]
        return weakest([*marks, self.tariff_mark])

    def holds_on(self, day: date) -> bool:
        """Whether these rules are in force on a day."""
        return self.first <= day <= self.last

    def must_hold_on(self, day: date) -> None:
        """Refuse a day that these rules do not cover.

        Raises:
            InputError: It is before the first or after the last.
        """
        if not self.holds_on(day):
            rule = f"lie between {self.first} and {self.last}"
            raise InputError(self.name, [Fault("day", rule, (str(day),), fix=self.why)])

    def firm_mw(self, up: Float[Array, "*n"], down: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Award that so much power each way allows, before it is rounded.

        Args:
            up: MW above the plan that last as long as the product asks, at least 0.
            down: The same below the plan.
        """
        ways = {"up": [up], "down": [down], "both": [up, down]}[self.direction]
        allowed = [way / self.power_per_mw.value for way in ways]
        opposite = {"up": down, "down": up, "both": None}[self.direction]
        if opposite is not None and self.opposite_per_mw.value > 0:
            allowed.append(opposite / self.opposite_per_mw.value)
        return np.minimum.reduce(allowed)

    def rounded_mw(self, firm: Float[Array, "*n"]) -> Float[Array, "*n"]:
        """Awards that the market takes: whole steps, none above what is firm, none too small."""
        award = np.floor(firm / self.step_mw.value + ROUNDING) * self.step_mw.value
        return np.where(award < self.least_mw.value - ROUNDING, 0.0, award)

    def energy_mwh(self, award_mw: float) -> float:
        """Energy that an award needs in store, or room for, in each direction it is called."""
        return award_mw * self.energy_h.value


@dataclass(frozen=True)
class Market:
    """A market, with the products of its rule book.

    Attributes:
        name: What configurations call it.
        title: In words.
        time_zone: By which its days and blocks begin.
        block_begins_h: Hours after local midnight at which the first block of a day begins.
        currency: In which it pays.
        products: What may be sold.
    """

    name: str
    title: str
    time_zone: str
    block_begins_h: float
    currency: str
    products: tuple[Product, ...]


NO_POWER_BESIDE = Constant(0.0, Mark.VERIFIED, "no rule asks for it")
ONE_MW = Constant(1.0, Mark.VERIFIED, "no rule asks for more than the award")

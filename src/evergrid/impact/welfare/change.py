"""What a programme changes: by party, by line, and in all, against a named baseline."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.impact.welfare.accounts import booked, welfare_of_resources
from evergrid.impact.welfare.ledger import RealEffect, Transfer, WelfareLedger
from evergrid.impact.welfare.party import Party
from evergrid.impact.welfare.power_system.system import MarketTerms, SystemRun

SAME_ENERGY = 1e-9  # share of what is stored by which the two runs may end apart


@dataclass(frozen=True)
class WelfareChange:
    """A run with the programme against one without.

    Attributes:
        before: Ledger without.
        after: Ledger with.
        from_resources: Change of welfare by real costs alone, counted without any payment.
        energy_left: Worth of energy that one run leaves stored beyond the other; 0 where they
            end alike.
        notes: What a reader must know.
    """

    before: WelfareLedger
    after: WelfareLedger
    from_resources: float
    energy_left: float = 0.0
    notes: tuple[str, ...] = ()

    @cached_property
    def by_party(self) -> dict[Party, float]:
        """Gain of each party; a loss is below 0."""
        return {one: self.after.by_party[one] - self.before.by_party[one] for one in Party}

    @property
    def total(self) -> float:
        """Gain of all, with the worth of energy left."""
        return sum(self.by_party.values()) + self.energy_left

    @property
    def residual(self) -> float:
        """What parties' gains miss the change of real costs by; 0 but for rounding."""
        return self.total - self.energy_left - self.from_resources

    @property
    def scale(self) -> float:
        """The largest amount in either ledger, against which a residual is judged."""
        entries = (*self.before.transfers, *self.after.transfers)
        effects = (*self.before.effects, *self.after.effects)
        return max(abs(one.amount) for one in (*entries, *effects))

    @cached_property
    def transfers(self) -> tuple[Transfer, ...]:
        """By how much each payment changes."""
        pairs = _added(self.before.transfers, self.after.transfers, _payment)
        return tuple(Transfer(what, a, b, amount) for (what, a, b), amount in pairs.items())

    @cached_property
    def effects(self) -> tuple[RealEffect, ...]:
        """By how much each real cost or benefit changes."""
        pairs = _added(self.before.effects, self.after.effects, lambda one: (one.what, one.party))
        return tuple(RealEffect(what, party, amount) for (what, party), amount in pairs.items())

    @property
    def losers(self) -> tuple[Party, ...]:
        """Who is worse off, the greatest loss first; rounding is no loss."""
        least = 1e-9 * self.scale
        lost = [one for one in Party if self.by_party[one] < -least]
        return tuple(sorted(lost, key=lambda one: self.by_party[one]))

    @property
    def winners(self) -> tuple[Party, ...]:
        """Who is better off, the greatest gain first."""
        least = 1e-9 * self.scale
        won = [one for one in Party if self.by_party[one] > least]
        return tuple(sorted(won, key=lambda one: -self.by_party[one]))


def _payment(one: Transfer) -> tuple[str, Party, Party]:
    return one.what, one.payer, one.receiver


def _added(before: tuple, after: tuple, key: Callable) -> dict:
    """After less before, by what an entry is of."""
    found: dict = {}
    for sign, entries in ((-1.0, before), (1.0, after)):
        for one in entries:
            found[key(one)] = found.get(key(one), 0.0) + sign * one.amount
    return found


def of(
    without: tuple[SystemRun, MarketTerms],
    with_it: tuple[SystemRun, MarketTerms],
    *,
    stored_worth_per_mwh: float | None = None,
) -> WelfareChange:
    """The change between two runs that serve the same load.

    Args:
        without: The baseline, and its terms.
        with_it: The run with the programme, and its terms.
        stored_worth_per_mwh: Worth of a MWh that one run leaves stored beyond the other; without
            it such runs are refused.

    Raises:
        InputError: Runs that ask for different loads, or that end with different energy stored
            and no worth for it; another value of lost load or other damages.
    """
    (run0, terms0), (run1, terms1) = without, with_it
    _comparable(run0, run1, terms0, terms1)
    apart = run1.stored_change_mwh - run0.stored_change_mwh
    held = max(abs(run0.stored_end_mwh), abs(run1.stored_end_mwh), 1.0)
    worth, notes = 0.0, ()
    if abs(apart) > SAME_ENERGY * held:
        if stored_worth_per_mwh is None:
            fix = "End both runs alike, or say what a MWh is worth with stored_worth_per_mwh."
            rule = "leave as much energy stored as the run without"
            raise InputError("welfare", [Fault("stored_end_mwh", rule, (apart,), fix=fix)])
        worth = apart * stored_worth_per_mwh
        notes = (
            f"The run with the programme leaves {apart:,.3g} MWh more stored than the one without; "
            f"they are counted at {stored_worth_per_mwh:g} per MWh.",
        )
    resources = welfare_of_resources(run1, terms1) - welfare_of_resources(run0, terms0)
    return WelfareChange(booked(run0, terms0), booked(run1, terms1), resources, worth, notes)


def _comparable(run0: SystemRun, run1: SystemRun, terms0: MarketTerms, terms1: MarketTerms) -> None:
    """Refuse runs that do not serve the same."""
    faults = []
    for field in ("weight", "consumption_mwh"):
        if not np.array_equal(getattr(run0, field), getattr(run1, field)):
            fix = "A baseline serves the same load; what is not served is unserved_mwh."
            faults.append(Fault(field, "be the same in both runs", fix=fix))
    driven0, driven1 = (one.sum(one.driving_mwh) for one in (run0, run1))
    if abs(driven1 - driven0) > 1e-9 * max(driven0, 1.0):
        fix = "A baseline charges for the same driving, at whatever time."
        rule = f"be in all as in the run without, {driven0:,.9g}"
        faults.append(Fault("driving_mwh", rule, (driven1,), fix=fix))
    if terms0.voll_per_mwh != terms1.voll_per_mwh:
        fault = Fault("voll_per_mwh", "be the same in both runs", (terms1.voll_per_mwh,))
        faults.append(fault)
    if not np.array_equal(terms0.damage_per_t, terms1.damage_per_t):
        faults.append(Fault("damage_per_t", "be the same in both runs"))
    if faults:
        raise InputError("welfare", faults)

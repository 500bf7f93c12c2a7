"""Every payment booked twice, every real cost and benefit once: so that the sum is true.

A transfer leaves one party and reaches another, and is nothing to the whole. What is real (fuel,
wear, damages, energy that is served) belongs to one party and is no transfer.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.impact.welfare import party as parties
from evergrid.impact.welfare.party import Party

ROUNDING = 1e-9  # share of the largest entry that entries of one payment may miss each other by


@dataclass(frozen=True)
class Transfer:
    """Money from one party to another.

    Attributes:
        what: What is paid for.
        payer: Who pays.
        receiver: Who is paid.
        amount: In the currency of the ledger; below 0 where it flows the other way.
    """

    what: str
    payer: Party
    receiver: Party
    amount: float


@dataclass(frozen=True)
class RealEffect:
    """A real cost or benefit, which nobody else pays or receives.

    Attributes:
        what: What it is.
        party: Whose it is.
        amount: Above 0 for a benefit, below 0 for a cost.
    """

    what: str
    party: Party
    amount: float


@dataclass(frozen=True)
class WelfareLedger:
    """What everyone pays, receives, bears and enjoys.

    Attributes:
        transfers: Payments; they cancel.
        effects: Real costs and benefits; their sum is the welfare.

    Raises:
        InputError: An entry without two different known parties, or that is no number.
    """

    transfers: tuple[Transfer, ...]
    effects: tuple[RealEffect, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be booked."""
        faults = []
        for one in self.transfers:
            faults += _not_booked_twice(one)
        for one in (*self.transfers, *self.effects):
            if not math.isfinite(one.amount):
                faults.append(Fault("amount", "be a finite number", (one.amount,), (one.what,)))
        for one in self.effects:
            if not isinstance(one.party, Party):
                faults.append(_unknown("party", one.party, one.what))
        raise_if_any("welfare ledger", faults)

    @cached_property
    def by_party(self) -> dict[Party, float]:
        """What is left to each party: what it receives less what it pays, and what is real."""
        entries: dict[Party, list[float]] = {one: [] for one in Party}
        for transfer in self.transfers:
            entries[transfer.payer].append(-transfer.amount)
            entries[transfer.receiver].append(transfer.amount)
        for effect in self.effects:
            entries[effect.party].append(effect.amount)
        return {one: math.fsum(amounts) for one, amounts in entries.items()}

    @property
    def total(self) -> float:
        """Welfare: the sum over all parties."""
        return math.fsum(self.by_party.values())

    def paid(self, what: str) -> float:
        """All that is paid for something, from payers to receivers."""
        return math.fsum(one.amount for one in self.transfers if one.what == what)

    def real(self, what: str) -> float:
        """The sum of the real effects of that name."""
        return math.fsum(one.amount for one in self.effects if one.what == what)


def _not_booked_twice(one: Transfer) -> list[Fault]:
    """Faults of a transfer whose two sides are not two parties."""
    sides = (("payer", one.payer), ("receiver", one.receiver))
    faults = [_unknown(field, side, one.what) for field, side in sides if not _known(side)]
    if not faults and one.payer == one.receiver:
        rule = "differ from the payer"
        fix = "A payment to oneself is none; a real cost or benefit is a RealEffect."
        faults.append(Fault("receiver", rule, (one.receiver.value,), (one.what,), fix=fix))
    return faults


def _known(side: object) -> bool:
    return isinstance(side, Party)


def _unknown(field: str, got: object, what: str) -> Fault:
    fix = f"Every payment has two sides. Parties: {', '.join(one.value for one in Party)}."
    return Fault(field, "be a known party", (got,), (what,), fix=fix)


def transfers(entries: Iterable[tuple[str, str, float]]) -> tuple[Transfer, ...]:
    """Transfers of a list in which each side of a payment is an entry of its own.

    Args:
        entries: What is paid for, the party, and what it receives, below 0 for what it pays.

    Raises:
        InputError: An unknown party, or entries of a payment that do not cancel: one-sided ones.
    """
    by_what: dict[str, list[tuple[Party, float]]] = {}
    for what, name, amount in entries:
        by_what.setdefault(what, []).append((parties.named(name), float(amount)))
    faults = [fault for what, sides in by_what.items() for fault in _one_sided(what, sides)]
    raise_if_any("transfers", faults)
    return tuple(one for what, sides in by_what.items() for one in _matched(what, sides))


def _one_sided(what: str, sides: Sequence[tuple[Party, float]]) -> list[Fault]:
    left = math.fsum(amount for _, amount in sides)
    largest = max((abs(amount) for _, amount in sides), default=0.0)
    if abs(left) <= ROUNDING * largest:
        return []
    fix = "Book what one party pays as received by another, or as a real cost."
    return [Fault("amount", "cancel between payers and receivers", (left,), (what,), fix=fix)]


def _matched(what: str, sides: Sequence[tuple[Party, float]]) -> list[Transfer]:
    """Each payer's amount handed to receivers in turn."""
    net: Mapping[Party, float] = {
        party: math.fsum(amount for one, amount in sides if one == party)
        for party in dict.fromkeys(party for party, _ in sides)
    }
    owing = [[party, -amount] for party, amount in net.items() if amount < 0]
    due = [[party, amount] for party, amount in net.items() if amount > 0]
    found = []
    while owing and due:
        amount = min(owing[0][1], due[0][1])
        found.append(Transfer(what, Party(owing[0][0]), Party(due[0][0]), float(amount)))
        for side in (owing, due):
            side[0][1] = float(side[0][1]) - float(amount)
            if float(side[0][1]) <= ROUNDING * float(amount):
                side.pop(0)
    return found

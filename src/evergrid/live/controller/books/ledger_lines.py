"""The ledger: what each driver and the aggregator are paid, in whole cents, booked once."""

from dataclasses import dataclass, field

import numpy as np

from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.live.controller.books.awards import Block
from evergrid.live.view import LedgerLine
from evergrid.markets.settlement.statement import rounded, to_the_cent
from evergrid.model.prices import Prices

AGGREGATOR = "aggregator"


def of_block(block: Block, driver_share: float) -> list[LedgerLine]:
    """The lines of a settled block: to drivers by what each held, the rest to the aggregator.

    The amounts add up to the credit to the cent.
    """
    credit = block.credit or 0.0
    if not credit:
        return []
    parties = sorted(party for party in block.held_kwh if party)
    held = np.array([block.held_kwh[party] for party in parties])
    to_drivers = rounded(driver_share * credit) if parties else 0.0
    rule = f"{driver_share:.0%} of the credit of regulation, by power held times hours"
    parts = to_the_cent(to_drivers, held) if parties else np.zeros(0)
    lines = [
        LedgerLine(block.end_s, party, "regulation", kwh, "kW h", float(part), rule)
        for party, kwh, part in zip(parties, held.tolist(), parts.tolist(), strict=True)
    ]
    rest = rounded(credit - to_drivers)
    lines.append(
        LedgerLine(
            block.end_s,
            AGGREGATOR,
            "regulation",
            float(held.sum()),
            "kW h",
            rest,
            "the rest of the credit of regulation",
        )
    )
    return lines


@dataclass
class RegisterCount:
    """What one register of a meter counted in a session, in whatever order its readings came.

    Energy is the last reading less the first, by the sequence of their messages, so that a message
    that comes late changes no sum. A register that went back has begun anew: what it counted before
    is kept.

    Attributes:
        before_kwh: Counted until the register last began anew.
        first_kwh: First reading since; None before it.
        last_kwh: Last one.
        first: Sequence of the message that brought the first.
        last: Of that which brought the last.
        amount: Energy at the price of the reading that told it.
    """

    before_kwh: float = 0.0
    first_kwh: float | None = None
    last_kwh: float = 0.0
    first: int = 0
    last: int = 0
    amount: float = 0.0

    @property
    def energy_kwh(self) -> float:
        """Counted so far."""
        return self.before_kwh + self.last_kwh - (self.first_kwh or 0.0)

    def read(self, sequence: int, register_kwh: float, price_per_mwh: float) -> None:
        """A reading. One between those that are known is counted already."""
        per_kwh = per_kwh_from_per_mwh(price_per_mwh)
        if self.first_kwh is None:
            self.first_kwh = self.last_kwh = register_kwh
            self.first = self.last = sequence
        elif sequence >= self.last:
            if register_kwh < self.last_kwh:
                self.before_kwh = self.energy_kwh
                self.first_kwh, self.first = register_kwh, sequence
            else:
                self.amount += (register_kwh - self.last_kwh) * per_kwh
            self.last_kwh, self.last = register_kwh, sequence
        elif sequence < self.first and register_kwh <= self.first_kwh and not self.before_kwh:
            self.amount += (self.first_kwh - register_kwh) * per_kwh
            self.first_kwh, self.first = register_kwh, sequence


@dataclass
class SessionMeter:
    """What a session drew and fed so far, by the registers of its meter."""

    drawn: RegisterCount = field(default_factory=RegisterCount)
    fed: RegisterCount = field(default_factory=RegisterCount)

    @property
    def drawn_kwh(self) -> float:
        """Since the first reading."""
        return self.drawn.energy_kwh

    @property
    def fed_kwh(self) -> float:
        """Since the first reading."""
        return self.fed.energy_kwh

    def read(
        self,
        drawn_kwh: float | None,
        fed_kwh: float | None,
        import_per_mwh: float,
        export_per_mwh: float,
        *,
        sequence: int | None = None,
    ) -> None:
        """Registers at a moment, of a message of this sequence; None for one that has none."""
        if drawn_kwh is not None:
            place = self.drawn.last if sequence is None else sequence
            self.drawn.read(place, drawn_kwh, import_per_mwh)
        if fed_kwh is not None:
            place = self.fed.last if sequence is None else sequence
            self.fed.read(place, fed_kwh, export_per_mwh)


def of_energy(party: str, time_s: float, meter: SessionMeter) -> list[LedgerLine]:
    """The lines of a session that ended: what it drew and fed.

    Args:
        party: Pseudonym of the driver.
        time_s: When it ended.
        meter: What its meter said.
    """
    rule = "registers of the meter at the price of each reading"
    lines = []
    for item, kwh, amount in (
        ("energy drawn", meter.drawn_kwh, -rounded(meter.drawn.amount)),
        ("energy fed", meter.fed_kwh, rounded(meter.fed.amount)),
    ):
        if kwh > 0:
            lines.append(LedgerLine(time_s, party, item, kwh, "kWh", amount, rule))
    return lines


def prices_at(prices: Prices, wall_s: float) -> tuple[float, float]:
    """Price of energy drawn and of energy fed at a moment; the nearest where there is none."""
    moment = np.datetime64(round(wall_s * 1e6), "us")
    at = int(np.searchsorted(prices.time_utc, moment, side="right")) - 1
    at = min(max(at, 0), len(prices.time_utc) - 1)
    return float(prices.import_price_per_mwh[at]), float(prices.export_price_per_mwh[at])

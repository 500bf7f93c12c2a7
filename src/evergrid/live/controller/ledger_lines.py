"""The ledger: what each driver and the aggregator are paid, in whole cents, booked once."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.live.controller.awards import Block
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
class SessionMeter:
    """What a session drew and fed so far, by the registers of its meter.

    Attributes:
        drawn_register_kwh: At the last reading; None before the first.
        fed_register_kwh: Likewise.
        drawn_kwh: Since the first reading.
        fed_kwh: Since the first reading.
        paid: For energy drawn, at the prices of its readings.
        earned: For energy fed.
    """

    drawn_register_kwh: float | None = None
    fed_register_kwh: float | None = None
    drawn_kwh: float = 0.0
    fed_kwh: float = 0.0
    paid: float = 0.0
    earned: float = 0.0

    def read(
        self,
        drawn_kwh: float | None,
        fed_kwh: float | None,
        import_per_mwh: float,
        export_per_mwh: float,
    ) -> None:
        """Registers at a moment; one that went back begins anew, and counts nothing."""
        if drawn_kwh is not None:
            more = max(
                drawn_kwh
                - (drawn_kwh if self.drawn_register_kwh is None else self.drawn_register_kwh),
                0.0,
            )
            self.drawn_kwh += more
            self.paid += more * per_kwh_from_per_mwh(import_per_mwh)
            self.drawn_register_kwh = drawn_kwh
        if fed_kwh is not None:
            more = max(
                fed_kwh - (fed_kwh if self.fed_register_kwh is None else self.fed_register_kwh), 0.0
            )
            self.fed_kwh += more
            self.earned += more * per_kwh_from_per_mwh(export_per_mwh)
            self.fed_register_kwh = fed_kwh


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
        ("energy drawn", meter.drawn_kwh, -rounded(meter.paid)),
        ("energy fed", meter.fed_kwh, rounded(meter.earned)),
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

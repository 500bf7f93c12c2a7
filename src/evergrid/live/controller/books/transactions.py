"""A transaction under way, and what became of what its driver was promised."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evergrid.live.controller.books.drivers import Driver
from evergrid.live.controller.books.ledger_lines import SessionMeter
from evergrid.live.devices.adapter import ChargingNeeds

MET_KWH = 0.05  # by which a promise may be missed: what a meter and a percent of soc can tell


@dataclass
class OpenTransaction:
    """A transaction under way at a station.

    Attributes:
        transaction: Of the station.
        evse: Outlet.
        driver: None where nobody is known.
        arrival_s: UTC seconds since 1970.
        meter: What was drawn and fed.
        soc: That was told last, 0 to 1; None before.
        needs: What the vehicle asked for last; None before it has.
        at_needs_kwh: What the meter had counted then: drawn, and fed.
        first_needs: What the vehicle asked for first; None before it has.
        cancelled_s: When its driver first asked to charge at once or opted out; None for never.
    """

    transaction: str
    evse: int
    driver: Driver | None
    arrival_s: float
    meter: SessionMeter = field(default_factory=SessionMeter)
    soc: float | None = None
    needs: ChargingNeeds | None = None
    at_needs_kwh: tuple[float, float] = (0.0, 0.0)
    first_needs: ChargingNeeds | None = None
    cancelled_s: float | None = None

    def tell(self, needs: ChargingNeeds) -> None:
        """The vehicle says what it asks for; its soc may have been told before."""
        soc = self.soc if needs.soc is None else needs.soc
        self.needs = replace(needs, soc=soc)
        self.first_needs = self.first_needs or self.needs
        self.at_needs_kwh = self.meter.drawn_kwh, self.meter.fed_kwh

    def change(self, changed: Mapping[str, Any], now_s: float) -> None:
        """A driver changes something; no longer being there for the services is remembered."""
        cancels = changed.get("priority") is True or changed.get("opted_out") is True
        if cancels and self.cancelled_s is None:
            self.cancelled_s = now_s


@dataclass(frozen=True)
class Promise:
    """What became of a driver's promise.

    Attributes:
        station: Where.
        transaction: Of the station.
        driver: Pseudonym.
        departure_s: When it left.
        owed_kwh: What was promised.
        missing_kwh: What was missing.
        early: Whether it left before the stated departure.
        unreachable: Whether it was out of reach from the begin.
    """

    station: str
    transaction: str
    driver: str
    departure_s: float
    owed_kwh: float
    missing_kwh: float
    early: bool
    unreachable: bool

    @property
    def kept(self) -> bool:
        """Whether the driver got what could be got."""
        return self.missing_kwh <= MET_KWH or self.early or self.unreachable

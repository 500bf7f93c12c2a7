"""A transaction under way, and what became of what its driver was promised."""

from dataclasses import dataclass, field, replace

from evergrid.live.adapter import ChargingNeeds
from evergrid.live.controller.drivers import Driver
from evergrid.live.controller.ledger_lines import SessionMeter

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
    """

    transaction: str
    evse: int
    driver: Driver | None
    arrival_s: float
    meter: SessionMeter = field(default_factory=SessionMeter)
    soc: float | None = None
    needs: ChargingNeeds | None = None
    at_needs_kwh: tuple[float, float] = (0.0, 0.0)

    def tell(self, needs: ChargingNeeds) -> None:
        """The vehicle says what it asks for; its soc may have been told before."""
        soc = self.soc if needs.soc is None else needs.soc
        self.needs = replace(needs, soc=soc)
        self.at_needs_kwh = self.meter.drawn_kwh, self.meter.fed_kwh


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

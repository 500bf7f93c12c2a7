"""What the service shows of itself: plain records for the console, the interface and a summary.

A view is made from what the controller holds in memory; looking never waits for a disk or a lock.
Power is positive into the grid, times are UTC seconds since 1970.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Overview:
    """The first page.

    Attributes:
        time_s: When this was true.
        simulated: Whether the stations are simulated.
        tick_age_s: Since the controller last decided.
        power_kw: Of the fleet, as metered.
        base_kw: As planned.
        target_kw: Above the plan, as the signal asks.
        response_kw: Above the plan, as metered.
        signal: -1 to 1; None without a signal.
        signal_age_s: Since its last value; None without a signal.
        offer_kw: Firm power offered both ways in this block.
        offer_basis: What the offer rests on, in a few words.
        award_kw: Power awarded in this block.
        up_kw: More that could be fed now for the rest of the block.
        down_kw: Less.
        score: Of the day so far, 0 to 1; None before the first interval.
        stations: Registered.
        online: Connected.
        sessions: Plugged in.
        stored_kwh: In all cells.
        alarms: Active and not acknowledged.
        earned: Credits so far.
        currency: ISO 4217.
    """

    time_s: float
    simulated: bool
    tick_age_s: float
    power_kw: float
    base_kw: float
    target_kw: float
    response_kw: float
    signal: float | None
    signal_age_s: float | None
    offer_kw: float
    offer_basis: str
    award_kw: float
    up_kw: float
    down_kw: float
    score: float | None
    stations: int
    online: int
    sessions: int
    stored_kwh: float
    alarms: int
    earned: float
    currency: str


@dataclass(frozen=True)
class StationRow:
    """One line of the list of stations.

    Attributes:
        station: Identity.
        site: Where it is.
        state: ``online``, ``offline``, ``never seen``.
        protocol: Such as ``ocpp2.1``; "" while offline.
        v2x: Whether it can discharge, by what it said itself.
        session: Transaction; "" where nobody is plugged in.
        ordered_kw: Last order; None without one.
        accepted_kw: Last order that it accepted.
        measured_kw: By its meter.
        following: Whether its meter agrees with its orders; None where not known.
        soc: 0 to 1.
        last_seen_s: Of the last message.
        clock_skew_s: Its clock less ours.
        on_hold: Whether an operator lets it boot only later.
    """

    station: str
    site: str
    state: str
    protocol: str
    v2x: bool
    session: str
    ordered_kw: float | None
    accepted_kw: float | None
    measured_kw: float | None
    following: bool | None
    soc: float | None
    last_seen_s: float | None
    clock_skew_s: float | None
    on_hold: bool = False


@dataclass(frozen=True)
class SessionRow:
    """A vehicle that is plugged in, and what its driver was promised.

    Attributes:
        station: Where.
        evse: Outlet.
        session: Transaction.
        driver: Pseudonym.
        arrival_s: Since when.
        departure_s: Until when.
        energy_kwh: In the cells, counted or measured.
        owed_kwh: At departure.
        reserve_kwh: Below which it does not discharge.
        capacity_kwh: Of the cells.
        missing_kwh: To what is owed, if it left now.
        reachable: Whether what is owed can still be reached.
        planned_kw: By the plan, now.
        priority: Whether the driver wants to charge now.
        opted_out: Whether the driver took it out of discharging and services.
    """

    station: str
    evse: int
    session: str
    driver: str
    arrival_s: float
    departure_s: float
    energy_kwh: float
    owed_kwh: float
    reserve_kwh: float
    capacity_kwh: float
    missing_kwh: float
    reachable: bool
    planned_kw: float
    priority: bool
    opted_out: bool = False


@dataclass(frozen=True)
class Series:
    """The last while, tick by tick, oldest first.

    Attributes:
        time_s: Of each point.
        values: Each series by its name with unit.
    """

    time_s: tuple[float, ...]
    values: dict[str, tuple[float | None, ...]]


@dataclass(frozen=True)
class Alarm:
    """Something that an operator should know.

    Attributes:
        number: Counts up.
        kind: Such as ``station_offline``, ``not_following``, ``signal_stale``.
        source: Station, signal or part of the service.
        text: One sentence.
        began_s: When.
        ended_s: None while it lasts.
        acknowledged_by: "" while nobody has.
        shelved_until_s: Until when it is kept quiet; None where it is not.
    """

    number: int
    kind: str
    source: str
    text: str
    began_s: float
    ended_s: float | None = None
    acknowledged_by: str = ""
    shelved_until_s: float | None = None


@dataclass(frozen=True)
class Offer:
    """What was offered and awarded in a block.

    Attributes:
        begin_s: Of the block.
        end_s: Of the block.
        offered_kw: Both ways.
        awarded_kw: By the market, at most what was offered.
        basis: What it rests on.
        score: Of the block; None before it has ended.
        credit: In the currency; None before it has ended.
        rule: That made it: ``history`` or ``cold start``.
        binding: What it could not exceed.
        confidence: Share of such promises that past days kept; None without them.
        history_days: Days of record.
    """

    begin_s: float
    end_s: float
    offered_kw: float
    awarded_kw: float
    basis: str
    score: float | None = None
    credit: float | None = None
    rule: str = ""
    binding: str = ""
    confidence: float | None = None
    history_days: int = 0


@dataclass(frozen=True)
class LedgerLine:
    """What a driver, or the aggregator, is paid for a block or a session.

    Attributes:
        time_s: When it was booked.
        party: Pseudonym of the driver, or ``aggregator``.
        item: What is paid.
        quantity: How much.
        unit: Of the quantity.
        amount: Whole cents of the currency, as money; above 0 for income.
        rule: By which rule.
    """

    time_s: float
    party: str
    item: str
    quantity: float
    unit: str
    amount: float
    rule: str


@dataclass(frozen=True)
class PlanRow:
    """The plan of the fleet in a step.

    Attributes:
        time_s: Begin of the step.
        power_kw: Into the grid.
        energy_kwh: In all cells, at its end.
        price_per_mwh: Of energy drawn.
        award_kw: Held for a service.
    """

    time_s: float
    power_kw: float
    energy_kwh: float
    price_per_mwh: float
    award_kw: float


@dataclass(frozen=True)
class PlanView:
    """The plan in force.

    Attributes:
        made_s: When; None before the first.
        status: Earned, as of every plan.
        gap: Relative.
        solve_s: Seconds.
        rows: Step by step.
        behind: Why no newer plan is there, "" where it is on time.
    """

    made_s: float | None
    status: str
    gap: float | None
    solve_s: float | None
    rows: tuple[PlanRow, ...]
    behind: str = ""


@dataclass(frozen=True)
class MessageRow:
    """A message from or to a station.

    Attributes:
        time_s: When.
        direction: ``in`` or ``out``.
        action: Of the protocol.
        text: The message, shortened.
        outcome: ``accepted``, an error code, or "".
    """

    time_s: float
    direction: str
    action: str
    text: str
    outcome: str


@dataclass(frozen=True)
class GridFunctionRow:
    """What a station does for the grid by itself.

    Attributes:
        kind: ``VoltVar`` or ``FreqDroop``, in the words of OCPP.
        points: Of its curve: voltage per unit and reactive power as a share of the rating, or Hz
            and active power as such a share; both into the grid. Empty where the station does not
            have it as it was given.
        since_s: When it was read back from the station; None where it was not, since this start.
        state: ``given``: sent, and not read back as it was given; ``read back``: the grid has not
            asked for anything yet; ``verified`` or ``contradicted`` by its meter.
    """

    kind: str
    points: tuple[tuple[float, float], ...]
    since_s: float | None
    state: str


@dataclass(frozen=True)
class StationDetail:
    """One station.

    Attributes:
        row: As in the list.
        sessions: Plugged in.
        operation_modes: That it names.
        profiles: Charging profiles that it was given, lowest stack level first.
        messages: The last ones, newest first.
        series: Ordered, accepted and measured power of the last hours.
        grid_functions: That it was given.
        alarms: That last, of the station and what it was given, newest first.
        pending: Whether it waits at its boot, and may say nothing else.
        security_profile: Of its connection, 0 to 3; None while it is not connected.
        not_known: Why messages and profiles are not known; "" where they are.
    """

    row: StationRow
    sessions: tuple[SessionRow, ...]
    operation_modes: tuple[str, ...]
    profiles: tuple[dict[str, Any], ...]
    messages: tuple[MessageRow, ...]
    series: Series
    grid_functions: tuple[GridFunctionRow, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    pending: bool = False
    security_profile: int | None = None
    not_known: str = ""


class AbstractView(ABC):
    """What can be seen of a service; no method waits, but for a station's gateway."""

    @abstractmethod
    def overview(self) -> Overview:
        """The first page."""

    @abstractmethod
    def stations(self) -> tuple[StationRow, ...]:
        """Every station."""

    @abstractmethod
    async def station(self, station: str) -> StationDetail | None:
        """One of them; None where it is not registered. Waits for its gateway, not for long."""

    @abstractmethod
    def station_series(self, station: str) -> Series | None:
        """Its power of the last hours, as in `station`; None where it is not registered."""

    @abstractmethod
    def sessions(self) -> tuple[SessionRow, ...]:
        """Every vehicle that is plugged in."""

    @abstractmethod
    def series(self, points: int = 600) -> Series:
        """Signal, target, response, base, award and last settled score of the last while."""

    @abstractmethod
    def plan(self) -> PlanView:
        """The plan in force."""

    @abstractmethod
    def alarms(self) -> tuple[Alarm, ...]:
        """Alarms that last, and the history, newest first."""

    @abstractmethod
    def offers(self) -> tuple[Offer, ...]:
        """Offers, newest first."""

    @abstractmethod
    def ledger(self, party: str | None = None) -> tuple[LedgerLine, ...]:
        """Ledger lines, newest first, of everybody or of one party."""


class AbstractCommands(ABC):
    """What a person may ask of a service; each is written to the audit log by the caller."""

    @abstractmethod
    async def call_station(
        self, station: str, action: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        """Send a message of the station's protocol.

        Raises:
            InputError: It breaks the protocol, or the station is not connected.
        """

    @abstractmethod
    async def hold(self, station: str, on_hold: bool) -> None:
        """Let a station boot only later, or let it go.

        Raises:
            InputError: It is no charging station, or its gateway does not answer.
        """

    @abstractmethod
    async def renew_password(self, station: str) -> None:
        """Give a station another password, which is shown to nobody.

        Raises:
            InputError: The station is not connected, or has not taken it.
        """

    @abstractmethod
    async def renew_certificate(self, station: str) -> None:
        """Let a station ask for another certificate, and sign it.

        Raises:
            InputError: It is not connected, has not taken one, or nobody signs.
        """

    @abstractmethod
    async def forget_certificates(self, station: str) -> None:
        """Any certificate of a station's name is good again, as before the first was signed.

        Raises:
            InputError: It is no charging station.
        """

    @abstractmethod
    async def acknowledge(self, alarm: int, person: str) -> None:
        """Take note of an alarm.

        Raises:
            InputError: There is no such alarm.
        """

    @abstractmethod
    async def shelve(self, alarm: int, person: str, until_s: float) -> None:
        """Keep an alarm quiet for a while.

        Raises:
            InputError: There is no such alarm, or the time has passed.
        """

    @abstractmethod
    async def limit_sites(self, document: dict[str, Any], person: str) -> tuple[str, ...]:
        """Put limits of a utility into force; the sites that they are for.

        Raises:
            InputError: The document breaks a rule, or names a site that no utility limits.
        """

    @abstractmethod
    async def change_needs(
        self, session: str, *, departure_s: float | None = None, owed_kwh: float | None = None
    ) -> None:
        """A driver changes departure or energy.

        Raises:
            InputError: There is no such session, or it cannot be reached.
        """

    @abstractmethod
    async def set_priority(self, session: str, active: bool) -> None:
        """A driver wants to charge now, or no longer.

        Raises:
            InputError: There is no such session.
        """

    @abstractmethod
    async def opt_out(self, session: str, out: bool) -> None:
        """A driver takes the vehicle out of discharging and services, or back in.

        Raises:
            InputError: There is no such session.
        """

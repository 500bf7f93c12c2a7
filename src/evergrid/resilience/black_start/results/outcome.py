"""What a black start leaves: events, checks before closings, samples, energy of each unit."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.resilience.black_start.circuit import SiteCircuit
from evergrid.resilience.black_start.neighbour.inrush import HardClosing


class StartStatus(StrEnum):
    """How a black start ended."""

    RESTORED = "restored"
    PARTLY = "partly_restored"
    REFUSED = "refused_unstable"
    UNSTABLE = "unstable"
    COLLAPSED = "collapsed"


class Action(StrEnum):
    """What happens in a step of a black start."""

    GRID_LOST = "grid_lost"
    AUXILIARIES = "auxiliaries_on"
    SOFT_START = "soft_start"
    UNIT_START = "unit_start"
    SYNCHRONISED = "synchronised"
    CLOSED_BLIND = "closed_unsynchronised"
    PICK_UP = "pick_up"
    ENERGISED = "energised"
    JOINED = "islands_joined"
    ENTERED = "entered_service"
    REFUSED = "refused"
    SHED = "shed"
    NO_START = "does_not_start"
    TRANSFERRED = "transferred"
    TRIP = "trip"
    COLLAPSE = "collapse"
    GRID_BACK = "grid_back"
    RECONNECTED = "reconnected"
    END = "end"


@dataclass(frozen=True)
class IslandReading:
    """What meters of a section, of the site where none is named, show at one instant.

    Attributes:
        frequency_hz: Of the units that are connected to its bus, weighted by rating; NaN without
            one.
        voltage_pu: At its bus, which is the main bus for the site.
        power_kw: Of its blocks.
    """

    frequency_hz: float
    voltage_pu: float
    power_kw: float


@dataclass(frozen=True)
class StartEvent:
    """One line of the log.

    Attributes:
        time_s: From the loss of the grid.
        action: What happens.
        actor: Unit, block or breaker.
        cause: Why, as words.
        before: Readings right before.
        after: Readings right after.
    """

    time_s: float
    action: Action
    actor: str
    cause: str
    before: IslandReading
    after: IslandReading


@dataclass(frozen=True)
class ClosingCheck:
    """What is known before a breaker closes.

    Attributes:
        time_s: When it is looked at.
        closing: Name of the breaker.
        allowed: Whether it may close.
        reason: Why not; empty where it may.
        eigenvalue_per_s: Of what would then be connected, without the mode of common angle.
        states: Which entries of the state take most part in the mode with the least damping.
        lowest_voltage_pu: At the bus of the section in the look ahead; NaN where there is none.
        lowest_frequency_hz: In the look ahead.
        greatest_current_pu: Of a unit in the look ahead, over its rated current.
        settled_hz: Where droop alone would bring the frequency; NaN where it is not looked at.
    """

    time_s: float
    closing: str
    allowed: bool
    reason: str
    eigenvalue_per_s: Array
    states: tuple[str, ...]
    lowest_voltage_pu: float = np.nan
    lowest_frequency_hz: float = np.nan
    greatest_current_pu: float = np.nan
    settled_hz: float = np.nan

    @property
    def worst_per_s(self) -> complex:
        """The eigenvalue with the greatest real part."""
        if not len(self.eigenvalue_per_s):
            return complex(np.nan, np.nan)
        return complex(self.eigenvalue_per_s[np.argmax(np.real(self.eigenvalue_per_s))])


@dataclass(frozen=True)
class IslandSamples:
    """The island over time, at equidistant samples.

    Attributes:
        time_s: From the loss of the grid.
        frequency_hz: As in `IslandReading`; NaN while no unit is connected.
        voltage_pu: At the main bus.
        unit_frequency_hz: Of each unit; NaN while it does not run.
        unit_power_kw: Filtered, as its control sees it.
        unit_reactive_kvar: The same.
        unit_current_pu: Over its rated current.
        block_kw: That each block draws.
        connected: Whether each block is connected to a bus that lives.
        section_frequency_hz: As `frequency_hz`, of the units that are connected to the bus of the
            site and of each neighbouring section.
        section_voltage_pu: At that bus.
        follower_power_kw: Filtered, of each unit that follows.
        motor_speed_pu: Of the motors of each block; NaN while they have no voltage.
    """

    time_s: Float[Array, " sample"]
    frequency_hz: Float[Array, " sample"]
    voltage_pu: Float[Array, " sample"]
    unit_frequency_hz: Float[Array, "sample unit"]
    unit_power_kw: Float[Array, "sample unit"]
    unit_reactive_kvar: Float[Array, "sample unit"]
    unit_current_pu: Float[Array, "sample unit"]
    block_kw: Float[Array, "sample block"]
    connected: Bool[Array, "sample block"]
    section_frequency_hz: Float[Array, "sample section"]
    section_voltage_pu: Float[Array, "sample section"]
    follower_power_kw: Float[Array, "sample follower"]
    motor_speed_pu: Float[Array, "sample motor"]


@dataclass(frozen=True)
class SyncWait:
    """How long a unit, a second island, or the island itself waited for its angle.

    Attributes:
        closing: Name of the breaker.
        wait_s: From the moment at which the slip was there until it closed.
        angle_deg: Between both sides at closing.
        slip_hz: Difference of their frequencies.
        voltage_pu: Difference of their voltages.
    """

    closing: str
    wait_s: float
    angle_deg: float
    slip_hz: float
    voltage_pu: float


@dataclass(frozen=True)
class FollowerOutcome:
    """What became of a charger that follows.

    Attributes:
        unit: Its name.
        section: Where it is.
        on_at_end: Whether it feeds at the end.
        entered_s: When it first entered service; infinite where never.
        tripped_s: When it tripped last; infinite where never.
        trips: How often.
        energy_kwh: Out of its battery.
        reason: Why it does not feed at the end; empty where it does.
    """

    unit: str
    section: str
    on_at_end: bool
    entered_s: float
    tripped_s: float
    trips: int
    energy_kwh: float
    reason: str


@dataclass(frozen=True)
class BlackStart:
    """How a black start went.

    Attributes:
        circuit: The site as a circuit.
        status: How it ended.
        reason: Why not better; empty where all is restored.
        events: The log.
        checks: Before each closing.
        samples: The island over time.
        waits: For synchronism.
        energy_kwh: Out of the battery of each unit, chargers' own use among it.
        auxiliary_kwh: Of it, chargers' own use.
        energy_left_kwh: Above its reserve at the end.
        connected_s: When each unit was first connected; infinite where never.
        duration_s: For which it was followed.
        peak_current_pu: Of the filter of each unit, over the rated current.
        joined: Whether the site and each section are one island with the site at the end.
        followers: What became of each charger that follows, if they take part.
        inrush: Of the transformer upstream closed hard onto the live site; None where it is not.
        trim_hz: By which the no-load frequency of each unit is off at the end, for a share of the
            power of its own.
        on_emergency: Names of the blocks on the emergency bus at the end.
    """

    circuit: SiteCircuit
    status: StartStatus
    reason: str
    events: tuple[StartEvent, ...]
    checks: tuple[ClosingCheck, ...]
    samples: IslandSamples
    waits: tuple[SyncWait, ...]
    energy_kwh: Float[Array, " unit"]
    auxiliary_kwh: Float[Array, " unit"]
    energy_left_kwh: Float[Array, " unit"]
    connected_s: Float[Array, " unit"]
    duration_s: float
    peak_current_pu: Float[Array, " unit"]
    joined: tuple[bool, ...]
    followers: tuple[FollowerOutcome, ...] = ()
    inrush: HardClosing | None = None
    trim_hz: Float[Array, " unit"] = field(default_factory=lambda: np.zeros(0))
    on_emergency: tuple[str, ...] = ()

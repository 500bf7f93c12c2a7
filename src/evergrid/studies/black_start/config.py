"""The configuration of a black start."""

from typing import Literal

from pydantic import Field, model_validator

from evergrid.core.config import Config as BaseConfig
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.text.nearest import did_you_mean
from evergrid.inputs.microgrid import MicrogridEntry, VehiclesEntry
from evergrid.resilience.black_start.assets.panels import panels
from evergrid.resilience.black_start.checks.sequence import check_sequence
from evergrid.resilience.black_start.circuit import InverterSettings, check_site
from evergrid.resilience.black_start.settings import (
    GridReturn,
    ProtectionLimits,
    StartSequence,
    SynchroCheck,
)
from evergrid.resilience.waveform.protection import FuseCurve
from evergrid.studies.black_start.following_config import FollowingEntry
from evergrid.studies.black_start.machines_config import (
    DieselEntry,
    MotorsEntry,
    PanelsEntry,
    TransferSwitchEntry,
    emergency,
)
from evergrid.studies.black_start.neighbour_config import NeighbourEntry, UpstreamEntry, feeder


class InverterEntry(BaseConfig):
    """What all chargers that form the grid have in common: verified gains, scaled by rating."""

    droop_hz: float = 0.15
    """By which the frequency falls from no load to rated power."""
    droop_voltage_pu: float = 0.034
    """By which the voltage falls from none to rated reactive power."""
    current_limit_pu: float = 1.5
    """Of the inner current, over the rated one."""
    connection_resistance_pu: float = 0.01
    """Of cable and isolating transformer between a charger and the bus where all meet."""
    connection_reactance_pu: float = 0.02
    """The same; inverters of these gains that meet without any impedance are unstable."""

    @model_validator(mode="after")
    def _valid(self) -> "InverterEntry":
        self.record()
        return self

    def record(self) -> InverterSettings:
        """The settings, checked.

        Raises:
            InputError: A number out of range.
        """
        return InverterSettings(**self.model_dump())


class StartEntry(BaseConfig):
    """The sequence."""

    auxiliary_s: float = 5.0
    """From the loss of the grid until the chargers' control runs, fed from the vehicles."""
    ramp_s: float = 0.5
    """In which the first unit raises the voltage of the dead bus from zero."""
    settle_s: float = 1.0
    """Left to the island after each step before the next one."""
    duration_s: float = 60.0
    """How long the black start is followed from the loss of the grid."""
    masters: tuple[str, ...] = Field(default=(), examples=[["bus 1"]])
    """Unit that starts the dead bus, one for an island; the one with most energy when absent."""
    order: tuple[str, ...] = Field(default=(), examples=[["bus 1", "intensive care"]])
    """Units and blocks in the order in which they are connected; by tier when absent."""
    loading: float = 0.9
    """Of the power of the units that are connected, what blocks may draw."""
    trial_s: float = 0.3
    """For which the closing of a block is simulated ahead before it is done."""
    run_unstable: bool = False
    """Whether a closing that the eigenvalues call unstable is done nevertheless."""
    force: bool = False
    """Whether a closing that the look ahead refuses is done nevertheless."""

    @model_validator(mode="after")
    def _valid(self) -> "StartEntry":
        self.record()
        return self

    def record(self) -> StartSequence:
        """The sequence, checked.

        Raises:
            InputError: Two masters, one without a name, a number out of range.
        """
        given = self.model_dump()
        masters = given.pop("masters")
        if len(masters) > 1:
            rule = "name one unit: two that start the same bus unsynchronised fight each other"
            fix = "The others are synchronised; name them in start.order."
            raise InputError("start", [Fault("masters", rule, (", ".join(masters),), fix=fix)])
        if "" in masters:
            fix = "Leave masters out for the unit with the most energy."
            raise InputError("start", [Fault("masters", "be a name", ("",), fix=fix)])
        return StartSequence(**given, master=masters[0] if masters else "")


class SynchroniseEntry(BaseConfig):
    """When a breaker may close between two live parts; check the limits against your rules."""

    slip_hz: float = 0.15
    """By which the unit that comes is driven to pass the island."""
    greatest_slip_hz: float = 0.3
    """Difference of frequency up to which the breaker may close."""
    greatest_angle_deg: float = 5.0
    """Difference of angle."""
    greatest_voltage_pu: float = 0.1
    """Difference of voltage."""
    check: bool = True
    """Whether any of this is looked at; without it the breaker closes at once."""

    @model_validator(mode="after")
    def _valid(self) -> "SynchroniseEntry":
        self.record()
        return self

    def record(self) -> SynchroCheck:
        """The limits, checked.

        Raises:
            InputError: A number out of range.
        """
        return SynchroCheck(**self.model_dump())


class LimitsEntry(BaseConfig):
    """At what voltages, frequencies and currents relays act."""

    pick_up_voltage_pu: float = 0.85
    """Lowest voltage that the look ahead at a closing may show."""
    pick_up_deviation_hz: float = 0.5
    """Greatest deviation of the frequency that it may show."""
    under_voltage_pu: float = 0.5
    """Voltage below which units trip."""
    under_voltage_s: float = 0.16
    """For which it must last, seconds."""
    over_current_pu: float = 1.2
    """Current, over the rated one, above which a unit trips."""
    over_current_s: float = 0.5
    """For which it must last, seconds."""
    shed_deviation_hz: float = 0.8
    """By which the frequency must be low for a block to be shed."""
    shed_s: float = 0.15
    """For which that must last; then one block is shed, the least worthy first."""
    under_frequency_hz: float = 3.0
    """Deviation at which units trip."""
    under_frequency_s: float = 0.16
    """For which it must last, seconds."""

    @model_validator(mode="after")
    def _valid(self) -> "LimitsEntry":
        self.record()
        return self

    def record(self) -> ProtectionLimits:
        """The limits, checked.

        Raises:
            InputError: A number out of range.
        """
        return ProtectionLimits(**self.model_dump())


class GridReturnEntry(BaseConfig):
    """The grid that comes back, as a stiff source behind its impedance."""

    at_s: float = Field(examples=[50.0])
    """When its voltage is back, seconds from its loss."""
    frequency_hz: float = Field(examples=[60.0])
    """Of the grid then."""
    voltage_pu: float = 1.0
    """Of its source."""
    short_circuit_kva: float = 10_000.0
    """At the main bus."""
    x_over_r: float = 5.0
    """Of its impedance."""

    @model_validator(mode="after")
    def _valid(self) -> "GridReturnEntry":
        self.record()
        return self

    def record(self) -> GridReturn:
        """The grid, checked.

        Raises:
            InputError: A number out of range.
        """
        return GridReturn(**self.model_dump())


class FuseEntry(BaseConfig):
    """The fuse of a block, by points of its time-current curve, read off its sheet."""

    block: str = Field(examples=["intensive care"])
    """That it protects."""
    current_a: tuple[float, ...] = Field(examples=[[400.0, 800.0, 2500.0]])
    """Rising."""
    melting_s: tuple[float, ...] = Field(examples=[[3600.0, 10.0, 0.1]])
    """After which it melts at that current; falling."""
    fault_current_pu: float = Field(default=1.5, ge=1.0, le=3.0)
    """Current of each inverter in a fault, over the rated one; 1.5 to 2 is usual."""

    @model_validator(mode="after")
    def _valid(self) -> "FuseEntry":
        self.record()
        return self

    def record(self) -> FuseCurve:
        """The curve, checked.

        Raises:
            InputError: Points that are no curve.
        """
        return FuseCurve(self.block, self.current_a, self.melting_s)


class Config(BaseConfig):
    """The configuration of a black start."""

    study: Literal["black_start"] = "black_start"
    """Which study this is."""
    title: str = "Black start"
    """Heading of the report."""
    microgrid: MicrogridEntry = MicrogridEntry(
        vehicles=(VehiclesEntry(plugged_in=12, apparent_kva=66.0),)
    )
    """What is there; vehicles that come later are used from then on."""
    inverter: InverterEntry = InverterEntry()
    """What all chargers that form the grid have in common."""
    start: StartEntry = StartEntry()
    """The sequence."""
    synchronise: SynchroniseEntry = SynchroniseEntry()
    """When a breaker may close between two live parts."""
    limits: LimitsEntry = LimitsEntry()
    """Of the relays."""
    grid_return: GridReturnEntry | None = None
    """The grid that comes back."""
    fuse: FuseEntry | None = None
    """The fuse of a block, which a fault behind it should clear."""
    upstream: UpstreamEntry | None = None
    """The transformer between the main bus and the feeder; the grid is met beyond it."""
    neighbour: tuple[NeighbourEntry, ...] = ()
    """Neighbouring sections of the feeder, brought to life after the site."""
    following: FollowingEntry | None = None
    """Chargers that cannot form a grid; without this they are counted and left out."""
    motors: MotorsEntry | None = None
    """Motors of blocks; without this they start as impedances."""
    diesel: DieselEntry | None = None
    """Diesel sets on an emergency bus; without this they are left out."""
    transfer_switch: tuple[TransferSwitchEntry, ...] = ()
    """Of blocks that may be switched to the emergency bus."""
    panels: PanelsEntry | None = None
    """Panels of the site; without this they are left out."""

    @model_validator(mode="after")
    def _whole(self) -> "Config":
        if self.microgrid.feeder is None:
            self.check()
        return self

    def check(self) -> None:
        """Refuse what does not go together; needs the blocks, which a feeder may give.

        Raises:
            InputError: With the way out.
        """
        grid = None if self.grid_return is None else self.grid_return.record()
        if grid is not None:
            grid.check_nominal(self.microgrid.nominal_hz)
        # With all that may come, as far as chance is concerned.
        hour = 0.0 if self.panels is None else self.panels.hour
        site = self.microgrid.with_all_arrivals().record(start_hour=hour)
        if self.panels is not None:
            panels(site, self.panels.apparent_kva)
        check_site(site)
        supply = emergency(site, self.diesel, self.transfer_switch)
        if supply is not None:
            supply.check(site)
        check_sequence(site, self.start.record(), grid, supply)
        feeder(self.upstream, self.neighbour).check(site)
        names = [block.name for block in self.microgrid.load_block]
        if self.fuse is not None and self.fuse.block not in names:
            fix = did_you_mean(self.fuse.block, names) or f"Known: {', '.join(names[:8])}."
            fault = Fault("fuse.block", "name a load block", (self.fuse.block,), fix=fix)
            raise InputError("fuse", [fault])

"""How a black start is to be done: its sequence, its limits, the grid that may come back."""

from dataclasses import dataclass

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

Range = tuple[str, float, float, str]


def faults_outside(record: object, *rows: Range) -> list[Fault]:
    """Faults of numbers outside a closed range; NaN is never inside."""
    return [
        Fault(field, f"be in [{low:g}, {high:g}]", (value,), fix=fix)
        for field, low, high, fix in rows
        if not low <= (value := getattr(record, field)) <= high
    ]


@dataclass(frozen=True)
class StartSequence:
    """In what order, how fast and how boldly.

    Attributes:
        auxiliary_s: From the loss of the grid until the chargers' control, contactors and network
            run, which their vehicles' batteries feed.
        ramp_s: In which the first unit raises the voltage of the dead bus from zero.
        settle_s: Left to the island after each step before the next one.
        duration_s: How long the black start is followed from the loss of the grid.
        master: Unit that starts the dead bus; empty for the one with the most energy.
        order: Names of units and blocks in the order in which they are connected; empty for an
            order by the tiers of the blocks, with units as they are needed.
        loading: Of the power of the units that are connected, what blocks may draw.
        trial_s: For which the closing of a block is simulated ahead before it is done.
        run_unstable: Whether a closing that the eigenvalues call unstable is done nevertheless.
        force: Whether a closing that the look ahead refuses is done nevertheless.
    """

    auxiliary_s: float = 5.0
    ramp_s: float = 0.5
    settle_s: float = 1.0
    duration_s: float = 60.0
    master: str = ""
    order: tuple[str, ...] = ()
    loading: float = 0.9
    trial_s: float = 0.3
    run_unstable: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        records.check(self, "start")
        raise_if_any(
            "start",
            faults_outside(
                self,
                ("auxiliary_s", 0.0, 3600.0, ""),
                ("ramp_s", 1e-3, 60.0, "A voltage that jumps is what soft starting avoids."),
                ("settle_s", 0.05, 600.0, ""),
                ("duration_s", 0.1, 3600.0, "Hours are the matter of the study resilience."),
                ("loading", 0.01, 1.0, "Give a fraction, not a percentage."),
                ("trial_s", 0.02, 10.0, ""),
            ),
        )


@dataclass(frozen=True)
class SynchroCheck:
    """When a breaker may close between two parts that both live.

    The defaults are those told of IEEE 1547's table for 0 to 500 kVA; they could not be verified.

    Attributes:
        slip_hz: By which the unit that comes is driven to pass the island.
        greatest_slip_hz: Difference of frequency up to which the breaker may close.
        greatest_angle_deg: Difference of angle.
        greatest_voltage_pu: Difference of voltage.
        check: Whether any of this is looked at; without it the breaker closes at once.
    """

    slip_hz: float = 0.15
    greatest_slip_hz: float = 0.3
    greatest_angle_deg: float = 5.0
    greatest_voltage_pu: float = 0.1
    check: bool = True

    def __post_init__(self) -> None:
        records.check(self, "synchronise")
        faults = faults_outside(
            self,
            ("slip_hz", 0.01, 5.0, "Without slip two parts may never meet."),
            ("greatest_slip_hz", 0.01, 5.0, ""),
            ("greatest_angle_deg", 0.5, 180.0, ""),
            ("greatest_voltage_pu", 1e-3, 1.0, ""),
        )
        if self.check and self.slip_hz > self.greatest_slip_hz:
            rule = f"be at most greatest_slip_hz, {self.greatest_slip_hz:g} Hz"
            fix = "Else the breaker never closes."
            faults.append(Fault("slip_hz", rule, (self.slip_hz,), fix=fix))
        raise_if_any("synchronise", faults)


@dataclass(frozen=True)
class ProtectionLimits:
    """At what voltages, frequencies and currents relays act.

    Attributes:
        pick_up_voltage_pu: Lowest voltage that the look ahead at a closing may show.
        pick_up_deviation_hz: Greatest deviation of the frequency that it may show.
        under_voltage_pu: Voltage below which units trip.
        under_voltage_s: For which it must last.
        over_current_pu: Current, over the rated one, above which a unit trips.
        over_current_s: For which it must last.
        shed_deviation_hz: By which the frequency must be low for a block to be shed.
        shed_s: For which that must last; then one block is shed, the least worthy first.
        under_frequency_hz: Deviation at which units trip.
        under_frequency_s: For which it must last.
    """

    pick_up_voltage_pu: float = 0.85
    pick_up_deviation_hz: float = 0.5
    under_voltage_pu: float = 0.5
    under_voltage_s: float = 0.16
    over_current_pu: float = 1.2
    over_current_s: float = 0.5
    shed_deviation_hz: float = 0.8
    shed_s: float = 0.15
    under_frequency_hz: float = 3.0
    under_frequency_s: float = 0.16

    def __post_init__(self) -> None:
        records.check(self, "limits")
        faults = faults_outside(
            self,
            ("pick_up_voltage_pu", 0.1, 1.0, ""),
            ("pick_up_deviation_hz", 1e-3, 10.0, ""),
            ("under_voltage_pu", 0.0, 1.0, ""),
            ("under_voltage_s", 0.0, 60.0, ""),
            ("over_current_pu", 0.1, 10.0, ""),
            ("over_current_s", 0.0, 60.0, ""),
            ("shed_deviation_hz", 1e-3, 10.0, ""),
            ("shed_s", 0.0, 60.0, ""),
            ("under_frequency_hz", 1e-3, 20.0, ""),
            ("under_frequency_s", 0.0, 60.0, ""),
        )
        if self.pick_up_voltage_pu < self.under_voltage_pu:
            rule = f"be at least under_voltage_pu, {self.under_voltage_pu:g}"
            faults.append(Fault("pick_up_voltage_pu", rule, (self.pick_up_voltage_pu,)))
        raise_if_any("limits", faults)


@dataclass(frozen=True)
class GridReturn:
    """The grid that comes back, as a stiff source behind its impedance.

    Attributes:
        at_s: When its voltage is back, from its loss.
        frequency_hz: Of the grid then.
        voltage_pu: Of its source.
        short_circuit_kva: At the main bus.
        x_over_r: Of its impedance.
    """

    at_s: float
    frequency_hz: float
    voltage_pu: float = 1.0
    short_circuit_kva: float = 10_000.0
    x_over_r: float = 5.0

    def __post_init__(self) -> None:
        records.check(self, "grid_return")
        raise_if_any(
            "grid_return",
            faults_outside(
                self,
                ("at_s", 0.0, 3600.0, ""),
                ("voltage_pu", 0.5, 1.5, ""),
                ("short_circuit_kva", 1.0, 1e8, ""),
                ("x_over_r", 0.1, 100.0, ""),
            ),
        )

    def check_nominal(self, nominal_hz: float) -> None:
        """Refuse a grid of another nominal frequency than the island.

        Raises:
            InputError: It is further than 5 % from the nominal frequency.
        """
        if not abs(self.frequency_hz / nominal_hz - 1.0) <= 0.05:
            rule = f"be near the nominal frequency of the island, {nominal_hz:g} Hz"
            fix = "50 and 60 Hz cannot be connected."
            fault = Fault("grid_return.frequency_hz", rule, (self.frequency_hz,), fix=fix)
            raise_if_any("grid_return", [fault])

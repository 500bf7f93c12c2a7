"""What a fleet does at a deviation of frequency, and how fast."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import S_PER_H

LEVELS = 4001  # of deviation in a table of orders: 0.1 mHz apart for a product full at 0.2 Hz
WIDE = 0.25  # of the span, over which slopes are taken
LONGEST_S = 60.0  # of delays, lags and looks; beyond, no answer to a loss of generation

Due = Callable[[Float[Array, " level"]], Float[Array, " level"]]


@dataclass(frozen=True)
class StepResponse:
    """Fast frequency response: a fixed power once the frequency is low.

    Attributes:
        power_mw: That is fed then.
        trigger_hz: Frequency below which it comes.
        activation_s: From crossing that frequency until the power is there.
        support_s: For which it stays.
        release_s: In which it is taken back; 0 for at once.
    """

    power_mw: float
    trigger_hz: float
    activation_s: float
    support_s: float
    release_s: float = 0.0


@dataclass(frozen=True)
class Control:
    """How chargers measure and follow the frequency.

    Attributes:
        delay_s: From a measurement until the charger begins to move.
        lag_s: Time constant with which its power then follows.
        full_s: In which its power moves from nothing to the whole award at the fastest; 0 for no
            limit.
        look_s: Between two measurements; 0 for all the time.
        spread: Whether each charger measures at a moment, and rounds at a place, of its own.

    Raises:
        InputError: Every number out of range.
    """

    delay_s: float = 0.0
    lag_s: float = 0.1
    full_s: float = 0.0
    look_s: float = 0.0
    spread: bool = True

    def __post_init__(self) -> None:
        records.check(self, "control")
        faults = []
        for name, least in (("delay_s", 0.0), ("lag_s", 0.02), ("full_s", 0.0), ("look_s", 0.0)):
            if not least <= (value := getattr(self, name)) <= LONGEST_S:
                faults.append(Fault(name, f"be in [{least:g}, {LONGEST_S:g}] s", (value,)))
        raise_if_any("control", faults)

    @property
    def loop_delay_s(self) -> float:
        """Mean delay from a deviation to the order: a look every so often adds half of that."""
        return self.delay_s + self.look_s / 2.0


@dataclass(frozen=True)
class FleetResponse:
    """A fleet's answer: orders by deviation, in groups of chargers that round and measure alike.

    Attributes:
        award_mw: To which orders are relative.
        span_hz: Deviation at the ends of the table of orders; beyond, orders stay as there.
        orders: Share of its part of the award that a group is told, into the grid, at levels of
            deviation from -span_hz to span_hz; straight between.
        control: How it measures and follows.
        energy_mwh: Energy that it feeds or takes at most.
        step: Fast frequency response beside the droop.

    Raises:
        InputError: A negative award, orders that are not finite or lie beyond twice the award.
    """

    award_mw: float
    span_hz: float
    orders: Float[Array, "group level"]
    control: Control
    energy_mwh: float = np.inf
    step: StepResponse | None = None

    def __post_init__(self) -> None:
        records.check(self, "fleet_response")
        faults = []
        if not 0 <= self.award_mw < np.inf:
            faults.append(Fault("award_mw", "be at least 0 and finite", (self.award_mw,)))
        if not 0 < self.span_hz < 10:
            faults.append(Fault("span_hz", "be above 0 and below 10 Hz", (self.span_hz,)))
        if not self.energy_mwh >= 0:
            faults.append(Fault("energy_mwh", "be at least 0", (self.energy_mwh,)))
        mean = np.abs(self.orders.mean(axis=0))
        if self.orders.shape[1] < 2 or not np.all(mean <= 2.0):
            rule = "be finite at two levels or more, and together at most twice the award"
            faults.append(Fault("orders", rule))
        if self.step is not None:
            faults += _step_faults(self.step)
        raise_if_any("fleet_response", faults)

    @property
    def slope_per_hz(self) -> float:
        """Steepest slope of the orders, all groups together, over a quarter of the span or more.

        Single whole steps of chargers, and the edge of a dead band, are not counted as slopes.
        """
        mean = self.orders.mean(axis=0)
        deviation = np.linspace(-self.span_hz, self.span_hz, len(mean))
        far = np.abs(deviation) >= WIDE * self.span_hz
        secant = np.abs(mean[far] / deviation[far])
        width = max(round(WIDE * len(mean) / 2), 1)
        local = np.abs(mean[width:] - mean[:-width]) / (deviation[width] - deviation[0])
        return float(max(secant.max(initial=0.0), local.max(initial=0.0)))

    def with_award(self, award_mw: float) -> "FleetResponse":
        """The same kind of fleet with another award, energy and step in proportion."""
        part = award_mw / self.award_mw if self.award_mw else 0.0
        step = self.step
        if step is not None:
            step = StepResponse(
                part * step.power_mw,
                step.trigger_hz,
                step.activation_s,
                step.support_s,
                step.release_s,
            )
        energy_mwh = self.energy_mwh if np.isinf(self.energy_mwh) else part * self.energy_mwh
        return FleetResponse(award_mw, self.span_hz, self.orders, self.control, energy_mwh, step)

    @property
    def energy_mws(self) -> float:
        """Energy limit in MW times seconds."""
        return self.energy_mwh * S_PER_H


def levels_hz(span_hz: float) -> Float[Array, " level"]:
    """The deviations at which orders are tabled."""
    return np.linspace(-span_hz, span_hz, LEVELS)


def straight(
    award_mw: float, due: Due, span_hz: float, control: Control, *, energy_mwh: float = np.inf
) -> FleetResponse:
    """A fleet that rounds nothing: what is due is ordered.

    Args:
        award_mw: Of the fleet.
        due: Share of the award that is due at deviations.
        span_hz: Deviation beyond which it is constant.
        control: How it measures and follows.
        energy_mwh: That it feeds or takes at most.
    """
    orders = due(levels_hz(span_hz))[None, :]
    return FleetResponse(award_mw, span_hz, orders, control, energy_mwh)


def _step_faults(step: StepResponse) -> list[Fault]:
    rows = (
        ("power_mw", 0.0, 1e7),
        ("trigger_hz", 40.0, 60.0),
        ("activation_s", 0.0, LONGEST_S),
        ("support_s", 0.0, 3600.0),
        ("release_s", 0.0, 3600.0),
    )
    return [
        Fault(f"step.{name}", f"be in [{low:g}, {high:g}]", (value,))
        for name, low, high in rows
        if not low <= (value := getattr(step, name)) <= high
    ]

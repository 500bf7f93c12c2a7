"""How inverters answer to voltage and to their own power: curves, limits and priorities.

Voltages are per unit, powers into the grid are positive: reactive power is positive when it
raises the voltage. Shares of power are shares of an inverter's rated apparent power.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.grid import ieee1547
from evergrid.grid.inverters import volt_var_kernels as columns

Priority = Literal["active", "reactive"]

EASY = 1e-9  # rounding that a range forgives
PRODUCTS = 3  # that bound the loop gain; each tightens the bound


@dataclass(frozen=True)
class Curve:
    """Straight lines through four points, level outside them, nowhere rising.

    Attributes:
        at: Where the points lie, ascending: voltages in pu, or power over rating.
        value: Reactive power over rating at each.
    """

    at: tuple[float, float, float, float]
    value: tuple[float, float, float, float]

    def __post_init__(self) -> None:
        at, value = np.array(self.at), np.array(self.value)
        faults = broken(
            "at",
            np.diff(at) >= 0,
            "ascend from point to point",
            values=at[1:],
            fix="Order the points from left to right.",
        )
        faults += broken(
            "value",
            np.diff(value) <= 0,
            "fall or stay level from point to point",
            values=value[1:],
            fix="High voltage calls for less reactive power, not for more.",
        )
        faults += broken(
            "value",
            np.abs(value) <= 1,
            "lie in [-1, 1]",
            values=value,
            fix="Give shares of the rated apparent power.",
        )
        raise_if_any("curve", faults)

    @property
    def slope(self) -> float:
        """Steepest fall between two points."""
        width, drop = np.diff(self.at), -np.diff(self.value)
        return float(np.max(np.divide(drop, width, out=np.zeros(3), where=width > 0)))


@dataclass(frozen=True)
class VoltWatt:
    """Less power into the grid at high voltage.

    Attributes:
        start_pu: Voltage from which the power is limited.
        end_pu: Voltage from which no more than ``floor`` is let through.
        floor: Share of the rating that is let through there.

    Source:
        Defaults and ranges of `ieee1547`, with its caveat.
    """

    start_pu: float = ieee1547.VOLT_WATT_START_PU
    end_pu: float = ieee1547.VOLT_WATT_END_PU
    floor: float = ieee1547.VOLT_WATT_FLOOR

    def __post_init__(self) -> None:
        first_end = self.start_pu + ieee1547.VOLT_WATT_LEAST_WIDTH_PU
        rules = (
            ("start_pu", self.start_pu, *ieee1547.VOLT_WATT_STARTS_PU),
            ("end_pu", self.end_pu, first_end, ieee1547.VOLT_WATT_END_PU),
            ("floor", self.floor, 0.0, 1.0),
        )
        raise_if_any("volt_watt", _outside(rules, "IEEE 1547 has 1.06 to 1.10 pu and 0.2."))


@dataclass(frozen=True)
class Control:
    """What an inverter does beside delivering the power that is asked of it.

    The reactive powers of the parts add up; what then does not fit into the rated apparent power
    gives way by priority.

    Attributes:
        volt_var: Reactive power by voltage.
        volt_watt: Limit of the power into the grid by voltage.
        watt_var: Reactive power by power into the grid.
        compensation: Share of the voltage rise by its own power that it cancels, with the
            resistance and reactance of the wires at its own place: ``q = -share (R / X) p``.
        priority: What comes first where both do not fit.
        reference_pu: Voltage around which ``volt_var`` is drawn.
        response_s: Time to 90 % of the answer.
        reference_s: Time constant with which the reference follows the voltage; None: it stays.

    Source:
        Ranges of `ieee1547`, with its caveat.
    """

    volt_var: Curve | None = None
    volt_watt: VoltWatt | None = None
    watt_var: Curve | None = None
    compensation: float = 0.0
    priority: Priority = "active"
    reference_pu: float = 1.0
    response_s: float = 5.0
    reference_s: float | None = None

    def __post_init__(self) -> None:
        rules = [
            ("compensation", self.compensation, 0.0, 1.5),
            ("reference_pu", self.reference_pu, *ieee1547.REFERENCE_PU),
            ("response_s", self.response_s, *ieee1547.RESPONSE_S),
        ]
        if self.reference_s is not None:
            rules.append(("reference_s", self.reference_s, *ieee1547.REFERENCE_S))
        faults = _outside(rules, "")
        if self.volt_var is not None:
            faults += _outside_standard(self.volt_var, self.reference_pu)
        raise_if_any("control", faults)

    def row(self) -> Float[Array, " column"]:
        """As the kernels read it, with a resistance over reactance of 1."""
        row = np.zeros(columns.COLUMNS)
        row[columns.VOLTS] = (0.0, 1.0, 2.0, 3.0)
        row[columns.POWERS] = (-2.0, -1.0, 1.0, 2.0)
        row[columns.WATT_START], row[columns.WATT_END] = 10.0, 11.0  # pu, never reached
        if self.volt_var is not None:
            row[columns.VOLTS], row[columns.VOLT_VARS] = self.volt_var.at, self.volt_var.value
        if self.watt_var is not None:
            row[columns.POWERS], row[columns.WATT_VARS] = self.watt_var.at, self.watt_var.value
        if self.volt_watt is not None:
            limit = self.volt_watt
            row[columns.WATT_START : columns.WATT_FLOOR + 1] = (
                limit.start_pu,
                limit.end_pu,
                limit.floor,
            )
        row[columns.RATIO] = -self.compensation
        row[columns.REACTIVE_FIRST] = self.priority == "reactive"
        return row


@dataclass(frozen=True)
class Inverters:
    """Inverters on the branches of a feeder, in many scenarios.

    Attributes:
        rating_kva: Rated apparent power; 0 where there is none.
        controls: Ways of control that occur.
        control: Row of each scenario's way of control.
        reference_pu: Reference voltage where it has moved; None: that of the control.
    """

    rating_kva: Float[Array, "scenario branch"]
    controls: tuple[Control, ...]
    control: Int[Array, " scenario"]
    reference_pu: Float[Array, "scenario branch"] | None = None

    def __post_init__(self) -> None:
        size = self.rating_kva.min(axis=1)
        faults = broken("rating_kva", size >= 0, "be 0 or above", values=size)
        known = (self.control >= 0) & (self.control < len(self.controls))
        faults += broken("control", known, "be a row of controls", values=self.control)
        raise_if_any("inverters", faults)

    def moved_pu(self) -> Float[Array, "scenario branch"]:
        """How far each reference has moved from where its curve is drawn."""
        if self.reference_pu is None:
            return np.zeros_like(self.rating_kva)
        drawn = np.array([c.reference_pu for c in self.controls])
        return self.reference_pu - drawn[self.control][:, None]


def everywhere(rating_kva: Float[Array, "scenario branch"], control: Control) -> Inverters:
    """Inverters with one way of control in all scenarios."""
    return Inverters(rating_kva, (control,), np.zeros(len(rating_kva), dtype=np.int64))


def laws(
    controls: tuple[Control, ...], impedance: Complex[Array, "branch branch"]
) -> Float[Array, "control branch column"]:
    """Every way of control at every branch, as the kernels read them.

    Where the wires have no reactance at a branch, no reactive power can compensate there and none
    is asked for.
    """
    own = np.diagonal(impedance)
    r, x = np.real(own), np.imag(own)
    ratio = np.divide(r, x, out=np.zeros(len(own)), where=x > 0)
    rows = np.stack([control.row() for control in controls])
    table = np.repeat(rows[:, None, :], len(own), axis=1)
    table[:, :, columns.RATIO] *= ratio
    return table


def loop_gain(
    inverters: Inverters,
    impedance: Complex[Array, "branch branch"],
    open_pu: Complex[Array, " branch"],
) -> Float[Array, " scenario"]:
    """Bound of the change of voltage that comes back per change of voltage.

    Reactive power answers by the steepest part of the curve, power by that of volt-watt, and the
    wires turn both into voltage. Above 1, an inverter that answered at once and fully would hunt.

    Source:
        Bound of the spectral radius of a non-negative matrix A by the greatest ``(A x) / x`` of
        any positive x (Collatz 1942; Wielandt 1950).
    """
    turn = open_pu / np.abs(open_pu)
    seen = impedance * np.conj(turn)[:, None] * turn[None, :]
    by_var, by_watt = np.abs(seen.imag), np.abs(seen.real)
    slope = np.array([0.0 if c.volt_var is None else c.volt_var.slope for c in inverters.controls])
    steep = np.array([_watt_slope(c.volt_watt) for c in inverters.controls])
    var_kva = inverters.rating_kva * slope[inverters.control][:, None]
    watt_kva = inverters.rating_kva * steep[inverters.control][:, None]
    active = (var_kva > 0) | (watt_kva > 0)
    x = np.ones_like(var_kva)
    bound = np.zeros(len(x))
    for _ in range(PRODUCTS):
        y = (x * var_kva) @ by_var.T + (x * watt_kva) @ by_watt.T
        bound = np.max(np.where(active, y / x, 0.0), axis=1)
        x = np.maximum(y, 1e-12)
    return bound


def damping(gain: Float[Array, " scenario"]) -> Float[Array, " scenario"]:
    """Share of the way to its answer that each inverter goes in an iteration.

    With answers that come back by 0 to ``gain``, it shrinks the worst error the most.
    """
    return 2.0 / (2.0 + gain)


def _watt_slope(limit: VoltWatt | None) -> float:
    return 0.0 if limit is None else (1.0 - limit.floor) / (limit.end_pu - limit.start_pu)


def _outside_standard(curve: Curve, reference: float) -> list[Fault]:
    v1, v2, v3, v4 = curve.at
    flat, end = ieee1547.FLAT_REACH_PU, ieee1547.END_REACH_PU
    width = ieee1547.LEAST_SLOPE_WIDTH_PU
    rules = (
        (
            "volt_var.at[0]",
            v1,
            reference - end,
            v2 - width,
        ),
        ("volt_var.at[1]", v2, reference - flat, reference),
        ("volt_var.at[2]", v3, reference, reference + flat),
        (
            "volt_var.at[3]",
            v4,
            v3 + width,
            reference + end,
        ),
        ("volt_var.value[0]", curve.value[0], 0.0, 1.0),
        ("volt_var.value[3]", curve.value[3], -1.0, 0.0),
    )
    return _outside(rules, "These are the ranges of IEEE 1547-2018 around the reference voltage.")


def _outside(
    rules: list[tuple[str, float, float, float]] | tuple[tuple[str, float, float, float], ...],
    fix: str,
) -> list[Fault]:
    """Faults of the numbers that lie outside their ranges; NaN is never inside."""
    return [
        Fault(name, f"lie in [{low:g}, {high:g}]", (value,), fix=fix)
        for name, value, low, high in rules
        if not low - EASY <= value <= high + EASY
    ]


UNITY = Control()
CATEGORY_A, CATEGORY_B = (
    Control(Curve(category.at_pu, category.value), response_s=category.response_s)
    for category in ieee1547.CATEGORIES.values()
)
WATT_VAR = Control(watt_var=Curve(ieee1547.WATT_VAR_AT, ieee1547.WATT_VAR_VALUE))
COMPENSATION = Control(compensation=1.0)

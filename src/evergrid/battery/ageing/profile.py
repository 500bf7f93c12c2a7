"""What batteries go through: state of charge and temperature over time, cut into windows."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.units import H_PER_DAY, ZERO_C_IN_K

LOWEST_C, HIGHEST_C = -30.0, 60.0  # of cells that are in use; outside, no model here was measured
FAR_MOVE = 0.025  # of a state of charge in a step, up to which rates hardly bend
ROUNDING = 1e-9  # by which a window may miss a whole number of steps


@dataclass(frozen=True)
class Profile:
    """State of charge and temperature of batteries at points in time, a step apart.

    Between points both are taken to change evenly. A day of hourly steps has 25 points: what
    happens in a step is told by both its ends.

    Attributes:
        step_h: Time between points.
        soc: State of charge, 0 to 1.
        temperature_c: Of the cells.
    """

    step_h: float
    soc: Float[Array, "battery point"]
    temperature_c: Float[Array, "battery point"]

    def __post_init__(self) -> None:
        faults = []
        if not self.step_h > 0:
            faults.append(Fault("step_h", "be above 0", (self.step_h,)))
        if self.soc.shape != self.temperature_c.shape:
            shapes = (self.soc.shape, self.temperature_c.shape)
            faults.append(Fault("temperature_c", "have the shape of soc", shapes))
        if self.soc.shape[1] < 2:
            fix = "Give the state at the begin and at the end of every step."
            faults.append(Fault("soc", "have two points at least", (self.soc.shape[1],), fix=fix))
        faults += _outside("soc", self.soc, 0.0, 1.0, "Give a fraction, not a percentage.")
        fix = "Give degrees Celsius."
        faults += _outside("temperature_c", self.temperature_c, LOWEST_C, HIGHEST_C, fix)
        raise_if_any("profile", faults)

    @property
    def temperature_k(self) -> Float[Array, "battery point"]:
        """Temperature of the cells, kelvin."""
        return self.temperature_c + ZERO_C_IN_K

    @property
    def hours(self) -> float:
        """Time from the first point to the last."""
        return self.step_h * (self.soc.shape[1] - 1)

    def window_steps(self, window_h: float) -> int:
        """Steps of a window.

        Raises:
            InputError: The profile is no whole number of windows, or a window of steps.
        """
        steps = self.soc.shape[1] - 1
        each = window_h / self.step_h
        width = round(each)
        faults = []
        if width < 1 or abs(each - width) > ROUNDING * each:
            rule = f"be a whole number of steps of {self.step_h:g} h"
            faults.append(Fault("window_h", rule, (window_h,)))
        elif steps % width:
            fix = f"Give whole windows: {width} steps each, and the point at the end."
            rule = f"last a whole number of windows of {window_h:g} h"
            faults.append(Fault("soc", rule, (f"{self.hours:g} h",), fix=fix))
        raise_if_any("profile", faults)
        return width

    def windows(self, window_h: float = H_PER_DAY) -> Iterator["Profile"]:
        """The profile in pieces that share their ends, so that no step is lost.

        Raises:
            InputError: The profile is no whole number of windows, or a window of steps.
        """
        width = self.window_steps(window_h)
        for begin in range(0, self.soc.shape[1] - 1, width):
            part = slice(begin, begin + width + 1)
            yield Profile(self.step_h, self.soc[:, part], self.temperature_c[:, part])

    def refined(self) -> "Profile":
        """With points between, on the straight line, where a state of charge moves far in a step.

        Rates of ageing bend with the state of charge, and are averaged over points.
        """
        move = float(np.abs(np.diff(self.soc, axis=1)).max())
        parts = math.ceil(move / FAR_MOVE - ROUNDING)
        if parts <= 1:
            return self
        at = np.arange((self.soc.shape[1] - 1) * parts + 1)
        before, share = np.divmod(at, parts)
        after = np.minimum(before + 1, self.soc.shape[1] - 1)
        share = share / parts

        def between(values: Float[Array, "battery point"]) -> Float[Array, "battery finer"]:
            return values[:, before] * (1.0 - share) + values[:, after] * share

        return Profile(self.step_h / parts, between(self.soc), between(self.temperature_c))


def mean_over_time(values: Float[Array, "battery point"]) -> Float[Array, " battery"]:
    """Mean of what changes evenly between points that are equally far apart."""
    steps = values.shape[1] - 1
    return (values.sum(axis=1) - (values[:, 0] + values[:, -1]) / 2.0) / steps


def _outside(name: str, values: Array, low: float, high: float, fix: str) -> list[Fault]:
    """The fault of values that lie outside a range, or are no numbers."""
    good = (values >= low) & (values <= high)
    if good.all():
        return []
    got = tuple(float(value) for value in values[~good][:3])
    return [Fault(name, f"lie in [{low:g}, {high:g}]", got, fix=fix)]

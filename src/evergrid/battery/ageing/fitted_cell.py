"""How a cell ages of which a user has tests: the laws that fit them, as one more model."""

from collections.abc import Sequence
from typing import final

import numpy as np

from evergrid.battery.ageing import fit
from evergrid.battery.ageing.fit import FadeLaw
from evergrid.battery.ageing.model import AbstractPowerLawModel, Rates, Stress, TestedRange
from evergrid.battery.ageing.power_law import PowerLaw
from evergrid.battery.ageing.profile import HIGHEST_C, LOWEST_C, Profile, mean_over_time
from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.model.batteries.cell_tests import CellTests

PARTS = {  # by what was measured, over what
    ("capacity", "days"): "calendar",
    ("capacity", "cycles"): "cycle",
    ("resistance", "days"): "resistance_calendar",
    ("resistance", "cycles"): "resistance_cycle",
}
UNKNOWN_RATE = np.inf  # 1/h; tests that do not tell their current bound none


@final
class FittedCell(AbstractPowerLawModel):
    """A cell by its tests: each of its parts of fade is as in the tests of that part.

    A part without tests is left out. Tests of cycling also hold the time that they took, so that
    calendar and cycle fade together tell somewhat too much.

    Attributes:
        laws: The law of each part that was tested.
    """

    laws: dict[str, FadeLaw]

    def __init__(self, name: str, tests: Sequence[CellTests]) -> None:
        """Fit the laws.

        Args:
            name: What the cell is called.
            tests: Of its parts, each once; one of capacity at least.

        Raises:
            InputError: Two tests of a part, none of capacity, or tests that no law can be fitted
                to.
        """
        parts = [PARTS[one.measure, one.over] for one in tests]
        if len(set(parts)) < len(parts) or not {"calendar", "cycle"} & set(parts):
            fix = "Put all cells of one kind of test into one file."
            got = tuple(part.replace("_", " ") for part in parts)
            rule = "be of different kinds, one of them of capacity"
            raise InputError("ageing", [Fault("files", rule, got, fix=fix)])
        self.laws = {part: fit.fitted(one) for part, one in zip(parts, tests, strict=True)}
        for part, law in self.laws.items():
            setattr(self, part, PowerLaw(law.power))
        for part in {"calendar", "cycle"} - self.laws.keys():
            setattr(self, part, PowerLaw(1.0))
        self.has_resistance = any(part.startswith("resistance") for part in parts)
        self.name, self.cell = name, "cells of your tests"
        self.source = "fitted to your tests"
        self.tested = TestedRange(
            self._tested("temperature_c", LOWEST_C, HIGHEST_C),
            self._tested("depth", 0.0, 1.0),
            self._tested("c_rate", 0.0, UNKNOWN_RATE)[1],
            self._tested("soc", 0.0, 1.0),
        )

    def rates(self, window: Profile, stress: Stress) -> Rates:
        """Rates of the four laws, on average over a window; 0 for parts that were not tested."""
        batteries, points = window.soc.shape
        others = {
            "soc": window.soc,
            "depth": np.repeat(stress.depth[:, None], points, axis=1),
            "c_rate": np.repeat(stress.c_rate[:, None], points, axis=1),
        }

        def mean(part: str) -> Float[Array, " battery"]:
            if part not in self.laws:
                return np.zeros(batteries)
            return mean_over_time(self.laws[part].rate(window.temperature_c, others))

        return Rates(*(mean(part) for part in PARTS.values()))

    def beyond_tests(self, days: float, cycles: Float[Array, " battery"]) -> list[tuple[str, ...]]:
        """For each battery, which of its amounts go beyond the longest test of them."""
        lived = {"days": np.full(len(cycles), days), "cycles": cycles}
        ends = {
            over: max(
                law.tests.amount.max() for law in self.laws.values() if law.tests.over == over
            )
            for over in {law.tests.over for law in self.laws.values()}
        }
        return [
            tuple(over for over in sorted(ends) if lived[over][n] > ends[over])
            for n in range(len(cycles))
        ]

    def _tested(self, condition: str, low: float, high: float) -> tuple[float, float]:
        """Range of a condition that all tests together cover, or the widest where none tells."""
        told = [law.tested(condition) for law in self.laws.values()]
        known = [ends for ends in told if np.isfinite(ends[0])]
        if not known:
            return low, high
        return max(ends[0] for ends in known), min(ends[1] for ends in known)

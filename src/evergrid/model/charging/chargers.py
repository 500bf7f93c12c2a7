"""Chargers of alternating current: phases, whole amperes, and how often they may start."""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, between, broken, unique

PHASES = ("L1", "L2", "L3")
LEAST_A = 6.0  # IEC 61851-1 (2017), table A.8: the pilot signal offers no current below 6 A
ONE_PHASE_KW = 7.4  # what 32 A on one phase are sold as (IEC 61851-1, mode 3); more has three
MODE_3_A = 63.0  # IEC 62196-2: the most that a plug of alternating current carries on three phases
NOMINAL = 0.01  # share by which the name of a rating may miss its amperes: 11 kW is 16 A, 11.04 kW
USUAL_V = 230.0  # from phase to neutral, IEC 60038
LARGEST_A = 1000.0  # of one connection; more is a slip of the pen
ANY_STARTS = 1_000_000  # of a charger that may start as often as it likes
WHOLE = 1e-6  # steps by which a current may miss a whole number


def usual_phases(rating_kw: Float[Array, "*n"]) -> Int[Array, "*n"]:
    """Phases that a charger of a rating usually has: one up to what 32 A on it are sold as."""
    return np.where(rating_kw <= ONE_PHASE_KW * (1 + NOMINAL), 1, 3)


@dataclass(frozen=True)
class Chargers:
    """Charging points of alternating current, one row each.

    Such a charger gives a whole number of steps of current, or nothing: never less than its least.
    It feeds, where a car and it can, by the same steps. Currents are of each phase.

    Attributes:
        charger_id: Unique name.
        site_id: Where it is connected.
        phases: 1 or 3.
        phase: The phase of a charger with one, "L1", "L2" or "L3"; of one with three, the phase
            that a car with one phase loads.
        least_a: Least current.
        most_a: Greatest current.
        step_a: Step of current.
        voltage_v: From phase to neutral.
        least_on_min: Time that it stays on after a start; a departure may cut it short.
        least_off_min: Time that it stays off after it was on.
        most_starts: Starts at most in each stay; `ANY_STARTS` for no limit.

    Raises:
        InputError: Rows that break rules; every fault is listed.
    """

    charger_id: Shaped[Array, " charger"]
    site_id: Shaped[Array, " charger"]
    phases: Int[Array, " charger"]
    phase: Shaped[Array, " charger"]
    least_a: Float[Array, " charger"]
    most_a: Float[Array, " charger"]
    step_a: Float[Array, " charger"]
    voltage_v: Float[Array, " charger"]
    least_on_min: Float[Array, " charger"]
    least_off_min: Float[Array, " charger"]
    most_starts: Int[Array, " charger"]

    def __post_init__(self) -> None:
        records.check(self, "chargers")
        ids = self.charger_id
        faults = unique("charger_id", ids, fix="Give each charger a name of its own.")
        named = np.array([name != "" for name in ids], dtype=bool)
        faults += broken("charger_id", named, "not be empty", values=ids, fix="Name the charger.")
        known = np.isin(self.phases, (1, 3))
        faults += broken("phases", known, "be 1 or 3", values=self.phases, ids=ids)
        of_three = np.array([name in PHASES for name in self.phase], dtype=bool)
        faults += broken("phase", of_three, "be L1, L2 or L3", values=self.phase, ids=ids)
        faults += self._range_faults()
        raise_if_any("chargers", faults or self._step_faults())

    def __len__(self) -> int:
        return len(self.charger_id)

    def columns(self) -> dict[str, Shaped[Array, " charger"]]:
        """Every column by its name in the chargers table."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def row(self, charger_id: Shaped[Array, " session"]) -> Int[Array, " session"]:
        """Row of each named charger; -1 for a name that is none."""
        return np.array([self._rows.get(name, -1) for name in charger_id.tolist()], np.int64)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.charger_id.tolist())}

    def _range_faults(self) -> list[Fault]:
        ids, least = self.charger_id, np.finfo(float).tiny
        current = f"be above 0 and at most {LARGEST_A:g} A"
        minutes = "be at least 0 min and at most a day"
        faults = []
        for name, low, high, rule, fix in (
            ("least_a", least, LARGEST_A, current, "IEC 61851 has 6 A."),
            ("most_a", least, LARGEST_A, current, ""),
            ("step_a", least, LARGEST_A, current, "Give amperes, such as 1."),
            ("voltage_v", 50.0, 1000.0, "be from 50 to 1,000 V", "From phase to neutral: 230 V."),
            ("least_on_min", 0.0, 1440.0, minutes, ""),
            ("least_off_min", 0.0, 1440.0, minutes, ""),
        ):
            values = getattr(self, name)
            faults += between(name, values, low, high, ids=ids, rule=rule, fix=fix)
        starts = np.asarray(self.most_starts >= 1)
        fix = "Leave it empty for no limit."
        return faults + broken(
            "most_starts", starts, "be at least 1", values=self.most_starts, ids=ids, fix=fix
        )

    def _step_faults(self) -> list[Fault]:
        """Faults of currents that no whole number of steps makes."""
        ids = self.charger_id
        above = "be at least least_a, the least current"
        faults = broken("most_a", self.most_a >= self.least_a, above, values=self.most_a, ids=ids)
        small = self.step_a <= self.most_a
        faults += broken(
            "step_a", small, "be at most most_a, the range", values=self.step_a, ids=ids
        )
        for name in ("least_a", "most_a"):
            values = getattr(self, name)
            steps = values / self.step_a
            whole = np.abs(steps - np.round(steps)) <= WHOLE
            rule = "be a whole number of steps of step_a"
            faults += broken(name, whole, rule, values=values, ids=ids)
        return faults

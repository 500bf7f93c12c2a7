"""How to plan."""

from dataclasses import dataclass

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.engine import solver
from evergrid.model.prices import LARGEST


@dataclass(frozen=True)
class Options:
    """How to plan.

    Attributes:
        end_value_per_kwh: Worth of a kWh in the cells of vehicles that stay beyond the horizon.
        method: Which solver; "auto" chooses by size.
        smooth: Among plans of equal cost, take the one that curtails least and whose total power
            moves least, where HiGHS solves it.
        branch: Search for better directions, for some seconds, where wasting energy pays.
        gap: Largest relative gap that counts as optimal.
        time_limit_s: For each solve.
        zones: Workers of a cluster to use at most; all by default.

    Raises:
        InputError: A method that there is not, numbers out of range.
    """

    end_value_per_kwh: float
    method: solver.Method = "auto"
    smooth: bool = True
    branch: bool = True
    gap: float = 1e-6
    time_limit_s: float = 600.0
    zones: int | None = None

    def __post_init__(self) -> None:
        records.check(self, "options")
        faults, worth = [], f"be at least 0 and at most {LARGEST:g}"
        for name, good, rule, fix in (
            ("end_value_per_kwh", 0 <= self.end_value_per_kwh <= LARGEST, worth, ""),
            ("gap", 0 < self.gap < 1, "be above 0 and below 1", "Give 1e-6 for a millionth."),
            ("time_limit_s", self.time_limit_s > 0, "be above 0 s", ""),
            ("zones", self.zones is None or self.zones >= 1, "be at least 1", "None is for all."),
        ):
            if not good:
                faults.append(Fault(name, rule, (getattr(self, name),), fix=fix))
        raise_if_any("options", faults)

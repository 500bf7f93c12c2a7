"""What a connection can do: ratings and losses, used where a source of sessions lacks them."""

from dataclasses import dataclass

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault


@dataclass(frozen=True)
class Charger:
    """Ratings of one kind of charging point, AC, at the plug.

    Attributes:
        max_charge_kw: Greatest power drawn.
        max_discharge_kw: Greatest power fed; 0 for a charger that is not V2G.
        efficiency_charge: Energy into the cells per energy drawn.
        efficiency_discharge: Energy fed per energy out of the cells.

    Raises:
        InputError: A rating or efficiency out of range.
    """

    max_charge_kw: float
    max_discharge_kw: float
    efficiency_charge: float
    efficiency_discharge: float

    def __post_init__(self) -> None:
        records.check(self, "charger")
        faults = []
        for name in ("max_charge_kw", "max_discharge_kw"):
            if not 0 <= getattr(self, name) < float("inf"):
                faults.append(Fault(name, "be at least 0 kW and finite", (getattr(self, name),)))
        for name in ("efficiency_charge", "efficiency_discharge"):
            if not 0 < getattr(self, name) <= 1:
                fix = "Give a fraction, not a percentage."
                faults.append(Fault(name, "be in (0, 1]", (getattr(self, name),), fix=fix))
        raise_if_any("charger", faults)

"""What must hold on a feeder at every step: voltages, lines, transformers and unbalance."""

from dataclasses import dataclass, field

from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault
from evergrid.grid.devices.transformer_ageing import Thermal
from evergrid.grid.flow.monitored import TransformerBy


@dataclass(frozen=True)
class Limits:
    """What must hold at every step.

    Attributes:
        low_pu: Lowest voltage at a branch.
        high_pu: Highest voltage.
        line: Greatest current of a line's conductor over its rating.
        transformer: Greatest load of a transformer over its rating, at any step.
        transformer_mean: Greatest load on average over the window.
        transformer_by: What of a transformer is held against its rating, and heats it: the current
            in each phase of each winding ("phase"), or its power as a whole ("total").
        window_h: Length of the window.
        hot_spot_c: Highest temperature of a winding's hottest spot.
        ambient_c: Temperature of the air.
        unbalance: Greatest negative over positive sequence of the voltages of a bus.
        base_violation_tolerance: Share by which a limit that is violated without vehicles may be
            violated further.
        thermal: Thermal data of the transformers.

    Raises:
        InputError: A limit that is not above 0, or limits that exclude one another.
    """

    low_pu: float = 0.9
    high_pu: float = 1.1
    line: float = 1.0
    transformer: float = 1.5
    transformer_mean: float = 1.2
    transformer_by: TransformerBy = "phase"
    window_h: float = 1.0
    hot_spot_c: float = 110.0
    ambient_c: float = 30.0
    unbalance: float = 0.02
    base_violation_tolerance: float = 0.005
    thermal: Thermal = field(default_factory=Thermal)

    def __post_init__(self) -> None:
        faults = [
            Fault(name, "be above 0", (value,))
            for name in ("low_pu", "line", "transformer", "transformer_mean", "window_h")
            if not (value := getattr(self, name)) > 0
        ]
        if not self.low_pu < self.high_pu:
            fix = "Give per unit, such as 0.9 and 1.1."
            faults.append(Fault("high_pu", "lie above low_pu", (self.high_pu,), fix=fix))
        if not 0 < self.unbalance < 1:
            fix = "Give a fraction such as 0.02."
            faults.append(Fault("unbalance", "lie in (0, 1)", (self.unbalance,), fix=fix))
        raise_if_any("limits", faults)

"""Every limit of a feeder as a row: its kind, where it is, and the highest value allowed.

The value of a low-voltage row is the voltage with a minus, so that a row is violated wherever its
value lies above its limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.grid.flow.monitored import MonitoredElements
from evergrid.grid.limits import places
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.kinds import Kind


@dataclass(frozen=True)
class LimitRows:
    """What each row is about; rows of a kind are contiguous, kinds ascend.

    Attributes:
        kind: `Kind` of each row.
        place: Row of the branch, monitored conductor of a line, place at which a transformer is
            evaluated, or monitored bus.
        name: Name of the place, with its phase.
        element: Name of the line or transformer; of other rows, that of the place.
        bus: Row of the bus where it is, or where its line or transformer begins.
        limit: Highest value allowed.
    """

    kind: Int[Array, " row"]
    place: Int[Array, " row"]
    name: Shaped[Array, " row"]
    element: Shaped[Array, " row"]
    bus: Int[Array, " row"]
    limit: Float[Array, " row"]

    def __len__(self) -> int:
        return len(self.kind)

    def of(self, kind: int) -> slice:
        """The rows of a kind."""
        first, stop = np.searchsorted(self.kind, [kind, kind + 1])
        return slice(int(first), int(stop))

    def row(self, kind: int, place: Any) -> Any:
        """The row of a kind at a place, or at each of several."""
        return self.of(kind).start + place

    @property
    def sign(self) -> Float[Array, " row"]:
        """-1 for low voltage, whose value is the voltage with a minus; else 1."""
        return np.where(self.kind == Kind.LOW_VOLTAGE, -1.0, 1.0)

    def bound(self, base: Float[Array, "*step row"], tolerance: float) -> Float[Array, "*step row"]:
        """Highest value allowed of each row: its limit, or a little beyond the base case.

        Args:
            base: Values without vehicles.
            tolerance: Share by which a limit that is violated there may be violated further.
        """
        further = base * (1.0 + tolerance * self.sign)
        return np.where(base > self.limit, further, self.limit)


def rows(case: FeederCase, monitored: MonitoredElements, kinds: Sequence[Kind]) -> LimitRows:
    """The rows of some kinds of limits.

    Args:
        case: The feeder and its limits.
        monitored: What is monitored and has a limit.
        kinds: Which kinds, ascending.
    """
    parts = [_of_kind(kind, case, monitored) for kind in kinds]
    sizes = [len(name) for name, *_ in parts]
    name, element, bus, limit = zip(*parts, strict=True)
    return LimitRows(
        kind=np.repeat(np.array(kinds, dtype=np.int64), sizes),
        place=np.concatenate([np.arange(size) for size in sizes]),
        name=np.concatenate(name),
        element=np.concatenate(element),
        bus=np.concatenate(bus),
        limit=np.repeat(np.array(limit, dtype=float), sizes),
    )


def _of_kind(
    kind: Kind, case: FeederCase, monitored: MonitoredElements
) -> tuple[Shaped[Array, " row"], Shaped[Array, " row"], Int[Array, " row"], float]:
    """Names, elements, buses and limit of the rows of one kind."""
    feeder, limits = case.feeder, case.limits
    if kind in (Kind.LOW_VOLTAGE, Kind.HIGH_VOLTAGE):
        name = places.at_branches(feeder, case.branches)
        limit = -limits.low_pu if kind == Kind.LOW_VOLTAGE else limits.high_pu
        return name, name, feeder.nodes.bus[case.branches.node], limit
    if kind == Kind.LINE:
        line = feeder.lines.currents.element[monitored.line]
        name = places.at_lines(feeder, monitored.line)
        return name, feeder.lines.name[line], feeder.lines.bus[line, 0], limits.line
    if kind == Kind.UNBALANCE:
        name = feeder.buses.name[monitored.bus]
        return name, name, monitored.bus, limits.unbalance
    limit = {
        Kind.TRANSFORMER: limits.transformer,
        Kind.TRANSFORMER_MEAN: limits.transformer_mean,
        Kind.HOT_SPOT: limits.hot_spot_c,
    }[kind]
    owner = places.transformer_of(feeder, monitored)
    name = places.at_transformers(feeder, monitored)
    return name, feeder.transformers.name[owner], feeder.transformers.bus[owner, 0], limit

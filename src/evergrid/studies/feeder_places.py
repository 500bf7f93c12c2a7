"""Where on a feeder: a map of what has coordinates, a diagram and a table of what has none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from plotly.graph_objects import Figure

from evergrid.core.arrays import Array, Bool, Float
from evergrid.grid.feeder import electrical_distance
from evergrid.grid.feeder.electrical_distance import Ways
from evergrid.grid.feeder.feeder import Feeder
from evergrid.report import figures as draw
from evergrid.report.drawing import FigureMakers
from evergrid.report.page import Section, Table

BY_DISTANCE = "_by_distance"  # end of the name of a figure that stands for a map
HOW_FAR = (
    "Places stand at their electrical distance: the impedance of all wires and transformers "
    "between the source and them. Grey lines lead from each to the next one towards the source."
)
BASES_KVA = (10_000.0, 1000.0, 100.0, 10.0, 1.0)  # of impedances, each phase
MOST_ROWS = 40  # of the table of places


@dataclass(frozen=True)
class Shade:
    """A value of buses that figures show.

    Attributes:
        title: Heading of its figures.
        axis: What the value is.
        unit: Its unit.
        scale: Values at the two ends of the colours; of the values by default.
        colors: From the lowest to the highest value.
        logarithmic: Whether values cover orders of magnitude.
    """

    title: str
    axis: str
    unit: str
    scale: tuple[float, float] | None = None
    colors: tuple[str, ...] | None = None
    logarithmic: bool = False


@dataclass(frozen=True)
class FeederPlaces:
    """The buses of a feeder that figures show.

    Attributes:
        feeder: As read.
        buses: Which buses have values to show; those with loads by default.
    """

    feeder: Feeder
    buses: Bool[Array, " bus"]

    @staticmethod
    def with_branches(feeder: Feeder) -> "FeederPlaces":
        """The buses where power enters or leaves."""
        buses = np.zeros(len(feeder.buses.name), bool)
        buses[feeder.nodes.bus[feeder.branches.node]] = True
        return FeederPlaces(feeder, buses)

    @staticmethod
    def everywhere(feeder: Feeder) -> "FeederPlaces":
        """All buses."""
        return FeederPlaces(feeder, np.ones(len(feeder.buses.name), bool))

    @cached_property
    def ways(self) -> Ways:
        """How far each bus is from the source."""
        return electrical_distance.from_source(self.feeder)

    @cached_property
    def base_kva(self) -> float:
        """The largest base on which no bus with values is an impedance of more than 1 pu away."""
        far = self.ways.impedance_per_kva[self.buses]
        longest = float(np.nanmax(far)) if np.isfinite(far).any() else 0.0
        return next((kva for kva in BASES_KVA if kva * longest <= 1.0), BASES_KVA[-1])

    @cached_property
    def located(self) -> Bool[Array, " bus"]:
        """Buses with coordinates; none where these are all the same point."""
        x, y = self.feeder.buses.x, self.feeder.buses.y
        given = np.isfinite(x) & np.isfinite(y)
        spread = given.any() and (np.ptp(x[given]) > 0 or np.ptp(y[given]) > 0)
        return given & bool(spread)

    @property
    def missing(self) -> Bool[Array, " bus"]:
        """Buses with values that are not on the map."""
        return self.buses & ~self.located

    @property
    def note(self) -> str:
        """What is not on the map, and why; empty where all is."""
        x, y = self.feeder.buses.x, self.feeder.buses.y
        if not self.missing.any():
            return ""
        if not (np.isfinite(x) & np.isfinite(y)).any():
            return "The files give no coordinates of buses, so there is no map."
        if not self.located.any():
            return "All coordinates of buses are the same point, so there is no map."
        return (
            f"No coordinates are given of {int(self.missing.sum()):,} of the "
            f"{int(self.buses.sum()):,} buses with values; they are missing on the map."
        )

    def drawings(self, name: str, value: Callable[[], Array], shade: Shade) -> FigureMakers:
        """What draws a value: a map, a diagram of what has no place on one, or both.

        Args:
            name: Of the map; the diagram's name ends in ``_by_distance``.
            value: Gives the value of each bus; NaN for those without.
            shade: What it is.
        """
        made: FigureMakers = {}
        if self.located.any():
            made[name] = partial(self._map, value, shade)
        if self.missing.any():
            made[name + BY_DISTANCE] = partial(self._diagram, value, shade)
        return made

    def table(
        self, columns: Mapping[str, Float[Array, " bus"]], *, worst_first: Array, elsewhere: str
    ) -> list[Section]:
        """The places that are on no map, as a table; nothing where all are on it.

        Args:
            columns: Values by heading.
            worst_first: What rises from the place that is shown first to the last.
            elsewhere: The file that holds all of them.
        """
        (rows,) = np.nonzero(self.missing)
        if len(rows) == 0:
            return []
        rows = rows[np.argsort(worst_first[rows], kind="stable")]
        kept, buses = rows[:MOST_ROWS].tolist(), self.feeder.buses
        percent = 100.0 * self.base_kva * self.ways.impedance_per_kva
        told = [
            (
                str(buses.name[bus]),
                f"{buses.base_v[bus]:,.0f} V",
                f"{percent[bus]:,.3g} %" if np.isfinite(percent[bus]) else "no way",
                *(_written(float(values[bus])) for values in columns.values()),
            )
            for bus in kept
        ]
        text = self.note
        if len(rows) > len(kept):
            text += f" The {len(kept)} worst of {len(rows):,} are shown; {elsewhere} holds all."
        way = f"impedance from the source, at {self.base_kva:,.0f} kVA a phase"
        headings = ("bus", "nominal, to neutral", way)
        return [Section("Buses that are on no map", text, Table((*headings, *columns), told))]

    def _map(self, value: Callable[[], Array], shade: Shade) -> Figure:
        feeder, located = self.feeder, self.located
        return draw.feeder_map(
            np.where(located, feeder.buses.x, np.nan),
            np.where(located, feeder.buses.y, np.nan),
            feeder.connected_buses,
            value(),
            feeder.buses.name,
            title=shade.title,
            unit=shade.unit,
            note=self.note,
            scale=shade.scale,
            source=int(feeder.nodes.bus[feeder.source_nodes[0]]),
            colors=shade.colors,
        )

    def _diagram(self, value: Callable[[], Array], shade: Shade) -> Figure:
        return draw.distance_diagram(
            self.base_kva * self.ways.impedance_per_kva,
            self.ways.before,
            value(),
            self.feeder.buses.name,
            title=shade.title,
            axis=shade.axis,
            unit=shade.unit,
            base_kva=self.base_kva,
            note=self.note,
            logarithmic=shade.logarithmic,
        )


def with_distance(texts: Mapping[str, str], *, heading: bool = False) -> dict[str, str]:
    """Texts of maps, and beside them those of the diagrams that stand for them.

    Args:
        texts: By name of the map.
        heading: Whether they are headings, not sentences.
    """
    behind = ", by electrical distance" if heading else f" {HOW_FAR}"
    return {**texts, **{name + BY_DISTANCE: text + behind for name, text in texts.items()}}


def _written(value: float) -> str:
    return f"{value:,.4g}" if np.isfinite(value) else "none"

"""How near to its limits a feeder is over time, under each strategy of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import joined, literal
from evergrid.report.panels import AIR, Panel
from evergrid.report.time_axis import TimeAxis, held

LOOK = {
    "uncontrolled": {"color": theme.GREY, "width": 1.4, "dash": "dot"},
    "smart": {"color": theme.GREEN, "width": 1.6},
    "V2G without network limits": {"color": theme.ORANGE, "width": 1.6},
    "V2G": {"color": theme.BLUE, "width": 2.4},
}


@dataclass(frozen=True)
class LoadingPanel:
    """One quantity of a feeder over time.

    Attributes:
        title: Of the axis, with the unit.
        unit: Behind values.
        values: By strategy, the most extreme place of each step; NaN where there is none.
        limit: What must not be violated.
        below: Whether the limit is a lowest value.
    """

    title: str
    unit: str
    values: Mapping[str, Float[Array, " step"]]
    limit: Float[Array, " step"]
    below: bool = False


def feeder_loading(grid: TimeGrid, parts: list[LoadingPanel], *, time_zone: str) -> go.Figure:
    """The place of each kind that is nearest to its limit over time, under every strategy.

    Args:
        grid: The steps.
        parts: Quantities from top to bottom.
        time_zone: Zone of the time axis.
    """
    axis = TimeAxis(grid, time_zone)
    note = joined("Each line is the place nearest to its limit at each step", axis.note)
    figure = panels.sheet("The feeder against its limits", note=note, height=130 + 190 * len(parts))
    panels.over_time(figure, axis, [Panel(part.title) for part in parts])
    for row, part in enumerate(parts):
        sign = -1.0 if part.below else 1.0
        on = f"y{row + 1}" if row else "y"
        drawn = []
        for name, values in part.values.items():
            line = sign * -axis.lowest(-sign * values)
            drawn.append(line)
            figure.add_scatter(
                x=axis.edges,
                y=held(line),
                yaxis=on,
                name=literal(name),
                legendgroup=name,
                showlegend=row == 0,
                mode="lines",
                line={"shape": "hv", **LOOK.get(name, {"width": 1.4})},
                hovertemplate=f"%{{y:.4g}} {part.unit}",
            )
        limit = sign * axis.lowest(sign * part.limit)
        drawn.append(limit)
        figure.add_scatter(
            x=axis.edges,
            y=held(limit),
            yaxis=on,
            name="Limit",
            legendgroup="Limit",
            showlegend=row == 0,
            mode="lines",
            line={"color": theme.RED, "width": 1.6, "dash": "dash", "shape": "hv"},
            hovertemplate=f"%{{y:.4g}} {part.unit}",
        )
        _fit(figure, on, np.concatenate(drawn))
    return figure


def _fit(figure: go.Figure, on: str, values: Float[Array, " value"]) -> None:
    """A range around the values, which lie far from zero."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    air = AIR * ((high - low) or 0.01)
    figure.update_layout({on.replace("y", "yaxis"): {"range": [low - air, high + air]}})

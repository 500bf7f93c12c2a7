"""Level by level of a large tree: how loaded the sites of each level are."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import joined
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held

MOST_LEVELS = 5  # panels that fit above one another
BAND = (5, 95)  # percentiles


def level_loading(
    grid: TimeGrid,
    depth: Int[Array, " site"],
    loading: Float[Array, "site step"],
    *,
    time_zone: str = "UTC",
) -> go.Figure:
    """Loading of the sites of each level: the middle one, and the band that holds most of them.

    Levels without any limit are left out, and those below the fifth.

    Args:
        grid: The steps.
        depth: How many sites lie above each site.
        loading: Power over its limit: 1 at the export limit, -1 at the import limit; NaN where a
            site has no limit.
        time_zone: Zone of the time axis.
    """
    axis = TimeAxis(grid, time_zone)
    limited = ~np.isnan(loading).all(axis=1)
    levels = np.unique(depth[limited])[:MOST_LEVELS].tolist()
    if len(levels) == 0:
        return panels.empty(panels.sheet("Loading by level"), "No site has a limit.")
    signs = "100 % is the export limit, \u2212100 % the import limit"
    share = f"The band holds {BAND[1] - BAND[0]} % of a level's sites"
    figure = panels.sheet(
        "Loading by level of the tree",
        note=joined(signs, share, axis.note),
        height=190 + 150 * len(levels),
    )
    size = np.nan_to_num(loading)  # no limit in a direction is no load on it
    members = [size[limited & (depth == level)] for level in levels]
    panels.over_time(
        figure,
        axis,
        [Panel(_title(level, len(own))) for level, own in zip(levels, members, strict=True)],
    )
    for row, own in enumerate(members):
        _draw(figure, axis, 100 * own, f"y{row + 1}" if row else "y", named=row == len(members) - 1)
    return panels.fit(figure)


def _title(level: int, sites: int) -> str:
    return f"Level {level + 1}, {sites:,} site{'s' if sites > 1 else ''}<br>(% of limit)"


def _draw(
    figure: go.Figure, axis: TimeAxis, percent: Float[Array, "site step"], y: str, *, named: bool
) -> None:
    """One panel: band, middle and the limits themselves."""
    low, middle, high = np.percentile(percent, (BAND[0], 50, BAND[1]), axis=0)
    edge: dict[str, Any] = {"color": theme.tint(theme.BLUE, 0.55), "width": 1, "shape": "hv"}
    fill: dict[str, Any] = {"fill": "tonexty", "fillcolor": theme.tint(theme.BLUE, 0.2)}
    many: dict[str, Any] = {"line": {"color": theme.BLUE, "width": 2.4, "shape": "hv"}}
    limit: dict[str, Any] = {
        "line": {"color": theme.RED, "width": 1.4, "dash": "dash"},
        "hoverinfo": "skip",
    }
    full = np.full(axis.grid.steps, 100.0)
    lines: Sequence[tuple[str, Array, dict[str, Any]]] = (
        ("Lowest of the band", low, {"line": edge, "showlegend": False}),
        ("Most sites", high, {"line": edge, "showlegend": named} | fill),
        ("Middle site", middle, {"showlegend": named} | many),
        ("Limits", full, {"showlegend": named} | limit),
        ("Import limit", -full, {"showlegend": False} | limit),
    )
    for name, values, style in lines:
        figure.add_scatter(
            x=axis.edges,
            y=held(axis.mean(values)),
            yaxis=y,
            name=name,
            mode="lines",
            hovertemplate="%{y:+.0f} % of the limit",
            **style,
        )

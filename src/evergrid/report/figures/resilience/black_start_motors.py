"""Motors of blocks over time: from rest to speed, or stalled."""

from collections.abc import Sequence

import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import panels
from evergrid.report.figures.resilience.black_start_course import SHADES
from evergrid.report.labels import literal, wrapped


def motor_speed(
    time_s: Float[Array, " sample"],
    names: Sequence[str],
    speed_pu: Float[Array, "sample motor"],
) -> go.Figure:
    """Speed of the motors of each block.

    Args:
        time_s: From the loss of the grid.
        names: Of the blocks.
        speed_pu: Over nominal speed; NaN while they have no voltage.
    """
    figure = panels.sheet("Speed of motors", note="From the first voltage at their block.")
    for place, name in enumerate(names):
        figure.add_scatter(
            x=time_s,
            y=speed_pu[:, place],
            name=wrapped(name),
            mode="lines",
            line={"color": SHADES[place % len(SHADES)], "width": 1.8},
            hovertemplate=f"{literal(name)}: %{{y:.3f}} of nominal speed<extra></extra>",
        )
    figure.update_layout(
        yaxis={"title": {"text": "Speed (pu)"}, "range": [0.0, 1.1]},
        xaxis={"title": {"text": "Time from the loss of the grid (s)"}},
        showlegend=True,
    )
    return panels.fit(figure)

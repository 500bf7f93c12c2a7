"""What sites could generate, what of that is used, and what is curtailed."""

import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import joined
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held


def generation(
    grid: TimeGrid,
    generation_kw: Float[Array, " step"],
    curtailed_kw: Float[Array, " step"],
    load_kw: Float[Array, " step"],
    *,
    time_zone: str = "UTC",
) -> go.Figure:
    """Generation of all sites, with what is curtailed above what is used, and their load.

    Args:
        grid: The steps.
        generation_kw: What all sites together could generate.
        curtailed_kw: By how much less they do.
        load_kw: What they consume beside the chargers.
        time_zone: Zone of the time axis.
    """
    axis = TimeAxis(grid, time_zone)
    note = joined("Sums over all sites", axis.note)
    figure = panels.sheet("Generation, used and curtailed", note=note, height=420)
    panels.over_time(figure, axis, [Panel("Power (kW)")])
    edge = {"width": 1.4, "shape": "hv"}
    for name, values, style in (
        (
            "Used",
            generation_kw - curtailed_kw,
            {
                "line": {"color": theme.BLUE, **edge},
                "fill": "tozeroy",
                "fillcolor": theme.tint(theme.BLUE, 0.26),
            },
        ),
        (
            "Curtailed",
            generation_kw,
            {
                "line": {"color": theme.ORANGE, **edge},
                "fill": "tonexty",
                "fillcolor": theme.tint(theme.ORANGE, 0.3),
            },
        ),
        ("Load", load_kw, {"line": {"color": theme.GREY, "width": 1.8, "shape": "hv"}}),
    ):
        figure.add_scatter(
            x=axis.edges,
            y=held(axis.mean(values)),
            name=name,
            mode="lines",
            hovertemplate="Could generate %{y:,.1f} kW<extra></extra>"
            if name == "Curtailed"
            else "%{y:,.1f} kW",
            **style,
        )
    return panels.fit(figure)

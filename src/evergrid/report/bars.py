"""Horizontal bars with amounts beside them: the way from one amount to another, and its axes."""

from collections.abc import Sequence

import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import theme
from evergrid.report.labels import literal, wrapped


def add_waterfall(
    figure: go.Figure,
    labels: Sequence[str],
    amounts: Float[Array, " bar"],
    text: Sequence[str],
    *,
    totals: Sequence[bool],
    unit: str,
    more_is_better: bool,
) -> None:
    """Add totals and the changes between them, from top to bottom; what is better is blue.

    Args:
        figure: Gets the bars.
        labels: Of the bars.
        amounts: Totals and changes.
        text: What stands beside each bar.
        totals: Which are totals, in grey.
        unit: Of the amounts.
        more_is_better: Whether a rise is blue and a fall orange, or the other way round.
    """
    up, down = (theme.BLUE, theme.ORANGE) if more_is_better else (theme.ORANGE, theme.BLUE)
    figure.add_waterfall(
        orientation="h",
        y=list(range(len(labels))),
        x=amounts,
        measure=["absolute" if total else "relative" for total in totals],
        text=list(text),
        textposition="outside",
        textfont={"size": 12},
        cliponaxis=False,
        constraintext="none",
        connector={"line": {"color": theme.GREY, "width": 1, "dash": "dot"}},
        totals={"marker": {"color": theme.GREY}},
        increasing={"marker": {"color": up}},
        decreasing={"marker": {"color": down}},
        customdata=[literal(label) for label in labels],
        hovertemplate=f"%{{customdata}}: %{{text}} {literal(unit)}<extra></extra>",
        showlegend=False,
    )


def add_axes(
    figure: go.Figure, labels: Sequence[str], low: float, high: float, title: str
) -> go.Figure:
    """Axes of bars from top to bottom.

    Args:
        figure: Gets the axes.
        labels: Of the bars, from top to bottom.
        low: Where the axis of amounts begins.
        high: Where it ends.
        title: Of the amounts.
    """
    return figure.update_layout(
        xaxis={
            "title": {"text": title},
            "range": [low, high],
            "showgrid": True,
            "zeroline": True,
        },
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(labels))),
            "ticktext": [wrapped(label) for label in labels],
            "range": [len(labels) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
            "ticklabelstandoff": 8,
        },
    )

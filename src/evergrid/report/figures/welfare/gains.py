"""Who gains and who loses: parties one after the other, groups of households, assumptions."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import bars, panels, theme
from evergrid.report.labels import amount, decimals_for, literal, wrapped

LABEL_ROOM = 0.28  # of the width of the bars, for the amounts beside them
PARTS = {
    "as_owners": ("as owners of vehicles", theme.BLUE),
    "as_consumers": ("as consumers", theme.GREEN),
    "in_health": ("in health", theme.PLUM),
}


def party_waterfall(gains: Sequence[tuple[str, float]], total: float, *, unit: str) -> go.Figure:
    """Gains and losses of parties, one after the other, and their sum.

    Args:
        gains: Party and gain, from top to bottom; a loss is below 0.
        total: Their sum, with whatever belongs to no party.
        unit: Of the amounts.
    """
    figure = panels.sheet(
        "Who gains, who loses",
        note="Blue gains, orange loses; grey is the sum of all.",
        height=190 + 42 * (len(gains) + 1),
    )
    labels = [*(label for label, _ in gains), "All together"]
    amounts = np.array([*(value for _, value in gains), total])
    decimals = decimals_for(float(np.abs(amounts).max()))
    bars.add_waterfall(
        figure,
        labels,
        amounts,
        [amount(one, signed=True, decimals=decimals) for one in amounts.tolist()],
        totals=[False] * len(gains) + [True],
        unit=unit,
        more_is_better=True,
    )
    ends = np.concatenate([np.cumsum(amounts[:-1]), [total, 0.0]])
    return _axes(figure, labels, ends, f"Gain ({literal(unit)})")


def group_gains(
    groups: Sequence[str], parts: Mapping[str, Float[Array, " group"]], *, unit: str
) -> go.Figure:
    """What each group of households gains, and as what.

    Args:
        groups: Names, from top to bottom.
        parts: Gains by ``as_owners``, ``as_consumers`` and ``in_health``.
        unit: Of the amounts.
    """
    figure = panels.sheet(
        "Gains of households",
        note="Bars to the left are losses.",
        height=190 + 34 * max(len(groups), 1),
    )
    for name, values in parts.items():
        label, color = PARTS[name]
        figure.add_bar(
            orientation="h",
            y=[literal(group) for group in groups],
            x=values,
            name=label,
            marker={"color": color},
            hovertemplate=f"%{{y}}, {label}: %{{x:,.3f}} {literal(unit)}<extra></extra>",
        )
    figure.update_layout(barmode="relative", bargap=0.3)
    figure.update_xaxes(title={"text": f"Gain ({literal(unit)})"}, showgrid=True)
    return figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False)


def sign_of_total(
    costs: Sequence[str], totals: Sequence[Float[Array, "..."]], *, unit: str
) -> go.Figure:
    """The sum of all under every combination of assumptions, by social cost.

    Args:
        costs: Social costs, from top to bottom.
        totals: Of every combination under each.
        unit: Of the amounts.
    """
    figure = panels.sheet(
        "The sum of all, under other assumptions",
        note="Each mark is one combination; right of 0 all together gain.",
        height=200 + 54 * max(len(costs), 1),
    )
    for good, name, color in ((True, "gain", theme.BLUE), (False, "loss", theme.ORANGE)):
        kept = [values[(values > 0) == good] for values in totals]
        figure.add_scatter(
            x=np.concatenate(kept) if kept else [],
            y=np.repeat(np.arange(len(costs)), [len(one) for one in kept]),
            mode="markers",
            name=name,
            marker={"color": color, "size": 11, "opacity": 0.6, "symbol": "line-ns-open"},
            marker_line_width=2,
            hovertemplate=f"%{{x:,.3f}} {literal(unit)}<extra></extra>",
        )
    labels = [f"{cost} ({_share(values)})" for cost, values in zip(costs, totals, strict=True)]
    figure.update_layout(
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(labels))),
            "ticktext": [wrapped(label, 30) for label in labels],
            "range": [len(labels) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
        }
    )
    return figure.update_xaxes(
        title={"text": f"Gain of all ({literal(unit)})"}, zeroline=True, showgrid=True
    )


def _share(values: Float[Array, " combination"]) -> str:
    return f"{np.mean(values > 0):.0%} gain"


def _axes(
    figure: go.Figure, labels: Sequence[str], ends: Float[Array, " end"], title: str
) -> go.Figure:
    """Axes of horizontal bars from top to bottom, with room for the amounts beside them."""
    low, high = min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)
    room = LABEL_ROOM * ((high - low) or 1.0)
    return bars.add_axes(figure, labels, low - room, high + room, title)

"""What plans do to batteries: what they lose in the horizon, by time and by use."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from evergrid.report import panels, theme
from evergrid.report.labels import amount, decimals_for, literal

PARTS = (("by time", theme.GREY), ("by use", theme.ORANGE))


def wear_by_strategy(
    strategies: Sequence[str],
    lost: Mapping[str, Sequence[float]],
    extrapolated: Sequence[bool],
    *,
    currency: str,
) -> go.Figure:
    """Bars of what batteries lose under each strategy, in money.

    Strategies that take batteries outside the experiments of their model are hatched.

    Args:
        strategies: Their names, from top to bottom.
        lost: Money lost "by time" and "by use", one for each strategy.
        extrapolated: Whether each one takes any battery outside the experiments of the model.
        currency: ISO 4217 code.
    """
    note = "By the ageing model, at the price of their capacity."
    if any(extrapolated):
        note += " Hatched: outside its experiments."
    hatched = ["/" if one else "" for one in extrapolated]
    figure = panels.sheet(
        "What batteries lose in the horizon",
        note=note,
        height=170 + 44 * max(len(strategies), 1),
    )
    names = [literal(name) for name in strategies]
    totals = [sum(parts) for parts in zip(*lost.values(), strict=True)]
    decimals = decimals_for(max((abs(total) for total in totals), default=1.0))
    for label, color in PARTS:
        figure.add_bar(
            orientation="h",
            y=names,
            x=list(lost[label]),
            name=label,
            marker={"color": color, "pattern": {"shape": hatched, "fillmode": "overlay"}},
            hovertemplate=f"{label}: %{{x:,.{decimals}f}} {literal(currency)}<extra></extra>",
        )
    figure.add_scatter(
        y=names,
        x=totals,
        mode="text",
        text=[f" {amount(total, decimals=decimals)}" for total in totals],
        textposition="middle right",
        textfont={"size": 12},
        cliponaxis=False,
        showlegend=False,
        hoverinfo="skip",
    )
    figure.update_layout(barmode="stack", showlegend=True)
    figure.update_xaxes(
        title={"text": f"Lost, {literal(currency)}"}, range=[0, 1.15 * max([*totals, 1e-9])]
    )
    return figure.update_yaxes(autorange="reversed")

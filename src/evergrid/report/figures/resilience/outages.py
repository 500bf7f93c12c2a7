"""What outages cost: how long loads survive, how soon and how deep, with and without vehicles."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal

CASES = (theme.BLUE, theme.ORANGE, theme.GREEN, theme.PLUM)


class StepCurve(NamedTuple):
    """A curve that jumps, with a band where there is one.

    Attributes:
        x: Where it jumps, rising.
        y: From there on.
        low: Of the band.
        high: Of the band.
    """

    x: Float[Array, " jump"]
    y: Float[Array, " jump"]
    low: Float[Array, " jump"] | None = None
    high: Float[Array, " jump"] | None = None


def survival_curve(
    hours: Float[Array, " hour"], survived: Mapping[str, Float[Array, " hour"]], *, load: str
) -> go.Figure:
    """Probability that a load is served without a break, against how long the grid is gone.

    Args:
        hours: Length of the outage.
        survived: Probability by case.
        load: What is served.
    """
    figure = panels.sheet(
        f"How long the {literal(load)} load survives",
        note="Share of outages in which it is served without a break for so long.",
    )
    for (case, values), color in zip(survived.items(), CASES, strict=False):
        figure.add_scatter(
            x=hours,
            y=values,
            name=literal(case),
            mode="lines",
            line={"color": color, "width": 2.4, "shape": "hv"},
            hovertemplate=f"{literal(case)}, %{{x:.1f}} h: %{{y:.1%}}<extra></extra>",
        )
    figure.update_yaxes(
        title={"text": "Probability"}, range=[-0.02, 1.04], tickformat=".0%", zeroline=True
    )
    figure.update_xaxes(title={"text": "Length of the outage (h)"}, rangemode="tozero")
    return figure.update_layout(showlegend=True)


def recovery_curve(
    curves: Mapping[str, StepCurve],
    *,
    target_h: float | None = None,
    probability: float | None = None,
    last_h: float,
    share: float,
) -> go.Figure:
    """Share of outages that have recovered, against the hours since the loss.

    Args:
        curves: By case, with the band of each.
        target_h: Most hours that are asked for; None for none.
        probability: With which it is asked for.
        last_h: End of the axis.
        share: Of the demand, which counts as recovered.
    """
    figure = panels.sheet(
        f"How soon {100 * share:.6g}% of the demand is served again",
        note="And stays served. Bands are pointwise; an outage that ends first counts until then.",
    )
    for (case, curve), color in zip(curves.items(), CASES, strict=False):
        x, y = _held(curve.x, curve.y, last_h)
        if curve.low is not None and curve.high is not None:
            low, high = (_held(curve.x, one, last_h)[1] for one in (curve.low, curve.high))
            figure.add_scatter(
                x=np.concatenate([x, x[::-1]]),
                y=np.concatenate([low, high[::-1]]),
                fill="toself",
                fillcolor=color,
                opacity=0.16,
                line={"width": 0, "shape": "hv"},
                hoverinfo="skip",
                showlegend=False,
            )
        figure.add_scatter(
            x=x,
            y=y,
            name=literal(case),
            mode="lines",
            line={"color": color, "width": 2.4, "shape": "hv"},
            hovertemplate=f"{literal(case)}, after %{{x:.2f}} h: %{{y:.1%}}<extra></extra>",
        )
    if target_h is not None and probability is not None:
        figure.add_scatter(
            x=[target_h],
            y=[probability],
            name="target: at or above this mark",
            mode="markers",
            marker={"symbol": "triangle-up-open", "size": 15, "color": theme.RED},
            marker_line_width=2.4,
            hovertemplate=f"target: {probability:.0%} within {target_h:g} h<extra></extra>",
        )
    figure.update_yaxes(
        title={"text": "Share of outages"}, range=[-0.02, 1.04], tickformat=".0%", zeroline=True
    )
    figure.update_xaxes(title={"text": "Hours since the loss of the grid"}, range=[0, last_h])
    return figure.update_layout(showlegend=True)


def _held(
    x: Float[Array, " jump"], y: Float[Array, " jump"], last: float
) -> tuple[Float[Array, " point"], Float[Array, " point"]]:
    """A curve from 0 at 0 to the end of the axis."""
    inside = x <= last
    ends = np.concatenate([[0.0], y[inside]])
    return np.concatenate([[0.0], x[inside], [last]]), np.concatenate([ends, ends[-1:]])


def degradation_curve(
    m_d_kwh: Mapping[str, Float[Array, " outage"]],
    *,
    target_kwh: float | None,
    worst_kwh: Mapping[str, float],
    tail: float,
) -> go.Figure:
    """Share of outages whose performance degradation is above a value.

    Args:
        m_d_kwh: Of each outage, by case.
        target_kwh: Most that is asked for; None for none.
        worst_kwh: Mean of the worst outages, which is marked, by case.
        tail: Share of the outages that are the worst.
    """
    figure = panels.sheet(
        "How deep: energy not served in an outage",
        note=f"Diamonds mark the mean of the worst {tail:.0%} of outages.",
    )
    for (case, values), color in zip(m_d_kwh.items(), CASES, strict=False):
        rising = np.sort(values)
        above = 1.0 - np.arange(1, len(rising) + 1) / len(rising)
        figure.add_scatter(
            x=np.concatenate([[0.0], rising]),
            y=np.concatenate([[1.0], above]),
            name=literal(case),
            mode="lines",
            line={"color": color, "width": 2.4, "shape": "hv"},
            hovertemplate=f"{literal(case)}: %{{y:.1%}} above %{{x:,.0f}} kWh<extra></extra>",
        )
        figure.add_scatter(
            x=[worst_kwh[case]],
            y=[tail],
            mode="markers",
            marker={"symbol": "diamond", "size": 11, "color": color},
            showlegend=False,
            hovertemplate=f"{literal(case)}: the worst {tail:.0%} lose %{{x:,.0f}} kWh on average"
            "<extra></extra>",
        )
    if target_kwh is not None:
        figure.add_vline(x=target_kwh, line={"color": theme.RED, "dash": "dash", "width": 1.6})
        figure.add_annotation(
            x=target_kwh,
            y=1.0,
            yref="paper",
            text="target",
            showarrow=False,
            xanchor="left",
            xshift=5,
            font={"color": theme.RED, "size": 12},
        )
    figure.update_yaxes(
        title={"text": "Share of outages above it"}, range=[-0.02, 1.04], tickformat=".0%"
    )
    figure.update_xaxes(title={"text": "M_D (kWh)"}, rangemode="tozero")
    return figure.update_layout(showlegend=True)


def served_over_time(
    hours: Float[Array, " hour"],
    mean: Mapping[str, Float[Array, " hour"]],
    low: Mapping[str, Float[Array, " hour"]],
    high: Mapping[str, Float[Array, " hour"]],
    *,
    band: float,
) -> go.Figure:
    """Share of the demand that is served over time, over outages that still last then.

    Args:
        hours: Since the loss.
        mean: By case.
        low: Lower end of the band, by case.
        high: Upper end.
        band: Share of outages within it.
    """
    figure = panels.sheet(
        "How much is served while the grid is gone",
        note=f"Mean over outages that still last; {band:.0%} of them lie in the band.",
    )
    # Power is constant within a step: the ends of the band are steps, too.
    ends = np.concatenate([hours[1:], hours[-1:]])
    edges = np.column_stack([hours, ends]).ravel()
    for (case, values), color in zip(mean.items(), CASES, strict=False):
        below, above = np.repeat(low[case], 2), np.repeat(high[case], 2)
        figure.add_scatter(
            x=np.concatenate([edges, edges[::-1]]),
            y=np.concatenate([below, above[::-1]]),
            fill="toself",
            fillcolor=color,
            opacity=0.14,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(
            x=hours,
            y=values,
            name=literal(case),
            mode="lines",
            line={"color": color, "width": 2.4, "shape": "hv"},
            hovertemplate=f"{literal(case)}, %{{x:.2f}} h: %{{y:.1%}}<extra></extra>",
        )
    figure.update_yaxes(title={"text": "Share of the demand"}, tickformat=".0%", range=[0, 1.04])
    figure.update_xaxes(title={"text": "Hours since the loss of the grid"}, rangemode="tozero")
    return figure.update_layout(showlegend=True)


def energy_by_tier(
    tiers: Sequence[str], lost_kwh: Mapping[str, Float[Array, " tier"]]
) -> go.Figure:
    """Energy not served on average in an outage, by tier and case.

    Args:
        tiers: From top to bottom.
        lost_kwh: By case.
    """
    figure = panels.sheet("Who goes without", note="Mean of all outages.", height=330)
    for (case, values), color in zip(lost_kwh.items(), CASES, strict=False):
        figure.add_bar(
            orientation="h",
            y=[literal(tier) for tier in tiers],
            x=values,
            name=literal(case),
            marker={"color": color},
            text=[f"{value:,.0f}" for value in values.tolist()],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"{literal(case)}, %{{y}}: %{{x:,.1f}} kWh<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.3, showlegend=True)
    figure.update_xaxes(title={"text": "Energy not served (kWh)"}, showgrid=True)
    return figure.update_yaxes(autorange="reversed", showgrid=False)

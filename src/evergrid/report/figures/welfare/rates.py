"""Which rate is best: one rate tried, policies side by side, and the day on which it acts."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import literal, wrapped


def rate_sweep(
    rate_per_mwh: Float[Array, " rate"],
    lines: Mapping[str, Float[Array, " rate"]],
    marks: Mapping[str, float],
    *,
    currency: str,
    unit: str,
) -> go.Figure:
    """What one rate for all days does to everyone, from too low to too high.

    Args:
        rate_per_mwh: Tried.
        lines: Gains by name.
        marks: Rates that are marked, by name.
        currency: Of the rate.
        unit: Of the gains.
    """
    figure = panels.sheet(
        "One rate for all days", note="Dotted lines mark the best rates.", height=460
    )
    for number, (name, values) in enumerate(lines.items()):
        color = theme.COLORWAY[number % len(theme.COLORWAY)]
        figure.add_scatter(
            x=rate_per_mwh,
            y=values,
            name=literal(name),
            mode="lines",
            line={"color": color, "width": 2.4},
            hovertemplate=f"{literal(name)}: %{{y:,.3f}} {literal(unit)}<extra></extra>",
        )
    middle = float(rate_per_mwh[0] + rate_per_mwh[-1]) / 2
    for number, (name, rate) in enumerate(marks.items()):
        color = theme.COLORWAY[number % len(theme.COLORWAY)]
        figure.add_vline(x=rate, line={"color": color, "width": 1.6, "dash": "dot"})
        figure.add_annotation(
            x=rate,
            y=0.02 + 0.09 * number,
            yref="paper",
            yanchor="bottom",
            text=f"{literal(name)} {rate:,.2f}",
            showarrow=False,
            xanchor="left" if rate < middle else "right",
            xshift=6 if rate < middle else -6,
            font={"size": 12, "color": color},
        )
    figure.update_layout(hovermode="x unified")
    figure.update_xaxes(title={"text": f"Rate ({literal(currency)}/MWh fed)"}, showgrid=True)
    return figure.update_yaxes(title={"text": f"Gain ({literal(unit)})"})


def policy_welfare(
    policies: Sequence[str],
    costs: Sequence[str],
    welfare: Float[Array, "policy cost"],
    *,
    unit: str,
) -> go.Figure:
    """Gain of all by policy, under several social costs.

    Args:
        policies: From top to bottom.
        costs: Social costs.
        welfare: Gain of all.
        unit: Of the gains.
    """
    figure = panels.sheet(
        "Policies by welfare",
        note="A policy left of 0 does more harm than good at that social cost.",
        height=210 + 42 * max(len(policies), 1),
    )
    for number, cost in enumerate(costs):
        figure.add_scatter(
            x=welfare[:, number],
            y=np.arange(len(policies)),
            mode="markers",
            name=literal(cost),
            marker={
                "color": theme.COLORWAY[number % len(theme.COLORWAY)],
                "size": 12,
                "symbol": ("circle", "diamond", "square", "triangle-up", "cross", "star")[
                    number % 6
                ],
            },
            hovertemplate=f"{literal(cost)}: %{{x:,.3f}} {literal(unit)}<extra></extra>",
        )
    figure.update_layout(
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(policies))),
            "ticktext": [wrapped(policy, 20) for policy in policies],
            "range": [len(policies) - 0.5, -0.5],
            "zeroline": False,
        }
    )
    return figure.update_xaxes(
        title={"text": f"Gain of all ({literal(unit)})"}, zeroline=True, showgrid=True
    )


def feeding_day(
    hours: Float[Array, " hour"],
    power_mw: Mapping[str, Float[Array, " hour"]],
    price_per_mwh: Mapping[str, Float[Array, " hour"]],
    *,
    currency: str,
) -> go.Figure:
    """When vehicles charge and feed on a mean day, and what that does to the price.

    Args:
        hours: Of the local clock, at which steps begin.
        power_mw: By name, positive into the grid.
        price_per_mwh: By name.
        currency: Of the price.
    """
    figure = panels.sheet("A mean day", note="Feeding is above 0, charging below.", height=520)
    of_power = (theme.BLUE, theme.ORANGE, theme.GREY)
    of_price = (theme.GREEN, theme.PLUM)
    edges = np.append(hours, hours[-1] + 1)
    for axis, lines, form, colors in (
        ("y", power_mw, ",.1f", of_power),
        ("y2", price_per_mwh, ",.2f", of_price),
    ):
        for (name, values), color in zip(lines.items(), colors, strict=False):
            figure.add_scatter(
                x=edges,
                y=np.append(values, values[-1]),
                yaxis=axis,
                name=literal(name),
                mode="lines",
                line={"color": color, "width": 2.2, "shape": "hv"},
                hovertemplate=f"{literal(name)}: %{{y:{form}}}<extra></extra>",
            )
    figure.update_layout(
        hovermode="x unified",
        xaxis={"title": {"text": "Hour of the day"}, "dtick": 3, "anchor": "y2"},
        yaxis={"title": {"text": "Vehicles (MW)"}, "domain": [0.45, 1.0]},
        yaxis2={"title": {"text": f"Price<br>({literal(currency)}/MWh)"}, "domain": [0.0, 0.38]},
    )
    return panels.fit(figure)

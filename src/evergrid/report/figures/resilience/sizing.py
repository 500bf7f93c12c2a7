"""How much is enough: vehicles, chargers and energy, and what readiness costs on usual days."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float, Int
from evergrid.report import panels, theme
from evergrid.report.labels import literal

CENTS_BELOW = 10.0  # an amount above which cents say nothing


def worth_of_vehicles(
    vehicles: Int[Array, " size"],
    lost_kwh: Float[Array, " size"],
    kept_share: Float[Array, " size"],
    *,
    probability: float,
    owned: int,
) -> go.Figure:
    """Energy not served and how often the target is kept, against how many vehicles there are.

    Args:
        vehicles: How many, rising.
        lost_kwh: Mean of all outages.
        kept_share: Share of outages that keep the target.
        probability: Asked of it.
        owned: How many there are in the study.
    """
    figure = panels.sheet("What one more vehicle is worth", height=520)
    figure.add_scatter(
        x=vehicles,
        y=lost_kwh,
        name="energy not served",
        mode="lines+markers",
        line={"color": theme.BLUE, "width": 2.4},
        hovertemplate="%{x} vehicles: %{y:,.0f} kWh lost in an outage<extra></extra>",
    )
    figure.add_scatter(
        x=vehicles,
        y=kept_share,
        yaxis="y2",
        name="target kept",
        mode="lines+markers",
        line={"color": theme.GREEN, "width": 2.4},
        hovertemplate="%{x} vehicles: target kept in %{y:.1%} of outages<extra></extra>",
    )
    ends = [float(vehicles[0]), float(vehicles[-1])]
    figure.add_scatter(
        x=ends,
        y=[probability] * 2,
        yaxis="y2",
        name="asked for",
        mode="lines",
        line={"color": theme.RED, "width": 1.6, "dash": "dash"},
        hoverinfo="skip",
    )
    figure.add_vline(x=owned, line={"color": theme.GREY, "dash": "dot", "width": 1.4})
    figure.update_layout(
        yaxis={
            "title": {"text": "Energy not served (kWh)"},
            "domain": [0.46, 1.0],
            "rangemode": "tozero",
        },
        yaxis2={
            "title": {"text": "Target kept"},
            "domain": [0.0, 0.38],
            "tickformat": ".0%",
            "range": [-0.02, 1.04],
        },
        xaxis={"title": {"text": "Vehicles; dotted: those of the study"}, "anchor": "y2"},
        hovermode="x unified",
        hoversubplots="axis",
        showlegend=True,
    )
    return panels.fit(figure)


def least_fleet(
    energy_kwh: Sequence[float],
    charger_kw: Sequence[float],
    least: Float[Array, "energy charger"],
    *,
    most: int,
) -> go.Figure:
    """Fewest vehicles that keep the target, by what each brings and by the power of its charger.

    Args:
        energy_kwh: Mean that each brings, from bottom to top.
        charger_kw: From left to right.
        least: How many; NaN where not even ``most`` are enough.
        most: How many were tried.
    """
    figure = panels.sheet(
        "How many vehicles the target needs",
        note=f"A dash: more than {most}, or not to be had with such energy and power.",
        height=200 + 52 * max(len(energy_kwh), 1),
    )
    text = [[f"{value:.0f}" if np.isfinite(value) else "-" for value in row] for row in least]
    figure.add_heatmap(
        x=[f"{one:g} kW" for one in charger_kw],
        y=[f"{one:g} kWh" for one in energy_kwh],
        z=least,
        text=text,
        texttemplate="%{text}",
        textfont={"size": 15},
        colorscale=[[0.0, "#BFDDF2"], [1.0, "#1F7FC1"]],
        showscale=False,
        xgap=3,
        ygap=3,
        hovertemplate="%{y} each at %{x}: %{text} vehicles<extra></extra>",
    )
    dashes = [
        (f"{charger_kw[j]:g} kW", f"{energy_kwh[i]:g} kWh")
        for i, j in zip(*np.nonzero(~np.isfinite(least)), strict=True)
    ]
    for x, y in dashes:
        figure.add_annotation(x=x, y=y, text="-", showarrow=False, font={"size": 15})
    figure.update_xaxes(title={"text": "Power of each charger"}, type="category")
    return figure.update_yaxes(
        title={"text": "Energy that each brings"}, type="category", showgrid=False
    )


def what_binds(causes: Sequence[str], lost_kwh: Float[Array, " cause"]) -> go.Figure:
    """Energy not served, by what was missing.

    Args:
        causes: From top to bottom.
        lost_kwh: Mean of all outages.
    """
    figure = panels.sheet("What is missing when a load goes without", height=300)
    figure.add_bar(
        orientation="h",
        y=[literal(cause) for cause in causes],
        x=lost_kwh,
        marker={"color": theme.ORANGE},
        text=[f"{value:,.0f} kWh" for value in lost_kwh.tolist()],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:,.1f} kWh<extra></extra>",
        showlegend=False,
    )
    high = max(float(lost_kwh.max()), 1e-9)
    figure.update_xaxes(
        title={"text": "Energy not served (kWh)"}, range=[0, 1.5 * high], showgrid=True
    )
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def standing_reserve(
    reserve_kwh: Float[Array, " reserve"],
    given_up: Float[Array, " reserve"],
    avoided: Float[Array, " reserve"],
    *,
    currency: str,
) -> go.Figure:
    """What readiness costs in a year on usual days, against the lost load that it avoids.

    Args:
        reserve_kwh: Held in each vehicle, rising.
        given_up: Income of a year.
        avoided: Cost of lost load that is avoided, expected in a year.
        currency: Of both.
    """
    figure = panels.sheet(
        "What readiness costs, and what it saves",
        note="Both of a year, against a fleet that keeps no more than the way home.",
    )
    for name, values, color in (
        ("income given up", given_up, theme.ORANGE),
        ("cost of lost load avoided", avoided, theme.BLUE),
        ("what is left", avoided - given_up, theme.GREEN),
    ):
        digits = 0 if np.abs(values).max() > CENTS_BELOW else 2
        figure.add_scatter(
            x=reserve_kwh,
            y=values,
            name=name,
            mode="lines+markers",
            line={"color": color, "width": 2.4},
            hovertemplate=f"{name}, %{{x:g}} kWh: %{{y:,.{digits}f}} {literal(currency)}"
            "<extra></extra>",
        )
    figure.update_yaxes(title={"text": f"{literal(currency)} a year"}, zeroline=True)
    figure.update_xaxes(title={"text": "Energy kept in each vehicle (kWh)"})
    return figure.update_layout(hovermode="x unified", showlegend=True)

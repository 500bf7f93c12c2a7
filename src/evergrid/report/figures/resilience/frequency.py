"""Frequency after a loss of generation, and a record played against a fleet."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import literal
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held

SHADES = (theme.GREY, theme.PLUM, theme.GREEN, theme.BLUE, theme.ORANGE, theme.RED)
MOST_POINTS = 8000  # of a record, so that seconds are seen when a reader zooms in
AIR_HZ = 0.05  # below the lowest and above the highest frequency of a figure


def frequency_after_loss(
    time_s: Float[Array, " sample"],
    frequency_hz: Mapping[str, Float[Array, " sample"]],
    *,
    nominal_hz: float,
    limit_hz: float,
    shedding_hz: Sequence[float] = (),
) -> go.Figure:
    """Frequency over time, one line for each case.

    Args:
        time_s: From the loss.
        frequency_hz: By case; NaN after plants have disconnected.
        nominal_hz: Of the grid.
        limit_hz: Which it must not go below.
        shedding_hz: At which relays disconnect load.
    """
    figure = panels.sheet("Frequency after the loss", note="The loss comes at 0. Zoom by drawing.")
    for (case, values), color in zip(
        frequency_hz.items(), (theme.ORANGE, theme.BLUE, theme.GREEN), strict=False
    ):
        figure.add_scatter(
            x=time_s,
            y=values,
            name=literal(case),
            mode="lines",
            line={"color": color, "width": 2.2},
            hovertemplate=f"{literal(case)}: %{{y:.3f}} Hz<extra></extra>",
        )
    _across(figure, time_s, limit_hz, "limit", theme.RED, "dash")
    for number, stage_hz in enumerate(shedding_hz):
        _across(figure, time_s, stage_hz, "load shedding" if number == 0 else "", theme.GREY, "dot")
    lowest = min(float(np.nanmin(values)) for values in frequency_hz.values())
    low = min(lowest, limit_hz, *shedding_hz) - AIR_HZ
    highest = max(float(np.nanmax(values)) for values in frequency_hz.values())
    figure.update_yaxes(
        title={"text": "Frequency (Hz)"}, range=[low, max(highest, nominal_hz) + AIR_HZ]
    )
    figure.update_xaxes(title={"text": "Time (s)"})
    return figure.update_layout(hovermode="x unified", showlegend=True)


def power_after_loss(
    time_s: Float[Array, " sample"],
    power_mw: Mapping[str, Float[Array, " sample"]],
    energy_mwh: Float[Array, " sample"],
) -> go.Figure:
    """Who makes up for the loss, and what energy the fleet gives by then.

    Args:
        time_s: From the loss.
        power_mw: Added, by who adds it.
        energy_mwh: Of the fleet, since the loss.
    """
    figure = panels.sheet("Who makes up for the loss", note="With the fleet.", height=520)
    for (who, values), color in zip(
        power_mw.items(), (theme.BLUE, theme.ORANGE, theme.RED, theme.GREY), strict=False
    ):
        figure.add_scatter(
            x=time_s,
            y=values,
            name=literal(who),
            mode="lines",
            line={"color": color, "width": 2.2},
            hovertemplate=f"{literal(who)}: %{{y:,.1f}} MW<extra></extra>",
        )
    figure.add_scatter(
        x=time_s,
        y=1000.0 * energy_mwh,
        yaxis="y2",
        name="energy of the fleet",
        mode="lines",
        line={"color": theme.BLUE, "width": 2.2, "dash": "dot"},
        hovertemplate="energy of the fleet: %{y:,.1f} kWh<extra></extra>",
    )
    figure.update_layout(
        yaxis={"title": {"text": "Power (MW)"}, "domain": [0.42, 1.0]},
        yaxis2={"title": {"text": "Energy (kWh)"}, "domain": [0.0, 0.33]},
        xaxis={"title": {"text": "Time (s)"}, "anchor": "y2"},
        hovermode="x unified",
        hoversubplots="axis",
        showlegend=True,
    )
    return panels.fit(figure)


def nadir_by_inertia(
    inertia_s: Float[Array, " inertia"],
    award_mw: Float[Array, " award"],
    nadir_hz: Float[Array, "award inertia"],
    *,
    limit_hz: float,
) -> go.Figure:
    """Nadir against the inertia of the area, for fleets of several sizes.

    Args:
        inertia_s: Of the area, ascending.
        award_mw: Of each fleet.
        nadir_hz: NaN where plants disconnect or the loop would hunt.
        limit_hz: Which the frequency must not go below.
    """
    note = "Points are left out where plants disconnect, or where the fleet would hunt."
    figure = panels.sheet("Nadir against inertia", note=note)
    for award, values, color in zip(award_mw, nadir_hz, SHADES, strict=False):
        name = f"{award:,.4g} MW" if award > 0 else "no fleet"
        figure.add_scatter(
            x=inertia_s,
            y=values,
            name=name,
            mode="lines+markers",
            marker={"size": 6},
            line={"color": color, "width": 2},
            hovertemplate=f"{name}: %{{y:.3f}} Hz<extra></extra>",
        )
    _across(figure, inertia_s, limit_hz, "limit", theme.RED, "dash")
    figure.update_xaxes(title={"text": "Inertia (s)"})
    figure.update_yaxes(title={"text": "Nadir (Hz)"})
    return figure.update_layout(hovermode="x unified", showlegend=True)


def nadir_by_fleet(
    award_mw: Float[Array, " size"],
    nadir_hz: Float[Array, " size"],
    stable: Bool[Array, " size"],
    *,
    limit_hz: float,
    least_mw: float | None,
) -> go.Figure:
    """Nadir against the award of the fleet, up to all that it can hold.

    Args:
        award_mw: Ascending.
        nadir_hz: Of each.
        stable: Whether the loop of each does not hunt.
        limit_hz: Which the frequency must not go below.
        least_mw: The smallest award that keeps the limit; None where there is none.
    """
    note = "Load shedding is not counted on for the smallest award."
    figure = panels.sheet("Nadir against the fleet's award", note=note)
    figure.add_scatter(
        x=award_mw,
        y=np.where(stable, nadir_hz, np.nan),
        name="nadir",
        mode="lines+markers",
        marker={"size": 6},
        line={"color": theme.BLUE, "width": 2},
        hovertemplate="%{x:,.4g} MW: %{y:.3f} Hz<extra></extra>",
    )
    if not stable.all():
        figure.add_scatter(
            x=award_mw[~stable],
            y=nadir_hz[~stable],
            name="would hunt",
            mode="markers",
            marker={"size": 7, "color": theme.RED, "symbol": "x"},
            hovertemplate="%{x:,.4g} MW would hunt<extra></extra>",
        )
    _across(figure, award_mw, limit_hz, "limit", theme.RED, "dash")
    if least_mw is not None:
        figure.add_scatter(
            x=[least_mw],
            y=[limit_hz],
            name=f"smallest: {least_mw:,.4g} MW",
            mode="markers",
            marker={"size": 11, "color": theme.GREEN, "symbol": "diamond"},
            hovertemplate="smallest award: %{x:,.4g} MW<extra></extra>",
        )
    figure.update_xaxes(title={"text": "Award (MW)"})
    figure.update_yaxes(title={"text": "Nadir (Hz)"})
    return figure.update_layout(showlegend=True)


def record_played(
    grid: TimeGrid,
    frequency_hz: Float[Array, " tick"],
    due_kw: Float[Array, " tick"],
    delivered_kw: Float[Array, " tick"],
    energy_mwh: Float[Array, " tick"],
    *,
    time_zone: str,
) -> go.Figure:
    """Frequency, power and energy through a record, which can be zoomed down to its readings.

    Args:
        grid: The readings.
        frequency_hz: NaN where none came.
        due_kw: Power that was due.
        delivered_kw: Power that the fleet gave.
        energy_mwh: Energy that it gave by then.
        time_zone: Clock of the axis.
    """
    axis = TimeAxis(grid, time_zone, MOST_POINTS)
    note = axis.note or "One point for each reading; the buttons show the end of the record."
    figure = panels.sheet("Frequency and power", note=note, height=620)
    rows = [Panel("Frequency (Hz)", 1.6), Panel("Power (kW)", 1.6), Panel("Energy (kWh)")]
    figure = panels.over_time(figure, axis, rows)
    for name, values, color, width, row, form in (
        ("frequency", frequency_hz, theme.PLUM, 1.6, "y", ".3f} Hz"),
        ("due", due_kw, theme.ORANGE, 3.0, "y2", ",.0f} kW"),
        ("delivered", delivered_kw, theme.BLUE, 1.6, "y2", ",.0f} kW"),
        ("energy given", 1000.0 * energy_mwh, theme.BLUE, 1.8, "y3", ",.1f} kWh"),
    ):
        middle = float(np.nanmedian(values)) if row == "y" else 0.0
        shown = axis.last(values) if row == "y3" else axis.extreme(values - middle) + middle
        figure.add_scatter(
            x=axis.edges,
            y=held(shown),
            yaxis=row,
            name=name,
            mode="lines",
            line={"color": color, "width": width, "shape": "hv"},
            hovertemplate=f"{name}: %{{y:{form}<extra></extra>",
            showlegend=row == "y2",
        )
    panels.fit(figure)
    low, high = float(np.nanmin(frequency_hz)), float(np.nanmax(frequency_hz))
    figure.update_layout(yaxis={"range": [low - AIR_HZ, high + AIR_HZ]})
    return figure.update_xaxes(
        rangeselector={
            "buttons": [
                {"step": "all", "label": "all"},
                {"step": "hour", "count": 1, "label": "1 h"},
                {"step": "minute", "count": 10, "label": "10 min"},
                {"step": "minute", "count": 1, "label": "1 min"},
            ],
            "bgcolor": theme.tint(theme.GREY, 0.18),
            "activecolor": theme.tint(theme.BLUE, 0.45),
            "x": 1.0,
            "xanchor": "right",
            "y": 1.02,
        },
        hoverformat="%H:%M:%S",
    )


def vehicles_in_record(
    name: Sequence[str],
    fed_kwh: Float[Array, " vehicle"],
    taken_kwh: Float[Array, " vehicle"],
    cut_kwh: Float[Array, " vehicle"],
) -> go.Figure:
    """What each vehicle gave and took, from who gave most, and what its promise cut.

    Args:
        name: Of each.
        fed_kwh: Energy that it added.
        taken_kwh: Energy that it took away.
        cut_kwh: Energy that it did not give because of its promise.
    """
    order = np.argsort(-(fed_kwh + taken_kwh), kind="stable")
    note = "Sorted by what they moved. Plum: what a promise to a driver cut."
    figure = panels.sheet("Each vehicle", note=note)
    labels = [literal(str(name[i])) for i in order]
    for words, values, color in (
        ("added", fed_kwh, theme.BLUE),
        ("taken away", -taken_kwh, theme.ORANGE),
        ("cut by its promise", cut_kwh, theme.PLUM),
    ):
        figure.add_bar(
            x=np.arange(1, len(order) + 1),
            y=values[order],
            customdata=labels,
            name=words,
            marker={"color": color, "line": {"width": 0}},
            hovertemplate=f"%{{customdata}}, {words}: %{{y:,.2f}} kWh<extra></extra>",
        )
    figure.update_layout(barmode="relative", bargap=0.0, showlegend=True)
    figure.update_xaxes(title={"text": "Vehicles, by what they moved"})
    return figure.update_yaxes(title={"text": "Energy beside the plan (kWh)"})


def missing_by_cause(
    grid: TimeGrid, missing_kw: Mapping[str, Float[Array, " tick"]], *, time_zone: str
) -> go.Figure:
    """What the fleet gave less than was due, by cause, over time.

    Args:
        grid: The readings.
        missing_kw: By cause.
        time_zone: Clock of the axis.
    """
    axis = TimeAxis(grid, time_zone, MOST_POINTS)
    note = axis.note or "One point for each reading."
    figure = panels.sheet("What was due and not given", note=note)
    if not any(values.any() for values in missing_kw.values()):
        return panels.empty(figure, "Every vehicle could give what was due.")
    figure = panels.over_time(figure, axis, [Panel("Power (kW)")])
    for (cause, values), color in zip(
        missing_kw.items(), (theme.PLUM, theme.ORANGE, theme.GREY), strict=False
    ):
        figure.add_scatter(
            x=axis.edges,
            y=held(axis.mean(values)),
            name=literal(cause),
            mode="lines",
            line={"color": color, "width": 1.8, "shape": "hv"},
            hovertemplate=f"{literal(cause)}: %{{y:,.1f}} kW<extra></extra>",
        )
    return panels.fit(figure)


def _across(
    figure: go.Figure,
    along: Float[Array, " point"],
    level: float,
    words: str,
    color: str,
    dash: str,
) -> None:
    """A line at a level, explained in the legend."""
    figure.add_scatter(
        x=[float(along[0]), float(along[-1])],
        y=[level, level],
        mode="lines",
        name=words,
        line={"color": color, "dash": dash, "width": 1.8},
        hoverinfo="skip",
        showlegend=bool(words),
    )

"""What a feeder's slow devices do over a day under several ways of control, and its voltages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float, Int
from evergrid.report import panels, theme
from evergrid.report.labels import literal, wrapped
from evergrid.report.panels import Panel

MOST_DEVICES = 4  # panels that fit above one another
MOST_POINTS = 1500  # of a line; beyond, a point stands for several steps
LABEL_ROOM = 0.25  # of the longest bar, for the number beside it


def tap_timelines(
    hour: Float[Array, " step"],
    position: Int[Array, "mode device step"],
    device: Sequence[str],
    mode: Sequence[str],
) -> go.Figure:
    """Positions of the busiest tap changers over the day, a line for each way of control.

    Args:
        hour: End of each step.
        position: Tap of each device.
        device: What each is called.
        mode: What each way of control is called.
    """
    if len(device) == 0:
        return panels.empty(panels.sheet("Taps over the day"), "The feeder has no tap changer.")
    moves = np.abs(np.diff(position.astype(np.int64), axis=2)).sum(axis=(0, 2))
    shown: list[int] = np.sort(np.argsort(-moves, kind="stable")[:MOST_DEVICES]).tolist()
    title = "Taps over the day"
    figure = panels.sheet(title, note=_note(len(shown), len(device)), height=160 + 150 * len(shown))
    _over_hours(figure, hour, [Panel(f"{literal(device[k])}<br>(tap)") for k in shown])
    for row, k in enumerate(shown):
        for m, name in enumerate(mode):
            times, taps = _changes(hour, position[m, k])
            figure.add_scatter(
                x=times,
                y=taps,
                yaxis=_axis(row),
                name=name,
                legendgroup=name,
                showlegend=row == 0,
                mode="lines",
                line={"color": _color(m), "width": 1.4, "shape": "hv"},
            )
    return figure


def operations_bars(
    mode: Sequence[str], taps: Int[Array, " mode"], banks: Int[Array, " mode"]
) -> go.Figure:
    """Operations of all tap changers and of all capacitor banks under each way of control.

    Args:
        mode: What each way of control is called.
        taps: Taps moved by.
        banks: Switchings.
    """
    figure = panels.sheet("Operations of slow devices", height=150 + 46 * len(mode))
    parts = [("Taps moved", taps, theme.BLUE)]
    if banks.any():
        parts.append(("Banks switched", banks, theme.ORANGE))
    for name, counts, color in parts:
        _bars(figure, mode, counts.astype(float), name=name, color=color, form=",.0f")
    return _flat(figure, "Operations in the time simulated", float(max(taps.max(), banks.max(), 1)))


def losses_bars(mode: Sequence[str], loss_kwh: Float[Array, " mode"]) -> go.Figure:
    """Energy lost in the wires under each way of control.

    Args:
        mode: What each way of control is called.
        loss_kwh: Between the source and the loads; NaN where it is not known.
    """
    figure = panels.sheet("Losses", height=150 + 46 * len(mode))
    if not np.isfinite(loss_kwh).any():
        return panels.empty(figure, "The source of the feeder is not known.")
    _bars(figure, mode, loss_kwh, name="Losses", color=theme.GREY, form=",.0f")
    figure.update_layout(showlegend=False)
    return _flat(figure, "Energy lost (kWh)", float(np.nanmax(loss_kwh)))


def voltage_day(
    hour: Float[Array, " step"],
    low_pu: Float[Array, "mode step"],
    high_pu: Float[Array, "mode step"],
    mode: Sequence[str],
    *,
    limits_pu: tuple[float, float],
) -> go.Figure:
    """Highest and lowest voltage of the feeder over the day under each way of control.

    Where a point stands for several steps, it is the most extreme of them.

    Args:
        hour: End of each step.
        low_pu: Lowest voltage.
        high_pu: Highest voltage.
        mode: What each way of control is called.
        limits_pu: Between which voltages are fine.
    """
    note = "The highest and the lowest voltage of any load"
    figure = panels.sheet("Voltages over the day", note=note, height=460)
    _over_hours(figure, hour, [Panel("Highest (pu)"), Panel("Lowest (pu)")])
    for row, (values, of, limit) in enumerate(
        ((high_pu, np.maximum, limits_pu[1]), (low_pu, np.minimum, limits_pu[0]))
    ):
        for m, name in enumerate(mode):
            times, extreme = _thinned(hour, values[m], of)
            figure.add_scatter(
                x=times,
                y=extreme,
                yaxis=_axis(row),
                name=name,
                legendgroup=name,
                showlegend=row == 0,
                mode="lines",
                line={"color": _color(m), "width": 1.1},
                hovertemplate="%{y:.4f} pu",
            )
        figure.add_scatter(
            x=[hour[0], hour[-1]],
            y=[limit, limit],
            yaxis=_axis(row),
            name="Limit",
            legendgroup="Limit",
            showlegend=row == 0,
            mode="lines",
            line={"color": theme.RED, "width": 1.4, "dash": "dash"},
            hoverinfo="skip",
        )
    return figure


def _note(shown: int, of: int) -> str:
    return "" if shown == of else f"The {shown} busiest of {of} tap changers"


def _color(row: int) -> str:
    colors = [color for color in theme.COLORWAY if color != theme.RED]
    return colors[row % len(colors)]


def _axis(row: int) -> str:
    return f"y{row + 1}" if row else "y"


def _over_hours(figure: go.Figure, hour: Float[Array, " step"], parts: Sequence[Panel]) -> None:
    """Panels above one another over the hours from midnight."""
    room = 1 - panels.GAP * (len(parts) - 1)
    top = 1.0
    for row, part in enumerate(parts):
        bottom = max(top - room / len(parts), 0.0)
        name = f"yaxis{row + 1}" if row else "yaxis"
        figure.update_layout({name: {"title": {"text": part.title}, "domain": [bottom, top]}})
        top = bottom - panels.GAP
    axis: dict[str, Any] = {
        "title": {"text": "Hours from midnight"},
        "anchor": _axis(len(parts) - 1),
        "range": [0.0, float(hour[-1])],
        "ticks": "outside",
        "showline": True,
    }
    if hour[-1] <= 48:
        axis["dtick"] = 3 if hour[-1] <= 24 else 6
    figure.update_layout(hovermode="x unified", hoversubplots="axis", xaxis=axis)


def _changes(hour: Float[Array, " step"], position: Int[Array, " step"]) -> tuple[Array, Array]:
    """Where a path changes, with its ends, so that a quiet day is a short line."""
    kept = np.ones(len(hour), bool)
    kept[1:-1] = position[1:-1] != position[:-2]
    return hour[kept], position[kept]


def _thinned(
    hour: Float[Array, " step"], values: Float[Array, " step"], of: Any
) -> tuple[Array, Array]:
    width = -(-len(hour) // MOST_POINTS)
    starts = np.arange(0, len(hour), width)
    return hour[starts], of.reduceat(values, starts)


def _bars(
    figure: go.Figure,
    mode: Sequence[str],
    values: Float[Array, " mode"],
    *,
    name: str,
    color: str,
    form: str,
) -> None:
    figure.add_bar(
        x=values,
        y=[wrapped(name, width=18) for name in mode],
        orientation="h",
        name=name,
        marker={"color": color},
        text=[format(value, form) for value in values],
        textposition="outside",
        cliponaxis=False,
        hovertemplate=f"%{{y}}: %{{x:{form}}}",
    )


def _flat(figure: go.Figure, title: str, longest: float) -> go.Figure:
    """Bars from left to right, the first way of control on top."""
    return figure.update_layout(
        barmode="group",
        bargap=0.35,
        xaxis={"title": {"text": title}, "range": [0, (longest or 1.0) * (1 + LABEL_ROOM)]},
        yaxis={"autorange": "reversed", "title": {"text": ""}},
    )

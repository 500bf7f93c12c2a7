"""What an unreliable fleet can promise: how much, how surely, and whether promises were kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Bool, Float, Shaped
from evergrid.core.timegrid import TimeGrid
from evergrid.core.units import KW_PER_MW
from evergrid.report import panels, theme
from evergrid.report.labels import amount, decimals_for, joined, literal, wrapped
from evergrid.report.panels import Panel
from evergrid.report.sureness import opened, opened_axis, percent
from evergrid.report.time_axis import TimeAxis, held

MOST_KW = 10_000.0  # beyond, figures speak of MW
BAND = 0.2  # tint of one level of confidence; levels lie over one another
LABEL_ROOM = 0.5  # of the longest bar, for the words beside it
HALF_DAY = np.timedelta64(12, "h")

EXPECTED: dict[str, Any] = {"color": theme.ORANGE, "width": 1.6}


def offer_fan(
    grid: TimeGrid,
    expected_kw: Float[Array, " step"],
    offers_kw: Mapping[float, Float[Array, " step"]],
    *,
    time_zone: str = "UTC",
) -> go.Figure:
    """Power expected in the coming days, and what of it can be promised.

    Where a point stands for several steps, an offer shows the least of them.

    Args:
        grid: The steps.
        expected_kw: Mean of what may come.
        offers_kw: Power that can be promised, by confidence in (0, 1).
        time_zone: Zone of the time axis.
    """
    axis = TimeAxis(grid, time_zone)
    unit = _unit(expected_kw, *offers_kw.values())
    note = joined("The deeper the colour, the surer; the bold line is the surest", axis.note)
    figure = panels.sheet("What can be promised, day by day", note=note, height=440)
    panels.over_time(figure, axis, [Panel(f"Power when called ({unit.name})")])
    figure.add_scatter(
        x=axis.edges,
        y=held(unit.of(axis.mean(expected_kw))),
        name="Expected",
        mode="lines",
        line={**EXPECTED, "shape": "hv"},
        hovertemplate=f"%{{y:{unit.form}}} {unit.name}",
    )
    levels = sorted(offers_kw)
    for level in levels:
        surest = level == levels[-1]
        color = theme.BLUE if surest else theme.tint(theme.BLUE, 0.6)
        figure.add_scatter(
            x=axis.edges,
            y=held(unit.of(axis.lowest(offers_kw[level]))),
            name=f"{percent(level)} sure",
            mode="lines",
            line={"color": color, "width": 2.8 if surest else 1, "shape": "hv"},
            fill="tozeroy",
            fillcolor=theme.tint(theme.BLUE, BAND),
            hovertemplate=f"%{{y:{unit.form}}} {unit.name}",
        )
    return panels.fit(figure)


def offer_curve(
    hours: Sequence[str], confidence: Float[Array, " level"], offers_kw: Float[Array, "level hour"]
) -> go.Figure:
    """Power that can be promised against how sure one must be, for a few hours.

    Args:
        hours: Label of each hour, such as "02:00"; colours tell at most six apart.
        confidence: Levels, ascending.
        offers_kw: Power at each.
    """
    unit = _unit(offers_kw)
    note = "The surer a promise must be, the smaller it is. Sureness is spread out near 100 %."
    figure = panels.sheet("The price of being sure", note=note, height=440)
    for hour, own_kw in zip(hours, offers_kw.T, strict=True):
        figure.add_scatter(
            x=opened(confidence),
            y=unit.of(own_kw),
            name=literal(hour),
            mode="lines+markers",
            line={"width": 2.2},
            marker={"size": 5},
            customdata=[f"{literal(hour)}, {percent(level)} sure" for level in confidence],
            hovertemplate=f"%{{customdata}}: %{{y:{unit.form}}} {unit.name}<extra></extra>",
        )
    figure.update_layout(
        hovermode="closest",
        showlegend=True,
        xaxis=opened_axis("Confidence", confidence),
        yaxis={"title": {"text": f"Firm power ({unit.name})"}},
    )
    return panels.fit(figure)


def promises_kept(
    days: Shaped[Array, " day"],
    came_kw: Float[Array, " day"],
    expected_kw: Float[Array, " day"],
    promised_kw: Float[Array, " day"],
    *,
    confidence: float,
    hour: str,
) -> go.Figure:
    """What came at one hour of days that the forecast had not seen, beside what was promised.

    A promise is broken where less came than was promised.

    Args:
        days: ``datetime64[D]``, ascending; lines have gaps where days are left out.
        came_kw: Power that was there.
        expected_kw: Its mean as forecast; NaN where there was no forecast.
        promised_kw: Power promised; NaN where nothing was.
        confidence: Share of promises that should be kept.
        hour: Label of the hour, such as "18:00".
    """
    unit = _unit(came_kw, expected_kw, promised_kw)
    broken = came_kw < promised_kw
    figure = panels.sheet(
        f"Promised and kept at {literal(hour)}",
        note=_kept_note(broken, ~np.isnan(promised_kw), confidence),
        height=460,
    )
    promised: dict[str, Any] = {"color": theme.BLUE, "width": 2.8}
    for name, values, line in (
        ("Expected", expected_kw, EXPECTED),
        ("Promised", promised_kw, promised),
    ):
        x, y = _over_days(days, unit.of(values))
        figure.add_scatter(x=x, y=y, name=name, mode="lines", line=line, hoverinfo="skip")
    words = _day_words(came_kw, expected_kw, promised_kw, unit)
    missing: dict[str, Any] = {
        "type": "data",
        "symmetric": False,
        "array": np.where(broken, unit.of(promised_kw - came_kw), 0.0),
        "arrayminus": np.zeros(len(days)),
        "color": theme.RED,
        "thickness": 1.4,
        "width": 0,
    }
    for name, shown, style in (
        ("Came", ~broken, {"marker": {"color": theme.GREY, "size": 5}}),
        ("Broken", broken, {"marker": _cross(), "error_y": missing}),
    ):
        figure.add_scatter(
            x=days,
            y=np.where(shown, unit.of(came_kw), np.nan),
            name=name,
            mode="markers",
            customdata=words,
            hovertemplate="%{x|%a %-d %b %Y}<br>%{customdata}<extra></extra>",
            **style,
        )
    figure.update_layout(
        hovermode="closest",
        xaxis=_day_axis(days),
        yaxis={"title": {"text": f"Power ({unit.name})"}},
    )
    return panels.fit(figure)


def diversity_curve(
    vehicles: Float[Array, " size"],
    independent_kw: Float[Array, " size"],
    common_kw: Float[Array, " size"],
    *,
    floor_kw: float,
    mean_kw: float,
    confidence: float,
) -> go.Figure:
    """Firm power per vehicle as the fleet grows, with and without what vehicles have in common.

    Args:
        vehicles: Sizes of the fleet, ascending.
        independent_kw: Firm power per vehicle, if each vehicle came and went by itself.
        common_kw: The same with a factor that all vehicles share, such as weather or holidays.
        floor_kw: What remains per vehicle in an endless fleet with that factor.
        mean_kw: Expected power per vehicle.
        confidence: Of the promise.
    """
    note = f"At {percent(confidence)} confidence. What vehicles share does not average out."
    figure = panels.sheet("How firm capacity grows with the fleet", note=note, height=460)
    span = np.log10([vehicles.min(), vehicles.max()]) + np.array([-0.08, 0.08])
    across = 10**span
    ours: dict[str, Any] = {"color": theme.BLUE, "width": 3}
    alone: dict[str, Any] = {"color": theme.GREY, "width": 1.8, "dash": "dash"}
    floor: dict[str, Any] = {"color": theme.BLUE, "width": 1.8, "dash": "dot"}
    for name, x, y, line in (
        ("Mean", across, np.full(2, mean_kw), EXPECTED),
        ("If vehicles were independent", vehicles, independent_kw, alone),
        ("With what they share", vehicles, common_kw, ours),
        ("Floor that sharing sets", across, np.full(2, floor_kw), floor),
    ):
        curve = x is vehicles
        figure.add_scatter(
            x=x,
            y=y,
            name=name,
            mode="lines+markers" if curve else "lines",
            line=line,
            marker={"size": 5},
            hovertemplate=f"{name}, %{{x:,.0f}} vehicles: %{{y:,.2f}} kW each<extra></extra>"
            if curve
            else f"{name}: %{{y:,.2f}} kW each<extra></extra>",
        )
    for name, value, above in (
        ("mean", mean_kw, mean_kw >= floor_kw),
        ("floor", floor_kw, mean_kw < floor_kw),
    ):
        figure.add_annotation(  # right of the panel, where no line runs
            text=f"{name}<br>{amount(value, decimals=2)} kW",
            x=1,
            xref="paper",
            xanchor="left",
            y=value,
            yanchor="bottom" if above else "top",
            showarrow=False,
            align="left",
            font={"size": 12},
        )
    figure.update_layout(
        hovermode="closest",
        margin_r=68,
        xaxis={
            "type": "log",
            "title": {"text": "Vehicles in the fleet"},
            "range": span.tolist(),
            "tickmode": "array",
            "tickvals": _size_ticks(vehicles),
            "tickformat": "~s",
            "tickangle": 0,
            "ticks": "outside",
            "showline": True,
        },
        yaxis={"title": {"text": "Firm power (kW per vehicle)"}},
    )
    return panels.fit(figure)


def sharpness_bars(
    names: Sequence[str],
    kept: Float[Array, " method"],
    mean_kw: Float[Array, " method"],
    equal_kw: Float[Array, " method"],
    *,
    target: float,
) -> go.Figure:
    """How much each method promised on average, and how much had all been equally reliable.

    Args:
        names: Of the methods; ours is the first.
        kept: Share of its promises that each kept.
        mean_kw: Mean promise.
        equal_kw: Mean promise when scaled, in hindsight, to keep the target share of them; NaN
            where no scale does.
        target: Share of promises to keep.
    """
    note = f"Pale: scaled in hindsight so that {percent(target)} are kept. There, longer is better"
    figure = panels.sheet(
        "How much each method promised", note=joined(note), height=190 + 62 * max(len(names), 1)
    )
    if not names:
        return panels.empty(figure, "There is nothing to compare.")
    unit = _unit(mean_kw, equal_kw)
    colors = [theme.BLUE, *[theme.GREY] * (len(names) - 1)]
    fair = [f"{percent(target)} kept" if np.isfinite(kw) else "" for kw in equal_kw]
    for i, (label, values, fills, words) in enumerate(
        (
            ("As promised", mean_kw, colors, [f"<b>{percent(share)} kept</b>" for share in kept]),
            ("Scaled to equal reliability", equal_kw, [theme.tint(c, 0.25) for c in colors], fair),
        )
    ):
        figure.add_bar(
            orientation="h",
            y=list(range(len(names))),
            x=unit.of(values),
            name=label,
            width=0.36,
            offset=(-0.38, 0.02)[i],
            marker={"color": fills, "line": {"color": colors, "width": 1.4}},
            text=words,
            textposition="outside",
            textfont={"size": 12},
            cliponaxis=False,
            constraintext="none",
            customdata=[literal(name) for name in names],
            hovertemplate=f"%{{customdata}}, {label.lower()}: "
            f"%{{x:{unit.form}}} {unit.name}, %{{text}}<extra></extra>",
        )
    longest = unit.of(_greatest(mean_kw, equal_kw)) or 1.0
    return figure.update_layout(
        barmode="overlay",
        showlegend=True,
        xaxis={
            "title": {"text": f"Mean promise ({unit.name})"},
            "range": [0, (1 + LABEL_ROOM) * longest],
            "showgrid": True,
        },
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(names))),
            "ticktext": [wrapped(name) for name in names],
            "range": [len(names) - 0.5, -0.5],
            "showgrid": False,
            "zeroline": False,
            "ticklabelstandoff": 8,
        },
    )


@dataclass(frozen=True)
class _Unit:
    """What powers of one figure are shown in."""

    name: str
    kw: float

    @property
    def form(self) -> str:
        """Format of a power in hover texts."""
        return ",.1f" if self.kw == 1 else ",.2f"

    def of(self, power_kw: Any) -> Any:
        return power_kw / self.kw

    def words(self, power_kw: float) -> str:
        shown = power_kw / self.kw
        return f"{amount(shown, decimals=decimals_for(abs(shown)))} {self.name}"


def _greatest(*powers_kw: Float[Array, "..."]) -> float:
    """Greatest power, left out those that are unknown; zero without any."""
    return max((float(np.nan_to_num(kw).max(initial=0.0)) for kw in powers_kw), default=0.0)


def _unit(*powers_kw: Float[Array, "..."]) -> _Unit:
    return _Unit("MW", KW_PER_MW) if _greatest(*powers_kw) > MOST_KW else _Unit("kW", 1.0)


def _size_ticks(vehicles: Float[Array, " size"]) -> list[float]:
    """Powers of ten among the sizes, and the ends where they are too few."""
    ends = np.array([vehicles.min(), vehicles.max()])
    first, last = np.ceil(np.log10(ends[0])), np.floor(np.log10(ends[1]))
    powers = (10.0 ** np.arange(first, last + 1)).tolist()
    return powers if len(powers) > 1 else np.unique(ends).tolist()


def _cross() -> dict[str, Any]:
    return {"color": theme.RED, "size": 10, "symbol": "x"}


def _kept_note(broken: Bool[Array, " day"], made: Bool[Array, " day"], confidence: float) -> str:
    count, lost = int(made.sum()), int(broken.sum())
    if count == 0:
        return "Nothing was promised."
    share = percent((count - lost) / count)
    return f"{count - lost:,} of {count:,} promises kept: {share}, asked {percent(confidence)}."


def _day_words(
    came_kw: Float[Array, " day"],
    expected_kw: Float[Array, " day"],
    promised_kw: Float[Array, " day"],
    unit: _Unit,
) -> list[str]:
    """What hovering over each day tells."""
    words = []
    for came, expected, promised in zip(came_kw, expected_kw, promised_kw, strict=True):
        lines = [f"Came {unit.words(came)}"]
        lines += [] if np.isnan(expected) else [f"Expected {unit.words(expected)}"]
        if np.isnan(promised):
            lines.append("Nothing promised")
        else:
            state = "broken" if came < promised else "kept"
            lines.append(f"Promised {unit.words(promised)}: {state}")
        words.append("<br>".join(lines))
    return words


def _over_days(
    days: Shaped[Array, " day"], values: Float[Array, " day"]
) -> tuple[Shaped[Array, " edge"], Float[Array, " edge"]]:
    """A line that holds each value over its day, around the day's mark; gaps stay open."""
    middle = days.astype("datetime64[h]")
    x = np.stack([middle - HALF_DAY, middle + HALF_DAY, middle + HALF_DAY], axis=1)
    y = np.stack([values, values, np.full(len(days), np.nan)], axis=1)
    gap = np.append(np.diff(days) > np.timedelta64(1, "D"), [False] * min(len(days), 1))
    drawn = np.stack([np.ones_like(gap), np.ones_like(gap), gap], axis=1)
    return x[drawn], y[drawn]


def _day_axis(days: Shaped[Array, " day"]) -> dict[str, Any]:
    middle = days.astype("datetime64[h]")
    ends = [middle.min() - 2 * HALF_DAY, middle.max() + 2 * HALF_DAY] if len(days) else []
    return {
        "type": "date",
        "title": {"text": "Day"},
        "range": [str(end) for end in ends] or None,
        "ticks": "outside",
        "tickangle": 0,
        "tickformatstops": panels.TICK_FORMATS,
        "showline": True,
    }

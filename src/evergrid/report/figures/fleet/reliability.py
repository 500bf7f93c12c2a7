"""Whether promises were kept as often as was asked, at every confidence and in every quarter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.report import panels, theme
from evergrid.report.labels import joined, literal
from evergrid.report.sureness import SUREST, opened, opened_axis, percent

OTHERS = (theme.ORANGE, theme.GREEN, theme.PLUM, theme.GREY, theme.RED)


def reliability_diagram(
    asked: Float[Array, " level"],
    kept: Mapping[str, Float[Array, " level"]],
    low: Float[Array, " level"],
    high: Float[Array, " level"],
) -> go.Figure:
    """Share of promises kept against the share that was asked for, by method.

    Args:
        asked: Confidences, ascending.
        kept: Share kept at each, by method; ours is the first.
        low: Lower end of an interval around the share that the first method kept.
        high: Its upper end.
    """
    clipped = any(bool((shares > SUREST).any()) for shares in kept.values())
    note = joined(
        "Above the diagonal a method keeps more than it promised, below it less",
        f"All kept is drawn at {percent(SUREST)}" if clipped else "",
    )
    figure = panels.sheet("Promises kept against promises made", note=note, height=520)
    if not kept:
        return panels.empty(figure, "There is nothing to compare.")
    ends = opened(np.array([asked.min(), asked.max()])) + np.array([-0.15, 0.15])
    figure.add_scatter(
        x=ends,
        y=ends,
        name="Exactly as asked",
        mode="lines",
        line={"color": theme.GREY, "width": 1.4, "dash": "dash"},
        hoverinfo="skip",
    )
    names = list(kept)
    for name in names[1:] + names[:1]:  # ours is drawn over the others, yet named first
        ours = name == names[0]
        color = theme.BLUE if ours else OTHERS[(names.index(name) - 1) % len(OTHERS)]
        words = _kept_words(name, asked, kept[name])
        style = _interval(kept[name], low, high, words) if ours else {"customdata": words}
        figure.add_scatter(
            x=opened(asked),
            y=opened(kept[name]),
            name=literal(name),
            legendrank=1 + names.index(name),
            mode="lines+markers",
            line={"color": color, "width": 2.8 if ours else 1.3},
            marker={"size": 9 if ours else 5},
            hovertemplate="%{customdata}<extra></extra>",
            **style,
        )
    shares = np.concatenate([asked, *kept.values(), low, high])
    return figure.update_layout(
        hovermode="closest",
        xaxis=opened_axis("Asked to keep", asked),
        yaxis=opened_axis("Kept", shares[~np.isnan(shares)]),
    )


def _kept_words(
    name: str, asked: Float[Array, " level"], kept: Float[Array, " level"]
) -> list[str]:
    pairs = zip(asked, kept, strict=True)
    return [f"{literal(name)}: asked {percent(a)}, kept {percent(k)}" for a, k in pairs]


def _interval(
    kept: Float[Array, " level"],
    low: Float[Array, " level"],
    high: Float[Array, " level"],
    words: Sequence[str],
) -> dict[str, Any]:
    """Error bars from low to high, and the words that name them."""
    ends = [f" (interval {percent(a)} to {percent(b)})" for a, b in zip(low, high, strict=True)]
    return {
        "customdata": [text + end for text, end in zip(words, ends, strict=True)],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": np.maximum(opened(high) - opened(kept), 0.0),
            "arrayminus": np.maximum(opened(kept) - opened(low), 0.0),
            "thickness": 1.8,
            "width": 5,
        },
    }


@dataclass(frozen=True)
class Quarters:
    """How promises fared in each quarter, in order of time.

    Attributes:
        name: Such as 2019-Q4.
        every: Share of all promises kept, those of nothing among them.
        kept: Share of the promises above zero kept; NaN where there was none.
        low: Lower end of its interval.
        high: Upper end.
        made: How many promises were above zero.
        loss: Pinball loss over that of promising nothing; NaN where nothing ever came.
        best_loss: The same of the best simple rule.
        best_rule: Which that was.
    """

    name: Sequence[str]
    every: Float[Array, " quarter"]
    kept: Float[Array, " quarter"]
    low: Float[Array, " quarter"]
    high: Float[Array, " quarter"]
    made: Sequence[int]
    loss: Float[Array, " quarter"]
    best_loss: Float[Array, " quarter"]
    best_rule: Sequence[str]


def promises_by_quarter(quarters: Quarters, *, confidence: float) -> go.Figure:
    """Share of promises kept in each quarter, and their loss beside that of promising nothing.

    Args:
        quarters: What to show.
        confidence: Share of promises that should be kept.
    """
    note = "Losses are of what promising nothing loses: below 1 a promise is worth making"
    figure = panels.sheet("Quarter by quarter", note=joined(note), height=560)
    if not quarters.name:
        return panels.empty(figure, "No quarter was judged.")
    _kept_by_quarter(figure, quarters)
    _loss_by_quarter(figure, quarters)
    made = ~np.isnan(quarters.kept)
    ends = (quarters.every, *(end[made] for end in (quarters.kept, quarters.low, quarters.high)))
    shares = np.concatenate([*ends, [confidence]])
    share_axis = opened_axis("Kept", shares)
    for level, axis, words in (
        (float(opened(np.array(confidence))), "y", f"asked {percent(confidence)}"),
        (1.0, "y2", "promising nothing"),
    ):
        figure.add_hline(
            y=level,
            yref=axis,
            line={"color": theme.GREY, "width": 1.4, "dash": "dash"},
            annotation={"text": words, "font": {"size": 12}, "yref": axis},
            annotation_position="top left",
        )
    losses = np.concatenate([quarters.loss, quarters.best_loss, [1.0]])
    most = (1 + panels.AIR) * float(np.nanmax(losses))
    figure.update_layout(
        barmode="group",
        bargap=0.35,
        hovermode="closest",
        xaxis={"type": "category", "anchor": "y2", "ticks": "outside", "tickangle": 0},
        yaxis={**share_axis, "domain": [0.52, 1.0]},
        yaxis2={"title": {"text": "Loss"}, "domain": [0.0, 0.42], "range": [0.0, most]},
    )
    return figure


def _kept_by_quarter(figure: go.Figure, quarters: Quarters) -> None:
    rows = zip(quarters.name, quarters.kept, quarters.made, strict=True)
    words = [
        f"{name}: {percent(kept)} of {made:,} promises above zero kept" for name, kept, made in rows
    ]
    figure.add_scatter(
        x=list(quarters.name),
        y=opened(quarters.every),
        name="All promises",
        mode="markers",
        marker={"color": theme.GREY, "size": 9, "symbol": "circle-open"},
        customdata=[percent(share) for share in quarters.every],
        hovertemplate="%{x}: %{customdata} of all promises kept<extra></extra>",
    )
    figure.add_scatter(
        x=list(quarters.name),
        y=opened(quarters.kept),
        name="Promises above zero",
        mode="markers",
        marker={"color": theme.BLUE, "size": 10},
        hovertemplate="%{customdata}<extra></extra>",
        **_interval(quarters.kept, quarters.low, quarters.high, words),
    )


def _loss_by_quarter(figure: go.Figure, quarters: Quarters) -> None:
    for name, loss, color, words in (
        ("Loss of ours", quarters.loss, theme.BLUE, ["ours"] * len(quarters.name)),
        ("Loss of the best simple rule", quarters.best_loss, theme.GREY, quarters.best_rule),
    ):
        figure.add_bar(
            x=list(quarters.name),
            y=loss,
            name=name,
            yaxis="y2",
            marker={"color": color},
            customdata=[literal(word) for word in words],
            hovertemplate="%{x}, %{customdata}: %{y:.2f}<extra></extra>",
        )

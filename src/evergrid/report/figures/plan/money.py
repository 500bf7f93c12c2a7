"""Where the money goes: the steps from one cost to another, and costs side by side."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.report import bars, panels, theme
from evergrid.report.labels import amount, decimals_for, literal

BOUND = "perfect foresight"  # no planner can do better
BASELINE = "uncontrolled"
HOLLOW = theme.tint(theme.BLUE, 0.15)
LABEL_ROOM = 0.32  # of the width of the bars, for the amounts beside them


def value_waterfall(steps: Sequence[tuple[str, float]], *, currency: str) -> go.Figure:
    """The way from one cost to another, step by step.

    Args:
        steps: Label and amount of each step, from top to bottom. The first and the last are
            totals, those between are changes: a saving is negative.
        currency: ISO 4217 code.

    Raises:
        InputError: The changes do not lead from the first total to the last.
    """
    figure = panels.sheet(
        "From one cost to another",
        note="Totals are grey; blue lowers the cost, orange raises it.",
        height=170 + 46 * max(len(steps), 1),
    )
    if not steps:
        return panels.empty(figure, "There are no amounts to show.")
    labels = [label for label, _ in steps]
    amounts = np.array([float(value) for _, value in steps])
    levels = _levels(amounts)
    last = len(steps) - 1
    totals = [i in (0, last) for i in range(len(steps))]
    figure.update_layout(title_text=f"{literal(labels[0])} \u2192 {literal(labels[last])}")
    bars.add_waterfall(
        figure,
        labels,
        amounts,
        _amounts(amounts, totals),
        totals=totals,
        unit=currency,
        more_is_better=False,
    )
    return _bar_axes(figure, labels, levels, currency)


def _levels(amounts: np.ndarray) -> np.ndarray:
    """Cost after each step; refuses steps that do not add up."""
    levels = np.cumsum(amounts)
    if len(amounts) == 1:
        return levels
    reached, claimed = float(levels[-2]), float(amounts[-1])
    if not abs(reached - claimed) <= 1e-6 * max(1.0, float(np.abs(amounts).max())):
        rule = f"lead to the last total, {claimed:,.6g}"
        fix = "Give every change between the two totals, savings as negative amounts."
        raise InputError("value_waterfall", [Fault("steps", rule, got=(reached,), fix=fix)])
    return levels[:-1]


def _amounts(amounts: np.ndarray, totals: list[bool]) -> list[str]:
    decimals = decimals_for(float(np.abs(amounts).max()))
    return [
        f"<b>{amount(value, decimals=decimals)}</b>"
        if total
        else amount(value, signed=True, decimals=decimals)
        for value, total in zip(amounts.tolist(), totals, strict=True)
    ]


def profit_comparison(costs: Mapping[str, float], *, currency: str) -> go.Figure:
    """Net cost of ways to plan, side by side; the bound that no planner can beat is hollow.

    Args:
        costs: Net cost by way of planning, from top to bottom; negative where it earns. Where
            "uncontrolled" and "perfect foresight" are among them, hovering tells which share of
            the saving between the two each one reaches.
        currency: ISO 4217 code.
    """
    figure = panels.sheet(
        "Net cost of each way to plan",
        note="Further left is better; below zero the fleet earns.",
        height=170 + 46 * max(len(costs), 1),
    )
    if not costs:
        return panels.empty(figure, "There is nothing to compare.")
    names = list(costs)
    values = np.array([float(costs[name]) for name in names])
    decimals = decimals_for(float(np.abs(values).max()))
    edges = [{BASELINE: theme.GREY}.get(name, theme.BLUE) for name in names]
    fills = [{BASELINE: theme.GREY, BOUND: HOLLOW}.get(name, theme.BLUE) for name in names]
    figure.add_bar(
        orientation="h",
        y=list(range(len(names))),
        x=values,
        width=0.62,
        marker={"color": fills, "line": {"color": edges, "width": 1.6}},
        text=[amount(value, decimals=decimals) for value in values.tolist()],
        textposition="outside",
        textfont={"size": 12},
        cliponaxis=False,
        customdata=[f"{literal(name)}: {reached}" for name, reached in _reached(costs).items()],
        hovertemplate="%{customdata}<extra></extra>",
        showlegend=False,
    )
    return _bar_axes(figure, names, values, currency)


def _reached(costs: Mapping[str, float]) -> dict[str, str]:
    """Cost in words, with the share of the possible saving where that is known."""
    room = costs.get(BASELINE, 0.0) - costs.get(BOUND, 0.0)
    known = BASELINE in costs and BOUND in costs and room > 0
    decimals = decimals_for(max(abs(cost) for cost in costs.values()))
    words = {}
    for name, cost in costs.items():
        share = f", {(costs[BASELINE] - cost) / room:.0%} of the possible saving" if known else ""
        words[name] = amount(cost, decimals=decimals) + share
    return words


def _bar_axes(
    figure: go.Figure, labels: Sequence[str], ends: np.ndarray, currency: str
) -> go.Figure:
    """Axes of horizontal bars from top to bottom, with room for the amounts beside them."""
    low, high = min(float(ends.min()), 0.0), max(float(ends.max()), 0.0)
    room = LABEL_ROOM * ((high - low) or 1.0)
    left = low - room if low < 0 else low
    title = f"Net cost ({literal(currency)})"
    return bars.add_axes(figure, labels, left, high + room, title)

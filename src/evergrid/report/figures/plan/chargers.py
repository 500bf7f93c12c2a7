"""What chargers do: when each is on and at what current, and what the phases of a site carry."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import joined, literal, shortened
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held

MOST_ROWS = 100  # chargers that a heat map can still show as lines of their own
MOST_CELLS_ACROSS = 720
MOST_LABELS = 25
COLORBAR = {"thickness": 12, "len": 1.0, "xpad": 4, "ypad": 0, "ticksuffix": " A"}
PHASE_COLORS = (theme.BLUE, theme.ORANGE, theme.GREEN)
DASHES = ("solid", "dash", "dot")  # so that lines that lie on one another are told apart


@dataclass(frozen=True)
class PhaseRun:
    """The phases of one site over time.

    Attributes:
        site_id: Name of the site.
        current_a: Current of L1, L2 and L3, positive towards the grid.
        limit_a: Greatest current of a phase; infinite for no limit.
    """

    site_id: str
    current_a: Float[Array, "phase step"]
    limit_a: float


def charger_currents(
    grid: TimeGrid,
    charger_ids: Sequence[str],
    current_a: Float[Array, "charger step"],
    *,
    time_zone: str = "UTC",
) -> go.Figure:
    """Current of each charger over time, those that begin first on top; white is off.

    Args:
        grid: The steps.
        charger_ids: Names of the chargers, each once.
        current_a: Current of each phase in use, above 0 when it feeds; NaN where nobody is there.
        time_zone: Zone of the time axis.
    """
    axis = TimeAxis(grid, time_zone, most=MOST_CELLS_ACROSS)
    on = np.nan_to_num(np.abs(current_a)) > 0
    begins = np.where(on.any(axis=1), on.argmax(axis=1), grid.steps)
    shown = np.argsort(begins, kind="stable")[:MOST_ROWS][::-1]
    thinned = f"{axis.note}: the extreme" if axis.note else ""
    more = ""
    if len(charger_ids) > len(shown):
        more = f"The first {len(shown)} of {len(charger_ids):,} to begin"
    note = joined("Orange draws, blue feeds, pale is plugged in but off", more, thinned)
    height = int(np.clip(220 + 15 * len(shown), 320, 900))
    figure = panels.sheet("Current of each charger", note=note, height=height)
    panels.over_time(figure, axis, [Panel("Charger")])
    full = max(6.0, float(np.nan_to_num(np.abs(current_a)).max(initial=0.0)))
    names = [literal(charger_ids[int(row)]) for row in shown]
    every = -(-len(names) // MOST_LABELS)
    kept = slice(len(names) - 1, None, -every)
    figure.add_heatmap(
        x=axis.edges,
        y=names,
        z=axis.extreme(current_a[shown]).astype(np.float32),
        coloraxis="coloraxis",
        ygap=1,
        hovertemplate="%{y}<br>%{x}<br>%{z:+.0f} A on each phase<extra></extra>",
        hoverongaps=False,
    )
    return figure.update_layout(
        hovermode="closest",
        coloraxis={"cmin": -full, "cmax": full, "colorbar": COLORBAR},
        yaxis={
            "type": "category",
            "tickmode": "array",
            "tickvals": names[kept],
            "ticktext": [literal(shortened(charger_ids[int(row)], 18)) for row in shown[kept]],
            "showgrid": False,
            "tickfont": {"size": 11},
        },
    )


def phase_currents(grid: TimeGrid, site: PhaseRun, *, time_zone: str = "UTC") -> go.Figure:
    """Currents of the three phases of a site between their limits, over their difference."""
    axis = TimeAxis(grid, time_zone)
    thinned = f"{axis.note}: the extreme" if axis.note else ""
    title = f"Phases of {literal(shortened(site.site_id, 40))}"
    note = joined("Below zero the site draws; the difference is that of any two phases", thinned)
    figure = panels.sheet(title, note=note, height=480)
    panels.over_time(figure, axis, [Panel("Current (A)", 2.0), Panel("Difference (A)")])
    for row, color, dash in zip(range(3), PHASE_COLORS, DASHES, strict=True):
        figure.add_scatter(
            x=axis.edges,
            y=held(axis.extreme(site.current_a[row])),
            name=f"L{row + 1}",
            mode="lines",
            line={"color": color, "width": 2.2, "dash": dash, "shape": "hv"},
            hovertemplate="%{y:,.1f} A",
        )
    if np.isfinite(site.limit_a):
        low, high = float(site.current_a.min(initial=0.0)), float(site.current_a.max(initial=0.0))
        for sign in (-1, 1):
            if sign < 0 or high > -0.2 * low:  # one that is far from all lines says nothing
                _limit(figure, axis, sign * site.limit_a, legend=sign < 0)
    apart = site.current_a.max(axis=0) - site.current_a.min(axis=0)
    figure.add_scatter(
        x=axis.edges,
        y=held(axis.extreme(apart)),
        yaxis="y2",
        name="Largest difference",
        mode="lines",
        line={"color": theme.PLUM, "width": 2, "shape": "hv"},
        fill="tozeroy",
        fillcolor=theme.tint(theme.PLUM, 0.2),
        hovertemplate="%{y:,.1f} A",
    )
    return panels.fit(figure)


def _limit(figure: go.Figure, axis: TimeAxis, level_a: float, *, legend: bool) -> None:
    figure.add_scatter(
        x=axis.edges,
        y=np.full(len(axis.edges), level_a),
        name="Limit of a phase",
        showlegend=legend,
        mode="lines",
        line={"color": theme.RED, "width": 1.8, "dash": "dash"},
        hovertemplate="%{y:,.1f} A",
    )

"""Loading of sites: one site against its limits, and many sites at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from evergrid.core.arrays import Array, Float, Int, Shaped
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.timegrid import TimeGrid
from evergrid.report import panels, theme
from evergrid.report.labels import joined, literal, price_title, shortened
from evergrid.report.panels import Panel
from evergrid.report.time_axis import TimeAxis, held

MOST_SITES = 200  # rows a heat map can still show as lines of their own
MOST_CELLS_ACROSS = 720  # steps of a heat map; with 200 sites about 0.8 MB
MOST_SITE_LABELS = 40
COLORBAR = {"thickness": 12, "len": 1.0, "xpad": 4, "ypad": 0, "dtick": 50, "ticksuffix": " %"}


@dataclass(frozen=True)
class SiteRun:
    """One site over time.

    Attributes:
        site_id: Name of the site.
        power_kw: Power through the site, positive towards the grid.
        import_limit_kw: Greatest power drawn, without sign; infinite for no limit.
        export_limit_kw: Greatest power fed, without sign; infinite for no limit.
        shadow_price_per_mwh: What one more MWh through the limit would be worth.
    """

    site_id: str
    power_kw: Float[Array, " step"]
    import_limit_kw: Float[Array, " step"] | float
    export_limit_kw: Float[Array, " step"] | float
    shadow_price_per_mwh: Float[Array, " step"]


def site_loading(
    grid: TimeGrid, site: SiteRun, *, currency: str, time_zone: str = "UTC"
) -> go.Figure:
    """Power through one site between its limits, over the shadow price of the limits."""
    axis = TimeAxis(grid, time_zone)
    limits = _limits(axis, site)
    unlimited = {
        0: "No limit is set at this site",
        1: f"No {'import' if 'Export limit' in limits else 'export'} limit is set",
    }
    thinned = f"{axis.note}: the extreme, the tightest limit" if axis.note else ""
    note = joined("Below zero the site draws power", unlimited.get(len(limits), ""), thinned)
    title = f"Loading of {literal(shortened(site.site_id, 40))}"
    figure = panels.sheet(title, note=note, height=480)
    rows = [
        Panel("Power into the grid (kW)", 2.0),
        Panel(price_title(currency, "Shadow price")),
    ]
    panels.over_time(figure, axis, rows)
    figure.add_scatter(
        x=axis.edges,
        y=held(axis.extreme(site.power_kw)),
        name="Power",
        mode="lines",
        line={"color": theme.BLUE, "width": 2.4, "shape": "hv"},
        fill="tozeroy",
        fillcolor=theme.tint(theme.BLUE, 0.2),
        hovertemplate="%{y:,.1f} kW",
    )
    for name, values in limits.items():
        dash = "dash" if name == "Import limit" else "dot"
        figure.add_scatter(
            x=axis.edges,
            y=held(values),
            name=name,
            mode="lines",
            line={"color": theme.RED, "width": 1.8, "dash": dash, "shape": "hv"},
            hovertemplate="%{y:,.1f} kW",
        )
    figure.add_scatter(
        x=axis.edges,
        y=held(axis.extreme(site.shadow_price_per_mwh)),
        yaxis="y2",
        name="Shadow price",
        mode="lines",
        line={"color": theme.PLUM, "width": 2, "shape": "hv"},
        fill="tozeroy",
        fillcolor=theme.tint(theme.PLUM, 0.2),
        hovertemplate=f"%{{y:,.2f}} {literal(currency)}/MWh",
    )
    return panels.fit(figure)


def _limits(axis: TimeAxis, site: SiteRun) -> dict[str, Float[Array, " point"]]:
    """The finite limits by name, with sign; steps without a limit are gaps."""
    steps = (axis.grid.steps,)
    given = {
        "Import limit": (-1, site.import_limit_kw),
        "Export limit": (1, site.export_limit_kw),
    }
    limits = {}
    for name, (sign, limit_kw) in given.items():
        tightest = axis.lowest(np.broadcast_to(np.asarray(limit_kw, float), steps))
        if np.isfinite(tightest).any():
            limits[name] = np.where(np.isfinite(tightest), sign * tightest, np.nan)
    return limits


def site_heatmap(
    grid: TimeGrid,
    site_ids: Sequence[str] | Shaped[Array, " site"],
    loading: Float[Array, "site step"],
    *,
    time_zone: str = "UTC",
) -> go.Figure:
    """Loading of many sites over time, the most loaded on top.

    Args:
        grid: The steps.
        site_ids: Names of the sites, each once.
        loading: Power over its limit: 1 at the export limit, -1 at the import limit; NaN, shown
            blank, where a site has no limit.
        time_zone: Zone of the time axis.

    Raises:
        InputError: Not one name per row.
    """
    if len(site_ids) != len(loading):
        fault = Fault("site_ids", "name each row of loading", got=(len(site_ids),))
        raise InputError("figure", [fault])
    axis = TimeAxis(grid, time_zone, most=MOST_CELLS_ACROSS)
    if len(site_ids) == 0:
        return panels.empty(panels.sheet("Site loading"), "There are no sites.")
    shown = _most_loaded(loading)[::-1]  # rows are drawn from below
    percent = 100 * axis.extreme(loading[shown])
    thinned = f"{axis.note}: the extreme" if axis.note else ""
    signs = "Blue feeds, 100 % at the export limit; orange draws, \u2212100 % at the import limit"
    note = joined(signs, thinned)
    height = int(np.clip(200 + 17 * len(shown), 300, 900))
    figure = panels.sheet(_heatmap_title(len(site_ids)), note=note, height=height)
    panels.over_time(figure, axis, [Panel("Site")])
    full = max(100.0, float(np.nan_to_num(np.abs(percent)).max()))
    names = [literal(str(site_ids[int(row)])) for row in shown]
    figure.add_heatmap(
        x=axis.edges,
        y=names,
        z=percent.astype(np.float32),
        coloraxis="coloraxis",
        hovertemplate="%{y}<br>%{x}<br>%{z:+.0f} % of the limit<extra></extra>",
        hoverongaps=False,
    )
    figure.update_layout(
        hovermode="closest",
        coloraxis={"cmin": -full, "cmax": full, "colorbar": COLORBAR},
        yaxis=_site_labels([str(site_ids[int(row)]) for row in shown], names),
    )
    return figure


def _most_loaded(loading: Float[Array, "site step"]) -> Int[Array, " row"]:
    """Rows by their peak to the percent; among equals, of which many reach 100 %, by their mean."""
    size = np.nan_to_num(np.abs(loading))
    order = np.lexsort((-size.mean(axis=1), -np.round(size.max(axis=1), 2)))
    return order[:MOST_SITES]


def _heatmap_title(sites: int) -> str:
    if sites <= MOST_SITES:
        return "Site loading, share of the limit"
    return f"Site loading, share of the limit: the {MOST_SITES} most loaded of {sites:,} sites"


def _site_labels(site_ids: list[str], names: list[str]) -> dict[str, object]:
    """A labelled row for each site, or for every n-th where they would overlap."""
    every = -(-len(names) // MOST_SITE_LABELS)
    kept = slice(len(names) - 1, None, -every)
    labels = [literal(shortened(site_id)) for site_id in site_ids[kept]]
    return {
        "type": "category",
        "tickmode": "array",
        "tickvals": names[kept],
        "ticktext": labels,
        "showgrid": False,
        "tickfont": {"size": 11},
    }

"""Draw docs/figures/mobility.svg and write the table of likeness beside the validation tests.

``python -m docs.figures.mobility``, from the root of the repository; needs the data folder
(EVERGRID_DATA). The documentation shows the committed results, so that it builds without data.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

from evergrid.core.arrays import Array, Float
from tests.validation.mobility import compare, real_sets
from tests.validation.mobility.comparison import MeteredSessions

OUT = Path(__file__).with_name("mobility.svg")
PANEL_WIDTH, PANEL_HEIGHT = 270.0, 130.0  # px, with their margins below
LEFT, TOP, GAP_X, GAP_Y = 34.0, 64.0, 24.0, 92.0
TITLES = {
    "arrival_h": ("Arrival, local hour", np.arange(0.0, 25.0), 6),
    "stay_h": ("Stay, hours", np.arange(0.0, 31.0), 6),
    "energy_kwh": ("Energy at the plug, kWh", np.arange(0.0, 62.0, 2.0), 20),
}
COLOURS = ("#0072b2", "#d55e00", "#009e73")


def main() -> None:
    """Write the table and the figure."""
    compare.table().write_csv(compare.EXPECTED)
    rows = [_row(place, number) for number, place in enumerate(compare.ZONES)]
    width = LEFT + 3 * PANEL_WIDTH + 2 * GAP_X + 10
    height = TOP + 3 * PANEL_HEIGHT + 2 * GAP_Y + 40
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        'font-family="sans-serif" font-size="12" fill="#222" role="img">'
        "<title>Generated and real sessions</title>"
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>'
    )
    OUT.write_text("\n".join([head, *rows, "</svg>"]) + "\n", encoding="utf-8")


def _row(place: str, number: int) -> str:
    """One place: three panels and the legend above them."""
    names = [name for name in real_sets.NAMES if name.startswith(f"{place} held out")]
    sets = [real_sets.observed(name) for name in names]
    y = TOP + number * (PANEL_HEIGHT + GAP_Y)
    legend = [f'<text x="{LEFT:g}" y="{y - 38:g}" font-weight="bold">{place}</text>']
    labels = [
        ("model", "#b8b8b8"),
        *zip((name.split(": ")[1] for name in names), COLOURS, strict=False),
    ]
    x = LEFT + 90
    for label, colour in labels:
        legend.append(f'<rect x="{x:g}" y="{y - 47:g}" width="16" height="9" fill="{colour}"/>')
        legend.append(f'<text x="{x + 21:g}" y="{y - 38:g}">{label}</text>')
        x += 45 + 6.6 * len(label)
    panels = [
        _panel(quantity, LEFT + column * (PANEL_WIDTH + GAP_X), y, compare.generated(place), sets)
        for column, quantity in enumerate(TITLES)
    ]
    return "\n".join(legend + panels)


def _panel(
    quantity: str, x: float, y: float, ours: MeteredSessions, sets: list[MeteredSessions]
) -> str:
    title, edges, tick = TITLES[quantity]
    shares = [_shares(getattr(one, quantity), edges) for one in (ours, *sets)]
    top = max(float(share.max()) for share in shares) * 1.05
    floor = y + PANEL_HEIGHT
    parts = [f'<text x="{x:g}" y="{y - 14:g}" fill="#555">{title}</text>']
    parts.append(f'<path d="{_steps(shares[0], top, x, y)} V{floor:g} H{x:g} Z" fill="#b8b8b8"/>')
    for share, colour in zip(shares[1:], COLOURS, strict=False):
        path = _steps(share, top, x, y)
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
    parts.append(f'<path d="M{x:g} {floor:g} h{PANEL_WIDTH:g}" stroke="#222"/>')
    parts.append(f'<text x="{x - 4:g}" y="{y + 4:g}" text-anchor="end">{top:.0%}</text>')
    for value in np.arange(edges[0], edges[-1] + 1e-9, tick):
        at = x + PANEL_WIDTH * (value - edges[0]) / (edges[-1] - edges[0])
        parts.append(f'<path d="M{at:.1f} {floor:g} v4" stroke="#222"/>')
        parts.append(f'<text x="{at:.1f}" y="{floor + 17:g}" text-anchor="middle">{value:g}</text>')
    return "\n".join(parts)


def _shares(values: Float[Array, " row"], edges: Float[Array, " edge"]) -> Float[Array, " bin"]:
    """Share of all values in each bin; what lies beyond the last edge is not drawn."""
    return np.histogram(values, edges)[0] / len(values)


def _steps(shares: Float[Array, " bin"], top: float, x: float, y: float) -> str:
    """The outline of a histogram as the commands of an SVG path."""
    edges = x + PANEL_WIDTH * np.linspace(0.0, 1.0, len(shares) + 1)
    heights = y + PANEL_HEIGHT * (1 - shares / top)
    steps = (
        f"V{height:.1f} H{right:.1f}"
        for height, (_, right) in zip(heights, pairwise(edges), strict=True)
    )
    return f"M{x:g} {y + PANEL_HEIGHT:g} " + " ".join(steps)


if __name__ == "__main__":
    main()

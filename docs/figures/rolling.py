"""Draw docs/figures/rolling-light.svg and -dark.svg, and write rolling.csv, from two runs.

From the root of the repository, after ``evergrid run examples/rolling_de.toml`` and
``evergrid run examples/rolling_pjm.toml`` (both need the data folder, EVERGRID_DATA)::

    python -m docs.figures.rolling results/rolling_de results/rolling_pjm
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

from docs.figures import canvas
from evergrid.report import theme
from evergrid.report.theme import SchemeName

HERE = Path(__file__).parent
WIDTH, HEIGHT, TOP, ROW_PX, GAP_PX = 960.0, 400.0, 66.0, 36.0, 42.0
LEFT, BAR_PX = 270.0, 500.0
WAYS = (  # label, colour, key of the summary's "rolling"; None is the plan with foresight
    ("yesterday's prices", theme.ORANGE, "persistence"),
    ("forecast prices", theme.BLUE, "forecast"),
    ("actual prices", theme.GREEN, "perfect"),
    ("perfect foresight", theme.GREY, None),
)


def main(folders: list[Path]) -> None:
    """Read the summaries and write the figure and the table."""
    runs = [json.loads((folder / "summary.json").read_text(encoding="utf-8")) for folder in folders]
    with (HERE / "rolling.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(_table(runs))
    for scheme_name in theme.SCHEMES:
        out = HERE / f"rolling-{scheme_name}.svg"
        out.write_text(_figure(runs, scheme_name), encoding="utf-8")


def _below(run: dict[str, Any], way: str | None) -> float:
    cost = run["cost"]["v2g"] if way is None else run["rolling"][way]["cost"]
    return run["cost"]["uncontrolled"] - cost


def _market(run: dict[str, Any]) -> str:
    return f"{run['title'].split(', ')[-1]} ({run['currency']})"


def _table(runs: list[dict[str, Any]]) -> list[list[str]]:
    """Net cost, what it is below uncontrolled charging, as share of the best, energy served."""
    money = ["net cost", "below uncontrolled", "of the best"]
    head = ["market", "planned with", *money, "energy owed served"]
    rows = [head]
    for run in runs:
        start = [_market(run), "uncontrolled", f"{run['cost']['uncontrolled']:.2f}"]
        rows.append([*start, "", "", "100.0 %"])
        for label, _, way in WAYS:
            below = _below(run, way)
            served = run["served_share"] if way is None else run["rolling"][way]["served_share"]
            cost = run["cost"]["uncontrolled"] - below
            share = below / _below(run, None)
            numbers = [f"{cost:.2f}", f"{below:.2f}", f"{share:.1%}".replace("%", " %")]
            rows.append([_market(run), label, *numbers, f"{100 * served:.1f} %"])
    return rows


def _figure(runs: list[dict[str, Any]], scheme_name: SchemeName) -> str:
    scheme = theme.SCHEMES[scheme_name]
    words = "Cost below that of uncontrolled charging, four weeks"
    marks = [canvas.text(24, 32, words, scheme.ink, weight=600)]
    y = TOP
    for run in runs:
        best = _below(run, None)
        marks.append(canvas.text(24, y + 22, _market(run), scheme.ink, weight=600))
        for label, color, way in WAYS:
            below = _below(run, way)
            width = BAR_PX * max(below, 0.0) / best
            end = f"{below:.0f} {run['currency']}, {100 * below / best:.0f} %"
            marks.append(canvas.text(LEFT - 12, y + 22, label, scheme.faint_ink, anchor="end"))
            marks.append(canvas.bar(LEFT, y + 4, width, ROW_PX - 10, color))
            marks.append(canvas.text(LEFT + width + 10, y + 22, end, scheme.ink))
            y += ROW_PX
        bottom = y - 2
        marks.append(
            canvas.line(LEFT, bottom - len(WAYS) * ROW_PX, LEFT, bottom, scheme.strong_line)
        )
        y += GAP_PX - ROW_PX / 2
    title = "Cost below uncontrolled charging by what was known of prices, DE and PJM"
    return canvas.drawing(WIDTH, HEIGHT, scheme_name, title, marks)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])

"""Write docs/figures/firm_capacity.csv, promises on held-out days, from runs of the examples.

From the root of the repository, after ``evergrid run`` of each (they need the data folder,
EVERGRID_DATA)::

    python -m docs.figures.firm_capacity results/firm_capacity_acn results/firm_capacity_norway
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

OUT = Path(__file__).with_name("firm_capacity.csv")
HEAD = [
    "example",
    "days judged",
    "asked",
    "kept above zero",
    "95 % interval",
    "kept of all",
    "blocks kept above zero",
    "loss over silence",
    "best simple rule at equal coverage",
    "which",
]


def main(folders: list[Path]) -> None:
    """Read the summaries and write one row per confidence."""
    rows = [row for folder in folders for row in _rows(folder)]
    with OUT.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *rows])


def _rows(folder: Path) -> list[list[str]]:
    run: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    ours, *simple, silence = run["rules"]
    best = min(simple, key=lambda rule: rule["equal_pinball_kw"])
    rows = []
    for level, kept, block in zip(
        run["confidence"], run["coverage"], run["block_coverage"], strict=True
    ):
        above = kept["above_zero"]
        row = [folder.name, f"{run['judged_days']:,}", f"{100 * level:g} %"]
        row += [f"{100 * above['share']:.2f} %"]
        row += [f"{100 * above['low']:.1f} to {100 * above['high']:.1f} %"]
        row += [f"{100 * kept['share']:.2f} %", f"{100 * block['above_zero']['share']:.2f} %"]
        losses = [ours["pinball_kw"], best["equal_pinball_kw"]]
        compared = [f"{loss / silence['pinball_kw']:.2f}" for loss in losses]
        row += [*compared, best["rule"]] if level == ours["confidence"] else [""] * 3
        rows.append(row)
    return rows


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])

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
    "steps kept",
    "blocks kept",
    "mean promise (kW)",
    "best simple rule (kW)",
    "which",
]


def main(folders: list[Path]) -> None:
    """Read the summaries and write one row per confidence."""
    rows = [row for folder in folders for row in _rows(folder)]
    with OUT.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *rows])


def _rows(folder: Path) -> list[list[str]]:
    run: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    ours, *simple = run["rules"]
    best = max(simple, key=lambda rule: rule["equal_kw"])
    rows = []
    for level, kept, block in zip(
        run["confidence"], run["coverage"], run["block_coverage"], strict=True
    ):
        row = [folder.name, f"{run['judged_days']:,}", f"{100 * level:g} %"]
        row += [f"{100 * kept['share']:.2f} %", f"{100 * block['share']:.2f} %"]
        compared = level == ours["confidence"]
        row += [f"{ours['equal_kw']:.1f}", f"{best['equal_kw']:.1f}"] if compared else ["", ""]
        rows.append([*row, best["rule"] if compared else ""])
    return rows


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])

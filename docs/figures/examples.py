"""Write docs/figures/examples.csv, the results of the examples on real data, from their runs.

From the root of the repository, after ``evergrid run`` of each (they need the data folder,
EVERGRID_DATA)::

    python -m docs.figures.examples results/acn_week results/acn_week_battery results/norway_homes
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

OUT = Path(__file__).with_name("examples.csv")
HEAD = [
    "example",
    "sessions",
    "steps",
    "uncontrolled",
    "smart",
    "V2G",
    "currency",
    "energy fed (kWh)",
    "gap below",
]
GAP_SHOWN = 1e-9  # anything under it is rounding, and differs from machine to machine


def main(folders: list[Path]) -> None:
    """Read the summaries and write one row each."""
    with OUT.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEAD, *(_row(f) for f in folders)])


def _row(folder: Path) -> list[str]:
    run: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    costs = [f"{run['cost'][name]:,.2f}" for name in ("uncontrolled", "smart", "v2g")]
    head = [folder.name, f"{run['sessions']:,}", f"{run['steps']:,}"]
    gap = f"{max(run['gap'], GAP_SHOWN):.0e}"
    return [*head, *costs, run["currency"], f"{run['energy_fed_kwh']:,.0f}", gap]


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])

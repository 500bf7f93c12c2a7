"""Write the tables and the figure of docs/benchmarks.md from the results of a run.

From the root of the repository::

    python -m benchmarks.plan --json > results/bench.json
    python -m benchmarks.plan.page results/bench.json
"""

import sys
from pathlib import Path

from benchmarks.plan import figure, results, table
from benchmarks.plan.results import Results
from evergrid.report import theme

FOLDER = Path(__file__).parents[2] / "docs" / "figures"
NAME = "benchmark_plan"


def main(source: Path, folder: Path = FOLDER) -> None:
    """Read the results and write what the page shows."""
    taken = results.read(source)
    (folder / f"{NAME}.md").write_text(tables(taken), encoding="utf-8")
    for scheme_name in theme.SCHEMES:
        drawn = figure.drawing(taken.rows, scheme_name)
        (folder / f"{NAME}-{scheme_name}.svg").write_text(drawn, encoding="utf-8")


def tables(taken: Results) -> str:
    """The part of the page that a run decides."""
    steps, seed = taken.rows[0].steps, taken.rows[0].seed
    limit_s = max(row.limit_s for row in taken.rows)
    parts = [
        f"Taken on {taken.machine}. {taken.versions}. {steps} steps, seed {seed}, "
        f"{limit_s:g} s allowed for each case.",
        "## Time",
        table.times(taken.rows),
        "## How many times faster",
        table.ratios(taken.rows),
        "## Growth",
        "Exponent of the time over sessions, from 1,000 to 100,000 sessions, least squares on "
        "logarithms: 1 means twice the sessions take twice the time.",
        table.growth(taken.rows),
        "## Every case",
        table.details(taken.rows),
    ]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))

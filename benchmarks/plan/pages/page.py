"""Write the tables and the figure of docs/benchmarks.md from the results of runs.

From the root of the repository, with as many files as there are::

    python -m benchmarks.plan --json > results/bench.json
    python -m benchmarks.plan --replan --json > results/replan.json
    python -m benchmarks.plan.pages.page results/bench.json results/replan.json
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.plan import results
from benchmarks.plan.pages import figure, table
from benchmarks.plan.results import Results
from evergrid.report import theme

FOLDER = Path(__file__).parents[3] / "docs" / "figures"
NAME = "benchmark_plan"
OPEN = "Open: nothing of this has been timed on a GPU yet."


def main(sources: Sequence[Path], folder: Path = FOLDER) -> None:
    """Read the results and write what the page shows."""
    runs = [results.read(source) for source in sources]
    on_cpu = [run for run in runs if not run.gpus]
    if not any(run.rows for run in on_cpu):
        raise ValueError("no cases of a machine without GPU. Name the file of such a run too.")
    taken = results.merged(on_cpu)
    on_gpu = [run for run in runs if run.gpus]
    words = tables(taken, results.merged(on_gpu) if on_gpu else None)
    (folder / f"{NAME}.md").write_text(words, encoding="utf-8")
    for scheme_name in theme.SCHEMES:
        drawn = figure.drawing(taken.rows, scheme_name)
        (folder / f"{NAME}-{scheme_name}.svg").write_text(drawn, encoding="utf-8")


def tables(taken: Results, on_gpu: Results | None = None) -> str:
    """The part of the page that runs decide."""
    parts = [
        _told(taken),
        "## Time",
        table.times(taken.rows),
        "## How many times faster",
        table.ratios(taken.rows),
        "## Growth",
        "Exponent of the time over sessions, from 1,000 to 100,000 sessions, least squares on "
        "logarithms: 1 means twice the sessions take twice the time.",
        table.growth(taken.rows),
    ]
    if taken.replans:
        parts += ["## From the last plan", table.replans(taken.replans)]
    parts += ["## On a GPU", *_gpu(on_gpu)]
    parts += ["## Every case", table.details(taken.rows)]
    return "\n\n".join(parts) + "\n"


def _told(taken: Results) -> str:
    """Where, with what and how the times were taken."""
    steps, seed = taken.rows[0].steps, taken.rows[0].seed
    limits = sorted({row.limit_s for row in taken.rows})
    allowed = " or ".join(f"{limit:g}" for limit in limits)
    where = ", ".join([taken.machine, *taken.gpus])
    return (
        f"Taken on {where}. {taken.versions}. {steps} steps, seed {seed}, "
        f"{allowed} s allowed for each case."
    )


def _gpu(on_gpu: Results | None) -> list[str]:
    if on_gpu is None:
        return [OPEN]
    return [_told(on_gpu), table.times(on_gpu.rows), table.details(on_gpu.rows)]


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])

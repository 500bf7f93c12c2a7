"""``python -m benchmarks.plan``: time the main job against HiGHS on the same instances.

Standard output carries the tables, or with ``--json`` the rows; progress goes to standard error.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.plan import case, results, sweep, table
from benchmarks.plan.case import Case, Row
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.solvers import OURS, SOLVERS
from benchmarks.plan.sweep import Sweep

SIZES = (100, 1000, 10_000, 100_000)
LIMIT_S = 60.0
QUICK_SIZES = (100, 1000)
QUICK_LIMIT_S = 20.0
STEPS = 96


def main(words: Sequence[str] | None = None) -> None:
    """Run one case, or a whole sweep."""
    options = _parser().parse_args(words)
    if options.case:
        print(json.dumps(asdict(case.run(Case(**json.loads(options.case))))))
        return
    rows = []
    for row in sweep.rows(_sweep(options)):
        rows.append(row)
        _tell(row)
    if options.json:
        print(results.text(results.taken_here(rows)), end="")
        return
    tables = [table.times(rows)]
    if set(options.solvers) & set(OURS):
        tables += [table.ratios(rows), table.growth(rows)]
    print("\n\n".join(tables))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks.plan", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="sizes 100 and 1,000, under 10 min")
    parser.add_argument("--json", action="store_true", help="print the rows instead of tables")
    parser.add_argument("--sizes", type=_numbers, help="sessions, such as 100,1000")
    parser.add_argument("--families", type=_known(FAMILIES), default=list(FAMILIES))
    parser.add_argument("--solvers", type=_known(SOLVERS), default=list(SOLVERS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS, help="of a quarter of an hour")
    parser.add_argument("--limit", type=float, help="seconds allowed to each case")
    parser.add_argument("--case", help=argparse.SUPPRESS)  # one case in its own process
    return parser


def _sweep(options: argparse.Namespace) -> Sweep:
    return Sweep(
        families=options.families,
        sizes=options.sizes or (QUICK_SIZES if options.quick else SIZES),
        solvers=options.solvers,
        seed=options.seed,
        steps=options.steps,
        limit_s=options.limit or (QUICK_LIMIT_S if options.quick else LIMIT_S),
    )


def _numbers(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


def _known(names: dict):
    """A reader of comma-separated names that refuses unknown ones."""

    def read(words: str) -> list[str]:
        given = words.split(",")
        unknown = [name for name in given if name not in names]
        if unknown:
            known = ", ".join(names)
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}. Known: {known}.")
        return given

    return read


def _tell(row: Row) -> None:
    took = f"{row.seconds:.2f} s" if row.seconds is not None else row.status
    gap = f", gap {row.gap:.1e}" if row.gap is not None else ""
    print(f"{row.family} {row.sessions:,} {row.solver}: {took}{gap}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

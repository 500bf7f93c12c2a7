"""``python -m benchmarks.plan``: time the main job against HiGHS on the same instances.

Standard output carries the tables, or with ``--json`` the rows; progress goes to standard error.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.plan import case, replan, results, sweep
from benchmarks.plan.case import Case, Row
from benchmarks.plan.families import FAMILIES
from benchmarks.plan.pages import table
from benchmarks.plan.replan import Replan
from benchmarks.plan.solvers.registry import (
    DEVICE,
    GPU_PEERS,
    MONOLITHIC,
    OURS,
    SITE_BY_SITE,
    SOLVERS,
)
from benchmarks.plan.sweep import Sweep

STEPS = 96


@dataclass(frozen=True)
class Preset:
    """What is run where nothing else is asked for.

    Attributes:
        sizes: Sessions.
        families: Names of families.
        solvers: Names of solvers.
        limit_s: Time allowed to each case.
    """

    sizes: Sequence[int]
    families: Sequence[str]
    solvers: Sequence[str]
    limit_s: float


FULL = Preset(
    sizes=(100, 1000, 10_000, 100_000),
    families=tuple(FAMILIES),
    solvers=(*MONOLITHIC, SITE_BY_SITE, *OURS, DEVICE),
    limit_s=60.0,
)
QUICK = Preset(
    sizes=(100, 1000),
    families=tuple(FAMILIES),
    solvers=("simplex", "ipm", SITE_BY_SITE, *OURS, DEVICE),
    limit_s=20.0,
)
GPU = Preset(
    sizes=(100_000, 1_000_000, 10_000_000),
    families=("home", "mixed_tree", "metered"),
    solvers=(DEVICE, *GPU_PEERS),
    limit_s=300.0,
)
REPLAN = Preset(replan.SIZES, replan.FAMILY_NAMES, (), 60.0)


def main(words: Sequence[str] | None = None) -> None:
    """Run one case, plans from the last one, or a whole sweep."""
    options = _parser().parse_args(words)
    if options.case:
        print(json.dumps(asdict(case.run(Case(**json.loads(options.case))))))
    elif options.replan:
        _replan(options)
    else:
        _sweep(options)


def _replan(options: argparse.Namespace) -> None:
    rows = []
    found = replan.rows(
        options.families or REPLAN.families,
        options.sizes or REPLAN.sizes,
        seed=options.seed,
        steps=options.steps,
        limit_s=options.limit or REPLAN.limit_s,
    )
    for row in found:
        rows.append(row)
        _tell_replan(row)
    if options.json:
        print(results.text(results.taken_here(replans=rows)), end="")
    else:
        print(table.replans(rows))


def _sweep(options: argparse.Namespace) -> None:
    asked = _asked(options)
    rows = []
    for row in sweep.rows(asked):
        rows.append(row)
        _tell(row)
    if options.json:
        print(results.text(results.taken_here(rows)), end="")
        return
    tables = [table.times(rows)]
    if set(asked.solvers) & set(OURS):
        tables += [table.ratios(rows), table.growth(rows)]
    print("\n\n".join(tables))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks.plan", description=__doc__)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true", help="sizes 100 and 1,000, under 10 min")
    kind.add_argument("--gpu", action="store_true", help="sizes 100,000 and more, on GPUs")
    kind.add_argument("--replan", action="store_true", help="from the last plan against anew")
    kind.add_argument("--case", help=argparse.SUPPRESS)  # one case in its own process
    parser.add_argument("--json", action="store_true", help="print the rows instead of tables")
    parser.add_argument("--sizes", type=_numbers, help="sessions, such as 100,1000")
    parser.add_argument("--families", type=_known(FAMILIES))
    parser.add_argument("--solvers", type=_known(SOLVERS), help="named ones run at every size")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS, help="of a quarter of an hour")
    parser.add_argument("--limit", type=float, help="seconds allowed to each case")
    return parser


def _asked(options: argparse.Namespace) -> Sweep:
    preset = QUICK if options.quick else GPU if options.gpu else FULL
    return Sweep(
        families=options.families or preset.families,
        sizes=options.sizes or preset.sizes,
        solvers=options.solvers or preset.solvers,
        seed=options.seed,
        steps=options.steps,
        limit_s=options.limit or preset.limit_s,
        modest=preset is not GPU and not options.solvers,
    )


def _numbers(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


def _known(names: Mapping[str, Any]) -> Callable[[str], list[str]]:
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


def _tell_replan(row: Replan) -> None:
    took = f"cold {row.cold_s:.2f} s, warm {row.warm_s:.2f} s, gap {row.gap:.1e}"
    print(f"{row.family} {row.sessions:,} {row.change}: {took}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

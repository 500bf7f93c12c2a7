"""``python -m tests.referee FAMILY FIRST STOP``: a line for each fault, then counts."""

import argparse
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.referee.families import FAMILIES
from tests.referee.judge import Judged, Verdict


def main() -> None:
    """Judge the cases that are asked for; the exit status is 1 where anything is wrong."""
    asked = _asked()
    root = Path(asked.keep or tempfile.mkdtemp())
    families = list(FAMILIES) if asked.family == "all" else [asked.family]
    wrong = sum(_family(name, asked, root / name) for name in families)
    sys.exit(wrong > 0)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.referee", description=__doc__)
    parser.add_argument("family", choices=[*FAMILIES, "all"])
    parser.add_argument("first", type=int)
    parser.add_argument("stop", type=int)
    parser.add_argument("--methods", default="highs,interior_point")
    parser.add_argument(
        "--variations",
        type=int,
        help="of the numbers of each seed, at the same stays and sites: compiled once by device",
    )
    parser.add_argument("--keep", help="folder for cases and results; a temporary one by default")
    return parser.parse_args()


def _family(family: str, asked: argparse.Namespace, root: Path) -> int:
    """Judge the seeds of one family; returns how many faults there are."""
    methods = asked.methods.split(",")
    verdicts: dict[str, list[Verdict]] = {method: [] for method in methods}
    for case, judged in _cases(family, asked, root):
        for method in methods:
            verdict = _verdict(judged, method)
            verdicts[method].append(verdict)
            for fault in verdict.faults:
                _say(f"{family} {case} {method}: {fault}")
    for method, made in verdicts.items():
        _say(f"{family} {method}: {_counts(made)}")
    return sum(len(each.faults) for made in verdicts.values() for each in made)


def _cases(family: str, asked: argparse.Namespace, root: Path) -> Iterator[tuple[str, Judged]]:
    """Each seed, or so many variations of each, by name."""
    for seed in range(asked.first, asked.stop):
        if asked.variations is None:
            yield str(seed), Judged(family, seed, root / str(seed))
        else:
            for number in range(asked.variations):
                case = f"{seed}.{number}"
                yield case, Judged(family, seed, root / case, variation=number)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _verdict(judged: Judged, method: str) -> Verdict:
    try:
        return judged.verdict(method)
    except Exception:  # one case that ends in a traceback must not hide the others
        return Verdict(["traceback: " + traceback.format_exc(limit=-3)])


def _counts(made: list[Verdict]) -> str:
    gaps = [each.gap for each in made if each.gap is not None]
    faulty = sum(bool(each.faults) for each in made)
    found = f"{len(made)} cases, {faulty} with faults"
    if not gaps:
        return found
    share = np.mean([each.gives_way for each in made])
    idle = np.mean([each.idle_kwh > 0.01 for each in made])
    told = " ".join(f"{np.quantile(gaps, q):.1e}" for q in (0.5, 0.95, 0.99))
    found += f"; gap told (median, 95 %, 99 %) {told}; something gives way in {share:.0%}"
    return f"{found}; an equal plan curtails less in {idle:.0%}"


if __name__ == "__main__":
    main()

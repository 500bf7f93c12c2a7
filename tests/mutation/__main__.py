"""``python -m tests.mutation MODULE``: which of the faults put into a module do its tests notice?

Faults are drawn at random from the functions of a module or package, and put in one at a time, in
a copy of the repository. Those of ``equivalent.toml`` are left out, as nobody could notice them.
With ``--record FOLDER``, which runs all quick tests once, and then ``--entered FOLDER``, the tests
that enter the faulty function are tried before others; that takes a fraction of the time.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.mutation import covering
from tests.mutation.changes import Change, changes
from tests.mutation.entered import FOLDER, RECORDED, Entered
from tests.mutation.trial import Copy

REPOSITORY = Path(__file__).parents[2]
WITHIN_S = 20.0  # of processor time, for tests that enter the function of a fault
EQUIVALENT = Path(__file__).with_name("equivalent.toml")


@dataclass(frozen=True)
class Mutant:
    """A fault and the file it is put into."""

    path: Path
    change: Change

    def __str__(self) -> str:
        where = self.path.relative_to(REPOSITORY)
        return f"{where}:{self.change.line}  {self.change.kind}: {self.change.brief}"

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it where lines move: file, text of the line, and the change."""
        name = self.path.relative_to(REPOSITORY / covering.SOURCE).as_posix()
        return name, self.change.text, str(self.change)


def drawn(mutants: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many at random: first a kind of fault, then one of that kind, so that none prevails."""
    chance = random.Random(seed)
    kinds: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        kinds.setdefault(mutant.change.kind, []).append(mutant)
    made: list[Mutant] = []
    while kinds and len(made) < count:
        kind = chance.choice(sorted(kinds))
        mutant = kinds[kind].pop(chance.randrange(len(kinds[kind])))
        if not kinds[kind]:
            del kinds[kind]
        if _compiles(mutant):
            made.append(mutant)
    return made


def candidates(module: str, *, seed: int, count: int) -> list[Mutant]:
    """Faults drawn from a module or package, without those that change nothing."""
    paths = covering.modules(REPOSITORY, module)
    every = [Mutant(path, change) for path in paths for change in changes(path.read_text())]
    argued = equivalent()
    return drawn([mutant for mutant in every if mutant.key not in argued], count, seed)


def equivalent() -> dict[tuple[str, str, str], str]:
    """Why some faults change nothing that could be noticed."""
    entries = tomllib.loads(EQUIVALENT.read_text()).get("mutant", [])
    return {(item["file"], item["line"], item["change"]): item["why"] for item in entries}


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument(
        "module", nargs="?", default="", help="such as engine.certificate, or fleet for the package"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--count", type=int, default=40, help="faults to draw")
    parser.add_argument("--list", action="store_true", help="print them, and run nothing")
    parser.add_argument("--only", help="numbers of the draw to run, such as 3,17")
    parser.add_argument("--record", type=Path, help="folder for which tests enter which function")
    parser.add_argument("--entered", type=Path, help="the same folder, where it was recorded")
    parser.add_argument("--quick", action="store_true", help="leave out slow tests")
    given = parser.parse_args()
    if given.record:
        return _recorded(given.record)
    mutants = candidates(given.module, seed=given.seed, count=given.count)
    wanted = set(map(int, given.only.split(","))) if given.only else set(range(1, len(mutants) + 1))
    numbered = [(number, one) for number, one in enumerate(mutants, 1) if number in wanted]
    if given.list:
        for number, mutant in numbered:
            _say(f"{number:3d} {mutant}")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        entered = Entered.read(given.entered) if given.entered else None
        copy = Copy.of(REPOSITORY, Path(folder))
        unnoticed = _tried(numbered, copy, entered, quick=given.quick)
    share = 1 - unnoticed / max(len(numbered), 1)
    _say(f"{len(numbered) - unnoticed} of {len(numbered)} noticed, {100 * share:.0f} %")
    return 0 if unnoticed == 0 else 1


def _recorded(folder: Path) -> int:
    """Run the quick tests, and write which functions each enters."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", *RECORDED]
    environment = os.environ | {FOLDER: str(folder.resolve())}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, check=False).returncode


def _tried(
    numbered: list[tuple[int, Mutant]], copy: Copy, entered: Entered | None, *, quick: bool
) -> int:
    """How many are not noticed; each is printed as soon as it is known."""
    unnoticed = 0
    for number, mutant in numbered:
        path = copy.root / mutant.path.relative_to(REPOSITORY)
        first = entered.of(path, mutant.change.line, WITHIN_S) if entered else []
        files = covering.tests(copy.root, path)
        by = copy.notices(path, mutant.change, first, files, quick=quick)
        unnoticed += not by
        _say(f"{number:3d} {'noticed' if by else 'NOT NOTICED':11s} {mutant}")
    return unnoticed


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _compiles(mutant: Mutant) -> bool:
    try:
        compile(mutant.change.applied(mutant.path.read_text()), "mutant", "exec")
    except SyntaxError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())

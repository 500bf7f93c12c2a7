"""Runs tests on a copy of the repository, in which one line may be wrong."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.mutation.changes import Change

COPIED = (
    "src",
    "tests",
    "benchmarks",
    "examples",
    "docs",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "_build", "*.nbi", "*.nbc", ".hypothesis")
QUICK, SLOW = "not slow", "slow"  # quick tests notice most
PASSED, FAILED, INTERRUPTED, NONE_FOUND = 0, 1, 2, 5  # exit codes of pytest
PATIENCE, PATIENCE_S = 3.0, 30.0  # processor time allowed: a multiple of that needed, and more
FIRST_LIMIT_S = 1800.0  # for tests of code without a fault, which may compile


@dataclass
class Copy:
    """A copy of the repository, whose tests run by themselves.

    Attributes:
        root: Where it is.
        data: The folder of measurements that tests use.
        taken_s: How long tests take without a fault, by stage and the module that is compiled
            anew; None if there are none.
    """

    root: Path
    data: Path
    taken_s: dict[tuple[tuple[str, ...], str, Path | None], float | None] = field(
        default_factory=dict
    )

    @classmethod
    def of(cls, repository: Path, root: Path) -> "Copy":
        """A copy of the working tree as it is now."""
        for name in COPIED:
            path = repository / name
            if path.is_dir():
                shutil.copytree(path, root / name, ignore=LEFT_OUT)
            elif path.exists():
                shutil.copy2(path, root / name)
        given = os.environ.get("EVERGRID_DATA", "../shared/data")
        return cls(root, (repository / given).resolve())

    def notices(
        self,
        module: Path,
        change: Change,
        first: Sequence[str],
        files: Sequence[str],
        *,
        quick: bool = False,
    ) -> str:
        """Which tests notice a fault: "", or those that fail or take too long.

        Args:
            module: Where the fault is put.
            change: The fault.
            first: Single quick tests that are tried together, in place of those of the files.
            files: Files of tests, each tried by itself.
            quick: Leave out slow tests.

        Raises:
            RuntimeError: Tests fail without it.
        """
        tries = [(QUICK, tuple(first))] if first else [(QUICK, (file,)) for file in files]
        tries += [] if quick else [(SLOW, (file,)) for file in files]
        for stage, tests in tries:
            taken_s = self._without_fault(module, tests, stage)
            if taken_s is None:
                continue
            limit_s = PATIENCE * taken_s + PATIENCE_S
            with self._faulty(module, change), self._kernels(module) as cache:
                # What Python compiles of the fault must not be found later.
                code, _ = self._run(tests, stage, cache, limit_s, keep=False)
            if code is None:
                return f"{tests[0]} out of time"
            if code in (FAILED, INTERRUPTED):
                return tests[0]
        return ""

    def _without_fault(self, module: Path, tests: tuple[str, ...], stage: str) -> float | None:
        """How long tests take, which is measured once; compiled anew where the fault will be."""
        key = (tests, stage, module if _is_compiled(module) else None)
        if key not in self.taken_s:
            with self._kernels(module) as cache:
                code, taken_s = self._run(tests, stage, cache, FIRST_LIMIT_S)
            self.taken_s[key] = None if code == NONE_FOUND else taken_s
            if code not in (PASSED, NONE_FOUND):
                told = "\n".join(self._output.read_text().splitlines()[-20:])
                raise RuntimeError(f"tests fail without any fault: {tests[0]}\n{told}")
        return self.taken_s[key]

    @contextmanager
    def _faulty(self, module: Path, change: Change) -> Iterator[None]:
        """While the fault is in the copy."""
        source, stat = module.read_text(), module.stat()
        module.write_text(change.applied(source))
        try:
            yield
        finally:
            module.write_text(source)
            os.utime(module, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    @contextmanager
    def _kernels(self, module: Path) -> Iterator[Path]:
        """Where Numba keeps what it compiles; what rests on a compiled fault is kept nowhere."""
        kept = self.root / "kernels"
        if not _is_compiled(module):
            yield kept
            return
        cache = self.root / "kernels_with_fault"
        kept.mkdir(exist_ok=True)
        shutil.copytree(kept, cache, copy_function=os.link)
        yield cache
        shutil.rmtree(cache)

    def _run(
        self, tests: Sequence[str], stage: str, cache: Path, limit_s: float, *, keep: bool = True
    ) -> tuple[int | None, float]:
        """Exit code of pytest, None when out of time, and how long it took."""
        found = self.root / "examples_found"
        arguments = ["-q", "-x", "-n", "0", "-m", stage, "-p", "no:cacheprovider", "--tb=short"]
        arguments += ["--hypothesis-seed=0", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        request = {
            "arguments": [*arguments, *tests],
            "environment": {
                "NUMBA_CACHE_DIR": str(cache),
                "HYPOTHESIS_STORAGE_DIRECTORY": str(found),
            },
            "keep": keep,
            "limit_s": round(limit_s),
            "output": str(self._output),
        }
        answer = self._nursery.answer(request)
        shutil.rmtree(found, ignore_errors=True)
        return answer

    @property
    def _output(self) -> Path:
        """What the last run said."""
        return self.root / "output"

    @cached_property
    def _nursery(self) -> "_Nursery":
        return _Nursery(self.root, self.data)


class _Nursery:
    """The process in whose copies tests run."""

    def __init__(self, root: Path, data: Path) -> None:
        environment = os.environ | {
            "PYTHONPATH": str(root / "src"),
            "PYTHONPYCACHEPREFIX": str(root / "bytecode"),
            "PYTHONDONTWRITEBYTECODE": "",
            "EVERGRID_DATA": str(data),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.mutation.nursery"],
            cwd=root,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def answer(self, request: dict[str, Any]) -> tuple[int | None, float]:
        """Exit code of a run, and how long it took."""
        given, told = self.process.stdin, self.process.stdout
        assert given is not None
        assert told is not None
        given.write(json.dumps(request) + "\n")
        given.flush()
        code, taken_s = json.loads(told.readline())
        return code, taken_s


def _is_compiled(module: Path) -> bool:
    """Whether Numba compiles something of the file."""
    return "import kernel\n" in module.read_text()

"""Runs tests on a copy of the repository, in which one line may be wrong."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

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
STAGES = ("not slow", "slow")  # quick tests notice most
PASSED, FAILED, INTERRUPTED, NONE_FOUND = 0, 1, 2, 5  # exit codes of pytest
PATIENCE, PATIENCE_S = 3.0, 30.0  # time allowed: a multiple of what tests take, and a rest
FIRST_LIMIT_S = 1800.0  # for tests of code without a fault, which may compile


@dataclass
class Copy:
    """A copy of the repository, whose tests run by themselves.

    Attributes:
        root: Where it is.
        data: The folder of measurements that tests use.
        taken_s: How long tests take without a fault, by files and stage; None if there are none.
    """

    root: Path
    data: Path
    taken_s: dict[tuple[str, ...], float | None] = field(default_factory=dict)

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

    def notices(self, module: Path, change: Change, tests: Sequence[str]) -> str:
        """Which tests notice a fault: "", or the stage that failed or took too long.

        Raises:
            RuntimeError: Tests fail without it.
        """
        for stage in STAGES:
            taken_s = self._without_fault(module, tests, stage)
            if taken_s is None:
                continue
            limit_s = PATIENCE * taken_s + PATIENCE_S
            with self._faulty(module, change), self._kernels(module) as cache:
                # What Python compiles of the fault must not be found later.
                code, _ = self._run(tests, stage, cache, limit_s, keep=False)
            if code is None:
                return "time"
            if code in (FAILED, INTERRUPTED):
                return stage
        return ""

    def _without_fault(self, module: Path, tests: Sequence[str], stage: str) -> float | None:
        """How long tests take, which is measured once; compiled anew where the fault will be."""
        compiled = _is_compiled(module)
        key = (*tests, stage, str(compiled))
        if key not in self.taken_s:
            with self._kernels(module) as cache:
                begun = time.perf_counter()
                code, told = self._run(tests, stage, cache, FIRST_LIMIT_S)
                taken_s = time.perf_counter() - begun
            self.taken_s[key] = None if code == NONE_FOUND else taken_s
            if code not in (PASSED, NONE_FOUND):
                raise RuntimeError(f"tests fail without any fault: {' '.join(tests)}\n{told}")
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
        """Where Numba keeps what it compiles.

        It sees changes in the file of a function only, not in those of functions that this calls.
        So where compiled code may have a fault, everything is compiled anew and kept nowhere.
        """
        if not _is_compiled(module):
            yield self.root / "kernels"
            return
        cache = self.root / "kernels_with_fault"
        yield cache
        shutil.rmtree(cache, ignore_errors=True)

    def _run(
        self, tests: Sequence[str], stage: str, cache: Path, limit_s: float, *, keep: bool = True
    ) -> tuple[int | None, str]:
        """Exit code of pytest, None when out of time, and its last lines."""
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-m", stage]
        command += ["-p", "no:cacheprovider", "--hypothesis-seed=0", "--tb=short", *tests]
        environment = os.environ | {
            "PYTHONPATH": str(self.root / "src"),
            "PYTHONPYCACHEPREFIX": str(self.root / "bytecode"),
            "PYTHONDONTWRITEBYTECODE": "" if keep else "1",
            "NUMBA_CACHE_DIR": str(cache),
            "EVERGRID_DATA": str(self.data),
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self.root / "examples_found"),
        }
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            told, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            if process.poll() is None:  # out of time, or the command is interrupted
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
            shutil.rmtree(self.root / "examples_found", ignore_errors=True)
        return process.returncode, "\n".join(told.splitlines()[-20:])


def _is_compiled(module: Path) -> bool:
    """Whether Numba compiles something of the file."""
    return (
        re.search(r"^(import numba|from .* import .*\bcompiled\b)", module.read_text(), re.M)
        is not None
    )

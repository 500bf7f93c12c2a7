"""Loops compiled by Numba, kept on disk in a way that misses no change of our code.

Numba keeps what it compiles beside the file of a function, and compiles anew when that file has
changed. It does not see changes in other files: of functions that are inlined, and of records
that are passed. So what is kept here has a name of its own for each state of all those files.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

ROOT = Path(__file__).parents[2]  # the package
IMPORT = re.compile(r"^from (evergrid[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compiles a function without the interpreter, and keeps what is compiled.

    Args:
        options: Of `numba.njit`; ``cache`` is set.
    """

    def compile_kernel(function: Callable[..., Any]) -> Any:
        name = function.__module__.split(".", 1)[1].replace(".", "/") + ".py"
        function.__qualname__ += f"_{state_of(ROOT / name)}"
        return njit(cache=True, **options)(function)

    return compile_kernel


@cache
def state_of(path: Path) -> str:
    """A short name for what a file and all files of its package that it imports hold."""
    package = ROOT / path.relative_to(ROOT).parts[0]
    found, new = set[Path](), {path}
    while new:
        found |= new
        new = {other for one in new for other in _imported(one)} - found
        new = {other for other in new if other.is_relative_to(package)}
    content = b"".join(one.read_bytes() for one in sorted(found))
    return hashlib.blake2b(content, digest_size=4).hexdigest()


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    """Files of ours that a file imports, or takes names from."""
    return tuple(_files(path.read_text(encoding="utf-8")))


def _files(source: str) -> Iterator[Path]:
    for module, names in IMPORT.findall(source):
        folder = ROOT.parent / module.replace(".", "/")
        words = re.findall(r"\w+", names)
        for candidate in (folder, *(folder / word for word in words)):
            if candidate.with_suffix(".py").is_file():
                yield candidate.with_suffix(".py")

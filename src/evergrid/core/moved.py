"""An import of a module that has moved is refused with its new place."""

import sys
from collections.abc import Iterable
from importlib import resources
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

PACKAGE = "evergrid."


def moved_modules() -> dict[str, str]:
    """Today's name of each module by the name that it had once."""
    text = (resources.files("evergrid.core") / "moved_modules.txt").read_text("utf-8")
    rows = (line.split() for line in text.splitlines())
    return {PACKAGE + old: PACKAGE + new for old, new in rows}


class MovedModules(MetaPathFinder):
    """Asked last, for modules that nobody else finds."""

    def find_spec(
        self,
        fullname: str,
        path: Iterable[str] | None = None,  # of a folder without __init__.py no sequence
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Never a module; an error for the old name of one."""
        if fullname.startswith(PACKAGE) and (new := moved_modules().get(fullname)):
            raise ImportError(f"{fullname} has moved: import {new}", name=fullname)
        return None


def watch_imports() -> None:
    """Have old names refused from now on."""
    sys.meta_path.append(MovedModules())

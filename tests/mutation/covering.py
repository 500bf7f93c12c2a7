"""Which tests cover a module: those of its name, those that import it, and those named here."""

import re
from functools import cache
from pathlib import Path

SOURCE = Path("src/evergrid")
# Tests of another package that cover a module too, by the module's path below the package.
MORE = {
    "data/output": ["tests/cli/test_output.py"],
}


def modules(root: Path, name: str) -> list[Path]:
    """Source files of a module or package, by a dotted name with or without ``evergrid``.

    Raises:
        FileNotFoundError: There is none of that name.
    """
    path = root / SOURCE / name.removeprefix("evergrid.").replace(".", "/")
    if path.is_dir():
        return sorted(path.rglob("*.py"))
    if path.with_suffix(".py").is_file():
        return [path.with_suffix(".py")]
    raise FileNotFoundError(f"no module {name} in {SOURCE}")


def tests(root: Path, module: Path) -> list[str]:
    """Test files of a module, those of its name first; all of its package if there are none."""
    inner = module.relative_to(root / SOURCE).with_suffix("")
    package = sorted((root / "tests" / inner.parts[0]).rglob("test_*.py"))
    named = [path for path in package if path.stem.startswith(f"test_{inner.name}")]
    users = [path for path in package if _imports(path, inner)]
    folder = []  # modules of an inner package are tested through it, or in a folder like theirs
    if len(inner.parts) > 2:
        folder = [path for path in package if path.parent == root / "tests" / inner.parent]
        folder += [path for path in package if path.stem == f"test_{inner.parent.name}"]
    files = [*named, *folder, *users] or package
    names = [str(path.relative_to(root)) for path in files]
    return list(dict.fromkeys([*names, *MORE.get(inner.as_posix(), [])]))


def _imports(test: Path, module: Path) -> bool:
    """Whether a test, or what its folder shares, imports a module or takes names from it."""
    package, dotted = ".".join(("evergrid", *module.parts[:-1])), ".".join(module.parts)
    from_package = rf"from {re.escape(package)} import [^\n(]*\b{module.name}\b"
    block = rf"from {re.escape(package)} import \([^)]*\b{module.name}\b"
    pattern = rf"{from_package}|{block}|evergrid\.{re.escape(dotted)}\b"
    return re.search(pattern, _text(test)) is not None


@cache
def _text(path: Path) -> str:
    return path.read_text()

"""Which tests cover a module: those of its name, those that import it, and those named here."""

import re
from functools import cache
from pathlib import Path

SOURCE = Path("src/evergrid")
# Tests that cover modules which no test names or imports, or from another package, by the module's
# path below the package.
MORE = {
    "data/output": ["tests/cli/test_output.py"],
    **{
        f"engine/{module}": [f"tests/engine/{test}.py" for test in tests.split()]
        for module, tests in {
            "highs/model": "test_reference feasibility/test_relaxation test_solver",
            "highs/linear_program": "test_reference feasibility/test_relaxation",
            **{
                f"interior_point/held/{module}": "interior_point/held/test_held_run"
                for module in (
                    "awards",
                    "layout",
                    "node_kernels",
                    "node_tree",
                    "readout",
                    "row_prices",
                    "slot_kernels",
                    "slot_rows",
                    "store_answers",
                )
            },
            "interior_point/node_barrier": "interior_point/test_interior_point test_solver",
            "interior_point/node_kernels": "interior_point/test_interior_point test_solver",
            "interior_point/node_tree": "interior_point/test_interior_point test_solver",
            "interior_point/slot_loops": "interior_point/test_interior_point test_solver",
            "interior_point/store_kernels": "interior_point/test_interior_point test_solver",
            "interior_point/zones": "cluster/test_zone_cut cluster/test_zone_run",
            "search": "test_reference test_solver",
            "term": "terms/test_symmetric_reserve interior_point/test_flowgates",
            "terms/flowgates": "test_reference test_certificate interior_point/test_flowgates",
        }.items()
    },
    "inputs/feeder/base_load": ["tests/studies/hosting_capacity/test_study.py"],
    "studies/provenance_page": ["tests/studies/hosting_capacity/test_study.py"],
    "studies/study": ["tests/studies/plan/test_study.py", "tests/studies/plan/test_tables.py"],
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
    """Test files of a module, those of its name first; all of its package if there are none.

    A module without a test file of its name has those of the first words of its name.
    """
    inner = module.relative_to(root / SOURCE).with_suffix("")
    package = sorted((root / "tests" / inner.parts[0]).rglob("test_*.py"))
    named = _named(package, inner.name)
    users = [path for path in package if _imports(path, inner)]
    folder = []  # modules of an inner package are tested through it, or in a folder like theirs
    if len(inner.parts) > 2:
        folder = [path for path in package if path.parent == root / "tests" / inner.parent]
        folder += [path for path in package if path.stem == f"test_{inner.parent.name}"]
    files = [*named, *folder, *users]
    names = [str(path.relative_to(root)) for path in files] + MORE.get(inner.as_posix(), [])
    return list(dict.fromkeys(names)) or [str(path.relative_to(root)) for path in package]


def _named(package: list[Path], name: str) -> list[Path]:
    """Test files of a module's name; where there are none, of its first words."""
    words = name.split("_")
    for count in range(len(words), 0, -1):
        stem = "_".join(["test", *words[:count]])
        found = [path for path in package if path.stem.startswith(stem)]
        if found:
            return found
    return []


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

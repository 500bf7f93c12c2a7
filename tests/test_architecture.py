"""The arrows between packages, sizes of folders and files, and what no file may hold."""

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "src" / "evergrid"
MOST_LINES = 600
MOST_FILES = 15  # of a folder, `__init__.py` apart
TEXTS = {".py", ".md", ".toml", ".txt", ".csv", ".js", ".css", ".html", ".cff", ".yml", ".yaml", ""}
# In parts, so that this file does not hold what it looks for.
MACHINE_PATHS = ["/" + name + "/" for name in ("ho" + "me", "Us" + "ers", "ro" + "ot", "wo" + "rk")]
INDEX_ADDRESSES = [
    "py" + "pi.org",
    "--index" + "-url",
    "--extra-index" + "-url",
    "files.python" + "hosted",
]


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def python_files():
    folders = ("src", "tests", "examples", "benchmarks", "docs")
    found = (path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))
    return sorted(path for path in found if "_build" not in path.parts)


def tracked():
    """The files git would publish: tracked or new, and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (REPOSITORY / name for name in listed.stdout.splitlines())
    return [path for path in paths if path.is_file() and path.suffix in TEXTS]


def relative(path: Path):
    return str(path.relative_to(REPOSITORY))


def test_imports_point_down():
    call = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    ended = subprocess.run(call, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_the_layers_name_every_package():
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = {name.strip() for layer in layers for name in layer.split("|")}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert named == packages | {"__main__"}  # the command, as a module


def test_every_folder_with_modules_is_a_package():
    assert [
        relative(path.parent) for path in modules() if not (path.parent / "__init__.py").is_file()
    ] == []


def test_a_module_opens_with_a_sentence():
    assert [relative(path) for path in modules() if not opens_with_a_sentence(path)] == []


def opens_with_a_sentence(path: Path):
    text = ast.get_docstring(ast.parse(path.read_text()))
    if not text:
        return False
    first = text.split("\n\n")[0].rstrip()
    return (first[0].isupper() or first[0] == "`") and first[-1] in ".?:"


def test_no_module_is_named_after_nothing():
    nothing = {"utils", "util", "helpers", "misc", "common"}
    assert [relative(path) for path in modules() if {path.stem, path.parent.name} & nothing] == []


def test_no_file_holds_two_ideas():
    lines = {relative(path): len(path.read_text().splitlines()) for path in python_files()}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}


def test_no_folder_holds_more_files_than_a_reader_takes_in():
    folders = Counter(path.parent for path in python_files() if path.name != "__init__.py")
    assert {relative(path): n for path, n in folders.items() if n > MOST_FILES} == {}


@pytest.mark.parametrize("found", MACHINE_PATHS + INDEX_ADDRESSES)
def test_no_file_names_this_machine_or_a_package_index(found: str):
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout: which files belong to the repository is not known")
    holding = [relative(path) for path in tracked() if found in path.read_text(errors="replace")]
    assert holding == []

"""Do the written pages keep up with the code: keys, files, columns, dependencies, words?"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from docs import generated
from evergrid.cli.main import app
from evergrid.studies import registry

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
COMMAND = Path(sys.executable).with_name("evergrid")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


STUDIES = list(registry.STUDIES)
SMALLER = {  # as many files, columns and keys come of fewer outages
    "resilience": {
        "checked_outages = 5": "checked_outages = 1",
        "scenarios = 500": "scenarios = 20",
    }
}


@pytest.fixture(scope="module", params=STUDIES)
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a study's example, in a folder of the study's name."""
    out = tmp_path_factory.mktemp("docs") / request.param
    example = REPOSITORY / f"examples/{request.param}.toml"
    if less := SMALLER.get(request.param):
        text = example.read_text(encoding="utf-8")
        for given, fewer in less.items():
            assert text.count(f"\n{given}\n") == 1
            text = text.replace(given, fewer)
        example = out.with_suffix(".toml")
        example.write_text(text, encoding="utf-8")
    subprocess.run([COMMAND, "run", example, "--out", out], capture_output=True, check=True)
    return out


def test_the_page_of_a_study_names_every_key_of_the_summary(result: Path) -> None:
    summary = json.loads((result / "summary.json").read_text(encoding="utf-8"))
    told = page(f"how-to/{result.name}.md")
    known = {"study", "title", "currency"}
    assert [key for key in summary if key not in known and f"`{key}`" not in told] == []


def test_the_page_of_a_study_names_every_file_and_column(result: Path) -> None:
    told = page(f"how-to/{result.name}.md")
    for path in result.iterdir():
        assert f"`{path.name}" in told
    for path in result.glob("*.parquet"):
        for column in pl.read_parquet_schema(path):
            assert f"`{column}`" in told or column.startswith("promised_"), column


def test_every_dependency_has_a_row() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    listed = [*project["dependencies"], *(entry for extra in extras for entry in extra)]
    names = {re.split(r"[\[<>=;]", entry)[0].strip() for entry in listed}
    told = page("dependencies.md")
    assert [name for name in sorted(names) if f"`{name}`" not in told] == []
    assert all(f"`{extra}`" in told for extra in ("cuda", "cluster", "live"))


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_has_an_example_a_page_and_a_row_of_the_readme(study: str) -> None:
    row = rf"\| `evergrid run {study}\.toml` \| \[.*\]\(docs/how-to/{study}\.md\) \|"
    assert re.search(row, (REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert (REPOSITORY / "examples" / f"{study}.toml").is_file()
    assert (DOCS / "how-to" / f"{study}.md").is_file()


def test_every_package_of_the_layers_has_a_page_of_the_reference() -> None:
    packages = set(re.findall(r"<b>(\w+)</b>", generated.layers())) - {"cli"}
    assert packages == {path.stem for path in (DOCS / "reference/api").glob("*.md")} - {"index"}


@pytest.mark.parametrize("name", list(generated.TABLES))
def test_every_column_of_an_input_table_is_explained(name: str) -> None:
    assert all(f"`{column}`" in generated.table(name) for column in generated.TABLES[name][1])


@pytest.mark.parametrize("study", STUDIES)
def test_the_config_reference_holds_every_key_of_the_template(study: str) -> None:
    template = CliRunner().invoke(app, ["new", study]).stdout
    keys = set(re.findall(r"^(?:# )?(\w+) = ", template, re.MULTILINE))
    told = generated.config(study)
    assert [key for key in sorted(keys) if f"`{key}`" not in told] == []


def test_the_cli_reference_holds_every_command() -> None:
    told = generated.cli()
    assert all(f"evergrid {name}" in told for name in ("run", "demo", "new", "studies", "check"))


def test_every_test_that_a_page_names_exists() -> None:
    pages = [*DOCS.rglob("*.md"), *REPOSITORY.glob("*.md"), *REPOSITORY.glob("tests/**/README.md")]
    named = {
        (page.relative_to(REPOSITORY), path)
        for page in pages
        if "_build" not in page.parts
        for path in re.findall(r"`(tests/[\w./-]+|[\w/]*test_\w+\.py)`", page.read_text("utf-8"))
    }
    there = [f"/{path.relative_to(REPOSITORY)}" for path in REPOSITORY.glob("tests/**/test_*.py")]
    assert len(named) > 50
    assert not [
        (page, path)
        for page, path in named
        if not ((REPOSITORY / path).exists() or any(one.endswith(f"/{path}") for one in there))
    ]


def test_every_module_on_the_three_ways_exists() -> None:
    named = set(re.findall(r"`(\w+(?:/\w+)+)(?:\.py)?`", page("architecture.md")))
    package = REPOSITORY / "src" / "evergrid"
    assert len(named) > 25
    assert not [
        name
        for name in named
        if not ((package / name).is_dir() or (package / f"{name}.py").exists())
    ]


def test_every_module_that_a_page_names_in_dots_exists() -> None:
    package = REPOSITORY / "src" / "evergrid"
    layers = "|".join(path.parent.name for path in package.glob("*/__init__.py"))
    named = re.compile(rf"`(?:evergrid\.)?((?:{layers})(?:\.[a-z_]+)+)`")
    pages = [*DOCS.rglob("*.md"), *REPOSITORY.glob("*.md"), *REPOSITORY.glob("tests/**/README.md")]
    found = {
        (path.relative_to(REPOSITORY).as_posix(), name)
        for path in pages
        if "_build" not in path.parts and path.name != "CHANGELOG.md"  # which tells what was
        for name in named.findall(path.read_text(encoding="utf-8"))
        if not name.endswith((".md", ".py", ".toml", ".html", ".json", ".parquet", ".csv"))
    }
    assert len(found) > 50
    assert [(where, name) for where, name in found if not _exists(package, name.split("."))] == []


def _exists(package: Path, parts: list[str]) -> bool:
    """Whether these are folders and a module, or a name that the last of these holds."""
    for length in range(len(parts), 0, -1):
        path = package.joinpath(*parts[:length])
        for module in (path.with_suffix(".py"), path / "__init__.py"):
            if module.is_file():
                inner = parts[length : length + 1]
                return (
                    not inner
                    or re.search(rf"\b{inner[0]}\b", module.read_text("utf-8")) is not None
                )
    return False


def test_prose_has_no_long_dashes() -> None:
    written = [path for path in DOCS.rglob("*.md") if "_build" not in path.parts]
    written += [REPOSITORY / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
    assert [path for path in written if "\u2014" in path.read_text(encoding="utf-8")] == []

"""The names users may rely on, and the one shape that every study has."""

import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

import pytest
from pydantic.fields import FieldInfo

import evergrid
from evergrid.core import config
from evergrid.studies import registry
from evergrid.studies.study import Result, Study

AnyStudy = Study[Any, Any]
FOUND = [registry.named(name) for name in registry.STUDIES]
STUDIES = pytest.mark.parametrize("study", FOUND, ids=registry.STUDIES)
OPTIONAL = re.compile(r"^# (?=\[|\w+ = )", re.MULTILINE)


def test_the_package_exports_what_it_lists():
    assert evergrid.__all__ == ["__version__"]
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", evergrid.__version__)


@STUDIES
def test_a_study_has_the_shape_of_a_study(study: AnyStudy):
    module = importlib.import_module(f"evergrid.studies.{study.name}")
    assert module.STUDY is study
    assert module.Config is study.config
    assert issubclass(study.config, config.Config)
    assert get_origin(module.Result) is Result
    assert study.question.endswith("?")
    for name in ("summary", "tables"):
        assert name in Result.__dataclass_fields__
    for name in ("figures", "report", "console_lines", "write"):
        assert callable(getattr(Result, name))
    for name in ("figures", "page", "console_lines"):
        assert callable(getattr(study.report, name))
    parameters = inspect.signature(module.run).parameters
    assert list(parameters) == ["config", "seed", "folder", "progress"]
    assert [p.kind for p in parameters.values()][1:] == [inspect.Parameter.KEYWORD_ONLY] * 3


@STUDIES
def test_the_name_of_a_study_is_that_of_its_folder_and_of_its_key(study: AnyStudy):
    assert registry.named(study.name) is study
    assert study.config.model_fields["study"].default == study.name


def keys(kind: type[config.Config], place: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of a configuration and of the tables in it, by its place."""
    for name, field in kind.model_fields.items():
        yield place + name, field
        nested = config._nested(field)
        if nested is not None:
            yield from keys(nested, f"{place}{name}.")


@STUDIES
def test_every_key_of_a_configuration_is_explained(study: AnyStudy):
    silent = [place for place, field in keys(study.config) if not (field.description or "").strip()]
    assert silent == []


@STUDIES
def test_the_template_is_valid_and_survives_a_dump(study: AnyStudy):
    text = config.template(study.config, heading="A study")
    whole = tomllib.loads(OPTIONAL.sub("", text))
    plain = tomllib.loads(text)
    # Some optional tables exclude one another, so each is tried by itself, with every optional key.
    optional = [key for key in whole if isinstance(whole[key], dict) and key not in plain]
    required = {key: value for key, value in whole.items() if key not in optional}
    for raw in (plain, required, *({**required, key: whole[key]} for key in optional)):
        parsed = config.parse(study.config, raw)
        assert config.parse(study.config, tomllib.loads(config.dump(parsed))) == parsed


@STUDIES
def test_the_template_shows_every_key(study: AnyStudy):
    raw = tomllib.loads(OPTIONAL.sub("", config.template(study.config, heading="A study")))
    for place, _ in keys(study.config):
        table = raw
        for name in place.split("."):
            assert name in table, place
            table = table[name][0] if isinstance(table[name], list) and table[name] else table[name]


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[1].glob("examples/*.toml")))
def test_every_example_is_a_valid_configuration(path: Path):
    study = registry.of_file(path)
    assert config.read(study.config, path).study in registry.STUDIES

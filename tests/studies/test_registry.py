"""A configuration finds its study by name, and a wrong name is told the nearest."""

from pathlib import Path

import pytest

from evergrid.core.errors import ConfigError, MissingFileError
from evergrid.studies import registry


@pytest.mark.parametrize("name", registry.STUDIES)
def test_a_study_is_found_by_its_name(name: str, tmp_path: Path):
    path = tmp_path / "any.toml"
    path.write_text(f'study = "{name}"')
    assert registry.of_file(path) is registry.named(name)
    assert registry.named(name).name == name


@pytest.mark.parametrize(("name", "near"), [("plann", "Did you mean plan?"), ("xyz", "Studies: ")])
def test_an_unknown_study_names_the_nearest_and_all(name: str, near: str):
    with pytest.raises(ConfigError, match=f"got {name}") as caught:
        registry.named(name)
    assert near in str(caught.value)
    assert all(study in str(caught.value) for study in registry.STUDIES)


def test_a_configuration_without_a_study_says_what_to_write(tmp_path: Path):
    path = tmp_path / "any.toml"
    path.write_text("title = 'x'")
    with pytest.raises(ConfigError, match=r"any\.toml: 1 fault found\n  - study must be given"):
        registry.of_file(path)


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(MissingFileError, match=r"gone\.toml"):
        registry.of_file(tmp_path / "gone.toml")

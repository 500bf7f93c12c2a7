"""Which studies there are, and the study that a configuration file asks for."""

import importlib
from pathlib import Path
from typing import Any

from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.files import toml_tables
from evergrid.core.text.nearest import did_you_mean
from evergrid.studies.study import Study

# A study is loaded when it is asked for: what one needs may take a second to load.
STUDIES = (
    "plan",
    "firm_capacity",
    "grid_strength",
    "hosting_capacity",
    "volt_var",
    "battery_life",
    "regulation",
    "value_stacking",
    "rule_books",
    "frequency_response",
    "resilience",
    "emissions",
    "welfare",
    "black_start",
)


def named(name: str, *, source: str = "study") -> Study[Any, Any]:
    """The study of that name.

    Raises:
        ConfigError: There is none.
    """
    if name in STUDIES:
        return importlib.import_module(f"evergrid.studies.{name}").STUDY
    fix = f"{did_you_mean(name, STUDIES)} Studies: {', '.join(STUDIES)}.".lstrip()
    raise ConfigError(source, [Fault("study", "be a known study", got=(name,), fix=fix)])


def of_file(path: Path) -> Study[Any, Any]:
    """The study that a configuration file names with its key ``study``.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: The file is no TOML, or names no known study.
    """
    return of_tables(toml_tables.read(path), source=str(path))


def of_tables(raw: dict[str, Any], *, source: str) -> Study[Any, Any]:
    """The study that the nested tables of a configuration name with their key ``study``.

    Raises:
        ConfigError: They name no known study.
    """
    if "study" not in raw:
        fix = 'Add a first line such as study = "plan".'
        raise ConfigError(source, [Fault("study", "be given", fix=fix)])
    return named(str(raw["study"]), source=source)

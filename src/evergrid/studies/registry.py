"""Which studies there are, and the study that a configuration file asks for."""

import difflib
from pathlib import Path
from types import ModuleType

from evergrid.core import config
from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.studies import firm_capacity, plan

STUDIES: dict[str, ModuleType] = {"plan": plan, "firm_capacity": firm_capacity}


def named(name: str, *, source: str = "study") -> ModuleType:
    """The study of that name.

    Raises:
        ConfigError: There is none.
    """
    if name in STUDIES:
        return STUDIES[name]
    near = difflib.get_close_matches(name, list(STUDIES), n=1, cutoff=0.5)
    fix = f"Did you mean {near[0]}? " if near else ""
    fix += f"Studies: {', '.join(STUDIES)}."
    raise ConfigError(source, [Fault("study", "be a known study", got=(name,), fix=fix)])


def of_file(path: Path) -> ModuleType:
    """The study that a configuration file names with its key ``study``.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: The file is no TOML, or names no known study.
    """
    raw = config.tables(path)
    if "study" not in raw:
        fix = 'Add a first line such as study = "plan".'
        raise ConfigError(str(path), [Fault("study", "be given", fix=fix)])
    return named(str(raw["study"]), source=str(path))

"""Which file a path in a configuration means: variables expanded, relative to the configuration."""

import os
import re
from pathlib import Path

from evergrid.core.errors import ConfigError
from evergrid.core.faults import Fault
from evergrid.core.files.given_file import TypedPath

VARIABLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^{}]*))?\}")


def locate(text: str, folder: Path) -> Path:
    """The file that a path written in a configuration means.

    ``${NAME}`` is the environment variable of that name, ``${NAME:-default}`` has a default for
    one that is unset or empty, as in a shell. A relative path starts at ``folder``.

    Args:
        text: The path as written.
        folder: The folder of the configuration file.

    Raises:
        ConfigError: An empty path, a variable without value or default, or an unfinished ``${``.
    """
    faults = [
        Fault("path", f"have a value for ${{{name}}}", got=(text,), fix=_way_out(name))
        for name in dict.fromkeys(m["name"] for m in VARIABLE.finditer(text) if not _has(m))
    ]
    if "${" in VARIABLE.sub("", text):
        fix = "Write ${NAME} or ${NAME:-default}."
        faults.append(Fault("path", "close every ${ with }", got=(text,), fix=fix))
    if not text.strip():
        faults.append(Fault("path", "not be empty", fix="Name a file."))
    if faults:
        raise ConfigError("path", faults)
    if not VARIABLE.search(text):
        return folder / text
    path = TypedPath(folder / VARIABLE.sub(_value, text))
    path.written = text
    return path


def _has(match: re.Match[str]) -> bool:
    return bool(os.environ.get(match["name"])) or match["default"] is not None


def _value(match: re.Match[str]) -> str:
    return os.environ.get(match["name"]) or match["default"]


def _way_out(name: str) -> str:
    return f"Set the environment variable {name}, or write ${{{name}:-default}}."

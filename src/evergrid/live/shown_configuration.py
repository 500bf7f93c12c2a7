"""The configuration of a service as its operators see it: every key as resolved, no secret."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from evergrid.core import config as config_file
from evergrid.live.api.settings import ShownTable
from evergrid.live.config import Config

HIDDEN = "hidden"
SECRET_PARTS = ("password", "secret", "token", "credential")
PLACE_ENDINGS = ("_file", "_env", "_url")  # of keys that say where a secret is, not what it is


def tables(config: Config) -> tuple[ShownTable, ...]:
    """Every table with its keys, in the order of the configuration."""
    values = config.model_dump(mode="json", exclude_none=True)
    values = {key: value for key, value in values.items() if value != []}
    plain = {key: value for key, value in values.items() if not _is_table(value)}
    found = [ShownTable("", _rows(plain))]
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += _nested(key, value)
        elif _is_table(value):
            for number, one in enumerate(value, 1):
                found += _nested(f"{key} {number}", one)
    return tuple(found)


def _nested(title: str, table: Mapping[str, Any]) -> list[ShownTable]:
    """A table and those inside it."""
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    found = [ShownTable(title, _rows(plain))]
    for key, value in table.items():
        if isinstance(value, Mapping):
            found += _nested(f"{title}.{key}", value)
    return found


def _is_table(value: Any) -> bool:
    """Whether a value is a table, or a list of tables."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], Mapping)
    return isinstance(value, Mapping)


def _rows(table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((key, _shown(key, value)) for key, value in table.items())


def _shown(key: str, value: Any) -> str:
    """A value as the file would have it; that of a secret is hidden."""
    secret = any(part in key for part in SECRET_PARTS) and not key.endswith(PLACE_ENDINGS)
    if secret and value:
        return HIDDEN
    if isinstance(value, str):
        value = _without_password(value)
    return config_file.toml_value(value)


def _without_password(text: str) -> str:
    """An address without the password in it."""
    try:
        parts = urlsplit(text)
        password = parts.password
    except ValueError:  # no address
        return text
    if not parts.scheme or password is None:
        return text
    person, _, host = parts.netloc.rpartition("@")
    name = person.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}:{HIDDEN}@{host}"))

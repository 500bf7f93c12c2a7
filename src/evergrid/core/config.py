"""A study's questions as a file: TOML to a frozen record and back, every key explained."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticUndefined

from evergrid.core.errors import LISTED, ConfigError, InputError
from evergrid.core.faults import Fault
from evergrid.core.files import toml_tables
from evergrid.core.text.nearest import did_you_mean

C = TypeVar("C", bound="Config")
NOT_A_TABLE = frozenset({"model_type", "dict_type"})  # as pydantic names what it finds
NOT_A_LIST = frozenset({"tuple_type", "list_type"})
LEAST_KELVIN = 200.0  # from which a number of degrees Celsius is taken to be in kelvin
LEAST_PERCENT = 2.0  # from which a number in the place of a fraction is taken to be a percentage


class Config(BaseModel):
    """A frozen record of settings.

    Unknown keys are refused, numbers must be finite, and no value of one kind stands for another:
    ``true`` is no 1, and ``"7"`` is no 7.

    Attributes:
        renamed: Keys that this table had once, and what to write instead; a configuration with
            one of them is refused with the new name.
    """

    renamed: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _kind_as_written(cls, value: Any, info: Any) -> Any:
        # ``info`` is pydantic's ValidationInfo, a protocol that cannot be checked as it runs.
        annotation = cls.model_fields[str(info.field_name)].annotation
        kinds, items = set(_leaves(annotation)), value
        if isinstance(value, dict) and get_origin(annotation) is dict:
            kinds = set(_leaves(get_args(annotation)[1]))  # keys are text in any case
            items = list(value.values())
        for item in _items(items):
            if rule := _rule_of_kind(item, kinds):
                raise ValueError(rule)
        return value


def _items(value: Any) -> Iterator[Any]:
    """What a value holds, however deep its lists are."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from _items(part)
    else:
        yield value


def _leaves(annotation: Any) -> Iterator[Any]:
    """The plain kinds of which a field's kind is made."""
    pending = [annotation]
    while pending:
        kind = pending.pop()
        parts = getattr(kind, "__args__", ())
        pending.extend(parts)
        if not parts:
            yield kind


def _rule_of_kind(value: Any, kinds: set[Any]) -> str:
    """What a value must be that would be taken for another of these kinds; empty when it is one."""
    numbers = kinds & {int, float}
    if isinstance(value, bool) and numbers and bool not in kinds:
        return "be a number, not true or false"
    if isinstance(value, str) and numbers and str not in kinds:
        return "be a number, without quotes"
    if isinstance(value, int | float | str) and not isinstance(value, bool) and bool in kinds:
        return "be true or false, without quotes"
    if isinstance(value, int | float) and kinds & {date, datetime, time}:
        return "be a date such as 2025-01-14"
    return ""


def read(kind: type[C], path: Path) -> C:
    """The configuration in a TOML file.

    Raises:
        MissingFileError: There is no such file.
        ConfigError: The file is no TOML, or keys or values break rules; all are listed.
    """
    return parse(kind, toml_tables.read(path), source=str(path))


def parse(kind: type[C], raw: dict[str, Any], *, source: str = "config") -> C:
    """The configuration of nested tables, as a TOML file holds them.

    Raises:
        ConfigError: Keys or values break rules; all are listed.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        details = _causes(error.errors(include_url=False))
        # The way out of an unknown key is searched for, which takes long: only of those shown.
        faults = [fault for detail in details[:LISTED] for fault in _faults(kind, detail)]
        raise ConfigError(source, faults, more=max(len(details) - LISTED, 0)) from None


def _causes(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without lists that are called too short only because what they hold has faults."""
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(_below(other["loc"], detail["loc"]) for other in details)
    ]


def _below(place: tuple[int | str, ...], of: tuple[int | str, ...]) -> bool:
    return len(place) > len(of) and place[: len(of)] == of


def _faults(kind: type[Config], detail: ErrorDetails) -> list[Fault]:
    cause = detail.get("ctx", {}).get("error")
    if isinstance(cause, InputError):  # a validator that asked another record's rules
        table = [str(part) for part in detail["loc"]]
        return [_within(table, fault) for fault in cause.faults]
    return [_fault(kind, detail)]


def _within(place: list[str], fault: Fault) -> Fault:
    """The fault of a record, found at that place of the configuration."""
    inner = [] if place and place[-1] == fault.field else [fault.field]
    return replace(fault, field=".".join(place + inner))


def _fault(kind: type[Config], detail: ErrorDetails) -> Fault:
    place = [str(part) for part in detail["loc"]]
    field = ".".join(place) or "config"
    if detail["type"] == "extra_forbidden":
        table = _table_at(kind, place[:-1])
        if table is not None and place[-1] in table.renamed:
            fix = f"It has a new name: write {table.renamed[place[-1]]}."
            return Fault(field, "be a known key", got=(place[-1],), fix=fix)
        keys = [] if table is None else table.model_fields
        fix = did_you_mean(place[-1], keys) or "Remove it; `evergrid new` shows every key."
        return Fault(field, "be a known key", got=(place[-1],), fix=fix)
    if detail["type"] == "missing":
        return Fault(field, "be given", fix="`evergrid new` shows every key with its default.")
    if detail["type"] in NOT_A_TABLE | NOT_A_LIST:
        return _misshapen(kind, place, detail)
    rule = detail["msg"].removeprefix("Value error, ").removeprefix("Input should ").rstrip(".")
    if detail["type"] in ("too_short", "too_long"):
        ends = detail.get("ctx", {})
        least, most = ends.get("min_length"), ends.get("max_length")
        rule = f"have at least {_entries(least)}" if least is not None else rule
        rule = f"have at most {_entries(most)}" if most is not None else rule
        return Fault(field, rule, got=(len(detail["input"]),))
    if detail["type"] == "string_too_short":
        return Fault(field, "not be empty")
    rule = rule[0].lower() + rule[1:] if rule else "be valid"
    return Fault(field, rule, got=(detail["input"],), fix=_way_out(detail))


def _entries(number: int) -> str:
    return "1 entry" if number == 1 else f"{number} entries"


def _way_out(detail: ErrorDetails) -> str:
    """What to write instead of a percentage, or of kelvin, where another unit is asked for."""
    highest = {detail.get("ctx", {}).get(name) for name in ("le", "lt")}
    value, place = detail["input"], detail["loc"]  # empty where it is about the whole table
    if place and str(place[-1]).endswith("_c") and isinstance(value, int | float):
        return "Give degrees Celsius, not kelvin." if value >= LEAST_KELVIN else ""
    percent = isinstance(value, int | float) and LEAST_PERCENT <= value <= 100
    return "Give a fraction, not a percentage." if percent and 1.0 in highest else ""


def _misshapen(kind: type[Config], place: list[str], detail: ErrorDetails) -> Fault:
    """The fault of something that stands where a table, or a list, should."""
    field = ".".join(place)
    # Items of a list have numbers, which are not written in TOML.
    path = ".".join(name for name in place if not name.isdigit())
    listed = place[-1].isdigit() or detail["type"] in NOT_A_LIST
    if _table_of_field(kind, place) is None:
        if detail["type"] in NOT_A_TABLE:
            return Fault(field, "be a table", got=(detail["input"],))
        fix = "Write the values in square brackets, with commas between them."
        return Fault(field, "be a list", got=(detail["input"],), fix=fix)
    head = f"[[{path}]]" if listed else f"[{path}]"
    rule = "be a list of tables" if detail["type"] in NOT_A_LIST else "be a table"
    return Fault(field, rule, got=(_in_short(detail["input"]),), fix=f"Write it below {head}.")


def _in_short(value: Any) -> Any:
    """What stands in the place of a table."""
    if isinstance(value, dict):
        return "a single table"
    return "a list" if isinstance(value, list) else value


def _table_of_field(kind: type[Config], place: list[str]) -> type[Config] | None:
    """The kind of table that belongs at that place; None where plain values do."""
    names = [name for name in place if not name.isdigit()]
    table = _table_at(kind, names[:-1])
    if table is None or names[-1] not in table.model_fields:
        return None
    return _nested(table.model_fields[names[-1]])


def _table_at(kind: type[Config], place: list[str]) -> type[Config] | None:
    """The table at that place, following nested tables and lists of tables."""
    for name in place:
        if name.isdigit() or name not in kind.model_fields:
            continue
        nested = _nested(kind.model_fields[name])
        if nested is None:
            return None
        kind = nested
    return kind


def _nested(field: FieldInfo) -> type[Config] | None:
    """The kind of table a field holds, alone, optional or in a list; None for plain values."""
    pending: list[Any] = [field.annotation]
    while pending:
        kind = pending.pop()
        if isinstance(kind, type) and issubclass(kind, Config):
            return kind
        pending.extend(getattr(kind, "__args__", ()))
    return None


def template(kind: type[Config], *, heading: str) -> str:
    """A commented TOML file with every key, its meaning and its default."""
    lines = [f"# {heading}", "# Keys that start with '# ' are optional; remove it to set them.", ""]
    return "\n".join(lines + _table(kind, prefix="")) + "\n"


def _table(kind: type[Config], *, prefix: str) -> list[str]:
    plain: list[str] = []
    tables: list[str] = []
    for name, field in kind.model_fields.items():
        nested = _nested(field)
        comment = [f"# {line}" for line in (field.description or "").splitlines()]
        if nested is None:
            plain += [*comment, _assignment(name, field)]
            continue
        listed = "list" in str(field.annotation) or "tuple" in str(field.annotation)
        path = f"{prefix}{name}"
        head = f"[[{path}]]" if listed else f"[{path}]"
        body = _table(nested, prefix=f"{path}.")
        if listed or (not field.is_required() and field.default is None):
            head, body = f"# {head}", [f"# {line}" if line else line for line in body]
            body = [line.replace("# # ", "# ", 1) for line in body]
        tables += ["", *comment, head, *body]
    return plain + tables


def _assignment(name: str, field: FieldInfo) -> str:
    if field.is_required():
        example = (field.examples or [""])[0]
        return f"{name} = {toml_value(example)}"
    default = field.get_default(call_default_factory=True)
    if default is None or default is PydanticUndefined:
        example = (field.examples or [""])[0]
        return f"# {name} = {toml_value(example)}"
    return f"{name} = {toml_value(default)}"


def toml_value(value: Any) -> str:
    """A plain value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = [f"{_key(name)} = {toml_value(item)}" for name, item in value.items()]
        return "{ " + ", ".join(pairs) + " }" if pairs else "{}"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    """A TOML basic string, whose escapes are those of JSON and one more."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    """A key, in quotes where TOML wants them."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def dump(config: Config) -> str:
    """The resolved configuration as TOML; keys without a value are left out."""
    return "\n".join(_dump(config.model_dump(mode="json", exclude_none=True), "")).lstrip() + "\n"


def _dump(table: dict[str, Any], prefix: str) -> list[str]:
    lines: list[str] = []
    tables: list[str] = []
    for name, value in table.items():
        path = f"{prefix}{_key(name)}"
        if isinstance(value, dict):
            tables += ["", f"[{path}]", *_dump(value, f"{path}.")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                tables += ["", f"[[{path}]]", *_dump(item, f"{path}.")]
        else:
            lines.append(f"{_key(name)} = {toml_value(value)}")
    return lines + tables

"""Text of the pages that comes from the code itself, so that it cannot go stale.

A page asks for it with a line such as ``<!-- generated: layers -->``.
"""

import html
import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from pydantic.fields import FieldInfo
from typer import Typer
from typer.testing import CliRunner

from evergrid.cli.main import app
from evergrid.core import errors
from evergrid.core.config import Config, toml_value
from evergrid.data import prices as price_formats
from evergrid.data import sessions as session_formats
from evergrid.data import tables
from evergrid.model.batteries.battery_state import BatteryStates
from evergrid.model.capacity_prices import CapacityPrices
from evergrid.model.charging.chargers import Chargers
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import SiteGeneration, SiteLimits, SiteLoad, Sites
from evergrid.model.time_series.emission_factors import EmissionFactors
from evergrid.model.time_series.weather import Weather
from evergrid.studies import registry

# Loaded before autodoc loads them the way a type checker reads them, which pydantic cannot bear.
STUDIES = {name: registry.named(name) for name in registry.STUDIES}
for _name in ("evergrid.live", "evergrid.console"):
    for _module in pkgutil.walk_packages(importlib.import_module(_name).__path__, f"{_name}."):
        if ".migrations" not in _module.name:  # what Alembic runs is made to be run, not imported
            importlib.import_module(_module.name)

REPOSITORY = Path(__file__).parents[1]
MARK = re.compile(r"^<!-- generated: (?P<name>\w+)(?: (?P<word>\w+))? -->$", re.MULTILINE)
PLOTLY = re.compile(r"<script[^>]*cdn\.plot\.ly[^>]*></script>")
CLI_WIDTH = {"COLUMNS": "88", "NO_COLOR": "1", "TERM": "dumb"}
TABLES: dict[str, tuple[type, dict[str, Enum]]] = {
    "sessions": (Sessions, {**tables.SESSIONS}),
    "chargers": (Chargers, {**tables.CHARGERS}),
    "sites": (Sites, {**tables.SITES}),
    "site_load": (SiteLoad, {**tables.SITE_LOAD}),
    "site_generation": (SiteGeneration, {**tables.SITE_GENERATION}),
    "site_limits": (SiteLimits, {**tables.SITE_LIMITS}),
    "prices": (Prices, {**tables.PRICES}),
    "weather": (Weather, {**tables.WEATHER}),
    "capacity_prices": (CapacityPrices, {**tables.CAPACITY_PRICES}),
    "emission_factors": (
        EmissionFactors,
        {name: tables.EMISSION_FACTORS[name] for name in ("time_utc", "emissions_kg_per_mwh")},
    ),
    "battery_states": (BatteryStates, {**tables.BATTERY_STATES}),
}


def fill(page: str) -> str:
    """The page with every mark replaced by what it asks for."""
    return MARK.sub(lambda match: _text(match["name"], match["word"]), page)


def pages(folder: Path) -> list[str]:
    """Names of the pages with marks, which are read anew in every build."""
    found = [path for path in folder.rglob("*.md") if "_build" not in path.parts]
    marked = [path for path in found if MARK.search(path.read_text(encoding="utf-8"))]
    return [path.relative_to(folder).with_suffix("").as_posix() for path in marked]


def split_scripts(body: str) -> list[str]:
    """A page's HTML cut at the scripts that would fetch Plotly from the network."""
    return PLOTLY.split(re.sub(r"<script[^>]*mathjax[^>]*></script>", "", body))


def layers() -> str:
    """The layers of pyproject.toml with the first sentence of each package."""
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    rows = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    made = []
    for row in rows:
        if row == "__main__":  # the command once more
            continue
        boxes = [_box(name.strip()) for name in row.split("|")]
        made.append(f'<div class="layer">{"".join(boxes)}</div>')
    return f'<div class="layers">{"".join(made)}</div>'


def _box(package: str) -> str:
    sentence = _sentence(importlib.import_module(f"evergrid.{package}"))
    return f'<div class="package"><b>{package}</b> {html.escape(sentence)}</div>'


def _sentence(module: ModuleType) -> str:
    return (module.__doc__ or "").strip().splitlines()[0].replace("`", "")


def cli() -> str:
    """The real help of every command."""
    shown = [_help([]), *(_help(words) for words in _verbs(app))]
    return "\n\n".join(shown)


def _verbs(commands: Typer) -> Iterator[list[str]]:
    """The words of every verb, and of those inside a group of verbs."""
    for each in commands.registered_commands:
        if each.callback is not None:
            yield [each.name or each.callback.__name__]
    for group in commands.registered_groups:
        if group.typer_instance is not None:
            yield [str(group.name)]
            for words in _verbs(group.typer_instance):
                yield [str(group.name), *words]


def _help(words: list[str]) -> str:
    call = " ".join(["evergrid", *words])
    result = CliRunner(env=CLI_WIDTH).invoke(app, [*words, "--help"], prog_name="evergrid")
    return f"## `{call}`\n\n```text\n{result.stdout.strip()}\n```"


def config(study: str = "plan") -> str:
    """Every table of a study's configuration, key by key."""
    kind = STUDIES[study].config
    return "\n\n".join(_config_tables(kind, "", f"`{study}`: the top of the file", ""))


def _config_tables(kind: type[Config], place: str, heading: str, meaning: str) -> list[str]:
    """The keys of a table under its heading, then the tables inside it."""
    rows = ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
    inner: list[str] = []
    for name, field in kind.model_fields.items():
        words = _prose(field.description or "")
        nested, listed = _nested(field.annotation)
        if nested is None:
            rows.append(f"| `{name}` | {_type(field)} | {_default(field)} | {words} |")
        else:
            path = f"{place}.{name}".lstrip(".")
            head = f"`[[{path}]]`" if listed else f"`[{path}]`"
            inner += _config_tables(nested, path, head, words)
    return ["\n".join([f"## {heading}", "", meaning, "", *rows]), *inner]


def _nested(annotation: Any) -> tuple[type[Config] | None, bool]:
    """The kind of table a key holds, and whether it holds a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, Config):
        return annotation, False
    for part in get_args(annotation):
        nested, _ = _nested(part)
        if nested is not None:
            return nested, getattr(annotation, "__origin__", None) in (tuple, list)
    return None, False


def _type(field: FieldInfo) -> str:
    name = str(field.annotation)
    if "Literal" in name:
        return " or ".join(f"`{toml_value(value)}`" for value in _literals(field.annotation))
    words = {
        "tuple[str": "list of text",
        "tuple[float": "list of numbers",
        "dict": "table of text",
        "bool": "true or false",
    }
    words |= {"date": "day", "int": "whole number", "float": "number", "str": "text"}
    plain = next(word for key, word in words.items() if key in name)
    return plain + "".join(_limit(rule) for rule in field.metadata)


def _literals(annotation: Any) -> list[Any]:
    found = []
    for value in get_args(annotation):
        found += [value] if isinstance(value, str | int) else _literals(value)
    return found


def _limit(rule: Any) -> str:
    signs = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    found = [(word, getattr(rule, sign, None)) for sign, word in signs.items()]
    return "".join(f", {word} {value:,}" for word, value in found if value is not None)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value == {}:
        return "none"
    return f"`{toml_value(value)}`"


def _prose(words: str) -> str:
    """Words of a docstring as they stand, where Markdown would read signs in them."""
    safe = html.escape(" ".join(words.split()), quote=False)
    for sign in ("|", "[", "$"):
        safe = safe.replace(sign, f"\\{sign}")
    return safe


def table(name: str) -> str:
    """The columns of an input table: kind and meaning, from the reader and the record."""
    record, kinds = TABLES[name]
    meaning = _attributes(record)
    rows = ["| column | cells must | meaning |", "| --- | --- | --- |"]
    rows += [f"| `{key}` | {kind.value[0]} | {meaning[key]} |" for key, kind in kinds.items()]
    return "\n".join(rows)


def _attributes(record: type) -> dict[str, str]:
    """The attributes a docstring describes."""
    words = inspect.getdoc(record) or ""
    section = words.split("Attributes:\n", 1)[1].split("\n\n", 1)[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section, re.MULTILINE)
    return {key: " ".join(text.split()) for key, text in entries}


def formats() -> str:
    """Readers of public formats by the name a configuration uses."""
    rows = ["| format | for | what it reads |", "| --- | --- | --- |"]
    for kind, known in (("sessions", session_formats), ("prices", price_formats)):
        for name in known.FORMATS:
            words = _sentence(importlib.import_module(f"{known.__name__}.{name}"))
            rows.append(f"| `{name}` | `[{kind}]` | {words} |")
    return "\n".join(rows)


def rooms() -> str:
    """Every folder of the library with the sentence that says what it answers, as a tree."""
    root = REPOSITORY / "src" / "evergrid"
    rows = ["| folder | what it answers |", "| --- | --- |"]
    for path in sorted(root.rglob("__init__.py")):
        inner = path.parent.relative_to(root)
        if inner.parts:
            name = ".".join(("evergrid", *inner.parts))
            indent = "&emsp;" * (len(inner.parts) - 1)
            rows.append(f"| {indent}`{inner.name}/` | {_sentence(importlib.import_module(name))} |")
    return "\n".join(rows)


def tree() -> str:
    """The tree of errors as its module draws it."""
    drawn = inspect.cleandoc(errors.__doc__ or "").split("::\n\n", 1)[1]
    return f"```text\n{inspect.cleandoc(drawn)}\n```"


def api(package: str) -> str:
    """The modules of a package, to be documented from their docstrings."""
    root = importlib.import_module(f"evergrid.{package}")
    found = pkgutil.walk_packages(root.__path__, prefix=f"{root.__name__}.")
    apart = ("._", ".migrations.")
    names = [module.name for module in found if not any(one in module.name for one in apart)]
    parts = [_sentence(root)]
    for name in names:
        body = f".. automodule:: {name}\n   :members:"
        if hasattr(importlib.import_module(name), "STUDY"):  # ``run`` is `Study.run`, told there
            body += "\n   :exclude-members: run"
        parts.append(f"## `{name}`\n\n```{{eval-rst}}\n{body}\n```")
    return "\n\n".join(parts)


def validation() -> str:
    """Every validation case as its own README tells it, one level down."""
    found = sorted((REPOSITORY / "tests" / "validation").glob("*/README.md"))
    return "\n\n".join(_lower(path.read_text(encoding="utf-8")) for path in found)


def _lower(page: str) -> str:
    return re.sub(r"^(#+ )", r"#\1", page.strip(), flags=re.MULTILINE)


def _text(name: str, word: str | None) -> str:
    makers: dict[str, Callable[..., str]] = {
        "layers": layers,
        "rooms": rooms,
        "cli": cli,
        "config": config,
        "table": table,
        "formats": formats,
        "tree": tree,
        "api": api,
        "validation": validation,
    }
    return makers[name](word) if word else makers[name]()

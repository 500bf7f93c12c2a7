"""One word, one meaning: the list is in order, each word is used, and no other stands for it."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

from evergrid.studies import registry
from tests.test_public_api import keys

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "nomenclature.md"
SOURCES = sorted((REPOSITORY / "src" / "evergrid").rglob("*.py"))
# What each word that must not be used is called instead.
INSTEAD = {
    "book": "portfolio",
    "burn": "simultaneous",
    "cost_of_wires": "network_cost",
    "judge": "evaluate",
    "outlook": "day_forecast",
    "strain": "loading",
    "street": "feeder_sites",
    "telling": "report",
    "untold": "ignore_progress",
    "wires_price": "congestion_price",
    "wires_prices": "congestion_prices",
    "wiring": "site_connections",
    "worsening": "base_violation_tolerance",
}
PHRASES = (
    "is too dark",
    "who hangs where",
    "when it is dear",
    "wires price",
    "price of the wires",
    "cost of wires",
    "without the wires",
    "the wires hold",
    "within the wires",
    "ill-scaled else",
    "hangs on",
    "hang on ",
    "is asleep",
    "circuits of chance",
    "safety net",
    "blind to",
    "burn energy",
    "program.burn",
)
PARTICIPLE = re.compile(
    r"(?!Seed|Feed|Hold)[A-Z][a-z]*(ed|own|old)|Made|Given|Seen|Held|Found|Begun|Kept|Written"
    r"|Operating|Carrying|Outstanding"
)


def glossary() -> list[list[str]]:
    """The terms of each entry in the order of the page."""
    body = PAGE.read_text(encoding="utf-8").split("```{glossary}\n:sorted:\n\n")[1].split("```")[0]
    blocks = (block.splitlines() for block in body.strip().split("\n\n"))
    return [[line for line in block if not line.startswith(" ")] for block in blocks]


@cache
def names() -> dict[str, set[str]]:
    """Every name that the sources give to something, with the files that do."""
    found: dict[str, set[str]] = {}
    for path in SOURCES:
        for name in _given(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(name, set()).add(path.relative_to(REPOSITORY / "src").as_posix())
    return found


def _given(tree: ast.AST) -> Iterator[str]:
    """Names of classes, functions, arguments and variables; keys of tables and files."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Constant) and re.fullmatch("[a-z]+(_[a-z]+)+", str(node.value)):
            yield str(node.value)


def _has(name: str, word: str) -> bool:
    """Whether a word is part of a name, written in_this_way or InThisWay."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.split(".")[-1]).lower()
    return f"_{word}_" in f"_{snake}_"


def test_the_list_is_in_order_and_no_word_is_listed_twice() -> None:
    listed = glossary()
    first = [terms[0].lower() for terms in listed]
    assert first == sorted(first)
    assert [term for term, times in Counter(chain(*listed)).items() if times > 1] == []


def test_every_listed_word_is_used() -> None:
    pages = [path for path in (REPOSITORY / "docs").rglob("*.md") if path != PAGE]
    text = " ".join(path.read_text(encoding="utf-8").lower() for path in (*SOURCES, *pages))
    text = re.sub(r"[\s_\-]+", " ", text)
    unused = [
        terms
        for terms in glossary()
        if not any(re.sub(r"[\s_\-]+", " ", term.lower()) in text for term in terms)
    ]
    assert unused == []


@pytest.mark.parametrize(("word", "better"), INSTEAD.items())
def test_no_name_has_a_word_that_another_stands_for(word: str, better: str) -> None:
    wrong = {name: sorted(files) for name, files in names().items() if _has(name, word)}
    assert wrong == {}, f"write {better}"


def test_no_class_is_named_by_a_participle() -> None:
    classes = {name for name in names() if re.fullmatch(r"_?([A-Z][a-z0-9]*)+", name)}
    wrong = {
        name: sorted(names()[name])
        for name in classes
        if PARTICIPLE.fullmatch(re.findall(r"[A-Z][a-z0-9]*", name)[-1])
    }
    assert wrong == {}


@pytest.mark.parametrize("name", registry.STUDIES)
def test_no_key_of_a_configuration_has_a_word_that_another_stands_for(name: str) -> None:
    places = [place for place, _ in keys(registry.named(name).config)]
    assert [place for place in places if any(_has(place, word) for word in INSTEAD)] == []


def test_every_docstring_can_be_read_alone() -> None:
    wrong = [
        f"{path.relative_to(REPOSITORY / 'src')}: {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and re.match(r"The same(,|\.| (as|for|in|of|with)\b)", ast.get_docstring(node) or "")
    ]
    assert wrong == []


def test_no_page_nor_message_has_a_phrase_that_stops_an_engineer() -> None:
    pages = [*(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "README.md", *SOURCES]
    wrong = [
        (path.relative_to(REPOSITORY).as_posix(), phrase)
        for path in pages
        for phrase in PHRASES
        if phrase in " ".join(path.read_text(encoding="utf-8").lower().split())
    ]
    assert wrong == []

"""Which tests enter a function: recorded once by this plugin of pytest, and asked by the mutations.

What compiled code or another process calls is not seen; such functions have no tests here.
"""

import ast
import functools
import json
import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

FOLDER = "EVERGRID_ENTERED"  # variable that names where each worker writes its part
RECORDED = ("-p", "tests.mutation.entered", "-m", "not slow and not browser and not cluster")
SOURCE = f"{os.sep}src{os.sep}evergrid{os.sep}"

Function = tuple[str, int]  # file below the package, and the line where it begins

_entered: list[set[CodeType]] = [set()]  # by what is going on: a test, and fixtures set up for it
_by_fixture: defaultdict[Any, set[CodeType]] = defaultdict(set)
_by_test: dict[str, tuple[float, set[CodeType]]] = {}


def _note(frame: FrameType, _event: str, _given: Any) -> None:
    _entered[-1].add(frame.f_code)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Record what a test enters, and what the fixtures enter that it shares with others."""
    _entered.append(set())
    began = time.process_time()
    sys.settrace(_note)
    try:
        return (yield)
    finally:
        sys.settrace(None)
        entered = _entered.pop()
        for definitions in getattr(item, "_fixtureinfo").name2fixturedefs.values():  # noqa: B009
            entered.update(*(_by_fixture[definition] for definition in definitions))
        _by_test[_name(item.nodeid)] = (time.process_time() - began, entered)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any) -> Iterator[None]:
    """Record what a fixture enters, for each test that has it."""
    _entered.append(set())
    try:
        return (yield)
    finally:
        entered = _entered.pop()
        _by_fixture[fixturedef] |= entered
        _entered[-1] |= entered


def pytest_sessionfinish() -> None:
    """Write the part of this worker."""
    if not _by_test:
        return
    tests = {
        test: (round(taken_s, 3), sorted({_function(code) for code in codes if _own(code)}))
        for test, (taken_s, codes) in _by_test.items()
    }
    path = Path(os.environ[FOLDER]) / f"{os.getpid()}.json"
    path.write_text(json.dumps(tests))


def _name(test: str) -> str:
    """A test as pytest takes it: where tests run in groups, each name ends with its group."""
    return re.sub(r"@[^@\]]*$", "", test)


def _own(code: CodeType) -> bool:
    return SOURCE in code.co_filename and not code.co_name.startswith("<")


def _function(code: CodeType) -> Function:
    return code.co_filename.rpartition(SOURCE)[2].replace(os.sep, "/"), code.co_firstlineno


@dataclass(frozen=True)
class Entered:
    """The tests that enter each function.

    Attributes:
        tests: Their names by function, those first that enter the fewest functions.
        taken_s: How long each takes, while it is recorded.
    """

    tests: dict[Function, list[str]]
    taken_s: dict[str, float]

    @classmethod
    def read(cls, folder: Path) -> "Entered":
        """What the workers wrote."""
        parts = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
        every = {test: found for part in parts for test, found in part.items()}
        size = Counter({test: len(functions) for test, (_, functions) in every.items()})
        tests: dict[Function, list[str]] = {}
        for test in sorted(every, key=lambda name: (size[name], name)):
            for file, line in every[test][1]:
                tests.setdefault((file, line), []).append(test)
        return cls(tests, {test: taken_s for test, (taken_s, _) in every.items()})

    def of(self, module: Path, line: int, within_s: float) -> list[str]:
        """Tests that enter the function in which a line stands, as many as that time allows."""
        name = module.as_posix().rpartition("src/evergrid/")[2]
        for begin, stop in _functions(module):
            if begin <= line <= stop and (name, begin) in self.tests:
                return self._quick(self.tests[name, begin], within_s)
        return []

    def _quick(self, tests: list[str], within_s: float) -> list[str]:
        chosen: list[str] = []
        left_s = within_s
        for test in tests:
            if self.taken_s[test] <= left_s:
                left_s -= self.taken_s[test]
                chosen.append(test)
        return chosen


@functools.cache
def _functions(module: Path) -> list[tuple[int, int]]:
    """First and last line of each function of a file, inner ones first."""
    found = []
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            begin = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            found.append((begin, node.end_lineno or node.lineno))
    return sorted(found, key=lambda lines: lines[1] - lines[0])

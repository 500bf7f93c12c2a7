"""Faults are small, change the place they name only, and cover what is executed."""

import ast
from pathlib import Path

import pytest

import evergrid
from tests.mutation.__main__ import Mutant, drawn, equivalent
from tests.mutation.changes import Change, changes
from tests.mutation.covering import MORE
from tests.mutation.covering import SOURCE as SOURCE_FOLDER

SOURCE = '''"""Text."""
from a import b

LIMIT = 3


def first(x: "Float[Array, ' step']", n: int = 1) -> float:
    """Count to 5 if x < 4."""
    é, low = "é", -x
    if n < 2 and low:
        raise ValueError(f"got {n - 1}")
    low += b.minimum(low, n, axis=0)
    return low[1:n]


class Record:
    size: int = 4

    def larger(self, other):
        self.check()
        zip(self, other, strict=True)
        return other
'''


@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        (9, "-x", "x"),
        (10, "n < 2", "(n <= 2)"),
        (10, "n < 2", "(n > 2)"),
        (10, "n < 2 and low", "(n < 2 or low)"),
        (10, "n < 2 and low", "(not (n < 2 and low))"),
        (10, "2", "3"),
        (11, "raise ValueError(f'got {n - 1}')", "pass"),
        (12, "low += b.minimum(low, n, axis=0)", "low -= b.minimum(low, n, axis=0)"),
        (12, "b.minimum(low, n, axis=0)", "b.maximum(low, n, axis=0)"),
        (12, "b.minimum(low, n, axis=0)", "b.minimum(low, n)"),
        (12, "b.minimum(low, n, axis=0)", "b.minimum(low, axis=0)"),
        (12, "b.minimum(low, n, axis=0)", "b.minimum(low, n, axis=1)"),
        (13, "1:n", "1 + 1:n"),
        (13, "1:n", "1:n - 1"),
        (20, "self.check()", "pass"),
        (22, "other", "self"),
    ],
)
def test_a_fault_replaces_what_it_names(line: int, before: str, after: str) -> None:
    [change] = {
        (one.first, one.stop): one
        for one in changes(SOURCE)
        if (one.line, one.before, one.after) == (line, before, after)
    }.values()
    lines, faulty = SOURCE.splitlines(), change.applied(SOURCE).splitlines()
    assert change.text == lines[line - 1].strip()
    assert [
        n for n, (one, other) in enumerate(zip(lines, faulty, strict=True), 1) if one != other
    ] == [line]
    assert ast.unparse(ast.parse(change.applied(SOURCE))) != ast.unparse(ast.parse(SOURCE))


def test_texts_annotations_and_what_stands_outside_functions_keep_their_sense() -> None:
    assert {one.line for one in changes(SOURCE)} == {7, 9, 10, 11, 12, 13, 20, 21, 22}
    assert [str(one) for one in changes(SOURCE) if one.line == 7] == ["1 -> 2"]
    assert all(one.before.startswith("raise") for one in changes(SOURCE) if one.line == 11)


def test_the_draw_depends_on_the_seed_alone_and_takes_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    every = [Mutant(path, one) for one in changes(SOURCE)]
    whole = drawn(every, 1000, 1)
    assert sorted(whole, key=str_of) == sorted(every, key=str_of)
    assert drawn(every, 5, 1) == whole[:5]
    assert drawn(every, 5, 2) != whole[:5]
    one_kind = [one for one in every if one.change.kind == "constant"] * 50
    mixed = drawn([*every, *one_kind], 10, 1)
    assert len({one.change.kind for one in mixed}) > 4


def test_every_fault_that_is_argued_away_still_exists() -> None:
    source = Path(evergrid.__file__).parent
    for file, line, change in equivalent():
        found = {(one.text, str(one)) for one in changes((source / file).read_text())}
        assert (line, change) in found, (file, line, change)


def str_of(mutant: Mutant) -> tuple[int, int, str, str]:
    change: Change = mutant.change
    return change.first, change.stop, change.kind, change.after


def test_lengths_that_are_never_different_are_no_fault() -> None:
    of_line = {one.kind: one.after for one in changes(SOURCE) if one.line == 21}
    assert of_line == {"statement dropped": "pass", "argument dropped": "zip(self, strict=True)"}


def test_what_covers_a_module_by_name_is_there():
    root = Path(__file__).parents[2]
    for module, tests in MORE.items():
        assert (root / SOURCE_FOLDER / f"{module}.py").is_file(), module
        assert [test for test in tests if not (root / test).is_file()] == []

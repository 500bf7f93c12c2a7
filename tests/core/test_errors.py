"""The tree of errors is the one its docstring draws, and each is the builtin it resembles."""

import builtins
import re

import pytest

from evergrid.core import errors
from evergrid.core.faults import Fault
from evergrid.core.status import Status

DRAWN = re.compile(r"^(?P<indent>[ │├└─]*)(?P<name>[A-Z]\w+Error)(?: \((?P<builtin>\w+)\))?", re.M)
FAULT = Fault("capacity_kwh", "be above 0 kWh", (-1.0,), ("s1",), (4,))


def drawn():
    """Name, parent and builtin of each error in the drawing."""
    path: list[str] = []
    rows = []
    assert errors.__doc__ is not None
    for line in DRAWN.finditer(errors.__doc__.split("::", 1)[1]):
        depth = (len(line["indent"]) - 4) // 4
        path = [*path[:depth], line["name"]]
        rows.append((line["name"], path[-2] if depth else None, line["builtin"]))
    return rows


def defined():
    return {name for name, kind in vars(errors).items() if name.endswith("Error")}


def test_the_drawing_shows_every_error_there_is_and_no_other():
    assert {name for name, _, _ in drawn()} == defined()
    assert len(defined()) > 5


@pytest.mark.parametrize(("name", "parent", "builtin"), drawn())
def test_each_error_descends_from_what_the_drawing_says(
    name: str, parent: str | None, builtin: str | None
):
    kind = getattr(errors, name)
    if parent is not None:
        assert getattr(errors, parent) in kind.__bases__
    if builtin is not None:
        assert getattr(builtins, builtin) in kind.__bases__


def test_an_input_error_counts_and_lists_every_fault():
    one = errors.InputError("sessions", [FAULT])
    assert str(one) == f"sessions: 1 fault found\n  - {FAULT}"
    two = errors.InputError("sessions", [FAULT, Fault("site_id", "be given")])
    assert str(two).splitlines()[0] == "sessions: 2 faults found"
    assert len(str(two).splitlines()) == 3


def test_an_input_error_carries_its_first_fault_as_data():
    error = errors.InputError("sessions", [FAULT, Fault("site_id", "be given")])
    assert (error.field, error.rule) == ("capacity_kwh", "be above 0 kWh")
    assert (error.got, error.ids) == ((-1.0,), ("s1",))
    assert error.source == "sessions"


def test_a_solve_error_says_how_it_ended_and_what_is_known():
    error = errors.SolveError(Status.TIME_LIMIT, "This was the baseline.")
    assert str(error) == f"{Status.TIME_LIMIT.message} This was the baseline."
    assert errors.InfeasibleError(faults=[FAULT]).status is Status.INFEASIBLE
    assert str(FAULT) in str(errors.InfeasibleError("2 kWh are owed.", [FAULT]))


def test_raise_if_any_raises_only_when_there_is_a_fault():
    errors.raise_if_any("sessions", [])
    with pytest.raises(errors.InputError, match="capacity_kwh"):
        errors.raise_if_any("sessions", [FAULT])

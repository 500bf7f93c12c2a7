"""A record whose fields are not what their annotations say is refused by name."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pytest

from evergrid.core import records
from evergrid.core.arrays import Array, Bool, Float, Int, Shaped
from evergrid.core.errors import InputError


@dataclass(frozen=True)
class Meter:
    """One of every kind of field."""

    name: Shaped[Array, " meter"]
    read_utc: Shaped[Array, " meter"]
    power_kw: Float[Array, "meter step"]
    phases: Int[Array, " meter"]
    net: Bool[Array, " meter"]
    limit_kw: Float[Array, " meter"] | None = None
    loss: float = 0.0
    most: int | None = None
    kind: Literal["main", "sub"] = "main"
    note: str = ""

    def __post_init__(self) -> None:
        records.check(self, "meters", step=lambda: 3)


WHOLE: dict[str, Any] = {
    "name": np.array(["a", "b"], dtype=object),
    "read_utc": np.array(["2024-01-10", "2024-01-11"], dtype="datetime64[us]"),
    "power_kw": np.ones((2, 3)),
    "phases": np.array([1, 3]),
    "net": np.array([True, False]),
}


def made(**changed: Any):
    columns: dict[str, Any] = WHOLE | changed
    return Meter(**columns)


def faults(**changed: Any):
    with pytest.raises(InputError) as caught:
        made(**changed)
    return {fault.field: str(fault) for fault in caught.value.faults}


def test_a_whole_record_is_kept_and_whole_numbers_become_numbers():
    given = np.ones((2, 3))
    assert made(power_kw=given).power_kw is given
    meter = made(power_kw=np.ones((2, 3), np.int32), limit_kw=np.ones(2))
    assert meter.power_kw.dtype == np.float64
    assert meter.phases is WHOLE["phases"]
    assert made(name=np.array(["a", "b"])).loss == 0.0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("name", np.array(["a", 2], dtype=object), "a NumPy array of text, got an array of object"),
        ("name", np.array([1.0, 2.0]), "a NumPy array of text, got an array of float64"),
        ("read_utc", np.array(["a", "b"]), "a NumPy array of times, got an array of <U1"),
        ("power_kw", [[1.0] * 3] * 2, "a NumPy array of numbers, got a list"),
        ("power_kw", np.array([["1"] * 3] * 2), "a NumPy array of numbers, got an array of <U1"),
        ("power_kw", np.ones((2, 3), bool), "a NumPy array of numbers, got an array of bool"),
        ("power_kw", np.ones(2), "have the axes (meter, step), got the shape (2,)"),
        ("phases", np.array([1.0, 3.0]), "a NumPy array of whole numbers, got an array of float64"),
        ("net", np.array([1, 0]), "a NumPy array of flags, got an array of int64"),
        (
            "limit_kw",
            np.ones(1),
            "have a value for every meter, 2 in all, got 1. One value does not stand for others.",
        ),
        ("power_kw", np.ones((2, 1)), "have a value for every step, 3 in all, got 1"),
        ("loss", "0.1", "be a number, got '0.1', a str"),
        ("loss", True, "be a number, got True, a bool"),
        ("most", 2.5, "be a whole number, got 2.5, a float"),
        ("loss", 10**400, "be a number, got a whole number of about 401 digits, a int"),
        ("kind", "mian", "be one of main, sub, got mian"),
        ("kind", np.array(["main", "sub"]), "be one of main, sub, got a ndarray"),
        ("note", None, "be text, got a NoneType"),
    ],
)
def test_a_field_of_another_kind_or_length_is_named_with_what_it_is(
    name: str, value: Any, said: str
):
    found = faults(**{name: value})
    assert list(found) == [name]
    assert said in found[name]


def test_every_field_that_does_not_fit_is_told_at_once():
    assert set(faults(phases=np.ones(3, int), net=np.ones(1, bool), loss="1")) == {
        "phases",
        "net",
        "loss",
    }

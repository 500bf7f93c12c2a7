"""What a table of chargers refuses, by name and with a way out."""

from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.model.charging.chargers import ANY_STARTS, Chargers


def some(**given: Any) -> Chargers:
    columns = {
        "charger_id": np.array(["a", "b"], dtype=object),
        "site_id": np.array(["office", "office"], dtype=object),
        "phases": np.array([1, 3]),
        "phase": np.array(["L2", "L1"], dtype=object),
        "least_a": np.full(2, 6.0),
        "most_a": np.array([32.0, 16.0]),
        "step_a": np.ones(2),
        "voltage_v": np.full(2, 230.0),
        "least_on_min": np.zeros(2),
        "least_off_min": np.zeros(2),
        "most_starts": np.full(2, ANY_STARTS),
    }
    return Chargers(**(columns | given))


def test_rows_are_found_by_name() -> None:
    assert some().row(np.array(["b", "c", "a"], dtype=object)).tolist() == [1, -1, 0]


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("charger_id", np.array(["a", "a"], dtype=object), "be unique"),
        ("charger_id", np.array(["a", ""], dtype=object), "not be empty"),
        ("phases", np.array([1, 2]), "be 1 or 3, got 2 for b"),
        ("phase", np.array(["L2", "N"], dtype=object), "be L1, L2 or L3, got N for b"),
        ("least_a", np.array([6.0, -6.0]), "be above 0 and at most 1000 A, got -6 for b"),
        ("least_a", np.array([6.0, np.nan]), "be above 0 and at most 1000 A, got nan for b"),
        ("least_a", np.array([6.0, 20.0]), "most_a must be at least least_a"),
        ("step_a", np.array([1.0, 20.0]), "step_a must be at most most_a"),
        ("step_a", np.array([1.0, 5.0]), "least_a must be a whole number of steps"),
        ("most_a", np.array([32.0, 16.5]), "most_a must be a whole number of steps"),
        ("voltage_v", np.array([230.0, 0.23]), "be from 50 to 1,000 V"),
        ("least_on_min", np.array([0.0, -1.0]), "be at least 0 min"),
        ("most_starts", np.array([1, 0]), "be at least 1, got 0 for b"),
    ],
)
def test_a_bad_value_is_refused(name: str, values: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        some(**{name: values})

"""How to plan: a method that there is not, or a number out of range, is refused before the work."""

from typing import Any

import jaxtyping
import numpy as np
import pytest

from evergrid.dispatch.plan import Options
from tests.model.cases import faults_of


@pytest.fixture(autouse=True)
def unhooked(monkeypatch: pytest.MonkeyPatch):
    """Without the tests' own shape checks, as users call."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"end_value_per_kwh": np.inf}, "end_value_per_kwh"),
        ({"end_value_per_kwh": np.nan}, "end_value_per_kwh"),
        ({"end_value_per_kwh": -0.1}, "end_value_per_kwh"),
        ({"end_value_per_kwh": 1.1e9}, "end_value_per_kwh"),
        ({"end_value_per_kwh": "dear"}, "end_value_per_kwh"),
        ({"method": "simplex"}, "method"),
        ({"gap": 0.0}, "gap"),
        ({"gap": 1.0}, "gap"),
        ({"gap": np.nan}, "gap"),
        ({"time_limit_s": 0.0}, "time_limit_s"),
        ({"time_limit_s": np.nan}, "time_limit_s"),
        ({"zones": 0}, "zones"),
        ({"zones": 1.5}, "zones"),
    ],
)
def test_options_out_of_range_are_refused(changed: dict[str, Any], field: str):
    assert list(faults_of(Options, **({"end_value_per_kwh": 0.1} | changed))) == [field]

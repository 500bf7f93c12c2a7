"""Voltages during a fault from one phase to earth."""

import math
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.waveform.earthing import earth_fault_voltages, is_effectively_earthed


def test_nothing_ties_the_island_and_healthy_phases_rise_by_root_three() -> None:
    found = earth_fault_voltages(zero_admittance_pu=0.0, positive_impedance_pu=0.1j)
    assert found.phase_pu == pytest.approx([0.0, math.sqrt(3), math.sqrt(3)], abs=1e-12)
    assert found.current_pu == 0.0
    assert not is_effectively_earthed(found)


def test_with_equal_sequences_healthy_phases_stay() -> None:
    found = earth_fault_voltages(zero_admittance_pu=1 / 0.1j, positive_impedance_pu=0.1j)
    assert found.phase_pu == pytest.approx([0.0, 1.0, 1.0], abs=1e-12)
    assert found.current_pu == pytest.approx(10.0)
    assert is_effectively_earthed(found)


@pytest.mark.parametrize("zero", [0.05j, 0.3 + 0.2j, 0.02 - 0.5j])
def test_the_circuit_solved_phase_by_phase_agrees(zero: complex) -> None:
    positive, negative, fault = 0.02 + 0.1j, 0.03 + 0.3j, 0.2
    turn = np.exp(2j * np.pi / 3)
    split = np.array([[1, 1, 1], [1, turn**2, turn], [1, turn, turn**2]])
    impedance = split @ np.diag([zero, positive, negative]) @ np.linalg.inv(split)
    inner = split @ np.array([0, 1, 0])
    current = np.array([inner[0] / (impedance[0, 0] + fault), 0, 0])
    expected = np.abs(inner - impedance @ current)
    found = earth_fault_voltages(
        zero_admittance_pu=1 / zero,
        positive_impedance_pu=positive,
        negative_impedance_pu=negative,
        fault_resistance_pu=fault,
    )
    np.testing.assert_allclose(found.phase_pu, expected, rtol=1e-12)
    assert found.current_pu == pytest.approx(abs(current[0]), rel=1e-12)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("zero_admittance_pu", complex(math.nan, 0)),
        ("positive_impedance_pu", -0.1),
        ("negative_impedance_pu", math.inf),
        ("fault_resistance_pu", -1.0),
    ],
)
def test_impedances_that_cannot_be_are_refused(field: str, value: complex) -> None:
    given: dict[str, Any] = {"zero_admittance_pu": 0.1j, "positive_impedance_pu": 0.1j}
    given[field] = value
    with pytest.raises(InputError) as refused:
        earth_fault_voltages(**given)
    assert refused.value.field == field

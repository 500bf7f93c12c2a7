"""Elements with impossible numbers are refused, with the way out."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.network.elements import ImpedanceLoad, SeriesBranch, ShuntResistor


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf])
def test_an_impedance_that_is_negative_or_not_finite_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="resistance_ohm must be at least 0 and finite"):
        SeriesBranch("line", "a", "b", value, 1e-3)
    with pytest.raises(InputError, match="inductance_h must be above 0 and finite"):
        ImpedanceLoad("load", "a", 10.0, value)
    with pytest.raises(InputError, match="resistance_ohm must be above 0 and finite"):
        ShuntResistor("resistor", "a", value)


def test_a_load_without_inductance_is_refused_and_the_way_out_is_told() -> None:
    with pytest.raises(InputError, match=r"inductance_h must be above 0.*ShuntResistor"):
        ImpedanceLoad("load", "a", 10.0, 0.0)


def test_a_branch_from_a_bus_to_itself_is_refused() -> None:
    with pytest.raises(InputError, match="to_bus must differ from from_bus"):
        SeriesBranch("line", "a", "a", 0.1, 1e-3)


def test_a_nominal_frequency_is_50_or_60_or_none() -> None:
    with pytest.raises(InputError, match=r"be 50, 60 or none, got 16\.7"):
        SeriesBranch("line", "a", "b", 0.1, 1e-3, 16.7)

"""An inverter of any rating has the eigenvalues of the verified one."""

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.resilience.black_start.assets.ratings import VERIFIED, VERIFIED_VA, rated
from evergrid.resilience.inverter.droop import DroopInverter
from evergrid.resilience.network.assembly import assemble
from evergrid.resilience.network.dq_network import DqNetwork
from evergrid.resilience.network.elements import GridFormingUnit, ImpedanceLoad, SeriesBranch
from evergrid.resilience.network.small_signal import modes
from evergrid.resilience.network.steady_state import steady_state


def eigenvalues(inverter: DroopInverter, ohms: float) -> np.ndarray:
    """Of the three inverters of the paper, with lines and loads in these units of impedance."""
    hertz = inverter.nominal_hz
    units = tuple(GridFormingUnit(f"u{k}", f"b{k}", inverter) for k in range(3))
    lines = tuple(
        SeriesBranch(f"line {k}", f"b{k}", f"b{k + 1}", r * ohms, x * ohms / (100 * np.pi))
        for k, (r, x) in enumerate(((0.23, 0.1), (0.35, 0.58)))
    )
    loads = tuple(
        ImpedanceLoad(f"load {k}", f"b{k}", r * ohms, 1e-3 * ohms)
        for k, r in ((0, 25.0), (2, 20.0))
    )
    microgrid = DqNetwork(hertz, ("b0", "b1", "b2"), units, lines, loads)
    return modes(steady_state(assemble(microgrid))).eigenvalue_per_s


@pytest.mark.parametrize(("apparent_va", "voltage_v"), [(66e3, 480.0), (3e3, 208.0), (2e6, 690.0)])
def test_eigenvalues_stay_what_they_are_at_another_rating(apparent_va: float, voltage_v: float):
    ohms = (voltage_v / VERIFIED.voltage_v) ** 2 * VERIFIED_VA / apparent_va
    verified = eigenvalues(VERIFIED, 1.0)
    scaled = eigenvalues(rated(apparent_va, voltage_v, 50.0), ohms)
    assert verified[0].real == pytest.approx(-8.39, abs=0.05)  # of the paper's case, at 381 V
    np.testing.assert_allclose(scaled, verified, rtol=1e-9)


def test_droop_is_told_in_hertz_and_per_unit():
    made = rated(20e3, 400.0, 60.0, droop_hz=0.3, droop_voltage_pu=0.05, current_limit_pu=1.2)
    assert made.droop_rad_per_s_per_w * 20e3 == pytest.approx(2 * np.pi * 0.3)
    assert made.droop_v_per_var * 20e3 == pytest.approx(20.0)
    assert made.current_limit_a == pytest.approx(1.2 * 50.0)


def test_a_rating_that_is_none_is_refused():
    with pytest.raises(InputError, match="nominal_hz"):
        rated(10e3, 400.0, 55.0)

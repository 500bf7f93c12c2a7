"""The power flow in JAX finds what the compiled loops find, on one device or several."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid import device_flow
from evergrid.grid.device_flow import run
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import Feeder
from evergrid.grid.feeder.load_law import EXPONENT, mixed, table
from evergrid.grid.flow import power_flow
from evergrid.grid.flow.power_flow import Flow, Network
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import CATEGORY_B, COMPENSATION, Control, VoltWatt
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.day_limits import DayLimits, day_limits
from evergrid.grid.limits.kinds import Kind
from evergrid.grid.limits.limits import Limits
from tests.grid.cases import evaluated, street
from tests.grid.strength_cases import tree

REPOSITORY = Path(__file__).parents[2]
TIGHT = 1e-11
SAME = 1e-9

ON_DEVICES = """
import sys
import jax, numpy as np
jax.config.update("jax_num_cpu_devices", 4)
from evergrid.grid import device_flow
from tests.grid.test_device_flow import made, random_powers
network = made(3)
power, reactive = random_powers(network, 300, 40.0)
for count in (1, 4):
    devices = jax.local_devices()[:count]
    assert len(devices) == count
    flow = device_flow.solve(network, power, reactive, tolerance_pu=1e-11, devices=devices)
    np.savez(f"{sys.argv[1]}/{count}.npz", voltage=flow.voltage_pu, settled=flow.settled)
"""


def random_powers(network: Network, scenarios: int, size: float, seed: int = 0):
    random = np.random.default_rng(seed)
    shape = (scenarios, len(network.branches))
    return random.uniform(-size, size, shape), random.uniform(-size / 3, size / 3, shape)


def made(seed: int) -> Network:
    """A random tree of single-phase buses whose loads have random laws."""
    random = np.random.default_rng(seed)
    count = 12
    parents = np.array([int(random.integers(-1, child)) for child in range(count)])
    parents[0] = -1
    ohm = random.uniform(0.002, 0.01, count) * (1.0 + 1j * random.uniform(0.1, 2.0, count))
    feeder = tree(parents, ohm, [f"b{i}" for i in range(count)])
    window = np.sort(random.uniform(0.4, 1.2, (count, 3)), axis=1)
    power, reactive = (mixed(random.dirichlet(np.ones(3), count), window) for _ in range(2))
    power[::3, EXPONENT] = random.uniform(0.5, 2.5, len(power[::3]))
    cutoff = np.where(np.arange(count) % 4 == 0, 0.7, 0.0)
    law = table(power, reactive, nominal_pu=np.ones(count), window=window, cutoff=cutoff)
    branches = replace(
        feeder.branches,
        power_kw=random.uniform(-8.0, 2.0, count),
        reactive_kvar=random.uniform(-3.0, 1.0, count),
        law=law,
    )
    return power_flow.reduce(replace(feeder, branches=branches))


@pytest.fixture(scope="module")
def ieee13_network(ieee13: Feeder) -> Network:
    return power_flow.reduce(ieee13)


@pytest.fixture(scope="module")
def street_network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return power_flow.reduce(opendss.read(street(tmp_path_factory.mktemp("street"))))


def both(network: Network, *powers: Any, **more: Any) -> tuple[Flow, Flow]:
    given = {"tolerance_pu": TIGHT, **more}
    return tuple(m.solve(network, *powers, **given) for m in (power_flow, device_flow))


def assert_same(one: Flow, other: Flow, within: float = SAME) -> None:
    assert (one.settled == other.settled).all()
    assert np.abs(one.voltage_pu - other.voltage_pu)[one.settled].max() < within


def test_constant_powers_find_the_same_voltages(ieee13_network: Network):
    branches = ieee13_network.branches
    share = np.random.default_rng(0).uniform(0.2, 1.3, (60, len(branches)))
    one, other = both(ieee13_network, share * branches.power_kw, share * branches.reactive_kvar)
    assert one.settled.all()
    assert_same(one, other)
    assert other.inverter_kw is None


def test_loads_of_the_feeder_answer_alike(ieee13_network: Network):
    share = np.random.default_rng(0).uniform(0.0, 1.3, (60, len(ieee13_network.branches)))
    nothing = np.zeros_like(share)
    one, other = both(ieee13_network, nothing, nothing, load_share=share)
    assert one.settled.all()
    assert_same(one, other)


@pytest.mark.parametrize("seed", range(3))
def test_loads_of_any_law_and_window_answer_alike(seed: int):
    network = made(seed)
    power, reactive = random_powers(network, 60, 20.0, seed)
    share = np.random.default_rng(seed).uniform(0.0, 2.0, power.shape)
    one, other = both(network, power, reactive, load_share=share)
    assert one.settled.any()
    assert_same(one, other)


def test_what_the_wires_cannot_carry_is_told_alike_and_disturbs_nothing(street_network: Network):
    power, reactive = random_powers(street_network, 60, 5.0)
    factor = np.linspace(1.0, 80.0, 60)[:, None]  # across the edge
    one, other = both(street_network, factor * power, factor * reactive, tolerance_pu=1e-9)
    assert 5 < other.settled.sum() < 55
    assert_same(one, other, 1e-8)
    assert (other.error_pu[~other.settled] > 1e-9).all()


@pytest.mark.parametrize(
    "control",
    [
        CATEGORY_B,
        COMPENSATION,
        replace(CATEGORY_B, priority="reactive"),
        Control(volt_watt=VoltWatt(), watt_var=volt_var.WATT_VAR.watt_var),
    ],
)
def test_inverters_come_to_the_same_rest(street_network: Network, control: Control):
    power, reactive = random_powers(street_network, 40, 3.0)
    wanted, _ = random_powers(street_network, 40, 12.0, 1)
    rating = np.where(np.random.default_rng(2).random(power.shape) < 0.7, 8.0, 0.0)
    inverters = volt_var.Inverters(rating, (control, volt_var.UNITY), np.arange(40) % 2)
    one, other = both(street_network, power, reactive, inverters=inverters, inverter_kw=wanted)
    assert one.settled.all()
    assert_same(one, other)
    assert other.inverter_kw == pytest.approx(one.inverter_kw, abs=1e-7)
    assert other.inverter_kvar == pytest.approx(one.inverter_kvar, abs=1e-7)


def test_a_permutation_of_scenarios_permutes_the_voltages(street_network: Network):
    power, reactive = random_powers(street_network, 130, 8.0)
    order = np.random.default_rng(1).permutation(130)
    one = device_flow.solve(street_network, power, reactive, tolerance_pu=TIGHT)
    other = device_flow.solve(street_network, power[order], reactive[order], tolerance_pu=TIGHT)
    assert other.voltage_pu == pytest.approx(one.voltage_pu[order], abs=SAME)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 130])
def test_chunks_change_nothing(
    street_network: Network, monkeypatch: pytest.MonkeyPatch, count: int
):
    power, reactive = random_powers(street_network, 130, 8.0)
    whole = device_flow.solve(street_network, power, reactive, tolerance_pu=TIGHT)
    lanes, widths = run._lanes, [0]
    monkeypatch.setattr(run, "CPU_LANES", 64)
    monkeypatch.setattr(run, "_lanes", lambda *given: widths.append(lanes(*given)) or widths[-1])
    part = device_flow.solve(street_network, power[:count], reactive[:count], tolerance_pu=TIGHT)
    assert part.settled.all()
    assert part.voltage_pu == pytest.approx(whole.voltage_pu[:count], abs=SAME)
    assert max(widths) <= 64  # which bounds the memory


def test_the_tolerance_is_kept(ieee13_network: Network):
    branches = ieee13_network.branches
    share = np.random.default_rng(0).uniform(0.2, 1.3, (60, len(branches)))
    powers = share * branches.power_kw, share * branches.reactive_kvar
    exact = power_flow.solve(ieee13_network, *powers, tolerance_pu=1e-12).voltage_pu
    for tolerance in (1e-4, 1e-6, 1e-8):
        flow = device_flow.solve(ieee13_network, *powers, tolerance_pu=tolerance)
        assert np.abs(flow.voltage_pu - exact).max() <= tolerance


@pytest.fixture(scope="module", params=["phase", "total"])
def limits(street_network: Network, request: pytest.FixtureRequest) -> DayLimits:
    branches = street_network.branches
    base = branches.power_kw[:, None], branches.reactive_kvar[:, None]
    what = Limits(low_pu=0.94, high_pu=1.06, transformer=1.0, transformer_by=request.param)
    case = FeederCase((street_network,), np.zeros(1, np.int64), *base, 1.0, what)
    return day_limits(case)


def test_the_worst_places_are_those_that_all_voltages_tell(limits: DayLimits):
    power, reactive = random_powers(limits.case.networks[0], 60, 25.0)
    power[3] = -600.0
    found = device_flow.worst(limits, power, reactive)
    told = evaluated(limits, np.zeros(60, np.int64), power, reactive)
    lost = np.arange(60) == 3
    assert found.excess[~lost] == pytest.approx(told.excess[~lost], abs=5e-6)
    assert (found.where[~lost, :-1] == told.where[~lost, :-1]).mean() > 0.99  # but for ties
    assert (found.violated == told.violated).all()
    assert found.violated[lost].all()
    assert (found.excess[lost, :-1] == -np.inf).all()
    bound = limits.bound[limits.rows.of(Kind.TRANSFORMER)]
    assert found.transformer.shape == (60, len(bound))
    instant = (found.transformer[~lost] - bound).max(axis=1)
    assert instant == pytest.approx(found.excess[~lost, Kind.TRANSFORMER], abs=1e-6)


def test_a_feeder_where_nothing_is_rated_is_evaluated_by_its_voltages():
    network = made(1)
    base = np.zeros((len(network.branches), 1))
    case = FeederCase((network,), np.zeros(1, np.int64), base, base, 1.0, Limits())
    found = device_flow.worst(day_limits(case), base.T, base.T)
    assert not found.violated.any()
    assert found.transformer.shape == (1, 0)
    assert found.excess[0, Kind.LINE] == -np.inf
    assert found.where[0, Kind.UNBALANCE] == -1


@pytest.mark.slow
def test_four_devices_find_what_one_finds(tmp_path: Path):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", ON_DEVICES, str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True, timeout=240)
    one, four = (np.load(tmp_path / f"{count}.npz") for count in (1, 4))
    network = made(3)
    alone = power_flow.solve(network, *random_powers(network, 300, 40.0), tolerance_pu=TIGHT)
    assert alone.settled.any()
    for told in (one, four):
        assert (told["settled"] == alone.settled).all()
        there = alone.settled
        assert told["voltage"][there] == pytest.approx(alone.voltage_pu[there], abs=SAME)


def test_powers_that_are_no_numbers_are_refused(street_network: Network):
    power = np.zeros((2, len(street_network.branches)))
    power[1, 0] = np.nan
    with pytest.raises(InputError, match="power_kw must be finite in every scenario"):
        device_flow.solve(street_network, power, np.zeros_like(power))


def test_inverters_without_their_powers_are_refused(street_network: Network):
    power = np.zeros((2, len(street_network.branches)))
    inverters = volt_var.everywhere(power + 1.0, CATEGORY_B)
    with pytest.raises(InputError, match="inverter_kw must stand beside inverters"):
        device_flow.solve(street_network, power, power, inverters=inverters)


def test_the_package_is_imported_without_jax():
    code = "import sys; import evergrid.grid.device_flow; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_jax_is_told_with_the_way_out(
    street_network: Network, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "jax", None)
    power = np.zeros((1, len(street_network.branches)))
    with pytest.raises(InputError, match=r"evergrid\[device\]"):
        device_flow.solve(street_network, power, power)

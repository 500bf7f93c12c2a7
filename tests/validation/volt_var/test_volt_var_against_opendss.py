"""Do the inverters' equilibrium and the taps of a day agree with OpenDSS' own controls?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evergrid.grid import opendss_day
from evergrid.grid.devices import switching, time_series
from evergrid.grid.devices.time_series import Day
from evergrid.grid.feeder import opendss
from evergrid.grid.flow import power_flow
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import CATEGORY_B, COMPENSATION, UNITY, Control
from evergrid.grid.inverters.volt_var_kernels import answer
from tests.grid.cases import IEEE13
from tests.grid.day_cases import a_day, fleet, load_shape, master

STEPS = 240
AGREEMENT = {  # share of steps, voltage error in these, and in the worst, pu
    "ieee13": (0.98, 1e-7, 1e-7),
    "ieee34": (0.9, 5e-7, 5e-5),
    "ieee123": (0.98, 1e-7, 1e-7),
}


@pytest.mark.data
@pytest.mark.parametrize("name", ["ieee13", "ieee34", "ieee123"])
@pytest.mark.parametrize("control", [None, UNITY, COMPENSATION])
def test_every_tap_of_a_day_is_that_of_opendss(
    data_folder: Path, name: str, control: Control | None
) -> None:
    path = master(data_folder, name)
    feeder = opendss.read(path)
    reduced = switching.reduce(feeder)
    day = a_day(feeder, [control or UNITY], steps=STEPS)
    rating, power = fleet(feeder, STEPS)
    power = power * (control is not None)
    day = replace(day, power_kw=power[None])
    law = volt_var.laws((control or UNITY,), reduced.impedance)[0]
    kvar = np.zeros_like(power)
    for k in np.flatnonzero(rating):
        kvar[k] = [answer(law[k], 1.0, 0.0, p, rating[k])[1] for p in power[k]]
    ours = time_series.simulate(reduced, day, leftovers=True, tolerance_pu=1e-9)
    theirs = opendss_day.day(
        path,
        feeder,
        step_s=60.0,
        load_share=load_shape(STEPS),
        power_kw=power,
        reactive_kvar=kvar,
    )
    assert theirs.settled.all()
    np.testing.assert_array_equal(ours.tap[0], theirs.tap(feeder))
    for told, low in ((ours.low_pu[0], True), (ours.high_pu[0], False)):
        found = theirs.voltage_pu.min(axis=0) if low else theirs.voltage_pu.max(axis=0)
        apart = np.sort(np.abs(told - found))
        # In some steps a load is where its law changes; the README tells how laws differ there.
        most, usual, worst = AGREEMENT[name]
        assert apart[int(most * STEPS)] < usual
        assert apart[-1] < worst


@pytest.mark.data
@pytest.mark.parametrize("power_kw", [5.0, -5.0, 6.9])
def test_the_equilibrium_on_a_low_voltage_feeder_is_that_of_opendss(
    data_folder: Path, power_kw: float
) -> None:
    path = master(data_folder, "eulv")
    wide = ("batchedit load..* vminpu=0.3 vmaxpu=2 vlowpu=0.2 model=1",)
    feeder = opendss.read(path, source_pu=1.0, commands=wide)
    count = len(feeder.branches)
    rating, power = np.zeros(count), np.zeros(count)
    chosen = np.random.default_rng(0).permutation(count)[:33]
    rating[chosen], power[chosen] = 7.4, power_kw
    network = power_flow.reduce(feeder, feeder.branches.constant_power())
    flow = power_flow.solve(
        network,
        feeder.branches.power_kw[None],
        feeder.branches.reactive_kvar[None],
        inverters=volt_var.everywhere(rating[None], CATEGORY_B),
        inverter_kw=power[None],
        tolerance_pu=1e-9,
    )
    theirs = opendss_day.day(
        path,
        feeder,
        step_s=60.0,
        load_share=np.ones(1),
        power_kw=power[:, None],
        curve=CATEGORY_B.volt_var,
        rating_kva=rating,
        commands=("edit vsource.source pu=1.0", *wide, "batchedit load..* daily=''"),
    )
    assert theirs.settled.all()
    np.testing.assert_allclose(
        np.abs(flow.voltage_pu[0]), theirs.voltage_pu[:, 0], rtol=0, atol=1e-7
    )


BANKS = (
    "type=voltage ptratio=20 onsetting=117 offsetting=121 delay=30 delayoff=45 deadtime=300",
    "type=current ctratio=1 onsetting=190 offsetting=120 delay=90 delayoff=45 deadtime=900",
    "type=kvar ptratio=20 onsetting=300 offsetting=-700 VoltOverride=yes vmin=117 vmax=121",
)


def same_day(commands: tuple[str, ...], power_kw: float, waves: int) -> tuple[int, int]:
    """Run the built-in feeder in both and count operations; raise unless all are the same."""
    feeder = opendss.read(IEEE13, commands=commands)
    count = len(feeder.branches)
    wave = np.sin(2 * np.pi * waves * np.arange(STEPS) / STEPS)
    share, power = 0.6 + 0.4 * wave, np.tile(power_kw * wave, (count, 1))
    none = volt_var.everywhere(np.zeros((1, count)), UNITY)
    day = Day(60.0, power[None], none, share[None, None])
    reduced = switching.reduce(feeder)
    ours = time_series.simulate(reduced, day, leftovers=True, tolerance_pu=1e-9)
    theirs = opendss_day.day(
        IEEE13, feeder, step_s=60.0, load_share=share, power_kw=power, commands=commands
    )
    np.testing.assert_array_equal(ours.tap[0], theirs.tap(feeder))
    np.testing.assert_array_equal(ours.connected[0], theirs.connected)
    assert (ours.tap_operations[0] == theirs.tap_operations(feeder)).all()
    return int(ours.tap_operations.sum()), int(ours.bank_operations.sum())


@pytest.mark.parametrize("control", BANKS)
def test_banks_switch_when_those_of_opendss_do(control: str) -> None:
    command = f"New CapControl.c capacitor=675 element=line.692-675 {control}"
    taps, banks = same_day((command,), 0.0, waves=4)
    assert taps > 20
    assert banks > 0


def test_taps_under_reverse_flow_are_those_of_opendss() -> None:
    names = [regulator.name for regulator in opendss.read(IEEE13).regulators]
    back = "reversible=yes revvreg=119 revband=2 revr=0 revx=0 revdelay=60 revthreshold=50"
    taps, _ = same_day(tuple(f"RegControl.{name}.{back}" for name in names), 350.0, waves=2)
    assert taps > 50

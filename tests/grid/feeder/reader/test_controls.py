"""Are controls of OpenDSS read with every property, and what is not modelled told by name?"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evergrid.core.errors import InputError
from evergrid.grid.feeder import opendss
from evergrid.grid.feeder.feeder import GROUND
from tests.grid.cases import IEEE13

# What docs/concepts/volt_var.md says of each property; a new one of a later engine fails here.
MODELLED = {
    "regcontrol": (
        "transformer winding vreg band ptratio ctprim r x bus delay reversible revvreg revband revr"
        " revx tapdelay maxtapchange inversetime tapwinding vlimit ptphase revthreshold revdelay"
        " revneutral remoteptratio tapnum ldc_z rev_z cogen enabled"
    ),
    "capcontrol": (
        "element terminal capacitor type ptratio ctratio onsetting offsetting delay voltoverride"
        " vmax vmin delayoff deadtime ctphase ptphase vbus pctminkvar enabled"
    ),
}
HARMLESS = "debugtrace eventlog reset basefreq like"
REFUSED = "usermodel userdata controlsignal"  # with the types user and follow

CONTROL = "New CapControl.c capacitor=675 element=line.692-675 type=voltage"


@pytest.mark.parametrize("kind", MODELLED)
def test_every_property_of_the_engine_has_been_judged(kind: str) -> None:
    engine: Any = opendss.opened(IEEE13, (CONTROL,))
    circuit = engine.ActiveCircuit
    name = {"regcontrol": circuit.RegControls.AllNames[0], "capcontrol": "c"}[kind]
    circuit.SetActiveElement(f"{kind}.{name}")
    found = {key.lower() for key in circuit.ActiveCktElement.AllPropertyNames}
    assert found == set(f"{MODELLED[kind]} {HARMLESS} {REFUSED}".split()) & found
    assert set(MODELLED[kind].split()) <= found


def test_a_control_is_read_with_what_it_is_told() -> None:
    first = opendss.read(IEEE13).regulators[0]
    told = (
        "ptphase=1 vlimit=121 ldc_z=3 rev_z=2 inversetime=yes cogen=yes revthreshold=7 revdelay=90 "
        "revneutral=yes revvreg=118 delay=33 tapdelay=4 maxtapchange=0"
    )
    commands = (f"RegControl.{first.name}.{word}" for word in told.split())
    (control,) = opendss.read(IEEE13, commands=tuple(commands)).regulators[0].controls
    assert (control.limit_v, control.compensation_z_v, control.inverse_time) == (121, 3, True)
    assert (control.delay_s, control.tap_delay_s, control.frozen) == (33, 4, True)
    reverse = control.reverse
    assert reverse is not None
    assert (reverse.cogeneration, reverse.to_neutral, reverse.target_v) == (True, True, 118)
    assert (reverse.threshold_kw, reverse.delay_s, reverse.compensation_z_v) == (7, 90, 2)


def test_a_control_of_another_bus_measures_there_and_ignores_direction() -> None:
    first = opendss.read(IEEE13).regulators[0].name
    feeder = opendss.read(
        IEEE13,
        commands=(
            f"RegControl.{first}.bus=671.1",
            f"RegControl.{first}.reversible=yes",
            "set controlmode=off",
        ),
    )
    (control,) = feeder.regulators[0].controls
    assert control.remote == (feeder.node("671", 1), GROUND)
    assert control.reverse is None


def test_controls_that_find_no_rest_are_named() -> None:
    band = "onsetting=116 offsetting=116.2 ptratio=20 delay=0 delayoff=0 deadtime=0"
    with pytest.raises(InputError, match=r"come to rest in OpenDSS, got capcontrol\.c"):
        opendss.read(IEEE13, commands=(f"{CONTROL} {band}",))


def test_taps_of_two_windings_of_one_transformer_are_refused_by_name() -> None:
    first = opendss.read(IEEE13).regulators[0]
    other = f"New RegControl.other transformer={first.transformer} winding=1"
    with pytest.raises(InputError, match=r"one winding of a transformer.*regcontrol\.other"):
        opendss.read(IEEE13, commands=(other, "set controlmode=off"))


def test_a_bank_that_is_open_is_read_as_it_is_while_connected(tmp_path: Path) -> None:
    on = opendss.read(IEEE13).capacitors[0]
    for command in ("Capacitor.675.states=[0]", "open capacitor.675 1"):
        feeder = opendss.read(IEEE13, commands=(command,))
        assert feeder.state.connected[0] is False
        np.testing.assert_allclose(feeder.capacitors[0].admittance, on.admittance, rtol=1e-12)

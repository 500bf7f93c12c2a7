"""Islands, units and batteries that the tests of phasors share."""

import numpy as np

from evergrid.battery.pack import Pack
from evergrid.battery.thermal import ThermalMass
from evergrid.resilience.inverter.dc_side import DcSide
from evergrid.resilience.inverter.regfm_a1 import RegfmA1
from evergrid.resilience.phasor.island import PhasorIsland, PhasorLine, PhasorLoad
from evergrid.resilience.phasor.units import FormingUnit

BASE_KVA = 1000.0


def pack(capacity_kwh: float = 155.0) -> Pack:
    """A bus's pack, in round numbers."""
    return Pack(
        capacity_kwh=capacity_kwh,
        state=np.linspace(0.0, 1.0, 5),
        rest_v=np.array([560.0, 620.0, 650.0, 680.0, 730.0]),
        least_v=520.0,
        most_v=760.0,
        most_a=300.0,
        resistance_ohm=0.08,
        activation_k=3000.0,
        charge_temperature_c=np.array([-10.0, 0.0, 25.0]),
        charge_share=np.array([0.0, 0.3, 1.0]),
        mass=ThermalMass(4e5, 10.0),
    )


def dc_side(state: float = 0.5, **how: float) -> DcSide:
    return DcSide(pack(how.pop("capacity_kwh", 155.0)), state, **how)


def pair(**how: object) -> PhasorIsland:
    """The two equal inverters of the saturation case, with one load on and one off."""
    model = RegfmA1(resistance_pu=0.0015)
    given: dict[str, object] = {
        "buses": ("b",),
        "units": (
            FormingUnit("one", "b", 1000.0, model, 700.0, running=True),
            FormingUnit("two", "b", 1000.0, model, 300.0, running=True),
        ),
        "loads": (
            PhasorLoad("base", "b", 1000.0, 200.0, closed=True),
            PhasorLoad("more", "b", 500.0, 100.0),
        ),
        "base_kva": BASE_KVA,
    }
    return PhasorIsland(**{**given, **how})  # pyright: ignore[reportArgumentType]


def hospital(**how: object) -> PhasorIsland:
    """Two buses' chargers of 125 kVA at the end of a line, and three blocks of 100 kW."""
    model = RegfmA1().bidirectional()
    given: dict[str, object] = {
        "buses": ("plaza", "hospital"),
        "units": (
            FormingUnit("first", "plaza", 125.0, model, running=True),
            FormingUnit("second", "plaza", 125.0, model, running=True),
        ),
        "lines": (PhasorLine("cable", "plaza", "hospital", 0.02, 0.05),),
        "loads": tuple(PhasorLoad(name, "hospital", 100.0, 30.0) for name in "abc"),
        "base_kva": 250.0,
    }
    return PhasorIsland(**{**given, **how})  # pyright: ignore[reportArgumentType]

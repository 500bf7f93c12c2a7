"""Small feeders written for a test, and the built-in one."""

from importlib import resources
from pathlib import Path
from typing import Any

from evergrid.grid.limits.day_limits import DayLimits
from evergrid.grid.limits.evaluator import LimitResults

IEEE13 = Path(str(resources.files("evergrid.grid.feeder") / "built_in" / "ieee13.dss"))

STREET = """
Set DefaultBaseFrequency=50
New Circuit.street bus1=source basekv=11 pu=1.0 phases=3 MVAsc3=100 MVAsc1=100
New Transformer.station phases=3 windings=2 buses=(source a) conns=(delta wye)
~ kvs=(11 0.4) kvas=(100 100) xhl=4 %r=0.5
New LineCode.cable nphases=3 r1=0.32 x1=0.07 r0=1.2 x0=0.3 c1=0 c0=0 units=km
~ normamps=200 emergamps=220
New Line.first bus1=a bus2=b linecode=cable length=0.2 units=km
New Line.second bus1=b bus2=c linecode=cable length=0.1 units=km
New Load.home1 bus1=b.1 phases=1 kv=0.23 kw=2 pf=0.95
New Load.home2 bus1=b.2 phases=1 kv=0.23 kw=3 pf=0.95
New Load.home3 bus1=c.3 phases=1 kv=0.23 kw=1 pf=0.95
New Load.shop bus1=c.1.2.3 phases=3 kv=0.4 kw=6 pf=0.9
{more}
Set VoltageBases=(11 0.4)
CalcVoltageBases
"""


def street(folder: Path, more: str = "") -> Path:
    """A street of three homes and a shop behind one transformer, in a file."""
    path = folder / "street.dss"
    path.write_text(STREET.format(more=more), encoding="utf-8")
    return path


def evaluated(limits: DayLimits, state: Any, power_kw: Any, reactive_kvar: Any) -> LimitResults:
    """Powers of steps against what one step alone tells, by numpy."""
    values = limits.evaluator.values(state, power_kw, reactive_kvar, tolerance_pu=1e-6)
    return limits.evaluator.results(values, limits.step_bound)

"""What units are told in a stretch of time: voltage with a ramp, trim of frequency, DC voltage."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault


@dataclass(frozen=True)
class UnitReference:
    """What one unit is told; a soft start is a ramp of its voltage from zero.

    Attributes:
        voltage_v: Reference of the line-to-line rms voltage without reactive power, at the end
            of the ramp; none for the voltage of the inverter.
        ramp_from_v: Where it begins; none where there is no ramp.
        ramp_start_s: When the ramp begins; before it the reference is ``ramp_from_v``.
        ramp_s: How long it lasts.
        trim_rad_per_s: Added to the angular frequency, by a synchroniser for example.
        dc_voltage_v: At the bridge, whose line-to-line rms is at most ``dc_voltage_v / sqrt(2)``:
            space-vector modulation without overmodulation; infinite for no limit.

    Raises:
        InputError: A number out of range, a ramp that lasts no time.
    """

    voltage_v: float | None = None
    ramp_from_v: float | None = None
    ramp_start_s: float = 0.0
    ramp_s: float = 0.0
    trim_rad_per_s: float = 0.0
    dc_voltage_v: float = np.inf

    def __post_init__(self) -> None:
        records.check(self, "unit reference")
        faults = []
        for name in ("voltage_v", "ramp_from_v", "ramp_s"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < np.inf:
                faults.append(Fault(name, "be at least 0 and finite", (value,)))
        for name in ("ramp_start_s", "trim_rad_per_s"):
            if not np.isfinite(getattr(self, name)):
                faults.append(Fault(name, "be finite", (getattr(self, name),)))
        if not self.dc_voltage_v > 0:
            faults.append(Fault("dc_voltage_v", "be above 0", (self.dc_voltage_v,)))
        if (self.ramp_from_v is not None) != (self.ramp_s > 0):
            fix = "Give both, or neither for a reference without a ramp."
            faults.append(Fault("ramp_s", "be above 0 with ramp_from_v", (self.ramp_s,), fix=fix))
        raise_if_any("unit reference", faults)


@dataclass(frozen=True)
class PowerReference:
    """What a unit that follows is told.

    Attributes:
        power_w: That it feeds after the ramp; negative charges.
        from_w: That it feeds before it.
        ramp_start_s: When the ramp begins.
        ramp_s: How long it lasts; 0 for a step to ``power_w``.
        reactive_var: That it feeds.

    Raises:
        InputError: A number out of range.
    """

    power_w: float = 0.0
    from_w: float = 0.0
    ramp_start_s: float = 0.0
    ramp_s: float = 0.0
    reactive_var: float = 0.0

    def __post_init__(self) -> None:
        records.check(self, "power reference")
        faults = [
            Fault(name, "be finite", (getattr(self, name),))
            for name in ("power_w", "from_w", "ramp_start_s", "reactive_var")
            if not np.isfinite(getattr(self, name))
        ]
        if not 0 <= self.ramp_s < np.inf:
            faults.append(Fault("ramp_s", "be at least 0 and finite", (self.ramp_s,)))
        raise_if_any("power reference", faults)

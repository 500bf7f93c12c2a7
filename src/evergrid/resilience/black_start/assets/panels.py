"""Photovoltaic panels of a site as a unit that follows, curtailed to the load."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evergrid.core import records
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.black_start.settings import faults_outside

PANELS = "panels"  # name of the unit


@dataclass(frozen=True)
class PanelSource:
    """Panels behind one inverter that follows, in the words of `BatteryUnit`.

    Attributes:
        max_discharge_kw: That the sun gives in these minutes.
        apparent_kva: Rating of the inverter.
    """

    max_discharge_kw: float
    apparent_kva: float
    name: ClassVar[str] = PANELS
    arrival_h: ClassVar[float] = 0.0
    energy_arrival_kwh: ClassVar[float] = np.inf
    energy_reserve_kwh: ClassVar[float] = 0.0
    efficiency_discharge: ClassVar[float] = 1.0
    efficiency_charge: ClassVar[float] = 1.0
    auxiliary_kw: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        records.check(self, PANELS)
        rating = ("apparent_kva", 0.1, 1e5, "In kVA.")
        power = ("max_discharge_kw", 0.0, self.apparent_kva, "At most the rating.")
        raise_if_any(PANELS, faults_outside(self, rating, power))


def panels(site: Microgrid, apparent_kva: float | None = None) -> PanelSource:
    """The panels of a site at the loss of the grid; the sun stays as it is for these minutes.

    Args:
        site: With the power of the sun from the loss of the grid on.
        apparent_kva: Rating of their inverter; the greatest power of the day where none is given.

    Raises:
        InputError: A site without panels, a rating below what the sun gives.
    """
    if site.solar_kw is None or not np.max(site.solar_kw, initial=0.0) > 0:
        fix = "Give [microgrid.solar], or leave [panels] out."
        raise InputError(PANELS, [Fault("solar", "hold some power for [panels]", fix=fix)])
    power_kw = float(site.solar_in(np.zeros(1))[0])
    most_kw = float(np.max(site.solar_kw))
    return PanelSource(power_kw, most_kw if apparent_kva is None else apparent_kva)

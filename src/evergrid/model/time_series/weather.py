"""How warm it was, or is forecast to be, where a fleet is."""

from dataclasses import dataclass

import numpy as np

from evergrid.core import records
from evergrid.core.arrays import Array, Float, Shaped
from evergrid.core.errors import InputError, raise_if_any
from evergrid.core.faults import Fault, between, unique

# A day's mean outside these has not been measured where people live; degrees Fahrenheit often are.
COLDEST_C, WARMEST_C = -65.0, 45.0


@dataclass(frozen=True)
class Weather:
    """Mean temperature of local days.

    Attributes:
        day: The local day, each once.
        temperature_c: Mean air temperature of the day, degrees Celsius.

    Raises:
        InputError: A day given twice, a temperature that is NaN or none of this planet.
    """

    day: Shaped[Array, " day"]
    temperature_c: Float[Array, " day"]

    def __post_init__(self) -> None:
        records.check(self, "weather")
        names = self.day.astype(str)
        faults = unique("day", names, fix="Keep one temperature for each day.")
        faults += between(
            "temperature_c",
            self.temperature_c,
            COLDEST_C,
            WARMEST_C,
            ids=names,
            rule=f"have a mean in [{COLDEST_C:g}, {WARMEST_C:g}] on every day",
            fix="Give degrees Celsius: (F - 32) / 1.8, or K - 273.15.",
        )
        raise_if_any("weather", faults)

    def on(self, days: Shaped[Array, " wanted"]) -> Float[Array, " wanted"]:
        """The temperature of each of these days.

        Raises:
            InputError: Days without a temperature.
        """
        order = np.argsort(self.day)
        place = np.searchsorted(self.day[order], days)
        row = order[np.minimum(place, len(order) - 1)] if len(order) else place
        there = self.day[row] == days if len(order) else np.zeros(len(days), dtype=bool)
        if not there.all():
            rule = "have a temperature for every day of the history and every coming one"
            fix = "Add these days, coming ones from a forecast, or leave the weather out."
            got = tuple(days[~there].astype(str).tolist())
            raise InputError("weather", [Fault("day", rule, got=got, fix=fix)])
        return self.temperature_c[row]

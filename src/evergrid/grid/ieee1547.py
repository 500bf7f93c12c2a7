"""Settings of IEEE 1547-2018 for inverters: default curves, and the ranges that settings lie in.

Source:
    IEEE Std 1547-2018, quoted from memory and secondary sources; see `CAVEAT`.
"""

from typing import NamedTuple

CAVEAT = (
    "Curves and ranges of IEEE 1547-2018 are quoted from secondary sources; they were not checked "
    "against the text of the standard."
)

Points = tuple[float, float, float, float]

# How far points of a volt-var curve may lie from the reference voltage, pu.
REFERENCE_PU = (0.95, 1.05)
FLAT_REACH_PU, END_REACH_PU = 0.03, 0.18
LEAST_SLOPE_WIDTH_PU = 0.02  # between a point of the flat part and the end beside it
RESPONSE_S = (1.0, 90.0)  # to 90 % of the answer
REFERENCE_S = (300.0, 5000.0)  # time constant with which the reference follows the voltage
# Volt-watt: from which voltage power is limited, where that ends, and the share that is left.
VOLT_WATT_START_PU, VOLT_WATT_END_PU, VOLT_WATT_FLOOR = 1.06, 1.10, 0.2
VOLT_WATT_STARTS_PU, VOLT_WATT_LEAST_WIDTH_PU = (1.05, 1.09), 0.01
# Watt-var: reactive power over rating by power over rating.
WATT_VAR_AT: Points = (-1.0, -0.5, 0.5, 1.0)
WATT_VAR_VALUE: Points = (0.44, 0.0, 0.0, -0.44)


class Category(NamedTuple):
    """Default volt-var setting of a category.

    Attributes:
        at_pu: Voltages of the points of the curve.
        value: Reactive power over rating at each.
        response_s: Time in which 90 % of a change is made.
    """

    at_pu: Points
    value: Points
    response_s: float

    @property
    def most(self) -> float:
        """Greatest reactive power over rating."""
        return self.value[0]

    @property
    def slope(self) -> float:
        """Reactive power over rating per voltage in pu, on the slopes of the curve."""
        return self.most / round(self.at_pu[1] - self.at_pu[0], 9)


CATEGORIES = {
    "A": Category((0.90, 1.00, 1.00, 1.10), (0.25, 0.0, 0.0, -0.25), 10.0),
    "B": Category((0.92, 0.98, 1.02, 1.08), (0.44, 0.0, 0.0, -0.44), 5.0),
}
STEEPEST_B = CATEGORIES["B"].most / LEAST_SLOPE_WIDTH_PU

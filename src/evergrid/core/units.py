"""Conversions between units, and the sign flips that doors to other systems use.

Inside Evergrid, power leaving an asset into the grid is positive. A door to a system that counts
the other way calls one of the ``..._from_...`` functions below, and nothing else flips a sign.
"""

from typing import TypeVar

from evergrid.core.arrays import Array

Number = TypeVar("Number", float, Array)

KWH_PER_MWH = 1000.0
KW_PER_MW = 1000.0
KG_PER_LB = 0.45359237  # exact: international avoirdupois pound, 1959
KG_PER_SHORT_TON = 2000.0 * KG_PER_LB  # exact
KM_PER_MILE = 1.609344  # exact: international mile, 1959
KG_PER_TONNE = 1000.0
G_PER_KG = 1000.0
S_PER_H = 3600.0
MIN_PER_H = 60.0
S_PER_MIN = 60.0
H_PER_DAY = 24.0
DAYS_PER_MEAN_YEAR = 365.25  # of the Julian calendar
W_PER_KW = 1000.0
J_PER_KJ = 1e3
J_PER_KWH = 3.6e6
ZERO_C_IN_K = 273.15


def per_kwh_from_per_mwh(price_per_mwh: Number) -> Number:
    """Money per kWh of a market price in money per MWh."""
    return price_per_mwh / KWH_PER_MWH


def per_mwh_from_per_kwh(price_per_kwh: Number) -> Number:
    """Money per MWh of a price in money per kWh."""
    return price_per_kwh * KWH_PER_MWH


def kwh_from_wh(energy_wh: Number) -> Number:
    """Energy in kWh of an energy in Wh."""
    return energy_wh / W_PER_KW


def kw_from_w(power_w: Number) -> Number:
    """Power in kW of a power in W."""
    return power_w / W_PER_KW


def grid_power_from_consumption(consumption_kw: Number) -> Number:
    """Power into the grid of a meter that counts consumption as positive."""
    return -consumption_kw


def consumption_from_grid_power(power_kw: Number) -> Number:
    """What a meter that counts consumption as positive shows for a power into the grid."""
    return -power_kw

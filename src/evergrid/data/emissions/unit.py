"""Units that emission factors come in; each is converted once, here."""

from evergrid.core.arrays import Array, Float
from evergrid.core.units import G_PER_KG, KG_PER_LB, KG_PER_SHORT_TON, KG_PER_TONNE, KWH_PER_MWH

TO_KG_PER_MWH = {
    "kg_per_mwh": 1.0,
    "kg_per_kwh": KWH_PER_MWH,
    "g_per_kwh": KWH_PER_MWH / G_PER_KG,
    "t_per_mwh": KG_PER_TONNE,
    "lb_per_mwh": KG_PER_LB,
    "lb_per_kwh": KG_PER_LB * KWH_PER_MWH,
    "short_ton_per_mwh": KG_PER_SHORT_TON,
}


def kg_per_mwh(values: Float[Array, "*row"], unit: str) -> Float[Array, "*row"]:
    """Factors in kg/MWh of factors in one of the units of `TO_KG_PER_MWH`."""
    return values * TO_KG_PER_MWH[unit]

"""The potential of a graphite anode, which calendar ageing of its cells follows."""

from typing import no_type_check

import numpy as np
from numba.extending import register_jitable

EMPTY, FULL = 0.0085, 0.78  # share of lithium in the anode of an empty and of a full cell


@register_jitable
@no_type_check
def anode_potential_v(soc):
    """Potential of the anode against lithium, at rest, of a state of charge or an array of them.

    May be called in compiled loops too.

    Source:
        Safari and Delacourt (2011), J. Electrochem. Soc. 158, A562, doi 10.1149/1.3567007; share
        of lithium by Schimpe et al. (2018), doi 10.1149/2.1181714jes.
    """
    x = EMPTY + soc * (FULL - EMPTY)
    return (
        0.6379
        + 0.5416 * np.exp(-305.5309 * x)
        + 0.044 * np.tanh(-(x - 0.1958) / 0.1088)
        - 0.1978 * np.tanh((x - 1.0571) / 0.0854)
        - 0.6875 * np.tanh((x + 0.0117) / 0.0529)
        - 0.0175 * np.tanh((x - 0.5692) / 0.0875)
    )

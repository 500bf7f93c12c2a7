"""The potential of a graphite anode, which calendar ageing of its cells follows."""

import numpy as np

from evergrid.core.arrays import Array, Float

EMPTY, FULL = 0.0085, 0.78  # share of lithium in the anode of an empty and of a full cell


def anode_potential_v(soc: Float[Array, "*battery"]) -> Float[Array, "*battery"]:
    """Potential of the anode against lithium, at rest.

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

"""How Australia measures who helps the frequency: deviations weighed by a smoothed frequency."""

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import S_PER_H
from evergrid.markets.rules.australia import MEASURE_S, MEASURE_WEIGHT


def frequency_measure(deviation_hz: Float[Array, " sample"]) -> Float[Array, " sample"]:
    """The measure of frequency every four seconds, above 0 when more power is needed.

    FM_t = .05 (-df_t) + .95 FM_(t-1), from rest.

    Args:
        deviation_hz: Of the frequency from nominal; NaN in gaps, in which the measure holds.

    Source:
        AEMO frequency contribution factors procedure, as others quote it.
    """
    found, before, weight = np.empty(len(deviation_hz)), 0.0, MEASURE_WEIGHT.value
    for t, deviation in enumerate(deviation_hz.tolist()):
        if np.isfinite(deviation):
            before = -weight * deviation + (1.0 - weight) * before
        found[t] = before
    return found


def contributions(
    measure: Float[Array, " sample"], deviation_mw: Float[Array, "unit other_sample"]
) -> Float[Array, " unit"]:
    """What each unit did for the frequency, in MWh times Hz: above 0 for help.

    Args:
        measure: Of frequency.
        deviation_mw: Of each unit's power from its reference; NaN counts as none.

    Raises:
        InputError: Series of different lengths, or a measure that is not finite.
    """
    faults = broken("measure", np.isfinite(measure), "be finite", values=measure)
    if deviation_mw.shape[-1] != len(measure):
        got = (len(measure), deviation_mw.shape[-1])
        faults.append(Fault("deviation_mw", "have a value for each sample", got))
    raise_if_any("frequency_contribution", faults)
    return np.nan_to_num(deviation_mw) @ measure * MEASURE_S.value / S_PER_H

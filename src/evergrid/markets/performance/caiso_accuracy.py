"""How CAISO measures regulation: accuracy over four-second set points, and mileage that was met."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import S_PER_H
from evergrid.markets.rules.caiso import CaisoRegulation


@dataclass(frozen=True)
class CaisoPerformance:
    """What a quarter of an hour is measured to be.

    Attributes:
        accuracy: 1 less the deviations over the set points, at least 0. An interval without set
            points has 1 where nothing was delivered, else 0.
        instructed_mw: Mileage of the set points.
        adjusted_mw: The part of it that the response followed, in the direction asked.
    """

    accuracy: Float[Array, " interval"]
    instructed_mw: Float[Array, " interval"]
    adjusted_mw: Float[Array, " interval"]


def measured(
    set_point_mw: Float[Array, " sample"],
    response_mw: Float[Array, " other_sample"],
    rules: CaisoRegulation,
) -> CaisoPerformance:
    """Accuracy and mileage of each whole interval; a last part of one is measured as it is.

    Args:
        set_point_mw: Every four seconds.
        response_mw: Likewise; NaN where no reading came, which counts as no response.
        rules: Of the period.

    Raises:
        InputError: Series of different lengths, empty, or a set point that is not finite.

    Source:
        CAISO pay for performance: accuracy = max(0, 1 - sum of the size of the deviations /
        sum of the size of the set points). What "adjusted" mileage leaves of under-response is from
        memory.
    """
    faults = broken("set_point_mw", np.isfinite(set_point_mw), "be finite", values=set_point_mw)
    if len(set_point_mw) != len(response_mw) or not len(set_point_mw):
        got = (len(set_point_mw), len(response_mw))
        faults.append(Fault("response_mw", "have a value for each set point", got))
    raise_if_any("caiso_regulation", faults)
    response = np.nan_to_num(response_mw)
    per = round(rules.interval_h.value * S_PER_H / rules.sample_s.value)
    begins = np.arange(0, len(set_point_mw), per)
    asked = np.add.reduceat(np.abs(set_point_mw), begins)
    missed = np.add.reduceat(np.abs(set_point_mw - response), begins)
    still = np.where(missed > 0, 0.0, 1.0)
    share = np.divide(asked - missed, asked, out=still, where=asked > 0)
    move = np.diff(set_point_mw, prepend=0.0)
    moved = np.diff(response, prepend=0.0) * np.sign(move)
    followed = np.clip(moved, 0.0, np.abs(move))
    return CaisoPerformance(
        accuracy=np.clip(share, 0.0, 1.0),
        instructed_mw=np.add.reduceat(np.abs(move), begins),
        adjusted_mw=np.add.reduceat(followed, begins),
    )

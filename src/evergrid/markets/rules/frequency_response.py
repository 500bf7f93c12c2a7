"""Frequency response: which share of an award is due at a deviation, product by product."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.records import known
from evergrid.markets.rules.constant import Constant, Mark


@dataclass(frozen=True)
class FrequencyResponse:
    """A product that answers the frequency at the plug.

    Attributes:
        name: What configurations call it.
        title: In words.
        deviation_hz: Deviations from nominal below it, ascending from 0, at which the share turns.
        share: Of the award that is due there, fed when the frequency is low; straight between,
            constant beyond the last.
        low, high: Whether it answers low and high frequency.
        full_s: Time until all of it is there.
        energy_h: Time for which all of it must last.
        mark: How sure the curve is.
        source: Where it is written.
    """

    name: str
    title: str
    deviation_hz: tuple[float, ...]
    share: tuple[float, ...]
    low: bool
    high: bool
    full_s: Constant
    energy_h: Constant
    mark: Mark
    source: str

    def due(self, deviation_hz: Float[Array, "*tick"]) -> Float[Array, "*tick"]:
        """Share of the award into the grid at a deviation of frequency from nominal."""
        below = np.interp(np.maximum(-deviation_hz, 0.0), self.deviation_hz, self.share)
        above = np.interp(np.maximum(deviation_hz, 0.0), self.deviation_hz, self.share)
        return below * self.low - above * self.high


SO_GL = "Commission Regulation (EU) 2017/1485, article 154 and annex V"
NESO = "NESO, Dynamic Containment, Moderation and Regulation service terms"
SVK = "Svenska kraftnät and Fingrid, technical requirements of FCR"
FCR = FrequencyResponse(
    "fcr",
    "Frequency containment reserve, Continental Europe",
    (0.0, 0.01, 0.01, 0.2),  # within 10 mHz it may stay still; beyond, it is proportional to all
    (0.0, 0.0, 0.05, 1.0),
    low=True,
    high=True,
    full_s=Constant(30.0, Mark.VERIFIED, SO_GL),
    energy_h=Constant(0.25, Mark.SECONDARY, f"{SO_GL}; 15 minutes, 30 were rejected"),
    mark=Mark.VERIFIED,
    source=SO_GL,
)
FCR_N = FrequencyResponse(
    "fcr_n",
    "Frequency containment reserve for normal operation, Nordic",
    (0.0, 0.1),
    (0.0, 1.0),
    low=True,
    high=True,
    full_s=Constant(180.0, Mark.UNVERIFIED, SVK),
    energy_h=Constant(1.0, Mark.UNVERIFIED, SVK),
    mark=Mark.VERIFIED,
    source=SVK,
)
FCR_D_UP = FrequencyResponse(
    "fcr_d_up",
    "Frequency containment reserve for disturbances, upwards, Nordic",
    (0.0, 0.1, 0.5),
    (0.0, 0.0, 1.0),
    low=True,
    high=False,
    full_s=Constant(7.5, Mark.UNVERIFIED, SVK),
    energy_h=Constant(1.0 / 3.0, Mark.VERIFIED, SVK),
    mark=Mark.VERIFIED,
    source=SVK,
)
DC = FrequencyResponse(
    "dc",
    "Dynamic Containment, Great Britain",
    (0.0, 0.015, 0.2, 0.5),
    (0.0, 0.0, 0.05, 1.0),
    low=True,
    high=True,
    full_s=Constant(1.0, Mark.VERIFIED, NESO),
    energy_h=Constant(0.25, Mark.VERIFIED, NESO),
    mark=Mark.VERIFIED,
    source=NESO,
)
DM = FrequencyResponse(
    "dm",
    "Dynamic Moderation, Great Britain",
    (0.0, 0.015, 0.1, 0.2),
    (0.0, 0.0, 0.05, 1.0),
    low=True,
    high=True,
    full_s=Constant(1.0, Mark.VERIFIED, NESO),
    energy_h=Constant(0.5, Mark.VERIFIED, NESO),
    mark=Mark.VERIFIED,
    source=NESO,
)
DR = FrequencyResponse(
    "dr",
    "Dynamic Regulation, Great Britain",
    (0.0, 0.015, 0.2),
    (0.0, 0.0, 1.0),
    low=True,
    high=True,
    full_s=Constant(10.0, Mark.VERIFIED, NESO),
    energy_h=Constant(1.0, Mark.VERIFIED, NESO),
    mark=Mark.SECONDARY,
    source=NESO,
)
PRODUCTS = {product.name: product for product in (FCR, FCR_N, FCR_D_UP, DC, DM, DR)}


def named(name: str) -> FrequencyResponse:
    """The product of that name.

    Raises:
        InputError: There is none.
    """
    return known(name, PRODUCTS, "product")

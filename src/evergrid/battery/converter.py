"""What a charger loses between the grid and the battery, by power, direction and reactive power.

Loss over rating is ``k0 + k1 s + k2 s^2`` with ``s`` the apparent power at the grid over the
rating: what it takes to run at all, what falls at junctions, and what heats wires. A charger that
delivers nothing is in standby, or off.
"""

from dataclasses import dataclass, replace

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault

# Of a converter that works both ways, Sinamics S120, fitted to its measured efficiencies (simses,
# BSD-3). Its k1 is left out: what is lost per power is what a round trip leaves.
TWO_WAY_K0, TWO_WAY_K2 = 0.00601, 0.01196
# Between grid and battery and back, cells included, at 3 x 16 A: Schram et al. (2020), Empirical
# evaluation of V2G round-trip efficiency, SEST. All that they measured lies between 0.791 and
# 0.878, lower at low currents and in the cold.
MEASURED_ROUND_TRIP = 0.87
MOST_K1 = 0.5  # loss per power that no charger has
LEAST_K0 = 1e-6  # of the rating, which a charger without losses is taken to have


@dataclass(frozen=True)
class LossCurve:
    """Loss of one direction over the rating.

    Attributes:
        k0: While it runs, whatever its power.
        k1: Per apparent power.
        k2: Per its square.
    """

    k0: float
    k1: float
    k2: float

    def __post_init__(self) -> None:
        faults = []
        if not 0 < self.k0 < 1:
            fix = "A converter that runs loses something, mostly 0.002 to 0.02 of its rating."
            faults.append(Fault("k0", "lie in (0, 1)", (self.k0,), fix=fix))
        for name in ("k1", "k2"):
            if not 0 <= (value := getattr(self, name)) < 1:
                faults.append(Fault(name, "lie in [0, 1)", (value,)))
        raise_if_any("converter", faults)

    @classmethod
    def fitted(cls, share: Float[Array, " point"], loss: Float[Array, " point"]) -> "LossCurve":
        """The curve that is nearest to measured losses, by least squares.

        Args:
            share: Apparent power at the grid over the rating.
            loss: Loss over the rating there.

        Raises:
            InputError: Losses that no converter has.
        """
        powers = np.stack([np.ones_like(share), share, share**2], axis=1)
        from scipy.optimize import nnls  # takes long to load, and few need it

        terms, _ = nnls(powers, loss)  # none of them can give energy back
        return cls(*(float(term) for term in terms))

    @classmethod
    def two_way(cls, loss: float) -> "LossCurve":
        """Of a converter that works both ways and loses so much of its rating at its rating.

        What is lost whatever the power, and by its square, is as measured; the rest is lost per
        power. Where the loss is less than these two alone, both are less in proportion.

        Args:
            loss: At the rating, over the rating.
        """
        measured = TWO_WAY_K0 + TWO_WAY_K2
        part = min(loss / measured, 1.0)
        k0 = max(part * TWO_WAY_K0, LEAST_K0)
        return cls(k0, max(loss - measured, 0.0), part * TWO_WAY_K2)

    @property
    def best_share(self) -> float:
        """Share of the rating at which least is lost per energy; above 1 for flat curves."""
        return float("inf") if self.k2 == 0 else float(np.sqrt(self.k0 / self.k2))

    def of(self, share: Float[Array, "*charger"]) -> Float[Array, "*charger"]:
        """Loss over rating at an apparent power over rating."""
        return self.k0 + self.k1 * share + self.k2 * share**2


@dataclass(frozen=True)
class Converter:
    """A charger between grid and battery.

    Attributes:
        rating_kva: Greatest apparent power at the grid.
        charge: Loss while it draws.
        discharge: Loss while it feeds.
        standby_kw: What it draws while it delivers nothing but stays ready.
    """

    rating_kva: float
    charge: LossCurve
    discharge: LossCurve
    standby_kw: float = 0.0

    def __post_init__(self) -> None:
        faults = []
        if not self.rating_kva > 0:
            faults.append(Fault("rating_kva", "be above 0", (self.rating_kva,)))
        if not self.standby_kw >= 0:
            faults.append(Fault("standby_kw", "be at least 0", (self.standby_kw,)))
        raise_if_any("converter", faults)

    def loss_kw(
        self, power_kw: Float[Array, "*charger"], reactive_kvar: Float[Array, "*charger"]
    ) -> Float[Array, "*charger"]:
        """Loss at a power into the grid and a reactive power.

        With reactive power alone it runs, and loses as while it feeds.
        """
        share = np.hypot(power_kw, reactive_kvar) / self.rating_kva
        loss = np.where(power_kw < 0, self.charge.of(share), self.discharge.of(share))
        return np.where(share > 0, loss * self.rating_kva, self.standby_kw)

    def battery_kw(
        self, power_kw: Float[Array, "*charger"], reactive_kvar: Float[Array, "*charger"]
    ) -> Float[Array, "*charger"]:
        """Power out of the battery, at its terminals, for a power into the grid."""
        return power_kw + self.loss_kw(power_kw, reactive_kvar)

    def grid_kw(self, battery_kw: Float[Array, "*charger"]) -> Float[Array, "*charger"]:
        """Power into the grid for a power out of the battery, without reactive power.

        A battery that gives less than the charger needs to run at all has the charger off.
        """
        rated = battery_kw / self.rating_kva
        feeding = _share(rated - self.discharge.k0, self.discharge, 1.0)
        drawing = -_share(-rated + self.charge.k0, self.charge, -1.0)
        share = np.where(rated > self.discharge.k0, feeding, np.where(rated < 0, drawing, 0.0))
        return np.where(share == 0, -self.standby_kw, share * self.rating_kva)

    def efficiency(self, power_kw: Float[Array, "*charger"]) -> Float[Array, "*charger"]:
        """Share of the power that arrives: at the grid while feeding, at the battery else."""
        at_battery = self.battery_kw(power_kw, np.zeros_like(power_kw))
        feeding = power_kw > 0
        sent, arrived = np.abs(at_battery), np.abs(power_kw)
        sent, arrived = np.where(feeding, sent, arrived), np.where(feeding, arrived, sent)
        return np.divide(arrived, sent, out=np.zeros_like(sent), where=sent > 0)

    def round_trip(self, power_kw: float) -> float:
        """Share of the energy drawn at a power that comes back at the same power."""
        both = self.efficiency(np.array([-power_kw, power_kw]))
        return float(both.prod())

    def calibrated(self, round_trip: float, power_kw: float, battery: float = 1.0) -> "Converter":
        """With so much lost per power, in both directions, that a measured round trip comes out.

        Args:
            round_trip: Measured between the grid and back, at ``power_kw``.
            power_kw: At the grid.
            battery: Round trip of the battery alone at that power.

        Raises:
            InputError: The measured value is none that a larger or smaller k1 can give.
        """
        low, high = -min(self.charge.k1, self.discharge.k1), MOST_K1
        wanted = round_trip / battery

        def with_more(more: float) -> "Converter":
            curves = (self.charge, self.discharge)
            charge, discharge = (replace(curve, k1=curve.k1 + more) for curve in curves)
            return replace(self, charge=charge, discharge=discharge)

        ends = [with_more(more).round_trip(power_kw) - wanted for more in (low, high)]
        if not ends[1] <= 0.0 <= ends[0]:
            least, most = (battery * (end + wanted) for end in reversed(ends))
            rule = f"lie in [{least:.3g}, {most:.3g}], which k0 and k2 leave for some k1"
            fix = (
                f"The battery alone gives {battery:.3g}, and k0 and k2 are shares of the rating, "
                f"here {self.charge.k0:.3g} and {self.charge.k2:.3g}."
            )
            raise_if_any("converter", [Fault("round_trip", rule, (round_trip,), fix=fix)])
        from scipy.optimize import brentq  # takes long to load, and few need it

        more = brentq(lambda k1: with_more(k1).round_trip(power_kw) - wanted, low, high, xtol=1e-15)
        return with_more(float(more))  # pyright: ignore[reportArgumentType]


def _share(
    net: Float[Array, "*charger"], curve: LossCurve, sign: float
) -> Float[Array, "*charger"]:
    """The share s of the rating at the grid of ``s + sign (k1 s + k2 s^2) = net``; 0 without one.

    The root is that which goes to ``net`` where nothing is lost, in the form that loses no digits.
    """
    linear, square = 1.0 + sign * curve.k1, sign * curve.k2
    inside = np.maximum(linear**2 + 4.0 * square * net, 0.0)
    return np.maximum(2.0 * net / (linear + np.sqrt(inside)), 0.0)

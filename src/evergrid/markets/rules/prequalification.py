"""What a unit must show before it may sell: plateaus of award that are asked, held and measured."""

from dataclasses import dataclass

from evergrid.core.units import S_PER_H
from evergrid.markets.rules.constant import Mark, unverified
from evergrid.markets.rules.product import Product

LEAST_SCORE = unverified(0.75, "PJM Manual 12: qualification test of 40 minutes, from memory")
SCORED_H = 2.0 / 3.0
TOLERANCE = unverified(0.05, "share of the award that a test may miss; rule books differ")
ON_THE_SIGNAL = ("pjm_regulation", "pjm_regulation_one_signal")
CONTINENTAL = "German prequalification: humps of 15 minutes"
STEPS = "a step of the frequency to its full deviation, held as long as the product asks"
CALL = "a call of all of the award, held as long as the product asks"
SIGNAL = "40 minutes of the signal, scored"


@dataclass(frozen=True)
class Sequence:
    """A test of one product.

    Attributes:
        name: In words.
        plateaus: Shares of the award that are asked for, one after the other; 0 for a rest.
        plateau_h: Length of each.
        full_s: After a plateau begins, by when all of it must be there.
        tolerance: Share of the award that may be missing.
        scored: Whether the signal is followed and scored instead.
        mark: How sure the sequence is.
    """

    name: str
    plateaus: tuple[float, ...]
    plateau_h: float
    full_s: float
    tolerance: float
    scored: bool
    mark: Mark


def sequence(product: Product) -> Sequence:
    """The test of a product.

    Both directions of a symmetric product are tested, with a rest between; German aFRR is tested by
    two humps. No sequence here was confirmed by the rule book itself.
    """
    way = -1.0 if product.direction == "down" else 1.0
    hold = product.energy_h.value
    if product.name in ON_THE_SIGNAL:
        return _sequence(product, SIGNAL, (), SCORED_H, scored=True)
    if product.name.startswith("afrr"):
        return _sequence(product, CONTINENTAL, (way, 0.0, way), 0.25)
    if product.direction == "both":
        name = CONTINENTAL if product.name == "fcr" else STEPS
        return _sequence(product, name, (1.0, 0.0, -1.0), hold)
    name = STEPS if product.response is not None else CALL
    return _sequence(product, name, (way,), hold)


def _sequence(
    product: Product,
    name: str,
    plateaus: tuple[float, ...],
    plateau_h: float,
    *,
    scored: bool = False,
) -> Sequence:
    return Sequence(
        name=name,
        plateaus=plateaus,
        plateau_h=plateau_h,
        full_s=product.full_s.value,
        tolerance=TOLERANCE.value,
        scored=scored,
        mark=Mark.UNVERIFIED,
    )


def tick_s(test: Sequence, latency_s: float) -> float:
    """Ticks by which a test is run: a third of the time allowed, 2 s at most; orders fit in one."""
    usual = min(max(test.full_s / 3.0, latency_s, 0.1), 2.0)
    count = max(round(test.plateau_h * S_PER_H / usual), 1)
    return test.plateau_h * S_PER_H / count

"""CAISO regulation: capacity, and mileage paid by how accurately four-second set points are met."""

from dataclasses import dataclass
from datetime import date

from evergrid.markets.rules.constant import Constant, Mark, secondary, unverified
from evergrid.markets.rules.dated import in_force
from evergrid.markets.rules.product import EVER, NO_POWER_BESIDE, ONE_MW, Direction, Market, Product

TARIFF = "CAISO tariff, pay for performance of regulation"
FERC = f"{TARIFF}, as its reviews quote it"
MEMORY = f"{TARIFF}, from memory"


@dataclass(frozen=True)
class CaisoRegulation:
    """Rules of CAISO regulation in a period.

    Attributes:
        first: Its first day.
        last: Its last day.
        sample_s: Between two set points.
        interval_h: For which accuracy is a number.
        least_accuracy: Monthly accuracy below which a resource must qualify again; 0 for none.
    """

    first: date
    last: date
    sample_s: Constant
    interval_h: Constant
    least_accuracy: Constant


SAMPLES = {
    "sample_s": Constant(4.0, Mark.SECONDARY, FERC),
    "interval_h": Constant(0.25, Mark.SECONDARY, FERC),
}
PERIODS = (
    CaisoRegulation(
        date(2012, 10, 1),
        date(2014, 4, 30),
        **SAMPLES,
        least_accuracy=Constant(0.5, Mark.SECONDARY, FERC),
    ),
    CaisoRegulation(
        date(2014, 5, 1),
        date(2016, 12, 31),
        **SAMPLES,
        least_accuracy=Constant(0.0, Mark.SECONDARY, f"{FERC}: waived in May 2014"),
    ),
    CaisoRegulation(
        date(2017, 1, 1),
        EVER,
        **SAMPLES,
        least_accuracy=Constant(0.25, Mark.UNVERIFIED, f"{MEMORY}; so is the year"),
    ),
)
BEFORE = "Mileage is paid since 2013; before, regulation was paid for capacity alone."


def on(day: date) -> CaisoRegulation:
    """The rules of a day.

    Raises:
        InputError: No rules are known for it.
    """
    return in_force(PERIODS, day, source="caiso_regulation", why=BEFORE)


def _product(name: str, title: str, direction: Direction) -> Product:
    return Product(
        name=name,
        title=title,
        direction=direction,
        signal="regulation",
        block_h=secondary(1.0, FERC),
        least_mw=unverified(0.5, MEMORY),
        step_mw=unverified(0.01, MEMORY),
        energy_h=unverified(0.25, f"{MEMORY}: 15 minutes under regulation energy management"),
        power_per_mw=ONE_MW,
        opposite_per_mw=NO_POWER_BESIDE,
        full_s=unverified(600.0, f"{MEMORY}: within ten minutes"),
        first=PERIODS[0].first,
        why=BEFORE,
    )


REGULATION_UP = _product("caiso_regulation_up", "Regulation up, CAISO", "up")
REGULATION_DOWN = _product("caiso_regulation_down", "Regulation down, CAISO", "down")
MARKET = Market(
    "caiso", "CAISO", "America/Los_Angeles", 0.0, "USD", (REGULATION_UP, REGULATION_DOWN)
)

"""PJM regulation: a performance score, and credits for capability and for performance, by era."""

from dataclasses import dataclass, replace
from datetime import date

from evergrid.markets.rules.constant import Constant, Mark, secondary, unverified
from evergrid.markets.rules.dated import in_force
from evergrid.markets.rules.product import NO_POWER_BESIDE, ONE_MW, Market, Product

MANUAL_12 = "PJM Manual 12, section 4.5.6, as quoted in two open implementations"
MANUAL_28 = "PJM Manual 28, revision 104, section 4.2, as quoted by a third party"
MANUAL_11 = "PJM Manual 11, section 3.2.10"
PJM_TICK_S = 2.0  # between values of the signal; real days of RegD


@dataclass(frozen=True)
class PjmRegulation:
    """Rules of PJM regulation in an era.

    Attributes:
        name: Of the era.
        first: Its first day.
        last: Its last day.
        block_h: For which an award holds.
        payment_h: Length of the intervals that are credited.
        own_mileage: Whether mileage counts against the resource's own mean of 30 days, instead of
            the other signal's in the same hour.
        window_s: Length of signal and response that are compared.
        most_shift_s: Greatest delay that is looked for.
        latency_s: Delay that costs nothing.
        near_constant: Standard deviation of a signal below which slopes are compared instead.
        least_score: Score below which an interval earns nothing.
        least_mean_score: Mean score below which a resource is disqualified.
    """

    name: str
    first: date
    last: date
    block_h: float
    payment_h: float
    own_mileage: bool
    window_s: Constant
    most_shift_s: Constant
    latency_s: Constant
    near_constant: Constant
    least_score: Constant
    least_mean_score: Constant


SCORING = {
    "window_s": Constant(300.0, Mark.VERIFIED, MANUAL_12),
    "most_shift_s": Constant(300.0, Mark.VERIFIED, MANUAL_12),
    "latency_s": Constant(10.0, Mark.VERIFIED, MANUAL_12),
    "near_constant": Constant(0.01, Mark.UNVERIFIED, f"{MANUAL_12}: not stated there"),
    "least_score": Constant(0.25, Mark.VERIFIED, MANUAL_11),
    "least_mean_score": Constant(0.40, Mark.UNVERIFIED, MANUAL_12),
}
FIRST_ERA = PjmRegulation(
    "RegA and RegD", date(2012, 10, 1), date(2025, 9, 30), 1.0, 1.0, own_mileage=False, **SCORING
)
# That the score of this era is as before is not confirmed: some read "precision only".
SECOND_ERA = PjmRegulation(
    "one signal both ways",
    date(2025, 10, 1),
    date(2026, 9, 30),
    0.5,
    1.0 / 12.0,
    own_mileage=True,
    **{
        name: Constant(item.value, Mark.UNVERIFIED, f"{item.source}; whether it still holds")
        for name, item in SCORING.items()
    }
    | {"least_score": Constant(0.25, Mark.SECONDARY, MANUAL_28)},
)
ERAS = (FIRST_ERA, SECOND_ERA)
AFTER = (
    "Regulation without a score was before; from 1 October 2026 up and down are separate "
    "products, whose rules are not confirmed."
)


def on(day: date) -> PjmRegulation:
    """The rules of a day.

    Raises:
        InputError: No rules are known for it.
    """
    return in_force(ERAS, day, source="pjm_regulation", why=AFTER)


HOLDS = "no rule: a half hour of a real signal took up to 0.476 MWh per MW, measured on two days"
MANUAL_11_TERMS = "PJM Manual 11, revision 136, section 3.5, as a third party quotes it"
REGULATION = Product(
    name="pjm_regulation",
    title="Regulation until September 2025, PJM",
    direction="both",
    signal="regulation",
    block_h=secondary(1.0, MANUAL_11),
    least_mw=secondary(0.1, MANUAL_11_TERMS),
    step_mw=secondary(0.1, MANUAL_11_TERMS),
    energy_h=unverified(0.5, HOLDS),
    power_per_mw=ONE_MW,
    opposite_per_mw=NO_POWER_BESIDE,
    full_s=unverified(300.0, "PJM Manual 12: full in five minutes, from memory"),
    first=FIRST_ERA.first,
    last=FIRST_ERA.last,
    why="From October 2025 there is one signal, pjm_regulation_one_signal.",
)
REGULATION_ONE_SIGNAL = replace(
    REGULATION,
    name="pjm_regulation_one_signal",
    title="Regulation since October 2025, PJM",
    block_h=secondary(0.5, MANUAL_11_TERMS),
    first=SECOND_ERA.first,
    last=SECOND_ERA.last,
    why=AFTER,
    tariff_mark=Mark.UNVERIFIED,
)
SYNCHRONIZED_RESERVE = Product(
    name="pjm_synchronized_reserve",
    title="Synchronized reserve, PJM",
    direction="up",
    signal="calls",
    block_h=secondary(1.0, f"{MANUAL_11}; hourly commitment"),
    least_mw=unverified(0.1, "PJM Manual 11, from memory"),
    step_mw=unverified(0.1, "PJM Manual 11, from memory"),
    energy_h=secondary(0.5, "PJM Manual 11: X MW need X / 2 MWh, as a third party quotes it"),
    power_per_mw=ONE_MW,
    opposite_per_mw=NO_POWER_BESIDE,
    full_s=unverified(600.0, "PJM Manual 11: within ten minutes, from memory"),
    first=date(2012, 10, 1),
)
CLAWBACK_DAYS = secondary(30.0, "PJM Manual 11: since the last event, at most, as others quote it")
MARKET = Market(
    "pjm",
    "PJM",
    "America/New_York",
    0.0,
    "USD",
    (REGULATION, REGULATION_ONE_SIGNAL, SYNCHRONIZED_RESERVE),
)

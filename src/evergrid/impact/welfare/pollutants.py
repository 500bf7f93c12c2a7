"""What is emitted beside carbon dioxide, and what a tonne of it does to people nearby."""

from collections.abc import Mapping

from evergrid.core.units import KG_PER_LB, KG_PER_TONNE
from evergrid.impact.welfare import dollars
from evergrid.impact.welfare.social_cost import SocialCost

POLLUTANTS = ("co2", "ch4", "so2", "nox", "pm25")
LOCAL = ("so2", "nox", "pm25")
LB_PER_SHORT_TON = 2000.0
SHORT_TON_KG = LB_PER_SHORT_TON * KG_PER_LB
TABLE_DOLLARS = 2015
# Dollars of 2015 per short ton emitted by electricity generating units, emissions of 2016, discount
# rate 3 %. United States Environmental Protection Agency (2018), Estimating the Benefit per Ton of
# Reducing PM2.5 Precursors from 17 Sectors, as quoted by others; a mean of the country. Where it is
# known where a unit stands, values of its county are better.
PER_SHORT_TON: Mapping[str, float] = {"so2": 40_000.0, "nox": 6_000.0, "pm25": 140_000.0}


def local_per_tonne(
    dollar_year: int,
    *,
    per_short_ton: Mapping[str, float] = PER_SHORT_TON,
    given_in: int = TABLE_DOLLARS,
) -> dict[str, float]:
    """Damage of a metric tonne of each local pollutant.

    Args:
        dollar_year: Year of the dollars wanted.
        per_short_ton: Damage per short ton of 2,000 lb, by pollutant; what is left out is none.
        given_in: Year of the dollars in which those are given.

    Raises:
        InputError: A year without deflator.
    """
    return {
        name: dollars.converted(per_short_ton.get(name, 0.0), given_in, dollar_year)
        * KG_PER_TONNE
        / SHORT_TON_KG
        for name in LOCAL
    }


def damage_per_tonne(
    social: SocialCost, local: Mapping[str, float], *, local_dollar_year: int
) -> dict[str, float]:
    """Damage of a metric tonne of each of `POLLUTANTS`.

    Args:
        social: Of greenhouse gases.
        local: Of local pollutants.
        local_dollar_year: Year of the dollars in which those are.

    Raises:
        InputError: The two are in dollars of different years.
    """
    dollars.one_year({"social_cost": social.dollar_year, "local": local_dollar_year})
    return {"co2": social.co2_per_t, "ch4": social.ch4_per_t, **{one: local[one] for one in LOCAL}}

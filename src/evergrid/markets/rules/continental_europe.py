"""Continental Europe: FCR in blocks of four hours, and German aFRR, both with limited energy."""

from datetime import date

from evergrid.markets.rules.constant import Mark, secondary, unverified, verified
from evergrid.markets.rules.frequency_response import FCR as FCR_RESPONSE
from evergrid.markets.rules.frequency_response import SO_GL
from evergrid.markets.rules.product import NO_POWER_BESIDE, ONE_MW, Direction, Market, Product

COOPERATION = "FCR Cooperation, market rules"
PQ = "German prequalification conditions, version 1.04, 3 June 2022"
REGELLEISTUNG = "German transmission operators, tender and settlement of aFRR"
FCR = Product(
    name="fcr",
    title="Frequency containment reserve, Continental Europe",
    direction="both",
    signal="frequency",
    block_h=secondary(4.0, f"{COOPERATION}: six blocks a day"),
    least_mw=secondary(1.0, f"{COOPERATION}: 1 MW, pools allowed"),
    step_mw=secondary(1.0, f"{COOPERATION}: whole MW"),
    energy_h=verified(0.25, f"{SO_GL}, article 156; up to 15 minutes in alert state"),
    power_per_mw=unverified(1.25, f"{PQ}: a quarter more power to recharge; formula not confirmed"),
    opposite_per_mw=NO_POWER_BESIDE,
    full_s=FCR_RESPONSE.full_s,
    first=date(2020, 7, 1),
    why="Blocks of four hours are sold since July 2020, from memory.",
    response=FCR_RESPONSE,
)


def _afrr(name: str, title: str, direction: Direction) -> Product:
    return Product(
        name=name,
        title=title,
        direction=direction,
        signal="regulation",
        block_h=secondary(4.0, f"{REGELLEISTUNG}: six blocks a day"),
        least_mw=unverified(1.0, f"{REGELLEISTUNG}, from memory"),
        step_mw=unverified(1.0, f"{REGELLEISTUNG}, from memory"),
        energy_h=unverified(1.0, f"{PQ}: an hour for limited energy, from memory"),
        power_per_mw=ONE_MW,
        opposite_per_mw=NO_POWER_BESIDE,
        full_s=secondary(300.0, "German acceptance channel, valid from 1 October 2021"),
        first=date(2021, 10, 1),
        why="The channel of accepted energy is that from October 2021; earlier rules differ.",
        tariff_mark=Mark.SECONDARY,
    )


AFRR_UP = _afrr("afrr_up", "aFRR upwards, Germany", "up")
AFRR_DOWN = _afrr("afrr_down", "aFRR downwards, Germany", "down")
MARKET = Market(
    "continental_europe",
    "Continental Europe",
    "Europe/Berlin",
    0.0,
    "EUR",
    (FCR, AFRR_UP, AFRR_DOWN),
)

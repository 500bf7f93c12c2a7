"""Great Britain: Dynamic Containment, Moderation and Regulation, low and high, in EFA blocks."""

from dataclasses import replace
from datetime import date

from evergrid.markets.rules.constant import Constant, secondary, unverified, verified
from evergrid.markets.rules.frequency_response import DC, DM, DR, NESO, FrequencyResponse
from evergrid.markets.rules.product import ONE_MW, Market, Product

INITIATION_S = {"dc": verified(0.5, NESO), "dm": verified(0.5, NESO), "dr": verified(2.0, NESO)}
LEAST_AVAILABILITY = secondary(0.999, f"{NESO}: below, a settlement period earns nothing")
RECOVERABLE = secondary(0.2, f"{NESO}: of the energy required, in each settlement period")
FREE_ERROR = unverified(0.03, f"{NESO}: error that costs nothing, from memory")
LOST_ERROR = unverified(0.07, f"{NESO}: error that costs all, from memory")
PERIOD_H = 0.5


def _restoring(response: FrequencyResponse) -> float:
    """Power the other way, per MW, that brings back what is recoverable in a settlement period."""
    return RECOVERABLE.value * response.energy_h.value / PERIOD_H


def _way(response: FrequencyResponse, way: str, begins: date) -> Product:
    low = way == "low"
    name = f"{response.name}_{way}"
    title = f"{response.title.split(',')[0]} {way}, Great Britain"
    return Product(
        name=name,
        title=title,
        direction="up" if low else "down",
        signal="frequency",
        block_h=secondary(4.0, f"{NESO}: EFA blocks, from 23:00"),
        least_mw=unverified(1.0, f"{NESO}, from memory"),
        step_mw=unverified(1.0, f"{NESO}, from memory"),
        energy_h=Constant(response.energy_h.value, response.energy_h.mark, NESO),
        power_per_mw=ONE_MW,
        opposite_per_mw=secondary(_restoring(response), RECOVERABLE.source),
        full_s=response.full_s,
        first=begins,
        why="The products of today began in 2021 and 2022, from memory.",
        response=replace(response, name=name, title=title, low=low, high=not low),
    )


DC_LOW, DC_HIGH = (_way(DC, way, date(2021, 11, 1)) for way in ("low", "high"))
DM_LOW, DM_HIGH = (_way(DM, way, date(2022, 5, 1)) for way in ("low", "high"))
DR_LOW, DR_HIGH = (_way(DR, way, date(2022, 4, 1)) for way in ("low", "high"))
MARKET = Market(
    "great_britain",
    "Great Britain",
    "Europe/London",
    -1.0,
    "GBP",
    (DC_LOW, DC_HIGH, DM_LOW, DM_HIGH, DR_LOW, DR_HIGH),
)

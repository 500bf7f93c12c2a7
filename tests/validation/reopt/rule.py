"""One outage by the rule of REopt, written down step by step from its published source.

After ``simulate_outage`` of REopt.jl (Alliance for Sustainable Energy, Apache License 2.0).
"""

from dataclasses import dataclass

from evergrid.core.arrays import Array, Float


@dataclass(frozen=True)
class Site:
    """A generator, a tank and a battery, in the words of REopt."""

    diesel_kw: float
    fuel: float
    slope: float
    intercept: float
    turndown: float
    battery_kw: float
    battery_kwh: float
    round_trip: float


def hours(
    site: Site, net_kw: Float[Array, " step"], start: int, energy: float, *, amended: bool = False
) -> int:
    """Hours that the load is met from a start, at most the length of the record.

    Args:
        site: The plant.
        net_kw: Load less sun.
        start: First hour.
        energy: In the battery then.
        amended: With the two differences that the README names: what the last fuel gives beyond
            the load is charged with losses and limits, and a tank that cannot serve the whole of a
            load beyond the rating gives what the rating burns, and is not emptied.
    """
    fuel = site.fuel
    for past in range(len(net_kw)):
        load = float(net_kw[(start + past) % len(net_kw)])
        if load < 0:
            energy = charged(site, energy, -load)
            continue
        lowest = site.turndown * site.diesel_kw
        needed = site.slope * max(load, lowest) + site.intercept
        if load <= site.diesel_kw and needed <= fuel:
            fuel -= needed
            if load < lowest:
                energy = charged(site, energy, lowest - load)
            continue
        from_tank = max(0.0, (fuel - site.intercept) / site.slope)
        at_rating = site.slope * site.diesel_kw + site.intercept
        if needed > fuel and load <= site.diesel_kw:
            if amended and from_tank > load:
                energy, fuel = charged(site, energy, from_tank - load), 0.0
                continue
            load, fuel = load - from_tank, 0.0
        elif needed <= fuel:
            load -= site.diesel_kw
            fuel = max(0.0, fuel - at_rating)
        else:
            load -= min(site.diesel_kw, from_tank)
            fuel = fuel - at_rating if amended and at_rating <= fuel else 0.0
        if min(site.battery_kw, energy) >= load:
            energy, load = max(0.0, energy - load), 0.0
        if round(load, 5) > 0:
            return past
    return len(net_kw)


def charged(site: Site, energy: float, surplus_kw: float) -> float:
    """Energy of the battery after an hour of surplus."""
    taken = min(site.battery_kw, surplus_kw) * site.round_trip
    return energy + min(site.battery_kwh - energy, taken)

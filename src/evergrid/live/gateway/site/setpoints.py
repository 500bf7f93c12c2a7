"""Which power does each vehicle of a site get, by the last plan, within the site's limits?

The idea: each vehicle asks for what it was planned to do, as far as its cells and its promise
allow. What a site may draw or feed is then shared out: those who charge beyond a limit are all cut
by the same share, and so are those who feed. What the meters show beyond a limit is taken off the
next set-points and given back slowly, so that a vehicle that does not do what it was told is made
up for by the others. A limit that those without orders break alone leaves nothing to the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evergrid.core.units import S_PER_H
from evergrid.live.gateway.site.site_plan import PlannedSession, SitePlan

GIVEN_BACK = 0.05  # share of what was taken off, in each decision without excess
MARGIN_H = 0.1  # before the last moment at which a promise can still be kept
NEAR_KW = 1e-6
MOST_CUTS = 8  # of one side and of the other, in turns


@dataclass(frozen=True)
class SiteState:
    """What is known between two decisions.

    Attributes:
        energy_kwh: In the cells of each vehicle, by station.
        energy_s: Until when it is counted.
        taken_kw: Off what a site may draw, and feed, as its meters showed more.
    """

    energy_kwh: Mapping[str, float] = field(default_factory=dict)
    energy_s: float = 0.0
    taken_kw: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class SiteDecision:
    """What was decided.

    Attributes:
        power_kw: Of each vehicle, by station.
        state: For the next decision.
        beyond_kw: By which a site passes a limit that nobody is left to be cut for.
    """

    power_kw: Mapping[str, float]
    state: SiteState
    beyond_kw: Mapping[str, float]


def decide(
    plan: SitePlan, state: SiteState, measured_kw: Mapping[str, float], now_s: float
) -> SiteDecision:
    """Set-points of all vehicles of a plan.

    Args:
        plan: The last one that came.
        state: From the decision before.
        measured_kw: Power of each station by its meter, into the grid; those with vehicles that
            are not in the plan are counted, and get no orders.
        now_s: UTC seconds since 1970.

    Returns:
        Powers whose sums keep the limits of all sites, as far as those without orders leave room.
    """
    energy = _counted(plan, state, measured_kw, now_s)
    step = plan.step_at(now_s)
    power = {one.station: _wanted(one, energy[one.station], step, now_s) for one in plan.sessions}
    taken, beyond = _taken(plan, state, measured_kw, step), dict[str, float]()
    for limit in _from_below(plan):
        at = min(step, len(limit.import_kw) - 1)
        inside = _inside(plan, limit.site)
        others = sum(kw for one, kw in measured_kw.items() if one in inside and one not in power)
        less_drawn, less_fed = taken.get(limit.site, (0.0, 0.0))
        room = (
            -max(limit.import_kw[at] - less_drawn, 0.0) - others,
            max(limit.export_kw[at] - less_fed, 0.0) - others,
        )
        missing = _share_out(plan, power, inside, room)
        if missing > NEAR_KW:
            beyond[limit.site] = missing
    return SiteDecision(power, SiteState(energy, now_s, taken), beyond)


def _counted(
    plan: SitePlan, state: SiteState, measured_kw: Mapping[str, float], now_s: float
) -> dict[str, float]:
    """Energy in the cells, counted on by the meter's power from when it was known."""
    found = {}
    for one in plan.sessions:
        known = state.energy_kwh.get(one.station)
        since_s = one.energy_s if known is None else state.energy_s
        energy = one.energy_kwh if known is None else known
        power = measured_kw.get(one.station, 0.0)
        cells = power / one.efficiency if power > 0 else power * one.efficiency
        hours = max(now_s - since_s, 0.0) / S_PER_H
        found[one.station] = min(max(energy - cells * hours, 0.0), one.capacity_kwh)
    return found


def _wanted(one: PlannedSession, energy_kwh: float, step: int, now_s: float) -> float:
    """What a vehicle asks for: its plan, and after its end what it is still owed."""
    missing = one.owed_kwh - energy_kwh
    needed_h = missing / (one.max_charge_kw * one.efficiency) if one.max_charge_kw > 0 else 0.0
    left_h = (one.departure_s - now_s) / S_PER_H
    if missing > 0 and (step >= len(one.power_kw) or needed_h + MARGIN_H >= left_h):
        wanted = -one.max_charge_kw
    elif step >= len(one.power_kw):
        wanted = 0.0
    else:
        wanted = min(max(one.power_kw[step], -one.max_charge_kw), one.max_discharge_kw)
    if wanted > 0 and energy_kwh <= one.reserve_kwh:
        return 0.0
    if wanted < 0 and energy_kwh >= one.capacity_kwh:
        return 0.0
    return _given(one, wanted)


def _given(one: PlannedSession, power_kw: float) -> float:
    """A power that the charger can give: nothing where it is below the least."""
    return 0.0 if abs(power_kw) < one.least_kw else power_kw


def _taken(
    plan: SitePlan, state: SiteState, measured_kw: Mapping[str, float], step: int
) -> dict[str, tuple[float, float]]:
    """What is taken off the limits of each site, by what its meters show beyond them."""
    found = {}
    for limit in plan.limits:
        at = min(step, len(limit.import_kw) - 1)
        inside = _inside(plan, limit.site)
        total = sum(kw for one, kw in measured_kw.items() if one in inside)
        drawn, fed = state.taken_kw.get(limit.site, (0.0, 0.0))
        found[limit.site] = (
            _next_taken(drawn, -total - limit.import_kw[at], limit.import_kw[at]),
            _next_taken(fed, total - limit.export_kw[at], limit.export_kw[at]),
        )
    return found


def _next_taken(taken_kw: float, excess_kw: float, limit_kw: float) -> float:
    if excess_kw > 0:
        return min(taken_kw + excess_kw, limit_kw)
    return taken_kw * (1.0 - GIVEN_BACK)


def _share_out(
    plan: SitePlan, power: dict[str, float], inside: frozenset[str], room: tuple[float, float]
) -> float:
    """Cut those who charge, or those who feed, to what a site leaves; what is left beyond."""
    low, high = room
    mine = [one for one in plan.sessions if one.station in inside]
    # What falls below the least power is none, which may be too much for the other side.
    for _ in range(MOST_CUTS):
        drawn = sum(min(power[one.station], 0.0) for one in mine)
        fed = sum(max(power[one.station], 0.0) for one in mine)
        if drawn + fed < low - NEAR_KW:
            _scale(power, mine, -1.0, (low - fed) / drawn if drawn < 0 else 0.0)
        elif drawn + fed > high + NEAR_KW:
            _scale(power, mine, 1.0, (high - drawn) / fed if fed > 0 else 0.0)
        else:
            break
    total = sum(power[one.station] for one in mine)
    return max(low - total, total - high, 0.0)


def _scale(power: dict[str, float], mine: list[PlannedSession], sign: float, share: float) -> None:
    """Give those of a sign a share of what they asked for."""
    kept = min(max(share, 0.0), 1.0)
    for one in mine:
        if power[one.station] * sign > 0:
            power[one.station] = _given(one, power[one.station] * kept)


def _inside(plan: SitePlan, site: str) -> frozenset[str]:
    """Stations at a site and at those below it."""
    return frozenset(station for station, at in plan.sites.items() if site in _above(plan, at))


def _above(plan: SitePlan, site: str) -> list[str]:
    """A site and those above it."""
    found = [site]
    while parent := plan.parents.get(found[-1], ""):
        found.append(parent)
    return found


def _from_below(plan: SitePlan):
    """Limits of sites, those furthest below first."""
    return sorted(plan.limits, key=lambda limit: -len(_above(plan, limit.site)))

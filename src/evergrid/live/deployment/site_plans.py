"""What the gateway of a site is told to go on by, made from what the controller knows."""

from collections.abc import Callable, Sequence

import numpy as np

from evergrid.core.units import S_PER_H, S_PER_MIN, W_PER_KW
from evergrid.live import outlets
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.plan.plans import Plans
from evergrid.live.controller.vehicles.vehicle import Vehicle
from evergrid.live.gateway.site.site_plan import PlannedSession, SiteLimit, SitePlan
from evergrid.live.signals.utility import UtilityLimits


def planner(
    controller: Controller, plans: Plans, utility: UtilityLimits
) -> Callable[[Sequence[str]], SitePlan]:
    """What makes the plan of a gateway that holds some stations."""

    def planned(stations: Sequence[str]) -> SitePlan:
        planning, now_s = controller.config.planning, controller.clock.now_s()
        step_s = planning.step_min * S_PER_MIN
        start_s = now_s - now_s % step_s
        steps = round(planning.horizon_h * S_PER_H / step_s)
        fleet, there = controller.fleet, frozenset(stations)
        sites = {one.station: one.site for one in fleet.devices}
        held = {site for device, site in sites.items() if outlets.place(device)[0] in there}
        sessions = [
            _session(controller, row, vehicle, plans.ahead_kw(row, start_s, steps).tolist())
            for row, vehicle in fleet.vehicles.items()
            if outlets.place(vehicle.station)[0] in there
        ]
        return SitePlan(
            start_s,
            step_s,
            tuple(sessions),
            _limits(controller, utility, start_s, step_s, steps),
            _parents(controller),
            {device: site for device, site in sites.items() if site in held},
        )

    return planned


def _session(
    controller: Controller, row: int, vehicle: Vehicle, power_kw: list[float]
) -> PlannedSession:
    """A vehicle with its plan; one that charges at once is planned to."""
    control, device = controller.config.control, controller.fleet.devices[row]
    least_a = control.step_a if device.stationary else control.least_current_a
    station, evse = outlets.place(vehicle.station)
    if vehicle.charges_at_once:
        power_kw = [-vehicle.max_charge_kw] * max(len(power_kw), 1)
    return PlannedSession(
        station=station,
        evse=evse,
        transaction=vehicle.transaction,
        site=device.site,
        power_kw=tuple(power_kw),
        max_charge_kw=vehicle.max_charge_kw,
        max_discharge_kw=vehicle.max_discharge_kw,
        least_kw=device.voltage_v * device.phases * least_a / W_PER_KW,
        efficiency=controller.config.vehicle.efficiency,
        capacity_kwh=vehicle.capacity_kwh,
        energy_kwh=controller.fleet.energy_kwh(row),
        energy_s=controller.clock.now_s(),
        owed_kwh=vehicle.aim_kwh,
        reserve_kwh=vehicle.reserve_kwh,
        departure_s=vehicle.departure_s,
    )


def _limits(
    controller: Controller, utility: UtilityLimits, start_s: float, step_s: float, steps: int
) -> tuple[SiteLimit, ...]:
    """Lasting limits, and the strictest that a utility sent within each step."""
    sites, found = controller.fleet.sites, []
    for row, site in enumerate(sites.site_id.tolist()):
        drawn = np.full(steps, float(sites.import_limit_kw[row]))
        fed = np.full(steps, float(sites.export_limit_kw[row]))
        if site in utility.known.defaults:
            most_drawn, most_fed = utility.strictest_on(site, start_s, step_s, steps)
            drawn, fed = np.minimum(drawn, most_drawn), np.minimum(fed, most_fed)
        found.append(SiteLimit(str(site), tuple(drawn.tolist()), tuple(fed.tolist())))
    return tuple(found)


def _parents(controller: Controller) -> dict[str, str]:
    """Site above each site."""
    sites = controller.fleet.sites
    names = [str(one) for one in sites.site_id]
    return {
        name: names[int(above)] if above >= 0 else ""
        for name, above in zip(names, sites.parent, strict=True)
    }

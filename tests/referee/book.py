"""What a plan is given, as the referee reckons with it, and what follows from that alone."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Unit:
    """A session, or a battery that never leaves, within the horizon.

    Attributes:
        session_id: Its name.
        site: Row of its site.
        share: Part of each step in which it is plugged in.
        charge_kw: Greatest power drawn.
        discharge_kw: Greatest power fed.
        efficiency_charge: From the plug into the cells.
        efficiency_discharge: From the cells to the plug.
        capacity_kwh: Most that the cells hold.
        start_kwh: Energy on arrival, or when the horizon begins.
        reserve_kwh: Below it nothing is fed.
        owed_kwh: Energy due at the end of the stay, or at the end of the horizon so that full
            power after it suffices.
        wanted_kwh: What the driver asked for at departure.
        outlasts: Whether it stays beyond the horizon, so that energy left has a worth.
        wear: Cost per kWh fed.
        wear_rise: By how much that cost rises per kW fed.
    """

    session_id: str
    site: int
    share: np.ndarray
    charge_kw: float
    discharge_kw: float
    efficiency_charge: float
    efficiency_discharge: float
    capacity_kwh: float
    start_kwh: float
    reserve_kwh: float
    owed_kwh: float
    wanted_kwh: float
    outlasts: bool
    wear: float
    wear_rise: float

    @cached_property
    def slots(self) -> np.ndarray:
        """Steps in which it is plugged in."""
        return np.flatnonzero(self.share > 1e-12)


@dataclass(frozen=True)
class Book:
    """Units, sites and prices on one grid of steps; arrays are ``[site, step]`` or ``[step]``.

    Attributes:
        start: When the first step begins.
        step_h: Length of a step.
        steps: How many there are.
        units: Sessions and batteries that touch the horizon.
        site_id: Names of the sites.
        parent: Row of the site above each, -1 for roots.
        import_limit_kw: Most that a site draws from above; infinite for no limit.
        export_limit_kw: Most that it feeds upwards.
        load_kw: Load of the site itself.
        generation_kw: Generation of the site itself.
        curtailable: Whether the generation of a site may be curtailed.
        buy: Price per kWh drawn, carbon included.
        sell: Price per kWh fed, carbon included.
        carbon: Price of carbon per kWh, part of both.
        metered: Whether a site is billed with its load.
        demand_rate: Demand charge per kW.
        period: Billing period of each step, by site: 0, 1, ...
        peak_before_kw: Peak of the first period before the horizon.
        peaks: How many of the highest steps the demand charge is the mean of.
        budget_kwh: Most energy drawn in the horizon; infinite for none.
        end_value: Worth of a kWh left in a unit that outlasts the horizon.
    """

    start: datetime
    step_h: float
    steps: int
    units: tuple[Unit, ...]
    site_id: tuple[str, ...]
    parent: tuple[int, ...]
    import_limit_kw: np.ndarray
    export_limit_kw: np.ndarray
    load_kw: np.ndarray
    generation_kw: np.ndarray
    curtailable: np.ndarray
    buy: np.ndarray
    sell: np.ndarray
    carbon: np.ndarray
    metered: np.ndarray
    demand_rate: np.ndarray
    period: np.ndarray
    peak_before_kw: np.ndarray
    peaks: np.ndarray
    budget_kwh: np.ndarray
    end_value: float

    def chain(self, site: int) -> list[int]:
        """A site and all above it."""
        found = []
        while site >= 0:
            found.append(site)
            site = self.parent[site]
        return found

    def summed(self, own: np.ndarray) -> np.ndarray:
        """A quantity of each site with all sites below it."""
        total = np.zeros_like(own)
        for site in range(len(self.site_id)):
            for above in self.chain(site):
                total[above] += own[site]
        return total

    def meter(self, site: int) -> int:
        """Row of the net meter above a site or at it; -1 where there is none."""
        return next((above for above in self.chain(site) if self.metered[above]), -1)

    @cached_property
    def may_curtail_kw(self) -> np.ndarray:
        """Generation of each site itself that may be curtailed."""
        return np.where(self.curtailable[:, None], self.generation_kw, 0.0)

    @cached_property
    def base_kw(self) -> np.ndarray:
        """What each site with all below it draws with the fleet at rest and nothing curtailed."""
        return self.summed(self.load_kw - self.generation_kw)

    @cached_property
    def alone_kw(self) -> np.ndarray:
        """What each site draws with the fleet at rest and no more curtailed than limits demand.

        From the leaves up: what leaves a site beyond its export limit is curtailed, where what the
        sites below curtail is not enough and as far as any of its generation may be. Then down
        again: what a limit demands that no other site below could curtail.
        """
        may, cut = self.summed(self.may_curtail_kw), np.zeros_like(self.base_kw)
        for site in sorted(range(len(self.parent)), key=lambda site: -len(self.chain(site))):
            below = [cut[i] for i, above in enumerate(self.parent) if above == site]
            beyond = np.maximum(-self.base_kw[site] - self.export_limit_kw[site], 0.0)
            cut[site] = np.maximum(sum(below), np.minimum(beyond, may[site]))
        for site in sorted(range(len(self.parent)), key=lambda site: len(self.chain(site))):
            inner = [i for i, above in enumerate(self.parent) if above == site]
            more = cut[site] - self.may_curtail_kw[site] - cut[inner].sum(axis=0)
            room = may[inner] - cut[inner]
            cut[inner] += np.maximum(more - (room.sum(axis=0) - room), 0.0)
        return self.base_kw + cut

    @cached_property
    def alone_import_kw(self) -> np.ndarray:
        """By how much the load alone exceeds each import limit."""
        return np.maximum(self.alone_kw - self.import_limit_kw, 0.0)

    @cached_property
    def alone_export_kw(self) -> np.ndarray:
        """By how much generation that must be taken alone exceeds each export limit."""
        least = -(self.base_kw + self.summed(self.may_curtail_kw))
        return np.maximum(least - self.export_limit_kw, 0.0)

    @cached_property
    def alone_budget_kwh(self) -> np.ndarray:
        """By how much the load alone exceeds each energy budget."""
        return np.maximum(self.step_h * self.alone_kw.sum(axis=1) - self.budget_kwh, 0.0)

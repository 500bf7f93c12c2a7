"""Which plan each vehicle follows, step by step, and when the next one is due."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import EvergridError
from evergrid.core.units import S_PER_H
from evergrid.live.config import Config
from evergrid.live.controller.plan import planning
from evergrid.live.controller.plan.envelopes import beside
from evergrid.live.controller.plan.planning import MadePlan, PlanRequest
from evergrid.live.controller.vehicles.fleet import Fleet
from evergrid.live.controller.vehicles.vehicle import Vehicle
from evergrid.model.prices import Prices
from evergrid.model.site import SiteLimits
from evergrid.model.time_series.signal import RegulationMarket

Planner = Callable[[PlanRequest], Awaitable[MadePlan]]
"""Makes a plan, in another process or at once."""
Limits = Callable[[float, float, int], SiteLimits | None]
"""Limits of sites from a moment on, UTC seconds since 1970, by length and number of steps."""


class Plans:
    """The plan of the fleet, and those of vehicles that came since.

    Args:
        config: Of the service.
        fleet: Whose powers are set.
        prices: Of energy.
        market: Prices of regulation; None where none is sold.
        planner: Makes a plan.
        limits: Limits of sites that change over time, from a moment on, by step and steps; None
            where there are only lasting ones.
    """

    def __init__(
        self,
        config: Config,
        fleet: Fleet,
        prices: Prices,
        market: RegulationMarket | None,
        planner: Planner,
        limits: Limits | None = None,
    ) -> None:
        self._limits = limits
        self._config, self._fleet, self._planner = config, fleet, planner
        self._prices, self._market = prices, market
        self._of: dict[int, tuple[MadePlan, int]] = {}  # plan of each row, and its place in it
        self._step = -1  # of the last powers that were set
        self._coming: asyncio.Task[MadePlan | None] | None = None
        self._coming_s = 0.0
        self.now: MadePlan | None = None
        self.made_s: float | None = None
        self.behind = ""

    def use_prices(self, prices: Prices) -> None:
        """The next plans are made with these."""
        self._prices = prices

    def _is_of(self, plan: MadePlan, place: int) -> bool:
        """Whether the vehicle that a plan was made for is still there."""
        vehicle = self._fleet.vehicles.get(int(plan.row[place]))
        return vehicle is not None and vehicle.transaction == plan.transaction[place]

    def held_kwh(self, begin_s: float, end_s: float) -> dict[int, float]:
        """What each row holds for regulation in a block, power times hours."""
        plan = self.now
        if plan is None:
            return {}
        first, last = plan.step_at(begin_s), plan.step_at(end_s - 1.0)
        kwh = plan.held_kw[:, first : last + 1].sum(axis=1) * plan.step_s / S_PER_H
        return {
            int(row): float(kwh[place])
            for place, row in enumerate(plan.row)
            if kwh[place] > 0 and self._is_of(plan, place)
        }

    def start(self, begin_s: float, wall_s: float) -> None:
        """Begin to make the plan of the hour that begins then, in the background."""
        if self._coming is not None or self._coming_s >= begin_s:
            return
        self._coming_s = begin_s
        self._coming = asyncio.create_task(self._make(self._there(begin_s, wall_s), begin_s, True))

    async def adopt(self, wall_s: float) -> bool:
        """Follow the plan that was started, where it is there; returns whether it is."""
        if self._coming is None or not self._coming.done():
            self.behind = "" if self._coming is None else "the plan of this hour is not there yet"
            return False
        made, self._coming = self._coming.result(), None
        if made is None:
            return False
        self.now, self.made_s, self.behind = made, wall_s, ""
        self._take(made, wall_s, from_energy_now=True)
        self._step = self._step_number(wall_s)
        return True

    async def wait(self) -> None:
        """Until the plan that was started is there, such as in virtual time."""
        if self._coming is not None:
            await asyncio.wait([self._coming])

    async def for_arrivals(self, rows: list[int], wall_s: float) -> None:
        """Plans of energy for vehicles that have none, on their own."""
        step_s = self._config.planning.step_min * 60.0
        begin_s = wall_s - wall_s % step_s
        there = self._there(begin_s, wall_s)
        made = await self._make({row: there[row] for row in rows if row in there}, begin_s, False)
        if made is not None:
            self._take(made, wall_s, from_energy_now=True)

    def follow(self, wall_s: float) -> None:
        """Set the powers of the step that begins now, where one does."""
        step = self._step_number(wall_s)
        if step == self._step:
            return
        self._step = step
        for plan in {id(plan): plan for plan, _ in self._of.values()}.values():
            self._take(plan, wall_s, from_energy_now=False)

    def ahead_kw(self, row: int, begin_s: float, steps: int) -> Float[Array, " step"]:
        """Planned power of a row in the steps from a moment on; none where it has no plan.

        Args:
            row: Of a station.
            begin_s: Begin of a step, UTC seconds since 1970.
            steps: Fewer where the plan ends before.
        """
        plan, place = self._of.get(row, (None, 0))
        if plan is None or not self._is_of(plan, place):
            return np.zeros(0)
        first = plan.step_at(begin_s)
        return plan.power_kw[place, first : first + steps]

    def _step_number(self, wall_s: float) -> int:
        return int((wall_s + 1e-6) // (self._config.planning.step_min * 60.0))

    def _there(self, begin_s: float, wall_s: float) -> dict[int, Vehicle]:
        """Vehicles with what they will hold when the plan begins."""
        ahead_h = max(begin_s - wall_s, 0.0) / S_PER_H
        found = {}
        for row, vehicle in self._fleet.vehicles.items():
            base_kw = self._base_kw(row, wall_s)
            efficiency = self._config.vehicle.efficiency
            cells_kw = base_kw * efficiency if base_kw < 0 else base_kw / efficiency
            energy = self._fleet.energy_kwh(row) - cells_kw * ahead_h
            energy = min(max(energy, 0.0), vehicle.capacity_kwh)
            found[row] = replace(vehicle, energy_kwh=energy)
        return found

    def _base_kw(self, row: int, wall_s: float) -> float:
        plan, place = self._of.get(row, (None, 0))
        if plan is None or not self._is_of(plan, place):
            return 0.0
        return float(plan.power_kw[place, plan.step_at(wall_s)])

    async def _make(
        self, there: dict[int, Vehicle], begin_s: float, whole: bool
    ) -> MadePlan | None:
        """A plan; None where there is nobody to plan, or none was found, which is told."""
        config, fleet = self._config, self._fleet
        market = self._market if whole else None
        try:
            limits = self._limits_beside(there, begin_s, whole)
            asked = planning.request(
                config,
                fleet.devices,
                there,
                self._prices,
                market,
                start_s=begin_s,
                limits=limits,
            )
            return None if asked is None else await self._planner(asked)
        except EvergridError as error:
            self.behind = str(error)
            return None

    def _limits_beside(
        self, there: dict[int, Vehicle], begin_s: float, whole: bool
    ) -> SiteLimits | None:
        """Limits of sites for a plan: less what those who are not in it are planned to have."""
        step_s = 60.0 * self._config.planning.step_min
        steps = round(self._config.planning.horizon_h * S_PER_H / step_s)
        sent = None if self._limits is None else self._limits(begin_s, step_s, steps)
        if whole:
            return sent
        return beside(
            self._fleet.sites,
            self._planned_kw(there, begin_s, step_s, steps),
            sent,
            begin_s,
            step_s,
        )

    def _planned_kw(
        self, there: dict[int, Vehicle], begin_s: float, step_s: float, steps: int
    ) -> Float[Array, "site step"]:
        """Planned power of all who are not in a plan that is made now, at each site itself."""
        fleet = self._fleet
        found = np.zeros((len(fleet.sites.site_id), steps))
        for row, (plan, place) in self._of.items():
            if row in there or not self._is_of(plan, place):
                continue
            first = round((begin_s - plan.start_s) / step_s)
            last = min(plan.power_kw.shape[1] - first, steps)
            found[fleet.chargers.site[row], :last] += plan.power_kw[place, first : first + last]
        for row, vehicle in fleet.vehicles.items():
            if row not in there and row not in self._of and vehicle.charges_at_once:
                found[fleet.chargers.site[row], 0] -= vehicle.max_charge_kw
        return found

    def _take(self, plan: MadePlan, wall_s: float, *, from_energy_now: bool) -> None:
        """Set the powers of a plan for those of its vehicles that are still there."""
        fleet, step = self._fleet, plan.step_at(wall_s)
        places, rows = [], []
        for place, row in enumerate(plan.row.tolist()):
            known = self._of.get(row)
            mine = from_energy_now or (known is not None and known[0] is plan)
            there = self._is_of(plan, place)
            if mine and there and not fleet.vehicles[row].charges_at_once:
                self._of[row] = (plan, place)
                places.append(place)
                rows.append(row)
        if not rows:
            return
        at, chosen = np.array(rows, np.int64), np.array(places, np.int64)
        energy = (
            np.array([fleet.energy_kwh(row) for row in rows])
            if from_energy_now
            else plan.before_kwh[chosen, step]
        )
        fleet.set_plan(at, plan.power_kw[chosen, step], energy)

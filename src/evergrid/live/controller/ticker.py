"""Every tick: read the signal, decide, write down, send; every hour: offer and settle."""

from collections import deque
from dataclasses import asdict, dataclass, replace
from typing import Protocol, runtime_checkable

from evergrid.core.units import S_PER_H
from evergrid.dispatch.track.firm import Available
from evergrid.live.clock import AbstractClock
from evergrid.live.controller import records
from evergrid.live.controller.books import ledger_lines
from evergrid.live.controller.books.awards import Awards, Block
from evergrid.live.controller.controller import Controller
from evergrid.live.controller.offers.firm_capacity import FirmCapacity
from evergrid.live.controller.plan import at_once, envelopes
from evergrid.live.controller.plan.plans import Plans
from evergrid.live.signals.freshness import Fallback, FollowedSignal
from evergrid.live.signals.utility import UtilityLimits
from evergrid.live.station_series import StationSeries

LOOK_S = 60.0  # between two looks at what the fleet can hold, where nothing has changed
KEPT_POINTS = 50_000  # of ticks: more than a day of two seconds each
GRACE_S = 0.05  # after a tick began, in which its value of the signal may come
BEHIND_TICKS = 2  # by which a decision may be late before it is told

NO_SIGNAL = FollowedSignal(0.0, 0.0, float("inf"), Fallback.PLAN)


@runtime_checkable
class AbstractFeed(Protocol):
    """What is asked for, tick by tick."""

    def follow(self) -> FollowedSignal:
        """What to follow now; once a tick."""
        ...


@dataclass(frozen=True)
class Point:
    """What was asked for and done in a tick; power above the plan, into the grid.

    Attributes:
        time_s: Begin of the tick, UTC seconds since 1970.
        signal: Share asked for.
        target_kw: Award times share, as far as it can be held.
        base_kw: Planned power.
        response_kw: Power less planned power, at the end of the tick.
        award_kw: In force.
        score: Of the last award period that was settled; None before the first.
    """

    time_s: float
    signal: float
    target_kw: float
    base_kw: float
    response_kw: float
    award_kw: float
    score: float | None = None


class Ticker:
    """The loop of decisions.

    Args:
        controller: Who knows the fleet.
        plans: Which plan it follows.
        awards: What is sold; None where nothing is.
        feed: What is asked for; None where nothing is followed.
        wait_for_plans: Whether an hour begins only with its plan, as in virtual time.
        utility: Limits of sites that a utility sends.
        firm: What past days vouch for; None where nobody keeps a record.
    """

    def __init__(
        self,
        controller: Controller,
        plans: Plans,
        awards: Awards | None,
        feed: AbstractFeed | None,
        *,
        wait_for_plans: bool,
        utility: UtilityLimits | None = None,
        firm: FirmCapacity | None = None,
    ) -> None:
        self.utility, self.firm = utility, firm
        self.controller, self.plans, self.awards = controller, plans, awards
        self._feed, self._waits = feed, wait_for_plans
        self.tick_s = float(controller.config.control.tick_s)
        self.followed = NO_SIGNAL
        self.held, self._look_s = Available(0.0, 0.0), float("-inf")
        self.station_series = StationSeries(len(controller.fleet.devices))
        self.points = deque[Point](maxlen=KEPT_POINTS)
        self._target_kw = 0.0
        self._hour: int | None = None
        self._vehicles = 0
        self._stopping = False
        self.last_tick_s = float("-inf")
        self.late = 0  # ticks that began too late

    @property
    def clock(self) -> AbstractClock:
        """The clock of the service."""
        return self.controller.clock

    def stop(self) -> None:
        """End `run` with the tick that is under way."""
        self._stopping = True

    async def run(self) -> None:
        """Decide every tick until `stop`; ticks that were missed are not made up for."""
        next_s = self.clock.monotonic_s() + GRACE_S
        while not self._stopping:
            with self.clock.working():
                await self.tick()
            next_s += self.tick_s
            behind_s = self.clock.monotonic_s() - next_s
            if behind_s > BEHIND_TICKS * self.tick_s:
                self.late += 1
                text = f"decisions come {behind_s:.1f} s late"
                self.controller.raise_alarm("decisions_late", "controller", text)
                next_s = self.clock.monotonic_s()
            elif behind_s <= 0:
                self.controller.end_alarm("decisions_late", "controller")
            await self.clock.sleep_until(next_s)

    async def tick(self) -> None:
        """One decision."""
        controller, wall_s = self.controller, self.clock.now_s()
        self._record(wall_s)
        controller.ordering.retry()
        fleet = controller.fleet
        bounds = envelopes.bounds_now(fleet.sites, self.utility)
        if fleet.limit_to(bounds):
            self._look_s = float("-inf")
        await self._plan(wall_s)
        await self._hours(wall_s)
        self._look(wall_s)
        award = (
            0.0 if self.awards is None or self.awards.now is None else self.awards.now.awarded_kw
        )
        self._read()
        target_kw = min(max(award * self.followed.share, -self.held.down_kw), self.held.up_kw)
        self._target_kw = self._guarded(target_kw)
        least_a = controller.config.control.least_current_a
        orders = (
            *at_once.orders(fleet, least_current_a=least_a),
            *fleet.advance(self._target_kw, self.clock.monotonic_s()),
        )
        self._check_sites()
        if orders:
            await controller.log.append(records.of_orders(orders, wall_s))
        for order in orders:
            controller.spawn(controller.ordering.send(order))
        self.last_tick_s = self.clock.monotonic_s()

    def _check_sites(self) -> None:
        """Tell where a limit is passed though everything was cut that can be."""
        fleet = self.controller.fleet
        for site, beyond_kw in zip(fleet.sites.site_id, fleet.beyond_kw, strict=True):
            if beyond_kw > 0:
                text = f"{site} is {beyond_kw:.1f} kW beyond its limit, and nothing is left to cut"
                self.controller.raise_alarm("site_limit", str(site), text)
            else:
                self.controller.end_alarm("site_limit", str(site))

    def _record(self, wall_s: float) -> None:
        """What the last tick asked for, and what the fleet does at its end."""
        if self.last_tick_s == float("-inf"):
            return
        fleet = self.controller.fleet
        response_kw = fleet.power_kw - fleet.base_kw
        block = None if self.awards is None else self.awards.now
        awarded_kw = 0.0 if block is None else block.awarded_kw
        begin_s = wall_s - self.tick_s
        point = Point(
            begin_s, self.followed.share, self._target_kw, fleet.base_kw, response_kw, awarded_kw
        )
        if self.awards is not None:
            point = replace(point, score=self.awards.last_score)
        self.points.append(point)
        follows = fleet.following
        self.station_series.sample(
            begin_s, follows.ordered_kw, follows.accepted_kw, follows.measured_kw
        )
        if self.awards is not None:
            self.awards.point(begin_s, self.followed.share, response_kw)

    def _read(self) -> None:
        """What to follow now; a gap holds for a while and then fades to the plan."""
        if self._feed is None:
            return
        self.followed = self._feed.follow()
        if self.followed.stale:
            text = f"the last value of the signal is {self.followed.age_s:.0f} s old"
            self.controller.raise_alarm("signal_stale", "signal", text)
        else:
            self.controller.end_alarm("signal_stale", "signal")

    def _guarded(self, target_kw: float) -> float:
        """A target whose step, with that of the plan, is no larger than the guard allows."""
        most_kw, fleet = self.controller.config.control.most_step_kw, self.controller.fleet
        now_kw = fleet.power_kw - fleet.base_kw
        guarded = min(max(target_kw, now_kw - most_kw), now_kw + most_kw)
        if guarded != target_kw:
            text = f"a step of {target_kw - now_kw:+.0f} kW was cut to {guarded - now_kw:+.0f} kW"
            self.controller.raise_alarm("step_cut", "controller", text)
        else:
            self.controller.end_alarm("step_cut", "controller")
        return guarded

    async def _plan(self, wall_s: float) -> None:
        """Start the plan of the next hour in time, and plan who came."""
        planning, controller = self.controller.config.planning, self.controller
        next_hour_s = (int(wall_s // S_PER_H) + 1) * S_PER_H
        if self._hour is not None and wall_s >= next_hour_s - planning.lead_s:
            self.plans.start(next_hour_s, wall_s)
        if controller.unplanned:
            rows = sorted(controller.unplanned)
            controller.unplanned.clear()
            if self._waits:
                await self.plans.for_arrivals(rows, wall_s)
            else:
                controller.spawn(self.plans.for_arrivals(rows, wall_s))

    async def _hours(self, wall_s: float) -> None:
        """A new hour: its plan, its offer, and the settlement of those that have ended."""
        hour = int((wall_s + 1e-6) // S_PER_H)
        began = hour != self._hour
        if began:
            self._hour = hour
            if self._waits:
                self.plans.start(hour * S_PER_H, wall_s)
                await self.plans.wait()
        if await self.plans.adopt(wall_s) and not began:
            self._look_s = float("-inf")
        self.plans.follow(wall_s)
        if began and self.awards is not None:
            await self._promise(wall_s)
            await self._offer(wall_s, self.awards)
        if self.awards is not None:
            await self._settle(self.awards, wall_s)

    async def _promise(self, wall_s: float) -> None:
        """Have the promises of past days made anew, once a day."""
        if self.firm is not None:
            self.firm.refresh(wall_s)
            if self._waits:
                await self.firm.wait()

    async def _offer(self, wall_s: float, awards: Awards) -> None:
        """Offer what can be held for the hour that begins."""
        assert self._hour is not None
        hour_s, end_s = self._hour * S_PER_H, (self._hour + 1) * S_PER_H
        begin_s = hour_s if wall_s < hour_s + self.tick_s else wall_s
        left_h, fleet, firm = (end_s - wall_s) / S_PER_H, self.controller.fleet, self.firm
        plan = self.plans.now
        planned_kw = 0.0 if plan is None else plan.award_at(wall_s)
        block = awards.begin(
            begin_s,
            end_s,
            planned_kw,
            fleet.available(left_h).symmetric_kw,
            None if firm is None else firm.at(wall_s),
            battery_kw=fleet.battery_kw(left_h),
            lacking="" if firm is None else firm.lacking,
        )
        vehicles = self.controller.fleet.vehicles
        for row, kwh in self.plans.held_kwh(wall_s, end_s).items():
            if row in vehicles and vehicles[row].driver:
                driver = vehicles[row].driver
                block.held_kwh[driver] = block.held_kwh.get(driver, 0.0) + kwh
        self._look_s = float("-inf")
        await self.controller.log.append([records.of_what("offer", wall_s, asdict(block))])

    async def _settle(self, awards: Awards, wall_s: float, *, all_now: bool = False) -> None:
        for block in awards.settle(wall_s, all_now=all_now):
            await self._post(block)

    async def _post(self, block: Block) -> None:
        controller = self.controller
        await controller.log.append([records.of_what("settled", block.end_s, asdict(block))])
        lines = ledger_lines.of_block(block, controller.config.ledger.driver_share)
        await controller.departures.post(
            [(f"regulation/{block.begin_s:.0f}/{one.party}", one) for one in lines]
        )

    async def settle_all(self) -> None:
        """Settle every block, also those under way, at the end of a run."""
        if self.awards is not None:
            self._record(self.clock.now_s())
            await self._settle(self.awards, self.clock.now_s(), all_now=True)

    def _look(self, wall_s: float) -> None:
        """What the fleet can hold for the rest of the hour, when it may have changed."""
        fleet = self.controller.fleet
        if wall_s < self._look_s + LOOK_S and len(fleet.vehicles) == self._vehicles:
            return
        self._look_s, self._vehicles = wall_s, len(fleet.vehicles)
        left_s = S_PER_H - wall_s % S_PER_H
        self.held = fleet.available(left_s / S_PER_H)

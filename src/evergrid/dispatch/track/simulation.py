"""A fleet follows a signal for hours: orders late or lost, vehicles that come and go.

The fleet is told what the live service would tell it, by the same functions. What the simulation
adds is the world: latency, lost messages, arrivals, departures and chargers that fail.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import S_PER_H
from evergrid.dispatch.track import connections, fleet_state, recovery, site_limits
from evergrid.dispatch.track.connections import Connections
from evergrid.dispatch.track.firm import Available, available_kw, energy_now, grid_kw
from evergrid.dispatch.track.fleet_state import DAY_S, PLUGGED, FleetState
from evergrid.dispatch.track.signal import SignalRules, SignalState, read
from evergrid.dispatch.track.site_limits import LimitsByStep
from evergrid.dispatch.track.tick import advance, changed_rows, hold_until, unheard

LOOK_S = 300.0  # between two looks at what the fleet can still hold

Award = Callable[[FleetState, float], float]
Event = tuple[float, int, Callable[[Int[Array, " which"]], None], Int[Array, " which"]]


def constant(award_kw: float) -> Award:
    """The same award in every block."""
    return lambda state, block_h: award_kw


def up_to_firm(award_kw: float) -> Award:
    """An award that each block cuts to what the fleet can hold in both directions."""
    return lambda state, block_h: min(award_kw, available_kw(state, block_h).symmetric_kw)


def share_of_firm(share: float) -> Award:
    """In every block a share of what the fleet can hold in both directions."""
    return lambda state, block_h: share * available_kw(state, block_h).symmetric_kw


@dataclass(frozen=True)
class Stays:
    """Vehicles at chargers.

    Attributes:
        charger: Row of the charger.
        arrival_s: When each plugs in; it leaves at its stated departure, or at `unplugged_s`.
        cars: The vehicles.
        unplugged_s: When each leaves.

    Raises:
        InputError: A stay ends before it begins.
    """

    charger: Int[Array, " stay"]
    arrival_s: Float[Array, " stay"]
    cars: Connections
    unplugged_s: Float[Array, " stay"]

    def __post_init__(self) -> None:
        after = self.unplugged_s > self.arrival_s
        rule = "be after arrival_s"
        raise_if_any("stays", broken("unplugged_s", after, rule, values=self.unplugged_s))


@dataclass(frozen=True)
class PlannedPowers:
    """A plan whose powers change from step to step, from second 0 on.

    Attributes:
        step_s: Length of a step.
        power_kw: Of each stay, into the grid.
        energy_kwh: In the cells of each stay, at the begin of each step.

    Raises:
        InputError: A step without length.
    """

    step_s: float
    power_kw: Float[Array, "stay step"]
    energy_kwh: Float[Array, "stay step"]

    def __post_init__(self) -> None:
        if not 0 < self.step_s <= DAY_S:
            rule = "be above 0 and at most a day"
            raise_if_any("planned_powers", [Fault("step_s", rule, (self.step_s,))])


@dataclass(frozen=True)
class Outages:
    """Times in which chargers are lost."""

    charger: Int[Array, " outage"]
    start_s: Float[Array, " outage"]
    end_s: Float[Array, " outage"]


@dataclass(frozen=True)
class World:
    """What happens to orders and plans.

    Attributes:
        message_loss: Share of orders that do not arrive; they are told again in the next tick.
        block_h: For which an award holds.
        hold_h: For which energy, or room, of an award must last one way; all of the block when left
            out. What the fleet is asked for is cut to that until this time of a block has passed.
        recovery_h: After which energies are those planned at first, once the signal asks for
            nothing more: what is left of it after a block, or a step of the plan, is the time in
            which new plans bring them back, but no less than one more of these.
        seed: Of the lost messages.

    Raises:
        InputError: A number out of range.
    """

    message_loss: float = 0.02
    block_h: float = 0.5
    hold_h: float | None = None
    recovery_h: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.message_loss < 1:
            faults.append(Fault("message_loss", "lie in [0, 1)", (self.message_loss,)))
        for name in ("block_h", "recovery_h"):
            if not 0 < (value := getattr(self, name)) <= 24:
                faults.append(Fault(name, "lie in (0, 24] h", (value,)))
        if self.hold_h is not None and not 0 <= self.hold_h <= 24:
            faults.append(Fault("hold_h", "lie in [0, 24] h", (self.hold_h,)))
        raise_if_any("world", faults)


@dataclass(frozen=True)
class Record:
    """What happened, tick by tick and in sum.

    Attributes:
        tick_s: Length of a tick.
        award_kw: In force.
        target_kw: Award times what the signal said.
        base_kw: Planned power.
        response_kw: Power above the plan, mean of the tick with orders under way.
        at_begin_kw: The same at the moment when the value arrives, before what it asks for.
        held_kw: What the fleet could still hold above and below its plan, at the last look.
        orders: How many chargers were told another power.
        switches: Contactor operations of each charger on its busiest day.
        shortfall_kwh: Missing at each departure, by stay; 0 for those that stay on.
        unreachable_kwh: Owed, but out of reach even for charging at once; by stay.
        energy_end_kwh: In the cells when each left, or at the end for those that stay on; by stay,
            0 for those that have not come.
        energies_kwh: Fed, drawn, lost, refused by full cells, drawn while idle, out of the cells.
        ahead_kwh: Second, and energy in all cells above what was planned at first, whenever the
            planned powers were renewed.
        signal: What the signal had of gaps and faults.
        beyond_kw: By how much power as told is beyond the limit of the worst site: above 0 only
            where what must be charged for drivers, or load by itself, leaves no other way.
    """

    tick_s: float
    award_kw: Float[Array, " tick"]
    target_kw: Float[Array, " tick"]
    base_kw: Float[Array, " tick"]
    response_kw: Float[Array, " tick"]
    at_begin_kw: Float[Array, " tick"]
    held_kw: Float[Array, "tick 2"]
    orders: Int[Array, " tick"]
    switches: Int[Array, " charger"]
    shortfall_kwh: Float[Array, " stay"]
    unreachable_kwh: Float[Array, " stay"]
    energy_end_kwh: Float[Array, " stay"]
    energies_kwh: Float[Array, " 6"]
    ahead_kwh: Float[Array, "renewal 2"]
    signal: SignalState
    beyond_kw: Float[Array, " tick"]

    @cached_property
    def unmet_kw(self) -> Float[Array, " tick"]:
        """Target less response."""
        return self.target_kw - self.response_kw

    @property
    def mean_error(self) -> float:
        """Mean distance of the response from the target, relative to the mean award."""
        award = float(self.award_kw.mean())
        return float(np.abs(self.unmet_kw).mean()) / award if award > 0 else 0.0


def simulate(
    state: FleetState,
    stays: Stays,
    signal: Float[Array, " tick"],
    award: Award,
    *,
    world: World | None = None,
    rules: SignalRules | None = None,
    outages: Outages | None = None,
    plan: PlannedPowers | None = None,
    sites: LimitsByStep | None = None,
) -> Record:
    """Follow a signal from now on.

    Args:
        state: The fleet; it is copied, and not changed.
        stays: Who comes and goes.
        signal: Share of the award in each tick, positive into the grid; NaN in gaps.
        award: Power promised, asked at the start of each block.
        world: What happens to orders and plans.
        rules: How gaps and faults of the signal are met.
        outages: Chargers that are lost for a while.
        plan: Powers of stays that change; those of their vehicles by default.
        sites: Limits that orders keep in every tick, whatever is asked; none by default.

    Raises:
        InputError: A stay begins at a charger that is taken.
    """
    run = _Run(fleet_state.copy(state), stays, world or World(), rules or SignalRules(), award)
    run.plan, run.sites = plan, sites if sites is not None and sites.limited else None
    events = run.events(outages)
    rows = np.zeros((len(signal), 9))
    for tick in range(len(signal)):
        # What the world does until now happens first: orders of a tick meet vehicles that are
        # there.
        while events and events[-1][0] <= run.state.now_s:
            _, _, happen, which = events.pop()
            happen(which)
        rows[tick] = run.tick(float(signal[tick]))
    run.count_switches()
    run.note_those_still_there()
    return Record(
        run.rules.tick_s,
        rows[:, 0],
        rows[:, 1],
        rows[:, 2],
        rows[:, 3],
        rows[:, 4],
        rows[:, 5:7],
        rows[:, 7].astype(np.int64),
        run.switches,
        run.shortfall_kwh,
        run.unreachable_kwh,
        run.energy_end_kwh,
        run.state.energies_kwh.sum(axis=0),
        np.array(run.ahead).reshape(-1, 2),
        run.signal,
        rows[:, 8],
    )


class _Run:
    """A simulation under way: the fleet, the world around it, and what was met so far."""

    def __init__(
        self, state: FleetState, stays: Stays, world: World, rules: SignalRules, award: Award
    ) -> None:
        self.state, self.stays, self.world, self.rules = state, stays, world, rules
        self.award, self.award_kw, self.held = award, 0.0, Available(0.0, 0.0)
        self.start_s = self.block_s = self.look_s = state.now_s
        self.plan: PlannedPowers | None = None
        self.sites: LimitsByStep | None = None
        self.parts, self.ahead = tuple[recovery.Part, ...](), list[tuple[float, float]]()
        self.told_kw = deque[float]()  # in the last ticks, as long as orders are under way
        self.signal, self.random = SignalState(), np.random.default_rng(world.seed)
        self.switches = np.zeros(len(state.steps), np.int64)
        self.shortfall_kwh = np.zeros(len(stays.charger))
        self.unreachable_kwh = np.zeros(len(stays.charger))
        self.energy_end_kwh = np.zeros(len(stays.charger))
        self.planned_kwh, self.planned_s = (
            state.cars["plan_kwh"].copy(),
            state.cars["plan_s"].copy(),
        )
        self.planned_cells_kw = state.cars["base_cells_kw"].copy()

    def events(self, outages: Outages | None) -> list[Event]:
        """Departures, arrivals, losses and returns; the next is last, and departures come first."""
        stays, found = self.stays, list[Event]()
        for order, times, happen in (
            (0, stays.unplugged_s, self.leave),
            (1, stays.arrival_s, self.arrive),
        ):
            for time_s in np.unique(times):
                found.append((float(time_s), order, happen, np.flatnonzero(times == time_s)))
        if outages is not None:
            for row, start_s, end_s in zip(
                outages.charger, outages.start_s, outages.end_s, strict=True
            ):
                found.append((float(start_s), 2, self.lose, np.array([row])))
                found.append((float(end_s), 3, self.restore, np.array([row])))
        for step in range(0 if self.plan is None else self.plan.power_kw.shape[1]):
            assert self.plan is not None
            found.append((step * self.plan.step_s, 4, self.replan, np.array([step])))
        return sorted(found, key=lambda event: (event[0], event[1]), reverse=True)

    def arrive(self, which: Int[Array, " stay"]) -> None:
        """Vehicles plug in."""
        rows, cars = self.stays.charger[which], self.stays.cars
        given = {field.name: getattr(cars, field.name)[which] for field in fields(cars)}
        self.unreachable_kwh[which] = connections.plug_in(self.state, rows, Connections(**given))
        for kept, name in (
            (self.planned_kwh, "plan_kwh"),
            (self.planned_s, "plan_s"),
            (self.planned_cells_kw, "base_cells_kw"),
        ):
            kept[rows] = self.state.cars[name][rows]

    def leave(self, which: Int[Array, " stay"]) -> None:
        """Vehicles unplug."""
        rows = self.stays.charger[which]
        self.shortfall_kwh[which] = connections.unplug(self.state, rows)
        self.energy_end_kwh[which] = self.state.cars["energy_kwh"][rows]

    def note_those_still_there(self) -> None:
        """Energy in the cells of those who have not left."""
        now, stays = self.state.now_s, self.stays
        (there,) = np.nonzero((stays.arrival_s < now) & (stays.unplugged_s >= now))
        self.energy_end_kwh[there] = energy_now(self.state, stays.charger[there])

    def lose(self, rows: Int[Array, " charger"]) -> None:
        """Chargers are lost."""
        connections.disconnect(self.state, rows)

    def restore(self, rows: Int[Array, " charger"]) -> None:
        """Lost chargers are back, where a vehicle is still there."""
        connections.reconnect(self.state, rows[self.state.mode[rows] & PLUGGED != 0])

    def replan(self, steps: Int[Array, " 1"]) -> None:
        """The powers of a step of the plan, for all who are there."""
        plan, now, stays = self.plan, self.state.now_s, self.stays
        assert plan is not None
        (step,) = steps
        (there,) = np.nonzero((stays.arrival_s <= now) & (stays.unplugged_s > now))
        rows = stays.charger[there]
        energy_kwh = plan.energy_kwh[there, step]
        connections.set_plan(self.state, rows, plan.power_kw[there, step], energy_kwh)
        self.planned_kwh[rows], self.planned_s[rows] = energy_kwh, now
        self.planned_cells_kw[rows] = self.state.cars["base_cells_kw"][rows]
        self.return_to_plan()

    def tick(self, value: float) -> tuple[float, ...]:
        """One tick: read the signal, give orders, lose some, and say what the fleet delivers."""
        state, tick_s = self.state, self.rules.tick_s
        elapsed = state.now_s - self.start_s
        self.signal, reading = read(self.signal, value, elapsed, self.rules)
        if state.now_s >= self.block_s:
            self.begin_block()
        if state.now_s >= self.look_s:
            left_h = (self.block_s - state.now_s) / S_PER_H
            self.held = self.available(max(left_h, tick_s / S_PER_H))
            self.look_s += LOOK_S
        if state.now_s + tick_s >= state.clock[fleet_state.DAY_END]:
            self.count_switches()
        before_kw, base_kw = state.fleet_power_kw, state.base_kw
        target_kw = self.award_kw * reading.share
        beyond_kw = self.follow(min(max(target_kw, -self.held.down_kw), self.held.up_kw))
        changed = changed_rows(state)
        unheard(state, changed[self.random.random(len(changed)) < self.world.message_loss])
        begin_kw, mean_kw = self.delayed_kw(before_kw, state.fleet_power_kw)
        responses_kw = mean_kw - base_kw, begin_kw - base_kw
        told = self.award_kw, target_kw, base_kw, *responses_kw, *self.held, float(len(changed))
        return *told, beyond_kw

    def available(self, hours: float) -> Available:
        """What the fleet can hold for the rest of a block, within the limits of sites."""
        hold_h = self.world.hold_h
        if hold_h is not None:
            hold_h = max(hold_h - (self.world.block_h - hours), 0.0)  # less what has passed
        if self.sites is None:
            return available_kw(self.state, hours, hold_h=hold_h)
        bounds = self.sites.bounds(self.state.now_s, hours)
        return site_limits.available(self.state, hours, self.sites.chargers, bounds, hold_h=hold_h)

    def follow(self, target_kw: float) -> float:
        """Orders of a tick; by how much the worst site is beyond its limit nevertheless."""
        state, tick_s = self.state, self.rules.tick_s
        if self.sites is None:
            advance(state, target_kw, tick_s)
            return 0.0
        bounds = self.sites.bounds(state.now_s)
        beyond_kw = site_limits.follow(state, target_kw, tick_s, self.sites.chargers, bounds)
        return float(beyond_kw.max(initial=0.0))

    def delayed_kw(self, before_kw: float, after_kw: float) -> tuple[float, float]:
        """Power that takes effect in a tick, at its begin and in the mean.

        Args:
            before_kw: Told at the end of the last tick, less what has left since.
            after_kw: Told in this one.
        """
        whole, part = divmod(self.state.settings.latency_s / self.rules.tick_s, 1.0)
        told, size = self.told_kw, int(whole) + 2
        if told:
            told[-1] = before_kw
        told.extend([before_kw] * (size - 1 - len(told)))
        told.append(after_kw)
        while len(told) > size:
            told.popleft()
        mean_kw = part * told[0] + (1.0 - part) * told[1]
        return told[0] if part > 0 else told[1], mean_kw

    def return_to_plan(self) -> None:
        """Planned powers with what brings energies back to those planned at first."""
        state = self.state
        rows = np.flatnonzero(state.mode & PLUGGED)
        if not len(rows):
            return
        cars = state.cars[rows]
        kind, energy = cars["kind"], energy_now(state, rows)
        since_h = (state.now_s - self.planned_s[rows]) / S_PER_H
        ahead_kwh = energy - self.planned_kwh[rows] + self.planned_cells_kw[rows] * since_h
        cells_kw = self.planned_cells_kw[rows] + ahead_kwh / self.recovery_hours(ahead_kwh.sum())
        limit = state.types.limits[kind]
        cells_kw = np.clip(cells_kw, -limit["into_kw"], limit["out_kw"])
        connections.set_plan(state, rows, grid_kw(state, kind, cells_kw), energy)

    def recovery_hours(self, ahead_kwh: float) -> float:
        """Hours in which to bring back what is beside the plan."""
        every_h = self.world.block_h
        if self.plan is not None:
            every_h = min(every_h, self.plan.step_s / S_PER_H)
        hours = max(self.world.recovery_h - every_h, every_h)
        now_s = self.state.now_s
        self.parts = recovery.renewed(self.parts, ahead_kwh, now_s, hours)
        self.ahead.append((now_s - self.start_s, ahead_kwh))
        return recovery.hours_left(self.parts, ahead_kwh, shortest_h=every_h, longest_h=hours)

    def begin_block(self) -> None:
        """A new plan that brings energies back, and an award."""
        self.return_to_plan()
        self.award_kw = max(self.award(self.state, self.world.block_h), 0.0)
        self.look_s = self.block_s
        self.block_s += self.world.block_h * S_PER_H
        hold_until(self.state, self.block_s)

    def count_switches(self) -> None:
        """Keep the busiest day of each charger."""
        np.maximum(self.switches, self.state.cars["switches"], out=self.switches)

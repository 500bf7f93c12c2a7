"""The scheduling problem as arrays: units that store energy, groups that limit their sum."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.flowgates import Flowgates


@dataclass(frozen=True)
class Program:
    """A convex program over storage units in a forest of groups.

    A unit takes part in the steps ``first .. stop - 1``. Each such pair of unit and step is a
    *slot*; slots are laid out unit by unit, in time order. In a slot the unit draws ``c`` kW and
    feeds ``d`` kW, and holds ``e`` kWh at the end::

        e = e_before + efficiency_charge c step_h - d step_h / efficiency_discharge
        0 <= c <= share charge_kw,   0 <= d <= share discharge_kw,   c d = 0
        energy_low <= e <= energy_high,   e >= energy_end in the last slot

    A group's net power ``n`` is the sum of ``d - c`` over its own units and the groups below it,
    held in ``[net_low, net_high]``, and so are weighted sums of several groups' net power by
    flowgates. What it draws from above over all steps, the sum of
    ``step_h (load - n)``, is at most ``budget_kwh``. The cost to be minimised is::

        sum over slots   step_h (draw_price c + draw_curve c^2 - feed_price d + feed_curve d^2)
        - sum over units end_value (e_last - energy_start)
        + sum over groups and steps  step_h surcharge max(0, load - n)
        + sum over groups  peak_price peak
        + constant

    Prices are money per kWh (``peak_price`` per kW), powers are measured at the plug. The peak is
    the mean of the ``peak_count`` highest of ``load - n`` (one when None), where ``peak_before``
    (at least 0) stands for as many that were drawn before the first step. A curve (at least 0) is
    by how much the price of each kWh rises for every kW: a loss or a wear that grows with power.
    Where no cost rises, or no group has a budget, they are None; infinity is no budget too.

    Three rules are not convex. ``c d = 0``: `burn` marks the slots where it matters. A surcharge
    below 0, where a meter pays more for feeding than it charges for drawing. And the reserve: a
    unit that begins below its ``reserve_kwh`` may not lose energy until it holds that much, and
    never falls below it afterwards (-inf, or None for all units, where there is none).

    Decisions about these rules restrict a program: a direction that is closed in a slot, and a
    higher least energy in a slot. They are None where nothing is decided.

    ``rest_kw`` is what units do when the fleet is at rest: nothing (None) but for units that draw
    what must be curtailed. What the groups then do breaks limits by the load alone.
    """

    step_h: float
    steps: int
    first: Int[Array, " unit"]
    stop: Int[Array, " unit"]
    share: Float[Array, " slot"]
    charge_kw: Float[Array, " unit"]
    discharge_kw: Float[Array, " unit"]
    efficiency_charge: Float[Array, " unit"]
    efficiency_discharge: Float[Array, " unit"]
    energy_start: Float[Array, " unit"]
    energy_low: Float[Array, " unit"]
    energy_high: Float[Array, " unit"]
    energy_end: Float[Array, " unit"]
    end_value: Float[Array, " unit"]
    draw_price: Float[Array, " slot"]
    feed_price: Float[Array, " slot"]
    group: Int[Array, " unit"]
    parent: Int[Array, " group"]
    net_low: Float[Array, "group step"]
    net_high: Float[Array, "group step"]
    load: Float[Array, "group step"]
    surcharge: Float[Array, "group step"]
    peak_price: Float[Array, " group"]
    peak_before: Float[Array, " group"]
    constant: float = 0.0
    draw_curve: Float[Array, " slot"] | None = None
    feed_curve: Float[Array, " slot"] | None = None
    budget_kwh: Float[Array, " group"] | None = None
    flowgates: Flowgates | None = None
    peak_count: Int[Array, " group"] | None = None
    reserve_kwh: Float[Array, " unit"] | None = None
    closed_draw: Bool[Array, " slot"] | None = None
    closed_feed: Bool[Array, " slot"] | None = None
    floor_kwh: Float[Array, " slot"] | None = None
    rest_kw: Float[Array, " slot"] | None = None

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.first)

    @property
    def slots(self) -> int:
        """How many pairs of unit and step there are."""
        return len(self.share)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return len(self.parent)

    @cached_property
    def unit(self) -> Int[Array, " slot"]:
        """Unit of each slot."""
        return np.repeat(np.arange(self.units), self.stop - self.first)

    @cached_property
    def begin(self) -> Int[Array, " unit"]:
        """First slot of each unit."""
        lengths = self.stop - self.first
        return np.cumsum(lengths) - lengths

    @cached_property
    def end(self) -> Int[Array, " unit"]:
        """Last slot of each unit."""
        return self.begin + (self.stop - self.first) - 1

    @cached_property
    def step(self) -> Int[Array, " slot"]:
        """Step of each slot."""
        return np.arange(self.slots) - self.begin[self.unit] + self.first[self.unit]

    @cached_property
    def charge_limit(self) -> Float[Array, " slot"]:
        """Greatest power drawn in each slot."""
        limit = self.share * self.charge_kw[self.unit]
        return limit if self.closed_draw is None else np.where(self.closed_draw, 0.0, limit)

    @cached_property
    def discharge_limit(self) -> Float[Array, " slot"]:
        """Greatest power fed in each slot."""
        limit = self.share * self.discharge_kw[self.unit]
        return limit if self.closed_feed is None else np.where(self.closed_feed, 0.0, limit)

    @cached_property
    def gain(self) -> Float[Array, " slot"]:
        """Energy stored per kW drawn for the step."""
        return self.step_h * self.efficiency_charge[self.unit]

    @cached_property
    def drain(self) -> Float[Array, " slot"]:
        """Energy taken from store per kW fed for the step."""
        return self.step_h / self.efficiency_discharge[self.unit]

    @cached_property
    def curves(self) -> tuple[Float[Array, " slot"], Float[Array, " slot"]] | None:
        """Both curves, of drawing and of feeding; None where no cost rises with power."""
        if self.draw_curve is None and self.feed_curve is None:
            return None
        none = np.zeros(self.slots)
        draw, feed = self.draw_curve, self.feed_curve
        return none if draw is None else draw, none if feed is None else feed

    @cached_property
    def budget(self) -> Float[Array, " group"]:
        """Most net energy drawn by each group; infinite where there is no budget."""
        return np.full(self.groups, np.inf) if self.budget_kwh is None else self.budget_kwh

    @cached_property
    def energy_floor(self) -> Float[Array, " slot"]:
        """Least energy at the end of each slot, with what is owed in the last."""
        floor = self.energy_low[self.unit]
        if self.floor_kwh is not None:
            floor = np.maximum(floor, self.floor_kwh)
        floor[self.end] = np.maximum(floor[self.end], self.energy_end)
        return floor

    @cached_property
    def counted(self) -> Int[Array, " group"]:
        """How many highest steps each group's peak is the mean of."""
        count = self.peak_count
        return np.ones(self.groups, np.int64) if count is None else count

    @cached_property
    def reserved(self) -> Int[Array, " some"]:
        """Units that begin below a reserve."""
        none = np.zeros(0, np.int64)
        return none if self.reserve_kwh is None else np.nonzero(np.isfinite(self.reserve_kwh))[0]

    @cached_property
    def concave(self) -> Bool[Array, "group step"]:
        """Where a meter pays more for feeding than it charges, and could do either."""
        low, high = self.drawn_range
        return (self.surcharge < 0) & (low < 0) & (high > 0)

    @property
    def useless(self) -> Bool[Array, " slot"]:
        """Slots whose drawing serves nobody: the unit owes, feeds and is worth nothing later."""
        idle = (self.discharge_kw == 0) & (self.energy_end <= self.energy_start)
        return (idle & (self.end_value == 0))[self.unit]

    @property
    def convex(self) -> bool:
        """Whether no rule but that of one direction could be in the way of a convex solver."""
        return not ((self.surcharge < 0).any() or len(self.reserved))

    @cached_property
    def burn(self) -> Array:
        """Slots where drawing and feeding at once could pay, by wasting energy in the losses.

        To waste one stored kWh, draw 1/efficiency_charge and feed efficiency_discharge. Shared
        limits shift both prices by the same amount, and only a binding export limit shifts them
        downwards; so slots of groups that could bind in export are marked as well. Costs that rise
        with power and budgets only speak against it.
        """
        eta_c = self.efficiency_charge[self.unit]
        eta_d = self.efficiency_discharge[self.unit]
        least = self._least_surcharge[self.group[self.unit], self.step]
        pays = (self.draw_price + least) / eta_c < (self.feed_price + least) * eta_d
        both = (self.charge_limit > 0) & (self.discharge_limit > 0)
        export = self._export_can_bind[self.group[self.unit], self.step]
        return both & (pays | export)

    @cached_property
    def net_range(self) -> tuple[Float[Array, "group step"], Float[Array, "group step"]]:
        """Least and greatest net power that each group's units could reach at all."""
        low = of_own_units(self, -self.charge_limit)
        high = of_own_units(self, self.discharge_limit)
        return tree.add_up(low, self.parent), tree.add_up(high, self.parent)

    @cached_property
    def drawn_range(self) -> tuple[Float[Array, "group step"], Float[Array, "group step"]]:
        """Least and greatest power that each group could draw from above within its limits."""
        low, high = self.net_range
        low, high = np.maximum(low, self.net_low), np.minimum(high, self.net_high)
        return self.load - high, self.load - low

    @cached_property
    def _least_surcharge(self) -> Float[Array, "group step"]:
        """What meters at and above each group could take off the price of drawing."""
        least = np.minimum(self.surcharge, 0.0)
        return tree.add_down(least, self.parent) if least.any() else least

    @cached_property
    def rest_net(self) -> Float[Array, "group step"]:
        """Net power of each group when the fleet is at rest."""
        if self.rest_kw is None:
            return np.zeros((self.groups, self.steps))
        return net_power(self, self.rest_kw)

    @cached_property
    def _export_can_bind(self) -> Array:
        """Whether a limit of feeding at or above each group is within the reach of its units."""
        binds = self.net_range[1] > self.net_high
        if self.flowgates is not None:
            np.logical_or.at(binds.T, self.flowgates.step, self.flowgates.weight > 0)
        return tree.add_down(binds, self.parent)


def net_power(program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, "group step"]:
    """Net power of every group when its units deliver these powers, positive into the grid."""
    return tree.add_up(of_own_units(program, power_kw), program.parent)


def of_own_units(program: Program, values: Float[Array, " slot"]) -> Float[Array, "group step"]:
    """Sum over the units directly in each group, step by step."""
    cell = program.group[program.unit] * program.steps + program.step
    total = np.bincount(cell, values, program.groups * program.steps)
    # without any slot it counts in integers
    return total.astype(float).reshape(program.groups, program.steps)


def energy_path(program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, " slot"]:
    """Energy of each unit at the end of each slot under these powers; limits are not applied."""
    change = np.where(power_kw > 0, -power_kw * program.drain, -power_kw * program.gain)
    summed = np.cumsum(change)
    before = summed[program.begin] - change[program.begin]
    return program.energy_start[program.unit] + summed - before[program.unit]


def cost(program: Program, power_kw: Float[Array, " slot"]) -> float:
    """What a schedule costs, by the formula of `Program`."""
    of_units = unit_costs(program, power_kw, energy_path(program, power_kw))
    of_groups = group_costs(program, net_power(program, power_kw))
    return float(of_units.sum() + of_groups.sum() + program.constant)


def unit_costs(
    program: Program, power_kw: Float[Array, " slot"], energy: Float[Array, " slot"]
) -> Float[Array, " unit"]:
    """What each unit pays for its energy, less what is left in it."""
    paid = slot_costs(program, power_kw)
    left = program.end_value * (energy[program.end] - program.energy_start)
    return np.bincount(program.unit, paid, program.units) - left


def slot_costs(program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, " slot"]:
    """What is paid in each slot for the energy drawn or fed."""
    draws = power_kw < 0
    price = np.where(draws, program.draw_price, program.feed_price)
    paid = -program.step_h * price * power_kw
    if program.curves is not None:
        paid += program.step_h * np.where(draws, *program.curves) * power_kw**2
    return paid


def group_costs(program: Program, net: Float[Array, "group step"]) -> Float[Array, " group"]:
    """What each group pays at its meter and for its peak."""
    drawn = np.maximum(program.load - net, 0)
    metered = program.step_h * (program.surcharge * drawn).sum(axis=1)
    return metered + program.peak_price * peaks(program, drawn)


def peaks(program: Program, drawn_kw: Float[Array, "group step"]) -> Float[Array, " group"]:
    """Mean of the highest powers that each group draws, with those drawn before."""
    peak = np.maximum(drawn_kw.max(axis=1), program.peak_before)
    for group in np.nonzero(program.counted > 1)[0]:
        count = int(program.counted[group])
        highest = np.sort(drawn_kw[group])[::-1][:count]
        highest = np.append(highest, np.zeros(count - len(highest)))  # the rest was never drawn
        peak[group] = np.maximum(highest, program.peak_before[group]).mean()
    return peak


def over_flowgates(program: Program, net: Float[Array, "group step"]) -> Float[Array, " flowgate"]:
    """By how much each flowgate is passed; below 0 where it is kept."""
    return np.zeros(0) if program.flowgates is None else program.flowgates.beyond_kw(net)


def over_budget(program: Program, net: Float[Array, "group step"]) -> Float[Array, " group"]:
    """Net energy that each group draws beyond its budget; below 0 within it."""
    if program.budget_kwh is None:
        return np.full(program.groups, -np.inf)
    return program.step_h * (program.load - net).sum(axis=1) - program.budget_kwh

"""Storage that moves the price: the one schedule at which its price and its own action agree.

A fleet large enough to change which unit runs last cannot take prices as given. What it should do
is where it would not wish to change anything at the prices that result: the competitive
equilibrium, which is also the least cost of the system, storage wear included. It is found exactly,
and proven by the prices themselves: at them the dual of the problem reaches the same cost.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InfeasibleError, InputError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.impact.merit_order.clearing import (
    MeritOrderDispatch,
    cost_per_h,
    dispatch,
    raise_if_wrong,
)
from evergrid.impact.merit_order.stack import Stack
from evergrid.impact.merit_order.storage import AggregateStorage
from evergrid.impact.merit_order.storage_kernels import Store, Supply, best_path

GAP = 1e-9  # share of the cost up to which a path is called optimal
LIMIT = 1e-9  # share of the largest limit by which one may be missed
REACH = 10.0  # how far beyond all loads the supply curve is drawn, as a multiple


@dataclass(frozen=True)
class StorageEquilibrium:
    """A store and the generators at prices that suit both.

    Attributes:
        power_mw: Of the store, positive into the grid.
        energy_mwh: In its cells at the end of each step.
        energy_value_per_mwh: Worth of a MWh in the cells during each step.
        price_per_mwh: Clears each step, and leaves the store nothing to gain by another schedule.
        dispatch: Generators with the store.
        wear_cost: Of each step.
        bound: Least system cost that any schedule can have, proven by the values of energy.
        violation_mwh: Largest miss of a limit of energy or power, recomputed from the powers.
        status: Optimal where the gap is closed and no limit is missed.
    """

    power_mw: Float[Array, " step"]
    energy_mwh: Float[Array, " step"]
    energy_value_per_mwh: Float[Array, " step"]
    price_per_mwh: Float[Array, " step"]
    dispatch: MeritOrderDispatch
    wear_cost: Float[Array, " step"]
    bound: float
    violation_mwh: float
    status: Status

    @property
    def cost(self) -> float:
        """Of the system: generation, lost load and wear."""
        return self.dispatch.cost + float(self.wear_cost.sum())

    @property
    def gap(self) -> float:
        """Share of the cost by which it may exceed the least."""
        return (self.cost - self.bound) / max(abs(self.cost), 1.0)

    @property
    def profit(self) -> float:
        """Of the store at these prices, wear counted."""
        earned = self.dispatch.step_h * self.price_per_mwh @ self.power_mw
        return float(earned - self.wear_cost.sum())


def price_making(
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    storage: AggregateStorage,
    *,
    step_h: float = 1.0,
    voll_per_mwh: float | None = None,
) -> StorageEquilibrium:
    """The schedule of least system cost, and the prices that support it.

    Of several such schedules it is the one that holds least energy, step by step.

    Args:
        stack: All units in order of cost.
        net_load_mw: Load without the store.
        storage: The store, a battery or a fleet as one.
        step_h: Length of a step.
        voll_per_mwh: Value of lost load; without one, the store must keep the load within the
            capacity.

    Raises:
        InputError: Lengths that differ, loads that are not finite, units dearer than lost load.
        InfeasibleError: No schedule keeps the limits of the store, or serves the load.
    """
    _raise_if_unlike(net_load_mw, storage)
    within = np.minimum(net_load_mw, stack.capacity_mw) if voll_per_mwh is None else net_load_mw
    raise_if_wrong(stack, within, step_h=step_h, voll_per_mwh=voll_per_mwh)
    supply = _supply(stack, net_load_mw, storage, voll_per_mwh)
    store = Store(*(getattr(storage, name) for name in Store._fields))
    path = best_path(supply, store, np.ascontiguousarray(net_load_mw), step_h)
    if path.stuck >= 0:
        raise InfeasibleError(*_infeasible(path.stuck, storage))
    charge, feed = np.maximum(path.change_mwh, 0.0), np.maximum(-path.change_mwh, 0.0)
    charged_mw = charge / (step_h * storage.efficiency_charge)
    fed_mw = feed * storage.efficiency_discharge / step_h
    power_mw = np.clip(fed_mw - charged_mw, -storage.charge_limit_mw, storage.discharge_limit_mw)
    # Cost and prices are recomputed from the powers alone. With the worths of stored energy as
    # multipliers of its balance, the dual bounds the cost of any schedule: where cost and bound
    # agree, nothing cheaper exists, whatever rounding the path has met.
    met = net_load_mw - power_mw
    if voll_per_mwh is None:
        met = np.where(met > stack.capacity_mw, _rounded_down(met, stack.capacity_mw), met)
    cleared = dispatch(stack, met, step_h=step_h, voll_per_mwh=voll_per_mwh)
    wear = storage.wear_cost_per_mwh * step_h * np.maximum(power_mw, 0.0)
    bound = _bound(supply, stack, net_load_mw, storage, path.value_per_mwh, step_h, voll_per_mwh)
    energy_mwh = _energy(storage, power_mw, step_h)
    violation = _violation(storage, energy_mwh)
    cost = cleared.cost + float(wear.sum())
    scale = max(float(storage.energy_high_mwh.max()), 1.0)
    proven = cost - bound <= GAP * max(abs(cost), 1.0) and violation <= LIMIT * scale
    return StorageEquilibrium(
        power_mw=power_mw,
        energy_mwh=energy_mwh,
        energy_value_per_mwh=path.value_per_mwh,
        price_per_mwh=_supporting(cleared, storage, path.value_per_mwh, power_mw),
        dispatch=cleared,
        wear_cost=wear,
        bound=bound,
        violation_mwh=violation,
        status=Status.OPTIMAL if proven else Status.NUMERICAL,
    )


def _raise_if_unlike(net_load_mw: Float[Array, " step"], storage: AggregateStorage) -> None:
    if storage.steps != len(net_load_mw):
        rule = f"have a value for every step of the storage, {storage.steps:,} in all"
        fix = "A leap year has 8,784 hours."
        raise InputError("price_making", [Fault("net_load_mw", rule, (len(net_load_mw),), fix=fix)])


def _supply(
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    storage: AggregateStorage,
    voll_per_mwh: float | None,
) -> Supply:
    """The stack, with what is curtailed below 0 and lost load beyond the capacity."""
    far = np.abs(net_load_mw).max() + storage.charge_limit_mw.max() + stack.capacity_mw
    far = REACH * (far + storage.discharge_limit_mw.max())
    edge = np.append(-far, stack.edge_mw)
    low, high = np.append(0.0, stack.low_price_per_mwh), np.append(0.0, stack.high_price_per_mwh)
    if voll_per_mwh is not None:
        edge = np.append(edge, far)
        low, high = np.append(low, voll_per_mwh), np.append(high, voll_per_mwh)
    return Supply(edge, low, high)


def _infeasible(stuck: int, storage: AggregateStorage) -> tuple[str, list[Fault]]:
    field = "energy_start_mwh" if stuck == 0 else "energy_high_mwh"
    got = storage.energy_start_mwh if stuck == 0 else float(storage.energy_high_mwh[stuck - 1])
    rule = f"let the limits from step {stuck} on be kept, with the load served"
    fix = "Raise charge_limit_mw before it, lower energy_low_mwh or energy_end_mwh after it, or "
    fix += "give voll_per_mwh where the load exceeds the capacity."
    return f"Step {stuck} is the last from which they cannot be kept.", [
        Fault(field, rule, (got,), fix=fix)
    ]


def _rounded_down(met: Float[Array, " step"], capacity_mw: float) -> Float[Array, " step"]:
    """Loads that exceed the capacity by rounding only, as the capacity."""
    return np.where(met <= capacity_mw * (1 + LIMIT), capacity_mw, met)


def _energy(
    storage: AggregateStorage, power_mw: Float[Array, " step"], step_h: float
) -> Float[Array, " step"]:
    """Energy at the end of each step, from the powers alone."""
    cells_mw = np.where(
        power_mw > 0,
        power_mw / storage.efficiency_discharge,
        power_mw * storage.efficiency_charge,
    )
    return storage.energy_start_mwh + np.cumsum(storage.inflow_mwh - step_h * cells_mw)


def _violation(storage: AggregateStorage, energy_mwh: Float[Array, " step"]) -> float:
    under = storage.energy_low_mwh[:-1] - energy_mwh[:-1]
    over = energy_mwh[:-1] - storage.energy_high_mwh[:-1]
    end = abs(float(energy_mwh[-1]) - storage.energy_end_mwh)
    return max(0.0, end, float(under.max(initial=0.0)), float(over.max(initial=0.0)))


def _supporting(
    cleared: MeritOrderDispatch,
    storage: AggregateStorage,
    value: Float[Array, " step"],
    power_mw: Float[Array, " step"],
) -> Float[Array, " step"]:
    """Of the prices that clear a step, the least one at which the store does not wish to act else.

    It charges up to the price at which a MWh drawn is worth its cost in the cells, and feeds from
    that at which one fed earns what it takes out, with wear; between both it rests.
    """
    buys = value * storage.efficiency_charge
    sells = value / storage.efficiency_discharge + storage.wear_cost_per_mwh
    near = LIMIT * np.maximum(storage.charge_limit_mw, 1.0)
    full = power_mw <= near - storage.charge_limit_mw  # it would charge more at any lower price
    rests = np.clip(cleared.low_price_per_mwh, buys, sells)
    charges = np.where(full, np.minimum(cleared.low_price_per_mwh, buys), buys)
    wanted = np.where(power_mw < -near, charges, np.where(power_mw > near, sells, rests))
    return np.clip(wanted, cleared.low_price_per_mwh, cleared.high_price_per_mwh)


def _bound(
    supply: Supply,
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    storage: AggregateStorage,
    value: Float[Array, " step"],
    step_h: float,
    voll_per_mwh: float | None,
) -> float:
    """Least cost of any schedule, with the balance of energy relaxed at these values.

    Each step then stands by itself: it draws as long as a MWh costs less than it is worth in the
    cells, and feeds as long as one earns more than it takes out. What remains is linear in the
    energies, and least at one of their limits.
    """
    eta_c, eta_d = storage.efficiency_charge, storage.efficiency_discharge
    prices = np.stack([supply.low, supply.high], axis=1).ravel()
    loads = np.repeat(supply.edge_mw, 2)[1:-1]
    draw_to = np.interp(value * eta_c, prices, loads)
    feed_to = np.interp(value / eta_d + storage.wear_cost_per_mwh, prices, loads)
    drawn = np.clip(draw_to - net_load_mw, 0.0, storage.charge_limit_mw)
    fed = np.clip(net_load_mw - feed_to, 0.0, storage.discharge_limit_mw)
    if voll_per_mwh is None:
        drawn = np.minimum(drawn, np.maximum(stack.capacity_mw - net_load_mw, 0.0))
        fed = np.maximum(fed, net_load_mw - stack.capacity_mw)
    met = net_load_mw + drawn - fed
    lost = np.maximum(met - stack.capacity_mw, 0.0) * (voll_per_mwh or 0.0)
    paid = cost_per_h(stack, met) + lost + storage.wear_cost_per_mwh * fed
    stages = step_h * (paid - value * (eta_c * drawn - fed / eta_d)) - value * storage.inflow_mwh
    falls = value[:-1] - value[1:]
    at = np.where(falls > 0, storage.energy_low_mwh[:-1], storage.energy_high_mwh[:-1])
    ends = value[-1] * storage.energy_end_mwh - value[0] * storage.energy_start_mwh
    return float(stages.sum() + falls @ at + ends)

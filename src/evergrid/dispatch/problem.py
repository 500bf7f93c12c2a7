"""A portfolio as the engine's program, and the engine's answer as a schedule.

The stores of the program are the sessions, and then one for each site that may curtail generation:
what is curtailed is drawn by a store that is never full and never feeds. The nodes are the sites,
and then one for each further billing period of a demand charge: it lies above its site, carries the
same power, and its load is such that only steps of its period can raise its peak. The last nodes
are those of sessions with one phase, where a site limits the currents of its phases.
"""

from dataclasses import dataclass

import numpy as np

from evergrid.core import tree
from evergrid.core.arrays import Array, Float, Int
from evergrid.core.flowgates import Flowgates
from evergrid.core.timegrid import datetime64
from evergrid.core.units import per_kwh_from_per_mwh
from evergrid.dispatch import curtailment
from evergrid.dispatch.accounts import net_load
from evergrid.dispatch.equipment import phases
from evergrid.engine.program import Program, energy_path
from evergrid.engine.term import AbstractTerm
from evergrid.engine.terms import flowgates
from evergrid.engine.terms.fed_energy import FedEnergyLimits
from evergrid.engine.terms.unpaid_feed import UnpaidFeed
from evergrid.model.billing import periods
from evergrid.model.portfolio import Portfolio
from evergrid.model.schedule import Schedule, Slots, slots

FREE_NODE = {
    "net_low_kw": -np.inf,
    "net_high_kw": np.inf,
    "load_kw": 0.0,
    "surcharge_per_kwh": 0.0,
    "peak_price_per_kw": 0.0,
    "peak_before_kw": 0.0,
    "peak_count": 1,
    "budget_kwh": np.inf,
}  # a node that limits nothing and costs nothing
ROOM_KWH = 1.0  # free at either end of the store of what is curtailed, so that it never binds


@dataclass(frozen=True)
class Problem:
    """The program of a portfolio, and what its stores stand for.

    Attributes:
        program: What the engine solves.
        sessions: How many stores are sessions; these come first.
        curtailing: Site whose generation each further store curtails.
    """

    program: Program
    sessions: int
    curtailing: Int[Array, " generator"]


@dataclass(frozen=True)
class OwedEnergy:
    """What each session can be served by its own charger, whatever the sites allow.

    Attributes:
        end_kwh: Energy to hold when the session ends, or when the horizon ends if that is first.
        shortfall_kwh: Part of the energy owed at departure that no charging can reach.
    """

    end_kwh: Float[Array, " session"]
    shortfall_kwh: Float[Array, " session"]


def owed(portfolio: Portfolio) -> OwedEnergy:
    """Energy each session must hold at its end within the horizon.

    A session that outlasts the horizon must by then hold enough to be served in the time left.
    """
    sessions, grid = portfolio.sessions, portfolio.grid
    end = datetime64(grid.end_utc)
    after_h = np.maximum((sessions.departure_utc - end) / np.timedelta64(1, "h"), 0.0)
    full_rate = sessions.max_charge_kw * sessions.efficiency_charge
    wanted = sessions.energy_departure_kwh - full_rate * after_h
    reachable = reach(portfolio)
    shortfall = np.maximum(wanted - reachable, 0.0)
    shortfall[shortfall < 1e-9] = 0.0
    return OwedEnergy(np.minimum(np.maximum(wanted, 0.0), reachable), shortfall)


def reach(portfolio: Portfolio) -> Float[Array, " session"]:
    """Energy each session would hold at its end within the horizon if it always charged."""
    sessions, grid = portfolio.sessions, portfolio.grid
    at = slots(sessions, grid)
    inside_h = np.bincount(at.session, at.share, len(sessions)) * grid.step_h
    full_rate = sessions.max_charge_kw * sessions.efficiency_charge
    return sessions.energy_arrival_kwh + full_rate * inside_h


def build(
    portfolio: Portfolio,
    end_value_per_kwh: float,
    spent_kwh: Float[Array, " site"] | None = None,
) -> Problem:
    """The engine's program of a portfolio.

    Behind a net meter energy is worth the export price, and what the whole site draws costs the
    difference to the import price on top; what the load costs at the export price is constant.

    Args:
        portfolio: What to plan.
        end_value_per_kwh: Worth of a kWh in the cells of sessions that outlast the horizon.
        spent_kwh: Part of each site's energy budget that is spent before the horizon, or must be
            left for after it; none by default.
    """
    stores = _stacked(_session_stores(portfolio, end_value_per_kwh), _curtailing_stores(portfolio))
    curtailing = np.nonzero(portfolio.curtailable_kw.any(axis=1))[0]
    rest = _at_rest(portfolio, stores, curtailing) if len(curtailing) else None
    nodes = _with_periods(portfolio, _nodes(portfolio, spent_kwh))
    _, sold = _prices(portfolio)
    meters = portfolio.sites.net_metering[:, None]
    bill = float((np.where(meters, sold, 0.0) * net_load(portfolio)).sum())
    held = _held_from_start(portfolio)
    rise = stores.pop("feed_curve_per_kwh_kw")
    gates = _padded(portfolio.flowgates, len(nodes["parent"]))
    of_phases = phases.nodes(portfolio)
    if of_phases is not None:
        gates = _with_phases(portfolio, of_phases, stores, nodes, gates)
    program = Program(
        step_h=portfolio.grid.step_h,
        steps=portfolio.grid.steps,
        **stores,
        **nodes,
        constant=portfolio.grid.step_h * bill + held,
        feed_curve_per_kwh_kw=rise if rise.any() else None,
        rest_kw=rest,
        terms=_terms(portfolio, gates, len(stores["first"])),
    )
    return Problem(program, len(portfolio.sessions), curtailing)


def unpaid(portfolio: Portfolio, made: Problem) -> UnpaidFeed | None:
    """What net meters could feed beyond export limits; None where they cannot, or earn nothing."""
    sites, program = portfolio.sites, made.program
    own = slice(0, len(sites))
    high = program.net_high_kw[own]
    alone = np.maximum(program.rest_net_kw[own] - high, 0.0)
    worth = np.maximum(portfolio.prices.all_fed_per_mwh, 0.0)
    root = tree.roots(sites.parent)
    pays = np.unique(root[(alone * worth > 0).any(axis=1)])
    rows = np.flatnonzero(np.isin(root, np.intersect1d(pays, root[sites.net_metering])))
    if not len(rows):
        return None
    parent = sites.parent[rows]
    return UnpaidFeed(
        node=rows,
        parent=np.where(parent >= 0, np.searchsorted(rows, parent), -1),
        meter=sites.net_metering[rows],
        limit_kw=high[rows],
        most_kw=alone[rows],
        price_per_kwh=per_kwh_from_per_mwh(worth),
    )


Columns = dict[str, Array]


def _terms(portfolio: Portfolio, gates: Flowgates | None, stores: int) -> tuple[AbstractTerm, ...]:
    """Flowgates and warranties as terms of the program."""
    made: tuple[AbstractTerm, ...] = flowgates.terms(gates)
    warranties = portfolio.warranties
    if warranties is None:
        return made
    row = warranties.row(portfolio.sessions.asset_id)
    row[~portfolio.sessions.can_discharge] = -1
    used, group = np.unique(row[row >= 0], return_inverse=True)
    if not len(used):
        return made
    of_store = np.full(stores, -1)
    of_store[: len(row)][row >= 0] = group
    root = tree.roots(portfolio.sites.parent)[portfolio.site_row][row >= 0]
    ends = [np.full(len(used), edge) for edge in (len(portfolio.sites), -1)]
    np.minimum.at(ends[0], group, root)
    np.maximum.at(ends[1], group, root)
    ties = bool((ends[0] < ends[1]).any())
    return (*made, FedEnergyLimits(of_store, warranties.fed_kwh[used], ties))


def _held_from_start(portfolio: Portfolio) -> float:
    """What energy on arrival costs by time where it stays in the cells."""
    sessions = portfolio.sessions
    price = sessions.calendar_wear_per_kwh_h
    if not price.any():
        return 0.0
    at = slots(sessions, portfolio.grid)
    hours = portfolio.grid.step_h * np.bincount(at.session, at.share, len(sessions))
    return float((price * sessions.energy_arrival_kwh) @ hours)


def _at_rest(
    portfolio: Portfolio, stores: Columns, curtailing: Int[Array, " generator"]
) -> Float[Array, " slot"]:
    """What stores do while all sessions are idle: generation is curtailed as limits then demand."""
    idle = np.zeros((len(portfolio.sessions), portfolio.grid.steps))
    curtailed = curtailment.least(portfolio, idle)
    lengths = stores["stop"] - stores["first"]
    store = np.repeat(np.arange(len(lengths)), lengths)
    begin = np.cumsum(lengths) - lengths
    step = np.arange(len(store)) - begin[store] + stores["first"][store]
    rest, further = np.zeros(len(store)), store >= len(portfolio.sessions)
    site = curtailing[store[further] - len(portfolio.sessions)]
    rest[further] = -curtailed[site, step[further]]
    return rest


def _session_stores(portfolio: Portfolio, end_value_per_kwh: float) -> Columns:
    sessions, grid = portfolio.sessions, portfolio.grid
    at = slots(sessions, grid)
    outlasts = sessions.departure_utc > datetime64(grid.end_utc)
    rise = np.where(sessions.can_discharge, sessions.wear_rise_per_kwh_per_kw, 0.0)
    reserve, held = sessions.energy_reserve_kwh, sessions.energy_arrival_kwh
    return {
        "first": at.first,
        "stop": at.stop,
        "share": at.share,
        "charge_kw": sessions.max_charge_kw,
        "discharge_kw": sessions.max_discharge_kw,
        "efficiency_charge": sessions.efficiency_charge,
        "efficiency_discharge": sessions.efficiency_discharge,
        "energy_start_kwh": held,
        "energy_low_kwh": np.minimum(reserve, held),
        "energy_high_kwh": sessions.capacity_kwh,
        "energy_end_kwh": owed(portfolio).end_kwh,
        "end_value_per_kwh": np.where(outlasts, end_value_per_kwh, 0.0),
        **_store_prices(portfolio, at, portfolio.site_row, sessions.wear_cost_per_kwh),
        "node": portfolio.site_row,
        "feed_curve_per_kwh_kw": rise[at.session],
        "reserve_kwh": np.where((reserve > held) & sessions.can_discharge, reserve, -np.inf),
    }


def _curtailing_stores(portfolio: Portfolio) -> Columns:
    """A store for each site that may curtail generation, which draws what is curtailed."""
    site = np.nonzero(portfolio.curtailable_kw.any(axis=1))[0]
    made = portfolio.curtailable_kw[site]
    steps, count = portfolio.grid.steps, len(site)
    produces = made > 0
    # It draws at most what is made, from the first step with any to the last. There is room for all
    # of that, and to spare at both ends, so its energy never binds.
    first = produces.argmax(axis=1)
    stop = steps - produces[:, ::-1].argmax(axis=1)
    lengths = stop - first
    store = np.repeat(np.arange(count), lengths)
    step = np.arange(len(store)) - np.repeat(np.cumsum(lengths) - lengths - first, lengths)
    most = made.max(axis=1, initial=0.0)
    at = Slots(first, stop, store, step, made[store, step] / most[store])
    ones, zeros = np.ones(count), np.zeros(count)
    return {
        "first": first,
        "stop": stop,
        "share": at.share,
        "charge_kw": most,
        "discharge_kw": zeros,
        "efficiency_charge": ones,
        "efficiency_discharge": ones,
        "energy_start_kwh": zeros,
        "energy_low_kwh": zeros - ROOM_KWH,
        "energy_high_kwh": portfolio.grid.step_h * made.sum(axis=1) + ROOM_KWH,
        "energy_end_kwh": zeros - ROOM_KWH,
        "end_value_per_kwh": zeros,
        **_curtailing_prices(portfolio, at, site),
        "node": site,
        "feed_curve_per_kwh_kw": np.zeros(len(store)),
        "reserve_kwh": zeros - np.inf,
    }


def _curtailing_prices(portfolio: Portfolio, at: Slots, site: Int[Array, " store"]) -> Columns:
    """What a kWh curtailed costs: behind a net meter its worth there, elsewhere its carbon.

    Generation behind no net meter earns nothing, but it displaces emissions: with a credit while
    the site generates more than its load, and then with the price of what it would draw. Where it
    does both, the lower one is taken, so that no plan costs less than its bound.
    """
    _, sold = _prices(portfolio)
    metered = (portfolio.sites.meter[site] >= 0)[at.session]
    prices, own = portfolio.prices, portfolio.generation_kw - portfolio.load_kw
    drawn = per_kwh_from_per_mwh(prices.carbon_price_per_mwh)[at.step]
    fed = per_kwh_from_per_mwh(prices.carbon_fed_per_mwh)[at.step]
    surplus = own[site[at.session], at.step] > 0
    beside = np.where(surplus, np.minimum(drawn, fed), drawn)
    worth = np.where(metered, sold[at.step], beside)
    return {"draw_price_per_kwh": worth, "feed_price_per_kwh": worth}


def _store_prices(
    portfolio: Portfolio, at: Slots, site: Int[Array, " store"], wear: Float[Array, " store"]
) -> Columns:
    bought, sold = _prices(portfolio)
    metered = (portfolio.sites.meter[site] >= 0)[at.session]
    made = {
        "draw_price_per_kwh": np.where(metered, sold[at.step], bought[at.step]),
        "feed_price_per_kwh": sold[at.step] - wear[at.session],
    }
    if portfolio.sessions.calendar_wear_per_kwh_h.any():
        _add_calendar_wear(portfolio, at, made)
    return made


def _add_calendar_wear(portfolio: Portfolio, at: Slots, prices: Columns) -> None:
    """Add to the price of each kWh what it costs by time from its slot to the session's end.

    So a cost of energy held becomes one of power, which every method covers. In its own slot it is
    held for half of the time.
    """
    sessions = portfolio.sessions
    price = sessions.calendar_wear_per_kwh_h[at.session]
    hours = portfolio.grid.step_h * at.share
    until = np.cumsum(hours)
    last = np.cumsum(at.stop - at.first) - 1
    left = until[last][at.session] - until + hours / 2.0
    into = sessions.efficiency_charge[at.session]
    out_of = sessions.efficiency_discharge[at.session]
    prices["draw_price_per_kwh"] += price * left * into
    prices["feed_price_per_kwh"] += price * left / out_of


def _stacked(one: Columns, other: Columns) -> Columns:
    """Stores of both, and none of the second kind where there are none."""
    made = (
        one
        if not len(other["first"])
        else {name: np.concatenate([one[name], other[name]]) for name in one}
    )
    if not np.isfinite(made["reserve_kwh"]).any():
        made.pop("reserve_kwh")
    return made


def _nodes(portfolio: Portfolio, spent_kwh: Float[Array, " site"] | None) -> Columns:
    sites, load_kw = portfolio.sites, net_load(portfolio)
    bought, sold = _prices(portfolio)
    budget = sites.energy_budget_kwh - (0.0 if spent_kwh is None else spent_kwh)
    return {
        "parent": sites.parent,
        "net_low_kw": load_kw - portfolio.import_limit_kw,
        "net_high_kw": load_kw + portfolio.export_limit_kw,
        "load_kw": load_kw,
        "surcharge_per_kwh": np.where(sites.net_metering[:, None], bought - sold, 0.0),
        "peak_price_per_kw": sites.demand_charge_per_kw.copy(),
        "peak_before_kw": np.zeros(len(sites)),
        "peak_count": sites.demand_charge_peaks.copy(),
        "budget_kwh": budget,
    }


def _with_periods(portfolio: Portfolio, nodes: Columns) -> Columns:
    """The nodes with one more for each billing period where a charged site has several."""
    sites, before = portfolio.sites, portfolio.sites.demand_peak_kw
    more: list[tuple[int, Array, float]] = []  # site, steps of the period, peak before
    for site in np.nonzero(sites.demand_charge_per_kw)[0]:
        kind = str(sites.demand_charge_period[site])
        period = periods(portfolio.grid, portfolio.time_zone, kind)
        count = int(period.max()) + 1
        if count == 1:
            nodes["peak_before_kw"][site] = before[site]
            continue
        nodes["peak_price_per_kw"][site] = 0.0
        more += [
            (int(site), period == k, float(before[site]) if k == 0 else 0.0) for k in range(count)
        ]
    if more:
        nodes = _with_nodes(portfolio, nodes, more)
    if not ((nodes["peak_count"] > 1) & (nodes["peak_price_per_kw"] > 0)).any():
        nodes.pop("peak_count")
    if not np.isfinite(nodes["budget_kwh"]).any():
        nodes.pop("budget_kwh")
    return nodes


def _with_nodes(
    portfolio: Portfolio, nodes: Columns, more: list[tuple[int, Array, float]]
) -> Columns:
    sites = portfolio.sites
    reach_kw = _draw_at_most(portfolio)
    parent, first = nodes["parent"].copy(), len(sites)
    for number, (site, _, _) in enumerate(more, first):
        top = site  # the one below the new node: the site itself, or its last period so far
        while parent[top] >= first:
            top = parent[top]
        parent = np.append(parent, parent[top])
        parent[top] = number
    site = np.array([item[0] for item in more])
    inside = np.stack([item[1] for item in more])
    endless = np.full(inside.shape, np.inf)
    added = {
        "net_low_kw": -endless,
        "net_high_kw": endless,
        # Outside its period a node draws nothing from above, whatever the stores below it do.
        "load_kw": np.where(inside, nodes["load_kw"][site], -reach_kw[site]),
        "surcharge_per_kwh": np.zeros(inside.shape),
        "peak_price_per_kw": sites.demand_charge_per_kw[site],
        "peak_before_kw": np.array([item[2] for item in more]),
        "peak_count": sites.demand_charge_peaks[site],
        "budget_kwh": np.full(len(more), np.inf),
    }
    joined = {name: np.concatenate([nodes[name], added[name]]) for name in added}
    return {"parent": parent, **joined}


def _draw_at_most(portfolio: Portfolio) -> Float[Array, "site step"]:
    """Power that sessions and curtailment at and below each site could draw at most."""
    sessions, grid = portfolio.sessions, portfolio.grid
    at = slots(sessions, grid)
    own = portfolio.curtailable_kw.copy()
    most = at.share * sessions.max_charge_kw[at.session]
    np.add.at(own, (portfolio.site_row[at.session], at.step), most)
    return portfolio.sites.add_up(own)


def _padded(given: Flowgates | None, nodes: int) -> Flowgates | None:
    """The flowgates with no weight on nodes that are no sites."""
    if given is None or given.weight.shape[1] == nodes:
        return given
    more = np.zeros((len(given), nodes - given.weight.shape[1]))
    return Flowgates(given.step, np.hstack([given.weight, more]), given.limit_kw)


def _with_phases(
    portfolio: Portfolio,
    of: phases.PhaseNodes,
    stores: Columns,
    nodes: Columns,
    gates: Flowgates | None,
) -> Flowgates:
    """Hang sessions with one phase on nodes of their own, and limit the currents of phases."""
    first, more = len(nodes["parent"]), len(of.site)
    own = of.of_session >= 0
    stores["node"] = stores["node"].copy()
    stores["node"][: len(own)][own] = first + of.of_session[own]
    nodes["parent"] = np.concatenate([nodes["parent"], of.site])
    steps = portfolio.grid.steps
    for name, value in FREE_NODE.items():
        if name in nodes:
            old = nodes[name]
            shape = (more, steps) if old.ndim == 2 else (more,)
            nodes[name] = np.concatenate([old, np.full(shape, value, old.dtype)])
    made = phases.flowgates(portfolio, of, first)
    if gates is None:
        return made
    wider = _padded(gates, first + more)
    assert wider is not None
    joined = (
        np.concatenate(pair)
        for pair in zip(
            (wider.step, wider.weight, wider.limit_kw),
            (made.step, made.weight, made.limit_kw),
            strict=True,
        )
    )
    return Flowgates(*joined)


def schedule(portfolio: Portfolio, problem: Problem, power_kw: Float[Array, " slot"]) -> Schedule:
    """The engine's powers as a schedule of every session in every step."""
    program, count = problem.program, problem.sessions
    shape = (count, portfolio.grid.steps)
    of_sessions = program.store < count
    store, step = program.store[of_sessions], program.step[of_sessions]
    plugged = np.zeros(shape, dtype=bool)
    plugged[store, step] = True
    power = np.zeros(shape)
    power[plugged] = power_kw[of_sessions]
    energy = np.zeros(shape)
    energy[plugged] = energy_path(program, power_kw)[of_sessions]
    stop = program.stop[:count]
    last = energy[np.arange(count), stop - 1]
    after = np.arange(portfolio.grid.steps) >= stop[:, None]
    energy = np.where(after, last[:, None], energy)
    curtailed = curtailed_kw(portfolio, problem, power_kw)
    return Schedule(portfolio.grid, power, energy, plugged, curtailed)


def curtailed_kw(
    portfolio: Portfolio, problem: Problem, power_kw: Float[Array, " slot"]
) -> Float[Array, "site step"] | None:
    """What the stores that curtail draw, by site; None where there are none."""
    if not len(problem.curtailing):
        return None
    program = problem.program
    slot = np.nonzero(program.store >= problem.sessions)[0]
    site = problem.curtailing[program.store[slot] - problem.sessions]
    made = np.zeros(portfolio.load_kw.shape)
    made[site, program.step[slot]] = np.maximum(-power_kw[slot], 0.0)
    return made


def powers(problem: Problem, planned: Schedule) -> Float[Array, " slot"]:
    """A schedule as the engine's powers."""
    program, count = problem.program, problem.sessions
    store, step = program.store, program.step
    of_sessions = store < count
    power = np.zeros(program.slots)
    power[of_sessions] = planned.power_kw[store[of_sessions], step[of_sessions]]
    if planned.curtailed_kw is not None and len(problem.curtailing):
        rest = ~of_sessions
        site = problem.curtailing[store[rest] - count]
        power[rest] = -planned.curtailed_kw[site, step[rest]]
    return power


def _prices(portfolio: Portfolio) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    """Price per kWh bought and sold in each step, with carbon."""
    prices = portfolio.prices
    bought = per_kwh_from_per_mwh(prices.all_drawn_per_mwh)
    return bought, per_kwh_from_per_mwh(prices.all_fed_per_mwh)

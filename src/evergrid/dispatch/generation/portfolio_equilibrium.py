"""A portfolio of vehicles that moves the price: schedules of sessions and generators at once.

The store of `price_making` is one; a portfolio is many, each with its own stay, charger and energy
owed, on sites with limits. Their program and the supply stack make one linear program: the prices
of the sessions are the stack's own marginal costs, so that no price is assumed and none is
iterated. Bills are transfers and are left out; wear is a cost of the system like fuel.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from evergrid.core.arrays import Array, Float
from evergrid.core.errors import InfeasibleError, SolveError, raise_if_any
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.units import KW_PER_MW
from evergrid.dispatch import problem, shortfall
from evergrid.dispatch.assessment import Assessment
from evergrid.dispatch.problem import Problem
from evergrid.dispatch.proof import recomputed
from evergrid.dispatch.shortfall import Shortfall
from evergrid.engine import reference
from evergrid.engine.certificate import Certificate
from evergrid.engine.highs.linear_program import LinearProgram
from evergrid.engine.highs.sparse_program import SparseProgram, solve
from evergrid.engine.program import Program, cost
from evergrid.engine.violations import TOLERANCE
from evergrid.impact.merit_order import MeritOrderDispatch, Stack, dispatch
from evergrid.impact.merit_order.clearing import raise_if_wrong
from evergrid.model.portfolio import Portfolio
from evergrid.model.prices import Prices
from evergrid.model.schedule import Schedule

GAP = 1e-9  # share of the cost up to which a schedule is called optimal


@dataclass(frozen=True)
class PortfolioEquilibrium:
    """Vehicles and generators at prices that suit both.

    Attributes:
        schedule: Of every session.
        power_mw: Of all portfolios of this kind together, positive into the grid.
        dispatch: Generators with the vehicles.
        price_per_mwh: Clears each step and leaves no vehicle anything to gain.
        vehicle_cost: Wear, less the worth of energy left, of all portfolios together.
        certificate: Cost, bound and violations, recomputed from the schedule.
        shortfalls: Energy owed that no charging at its own charger can reach, session by session.
        status: How it ended; optimal serves all that chargers can.
    """

    schedule: Schedule
    power_mw: Float[Array, " step"]
    dispatch: MeritOrderDispatch
    price_per_mwh: Float[Array, " step"]
    vehicle_cost: float
    certificate: Certificate
    shortfalls: tuple[Shortfall, ...]
    status: Status

    @property
    def cost(self) -> float:
        """Of the system: generation, lost load, wear, less the worth of energy left."""
        return self.dispatch.cost + self.vehicle_cost

    @property
    def gap(self) -> float:
        """Share of the cost by which it may exceed the least."""
        return (self.cost - self.certificate.bound) / max(abs(self.cost), 1.0)


def portfolio_equilibrium(
    portfolio: Portfolio,
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    *,
    portfolios: float = 1.0,
    end_value_per_kwh: float = 0.0,
    voll_per_mwh: float | None = None,
    time_limit_s: float = 600.0,
) -> PortfolioEquilibrium:
    """The schedule of least system cost, and the prices that support it.

    Args:
        portfolio: The sessions and their sites; prices, tariffs and demand charges are not used.
        stack: All units in order of cost, in flat pieces.
        net_load_mw: Load of the system without these sessions, in the portfolio's steps.
        portfolios: How many portfolios like this one there are, which move the price together.
        end_value_per_kwh: Worth of a kWh in the cells of vehicles that stay beyond the horizon.
        voll_per_mwh: Value of lost load.
        time_limit_s: For the solver.

    Raises:
        InputError: A load of another length, rising pieces of a stack, wear that rises with power.
        InfeasibleError: Sites keep energy owed from being served, or load exceeds the capacity.
        SolveError: No schedule was found in time.
    """
    free = _without_bills(portfolio)
    made = problem.build(free, end_value_per_kwh)
    _raise_if_unfit(made.program, stack, net_load_mw, portfolios)
    step_h = portfolio.grid.step_h
    within = np.minimum(net_load_mw, stack.capacity_mw) if voll_per_mwh is None else net_load_mw
    raise_if_wrong(stack, within, step_h=step_h, voll_per_mwh=voll_per_mwh)
    vehicles = reference.linear_program(made.program)
    joint = _joint(made.program, vehicles, stack, net_load_mw, portfolios, voll_per_mwh)
    answer = solve(joint, time_limit_s=time_limit_s)
    if answer.status is Status.INFEASIBLE:
        fix = "Plan the portfolio by itself, which serves what can be served and says what cannot; "
        fix += "or give voll_per_mwh where the load exceeds the capacity."
        fault = Fault(
            "energy_departure_kwh", "be within reach of charger, site and system", fix=fix
        )
        raise InfeasibleError("", [fault])
    if not len(answer.values):
        raise SolveError(answer.status)
    power_kw = vehicles.power(made.program, answer.values[: len(vehicles.cost)])
    price = answer.row_price[-len(net_load_mw) :] / step_h
    bound = answer.bound + portfolios * _constant(made.program)
    return _read(
        free, made, stack, net_load_mw, power_kw, price, portfolios, voll_per_mwh, bound=bound
    )


def _without_bills(portfolio: Portfolio) -> Portfolio:
    """The portfolio at prices of 0 and without demand charges."""
    prices, sites = portfolio.prices, portfolio.sites
    none = np.zeros_like(prices.import_price_per_mwh)
    free = Prices(prices.time_utc, none, none, none, prices.currency)
    uncharged = replace(sites, demand_charge_per_kw=np.zeros(len(sites)))
    return replace(portfolio, prices=free, sites=uncharged)


def _raise_if_unfit(
    program: Program, stack: Stack, net_load_mw: Float[Array, " step"], portfolios: float
) -> None:
    faults = []
    if len(net_load_mw) != program.steps:
        rule = f"have a value for every step of the portfolio, {program.steps:,} in all"
        faults.append(Fault("net_load_mw", rule, (len(net_load_mw),)))
    if not (portfolios > 0 and np.isfinite(portfolios)):
        faults.append(Fault("portfolios", "be finite and above 0", (portfolios,)))
    if (stack.high_price_per_mwh > stack.low_price_per_mwh).any():
        fix = "Split rising segments into flat ones."
        faults.append(Fault("stack", "have flat pieces only", fix=fix))
    if program.curves is not None:
        fix = "Give a wear cost per kWh that does not rise."
        faults.append(Fault("wear_rise_per_kwh_per_kw", "be 0 here", fix=fix))
    raise_if_any("portfolio_equilibrium", faults)


def _joint(
    program: Program,
    vehicles: LinearProgram,
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    portfolios: float,
    voll_per_mwh: float | None,
) -> SparseProgram:
    """The vehicles' program with the stack beside it, and a row for the balance of each step.

    Columns that follow the vehicles': output of each piece in each step, curtailed, lost.
    """
    steps, pieces, step_h = program.steps, len(stack.low_price_per_mwh), program.step_h
    count, none = len(vehicles.cost), np.zeros(steps)
    one = sparse.csr_array(np.eye(steps))
    share = portfolios / KW_PER_MW
    column = np.concatenate([vehicles.feed, vehicles.draw])
    value = np.repeat([share, -share], program.slots)
    power = sparse.csr_array((value, (np.tile(program.step, 2), column)), shape=(steps, count))
    beside = sparse.hstack([sparse.kron(np.ones((1, pieces)), one), -one, one])
    corner = sparse.csr_array((len(vehicles.row_lower), (pieces + 2) * steps))
    upper, lower = sparse.hstack([vehicles.matrix, corner]), sparse.hstack([power, beside])
    # In each step: what vehicles feed less what they draw + output - curtailed + lost = net load.
    # The multiplier of that row is what one more MW costs all of them: the price of the step.
    endless = np.full(steps, np.inf)
    price = np.repeat(stack.low_price_per_mwh, steps)
    lost = np.full(steps, voll_per_mwh or 0.0)
    width = np.repeat(np.diff(stack.edge_mw), steps)
    most_lost = none if voll_per_mwh is None else endless
    empty = np.zeros(pieces * steps + 2 * steps)
    money = step_h * np.concatenate([price, none, lost])
    return SparseProgram(
        cost=np.concatenate([portfolios * vehicles.cost, money]),
        lower=np.concatenate([vehicles.lower, empty]),
        upper=np.concatenate([vehicles.upper, width, endless, most_lost]),
        row_lower=np.concatenate([vehicles.row_lower, net_load_mw]),
        row_upper=np.concatenate([vehicles.row_upper, net_load_mw]),
        matrix=sparse.csc_array(sparse.vstack([upper, lower])),
        whole=np.zeros(count + (pieces + 2) * steps, bool),
    )


def _constant(program: Program) -> float:
    """What the engine's cost has beside that of the columns, from powers of 0 throughout."""
    start_value = program.end_value_per_kwh @ program.energy_start_kwh
    return cost(program, np.zeros(program.slots)) + float(start_value)


def _read(
    portfolio: Portfolio,
    made: Problem,
    stack: Stack,
    net_load_mw: Float[Array, " step"],
    power_kw: Float[Array, " slot"],
    price: Float[Array, " step"],
    portfolios: float,
    voll_per_mwh: float | None,
    *,
    bound: float,
) -> PortfolioEquilibrium:
    """The powers as a schedule, with cost and limits from the records."""
    program = made.program
    total_kw = np.bincount(program.step, power_kw, minlength=program.steps)
    power_mw = portfolios * total_kw / KW_PER_MW
    met = net_load_mw - power_mw
    if voll_per_mwh is None:  # above the capacity by rounding only, for the balance was kept
        met = np.minimum(met, stack.capacity_mw)
    cleared = dispatch(stack, met, step_h=program.step_h, voll_per_mwh=voll_per_mwh)
    vehicle_cost = portfolios * cost(program, power_kw)
    planned = problem.schedule(portfolio, made, power_kw)
    total = cleared.cost + vehicle_cost
    assessment = Assessment(portfolio, planned, 0.0)
    certificate = replace(recomputed(assessment, total), bound=bound)
    kept = max(certificate.power_kw, certificate.energy_kwh, certificate.node_kw) <= TOLERANCE
    proven = total - bound <= GAP * max(abs(total), 1.0)
    return PortfolioEquilibrium(
        schedule=planned,
        power_mw=power_mw,
        dispatch=cleared,
        price_per_mwh=price,
        vehicle_cost=vehicle_cost,
        certificate=certificate,
        shortfalls=tuple(shortfall.shortfalls(assessment, None, {})),
        status=Status.OPTIMAL if kept and proven else Status.FEASIBLE,
    )

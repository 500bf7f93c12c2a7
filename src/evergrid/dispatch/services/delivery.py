"""A plan with regulation, carried out: chargers follow the signal around what they are planned."""

import math
from dataclasses import dataclass

import numpy as np

from evergrid.battery.converter import LossCurve
from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import raise_if_any
from evergrid.core.faults import Fault, broken
from evergrid.core.units import S_PER_H, W_PER_KW
from evergrid.dispatch.accounts import net_load
from evergrid.dispatch.services.plan import ServicePlan
from evergrid.dispatch.services.service import Service
from evergrid.dispatch.track import fleet_state, site_limits
from evergrid.dispatch.track.charger_types import MOST_TYPES, ChargerType
from evergrid.dispatch.track.connections import Connections
from evergrid.dispatch.track.firm import available_kw
from evergrid.dispatch.track.fleet_state import FleetState, Rules
from evergrid.dispatch.track.signal import SignalRules
from evergrid.dispatch.track.simulation import PlannedPowers, Record, Stays, World, simulate
from evergrid.dispatch.track.site_limits import LimitsByStep, SiteChargers
from evergrid.model.charging.chargers import LEAST_A, USUAL_V, usual_phases
from evergrid.model.portfolio import Portfolio
from evergrid.model.time_series.signal import Signal

ROUNDING_KW = 1e-9
DIGITS = 4  # to which efficiencies tell chargers apart


@dataclass(frozen=True)
class ChargerRules:
    """What chargers can do and how they are told.

    Attributes:
        least_current_a: Below which a charger gives nothing, by phase.
        step_a: By which its current is set.
        voltage_v: Of a phase.
        latency_s: Until an order takes effect.
        message_loss: Share of orders that do not arrive, and are told again.
        switch_limit: Contactor operations of a charger in a day that following may cause.
        seed: Of the lost messages.
    """

    least_current_a: float = LEAST_A
    step_a: float = 1.0
    voltage_v: float = USUAL_V
    latency_s: float = 0.2
    message_loss: float = 0.02
    switch_limit: int = 20
    seed: int = 0


def follow(
    portfolio: Portfolio,
    made: ServicePlan,
    award_kw: Float[Array, " block"],
    signal: Signal,
    rules: ChargerRules,
    *,
    service: Service,
    block_h: float,
) -> Record:
    """What a fleet does that follows a signal around its plan.

    At the begin of each block the award is cut to what the fleet can hold both ways for as long as
    the service asks, as it stands then, by those who stay through the block and within the limits
    of sites, in steps of the market. Orders keep these limits in every tick.

    Args:
        portfolio: Who is where.
        made: The plan.
        award_kw: Of each block.
        signal: From the begin of the horizon on.
        rules: What chargers can do.
        service: Steps in which the market takes awards.
        block_h: Length of a block.

    Raises:
        InputError: A signal that ends before the horizon, or too many kinds of chargers.
    """
    grid, sessions = portfolio.grid, portfolio.sessions
    ticks = round(grid.horizon_h * S_PER_H / signal.tick_s)
    if len(signal) < ticks:
        rule = f"last as long as the horizon, {grid.horizon_h:g} h"
        fix = "Shorten the horizon, or give a longer signal."
        raise_if_any("signal", [Fault("signal", rule, (f"{signal.hours:g} h",), fix=fix)])
    types, kind = charger_types(portfolio, rules)
    asset, sites = _sites(portfolio, made)
    start = grid.times[0]
    second = np.timedelta64(1, "s")
    arrival_s = np.maximum((sessions.arrival_utc - start) / second, 0.0)
    departure_s = (sessions.departure_utc - start) / second
    planned = made.schedule
    first = (arrival_s // (S_PER_H * grid.step_h)).astype(np.int64)
    arrived = np.arange(grid.steps) > first[:, None]
    ends = np.roll(planned.energy_kwh, 1, axis=1)  # of the step before
    before = np.where(arrived, ends, sessions.energy_arrival_kwh[:, None])
    rows = np.arange(len(sessions))
    cars = Connections(
        kind=kind,
        energy_kwh=sessions.energy_arrival_kwh,
        reserve_kwh=np.minimum(sessions.energy_reserve_kwh, sessions.energy_arrival_kwh),
        owed_kwh=np.minimum(sessions.energy_departure_kwh, sessions.capacity_kwh),
        ceiling_kwh=sessions.capacity_kwh,
        departure_s=departure_s,
        base_kw=planned.power_kw[rows, first],
    )
    state = fleet_state.empty(
        len(sites.chargers.site),
        types,
        Rules(switch_limit=rules.switch_limit, latency_s=rules.latency_s),
    )

    def award(now: FleetState, hours: float) -> float:
        block = min(int(now.now_s // (S_PER_H * block_h)), len(award_kw) - 1)
        bounds = sites.bounds(now.now_s, hours)
        hold_h = service.hold_h
        there = (
            site_limits.available(now, hours, sites.chargers, bounds, hold_h=hold_h)
            if sites.limited
            else available_kw(now, hours, hold_h=hold_h)
        )
        held_kw = min(float(award_kw[block]), there.symmetric_kw)
        return float(service.rounded(np.array([held_kw]))[0])

    return simulate(
        state,
        Stays(asset, arrival_s, cars, departure_s),
        signal.share[:ticks],
        award,
        world=World(
            message_loss=rules.message_loss,
            block_h=block_h,
            hold_h=service.hold_h,
            seed=rules.seed,
        ),
        rules=SignalRules(tick_s=signal.tick_s),
        plan=PlannedPowers(S_PER_H * grid.step_h, planned.power_kw, before),
        sites=sites,
    )


def _sites(portfolio: Portfolio, made: ServicePlan) -> tuple[Int[Array, " session"], LimitsByStep]:
    """The charger of each session, one for each asset and site; and what limits leave for them.

    Load, and generation that the plan does not curtail, take their part of a limit.
    """
    site, asset = portfolio.site_row, portfolio.sessions.asset_id.astype(str)
    _, number = np.unique(asset, return_inverse=True)
    place, charger = np.unique(number * len(portfolio.sites) + site, return_inverse=True)
    curtailed = made.schedule.curtailed_kw
    beside_kw = net_load(portfolio)
    if curtailed is not None:
        beside_kw = beside_kw + portfolio.sites.add_up(curtailed)
    chargers = SiteChargers(place % len(portfolio.sites), portfolio.sites.parent)
    limits = beside_kw - portfolio.import_limit_kw, beside_kw + portfolio.export_limit_kw
    return charger, LimitsByStep(chargers, S_PER_H * portfolio.grid.step_h, *limits)


def charger_types(
    portfolio: Portfolio, rules: ChargerRules
) -> tuple[list[ChargerType], Int[Array, " session"]]:
    """Kinds of chargers by rating and efficiency, and the kind of each session.

    At its rating a charger loses what its session says; what of that it loses at any power, and
    what by its square, is as in a converter that works both ways.

    Raises:
        InputError: More kinds than a fleet may have; less power than a step of current.
    """
    sessions = portfolio.sessions
    columns = (
        sessions.max_charge_kw,
        sessions.max_discharge_kw,
        np.round(sessions.efficiency_charge, DIGITS),
        np.round(sessions.efficiency_discharge, DIGITS),
    )
    unique, kind = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    if len(unique) > MOST_TYPES:
        rule = f"be of at most {MOST_TYPES} ratings and efficiencies"
        fix = "Round efficiencies of sessions to two digits."
        raise_if_any("sessions", [Fault("max_charge_kw", rule, (len(unique),), fix=fix)])
    highest = np.where(columns[1] > 0, np.minimum(columns[0], columns[1]), columns[0])
    phases = usual_phases(np.maximum(columns[0], columns[1]))
    step_kw = rules.voltage_v * phases * rules.step_a / W_PER_KW
    ok = np.asarray(highest >= step_kw - ROUNDING_KW)
    rule = f"be at least {step_kw.min():g} kW each way, a step of {rules.step_a:g} A"
    fix = "What has so little power follows no orders: leave it out."
    ids = sessions.asset_id
    raise_if_any("sessions", broken("max_charge_kw", ok, rule, values=highest, ids=ids, fix=fix))
    made = [charger_type(*map(float, row), rules=rules) for row in unique]
    return made, kind.ravel()


def charger_type(
    charge_kw: float,
    discharge_kw: float,
    into: float,
    out: float,
    *,
    rules: ChargerRules,
    phases: int | None = None,
) -> ChargerType:
    """A kind of charger as it follows orders.

    Args:
        charge_kw: Greatest power that it draws.
        discharge_kw: Greatest power that it feeds; 0 where it cannot.
        into: Energy into the cells per energy drawn.
        out: Energy fed per energy out of the cells.
        rules: Currents and voltage.
        phases: 1 or 3; as usual for such powers where left out.

    Raises:
        InputError: A number out of range, or less power than the least current gives.
    """
    rating = max(charge_kw, discharge_kw)
    phases = int(usual_phases(np.array(rating))) if phases is None else phases
    step_w = max(round(rules.voltage_v * phases * rules.step_a), 1)
    least_kw = rules.voltage_v * phases * rules.least_current_a / W_PER_KW
    highest = min(charge_kw, discharge_kw) if discharge_kw > 0 else charge_kw
    step_kw = step_w / W_PER_KW
    highest = math.floor((highest + ROUNDING_KW) / step_kw) * step_kw
    return ChargerType(
        max_charge_kw=charge_kw,
        max_discharge_kw=discharge_kw,
        charge=LossCurve.two_way(1.0 - into),
        discharge=LossCurve.two_way(1.0 / out - 1.0),
        least_kw=min(least_kw, highest),
        step_kw=step_kw,
    )

"""Would the fleet pass the test of each product, at the hour of most vehicles?"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.units import KW_PER_MW, S_PER_H
from evergrid.dispatch.services.delivery import ChargerRules, charger_types
from evergrid.dispatch.services.firm_power import EvenPlan, firm_power
from evergrid.dispatch.track import fleet_state
from evergrid.dispatch.track.connections import Connections
from evergrid.dispatch.track.fleet_state import FleetState, Rules
from evergrid.dispatch.track.signal import SignalRules
from evergrid.dispatch.track.simulation import Record, Stays, World, constant, simulate
from evergrid.markets.performance import activation, pjm_score
from evergrid.markets.performance.activation import Activation
from evergrid.markets.rules.pjm import ERAS
from evergrid.markets.rules.prequalification import LEAST_SCORE, Sequence, sequence, tick_s
from evergrid.model.portfolio import Portfolio
from evergrid.model.time_series.signal import Signal
from evergrid.studies.rule_books.offers import Offer


@dataclass(frozen=True)
class Qualification:
    """The test of a product on the fleet.

    Attributes:
        product: Its name.
        test: What was asked.
        award_mw: Tested.
        begins_utc: When the test starts.
        activations: Of each plateau that is no rest; none where the signal was scored.
        score: Of the signal; None where plateaus were measured.
        response: Share of the award, tick by tick.
        tick_s: Length of a tick.
        passed: Whether all was there in time and stayed, or the score was good enough.
    """

    product: str
    test: Sequence
    award_mw: float
    begins_utc: datetime
    activations: tuple[Activation, ...]
    score: float | None
    response: Float[Array, " tick"]
    tick_s: float
    passed: bool


def run(
    portfolio: Portfolio, plan: EvenPlan, offer: Offer, rules: ChargerRules, signal: Signal
) -> Qualification | None:
    """The test of a product, with the award of the block of most vehicles.

    Where nothing is sold in that block, what the fleet can hold as a test begins is tested,
    however small. Nothing is tested where that is nothing, or where the rules are not in force.
    Only vehicles that are there take part, each until it leaves; the plan is set anew at each
    plateau, so that energies come back within an hour.
    """
    product = offer.product
    step = int(plan.there.sum(axis=0).argmax())
    award_mw = _award(portfolio, plan, offer, step)
    if offer.refused or award_mw <= 0:
        return None
    test = sequence(product)
    if test.scored:
        return _scored(portfolio, plan, rules, test, product.name, award_mw, step, signal)
    ticks_s = tick_s(test, rules.latency_s)
    per = round(test.plateau_h * S_PER_H / ticks_s)
    asked = np.repeat(np.array(test.plateaus), per)
    record = _simulated(
        portfolio, plan, rules, asked, award_mw, step, tick=ticks_s, block_h=test.plateau_h
    )
    response = record.response_kw / (award_mw * KW_PER_MW)
    found = tuple(
        activation.measured(
            response[k * per : (k + 1) * per],
            share,
            tick_s=ticks_s,
            full_s=min(test.full_s, test.plateau_h * S_PER_H - ticks_s),
            tolerance=test.tolerance,
        )
        for k, share in enumerate(test.plateaus)
        if share != 0
    )
    begins = portfolio.grid.start_utc + step * portfolio.grid.step
    passed = all(one.passes(test.full_s, test.tolerance) for one in found)
    return Qualification(
        product.name, test, award_mw, begins, found, None, response, ticks_s, passed
    )


def _award(portfolio: Portfolio, plan: EvenPlan, offer: Offer, step: int) -> float:
    """Award of the block around a step; where nothing is sold in it, what is firm at the step.

    In whole steps of the market where that makes its least size, and as it is below.
    """
    blocks = offer.blocks
    at = np.flatnonzero((blocks.first <= step) & (step < blocks.first + blocks.steps))
    if len(at) and offer.award_mw[at[0]] > 0:
        return float(offer.award_mw[at[0]])
    held = firm_power(portfolio, plan, offer.product.energy_h.value)
    firm = offer.product.firm_mw(held.up_kw[[step]] / KW_PER_MW, held.down_kw[[step]] / KW_PER_MW)
    whole = float(offer.product.rounded_mw(firm)[0])
    return whole if whole > 0 else float(firm[0])


def _scored(
    portfolio: Portfolio,
    plan: EvenPlan,
    rules: ChargerRules,
    test: Sequence,
    name: str,
    award_mw: float,
    step: int,
    signal: Signal,
) -> Qualification:
    """The signal from its begin, and its score as PJM has it."""
    ticks = min(round(test.plateau_h * S_PER_H / signal.tick_s), len(signal))
    asked = np.nan_to_num(signal.share[:ticks])
    record = _simulated(
        portfolio, plan, rules, asked, award_mw, step, tick=signal.tick_s, block_h=test.plateau_h
    )
    response = record.response_kw / (award_mw * KW_PER_MW)
    era = ERAS[0] if name == "pjm_regulation" else ERAS[1]
    scores = pjm_score.score(
        pjm_score.sampled(asked, signal.tick_s),
        pjm_score.sampled(response, signal.tick_s),
        era,
        interval_h=test.plateau_h,
    )
    score = float(scores.total[0])
    begins = portfolio.grid.start_utc + step * portfolio.grid.step
    passed = score >= LEAST_SCORE.value
    return Qualification(name, test, award_mw, begins, (), score, response, signal.tick_s, passed)


def _simulated(
    portfolio: Portfolio,
    plan: EvenPlan,
    rules: ChargerRules,
    asked: Float[Array, " tick"],
    award_mw: float,
    step: int,
    *,
    tick: float,
    block_h: float,
) -> Record:
    """What the vehicles that are there at a step deliver."""
    state, stays = _fleet(portfolio, plan, rules, step)
    return simulate(
        state,
        stays,
        asked,
        constant(award_mw * KW_PER_MW),
        world=World(message_loss=rules.message_loss, block_h=block_h, seed=rules.seed),
        rules=SignalRules(tick_s=tick),
    )


def _fleet(
    portfolio: Portfolio, plan: EvenPlan, rules: ChargerRules, step: int
) -> tuple[FleetState, Stays]:
    """The vehicles that are there at a step, on chargers of their own."""
    types, kind = charger_types(portfolio, rules)
    rows = np.flatnonzero(plan.there[:, step])
    sessions = portfolio.sessions.select(rows)
    energy = plan.energy_kwh[rows, step]
    departure_s = plan.left_h[rows, step] * S_PER_H
    cars = Connections(
        kind=kind[rows],
        energy_kwh=energy,
        reserve_kwh=np.minimum(sessions.energy_reserve_kwh, energy),
        owed_kwh=np.minimum(sessions.energy_departure_kwh, sessions.capacity_kwh),
        ceiling_kwh=sessions.capacity_kwh,
        departure_s=departure_s,
        base_kw=plan.power_kw[rows, step],
    )
    state = fleet_state.empty(
        len(rows), types, Rules(switch_limit=rules.switch_limit, latency_s=rules.latency_s)
    )
    return state, Stays(np.arange(len(rows)), np.zeros(len(rows)), cars, departure_s)

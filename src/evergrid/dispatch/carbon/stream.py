"""The least carbon of a fleet of any size over a year, where vehicles share no limit.

Each session is then a problem of its own, so that they are planned some at a time, in the order in
which they arrive, and only what the whole fleet does is kept.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.core.timegrid import TimeGrid, datetime64
from evergrid.core.units import KG_PER_TONNE
from evergrid.dispatch import baseline, problem
from evergrid.engine.program import Program
from evergrid.engine.uncoupled import solve as uncoupled
from evergrid.impact.emissions.consequence import NO_LOSSES, GridLosses
from evergrid.model.portfolio import Portfolio, assemble
from evergrid.model.prices import Prices
from evergrid.model.session import Sessions
from evergrid.model.site import Sites, no_load

BATCH_DAYS = 7.0  # of arrivals that are planned together
FREE_SITE = Sites(
    site_id=np.array(["fleet"], object),
    parent_id=np.array([""], object),
    import_limit_kw=np.full(1, np.inf),
    export_limit_kw=np.full(1, np.inf),
    demand_charge_per_kw=np.zeros(1),
    net_metering=np.zeros(1, bool),
)  # a root without limits


@dataclass(frozen=True)
class FleetCarbon:
    """What a fleet does to carbon over a long time.

    Attributes:
        usual_kwh: Energy drawn in each step without control.
        drawn_kwh: Energy drawn in each step by the plan of least carbon.
        fed_kwh: Energy fed.
        usual_tonnes: Emitted without control, by marginal factors.
        tonnes: Emitted by the plan.
        bound_tonnes: No plan emits less.
        sessions: How many there are.
        slots: Pairs of a session and a step.
    """

    usual_kwh: Float[Array, " step"]
    drawn_kwh: Float[Array, " step"]
    fed_kwh: Float[Array, " step"]
    usual_tonnes: float
    tonnes: float
    bound_tonnes: float
    sessions: int
    slots: int

    @property
    def saved_tonnes(self) -> float:
        """By how much less than without control."""
        return self.usual_tonnes - self.tonnes


def least_carbon(
    sessions: Sessions,
    grid: TimeGrid,
    factor_kg_per_mwh: Float[Array, " step"],
    *,
    losses: GridLosses = NO_LOSSES,
    tell: Callable[[float], None] = lambda share: None,
) -> FleetCarbon:
    """The plan of least carbon of sessions that share nothing.

    Sessions leave with the energy owed to them, or with what they came with where that is more,
    with control and without.

    Args:
        sessions: All of them within the grid.
        grid: The steps of the whole time.
        factor_kg_per_mwh: Marginal factors.
        losses: Of wires, by which energy drawn causes more, and energy fed displaces more.
        tell: Called with the share that is done.

    Raises:
        InputError: Sessions that begin or end outside the grid, or that cannot be served.
    """
    _check(sessions, grid)
    usual, drawn, fed = np.zeros((3, grid.steps))
    usual_kg = kg = bound_kg = 0.0
    slots = 0
    # Sessions share no limit: costs and bounds of batches add up to those of all, and memory is
    # that of one batch. Prices of the program are kg per kWh, so its cost and bound are kg.
    for batch in _batches(sessions, grid):
        part = sessions.select(batch)
        first, stop = grid.window(part.arrival_utc, part.departure_utc)
        begin, end = int(first.min()), int(stop.max())
        portfolio = _alone(part, grid.part(begin, end), factor_kg_per_mwh[begin:end], losses)
        program = problem.build(portfolio, 0.0).program
        found = uncoupled.solve(program, gap=1e-6) if uncoupled.covers(program) else None
        if found is None or found.status is not Status.OPTIMAL or found.certificate is None:
            raise _unserved(part)
        at_once = baseline.uncontrolled(program)
        here = slice(begin, end)
        usual[here] -= _by_step(program, np.minimum(at_once, 0.0))
        drawn[here] -= _by_step(program, np.minimum(found.power_kw, 0.0))
        fed[here] += _by_step(program, np.maximum(found.power_kw, 0.0))
        usual_kg += float(-(at_once * program.draw_price_per_kwh).sum() * program.step_h)
        kg += found.certificate.objective
        bound_kg += found.certificate.bound
        slots += program.slots
        tell(float(batch[-1] + 1) / len(sessions) if len(batch) else 1.0)
    return FleetCarbon(
        usual,
        drawn,
        fed,
        usual_kg / KG_PER_TONNE,
        kg / KG_PER_TONNE,
        bound_kg / KG_PER_TONNE,
        len(sessions),
        slots,
    )


def _check(sessions: Sessions, grid: TimeGrid) -> None:
    inside = (sessions.arrival_utc >= datetime64(grid.start_utc)) & (
        sessions.departure_utc <= datetime64(grid.end_utc)
    )
    if not inside.all():
        outside = int((~inside).sum())
        rule = "begin and end within the grid"
        raise InputError("sessions", [Fault("sessions", rule, (f"{outside:,} do not",))])


def _batches(sessions: Sessions, grid: TimeGrid) -> Iterator[Int[Array, " some"]]:
    """Sessions by the days on which they arrive, in order."""
    order = np.argsort(sessions.arrival_utc, kind="stable")
    position = grid.position(sessions.arrival_utc)[order]
    each = BATCH_DAYS * 24.0 / grid.step_h
    edges = np.searchsorted(position, np.arange(0.0, grid.steps + each, each))
    for first, stop in pairwise(edges):
        if stop > first:
            yield order[first:stop]


def _alone(
    sessions: Sessions,
    grid: TimeGrid,
    factor_kg_per_mwh: Float[Array, " step"],
    losses: GridLosses = NO_LOSSES,
) -> Portfolio:
    """Sessions at a site without limits, with kilograms for money."""
    nothing = np.zeros(grid.steps)
    drawn = factor_kg_per_mwh / (1.0 - losses.drawn)
    fed = factor_kg_per_mwh / (1.0 - losses.fed)
    kg = Prices(grid.times, drawn, fed, nothing, "XXX")
    free = np.zeros(len(sessions))
    one = np.full(len(sessions), "fleet", object)
    given = replace(
        sessions,
        site_id=one,
        energy_departure_kwh=np.maximum(sessions.energy_departure_kwh, sessions.energy_arrival_kwh),
        wear_cost_per_kwh=free,
        wear_rise_per_kwh_per_kw=free,
        calendar_wear_per_kwh_h=free,
    )
    return assemble(grid, given, FREE_SITE, no_load(), kg)


def _by_step(program: Program, power_kw: Float[Array, " slot"]) -> Float[Array, " step"]:
    """Energy over all stores in each step."""
    return program.step_h * np.bincount(program.step, power_kw, program.steps)


def _unserved(sessions: Sessions) -> InputError:
    rule = "be such that every session can be served alone, by its own charger"
    fix = "Lower what is owed, or leave out sessions that are too short for it."
    return InputError(
        "sessions", [Fault("sessions", rule, (str(sessions.session_id[0]),), fix=fix)]
    )

"""What would have happened without us: charging as soon as plugged in, whatever the price."""

from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.engine import solver
from evergrid.engine.certificate import TOLERANCE
from evergrid.engine.program import Program, flows, over_budget
from evergrid.engine.progress import GapProgress, ignore_gap
from evergrid.engine.solution import Solution

LITTLE = 1e-3  # price of a kWh curtailed, against at least 1 for one charged
EARLY_GAP = 1e-4  # relative; the baseline needs to be early, not earliest to the last digit


def uncontrolled(program: Program) -> Float[Array, " slot"]:
    """Every store draws at full power from the start until it holds what it is owed.

    No limit of a node is looked at: this is what plugs do by themselves.
    """
    step_energy = program.charge_limit_kw * program.gain
    summed = np.cumsum(step_energy)
    before = summed - step_energy
    before -= before[program.begin][program.store]
    needed = np.maximum(program.energy_end_kwh - program.energy_start_kwh, 0.0)[program.store]
    drawn = np.clip(needed - before, 0.0, step_energy) / program.gain
    return -drawn


def earliest(
    program: Program,
    *,
    sessions: int,
    method: solver.Method,
    time_limit_s: float,
    fallback: Float[Array, " slot"] | None = None,
    progress: GapProgress = ignore_gap,
) -> Solution:
    """Charging as early as the nodes' limits allow, whatever the price, with nothing fed.

    This serves exactly what the program asks for, so that its cost can be compared.

    Args:
        program: What to serve.
        sessions: How many of its first stores charge; the others curtail generation.
        method: How it is solved.
        time_limit_s: For the solve.
        fallback: A schedule that keeps every limit, where one is known.
        progress: Called with the iteration reached and the gap there.
    """
    charges = program.store < sessions
    by_time = replace(
        program,
        discharge_kw=np.zeros(program.stores),
        draw_price_per_kwh=np.where(charges, 1.0 + program.step, LITTLE),
        feed_price_per_kwh=np.zeros(program.slots),
        end_value_per_kwh=np.zeros(program.stores),
        surcharge_per_kwh=np.zeros_like(program.surcharge_per_kwh),
        peak_price_per_kw=np.zeros(program.nodes),
        peak_count=None,
        reserve_kwh=None,
        draw_curve_per_kwh_kw=None,
        feed_curve_per_kwh_kw=None,
    )
    return solver.solve(
        by_time,
        method=method,
        gap=EARLY_GAP,
        time_limit_s=time_limit_s,
        fallback=fallback,
        progress=progress,
    )


def keeps_limits(program: Program, power_kw: Float[Array, " slot"]) -> bool:
    """Whether these powers keep every node within its limits and budget, and all terms."""
    done = flows(program, power_kw)
    net = done.net_kw
    slack_kw = 0.5 * TOLERANCE
    inside = (net >= program.net_low_kw - slack_kw) & (net <= program.net_high_kw + slack_kw)
    terms = (term.evaluate(program, done).excess for term in program.terms)
    of_terms = max((float(excess.max(initial=0.0)) for excess in terms), default=0.0)
    budgets = (over_budget(program, net) <= TOLERANCE).all()
    return bool(inside.all() and budgets and of_terms <= slack_kw)

"""What would have happened without us: charging as soon as plugged in, blind to prices."""

from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.engine import solver
from evergrid.engine.certificate import TOLERANCE
from evergrid.engine.interior_point.interior_point import Tell, untold
from evergrid.engine.program import Program, net_power, over_budget
from evergrid.engine.solution import Solution

LITTLE = 1e-3  # price of a kWh curtailed, against at least 1 for one charged
EARLY_GAP = 1e-4  # relative; the baseline needs to be early, not earliest to the last digit


def uncontrolled(program: Program) -> Float[Array, " slot"]:
    """Every unit draws at full power from the start until it holds what it is owed.

    No limit of a group is looked at: this is what plugs do by themselves.
    """
    step_energy = program.charge_limit * program.gain
    summed = np.cumsum(step_energy)
    before = summed - step_energy
    before -= before[program.begin][program.unit]
    needed = np.maximum(program.energy_end - program.energy_start, 0.0)[program.unit]
    drawn = np.clip(needed - before, 0.0, step_energy) / program.gain
    return -drawn


def earliest(
    program: Program,
    *,
    sessions: int,
    method: solver.Method,
    time_limit_s: float,
    fallback: Float[Array, " slot"] | None = None,
    tell: Tell = untold,
) -> Solution:
    """Charging as early as the groups' limits allow, blind to prices, with nothing fed.

    This serves exactly what the program asks for, so that its cost can be compared.

    Args:
        program: What to serve.
        sessions: How many of its first units charge; the others curtail generation.
        method: How it is solved.
        time_limit_s: For the solve.
        fallback: A schedule that keeps every limit, where one is known.
        tell: Called with the iteration reached and the gap there.
    """
    charges = program.unit < sessions
    by_time = replace(
        program,
        discharge_kw=np.zeros(program.units),
        draw_price=np.where(charges, 1.0 + program.step, LITTLE),
        feed_price=np.zeros(program.slots),
        end_value=np.zeros(program.units),
        surcharge=np.zeros_like(program.surcharge),
        peak_price=np.zeros(program.groups),
        peak_count=None,
        reserve_kwh=None,
        draw_curve=None,
        feed_curve=None,
    )
    return solver.solve(
        by_time,
        method=method,
        gap=EARLY_GAP,
        time_limit_s=time_limit_s,
        fallback=fallback,
        tell=tell,
    )


def keeps_limits(program: Program, power_kw: Float[Array, " slot"]) -> bool:
    """Whether these powers keep every group within its limits and budget."""
    net = net_power(program, power_kw)
    slack_kw = 0.5 * TOLERANCE
    inside = (net >= program.net_low - slack_kw) & (net <= program.net_high + slack_kw)
    return bool(inside.all() and (over_budget(program, net) <= TOLERANCE).all())

"""A program as it stands some steps later, when its plan was followed so far."""

from dataclasses import replace

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.engine.program import Program, energy_path, net_power


def later(
    program: Program, power_kw: Float[Array, " slot"], steps: int
) -> tuple[Program, Int[Array, " store"]]:
    """What is left of a program after so many steps, and the rows of the stores that are left.

    A little less is owed, so that rounding of the plan cannot make the rest infeasible.
    """
    kept = np.flatnonzero(program.stop > steps)
    first = np.maximum(program.first - steps, 0)[kept]
    stop = program.stop[kept] - steps
    left = (program.step >= steps) & np.isin(program.store, kept)
    begun = program.first[kept] < steps
    last = np.where(begun, program.begin[kept] + steps - 1 - program.first[kept], 0)
    start = np.where(begun, energy_path(program, power_kw)[last], program.energy_start_kwh[kept])
    drawn_kw = (program.load_kw - net_power(program, power_kw))[:, :steps].sum(axis=1)
    curves = None if program.curves is None else [curve[left] for curve in program.curves]
    per_store = ("charge_kw", "discharge_kw", "efficiency_charge", "efficiency_discharge")
    per_store += ("energy_high_kwh", "end_value_per_kwh", "node")
    rest = replace(
        program,
        steps=program.steps - steps,
        first=first,
        stop=stop,
        energy_start_kwh=start,
        energy_end_kwh=program.energy_end_kwh[kept] - 1e-5,
        energy_low_kwh=np.minimum(program.energy_low_kwh[kept], start),
        **{name: getattr(program, name)[kept] for name in per_store},
        **{
            name: getattr(program, name)[left]
            for name in ("share", "draw_price_per_kwh", "feed_price_per_kwh")
        },
        **{
            name: getattr(program, name)[:, steps:]
            for name in ("net_low_kw", "net_high_kw", "load_kw", "surcharge_per_kwh")
        },
        draw_curve_per_kwh_kw=None if curves is None else curves[0],
        feed_curve_per_kwh_kw=None if curves is None else curves[1],
        budget_kwh=program.budget - program.step_h * drawn_kw + 1e-3,
    )
    return rest, kept

"""A program whose stores share nothing that could bind, solved store by store."""

import time

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.status import Status
from evergrid.engine.certificate import Dual, certify
from evergrid.engine.program import Program
from evergrid.engine.reference import earned
from evergrid.engine.solution import Solution, failed
from evergrid.engine.uncoupled import kernel
from evergrid.engine.uncoupled.kernel import StoreSlots


def covers(program: Program) -> bool:
    """Whether no node, budget, term or rule ties stores together or is not linear and convex."""
    if program.terms or program.curves is not None or len(program.reserved):
        return False
    priced = program.surcharge_per_kwh.any() or program.peak_price_per_kw.any()
    if priced or np.isfinite(program.budget).any():
        return False
    low, high = program.net_range_kw
    free = (low >= program.net_low_kw).all() and (high <= program.net_high_kw).all()
    return bool(free) and not program.simultaneous.any()


def solve(program: Program, *, gap: float) -> Solution:
    """The exact optimum of a program that `covers` says is covered, with its certificate.

    Args:
        program: What to solve.
        gap: Largest relative gap that counts as optimal.
    """
    begun = time.perf_counter()
    slots = _slots(program)
    change_kwh, worth = np.zeros(program.slots), np.zeros(program.slots)
    possible = np.zeros(program.stores, bool)
    kernel.minimise(slots, change_kwh, worth, possible)
    if not possible.all():
        return failed(program, Status.INFEASIBLE, time.perf_counter() - begun)
    power_kw = _power_kw(program, change_kwh)
    none = np.zeros((program.nodes, program.steps))
    dual = Dual(worth, none, np.zeros(program.nodes))
    certificate = certify(program, power_kw, dual)
    return Solution(
        status=earned(certificate, gap, otherwise=Status.NUMERICAL),
        power_kw=power_kw,
        dual=dual,
        limit_price=none,
        certificate=certificate,
        solve_s=time.perf_counter() - begun,
    )


def _slots(program: Program) -> StoreSlots:
    """The program in energy of the cells."""
    step_h = program.step_h
    return StoreSlots(
        first=program.begin,
        stop=program.end + 1,
        drain_kwh=program.discharge_limit_kw * program.drain,
        gain_kwh=program.charge_limit_kw * program.gain,
        feed_slope=program.feed_price_per_kwh * step_h / program.drain,
        draw_slope=program.draw_price_per_kwh * step_h / program.gain,
        floor_kwh=program.energy_floor_kwh,
        ceiling_kwh=program.energy_high_kwh[program.store],
        start_kwh=program.energy_start_kwh,
        end_value=program.end_value_per_kwh,
    )


def _power_kw(program: Program, change_kwh: Float[Array, " slot"]) -> Float[Array, " slot"]:
    """Powers that change the energy of the cells by so much, within their limits."""
    draws: Bool[Array, " slot"] = change_kwh > 0
    power_kw = np.where(draws, -change_kwh / program.gain, -change_kwh / program.drain)
    return np.clip(power_kw, -program.charge_limit_kw, program.discharge_limit_kw)

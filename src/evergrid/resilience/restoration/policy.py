"""A policy that decides step by step on what is there, for one outage or for thousands.

It knows: the blocks, the batteries and diesel sets that are there now and what they hold, the sun
of this step, how likely each length of outages is, and what vehicles still bring on average. It
does not know: who else comes or leaves and when, what will fail, the sun of later steps, how long
this outage lasts.

Each step, energy has a worth: the least at which what there is, and what comes on average, suffices
to serve each block until its weight, times the probability that the outage lasts, has fallen to it.
Blocks are picked up in the order of their weight, where limits allow it, energy holds them for
`hold_h`, and what they are served on average until then, less their interruption, is above what
they draw at that worth. A block is opened where one more step is worth less than its energy.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from evergrid.core.arrays import Array, Bool, Float, Int
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.status import Status
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.restoration import kernels
from evergrid.resilience.restoration.belief import OutageBelief, check, exponential
from evergrid.resilience.restoration.kernels import (
    BlockArrays,
    Course,
    PolicySettings,
    SourceArrays,
)
from evergrid.resilience.restoration.limits import violations
from evergrid.resilience.restoration.rule import RestorationRule, SourceFailures, none_fail
from evergrid.resilience.restoration.schedule import RestorationSchedule
from evergrid.resilience.restoration.steps import StepTables, step_tables


class OutageCourses(NamedTuple):
    """What a policy makes of many outages; sources beyond a scenario's own have zeros.

    Attributes:
        closed: Whether a block is fed.
        load_kw: Of each block, cold-load pickup included.
        battery_kw: Of each battery; discharge is positive.
        battery_energy_kwh: In its cells at the end of the step.
        diesel_kw: Of each set.
        solar_used_kw: The rest is curtailed.
        openings: How often each block was opened.
        cost_kwh: Weighted energy not served, with what interruptions count.
    """

    closed: Bool[Array, "scenario block step"]
    load_kw: Float[Array, "scenario block step"]
    battery_kw: Float[Array, "scenario battery step"]
    battery_energy_kwh: Float[Array, "scenario battery step"]
    diesel_kw: Float[Array, "scenario set step"]
    solar_used_kw: Float[Array, "scenario step"]
    openings: Int[Array, "scenario block"]
    cost_kwh: Float[Array, " scenario"]


def follow(
    microgrid: Microgrid,
    rule: RestorationRule,
    hours: float,
    step_h: float,
    *,
    failures: SourceFailures | None = None,
    pickup_share: Float[Array, " step"] | None = None,
    wanted: Bool[Array, "block step"] | None = None,
    belief: OutageBelief | None = None,
) -> RestorationSchedule:
    """The restoration of one outage.

    Args:
        microgrid: The site, with when its vehicles really come and leave.
        rule: Limits, and what the policy believes of the outage.
        hours: For which the outage is followed.
        step_h: Length of a step.
        failures: Of sources; none when absent. The policy learns of each as it happens.
        pickup_share: By step; that of the rule when absent.
        wanted: Blocks that a plan closes; where sources cannot carry them they open. The policy's
            own choice when absent.
        belief: What the policy believes of the outage; exponential with the mean of the rule when
            absent.

    Raises:
        InputError: Hours that are no whole number of steps, failures of another number of sources,
            a belief of another number of steps.
    """
    begun = time.process_time()
    failures = failures or none_fail(len(microgrid.batteries), len(microgrid.diesel_sets))
    table = step_tables(microgrid, hours, step_h, failures)
    shares = _shares(rule, table, pickup_share)
    course = _run([table], rule, shares, belief, None if wanted is None else wanted[None])
    places = np.arange(len(microgrid.batteries) + len(microgrid.diesel_sets))
    found = RestorationSchedule(
        step_h=step_h,
        rule=rule,
        failures=failures,
        pickup_share=shares,
        closed=course.closed[0],
        load_kw=course.load_kw[0],
        battery_kw=course.battery_kw[0],
        battery_energy_kwh=course.battery_energy_kwh[0],
        diesel_on=course.diesel_on[0],
        diesel_kw=course.diesel_kw[0],
        fuel_kwh=course.fuel_kwh[0],
        solar_used_kw=course.solar_used_kw[0],
        master=places[:, None] == course.master[0],
        method="priority",
        status=Status.FEASIBLE,
    )
    return _with_status(microgrid, found, time.process_time() - begun)


def follow_many(
    microgrids: Sequence[Microgrid],
    rule: RestorationRule,
    hours: float,
    step_h: float,
    *,
    failures: Sequence[SourceFailures] | None = None,
    belief: OutageBelief | None = None,
) -> OutageCourses:
    """Follow many outages of one site, which differ in sources, arrivals, sun and failures.

    Raises:
        InputError: No microgrids, microgrids with other load blocks, hours that are no whole number
            of steps, failures of another number of sources or scenarios, a belief of another number
            of steps.
    """
    _check(microgrids, failures)
    given = failures or [none_fail(len(m.batteries), len(m.diesel_sets)) for m in microgrids]
    tables = [
        step_tables(microgrid, hours, step_h, of)
        for microgrid, of in zip(microgrids, given, strict=True)
    ]
    course = _run(tables, rule, _shares(rule, tables[0], None), belief, None)
    before = np.zeros_like(course.closed)
    before[:, :, 1:] = course.closed[:, :, :-1]
    openings = (before & ~course.closed).sum(axis=2)
    dark_h = step_h * (~course.closed).sum(axis=2) + rule.interruption_h * openings
    return OutageCourses(
        closed=course.closed,
        load_kw=course.load_kw,
        battery_kw=course.battery_kw,
        battery_energy_kwh=course.battery_energy_kwh,
        diesel_kw=course.diesel_kw,
        solar_used_kw=course.solar_used_kw,
        openings=openings,
        cost_kwh=dark_h @ (tables[0].weight * tables[0].power_kw),
    )


def _run(
    tables: Sequence[StepTables],
    rule: RestorationRule,
    pickup_share: Float[Array, " step"],
    belief: OutageBelief | None,
    wanted: Bool[Array, "scenario block step"] | None,
) -> Course:
    first = tables[0]
    if belief is None:
        belief = exponential(rule.expected_h, first.steps, first.step_h)
    check(belief, first.steps)
    none = np.zeros((0, *first.cold_mean.shape), bool)
    settings = PolicySettings(
        step_h=first.step_h,
        pickup_share=pickup_share,
        reserve_for_largest=rule.reserve_for_largest,
        closings_per_step=rule.closings_per_step,
        planned_trips=rule.planned_trips,
        interruption_h=rule.interruption_h,
        hold_h=rule.hold_h,
        life_safety_confidence=rule.life_safety_confidence,
        lasting=np.ascontiguousarray(belief.lasting),
        keeping=_keeping(belief, rule.interruption_h, first.step_h),
        tail_h=float(belief.tail_h),
        coming_kwh=np.ascontiguousarray(belief.coming_kwh),
        wanted=none if wanted is None else np.ascontiguousarray(wanted),
    )
    sources = _stacked(tables)
    scenarios, batteries, steps = sources.there.shape
    sets, blocks = sources.diesel_kw.shape[1], len(first.power_kw)
    course = Course(
        closed=np.zeros((scenarios, blocks, steps), bool),
        load_kw=np.zeros((scenarios, blocks, steps)),
        battery_kw=np.zeros((scenarios, batteries, steps)),
        battery_energy_kwh=np.zeros((scenarios, batteries, steps)),
        diesel_on=np.zeros((scenarios, sets, steps), bool),
        diesel_kw=np.zeros((scenarios, sets, steps)),
        fuel_kwh=np.zeros((scenarios, sets, steps)),
        solar_used_kw=np.zeros((scenarios, steps)),
        master=np.full((scenarios, steps), -1),
    )
    kernels.run_all(_blocks(first), sources, settings, course)
    return course


def _keeping(belief: OutageBelief, interruption_h: float, step_h: float) -> Float[Array, " step"]:
    """What a step more is worth to a closed block, over its weight: it never rises.

    That is the probability that the outage lasts to the step, and that of its end within the step,
    which saves the interruption.
    """
    after = np.exp(-step_h / belief.tail_h) if belief.tail_h > 0 else 0.0
    ends = belief.lasting - np.append(belief.lasting[1:], belief.lasting[-1] * after)
    worth = belief.lasting + interruption_h / step_h * ends
    return np.maximum.accumulate(worth[::-1])[::-1].copy()


def _blocks(table: StepTables) -> BlockArrays:
    """Blocks in the order in which they are picked up.

    A block through which others are fed counts with the greatest weight of these.
    """
    weight = table.weight.copy()
    for _ in weight:
        child = np.flatnonzero(table.parent >= 0)
        np.maximum.at(weight, table.parent[child], weight[child])
    depth = np.zeros(len(weight))
    above = table.parent.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, table.parent[above], -1)
    return BlockArrays(
        power_kw=table.power_kw,
        weight=weight,
        power_factor=table.power_factor,
        parent=table.parent,
        cold_mean=table.cold_mean,
        cold_first=table.cold_first,
        order=np.lexsort((table.power_kw, depth, -weight)),
        life_safety=table.life_safety,
    )


def _stacked(tables: Sequence[StepTables]) -> SourceArrays:
    """Sources of all scenarios; those with fewer are filled up with ones that are never there."""
    parts = {}
    for name in SourceArrays._fields:
        given = [getattr(table, name) for table in tables]
        shape = (len(given), *np.max([one.shape for one in given], axis=0))
        fill = 1.0 if name in ("cells_out", "cells_in", "diesel_kw") else 0
        spread = np.full(shape, fill, given[0].dtype)
        for scenario, one in enumerate(given):
            spread[(scenario, *(slice(size) for size in one.shape))] = one
        parts[name] = spread
    return SourceArrays(**parts)


def _shares(
    rule: RestorationRule, table: StepTables, pickup_share: Float[Array, " step"] | None
) -> Float[Array, " step"]:
    if pickup_share is None:
        return np.full(table.steps, rule.pickup_share)
    if pickup_share.shape != (table.steps,):
        steps = f"have one value for each step, {table.steps} in all"
        raise InputError("restoration", [Fault("pickup_share", steps, (len(pickup_share),))])
    return np.minimum(pickup_share, rule.pickup_share)


def _with_status(
    microgrid: Microgrid, found: RestorationSchedule, seconds: float
) -> RestorationSchedule:
    """The schedule with the status that its violations leave it."""
    good = not violations(microgrid, found)
    return replace(found, status=Status.FEASIBLE if good else Status.NUMERICAL, seconds=seconds)


def _check(microgrids: Sequence[Microgrid], failures: Sequence[SourceFailures] | None) -> None:
    faults = []
    if not microgrids:
        faults.append(Fault("microgrids", "hold at least one"))
    other = [i for i, one in enumerate(microgrids) if one.load_blocks != microgrids[0].load_blocks]
    if other:
        fix = "Follow each site by itself."
        faults.append(Fault("microgrids", "have the same load blocks", tuple(other), fix=fix))
    if failures is not None and len(failures) != len(microgrids):
        rule = f"be one for each microgrid, {len(microgrids)} in all"
        faults.append(Fault("failures", rule, (len(failures),)))
    if faults:
        raise InputError("restoration", faults)

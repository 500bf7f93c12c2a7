"""Checks each step of a plan with finer models, and plans again with less pick-up where one fails.

What a finer model sees of a step is which sources are on and which blocks are closed and picked up.
Steps alike in that are checked once. Where a check fails, the share of the sources' power that may
be picked up is lowered for all steps with the same sources there, until every step passes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from evergrid.core.arrays import Array, Bool, Float
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.model.microgrid import Microgrid
from evergrid.resilience.restoration.limits import is_online, start_of_step
from evergrid.resilience.restoration.plan import GAP, plan
from evergrid.resilience.restoration.rule import RestorationRule, SourceFailures, none_fail
from evergrid.resilience.restoration.schedule import RestorationSchedule
from evergrid.resilience.restoration.steps import StepTables, step_tables

LOWER = 0.85  # of what a step picked up that failed: the share it may pick up from then on
MOST_ROUNDS = 20


class StepState(NamedTuple):
    """What a step of a plan is to a finer model.

    Attributes:
        step: Which.
        batteries: Places of those that are on.
        diesel_sets: Places of those that run.
        closed: Places of blocks that are closed from before.
        picked_up: Places of blocks that are closed in the step.
        load_kw: Of all blocks that are closed from before, at the start of the step.
        pickup_kw: Of those that are picked up.
    """

    step: int
    batteries: tuple[int, ...]
    diesel_sets: tuple[int, ...]
    closed: tuple[int, ...]
    picked_up: tuple[int, ...]
    load_kw: float
    pickup_kw: float


class StepFinding(NamedTuple):
    """A quantity that a check looked at.

    Attributes:
        quantity: Which, with its unit: ``frequency_hz``.
        value: What it came to.
        limit: That it must not pass.
        passed: Whether it does not.
    """

    quantity: str
    value: float
    limit: float
    passed: bool


@runtime_checkable
class StepChecker(Protocol):
    """A finer model: RMS, dq, eigenvalues, or closed forms."""

    def __call__(self, microgrid: Microgrid, state: StepState) -> Sequence[StepFinding]:
        """What it finds of one step."""
        ...


class StepFailure(NamedTuple):
    """A finding that did not pass, and where."""

    step: int
    quantity: str
    value: float
    limit: float


class VerificationRound(NamedTuple):
    """One round.

    Attributes:
        checked: How many different states were checked.
        failures: What did not pass.
        tightened: Share that may be picked up from then on, by the steps that it was lowered for.
    """

    checked: int
    failures: tuple[StepFailure, ...]
    tightened: tuple[tuple[tuple[int, ...], float], ...]


@dataclass(frozen=True)
class Verification:
    """A plan and how it was checked.

    Attributes:
        schedule: Of the last round.
        passed: Whether every step of it passed every check; false, too, for a plan that closes
            nothing where the first one closed something and failed.
        rounds: In their order.
    """

    schedule: RestorationSchedule
    passed: bool
    rounds: tuple[VerificationRound, ...]


def verify(
    microgrid: Microgrid,
    rule: RestorationRule,
    hours: float,
    step_h: float,
    checkers: Sequence[StepChecker],
    *,
    failures: SourceFailures | None = None,
    gap: float = GAP,
    time_limit_s: float = 60.0,
) -> Verification:
    """Plans and checks until every step passes, or nothing is left to lower.

    A step that fails without picking anything up, or that fails however little it picks up, is not
    helped by that: the result then has not passed.

    Args:
        microgrid: The site.
        rule: Limits; its share for pick-up is what the first round begins with.
        hours: Length of the outage.
        step_h: Length of a step.
        checkers: At least one.
        failures: Of sources; none when absent.
        gap: Of each plan.
        time_limit_s: Of each plan.

    Raises:
        InputError: No checkers, and what `plan` raises.
    """
    if not checkers:
        fix = "Give at least ClosedFormChecker()."
        raise InputError("verification", [Fault("checkers", "hold at least one", fix=fix)])
    failures = failures or none_fail(len(microgrid.batteries), len(microgrid.diesel_sets))
    table = step_tables(microgrid, hours, step_h, failures)
    groups = _alike(np.concatenate([table.there, table.diesel_there]))
    share = np.full(table.steps, rule.pickup_share)
    rounds: list[VerificationRound] = []
    while True:
        schedule = plan(
            microgrid,
            rule,
            hours,
            step_h,
            failures=failures,
            pickup_share=share,
            gap=gap,
            time_limit_s=time_limit_s,
        )
        states = step_states(microgrid, schedule)
        failed = [
            (state, StepFailure(state.step, one.quantity, one.value, one.limit))
            for state in states
            for checker in checkers
            for one in checker(microgrid, state)
            if not one.passed
        ]
        tightened = _tighten(table, schedule, share, groups, [state for state, _ in failed])
        found = tuple(failure for _, failure in failed)
        rounds.append(VerificationRound(len(states), found, tightened))
        if not tightened or len(rounds) == MOST_ROUNDS:
            # A plan that closes nothing has nothing left to fail: it passes only if nothing did.
            dark = not states and bool(rounds[0].checked)
            return Verification(schedule, passed=not failed and not dark, rounds=tuple(rounds))


def step_states(microgrid: Microgrid, schedule: RestorationSchedule) -> list[StepState]:
    """The different states of a plan, each as of the first step that has it."""
    table = step_tables(microgrid, schedule.hours, schedule.step_h, schedule.failures)
    online = is_online(table, start_of_step(table.energy_kwh, schedule.battery_energy_kwh))
    picked = schedule.closings
    found: dict[tuple, StepState] = {}
    for step in np.flatnonzero(schedule.closed.any(axis=0)):
        before = schedule.closed[:, step] & ~picked[:, step]
        first_kw = table.power_kw * (1 + table.cold_first[:, 0])
        places = [
            tuple(np.flatnonzero(flags).tolist())
            for flags in (online[:, step], schedule.diesel_on[:, step], before, picked[:, step])
        ]
        found.setdefault(
            tuple(places),
            StepState(
                int(step),
                *places,
                load_kw=float(schedule.load_kw[before, step].sum()),
                pickup_kw=float(first_kw[picked[:, step]].sum()),
            ),
        )
    return list(found.values())


def _alike(sources: Bool[Array, "source step"]) -> list[Array]:
    """Steps in groups that have the same sources there."""
    _, group = np.unique(sources, axis=1, return_inverse=True)
    return [np.flatnonzero(group.ravel() == one) for one in range(group.max() + 1)]


def _tighten(
    table: StepTables,
    schedule: RestorationSchedule,
    share: Float[Array, " step"],
    groups: Sequence[Array],
    failed: Sequence[StepState],
) -> tuple[tuple[tuple[int, ...], float], ...]:
    """Lowers the share in place for the groups of steps that failed as they picked up."""
    tightened = []
    for steps in groups:
        inside = [state for state in failed if state.step in steps and state.pickup_kw > 0]
        if not inside:
            continue
        reached = min(
            state.pickup_kw / capacity_kw(table, state.batteries, state.diesel_sets)
            for state in inside
        )
        share[steps] = LOWER * min(reached, float(share[steps].min()))
        tightened.append((tuple(steps.tolist()), float(share[steps[0]])))
    return tuple(tightened)


def capacity_kw(table: StepTables, batteries: Sequence[int], diesel_sets: Sequence[int]) -> float:
    """Power of the sources that are on."""
    return float(
        table.discharge_kw[list(batteries)].sum() + table.diesel_kw[list(diesel_sets)].sum()
    )

"""The hosting capacity of a feeder: every case, every place, every step of the day."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.progress import Progress
from evergrid.fleet.history import day_profiles
from evergrid.fleet.history.day_profiles import Behaviour, Call
from evergrid.grid.hosting import deployment, hosting_curve
from evergrid.grid.hosting.deployment import Deployments, ParkingPlaces
from evergrid.grid.hosting.hosting_capacity import DeploymentResults, deployment_evaluator
from evergrid.grid.hosting.hosting_curve import Capacity, Curve
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Control, VoltWatt
from evergrid.grid.limits.case import FeederCase
from evergrid.grid.limits.day_limits import DayLimits, day_limits
from evergrid.grid.limits.headroom import Headroom, headroom
from evergrid.model.session import Sessions
from evergrid.studies.hosting_capacity.workers import Evaluate

ControlName = Literal[
    "unity", "category_a", "category_b", "volt_watt", "category_b_watt", "compensation"
]
CONTROLS: dict[ControlName, Control | None] = {
    "unity": None,
    "category_a": volt_var.CATEGORY_A,
    "category_b": volt_var.CATEGORY_B,
    "volt_watt": Control(volt_watt=VoltWatt()),
    "category_b_watt": Control(volt_var.CATEGORY_B.volt_var, VoltWatt()),
    "compensation": volt_var.COMPENSATION,
}


@dataclass(frozen=True)
class CaseResults:
    """What one behaviour of the vehicles does under one control of their inverters.

    Attributes:
        name: Behaviour and control, as tables have it.
        behaviour: What vehicles do.
        control: What their inverters do beside.
        profiles_kw: Power of each vehicle-day.
        results: Every deployment.
        curve: Probability that a limit is violated, by number of vehicles.
        capacity: Vehicles that fit in each draw, and what stops more.
    """

    name: str
    behaviour: Behaviour
    control: str
    profiles_kw: Float[Array, "profile step"]
    results: DeploymentResults
    curve: Curve
    capacity: Capacity


@dataclass(frozen=True)
class HostingResults:
    """The hosting capacity of a feeder.

    Attributes:
        limits: The feeder, its limits and the case without vehicles.
        deployments: Who has a vehicle in each draw, for each number of vehicles.
        cases: By name.
        place: Headroom of each branch alone, drawing and feeding, at the worst step of the day.
        envelope: Headroom of every place at once at each step, drawing and feeding.
        step_h: Length of a step.
    """

    limits: DayLimits
    deployments: Deployments
    cases: dict[str, CaseResults]
    place: dict[str, Headroom]
    envelope: dict[str, Headroom]
    step_h: float


def find(
    case: FeederCase,
    parking: ParkingPlaces,
    sessions: Sessions,
    *,
    behaviours: tuple[Behaviour, ...],
    controls: tuple[ControlName, ...],
    oversize: float,
    call: Call,
    time_zone: str,
    vehicle_counts: int,
    draws: int,
    vehicle_days: int,
    most_kw: float,
    seed: int,
    evaluate: Evaluate,
    progress: Progress,
) -> HostingResults:
    """Evaluate random deployments, single places and the day.

    Args:
        case: The feeder, its load and its limits.
        parking: Places for vehicles.
        sessions: To draw behaviour from.
        behaviours: What vehicles do, a case each under each of the controls.
        controls: What their inverters do beside.
        oversize: Rating of an inverter over the greatest power of its vehicle.
        call: When they feed.
        time_zone: Clock of the sessions.
        vehicle_counts: Numbers of vehicles from nobody to everybody.
        draws: Random deployments.
        vehicle_days: Vehicle-days to draw behaviour from.
        most_kw: Greatest power tried at a place.
        seed: Of all draws.
        evaluate: What evaluates the deployments.
        progress: Called with what is being done and the share that is done.
    """
    progress("the feeder without vehicles", 0.1)
    limits = day_limits(case)
    days = day_profiles.vehicle_days(sessions, time_zone, count=vehicle_days, seed=seed)
    deployed = deployment.draw(
        parking, counts=vehicle_counts, draws=draws, profiles=vehicle_days, seed=seed + 1
    )
    cases: dict[str, CaseResults] = {}
    pairs: list[tuple[Behaviour, ControlName]] = [
        (behaviour, control) for behaviour in behaviours for control in controls
    ]
    for n, (behaviour, control) in enumerate(pairs):
        name = behaviour if control == "unity" else f"{behaviour} {control}"

        def report(share: float, label: str = f"evaluating: {name}", before: int = n) -> None:
            progress(label, 0.2 + 0.5 * (before + share) / len(pairs))

        report(0.0)
        power = day_profiles.profiles(days, behaviour, step_h=case.step_h, call=call)
        rating = oversize * np.abs(power).max(axis=1)
        evaluator = deployment_evaluator(
            limits, parking, power, control=CONTROLS[control], profiles_kva=rating
        )
        results = evaluate(evaluator, deployed, report)
        cases[name] = CaseResults(
            name,
            behaviour,
            control,
            power,
            results,
            hosting_curve.curve(results),
            hosting_curve.capacity(results, deployed.vehicles),
        )
    progress("headroom of each place", 0.7)
    place = {way: _at_places(limits, sign, most_kw) for way, sign in WAYS}
    progress("headroom of each step", 0.85)
    envelope = {way: _at_steps(limits, parking, sign, most_kw) for way, sign in WAYS}
    return HostingResults(limits, deployed, cases, place, envelope, case.step_h)


WAYS = (("import", -1.0), ("export", 1.0))


def _at_places(limits: DayLimits, sign: float, most_kw: float) -> Headroom:
    """Headroom of each branch alone, at the step that has least."""
    case = limits.case
    branches = len(case.base_kw)
    shape = sign * np.eye(branches)
    found = []
    for step in _extreme_steps(limits):
        base_kw = np.tile(case.base_kw[:, step], (branches, 1))
        base_kvar = np.tile(case.base_kvar[:, step], (branches, 1))
        state = np.full(branches, case.state[step])
        found.append(headroom(limits, state, base_kw, base_kvar, shape, most_kw=most_kw))
    power = np.array([each.power_kw for each in found])
    least = power.argmin(axis=0), np.arange(branches)
    kind = np.array([each.kind for each in found])[least]
    where = np.array([each.where for each in found])[least]
    return Headroom(power[least], kind, where)


def _extreme_steps(limits: DayLimits) -> list[int]:
    """The steps of the day with the highest and with the lowest load of the feeder."""
    total = limits.case.base_kw.sum(axis=0)
    return sorted({int(total.argmin()), int(total.argmax())})


def _at_steps(limits: DayLimits, parking: ParkingPlaces, sign: float, most_kw: float) -> Headroom:
    """Headroom of each step when the vehicle at every parking place has the same power."""
    case = limits.case
    branches, steps = case.base_kw.shape
    shape = np.zeros(branches)
    for at in parking.branch.T:
        used = at >= 0
        phases = (parking.branch[used] >= 0).sum(axis=1)
        np.add.at(shape, at[used], sign / phases)
    base_kw, base_kvar = case.base_kw.T.copy(), case.base_kvar.T.copy()
    shapes = np.tile(shape, (steps, 1))
    return headroom(limits, case.state, base_kw, base_kvar, shapes, most_kw=most_kw)


def place_name(found: HostingResults, kind: int, where: int, *, phase: bool = True) -> str:
    """What the place of a limit is called.

    Args:
        found: What was found.
        kind: `Kind` of the limit; negative for none.
        where: Row of the place; negative for none.
        phase: Whether to name the phase, and the winding, of a line or transformer as well.
    """
    rows = found.limits.rows
    if kind < 0 or where < 0 or kind not in rows.kind:
        return ""
    row = rows.row(kind, where)
    return str(rows.name[row] if phase else rows.element[row])

"""The hosting capacity of a feeder: every case, every place, every step of the day."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evergrid.core.arrays import Array, Float
from evergrid.core.progress import Progress
from evergrid.fleet.history import day_profiles
from evergrid.fleet.history.day_profiles import Behaviour, Call
from evergrid.grid.hosting import deployment, hosting_curve
from evergrid.grid.hosting.deployment import Deployments, Slots
from evergrid.grid.hosting.hosting_capacity import KINDS, Case, Judge, Judged, judge
from evergrid.grid.hosting.hosting_curve import Capacity, Curve
from evergrid.grid.inverters import volt_var
from evergrid.grid.inverters.volt_var import Control, VoltWatt
from evergrid.grid.limits import places
from evergrid.grid.limits.limits_check import Room, room
from evergrid.model.session import Sessions
from evergrid.studies.hosting_capacity.workers import JudgedBy

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
class CaseFound:
    """What one behaviour of the vehicles does under one control of their inverters.

    Attributes:
        name: Behaviour and control, as tables have it.
        behaviour: What vehicles do.
        control: What their inverters do beside.
        profiles_kw: Power of each vehicle-day.
        judged: Every deployment.
        curve: Probability that a limit is passed, by level.
        capacity: Vehicles that fit in each draw, and what stops more.
    """

    name: str
    behaviour: Behaviour
    control: str
    profiles_kw: Float[Array, "profile step"]
    judged: Judged
    curve: Curve
    capacity: Capacity


@dataclass(frozen=True)
class Found:
    """Everything that was found.

    Attributes:
        judge: The feeder, its limits and the case without vehicles.
        deployments: Who has a vehicle in each draw at each level.
        cases: By name.
        place: Room at each branch alone, drawing and feeding, at the worst step of the day.
        envelope: Room of every place at once at each step, drawing and feeding.
        step_h: Length of a step.
    """

    judge: Judge
    deployments: Deployments
    cases: dict[str, CaseFound]
    place: dict[str, Room]
    envelope: dict[str, Room]
    step_h: float


def find(
    case: Case,
    slots: Slots,
    sessions: Sessions,
    *,
    behaviours: tuple[Behaviour, ...],
    controls: tuple[ControlName, ...],
    oversize: float,
    call: Call,
    time_zone: str,
    levels: int,
    draws: int,
    vehicle_days: int,
    most_kw: float,
    seed: int,
    judged_by: JudgedBy,
    progress: Progress,
) -> Found:
    """Judge random deployments, single places and the day.

    Args:
        case: The feeder, its load and its limits.
        slots: Places for vehicles.
        sessions: To draw behaviour from.
        behaviours: What vehicles do, a case each under each of the controls.
        controls: What their inverters do beside.
        oversize: Rating of an inverter over the greatest power of its vehicle.
        call: When they feed.
        time_zone: Clock of the sessions.
        levels: Levels from nobody to everybody.
        draws: Random deployments.
        vehicle_days: Vehicle-days to draw behaviour from.
        most_kw: Greatest power tried at a place.
        seed: Of all draws.
        judged_by: Who judges the deployments.
        progress: Called with what is being done and the share that is done.
    """
    progress("the feeder without vehicles", 0.1)
    judging = judge(case)
    days = day_profiles.vehicle_days(sessions, time_zone, count=vehicle_days, seed=seed)
    deployed = deployment.draw(
        slots, levels=levels, draws=draws, profiles=vehicle_days, seed=seed + 1
    )
    cases: dict[str, CaseFound] = {}
    pairs: list[tuple[Behaviour, ControlName]] = [
        (behaviour, control) for behaviour in behaviours for control in controls
    ]
    for n, (behaviour, control) in enumerate(pairs):
        name = behaviour if control == "unity" else f"{behaviour} {control}"

        def tell(share: float, label: str = f"judging: {name}", before: int = n) -> None:
            progress(label, 0.2 + 0.5 * (before + share) / len(pairs))

        tell(0.0)
        power = day_profiles.profiles(days, behaviour, step_h=case.step_h, call=call)
        rating = oversize * np.abs(power).max(axis=1)
        rules = judging.rules(slots, power, control=CONTROLS[control], profiles_kva=rating)
        judged = judged_by(rules, deployed, tell)
        cases[name] = CaseFound(
            name,
            behaviour,
            control,
            power,
            judged,
            hosting_curve.curve(judged),
            hosting_curve.capacity(judged, deployed.counts),
        )
    progress("room at each place", 0.7)
    place = {way: _at_places(judging, sign, most_kw) for way, sign in WAYS}
    progress("room at each step", 0.85)
    envelope = {way: _at_steps(judging, slots, sign, most_kw) for way, sign in WAYS}
    return Found(judging, deployed, cases, place, envelope, case.step_h)


WAYS = (("import", -1.0), ("export", 1.0))


def _at_places(judging: Judge, sign: float, most_kw: float) -> Room:
    """Room at each branch alone, at the step that has least."""
    case = judging.case
    branches = len(case.base_kw)
    shape = sign * np.eye(branches)
    rooms = []
    for step in _telling_steps(judging):
        base_kw = np.tile(case.base_kw[:, step], (branches, 1))
        base_kvar = np.tile(case.base_kvar[:, step], (branches, 1))
        state = np.full(branches, case.state[step])
        rooms.append(room(judging, state, base_kw, base_kvar, shape, most_kw=most_kw))
    power = np.array([found.power_kw for found in rooms])
    least = power.argmin(axis=0), np.arange(branches)
    kind = np.array([found.kind for found in rooms])[least]
    where = np.array([found.where for found in rooms])[least]
    return Room(power[least], kind, where)


def _telling_steps(judging: Judge) -> list[int]:
    """The steps of the day with the highest and with the lowest load of the feeder."""
    total = judging.case.base_kw.sum(axis=0)
    return sorted({int(total.argmin()), int(total.argmax())})


def _at_steps(judging: Judge, slots: Slots, sign: float, most_kw: float) -> Room:
    """Room at each step when every slot has the same power."""
    case = judging.case
    branches, steps = case.base_kw.shape
    shape = np.zeros(branches)
    for at in slots.branch.T:
        used = at >= 0
        phases = (slots.branch[used] >= 0).sum(axis=1)
        np.add.at(shape, at[used], sign / phases)
    base_kw, base_kvar = case.base_kw.T.copy(), case.base_kvar.T.copy()
    shapes = np.tile(shape, (steps, 1))
    return room(judging, case.state, base_kw, base_kvar, shapes, most_kw=most_kw)


def place_name(found: Found, kind: int, where: int, *, phase: bool = True) -> str:
    """What the place of a limit is called.

    Args:
        found: What was found.
        kind: Row of `KINDS`; negative for none.
        where: Row of the place; negative for none.
        phase: Whether to name the phase, and the winding, of a line or transformer as well.
    """
    if kind < 0 or where < 0:
        return ""
    case, watched = found.judge.case, found.judge.judged[0]
    feeder, name = case.feeder, KINDS[kind]
    if name in ("low voltage", "high voltage"):
        return str(places.at_branches(feeder, case.branches)[where])
    if name == "line":
        line = watched.line[where]
        whole = feeder.lines.name[feeder.lines.currents.element[line]]
        return str(places.at_lines(feeder, line[None])[0] if phase else whole)
    if name.startswith("transformer"):
        whole = feeder.transformers.name[places.transformer_of(feeder, watched)[where]]
        return str(places.at_transformers(feeder, watched)[where] if phase else whole)
    if name == "unbalance":
        return str(feeder.buses.name[watched.bus[where]])
    return ""

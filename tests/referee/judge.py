"""A case is planned by one method, recomputed, and compared with what is possible."""

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tests.referee import product, read, recompute, result
from tests.referee.accounts import Schedule
from tests.referee.book import Book
from tests.referee.cases import Case
from tests.referee.families import draw
from tests.referee.least_cost import program
from tests.referee.least_cost.program import Least
from tests.referee.result import Result

CLOSE = 2e-6  # relative, of money that two programs find
KWH = 1e-3  # of energy short; smaller shortfalls are not told


@dataclass(frozen=True)
class Verdict:
    """What came of one case by one method.

    Attributes:
        faults: Everything that is wrong, a sentence each.
        gap: Gap told; None where the case was refused.
        gives_way: Whether energy owed or a limit gives way.
        idle_kwh: Curtailed beyond the least of any plan of equal cost. No fault: the product
            promises the least by HiGHS with the decisions found, and any equal plan by others.
    """

    faults: list[str]
    gap: float | None = None
    gives_way: bool = False
    idle_kwh: float = 0.0


@dataclass(frozen=True)
class Judged:
    """A case of a family, with what is possible at best; the methods share it.

    Attributes:
        family: Name of the family.
        seed: Which case.
        folder: Where it is written and planned.
        variation: Which numbers, at the same stays and sites; its own when None.
    """

    family: str
    seed: int
    folder: Path
    variation: int | None = None

    @cached_property
    def case(self) -> Case:
        """The tables of the case."""
        made = draw(self.family, self.seed)
        return made if self.variation is None else made.varied(self.variation)

    @cached_property
    def book(self) -> Book:
        """What is planned, by the tables of the case."""
        self.case.write(self.folder)
        return read.of_case(self.folder)

    @cached_property
    def best(self) -> Least | None:
        """What is possible at best."""
        return program.least(self.book)

    @cached_property
    def one_way(self) -> Least | None:
        """The same for chargers that cannot feed."""
        return program.least(self.book, discharge=False)

    @cached_property
    def again(self) -> tuple[Least | None, Least | None]:
        """Both once more, more slowly, before anything is called wrong."""
        both_ways = program.least(self.book, presolve=False)
        return both_ways, program.least(self.book, discharge=False, presolve=False)

    @property
    def contradicts(self) -> bool:
        """Whether the two limits of a site leave no power at all."""
        room = self.book.import_limit_kw + self.book.export_limit_kw
        return bool((room < 0).any())

    def verdict(self, method: str) -> Verdict:
        """Plan by a method, and judge it."""
        path = self.case.write(self.folder / method, method=method)
        out = path.parent / "result"
        refused = product.make(path, out)
        if refused is not None:
            good = self.contradicts and refused.startswith("InputError")
            return Verdict([] if good else [f"refused: {refused}"])
        if self.contradicts:
            return Verdict(["planned, though limits contradict"])
        made = result.read(out)
        found = [*_inputs(self.book, made.book), *recompute.faults(made)]
        found += [*self._compared(made), *_charges_at_once(self.book, made)]
        schedule, told = made.schedule, made.summary
        gives_way = schedule.excess_kwh > 1e-6 or schedule.shortfall_kwh.sum() > KWH
        idle_kwh = 0.0 if found or gives_way else _idle_kwh(made)
        return Verdict(found, told["gap"], bool(gives_way), idle_kwh)

    def _compared(self, made: Result) -> list[str]:
        """Against what is possible; what is found must be found by a second opinion as well."""
        found = _against_all(self.best, self.one_way, made)
        return _against_all(*self.again, made) if found else []


def _against_all(best: Least | None, one_way: Least | None, made: Result) -> list[str]:
    found = []
    if best is not None:
        found += _against(best, made.schedule, made.summary["objective"], made.summary["bound"])
    smart = made.told_schedule("smart")
    if one_way is not None and smart is not None:
        worse = _against(one_way, smart, smart.costs().net, -np.inf)
        found += [f"smart: {each}" for each in worse]
    for view in made.summary["rolling"]:
        rolled = made.told_schedule(f"rolling_{view}")
        if best is not None and rolled is not None:
            found += [f"rolling {view}: {each}" for each in _below(best, rolled)]
    return found


def _inputs(given: Book, used: Book) -> list[str]:
    """What a result says it planned is what the case gives."""
    order = [used.site_id.index(name) for name in given.site_id]
    found = []
    for each in fields(Book):
        left, right = getattr(given, each.name), getattr(used, each.name)
        if isinstance(left, np.ndarray):
            by_site = left.ndim == 2 or len(left) == len(order) != given.steps
            right = right[order] if by_site else right
            if not np.allclose(left, right, rtol=1e-9, atol=1e-9):
                found.append(f"inputs: {each.name} is not as given")
    units = {unit.session_id: unit for unit in used.units}
    for unit in given.units:
        same = units.get(unit.session_id)
        if same is None:
            found.append(f"inputs: {unit.session_id} is lost")
            continue
        pairs = [(getattr(unit, f.name), getattr(same, f.name)) for f in fields(unit)]
        numbers = [(a, b) for a, b in pairs if isinstance(a, float | np.ndarray)]
        if not all(np.allclose(a, b, rtol=1e-9, atol=1e-9) for a, b in numbers):
            found.append(f"inputs: {unit.session_id} is not as given")
    return found


def _against(best: Least, schedule: Schedule, cost: float, bound: float) -> list[str]:
    """A plan against the least that must give way, and the least cost within that."""
    found = _below(best, schedule)
    short, excess = float(schedule.shortfall_kwh.sum()), schedule.excess_kwh
    if not best.proven:
        return found
    if short > best.shortfall_kwh + KWH:
        found.append(f"{short:.6f} kWh short, least is {best.shortfall_kwh:.6f}")
    elif excess > best.excess_kwh + KWH:
        found.append(f"{excess:.6f} kWh over limits, least is {best.excess_kwh:.6f}")
    near = _near(best)
    gap = max(0.0, cost - bound) if np.isfinite(bound) else 0.0
    if bound > best.cost + near:
        found.append(f"bound {bound:.8f} above the optimum {best.cost:.8f}")
    if cost > best.cost + near + gap:
        found.append(f"costs {cost:.8f}, least is {best.cost:.8f}, gap told {gap:.2e}")
    return found


def _below(best: Least, schedule: Schedule) -> list[str]:
    """No schedule of no less service and no more excess is better than the best."""
    short, excess = float(schedule.shortfall_kwh.sum()), schedule.excess_kwh
    if not best.proven:
        return []
    if short < best.shortfall_kwh - 1e-5:
        return [f"{short:.6f} kWh short, but least is {best.shortfall_kwh:.6f}"]
    if short > best.shortfall_kwh + 1e-5:
        return []
    if excess < best.excess_kwh - 1e-5:
        return [f"{excess:.6f} kWh over limits, but least is {best.excess_kwh:.6f}"]
    cost = schedule.costs().net
    if excess <= best.excess_kwh + 1e-5 and cost < best.bound - _near(best) - 1e-5:
        return [f"costs {cost:.8f}, but nothing costs less than {best.bound:.8f}"]
    return []


def _near(best: Least) -> float:
    """Money that precision of kWh and kW may be worth."""
    rate = 0.0
    if best.schedule is not None:
        book = best.schedule.book
        rate = float(book.demand_rate.sum() + np.abs(book.buy).max() + np.abs(book.sell).max())
    kwh = 1e-6 if best.slack_kwh == 0 else 10 * best.slack_kwh
    return CLOSE * max(1.0, abs(best.cost)) + kwh * rate


def _idle_kwh(made: Result) -> float:
    """Curtailed beyond the least of any plan of equal cost."""
    told: dict[str, Any] = made.summary
    curtailed = float(made.schedule.curtailed_kw.sum() * made.book.step_h)
    if curtailed < 1e-3 or told["status"] != "optimal":
        return 0.0
    return max(curtailed - program.least_curtailed_kwh(made.book, told["objective"]), 0.0)


def _charges_at_once(book: Book, made: Result) -> list[str]:
    """Uncontrolled charging is full power from plug-in to what was asked, where limits allow."""
    told = made.told_schedule("uncontrolled")
    power = np.zeros((len(book.units), book.steps))
    for row, unit in enumerate(book.units):
        missing = max(unit.wanted_kwh - unit.start_kwh, 0.0)
        for step in unit.slots:
            full = unit.charge_kw * unit.share[step]
            drawn = min(full, missing / (unit.efficiency_charge * book.step_h))
            power[row, step] = -drawn
            missing = max(missing - drawn * unit.efficiency_charge * book.step_h, 0.0)
    at_once = Schedule(book, power, np.zeros_like(book.base_kw))
    room = at_once.import_excess_kw.max() < 1e-9 and at_once.budget_excess_kwh.max() < 1e-9
    if told is None or not room or book.alone_export_kw.max() > 0:
        return []
    order = [[u.session_id for u in told.book.units].index(u.session_id) for u in book.units]
    worst = np.abs(told.power_kw[order] - power).max(initial=0.0)
    return [f"uncontrolled: {worst:.2e} kW off full power from plug-in"] if worst > 1e-5 else []

"""Energy owed that cannot be served: which sessions, how much, and the limit that is the cause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evergrid.core import tree
from evergrid.core.errors import InfeasibleError
from evergrid.core.faults import Fault
from evergrid.dispatch import problem
from evergrid.dispatch.assessment import Assessment, Overload
from evergrid.engine.solution import Relaxation
from evergrid.model.portfolio import Portfolio

LEAST_KWH = 1e-3  # by which energy owed may be missed before it is reported


@dataclass(frozen=True)
class Shortfall:
    """Energy owed to a session that cannot be served, and the limit that is the cause."""

    session_id: str
    shortfall_kwh: float
    limit: str


def shortfalls(
    assessment: Assessment, relaxation: Relaxation | None, known: Mapping[str, str]
) -> list[Shortfall]:
    """Each session that gets less than it is owed, once, with all that is the cause."""
    portfolio, rows = assessment.portfolio, np.nonzero(assessment.short)[0]
    by_charger = problem.owed(portfolio).shortfall_kwh if len(rows) else np.zeros(0)
    charger = "its charger's rating and the length of its stay"
    found = []
    for row in rows:
        name, kwh = str(portfolio.sessions.session_id[row]), float(assessment.shortfall_kwh[row])
        causes = [charger] if by_charger[row] > LEAST_KWH else []
        if kwh - by_charger[row] > LEAST_KWH:
            causes.insert(0, known.get(name) or _cause(portfolio, relaxation, int(row)))
        found.append(Shortfall(name, kwh, ", and ".join(causes) or charger))
    return found


def _cause(portfolio: Portfolio, relaxation: Relaxation | None, row: int) -> str:
    """The first limit on the way to the root that keeps a session from being served."""
    beyond = "site limits" if portfolio.flowgates is None else "the limits of the network"
    if portfolio.chargers is not None and not (relaxation and relaxation.shortfall_kwh[row] > 0):
        return f"the least current, whole amperes and runs of its charger, within {beyond}"
    if relaxation is None:
        return beyond
    program, sites = relaxation.program, portfolio.sites
    limiting = relaxation.limiting[:, program.first[row] : program.stop[row]].max(axis=1)
    for site in tree.path(int(portfolio.site_row[row]), sites.parent):
        if limiting[site]:
            return f"the import limit of site {sites.site_id[site]}"
        if relaxation.exhausted[site]:
            return f"the energy budget of site {sites.site_id[site]}"
    return beyond


def raise_on_shortfall(shortfalls: Sequence[Shortfall], assessment: Assessment) -> None:
    """Refuse a schedule that leaves owed energy unserved, or exceeds a limit or an energy budget.

    Raises:
        InfeasibleError: Names each session, its shortfall and the limit that causes it, and each
            site whose load or generation alone exceeds a limit or budget.
    """
    found = faults(shortfalls, assessment)
    if not found:
        return
    details = []
    if shortfalls:
        short_kwh = sum(item.shortfall_kwh for item in shortfalls)
        details.append(f"{short_kwh:.3g} kWh owed at departure cannot be served.")
    if assessment.overloads:
        excess_kwh = sum(item.excess_kwh for item in assessment.overloads)
        details.append(f"Limits of sites are exceeded by {excess_kwh:.3g} kWh.")
    if assessment.overdrafts:
        excess_kwh = sum(item.excess_kwh for item in assessment.overdrafts)
        details.append(f"Energy budgets are exceeded by {excess_kwh:.3g} kWh.")
    raise InfeasibleError(" ".join(details), found)


def faults(shortfalls: Sequence[Shortfall], assessment: Assessment) -> list[Fault]:
    """What a schedule leaves unserved or exceeds, each with its cause."""
    found = [
        Fault(
            "energy_departure_kwh",
            f"be reachable; short by {item.shortfall_kwh:.3g} kWh because of {item.limit}",
            ids=(item.session_id,),
        )
        for item in shortfalls
    ]
    found += [_overload_fault(item) for item in assessment.overloads]
    found += [
        Fault(
            "energy_budget_kwh",
            f"be at least {item.energy_budget_kwh + item.excess_kwh:.1f} kWh, what the load draws "
            "beyond all that vehicles can feed",
            got=(item.energy_budget_kwh,),
            ids=(item.site_id,),
            fix="Raise the budget or lower the load.",
        )
        for item in assessment.overdrafts
    ]
    return found


def _overload_fault(item: Overload) -> Fault:
    fix = "Raise the limit or lower the load."
    if item.limit == "export":
        fix = "Raise the limit, or give the generation as site_generation that may be curtailed."
    return Fault(
        f"{item.limit}_limit_kw",
        f"allow what the {item.cause} exceeds it by: up to {item.worst_kw:.3g} kW in "
        f"{item.steps} steps",
        ids=(item.site_id,),
        fix=fix,
    )

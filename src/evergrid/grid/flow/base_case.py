"""Does our power flow find the voltages that OpenDSS finds in the feeder as its files leave it?"""

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Complex

from evergrid.core.arrays import Array
from evergrid.core.errors import InputError
from evergrid.core.faults import Fault
from evergrid.core.text.name_list import name_list
from evergrid.grid.feeder.feeder import BaseCase, Feeder, incidence
from evergrid.grid.feeder.load_law import FADED, HIGH, LOW, NOMINAL
from evergrid.grid.flow import power_flow, sparse_flow
from evergrid.grid.flow.power_flow import Factor, Flow
from evergrid.grid.flow.power_flow_kernels import add_loads

NAMED_PU = 1e-6  # difference above which it is told
REFUSED_PU = 1e-3  # above which a study wants it accepted
TOLERANCE_PU = 1e-11
DENSE_BRANCHES = 400  # above which sparse factors are faster
MOST_NAMED = 5  # loads in one note
KVA = 1000.0


def compared(feeder: Feeder) -> Feeder:
    """A feeder with its base case, as solved here, held against OpenDSS' voltages at every node.

    Args:
        feeder: As read; one made otherwise has no voltages of OpenDSS and stays as it is.
    """
    if feeder.reference_v is None:
        return feeder
    flow = _solved(feeder)
    if not flow.settled[0]:
        return replace(feeder, base_case=BaseCase(np.inf, ""))
    u = flow.voltage_pu[0]
    apart = np.abs(node_voltages(feeder, u) - feeder.reference_v) / feeder.base_v
    worst = int(apart.argmax())
    jumps = _jumps(feeder, u) if apart[worst] > NAMED_PU else ()
    case = BaseCase(float(apart[worst]), str(feeder.node_name[worst]), jumps)
    return replace(feeder, base_case=case)


def _lowest(feeder: Feeder) -> str:
    """What OpenDSS' own solution comes to at the load with the lowest voltage there."""
    branches, reference = feeder.branches, feeder.reference_v
    if reference is None or not len(branches):
        return ""
    theirs = np.abs(incidence(branches, len(feeder.nodes)) @ reference / branches.base_v)
    low = int(theirs.argmin())
    return f"OpenDSS' own solution has {theirs[low]:.2g} pu at load.{branches.name[low]}. "


def _jumps(feeder: Feeder, u: Complex[Array, " branch"]) -> tuple[str, ...]:
    """Loads on other sides of their windows in OpenDSS' voltages, where these solve all the same.

    The power of some models jumps at the ends of the window, which gives two solutions: one with
    the load inside, one with it outside. None where OpenDSS' voltages are no solution here.
    """
    branches, reference = feeder.branches, feeder.reference_v
    assert reference is not None
    theirs = incidence(branches, len(feeder.nodes)) @ reference / branches.base_v
    residual = np.abs(node_voltages(feeder, theirs) - reference) / feeder.base_v
    if residual.max() > NAMED_PU:
        return ()
    ends = branches.law[:, [FADED, LOW, HIGH]].T * branches.law[:, NOMINAL]
    moved = ((np.abs(u) > ends) != (np.abs(theirs) > ends)).any(axis=0)
    return tuple(dict.fromkeys(branches.name[moved].tolist()))


def node_voltages(feeder: Feeder, u: Complex[Array, " branch"]) -> Complex[Array, " node"]:
    """Voltages of all nodes, volts, by what the feeder's own loads draw at given voltages.

    Args:
        feeder: With its loads.
        u: Voltage of each branch, pu; those of a solution give the solution.
    """
    branches = feeder.branches
    own, law = power_flow.own_loads(branches, True)
    found = np.zeros((2, len(branches), 1))
    real, imag = (np.ascontiguousarray(part(u))[:, None] for part in (np.real, np.imag))
    add_loads(law, real, imag, own[0][:, None], own[1][:, None], found[0], found[1])
    current = np.conj((found[0, :, 0] + 1j * found[1, :, 0]) / u) * KVA / branches.base_v
    factor = Factor(feeder, feeder.state)
    return factor.open_v + factor.voltage(incidence(branches, len(feeder.nodes)).T @ current)


def _solved(feeder: Feeder) -> Flow:
    count = len(feeder.branches)
    none, all_on = np.zeros((1, count)), np.ones((1, count))
    engine: Any = power_flow if count <= DENSE_BRANCHES else sparse_flow
    network = engine.reduce(feeder)
    return engine.solve(network, none, none, load_share=all_on, tolerance_pu=TOLERANCE_PU)


def note(feeder: Feeder) -> list[str]:
    """What is to be told of a difference: where and how much; nothing below `NAMED_PU`."""
    case = feeder.base_case
    if case is None or case.worst_pu <= NAMED_PU:
        return []
    return [f"The base case differs from OpenDSS' own voltages {_how(case)}.{_two(case)}"]


def check(feeder: Feeder, *, accepted: bool) -> None:
    """Refuse a feeder whose base case differs from OpenDSS by more than `REFUSED_PU`.

    Raises:
        InputError: It does, and is not accepted; or it has no solution here.
    """
    case = feeder.base_case
    if case is None or case.worst_pu <= REFUSED_PU or (accepted and np.isfinite(case.worst_pu)):
        return
    if not np.isfinite(case.worst_pu):
        fix = (
            f"{_lowest(feeder)}Its wires cannot carry its loads, or hardly: lower them with "
            "feeder.commands."
        )
        rule = "have a base case that our power flow solves, as OpenDSS does"
        raise InputError(feeder.name, [Fault("feeder", rule, fix=fix)])
    fix = (
        "The notes name what is not modelled; take it out of the files, or set "
        "feeder.accept_base_case = true to go on all the same."
    )
    if case.jumps:
        fix = (
            f"{_two(case).strip()} Widen that window (vminpu, vmaxpu) in the files, or set "
            "feeder.accept_base_case = true to go on with the solution found here."
        )
    rule = f"have the voltages in its base case that OpenDSS finds, within {REFUSED_PU:g} pu"
    got = (f"a difference {_how(case)}",)
    raise InputError(feeder.name, [Fault("feeder", rule, got, fix=" ".join([*feeder.notes, fix]))])


def headline(feeder: Feeder) -> dict[str, Any]:
    """The comparison in a study's summary; nothing where there was none to compare with."""
    if feeder.base_case is None:
        return {}
    case = feeder.base_case
    return {"base_case_worst_pu": case.worst_pu, "base_case_worst_node": case.node}


def _two(case: BaseCase) -> str:
    """Why two solutions differ though both are right; empty where only ours is one."""
    if not case.jumps:
        return ""
    names = name_list((f"load.{name}" for name in case.jumps), MOST_NAMED)
    return (
        f" Both are solutions: the power of {names} jumps at an end of its voltage window, and "
        "each solution has it on another side."
    )


def _how(case: BaseCase) -> str:
    return f"by up to {case.worst_pu:.2g} pu, at {case.node}"

"""By how much a schedule breaks each rule of its program, recomputed from the powers alone."""

from dataclasses import dataclass

import numpy as np

from evergrid.core.arrays import Array, Float, Int
from evergrid.engine.parts import roots
from evergrid.engine.program import Program, flows, over_budget

TOLERANCE = 1e-6  # kW or kWh by which a schedule may break a limit


@dataclass(frozen=True)
class Violations:
    """What is broken and where; below 0 where there is room.

    Attributes:
        power_kw: Of a store's power limits.
        energy_kwh: Of a store's energy limits, of the energy owed, or of a reserve.
        node_kw: Of a node's limits.
        budget_kwh: Of a node's energy budget; -inf without one.
        terms: Of the limits of each term, in kW or kWh.
        term_node: A node of the tree that each of these limits belongs to; any where it ties them.
    """

    power_kw: Float[Array, " slot"]
    energy_kwh: Float[Array, " slot"]
    node_kw: Float[Array, "node step"]
    budget_kwh: Float[Array, " node"]
    terms: Float[Array, " limit"]
    term_node: Int[Array, " limit"]

    @property
    def worst_power_kw(self) -> float:
        """Largest violation of a power limit, at least 0."""
        return float(self.power_kw.max(initial=0.0))

    @property
    def worst_energy_kwh(self) -> float:
        """Largest violation of an energy limit or budget, at least 0."""
        return float(max(self.energy_kwh.max(initial=0.0), self.budget_kwh.max(initial=0.0)))

    @property
    def worst_node_kw(self) -> float:
        """Largest violation of a limit of a node or term, at least 0."""
        return float(max(self.node_kw.max(initial=0.0), self.terms.max(initial=0.0)))

    def by_tree(self, program: Program) -> Float[Array, " node"]:
        """Largest violation in each node's tree."""
        worst = np.maximum(self.node_kw.max(axis=1), self.budget_kwh)
        of_slot = np.maximum(self.power_kw, self.energy_kwh)
        if program.stores:
            of_store = np.maximum.reduceat(of_slot, program.begin)
            np.maximum.at(worst, program.node, of_store)
        np.maximum.at(worst, self.term_node, self.terms)
        root = roots(program)
        total = np.full(program.nodes, -np.inf)
        np.maximum.at(total, root, worst)
        return total[root]


def violations(program: Program, power_kw: Float[Array, " slot"]) -> Violations:
    """What a schedule breaks; a NaN among its powers breaks everything."""
    if not np.isfinite(power_kw).all():
        power_kw = np.where(np.isfinite(power_kw), power_kw, np.inf)
    with np.errstate(invalid="ignore"):
        done = flows(program, power_kw)
        energy, net = done.energy_kwh, done.net_kw
        over_power = np.maximum(
            power_kw - program.discharge_limit_kw, -power_kw - program.charge_limit_kw
        )
        over_energy = np.maximum(
            program.energy_floor_kwh - energy, energy - program.energy_high_kwh[program.store]
        )
        of_reserve = below_reserve(program, energy)
        over_node = np.maximum(program.net_low_kw - net, net - program.net_high_kw)
        settled = [term.evaluate(program, done) for term in program.terms]
    found = (over_power, np.maximum(over_energy, of_reserve), over_node)
    found = (*found, over_budget(program, net), _joined([item.excess for item in settled]))
    power, energy, nodes, budget, terms = (np.where(np.isnan(a), np.inf, a) for a in found)
    term_node = _joined([item.excess_node for item in settled]).astype(np.int64)
    return Violations(power, energy, nodes, budget, terms, term_node)


def _joined(arrays: list[Array]) -> Array:
    return np.concatenate([np.zeros(0), *arrays])


def below_reserve(program: Program, energy_kwh: Float[Array, " slot"]) -> Float[Array, " slot"]:
    """How far energy lies below the least that reserves demand, which is what a store has held.

    A store that begins below its reserve may lose nothing until it holds the reserve, and then
    never falls below it: in each slot it holds at least the smaller of its reserve and of the most
    that it held before.
    """
    below = np.full(program.slots, -np.inf)
    reserve = program.reserve_kwh
    if reserve is None:
        return below
    for store in program.reserved:
        slots = slice(program.begin[store], program.end[store] + 1)
        held = np.append(program.energy_start_kwh[store], energy_kwh[slots])
        most = np.maximum.accumulate(held)[:-1]
        below[slots] = np.minimum(most, reserve[store]) - energy_kwh[slots]
    return below

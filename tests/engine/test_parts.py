from dataclasses import fields, replace

import numpy as np
import pytest

from evergrid.engine import parts, reference
from evergrid.engine.program import Program, cost, energy_path, net_power
from tests.engine.cases import KINDS, Kind, random_program


def forest(seed: int, kind: Kind | None = None) -> Program:
    """A program of two independent trees: the second and fourth node, and the others."""
    return replace(random_program(seed, kind), parent=np.array([-1, -1, 0, 1]))


def test_trees_are_found_at_any_depth():
    program = replace(random_program(0), parent=np.array([3, -1, 0, 1]))
    found = [rows.tolist() for rows in parts.trees(program)]
    assert found == [[0, 1, 2, 3]]


def test_trees_share_no_node_and_leave_none_out():
    found = [rows.tolist() for rows in parts.trees(forest(0))]
    assert found == [[0, 2], [1, 3]]


@pytest.mark.parametrize("seed", range(5))
def test_a_split_holds_every_store_and_slot_once(seed: int):
    program = forest(seed)
    split = parts.split(program)
    for name, count in (("nodes", 4), ("stores", program.stores), ("slots", program.slots)):
        rows = np.concatenate([getattr(item, name) for item in split])
        assert sorted(rows) == list(range(count))


@pytest.mark.parametrize("seed", range(5))
def test_a_split_and_a_part_say_the_same(seed: int):
    program = forest(seed)
    for item, nodes in zip(parts.split(program), parts.trees(program), strict=True):
        alone = parts.part(program, nodes[::-1])
        assert (alone.slots == item.slots).all()
        for field in fields(program):
            left, right = getattr(alone.program, field.name), getattr(item.program, field.name)
            assert np.array_equal(left, right)


def test_powers_of_parts_mean_the_same_in_the_whole():
    program = forest(1)
    rng = np.random.default_rng(1)
    power_kw = rng.uniform(-1, 1, program.slots) * program.charge_limit_kw
    split = parts.split(program)
    own = [power_kw[item.slots] for item in split]
    assert (parts.power(program, split, own) == power_kw).all()
    assert sum(cost(p.program, x) for p, x in zip(split, own, strict=True)) == pytest.approx(
        cost(program, power_kw)
    )
    for item, x in zip(split, own, strict=True):
        assert energy_path(item.program, x) == pytest.approx(
            energy_path(program, power_kw)[item.slots]
        )
        assert net_power(item.program, x) == pytest.approx(net_power(program, power_kw)[item.nodes])


@pytest.mark.parametrize("name", KINDS)
def test_independent_trees_can_be_solved_apart(name: str):
    program = replace(forest(2, KINDS[name]), constant=3.0)
    whole = reference.solve(program)
    alone = [reference.solve(item.program) for item in parts.split(program)]
    assert whole.certificate is not None
    total = sum(s.certificate.objective for s in alone if s.certificate) + program.constant
    assert total == pytest.approx(whole.certificate.objective, rel=1e-6)


def test_a_node_without_its_parent_becomes_a_root():
    program = random_program(3)
    alone = parts.part(program, np.array([3, 1]))
    assert alone.program.parent.tolist() == [-1, 0]
    assert (program.node[alone.stores] == np.array([1, 3])[alone.program.node]).all()


def test_a_tree_without_stores_is_a_part_without_slots():
    program = replace(random_program(4, Kind(stores=2)), node=np.array([0, 0]))
    program = replace(program, parent=np.array([-1, -1, 0, 0]))
    empty = parts.split(program)[1]
    assert empty.program.stores == empty.program.slots == 0
